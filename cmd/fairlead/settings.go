package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/internal/notify"
)

// shown is what administrators may see of the configuration.
func (cfg *ServerConfig) shown(sender *notify.Service) fairlead.Settings {
	s := fairlead.Settings{
		PublicURL: cfg.PublicURL, Registry: cfg.registryHost(), Database: "sqlite", AnonymousPull: cfg.Anonymous,
		PublishAddress: cmp.Or(cfg.PublishAddress, "127.0.0.1"), PrivateWebhooks: cfg.AllowPrivateWebhooks,
		AuditKeep: fairlead.Duration(cfg.AuditKeep),
	}
	if cfg.DatabaseURL != "" {
		s.Database = "postgresql"
	}
	s.Mail, s.SMS = sender.Settings()
	return s
}

// sendTest sends a user a message in the user's language.
func sendTest(sender *notify.Service) func(context.Context, string, fairlead.User) error {
	return func(ctx context.Context, by string, u fairlead.User) error {
		subject, body := "A test of Fairlead", "Messages of Fairlead reach you here.\n"
		if u.Locale == "zh-CN" {
			subject, body = "Fairlead 测试消息", "Fairlead 的消息可以送达此处。\n"
		}
		return sender.Try(ctx, by, u, subject, body)
	}
}

func newSettingsCommand(a *app) *cobra.Command {
	return newGroup("settings", "How the server was started, for administrators", newSettingsShowCommand(a), newSettingsTestCommand(a))
}

func newSettingsShowCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show", Short: "Show the settings, without secrets",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			s, err := c.Settings(cmd.Context())
			if err != nil {
				return err
			}
			return a.view(cmd).show(s, func(p *printer) {
				for _, line := range settingLines(s) {
					p.linef("%-17s %s", line[0], line[1])
				}
			})
		}),
	}
	addOutput(cmd)
	return cmd
}

func settingLines(s fairlead.Settings) [][2]string {
	yes := map[bool]string{true: "yes", false: "no"}
	mail, sms := "nobody gets e-mail", "nobody gets text messages"
	keep := "for ever"
	if s.AuditKeep > 0 {
		keep = time.Duration(s.AuditKeep).String()
	}
	if s.Mail != nil {
		mail = fmt.Sprintf("%s, from %s", s.Mail.Server, s.Mail.From)
	}
	if s.SMS != nil {
		sms = s.SMS.Gateway
	}
	return [][2]string{
		{"version", s.Version}, {"public URL", s.PublicURL}, {"registry", s.Registry}, {"database", s.Database},
		{"anonymous pull", yes[s.AnonymousPull]}, {"publish address", s.PublishAddress}, {"private webhooks", yes[s.PrivateWebhooks]},
		{"audit log kept", keep}, {"mail", mail}, {"text messages", sms},
	}
}

func newSettingsTestCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "test BY", Short: "Send yourself a message, to see whether it arrives",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if !slices.Contains([]string{notify.Email, notify.SMS}, args[0]) {
				return usage(cmd, "BY %q: want email or sms", args[0])
			}
			if err := c.SendTest(cmd.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintln(a.out, "the message was handed over")
			return nil
		}),
	}
}
