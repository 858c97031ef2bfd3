package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// jobWorkers bounds the jobs that run at the same time. They mostly wait for the writer or for a target.
const jobWorkers = 64

// Enqueue adds a job that exists only if the transaction commits; then it starts at once, or at opts.ScheduledAt.
func (tx *Tx) Enqueue(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) error {
	res, err := tx.db.inserter.InsertTx(ctx, tx.tx, args, opts)
	if err != nil {
		return fmt.Errorf("store: enqueue %s: %w", args.Kind(), err)
	}
	if tx.enqueued == nil {
		tx.enqueued = map[string]struct{}{}
	}
	tx.enqueued[res.Job.Queue] = struct{}{}
	return nil
}

// CompleteJob marks the job that is being worked as done in the same transaction as its effects, which saves a commit and
// leaves no moment between the two.
func CompleteJob[T river.JobArgs](ctx context.Context, tx *Tx, job *river.Job[T]) error {
	_, err := river.JobCompleteTx[*driver](ctx, tx.tx, job)
	return err
}

// StartJobs begins to work the jobs of the kinds in workers. Jobs that were running when the last life of the server ended
// are taken back first: this process is the only one on the database.
func (db *DB) StartJobs(ctx context.Context, workers *river.Workers) error {
	db.jobsMu.Lock()
	defer db.jobsMu.Unlock()
	if db.jobs != nil {
		return errors.New("store: jobs were started already")
	}
	const takeBack = `UPDATE river_job SET state = 'available' WHERE state = 'running'`
	if _, err := db.write.ExecContext(ctx, takeBack); err != nil {
		return fmt.Errorf("store: take back jobs: %w", err)
	}
	client, err := river.NewClient(db.driver(), &river.Config{
		CompletedJobRetentionPeriod: 10 * time.Minute,
		FetchCooldown:               time.Millisecond,
		FetchPollInterval:           time.Second, // only a fallback: commits wake the fetcher
		JobTimeout:                  -1,          // a slice bounds itself
		Logger:                      db.riverLog(),
		MaxAttempts:                 10_000, // a slice that fails is tried until its owner ends it
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: jobWorkers}},
		RescueStuckJobsAfter:        time.Hour,
		RetryPolicy:                 retryPolicy{db.now},
		Workers:                     workers,
	})
	if err != nil {
		return fmt.Errorf("store: job client: %w", err)
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("store: start jobs: %w", err)
	}
	db.jobs = client
	return nil
}

// StopJobs waits for the running slices until ctx ends, then cancels them. Stopping twice is fine.
func (db *DB) StopJobs(ctx context.Context) error {
	db.jobsMu.Lock()
	client := db.jobs
	db.jobs = nil
	db.jobsMu.Unlock()
	if client == nil {
		return nil
	}
	if err := client.Stop(ctx); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return client.StopAndCancel(stop)
	}
	return nil
}

func (db *DB) migrateJobs(ctx context.Context) error {
	m, err := rivermigrate.New(db.driver(), &rivermigrate.Config{Logger: db.riverLog()})
	if err != nil {
		return fmt.Errorf("store: job tables: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("store: job tables: %w", err)
	}
	return nil
}

func (db *DB) driver() *driver { return &driver{riversqlite.New(db.write), db.wake} }

// riverLog passes on River's warnings; its information is about itself.
func (db *DB) riverLog() *slog.Logger {
	return slog.New(atLeast{db.log.Handler(), slog.LevelWarn})
}

type atLeast struct {
	slog.Handler
	level slog.Level
}

func (h atLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level && h.Handler.Enabled(ctx, l)
}

func (h atLeast) WithAttrs(a []slog.Attr) slog.Handler {
	return atLeast{h.Handler.WithAttrs(a), h.level}
}

func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.Handler.WithGroup(name), h.level}
}

// retryPolicy repeats a failed slice after 1, 2, 4 ... 60 seconds.
type retryPolicy struct{ now func() time.Time }

func (p retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	wait := time.Minute
	if n := len(job.Errors); n < 6 {
		wait = time.Second << n
	}
	return p.now().Add(wait)
}

// driver is River's SQLite driver, except that the news of a new job does not go through a table that is polled: this
// process is the only one on the database, so the transaction that enqueued wakes the fetcher after its commit.
type driver struct {
	*riversqlite.Driver
	wake *wakeHub
}

var _ riverdriver.Driver[*sql.Tx] = (*driver)(nil)

func (d *driver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return &wakeListener{hub: d.wake}
}

// SupportsListenNotify false keeps River from writing the rows that nobody would read.
func (d *driver) SupportsListenNotify() bool { return false }
