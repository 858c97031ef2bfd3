package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// twoServers opens the same database twice.
func twoServers(t *testing.T) (a, b *store.DB) {
	t.Helper()
	cfg := storetest.Postgres(t, store.Config{Dir: t.TempDir()})
	other := cfg
	other.Dir, other.KeyFile = t.TempDir(), filepath.Join(cfg.Dir, "key")
	return mustOpen(t, cfg), mustOpen(t, other)
}

// startNotes lets a server work notes.
func startNotes(t *testing.T, db *store.DB, hold chan struct{}) *noteWorker {
	t.Helper()
	w := &noteWorker{got: make(chan string, 100), hold: hold}
	workers := river.NewWorkers()
	river.AddWorker(workers, w)
	if err := db.StartJobs(t.Context(), workers); err != nil {
		t.Fatal(err)
	}
	return w
}

func enqueue(t *testing.T, db *store.DB, text string) {
	t.Helper()
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.Enqueue(ctx, noteArgs{text}, nil) })
}

func TestServersHearOfEachOther(t *testing.T) {
	a, b := twoServers(t)
	changed, cancel := b.Watch()
	defer cancel()
	receive(t, changed) // the connection for news is there
	mustWrite(t, a, func(ctx context.Context, tx *store.Tx) error {
		return tx.AppendEvent(ctx, fairlead.Event{Kind: "stack", Name: "shop"})
	})
	receive(t, changed)
	mustRead(t, b, func(ctx context.Context, tx *store.Tx) error {
		if last, err := tx.LastEvent(ctx); err != nil || last != 1 {
			t.Errorf("last event %d, %v", last, err)
		}
		return nil
	})
	w := startNotes(t, b, nil)
	enqueue(t, a, "from a")
	if got := receive(t, w.got); got != "from a" {
		t.Fatalf("worked %q", got)
	}
}

// TestNoEventIsSkipped follows the events by their numbers while two servers write: a number that was passed by must never
// appear later.
func TestNoEventIsSkipped(t *testing.T) {
	a, b := twoServers(t)
	const each, writers = 40, 4
	var wg sync.WaitGroup
	for i := range 2 * writers {
		db := a
		if i%2 == 1 {
			db = b
		}
		wg.Go(func() {
			for range each {
				err := db.Write(t.Context(), func(tx *store.Tx) error {
					return tx.AppendEvent(t.Context(), fairlead.Event{Kind: "count"})
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	written := make(chan struct{})
	go func() { wg.Wait(); close(written) }()
	changed, cancel := b.Watch()
	defer cancel()
	seen := int64(0)
	for over := false; !over; {
		select {
		case <-written:
			over = true
		case <-changed:
		}
		mustRead(t, b, func(ctx context.Context, tx *store.Tx) error {
			list, err := tx.Events(ctx, store.EventFilter{After: seen, Limit: 10_000})
			for _, e := range list {
				if e.Seq != seen+1 {
					t.Errorf("event %d follows %d", e.Seq, seen)
				}
				seen = e.Seq
			}
			return err
		})
	}
	if seen != 2*writers*each {
		t.Fatalf("saw %d events", seen)
	}
}

// TestReadsHoldUntilTheCommit counts a number up on two servers at once, each time from what was read.
func TestReadsHoldUntilTheCommit(t *testing.T) {
	a, b := twoServers(t)
	mustWrite(t, a, func(ctx context.Context, tx *store.Tx) error { return tx.SetSetting(ctx, "count", "0") })
	var wg sync.WaitGroup
	for _, db := range []*store.DB{a, b, a, b} {
		wg.Go(func() {
			for range 50 {
				err := db.Write(t.Context(), func(tx *store.Tx) error {
					text, err := tx.Setting(t.Context(), "count")
					n := 0
					_, scan := fmt.Sscan(text, &n)
					return errors.Join(err, scan, tx.SetSetting(t.Context(), "count", fmt.Sprint(n+1)))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	mustRead(t, b, func(ctx context.Context, tx *store.Tx) error {
		if got, err := tx.Setting(ctx, "count"); got != "200" || err != nil {
			t.Errorf("counted %s, %v", got, err)
		}
		return nil
	})
}

// TestTheWorkOfADeadServerGoesOn lets a server look dead in the middle of a job, which also holds a lease.
func TestTheWorkOfADeadServerGoesOn(t *testing.T) {
	t.Parallel()
	a, b := twoServers(t)
	hold := make(chan struct{})
	defer close(hold)
	first := startNotes(t, a, hold)
	enqueue(t, a, "unfinished")
	receive(t, first.got)
	holders := make(chan string, 2)
	holding := func(db *store.DB, name string) {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			err := db.Hold(ctx, "watch", func(ctx context.Context) error {
				holders <- name
				<-ctx.Done()
				return nil
			})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		t.Cleanup(func() { cancel(); wg.Wait() })
	}
	holding(a, "a")
	if got := receive(t, holders); got != "a" {
		t.Fatal(got)
	}
	second := startNotes(t, b, nil)
	holding(b, "b")
	a.Freeze()
	begun := time.Now()
	if got := receive(t, second.got); got != "unfinished" {
		t.Fatalf("worked %q", got)
	}
	if got := receive(t, holders); got != "b" {
		t.Fatal(got)
	}
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("the work went on after %s", took)
	}
}

// TestANewLifeTakesBackAtOnce opens the data directory of a server that died.
func TestANewLifeTakesBackAtOnce(t *testing.T) {
	t.Parallel()
	cfg := storetest.Postgres(t, store.Config{Dir: t.TempDir()})
	first := mustOpen(t, cfg)
	hold := make(chan struct{})
	defer close(hold)
	w := startNotes(t, first, hold)
	enqueue(t, first, "unfinished")
	receive(t, w.got)
	first.Freeze()
	begun := time.Now()
	again := startNotes(t, mustOpen(t, cfg), nil)
	if got := receive(t, again.got); got != "unfinished" {
		t.Fatalf("worked %q", got)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestALeaseGoesOnWhenItsServerLeaves does not wait for anybody to look dead.
func TestALeaseGoesOnWhenItsServerLeaves(t *testing.T) {
	a, b := twoServers(t)
	startNotes(t, a, nil)
	startNotes(t, b, nil)
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	held := make(chan struct{})
	go func() {
		defer close(ended)
		_ = a.Hold(ctx, "one", func(ctx context.Context) error { close(held); <-ctx.Done(); return nil })
	}()
	receive(t, held)
	cancel()
	receive(t, ended)
	if err := b.Hold(t.Context(), "one", func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestAServerTakenForDeadJoinsAgain removes a living server, as others do after it hung for a while.
func TestAServerTakenForDeadJoinsAgain(t *testing.T) {
	t.Parallel()
	a, b := twoServers(t)
	w := startNotes(t, a, nil)
	mustWrite(t, b, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM servers`)
		return err
	})
	// A lease is for servers that are written down.
	if err := a.Hold(t.Context(), "one", func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	enqueue(t, b, "again")
	if got := receive(t, w.got); got != "again" {
		t.Fatalf("worked %q", got)
	}
}

// TestConnectionsComeBack ends all sessions of a server, as a restart of the database does.
func TestConnectionsComeBack(t *testing.T) {
	a, b := twoServers(t)
	changed, cancel := b.Watch()
	defer cancel()
	receive(t, changed)
	write := func(db *store.DB) error {
		return db.Write(t.Context(), func(tx *store.Tx) error {
			return tx.AppendEvent(t.Context(), fairlead.Event{Kind: "stack", Name: "shop"})
		})
	}
	read := func(db *store.DB) error {
		return db.Read(t.Context(), func(tx *store.Tx) error { _, err := tx.LastEvent(t.Context()); return err })
	}
	if err := errors.Join(write(b), read(b), read(a), write(a)); err != nil {
		t.Fatal(err)
	}
	receive(t, changed)
	err := a.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(read(b), write(b), read(a), write(a)); err != nil {
		t.Errorf("right after: %v", err)
	}
	receive(t, changed) // also the connection for news is there again
}

// TestAFailedWriteGivesTheLockBack fails in all the ways that a transaction can.
func TestAFailedWriteGivesTheLockBack(t *testing.T) {
	a, b := twoServers(t)
	boom := errors.New("boom")
	for name, fail := range map[string]func(ctx context.Context, cancel func(), tx *store.Tx) error{
		"error": func(context.Context, func(), *store.Tx) error { return boom },
		"statement": func(ctx context.Context, _ func(), tx *store.Tx) error {
			_, err := tx.Exec(ctx, `SELECT nothing`)
			return err
		},
		"canceled": func(ctx context.Context, cancel func(), tx *store.Tx) error {
			cancel()
			_, err := tx.LastEvent(ctx)
			return err
		},
		"panic": func(context.Context, func(), *store.Tx) error { panic(boom) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			func() {
				defer func() { _ = recover() }()
				if err := a.Write(ctx, func(tx *store.Tx) error { return fail(ctx, cancel, tx) }); err == nil {
					t.Error("no error")
				}
			}()
			for _, db := range []*store.DB{b, a} {
				if err := db.Write(t.Context(), func(tx *store.Tx) error { return tx.SetSetting(t.Context(), "after", name) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestNewServersDoNotCollide opens a new database from many servers at once.
func TestNewServersDoNotCollide(t *testing.T) {
	cfg := storetest.PostgresEmpty(t, store.Config{Dir: t.TempDir()})
	first, err := store.Open(t.Context(), cfg)
	if err := errors.Join(err, first.Close()); err != nil {
		t.Fatal(err)
	}
	fresh := storetest.PostgresEmpty(t, store.Config{Dir: t.TempDir()})
	fresh.KeyFile = cfg.Dir + "/key"
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := store.Open(t.Context(), fresh)
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
