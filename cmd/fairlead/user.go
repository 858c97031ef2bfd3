package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newUserCommand(a *app) *cobra.Command {
	return newGroup("user", "People who may sign in", newUserCreateCommand(a), newUserListCommand(a), newUserShowCommand(a), newUserUpdateCommand(a),
		newUserSwitchCommand(a, "disable", "Keep a user out; what he has stays"), newUserSwitchCommand(a, "enable", "Let a user in again"),
		newUserPasswdCommand(a), newUserDeleteCommand(a))
}

func newUserCreateCommand(a *app) *cobra.Command {
	var u client.NewUser
	var stdin bool
	var role string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a user", Example: "  fairlead user create alice --email alice@example.com",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			u.Name = args[0]
			var err error
			if role != "" {
				if u.Role, err = fairlead.ParseRole(role); err != nil {
					return usage(cmd, "--role: %v", err)
				}
			}
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
	cmd.Flags().StringVar(&role, "role", "", "role in pipeline group default: read, edit or manage (default none)")
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

func newUserShowCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "show NAME", Short: "Show a user", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		u, err := c.User(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.view(cmd).show(u, func(p *printer) { showUser(p, u) })
	})}
	addOutput(cmd)
	return cmd
}

func showUser(p *printer, u fairlead.User) {
	p.fields("User", u.Name, "Administrator", yesNo(u.Admin), "Disabled", yesNo(u.Disabled), "E-mail", u.Email, "Phone", u.Phone,
		"Locale", u.Locale, "Created", p.ago(u.CreatedAt))
}

func newUserUpdateCommand(a *app) *cobra.Command {
	var email, phone, locale string
	var admin bool
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change a user",
		Example: "  fairlead user update alice --email alice@example.com\n  fairlead user update alice --admin=false",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			var change client.UserChange
			for flag, set := range map[string]func(){
				"email": func() { change.Email = &email }, "phone": func() { change.Phone = &phone },
				"locale": func() { change.Locale = &locale }, "admin": func() { change.Admin = &admin },
			} {
				if cmd.Flags().Changed(flag) {
					set()
				}
			}
			if change == (client.UserChange{}) {
				return usage(cmd, "nothing to change; say --email, --phone, --locale or --admin")
			}
			u, err := c.UpdateUser(cmd.Context(), args[0], change)
			if err != nil {
				return err
			}
			return a.view(cmd).show(u, func(p *printer) { p.linef("user %s was changed", u.Name) })
		}),
	}
	cmd.Flags().StringVar(&email, "email", "", "e-mail address; empty for none")
	cmd.Flags().StringVar(&phone, "phone", "", "telephone number; empty for none")
	cmd.Flags().StringVar(&locale, "locale", "", "language of messages: en or zh-CN; empty for that of the server")
	cmd.Flags().BoolVar(&admin, "admin", false, "may do everything; --admin=false takes it")
	addOutput(cmd)
	return cmd
}

// newUserSwitchCommand is disable or enable.
func newUserSwitchCommand(a *app, verb, short string) *cobra.Command {
	return &cobra.Command{Use: verb + " NAME", Short: short, RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		disabled := verb == "disable"
		u, err := c.UpdateUser(cmd.Context(), args[0], client.UserChange{Disabled: &disabled})
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "user %s is %sd\n", u.Name, verb)
		return nil
	})}
}

func newUserDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "delete NAME", Short: "Remove a user with tokens and roles", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		if err := c.DeleteUser(cmd.Context(), args[0]); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "user %s was removed\n", args[0])
		return nil
	})}
}

func newUserPasswdCommand(a *app) *cobra.Command {
	var stdin bool
	var lost lostPassword
	cmd := &cobra.Command{
		Use: "passwd [NAME]", Short: "Change your password, or as administrator somebody's",
		Long: `Change your password, or as administrator somebody's. Your own needs the old one too: it is asked for first,
and with --password-stdin it is the first line of the input and the new password the second.

When nobody knows an administrator's password any more, whoever may write the data directory sets a new one without a server:
stop the server, then fairlead user passwd admin --data DIR. With PostgreSQL, name the database with FAIRLEAD_DATABASE_URL; servers may go on.`,
		Example: "  fairlead user passwd\n  fairlead user passwd admin --data /var/lib/fairlead",
	}
	online := a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
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
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if lost.data == "" {
			return online(cmd, args)
		}
		return lost.set(a, cmd, args, stdin)
	}
	cmd.Flags().StringVar(&lost.data, "data", "", "set it in the data directory of a server that is stopped, without the old one")
	cmd.Flags().StringVar(&lost.keyFile, "key-file", "", "with --data: file with the key of the server (default key in the data directory)")
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
