package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newUserCommand(a *app) *cobra.Command {
	return newGroup("user", "People who may sign in", newUserCreateCommand(a), newUserListCommand(a), newUserPasswdCommand(a))
}

func newUserCreateCommand(a *app) *cobra.Command {
	var u client.NewUser
	var stdin bool
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a user", Example: "  fairlead user create alice --email alice@example.com",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			u.Name = args[0]
			var err error
			if u.Password, err = a.newPassword(cmd, u.Name, stdin); err != nil {
				return err
			}
			made, err := c.CreateUser(cmd.Context(), u)
			if err != nil {
				return err
			}
			return a.view(cmd).show(made, func(p *printer) { p.linef("user %s was made", made.Name) })
		}),
	}
	cmd.Flags().StringVar(&u.Email, "email", "", "e-mail address")
	cmd.Flags().StringVar(&u.Phone, "phone", "", "telephone number")
	cmd.Flags().StringVar(&u.Locale, "locale", "", "language of messages: en or zh-CN")
	cmd.Flags().BoolVar(&u.Admin, "admin", false, "may do everything")
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from standard input")
	addOutput(cmd)
	return cmd
}

func newUserListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the users", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.Users(cmd.Context()), []string{"NAME", "ADMIN", "E-MAIL", "PHONE", "LOCALE", "CREATED"},
			func(u fairlead.User, p *printer) []string {
				name := u.Name
				if u.Disabled {
					name += " (disabled)"
				}
				return []string{name, yesNo(u.Admin), orDash(u.Email), orDash(u.Phone), orDash(u.Locale), p.ago(u.CreatedAt)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newUserPasswdCommand(a *app) *cobra.Command {
	var stdin bool
	cmd := &cobra.Command{
		Use: "passwd [NAME]", Short: "Change your password, or as administrator somebody's",
		Long: `Change your password, or as administrator somebody's. Your own needs the old one too: it is asked for first,
and with --password-stdin it is the first line of the input and the new password the second.`,
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			me, err := c.WhoAmI(cmd.Context())
			if err != nil {
				return err
			}
			name := me.Name
			if len(args) == 1 {
				name = args[0]
			}
			old, password, err := a.passwords(cmd, name, name == me.Name, stdin)
			if err != nil {
				return err
			}
			if err := c.SetPassword(cmd.Context(), name, password, old); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "the password of user %s was changed; its sessions have ended, so sign in again\n", name)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the old password, if it is your own, and the new one from standard input, a line each")
	return cmd
}

// passwords gets the old password, when it is the user's own, and the new one.
func (a *app) passwords(cmd *cobra.Command, name string, own, stdin bool) (old, password string, err error) {
	if stdin {
		text, err := a.password(cmd, "", true)
		if err != nil || !own {
			return "", text, err
		}
		old, password, ok := cutLine(text)
		if !ok {
			return "", "", usage(cmd, "your own password needs two lines: the old one and the new one")
		}
		return old, password, nil
	}
	if own {
		if old, err = a.password(cmd, "Present password: ", false); err != nil {
			return "", "", err
		}
	}
	password, err = a.newPassword(cmd, name, false)
	return old, password, err
}
