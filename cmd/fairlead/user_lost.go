package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

// lostPassword sets a password in the database itself. The right to do so is that to write the data directory.
type lostPassword struct{ data, keyFile string }

func (l lostPassword) set(a *app, cmd *cobra.Command, args []string, stdin bool) error {
	if len(args) == 0 {
		return usage(cmd, "with --data, say whose password: fairlead user passwd NAME --data DIR")
	}
	must := l.data
	if a.env("FAIRLEAD_DATABASE_URL") == "" {
		must = filepath.Join(l.data, store.DatabaseFile)
	}
	if _, err := os.Stat(must); err != nil {
		return fairlead.Errorf(fairlead.NotFound, "data directory %s is not that of a server: %w", l.data, err)
	}
	name := args[0]
	password, err := a.newPassword(cmd, name, stdin)
	if err != nil {
		return err
	}
	if err := auth.CheckPassword(password); err != nil {
		return err
	}
	if err := l.store(cmd.Context(), a, name, password); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "the password of user %s was changed; its sessions have ended\n", name)
	return nil
}

func (l lostPassword) store(ctx context.Context, a *app, name, password string) (err error) {
	cfg := store.Config{Dir: l.data, URL: a.env("FAIRLEAD_DATABASE_URL"), Key: a.env("FAIRLEAD_KEY"), KeyFile: l.keyFile}
	if cfg.URL == "" { // a running server on SQLite holds the lock
		lock, err := lockData(l.data)
		if err != nil {
			return err
		}
		defer unlockData(lock) //nolint:errcheck // the process ends
	}
	db, err := store.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	hash, err := auth.New(auth.Config{DB: db}).Hash(ctx, password)
	if err != nil {
		return err
	}
	return db.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SetPassword(ctx, name, hash); err != nil {
			return err
		}
		return tx.Audit(ctx, fairlead.AuditEntry{Via: "offline", Operation: "setPassword", Verb: string(auth.Change), Kind: string(auth.Users), Name: name,
			Detail: "by " + whoRuns() + " in the data directory"})
	})
}

// whoRuns is the user of the machine.
func whoRuns() string {
	u, err := user.Current()
	if err != nil {
		return fmt.Sprintf("user %d of the machine", os.Getuid())
	}
	return "user " + cmp.Or(u.Username, u.Uid) + " of the machine"
}
