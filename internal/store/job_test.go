package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// workerFunc works notes with a function.
type workerFunc struct {
	river.WorkerDefaults[noteArgs]
	work func(ctx context.Context, job *river.Job[noteArgs]) error
}

func (w *workerFunc) Work(ctx context.Context, job *river.Job[noteArgs]) error {
	return w.work(ctx, job)
}

// jobRow is what the job table says of the only job.
type jobRow struct {
	state    string
	attempt  int
	attempts int
}

func onlyJob(t *testing.T, db *store.DB) (j jobRow) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(t.Context(), `SELECT state, attempt, max_attempts FROM river_job`).Scan(&j.state, &j.attempt, &j.attempts)
	})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJobsEndWithTheirTransaction(t *testing.T) {
	storetest.Each(t, testJobsEndWithTheirTransaction)
}

func testJobsEndWithTheirTransaction(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	ended := make(chan error, 1)
	workers := river.NewWorkers()
	river.AddWorker(workers, &workerFunc{work: func(ctx context.Context, job *river.Job[noteArgs]) error {
		err := db.Write(ctx, func(tx *store.Tx) error { return store.CompleteJob(ctx, tx, job) })
		ended <- err
		return err
	}})
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.Enqueue(ctx, noteArgs{"once"}, nil) })
	if err := db.StartJobs(t.Context(), workers); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, ended); err != nil {
		t.Fatal(err)
	}
	if j := onlyJob(t, db); j.state != "completed" || j.attempt != 1 {
		t.Errorf("after its transaction the job is %+v", j)
	}
	if err := db.StopJobs(t.Context()); err != nil { // River stores what it still wants to
		t.Fatal(err)
	}
	if j := onlyJob(t, db); j.state != "completed" || j.attempt != 1 || len(ended) > 0 {
		t.Errorf("at the end the job is %+v", j)
	}
}

// TestWaitingTargetsKeepNobodyOut has more jobs wait for targets than there are workers for them: other jobs have their turn, and
// those beyond have it as soon as there is room.
func TestWaitingTargetsKeepNobodyOut(t *testing.T) {
	storetest.Each(t, testWaitingTargetsKeepNobodyOut)
}

func testWaitingTargetsKeepNobodyOut(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	waiting, other := make(chan struct{}, 1000), make(chan struct{}, 1)
	healthy := make(chan struct{})
	workers := river.NewWorkers()
	river.AddWorker(workers, &workerFunc{work: func(ctx context.Context, job *river.Job[noteArgs]) error {
		if job.Queue != store.QueueTargets {
			other <- struct{}{}
			return nil
		}
		waiting <- struct{}{}
		select {
		case <-healthy:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}})
	if err := db.StartJobs(t.Context(), workers); err != nil {
		t.Fatal(err)
	}
	const all, atOnce = 300, 256
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		for range all {
			if err := tx.Enqueue(ctx, noteArgs{"wait"}, &river.InsertOpts{Queue: store.QueueTargets}); err != nil {
				return err
			}
		}
		return nil
	})
	for range atOnce {
		receive(t, waiting)
	}
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.Enqueue(ctx, noteArgs{"decide"}, nil) })
	receive(t, other)
	close(healthy)
	for range all - atOnce {
		receive(t, waiting)
	}
}

// A server that was taken for dead must not end a job that another one works meanwhile, nor store what belongs to its end.
func TestAnEarlierAttemptCannotEndAJob(t *testing.T) {
	storetest.Each(t, testAnEarlierAttemptCannotEndAJob)
}

func testAnEarlierAttemptCannotEndAJob(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	ended := make(chan error, 1)
	workers := river.NewWorkers()
	river.AddWorker(workers, &workerFunc{work: func(ctx context.Context, job *river.Job[noteArgs]) error {
		if job.Attempt > 1 {
			return nil
		}
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE river_job SET attempt = attempt + 1`) // as another server's fetch does
			return err
		})
		err := db.Write(ctx, func(tx *store.Tx) error {
			if err := tx.AppendEvent(ctx, fairlead.Event{Kind: "effect"}); err != nil {
				return err
			}
			return store.CompleteJob(ctx, tx, job)
		})
		ended <- err
		return nil
	}})
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.Enqueue(ctx, noteArgs{"twice"}, nil) })
	if err := db.StartJobs(t.Context(), workers); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, ended); err == nil {
		t.Error("the first attempt ended the job of the second one")
	}
	err := db.Read(t.Context(), func(tx *store.Tx) error {
		events, err := tx.Events(t.Context(), store.EventFilter{Kind: "effect"})
		if len(events) > 0 {
			t.Error("what the first attempt did is stored")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestJobsThatAreDueSoon(t *testing.T) { storetest.Each(t, testJobsThatAreDueSoon) }

func testJobsThatAreDueSoon(t *testing.T, cfg store.Config) {
	for name, test := range map[string]struct {
		in   time.Duration
		want string
	}{
		"a job that is due in a second needs no scheduler": {time.Second, "available"},
		"a job that is due in an hour waits for it":        {time.Hour, "scheduled"},
	} {
		t.Run(name, func(t *testing.T) {
			db := mustOpen(t, cfg)
			mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
				if _, err := tx.Exec(ctx, `DELETE FROM river_job`); err != nil {
					return err
				}
				return tx.Enqueue(ctx, noteArgs{"later"}, &river.InsertOpts{ScheduledAt: time.Now().Add(test.in)})
			})
			if j := onlyJob(t, db); j.state != test.want || j.attempts < 1000 {
				t.Errorf("the job is %+v", j)
			}
		})
	}
}

// River fetches what is due by the clock of the database, which a server's own may be ahead of: the job would wait for the next
// look after the news of it.
func TestAJobForNowIsDueByTheClockOfTheDatabase(t *testing.T) {
	db := mustOpen(t, storetest.Postgres(t, store.Config{Dir: t.TempDir()}))
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error { // its now() is that of its begin, and our clock has gone on
		for name, opts := range map[string]*river.InsertOpts{
			"no options": nil, "no time": {}, "a time that has come": {ScheduledAt: time.Now()},
		} {
			if err := tx.Enqueue(ctx, noteArgs{name}, opts); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, `SELECT CAST(args AS TEXT) FROM river_job WHERE scheduled_at > now() OR created_at > now()`)
		late, err := store.Collect(rows, err, func(row store.Row) (s string, err error) { return s, row.Scan(&s) })
		if len(late) > 0 {
			t.Errorf("not due are %v", late)
		}
		return err
	})
}

// SQLite's clock tells whole milliseconds that have passed: a job that was stored with the nearest one would wait for the next look.
func TestAJobForNowIsDueByTheClockOfSQLite(t *testing.T) {
	db := mustOpen(t, store.Config{Dir: t.TempDir()})
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		late := 0
		for range 500 {
			if err := tx.Enqueue(ctx, noteArgs{"now"}, nil); err != nil {
				return err
			}
			var due bool
			if err := tx.QueryRow(ctx, `SELECT scheduled_at <= datetime('now', 'subsec') FROM river_job ORDER BY id DESC LIMIT 1`).Scan(&due); err != nil {
				return err
			}
			if !due {
				late++
			}
		}
		if late > 0 {
			t.Errorf("%d of 500 jobs were not due at once", late)
		}
		return nil
	})
}

func TestOpenJobsAreJSON(t *testing.T) { storetest.Each(t, testOpenJobsAreJSON) }

func testOpenJobsAreJSON(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.Enqueue(ctx, noteArgs{"still to do"}, nil) })
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		jobs, err := tx.OpenJobs(ctx, noteArgs{}.Kind())
		var args noteArgs
		if len(jobs) != 1 || json.Unmarshal(jobs[0], &args) != nil || args.Text != "still to do" {
			t.Errorf("open jobs are %q", jobs)
		}
		none, err2 := tx.OpenJobs(ctx, "other")
		if len(none) > 0 {
			t.Errorf("jobs of another kind are %q", none)
		}
		return errors.Join(err, err2)
	})
}
