// Package storetest gives tests databases: SQLite, and PostgreSQL where a server is there for tests.
//
// FAIRLEAD_TEST_POSTGRES_URL names that server; scripts/postgres.sh starts one. Tests of the store itself run on both. All
// other tests run on SQLite, or on PostgreSQL when FAIRLEAD_TEST_DATABASE is postgres. Every test has a database of its own, which
// is a copy of one that was migrated once.
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/fairlead/fairlead/internal/store"
)

// Each runs fn once on each kind of database, with the configuration of a new empty one.
func Each(t *testing.T, fn func(t *testing.T, cfg store.Config)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, store.Config{Dir: t.TempDir()}) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t, store.Config{Dir: t.TempDir()})) })
}

// Config completes the configuration of a database of cfg.Dir for a test that runs on one of the two. The same directory is
// the same database while the test lasts.
func Config(t testing.TB, cfg store.Config) store.Config {
	t.Helper()
	switch kind := os.Getenv("FAIRLEAD_TEST_DATABASE"); kind {
	case "", "sqlite":
		return SQLite(t, cfg)
	case "postgres":
		return Postgres(t, cfg)
	default:
		t.Fatalf("FAIRLEAD_TEST_DATABASE is %q; want sqlite or postgres", kind)
		return cfg
	}
}

// SQLite completes a configuration with a database in cfg.Dir that has all tables and nothing in them, unless there is one
// already. Its commits survive the end of the process and not that of the machine, except in benchmarks. All databases of a
// process have one key.
func SQLite(t testing.TB, cfg store.Config) store.Config {
	t.Helper()
	_, measured := t.(*testing.B)
	cfg.Hasty = !measured
	if cfg.URL != "" || cfg.Key != "" || cfg.KeyFile != "" {
		return cfg
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, store.DatabaseFile)); err == nil {
		return cfg
	}
	files, err := sqliteModel()
	if err == nil {
		err = os.MkdirAll(cfg.Dir, 0o700)
	}
	for name, content := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(cfg.Dir, name), content, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// sqliteModel is the content of a data directory that was just made, by the names of its files.
var sqliteModel = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "fairlead-model-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a left-over is harmless
	db, err := store.Open(context.Background(), store.Config{Dir: dir, Hasty: true})
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil { // puts everything into the file itself
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range []string{store.DatabaseFile, store.KeyFile} {
		content, readErr := os.ReadFile(filepath.Join(dir, name))
		files[name], err = content, errors.Join(err, readErr)
	}
	return files, err
})

// Postgres completes a configuration with a PostgreSQL database that belongs to cfg.Dir.
func Postgres(t testing.TB, cfg store.Config) store.Config {
	t.Helper()
	sum := sha256.Sum256([]byte(cfg.Dir))
	cfg.URL = Database(t, "fairlead_test_"+hex.EncodeToString(sum[:8]), false)
	return cfg
}

// PostgresEmpty is Postgres without any table.
func PostgresEmpty(t testing.TB, cfg store.Config) store.Config {
	t.Helper()
	sum := sha256.Sum256([]byte(cfg.Dir))
	cfg.URL = Database(t, "fairlead_empty_"+hex.EncodeToString(sum[:8]), true)
	return cfg
}

// Database makes a database with a name, unless the test has it already, and removes it at the end of the test. It has all
// tables and nothing in them, or no tables.
func Database(t testing.TB, name string, empty bool) (address string) {
	t.Helper()
	server := os.Getenv("FAIRLEAD_TEST_POSTGRES_URL")
	if server == "" {
		if os.Getenv("FAIRLEAD_TEST_REQUIRE") == "1" {
			t.Fatal("FAIRLEAD_TEST_POSTGRES_URL is not set; see scripts/postgres.sh")
		}
		t.Skip("FAIRLEAD_TEST_POSTGRES_URL is not set; see scripts/postgres.sh")
	}
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // only read
	if err := provide(ctx, conn, server, name, empty); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { drop(t, server, name) })
	return with(server, name)
}

// provide makes a database as a copy of one that has been migrated once.
func provide(ctx context.Context, conn *pgx.Conn, server, name string, empty bool) error {
	const one = 0x6661_6972_7465 // the lock of those who copy: a database that is being copied takes no second copier
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(one)); err != nil {
		return err
	}
	defer conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, int64(one)) //nolint:errcheck // the connection ends soon
	model := "fairlead_model_" + store.SchemaDigest()[:16]
	if there, err := exists(ctx, conn, name); err != nil || there {
		return err
	}
	if empty {
		_, err := conn.Exec(ctx, `CREATE DATABASE `+name)
		return err
	}
	there, err := exists(ctx, conn, model)
	if err != nil {
		return err
	}
	if !there {
		if err := makeModel(ctx, conn, server, model); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s`, name, model))
	return err
}

func exists(ctx context.Context, conn *pgx.Conn, name string) (there bool, err error) {
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)`, name).Scan(&there)
	return there, err
}

// makeModel makes the database that others are copies of. It gets its name when it is complete.
func makeModel(ctx context.Context, conn *pgx.Conn, server, model string) error {
	draft := model + "_draft"
	if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+draft); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+draft); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fairlead-model-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a left-over is harmless
	db, err := store.Open(ctx, store.Config{Dir: dir, URL: with(server, draft)})
	if err != nil {
		return err
	}
	// Every copy has a key of its own.
	err = db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM settings`)
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, fmt.Sprintf(`ALTER DATABASE %s RENAME TO %s`, draft, model))
	return err
}

func drop(t testing.TB, server, name string) {
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing follows
	if _, err := conn.Exec(ctx, fmt.Sprintf(`DROP DATABASE IF EXISTS %s WITH (FORCE)`, name)); err != nil {
		t.Error(err)
	}
}

// with is the URL of another database on the same server.
func with(server, database string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	u.Path = "/" + strings.TrimPrefix(database, "/")
	return u.String()
}

// OnlySQLite skips a test that does to the database's file what cannot be done to a PostgreSQL server.
func OnlySQLite(t testing.TB) {
	t.Helper()
	if os.Getenv("FAIRLEAD_TEST_DATABASE") == "postgres" {
		t.Skip("this test works on the file of SQLite")
	}
}
