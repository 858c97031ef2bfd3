package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/fairlead/fairlead/internal/store"
)

func TestStatementsAreUsedAgain(t *testing.T) {
	db := mustOpen(t, store.Config{Dir: t.TempDir()}) // PostgreSQL keeps statements by itself
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TABLE numbers (n BIGINT PRIMARY KEY); CREATE TABLE others (n BIGINT)`)
		return err
	})
	count := func(ctx context.Context, tx *store.Tx) (n int, err error) {
		return n, tx.QueryRow(ctx, `SELECT count(*) FROM numbers`).Scan(&n)
	}
	const insert = `INSERT INTO numbers (n) VALUES ($1)`
	const numbers = `SELECT n FROM numbers ORDER BY n`

	t.Run("also after an error", func(t *testing.T) {
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			for i := range 3 {
				if _, err := tx.Exec(ctx, insert, i); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, insert, i); err == nil {
					t.Error("the same number twice")
				}
			}
			n, err := count(ctx, tx)
			if n != 3 {
				t.Errorf("%d numbers", n)
			}
			return err
		})
	})
	t.Run("inside of each other", func(t *testing.T) {
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			outer, err := tx.Query(ctx, numbers)
			if err != nil {
				return err
			}
			pairs := 0
			for outer.Next() {
				inner, err := tx.Query(ctx, numbers)
				if err != nil {
					return err
				}
				for inner.Next() {
					pairs++
				}
				if err := errors.Join(inner.Err(), inner.Close()); err != nil {
					return err
				}
			}
			if pairs != 9 {
				t.Errorf("%d pairs", pairs)
			}
			return errors.Join(outer.Err(), outer.Close())
		})
	})
	t.Run("after a rollback and a change of the schema", func(t *testing.T) {
		boom := errors.New("boom")
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), insert, 100)
			return errors.Join(err, boom)
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `ALTER TABLE numbers ADD COLUMN extra TEXT`)
			return err
		})
		for range 2 {
			mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
				n, err := count(ctx, tx)
				if n != 3 {
					t.Errorf("%d numbers", n)
				}
				return err
			})
		}
	})
	t.Run("after a query that was broken off", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Read(ctx, func(tx *store.Tx) error {
			rows, err := tx.Query(ctx, numbers)
			if err != nil {
				return err
			}
			defer rows.Close() //nolint:errcheck // broken off
			rows.Next()
			cancel()
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		for range 10 {
			mustRead(t, db, func(ctx context.Context, tx *store.Tx) error { _, err := count(ctx, tx); return err })
		}
	})
	t.Run("and more than are kept", func(t *testing.T) {
		mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
			query := `SELECT 1`
			for range 600 {
				query += ` `
				var n int
				if err := tx.QueryRow(ctx, query).Scan(&n); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
