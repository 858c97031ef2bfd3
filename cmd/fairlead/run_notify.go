package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newRunNotificationsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "notifications ID", Short: "List what a run has sent to the outside, with every attempt", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		return showList(a.view(cmd), c.Notifications(cmd.Context(), args[0]), []string{"ID", "STAGE", "OUTCOME", "KIND", "TO", "STATE", "ATTEMPTS", "LAST"},
			func(n fairlead.SentNotification, _ *printer) []string {
				last := "-"
				if len(n.Attempts) > 0 {
					last = lastAttempt(n.Attempts[len(n.Attempts)-1])
				}
				return []string{n.ID, orDash(n.Stage), n.Outcome, n.Kind, orDash(n.To), string(n.State), fmt.Sprint(len(n.Attempts)), last}
			})
	})}
	addOutput(cmd)
	return cmd
}

func lastAttempt(at fairlead.NotificationAttempt) string {
	switch {
	case at.Message != "":
		return at.Message
	case at.Status != 0:
		return fmt.Sprintf("%d in %s", at.Status, time.Duration(at.Took))
	}
	return "sent in " + at.Took.String()
}

func newRunResendCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "resend ID NOTIFICATION", Short: "Send a notification of a run again", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		n, err := c.ResendNotification(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		return a.view(cmd).show(n, func(p *printer) {
			p.linef("notification %s is being sent; see: fairlead run notifications %s", n.ID, n.Run)
		})
	})}
	addOutput(cmd)
	return cmd
}
