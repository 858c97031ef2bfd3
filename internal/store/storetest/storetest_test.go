package storetest_test

import (
	"context"
	"slices"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// schema is the text of all tables and indexes, and what is in the settings.
func schema(t *testing.T, cfg store.Config) (texts []string) {
	t.Helper()
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // only read
	err = db.Read(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(t.Context(), `SELECT name || ': ' || COALESCE(sql, '') FROM sqlite_master UNION SELECT 'migration ' || name FROM schema_migrations ORDER BY 1`)
		texts, err = store.Collect(rows, err, func(row store.Row) (s string, err error) { return s, row.Scan(&s) })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestSQLiteCopies(t *testing.T) {
	dir := t.TempDir() + "/new"
	cfg := storetest.SQLite(t, store.Config{Dir: dir})
	if !cfg.Hasty {
		t.Error("a test waits for the disk")
	}
	got, want := schema(t, cfg), schema(t, store.Config{Dir: t.TempDir()})
	if len(want) < 20 || !slices.Equal(got, want) {
		t.Errorf("the copy has\n%q\na new database\n%q", got, want)
	}
	open := func(check func(ctx context.Context, tx *store.Tx) error) error {
		db, err := store.Open(t.Context(), storetest.SQLite(t, store.Config{Dir: dir}))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close() //nolint:errcheck // what was written is read again
		return db.Write(t.Context(), func(tx *store.Tx) error { return check(t.Context(), tx) })
	}
	if err := open(func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateTarget(ctx, &fairlead.Target{Name: "one", Kind: fairlead.TargetEngine})
	}); err != nil {
		t.Fatal(err)
	}
	if err := open(func(ctx context.Context, tx *store.Tx) error { _, err := tx.Target(ctx, "one"); return err }); err != nil {
		t.Errorf("the second opening finds another database: %v", err)
	}
}

func BenchmarkSQLiteWaitsForTheDisk(b *testing.B) {
	if storetest.SQLite(b, store.Config{Dir: b.TempDir()}).Hasty {
		b.Fatal("a benchmark does not wait for the disk")
	}
}
