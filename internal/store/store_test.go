package store_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

func mustOpen(t testing.TB, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestTransactions(t *testing.T) { storetest.Each(t, testTransactions) }

func testTransactions(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	ctx := t.Context()

	t.Run("a failed write leaves nothing", func(t *testing.T) {
		boom := errors.New("boom")
		err := db.Write(ctx, func(tx *store.Tx) error {
			if err := tx.CreateTarget(ctx, &fairlead.Target{Name: "gone", Kind: fairlead.TargetEngine}); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatalf("err = %v, want boom", err)
		}
		err = db.Read(ctx, func(tx *store.Tx) error { _, err := tx.Target(ctx, "gone"); return err })
		if got := fairlead.ErrorCode(err); got != fairlead.NotFound {
			t.Fatalf("code = %q (%v), want not-found", got, err)
		}
	})

	t.Run("a taken name is a conflict, whoever finds it", func(t *testing.T) {
		err := db.Write(ctx, func(tx *store.Tx) error {
			const q = `INSERT INTO settings (name, value) VALUES ($1, $2)`
			_, err := tx.Exec(ctx, q, "twice", "one")
			_, again := tx.Exec(ctx, q, "twice", "two")
			return errors.Join(err, again)
		})
		if got := fairlead.ErrorCode(err); got != fairlead.Conflict {
			t.Fatalf("code = %q (%v), want conflict", got, err)
		}
	})

	t.Run("text from outside is stored, whatever it is", func(t *testing.T) {
		var got string
		err := db.Write(ctx, func(tx *store.Tx) error {
			err := tx.SetSetting(ctx, "odd", "a\x00b\xffc")
			got, _ = tx.Setting(ctx, "odd")
			return err
		})
		if err != nil || !strings.HasPrefix(got, "a") || !strings.HasSuffix(got, "c") {
			t.Fatalf("%q, %v", got, err)
		}
	})

	t.Run("a repeated parameter keeps its value", func(t *testing.T) {
		var a, b, c string
		err := db.Read(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT $1, $2, $1`, "one", "two").Scan(&a, &b, &c)
		})
		if err != nil || a != "one" || b != "two" || c != "one" {
			t.Fatalf("got %q %q %q, %v", a, b, c, err)
		}
	})

	t.Run("a reader cannot write", func(t *testing.T) {
		err := db.Read(ctx, func(tx *store.Tx) error {
			return tx.CreateTarget(ctx, &fairlead.Target{Name: "sneaky", Kind: fairlead.TargetEngine})
		})
		if err == nil {
			t.Fatal("the write succeeded")
		}
	})

	t.Run("durability settings are in force", func(t *testing.T) {
		if db.Shared() {
			t.Skip("they are the database administrator's")
		}
		var mode string
		var sync, keys int
		err := db.Write(ctx, func(tx *store.Tx) error {
			return errors.Join(tx.QueryRow(ctx, `PRAGMA journal_mode`).Scan(&mode), tx.QueryRow(ctx, `PRAGMA synchronous`).Scan(&sync),
				tx.QueryRow(ctx, `PRAGMA foreign_keys`).Scan(&keys))
		})
		if err != nil || mode != "wal" || sync != 2 || keys != 1 {
			t.Fatalf("journal_mode %q, synchronous %d, foreign_keys %d, %v; want wal, 2, 1", mode, sync, keys, err)
		}
	})
}

func TestTimesAreTextInOrder(t *testing.T) { storetest.Each(t, testTimesAreTextInOrder) }

func testTimesAreTextInOrder(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	at := time.Date(2026, 1, 2, 3, 4, 5, 60, time.FixedZone("", 3600))
	var got time.Time
	var none, some *time.Time
	err := db.Read(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(t.Context(), `SELECT $1, $2, $1`, store.Time(at), store.NullTime(nil)).
			Scan(store.ScanTime(&got), store.ScanNullTime(&none), store.ScanNullTime(&some))
	})
	if err != nil || !got.Equal(at) || none != nil || some == nil || !some.Equal(at) {
		t.Fatalf("got %v %v %v, %v", got, none, some, err)
	}
	if a, b := store.Time(at), store.Time(at.Add(time.Nanosecond)); a >= b {
		t.Fatalf("%q is not before %q", a, b)
	}
}

func TestSeal(t *testing.T) { storetest.Each(t, testSeal) }

func testSeal(t *testing.T, cfg store.Config) {
	dir := cfg.Dir
	db := mustOpen(t, cfg)
	sealed, err := db.Seal([]byte("hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, cfg)
	if got, err := again.Unseal(sealed); err != nil || string(got) != "hunter2" {
		t.Fatalf("after a new start: %q, %v", got, err)
	}
	other := mustOpen(t, store.Config{Dir: t.TempDir()})
	if _, err := other.Unseal(sealed); err == nil {
		t.Fatal("another key opened it")
	}
	info, err := os.Stat(filepath.Join(dir, "key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode of the key file: %v, %v", info.Mode(), err)
	}
}

func TestDamagedKeyIsSaid(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), store.Config{Dir: dir}); err == nil {
		t.Fatal("a damaged key was accepted")
	}
}

// TestKeyBelongsToDatabase opens a database without its key and with another: nothing may go on as if all were well.
func TestKeyBelongsToDatabase(t *testing.T) { storetest.Each(t, testKeyBelongsToDatabase) }

func testKeyBelongsToDatabase(t *testing.T, cfg store.Config) {
	dir, other := cfg.Dir, t.TempDir()
	for _, c := range []store.Config{cfg, {Dir: other}} {
		db, err := store.Open(t.Context(), c)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	key := filepath.Join(dir, "key")
	right, err := os.ReadFile(key)
	if err := errors.Join(err, os.Remove(key)); err != nil {
		t.Fatal(err)
	}
	refused := func(want string) {
		t.Helper()
		if _, err := store.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("err = %v, want %q", err, want)
		}
	}
	refused("is missing")
	if _, err := os.Stat(key); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a key was made: %v", err)
	}
	wrong, err := os.ReadFile(filepath.Join(other, "key"))
	if err := errors.Join(err, os.WriteFile(key, wrong, 0o600)); err != nil {
		t.Fatal(err)
	}
	refused("not the one")
	if err := os.WriteFile(key, right, 0o600); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, cfg)

	// The key may also lie elsewhere, or come without a file.
	away := filepath.Join(t.TempDir(), "sealing-key")
	if err := os.Rename(key, away); err != nil {
		t.Fatal(err)
	}
	refused("is missing")
	elsewhere, given := cfg, cfg
	elsewhere.KeyFile, given.Key = away, string(right)
	mustOpen(t, elsewhere)
	mustOpen(t, given)
}

// TestFilesArePrivate uses a directory that others may read, with files of theirs to read in it.
func TestFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "fairlead.db")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(path, nil, 0o644)); err != nil { //nolint:gosec // on purpose
		t.Fatal(err)
	}
	mustOpen(t, store.Config{Dir: dir})
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(path + suffix); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", suffix, info, err)
		}
	}
}

type noteArgs struct {
	Text string `json:"text"`
}

func (noteArgs) Kind() string { return "note" }

type noteWorker struct {
	river.WorkerDefaults[noteArgs]
	got chan string
	// hold blocks the worker until it is closed or the job is canceled.
	hold chan struct{}
}

func (w *noteWorker) Work(ctx context.Context, job *river.Job[noteArgs]) error {
	w.got <- job.Args.Text
	if w.hold == nil {
		return nil
	}
	select {
	case <-w.hold:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came within 20 s")
		panic("unreachable")
	}
}

func TestJobsExistOnlyWithTheirTransaction(t *testing.T) {
	storetest.Each(t, testJobsExistOnlyWithTheirTransaction)
}

func testJobsExistOnlyWithTheirTransaction(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	ctx := t.Context()
	w := &noteWorker{got: make(chan string, 10)}
	workers := river.NewWorkers()
	river.AddWorker(workers, w)
	if err := db.StartJobs(ctx, workers); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err := db.Write(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.Enqueue(ctx, noteArgs{"lost"}, nil), boom)
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if err := db.Write(ctx, func(tx *store.Tx) error { return tx.Enqueue(ctx, noteArgs{"kept"}, nil) }); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, w.got); got != "kept" {
		t.Fatalf("worked %q, want kept", got)
	}
	if err := db.StopJobs(ctx); err != nil {
		t.Fatal(err)
	}
	if len(w.got) > 0 {
		t.Fatalf("worked %q as well", <-w.got)
	}
}

func TestJobsOfTheLastLifeAreTakenBack(t *testing.T) {
	storetest.Each(t, testJobsOfTheLastLifeAreTakenBack)
}

func testJobsOfTheLastLifeAreTakenBack(t *testing.T, cfg store.Config) {
	ctx := t.Context()
	first := mustOpen(t, cfg)
	if err := first.Write(ctx, func(tx *store.Tx) error { return tx.Enqueue(ctx, noteArgs{"unfinished"}, nil) }); err != nil {
		t.Fatal(err)
	}
	// What a killed server leaves: the job is marked as running and nobody works it.
	err := first.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = created_at`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	second := mustOpen(t, cfg)
	w := &noteWorker{got: make(chan string, 10)}
	workers := river.NewWorkers()
	river.AddWorker(workers, w)
	if err := second.StartJobs(ctx, workers); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, w.got); got != "unfinished" {
		t.Fatalf("worked %q", got)
	}
}

func TestWatchersHearOfEvents(t *testing.T) { storetest.Each(t, testWatchersHearOfEvents) }

func testWatchersHearOfEvents(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	ctx := t.Context()
	changed, cancel := db.Watch()
	defer cancel()
	for _, msg := range []string{"one", "two"} {
		err := db.Write(ctx, func(tx *store.Tx) error {
			return tx.AppendEvent(ctx, fairlead.Event{Kind: "stack", Name: "shop", Type: "note", Message: msg})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	receive(t, changed)
	var got []fairlead.Event
	err := db.Read(ctx, func(tx *store.Tx) (err error) {
		got, err = tx.Events(ctx, store.EventFilter{Kind: "stack", Name: "shop"})
		return err
	})
	if err != nil || len(got) != 2 || got[0].Message != "one" || got[1].Seq != 2 {
		t.Fatalf("events %+v, %v", got, err)
	}
}

func TestTemplateVersionsNeverChange(t *testing.T) {
	storetest.Each(t, testTemplateVersionsNeverChange)
}

func testTemplateVersionsNeverChange(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	ctx := t.Context()
	push := func(version, text string) error {
		return db.Write(ctx, func(tx *store.Tx) error {
			return tx.CreateTemplateVersion(ctx, &fairlead.TemplateVersion{Template: "web", Version: version, Filename: "web.yaml", Source: []byte(text)})
		})
	}
	if err := errors.Join(push("1.0", "a"), push("1.1", "b"), push("1.0", "a")); err != nil {
		t.Fatal(err)
	}
	if got := fairlead.ErrorCode(push("1.0", "other")); got != fairlead.Conflict {
		t.Fatalf("code %q, want conflict", got)
	}
	var list []fairlead.Template
	err := db.Read(ctx, func(tx *store.Tx) (err error) { list, _, err = tx.Templates(ctx, 10, ""); return err })
	if err != nil || len(list) != 1 || len(list[0].Versions) != 2 || list[0].Versions[0] != "1.1" {
		t.Fatalf("templates %+v, %v", list, err)
	}
}

func BenchmarkCommit(b *testing.B) {
	db, err := store.Open(b.Context(), store.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a benchmark
	for b.Loop() {
		err := db.Write(b.Context(), func(tx *store.Tx) error {
			return tx.AppendEvent(b.Context(), fairlead.Event{Kind: "bench"})
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
