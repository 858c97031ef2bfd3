package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// login is what `fairlead login` writes down: which server, and the session's token.
type login struct {
	URL   string `json:"url"`
	User  string `json:"user,omitempty"`
	Token string `json:"token,omitempty"`
}

func newLoginCommand(a *app) *cobra.Command {
	var user string
	var stdin bool
	cmd := &cobra.Command{
		Use: "login URL", Short: "Sign in to a server and remember it",
		Long: `Sign in to a server and remember its address and the session in fairlead/config.json below
$XDG_CONFIG_HOME (default ~/.config), readable by you alone; FAIRLEAD_CONFIG names another file.
Programs set FAIRLEAD_URL and FAIRLEAD_TOKEN instead; both win over the file.`,
		Example: "  fairlead login http://127.0.0.1:8080 --user admin",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.login(cmd, args[0], user, stdin)
		},
	}
	cmd.Flags().StringVarP(&user, "user", "u", "", "user name; asked for on a terminal")
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func (a *app) login(cmd *cobra.Command, address, user string, stdin bool) error {
	c, err := client.New(client.Config{URL: address, UserAgent: userAgent()})
	if err != nil {
		return err
	}
	if user == "" {
		if stdin {
			return usage(cmd, "--password-stdin needs --user")
		}
		if user, err = a.ask(cmd, "User: "); err != nil {
			return err
		}
	}
	password, err := a.password(cmd, "Password: ", stdin)
	if err != nil {
		return err
	}
	session, err := c.Login(cmd.Context(), user, password)
	if err != nil {
		return err
	}
	if err := a.remember(login{URL: c.URL(), User: session.User.Name, Token: session.Token}); err != nil {
		return err
	}
	p := &printer{now: a.now()}
	p.linef("signed in to %s as %s; the session ends %s", c.URL(), session.User.Name, p.ago(session.ExpiresAt))
	_, err = io.WriteString(a.out, p.String())
	return err
}

func newLogoutCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "logout", Short: "End the session and forget it", RunE: func(cmd *cobra.Command, _ []string) error {
		l, err := a.remembered()
		if err != nil {
			return err
		}
		if l.Token == "" {
			fmt.Fprintln(a.out, "not signed in")
			return nil
		}
		c, err := client.New(client.Config{URL: l.URL, Token: l.Token, UserAgent: userAgent()})
		if err != nil {
			return err
		}
		// A session that the server does not know any more has ended too.
		if err := c.Logout(cmd.Context()); err != nil && fairlead.ErrorCode(err) != fairlead.Unauthenticated {
			return err
		}
		if err := a.remember(login{URL: l.URL}); err != nil {
			return err
		}
		fmt.Fprintln(a.out, "signed out of "+l.URL)
		return nil
	}}
}

func newWhoAmICommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "whoami", Short: "Show who you are to the server", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		u, err := c.WhoAmI(cmd.Context())
		if err != nil {
			return err
		}
		return a.view(cmd).show(u, func(p *printer) {
			roles := make([]string, len(u.Groups))
			for i, g := range u.Groups {
				roles[i] = g.Group + ":" + string(g.Role)
			}
			p.fields("User", u.Name, "Administrator", yesNo(u.Admin), "E-mail", u.Email, "Phone", u.Phone, "Locale", u.Locale,
				"Roles", strings.Join(roles, ", "), "Server", c.URL())
			if u.MustChange {
				p.linef("The password is still the one that the first start generated; change it with: fairlead user passwd %s", u.Name)
			}
		})
	})}
	addOutput(cmd)
	return cmd
}

// client returns a client for the server that the environment names, else the one that was signed in to.
func (a *app) client() (*client.Client, error) {
	cfg := client.Config{URL: a.env("FAIRLEAD_URL"), Token: a.env("FAIRLEAD_TOKEN"), UserAgent: userAgent()}
	if cfg.URL == "" || cfg.Token == "" {
		l, err := a.remembered()
		if err != nil {
			return nil, err
		}
		if cfg.URL == "" {
			cfg.URL = l.URL
		}
		// A session belongs to its server and is told to no other.
		if cfg.Token == "" && strings.TrimRight(cfg.URL, "/") == l.URL {
			cfg.Token = l.Token
		}
	}
	if cfg.URL == "" || cfg.Token == "" {
		return nil, fairlead.Errorf(fairlead.Unauthenticated, "not signed in: use fairlead login URL, or set FAIRLEAD_URL and FAIRLEAD_TOKEN")
	}
	return client.New(cfg)
}

// call makes a command of a function that speaks to the server.
func (a *app) call(run func(*cobra.Command, *client.Client, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		return run(cmd, c, args)
	}
}

func userAgent() string { return "fairlead/" + buildVersion() }

// configPath is where the login is remembered.
func (a *app) configPath() (string, error) {
	if path := a.env("FAIRLEAD_CONFIG"); path != "" {
		return path, nil
	}
	if dir := a.env("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "fairlead", "config.json"), nil
	}
	home := a.env("HOME")
	if home == "" {
		return "", errors.New("config: neither XDG_CONFIG_HOME nor HOME is set; name a file with FAIRLEAD_CONFIG")
	}
	return filepath.Join(home, ".config", "fairlead", "config.json"), nil
}

// remembered returns the login that was written down; none is an empty one.
func (a *app) remembered() (l login, err error) {
	path, err := a.configPath()
	if err != nil {
		return l, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, fmt.Errorf("config: %w", err)
	}
	if err := json.Unmarshal(data, &l); err != nil {
		return l, fmt.Errorf("config %s is broken: %w; fairlead login writes it anew", path, err)
	}
	return l, nil
}

// remember writes the login down for its user alone. The file is whole at every moment.
func (a *app) remember(l login) error {
	path, err := a.configPath()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".config-*") // mode 0600
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("config: %w", err), os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(fmt.Errorf("config: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// terminal is the input as a terminal, and whether it is one.
func (a *app) terminal() (fd int, ok bool) {
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// ask reads one line from the terminal.
func (a *app) ask(cmd *cobra.Command, prompt string) (string, error) {
	if _, ok := a.terminal(); !ok {
		return "", usage(cmd, "the input is no terminal to ask on: give --user and --password-stdin")
	}
	fmt.Fprint(a.err, prompt)
	line, err := readLine(cmd.Context(), a.in)
	return line, err
}

// password reads a password: from standard input when stdin is set, else from the terminal without showing it.
func (a *app) password(cmd *cobra.Command, prompt string, stdin bool) (string, error) {
	if stdin {
		data, err := io.ReadAll(io.LimitReader(a.in, 1<<16))
		if err != nil {
			return "", fmt.Errorf("password: %w", err)
		}
		return string(bytes.TrimRight(data, "\r\n")), nil
	}
	fd, ok := a.terminal()
	if !ok {
		return "", usage(cmd, "the input is no terminal to ask for a password on: give --password-stdin")
	}
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	fmt.Fprint(a.err, prompt)
	defer fmt.Fprintln(a.err)
	text, err := abandon(cmd.Context(), func() (string, error) {
		data, err := term.ReadPassword(fd)
		return string(data), err
	})
	if cmd.Context().Err() != nil {
		return "", errors.Join(err, term.Restore(fd, before)) // the reader hangs on; it must not keep the echo off
	}
	return text, err
}

// newPassword asks twice, so that a slip of the finger does not lock anybody out.
func (a *app) newPassword(cmd *cobra.Command, user string, stdin bool) (string, error) {
	password, err := a.password(cmd, "New password for "+user+": ", stdin)
	if err != nil || stdin {
		return password, err
	}
	again, err := a.password(cmd, "Once more: ", false)
	if err == nil && again != password {
		err = fairlead.Errorf(fairlead.Invalid, "the two passwords differ; nothing was changed")
	}
	return password, err
}

func readLine(ctx context.Context, r io.Reader) (string, error) {
	return abandon(ctx, func() (string, error) {
		line, err := bufio.NewReader(r).ReadString('\n')
		if errors.Is(err, io.EOF) && line != "" {
			err = nil
		}
		return strings.TrimSpace(line), err
	})
}

// abandon waits for a read that nothing can interrupt, or for the end of the context; then the process is about to end
// and the read with it.
func abandon(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// cutLine splits a text after its first line.
func cutLine(text string) (first, rest string, ok bool) {
	first, rest, ok = strings.Cut(text, "\n")
	return strings.TrimSuffix(first, "\r"), rest, ok
}
