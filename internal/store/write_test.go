package store_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// crowd is a writer that holds the turn, and those who wait behind it.
type crowd struct {
	t       *testing.T
	db      *store.DB
	goOn    chan struct{}
	waiting int
	first   func(error) // gets what the first one's Write returned
	writers sync.WaitGroup
}

// newCrowd begins with a closure that waits, once it has its turn, until release.
func newCrowd(t *testing.T, db *store.DB, fn func(ctx context.Context, tx *store.Tx) error) *crowd {
	t.Helper()
	c := &crowd{t: t, db: db, goOn: make(chan struct{})}
	c.first = c.well
	has := make(chan struct{})
	c.writers.Go(func() {
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			close(has)
			<-c.goOn
			return fn(t.Context(), tx)
		})
		c.first(err)
	})
	<-has
	return c
}

// join adds a writer that stands behind those before it. told gets what Write returned.
func (c *crowd) join(ctx context.Context, fn func(ctx context.Context, tx *store.Tx) error, told func(error)) {
	c.t.Helper()
	c.waiting++
	c.writers.Go(func() { told(c.db.Write(ctx, func(tx *store.Tx) error { return fn(ctx, tx) })) })
	c.queued(c.waiting)
}

func (c *crowd) queued(n int) {
	c.t.Helper()
	for begun := time.Now(); c.db.Waiting() != n; runtime.Gosched() {
		if time.Since(begun) > 20*time.Second {
			c.t.Fatalf("%d writers wait, want %d", c.db.Waiting(), n)
		}
	}
}

func (c *crowd) release() {
	close(c.goOn)
	c.writers.Wait()
}

func (c *crowd) well(err error) {
	if err != nil {
		c.t.Error(err)
	}
}

func insertNumber(n int) func(ctx context.Context, tx *store.Tx) error {
	return func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO numbers (n) VALUES ($1)`, n)
		return err
	}
}

func numbers(t *testing.T, db *store.DB) (list []int) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *store.Tx) (err error) {
		rows, err := tx.Query(t.Context(), `SELECT n FROM numbers ORDER BY n`)
		list, err = store.Collect(rows, err, func(row store.Row) (n int, err error) { return n, row.Scan(&n) })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func withNumbers(t *testing.T, cfg store.Config) *store.DB {
	t.Helper()
	db := mustOpen(t, cfg)
	db.BePatient()
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TABLE numbers (n BIGINT PRIMARY KEY)`)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `CREATE TABLE pointers (n BIGINT REFERENCES numbers (n) DEFERRABLE INITIALLY DEFERRED)`)
		return err
	})
	return db
}

func TestWritersShareACommit(t *testing.T) { storetest.Each(t, testWritersShareACommit) }

func testWritersShareACommit(t *testing.T, cfg store.Config) {
	db := withNumbers(t, cfg)
	changed, cancel := db.Watch()
	defer cancel()
	boom := errors.New("boom")
	ctx, giveUp := context.WithCancel(t.Context())

	c := newCrowd(t, db, insertNumber(0))
	c.join(t.Context(), insertNumber(1), c.well)
	c.join(t.Context(), func(ctx context.Context, tx *store.Tx) error { // what it did is taken back alone
		return errors.Join(insertNumber(20)(ctx, tx), boom)
	}, func(err error) {
		if !errors.Is(err, boom) {
			t.Errorf("a failed part gave %v", err)
		}
	})
	c.join(t.Context(), insertNumber(0), func(err error) { // a statement of it fails
		if err == nil {
			t.Error("a number is there twice")
		}
	})
	c.join(ctx, insertNumber(30), func(err error) { // it does not wait for ever
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a canceled part gave %v", err)
		}
	})
	c.writers.Go(func() {
		defer func() {
			if recover() != "ouch" {
				t.Error("the panic of a part is lost")
			}
		}()
		_ = db.Write(t.Context(), func(tx *store.Tx) error {
			_ = insertNumber(40)(t.Context(), tx)
			panic("ouch")
		})
	})
	c.queued(5)
	c.waiting = 5
	c.join(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		tx.Changed()
		return insertNumber(2)(ctx, tx)
	}, c.well)
	giveUp()
	c.queued(5)
	c.release()
	if got := numbers(t, db); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("stored are %v", got)
	}
	receive(t, changed)
}

func TestAFailedCommitIsToldToAll(t *testing.T) { storetest.Each(t, testAFailedCommitIsToldToAll) }

func testAFailedCommitIsToldToAll(t *testing.T, cfg store.Config) {
	db := withNumbers(t, cfg)
	failed := func(err error) {
		if err == nil {
			t.Error("a part of a failed commit was told that it is stored")
		}
	}
	c := newCrowd(t, db, insertNumber(0))
	c.first = failed
	c.join(t.Context(), insertNumber(1), failed)
	c.join(t.Context(), func(ctx context.Context, tx *store.Tx) error { // is noticed only by the commit
		_, err := tx.Exec(ctx, `INSERT INTO pointers (n) VALUES (99)`)
		return err
	}, failed)
	c.release()
	if got := numbers(t, db); len(got) > 0 {
		t.Errorf("stored are %v", got)
	}
	mustWrite(t, db, insertNumber(7)) // the next one has a good connection
}

func TestACanceledPartSparesTheOthers(t *testing.T) {
	storetest.Each(t, testACanceledPartSparesTheOthers)
}

func testACanceledPartSparesTheOthers(t *testing.T, cfg store.Config) {
	db := withNumbers(t, cfg)
	statements := map[string]func(ctx context.Context, tx *store.Tx) error{
		"Exec": insertNumber(100),
		"Query": func(ctx context.Context, tx *store.Tx) error {
			rows, err := tx.Query(ctx, `SELECT n FROM numbers`)
			_, err = store.Collect(rows, err, func(row store.Row) (n int, err error) { return n, row.Scan(&n) })
			return err
		},
		"QueryRow": func(ctx context.Context, tx *store.Tx) error {
			var n int
			return tx.QueryRow(ctx, `SELECT count(*) FROM numbers`).Scan(&n)
		},
	}
	c := newCrowd(t, db, insertNumber(0))
	c.join(t.Context(), insertNumber(1), c.well)
	for name, statement := range statements {
		ctx, giveUp := context.WithCancel(t.Context())
		c.join(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := insertNumber(10)(ctx, tx); err != nil {
				return err
			}
			giveUp()
			return statement(ctx, tx)
		}, func(err error) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s with an ended context gave %v", name, err)
			}
		})
	}
	c.join(t.Context(), insertNumber(2), c.well)
	c.release()
	if got := numbers(t, db); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("stored are %v", got)
	}
}
