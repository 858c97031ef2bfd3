package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newTokenCommand(a *app) *cobra.Command {
	return newGroup("token", "Credentials for programs", newTokenCreateCommand(a), newTokenListCommand(a), newTokenRevokeCommand(a))
}

func newTokenCreateCommand(a *app) *cobra.Command {
	var expires time.Duration
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an API token for yourself; it is shown this once",
		Example: "  FAIRLEAD_TOKEN=$(fairlead token create ci --expires 2160h -o json | jq -r .token)",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if expires < 0 {
				return usage(cmd, "--expires %s: want a span such as 720h", expires)
			}
			t, err := c.CreateToken(cmd.Context(), args[0], expires)
			if err != nil {
				return err
			}
			return a.view(cmd).show(t, func(p *printer) { p.line(t.Secret) })
		}),
	}
	cmd.Flags().DurationVar(&expires, "expires", 0, "how long it works, such as 720h (default for ever)")
	addOutput(cmd)
	return cmd
}

func newTokenListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List your API tokens", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.Tokens(cmd.Context()), []string{"ID", "NAME", "USER", "CREATED", "EXPIRES", "LAST USED"},
			func(t fairlead.Token, p *printer) []string {
				return []string{t.ID, t.Name, t.User, p.ago(t.CreatedAt), p.agoIf(t.ExpiresAt), p.agoIf(t.LastUsedAt)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newTokenRevokeCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "revoke ID", Short: "Make a token useless", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		if err := c.RevokeToken(cmd.Context(), args[0]); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "token %s was revoked\n", args[0])
		return nil
	})}
}
