package store

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrate runs the numbered migrations that the database has not seen, each in a transaction of its own.
func (db *DB) migrate(ctx context.Context) error {
	const table = `CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)`
	err := db.Write(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, db.sql.schema(table))
		return err
	})
	if err != nil {
		return fmt.Errorf("store: open the database: %w", err)
	}
	files, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted by name, so by number
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := db.migrateOne(ctx, file); err != nil {
			return fmt.Errorf("store: migration %s: %w", path.Base(file), err)
		}
	}
	return nil
}

func (db *DB) migrateOne(ctx context.Context, file string) error {
	name := path.Base(file)
	return db.Write(ctx, func(tx *Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM schema_migrations WHERE name = $1`, name).Scan(&n); err != nil || n > 0 {
			return err
		}
		text, err := migrationFiles.ReadFile(file)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, db.sql.schema(string(text))); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO schema_migrations (name, applied_at) VALUES ($1, $2)`, name, Time(tx.Now))
		return err
	})
}

// SchemaDigest tells two versions of the tables apart.
func SchemaDigest() string {
	h := sha256.New()
	files, _ := fs.Glob(migrationFiles, "migrations/*.sql") // fails for bad patterns only
	for _, file := range files {
		text, _ := migrationFiles.ReadFile(file) // it was listed
		fmt.Fprintf(h, "%s %d\n%s", file, len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))
}
