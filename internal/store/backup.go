package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fairlead/fairlead"
)

// Names of what a data directory holds and a backup needs.
const (
	DatabaseFile = databaseFile
	KeyFile      = "key"
)

// Snapshot writes the database of a data directory, as it is at one moment, into a new file. A server may be at work on it.
func Snapshot(ctx context.Context, dir, file string) error {
	path := filepath.Join(dir, databaseFile)
	if _, err := os.Stat(path); err != nil {
		return fairlead.Errorf(fairlead.NotFound, "there is no database %s: %w", path, err)
	}
	db, err := sql.Open("sqlite", "file:"+escapePath(path)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return fmt.Errorf("store: open %s: %w", path, err)
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO $1", file)
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("store: copy %s: %w", path, err)
	}
	return os.Chmod(file, 0o600)
}

// CheckFile proves that a file is a whole database of this program or an older one.
func CheckFile(ctx context.Context, file string) error {
	db, err := sql.Open("sqlite", "file:"+escapePath(file)+"?mode=ro&_pragma=query_only(ON)")
	if err != nil {
		return fmt.Errorf("store: open %s: %w", file, err)
	}
	defer db.Close() //nolint:errcheck // it was only read
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return fairlead.Errorf(fairlead.Failed, "%s is not a database: %w", file, err)
	}
	if verdict != "ok" {
		return fairlead.Errorf(fairlead.Failed, "the database %s is damaged: %s", file, verdict)
	}
	rows, err := db.QueryContext(ctx, "SELECT name FROM schema_migrations ORDER BY name")
	names, err := Collect(rows, err, func(row Row) (name string, err error) { return name, row.Scan(&name) })
	if err != nil {
		return fairlead.Errorf(fairlead.Failed, "%s is not a database of Fairlead: %w", file, err)
	}
	for _, name := range names {
		if _, err := migrationFiles.ReadFile("migrations/" + name); err != nil {
			return fairlead.Errorf(fairlead.Failed, "the database is of a newer version of Fairlead, which has %s; use that version", name)
		}
	}
	return nil
}
