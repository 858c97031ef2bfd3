package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// jobWorkers bounds the jobs of a queue that run at the same time. They mostly wait for the writer or for a target.
const jobWorkers = 256

// QueueTargets is the queue of the work on targets, unless a target has one of its own. An action whose elements take their time to
// become healthy has a job for as long, and so has a container that runs: those must not keep out what runs decide.
const QueueTargets = "targets"

// stopQueue bounds how long the end of one queue waits for its jobs.
const stopQueue = 10 * time.Second

// jobQueues are the queues that a server works.
func jobQueues() []string { return []string{river.QueueDefault, QueueTargets} }

// jobQueue is River on one database.
type jobQueue interface {
	migrate(ctx context.Context) error
	insert(ctx context.Context, tx *Tx, args river.JobArgs, opts *river.InsertOpts) (queue string, err error)
	// completed takes note of jobs that a committed transaction has completed.
	completed(ids []int64)
	// stamp is a time in the job table, and argsText the expression for a job's arguments as JSON.
	stamp(t time.Time) any
	argsText() string
	// start begins to work jobs under a name that no other server has.
	start(ctx context.Context, name string, workers *river.Workers) error
	stop(ctx context.Context) error
	// work adds a queue to those that this server works, until unwork.
	work(queue string) error
	unwork(ctx context.Context, queue string) error
	// working reports whether this server works a job now.
	working(id int64) bool
}

// maxAttempts is how often a job is tried: until its owner ends it.
const maxAttempts = 10_000

// Enqueue adds a job that exists only if the transaction commits; then it starts at once, or at opts.ScheduledAt. Of opts only
// the time and the queue count.
func (tx *Tx) Enqueue(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) error {
	queue, err := tx.db.jobs.insert(ctx, tx, args, opts)
	if err != nil {
		return fmt.Errorf("store: enqueue %s: %w", args.Kind(), err)
	}
	if tx.news.queues == nil {
		tx.news.queues = map[string]struct{}{}
	}
	tx.news.queues[queue] = struct{}{}
	return nil
}

// CompleteJob marks the job that is being worked as done in the same transaction as its effects, which saves a commit and
// leaves no moment between the two. It fails when another attempt at the job has begun, because this server was taken for dead.
func CompleteJob[T river.JobArgs](ctx context.Context, tx *Tx, job *river.Job[T]) error {
	const q = `UPDATE river_job SET state = 'completed', finalized_at = $1 WHERE id = $2 AND attempt = $3 AND state = 'running'`
	res, err := tx.Exec(ctx, q, tx.db.jobs.stamp(time.Now()), job.ID, job.Attempt)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fmt.Errorf("store: job %d (%s) is not worked by this attempt any more", job.ID, job.Kind), err)
	}
	tx.completed = append(tx.completed, job.ID)
	return nil
}

// OpenJobs lists the arguments of the jobs of a kind that wait or run.
func (tx *Tx) OpenJobs(ctx context.Context, kind string) ([]json.RawMessage, error) {
	q := `SELECT ` + tx.db.jobs.argsText() + ` FROM river_job WHERE kind = $1 AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')`
	rows, err := tx.Query(ctx, q, kind)
	return Collect(rows, err, func(row Row) (args json.RawMessage, err error) { return args, row.Scan((*[]byte)(&args)) })
}

// StartJobs begins to work the jobs of the kinds in workers. Jobs that were running when the last life of the server ended
// are taken back: at once on SQLite, where this process is the only one; on PostgreSQL as soon as the servers have noticed.
func (db *DB) StartJobs(ctx context.Context, workers *river.Workers) error {
	if db.member != nil {
		return db.member.join(ctx, workers)
	}
	return db.jobs.start(ctx, "", workers)
}

// StopJobs waits for the running slices until ctx ends, then cancels them. Stopping twice is fine.
func (db *DB) StopJobs(ctx context.Context) error {
	if db.member != nil {
		return db.member.leave(ctx)
	}
	if db.jobs == nil {
		return nil
	}
	return db.jobs.stop(ctx)
}

// HoldQueue is [DB.Hold] of a queue: fn runs on one server of all that call it, and that one alone works the jobs of the
// queue while fn runs. The jobs have started before.
func (db *DB) HoldQueue(ctx context.Context, queue string, fn func(ctx context.Context) error) error {
	return db.Hold(ctx, "queue "+queue, func(ctx context.Context) error {
		if err := db.jobs.work(queue); err != nil {
			return err
		}
		defer func() {
			// Canceled jobs hand over soon; what does not is left to end with the server.
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopQueue)
			defer cancel()
			if err := db.jobs.unwork(stop, queue); err != nil {
				db.log.Warn("store: jobs of a queue did not end", "queue", queue, "error", err)
			}
		}()
		return fn(ctx)
	})
}

// riverQueue is a jobQueue for the transactions of one driver.
type riverQueue[T any] struct {
	db       *DB
	driver   riverdriver.Driver[T]
	words    jobWords
	done     *doneJobs
	takeBack func(context.Context) error // at start; nil where other servers may run

	mu     sync.Mutex
	client *river.Client[T]
	active map[int64]struct{}
}

// jobWords is what differs between the databases when a job is stored. River would do it, in a savepoint and reading back each
// row, at several times the price.
type jobWords struct {
	insert string // args, created_at, kind, max_attempts, queue, scheduled_at, state
	args   string // as JSON text
	stamp  func(time.Time) any
	now    func(time.Time) any // a stamp of the present that River, when it fetches, does not take for later
}

func (q *riverQueue[T]) migrate(ctx context.Context) error {
	m, err := rivermigrate.New(q.driver, &rivermigrate.Config{Logger: q.db.riverLog()})
	if err != nil {
		return fmt.Errorf("store: job tables: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("store: job tables: %w", err)
	}
	return nil
}

// soon is up to when a job that is due later is looked for every second; one that is due after that is looked for every five.
const soon = 10 * time.Second

func (q *riverQueue[T]) insert(ctx context.Context, tx *Tx, args river.JobArgs, opts *river.InsertOpts) (string, error) {
	b, err := json.Marshal(args)
	if err != nil {
		return "", err
	}
	now := time.Now()
	created := q.words.now(now)
	queue, due, state := river.QueueDefault, created, rivertype.JobStateAvailable
	if opts != nil {
		queue = cmp.Or(opts.Queue, queue)
		if opts.ScheduledAt.After(now) {
			due = q.stamp(opts.ScheduledAt)
		}
		if opts.ScheduledAt.Sub(now) > soon {
			state = rivertype.JobStateScheduled
		}
	}
	_, err = tx.Exec(ctx, q.words.insert, string(b), created, args.Kind(), maxAttempts, queue, due, string(state))
	return queue, err
}

func (q *riverQueue[T]) argsText() string { return q.words.args }

func (q *riverQueue[T]) stamp(t time.Time) any { return q.words.stamp(t) }

func (q *riverQueue[T]) completed(ids []int64) { q.done.add(ids) }

func (q *riverQueue[T]) start(ctx context.Context, name string, workers *river.Workers) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.client != nil {
		return errors.New("store: jobs were started already")
	}
	if q.takeBack != nil {
		if err := q.takeBack(ctx); err != nil {
			return fmt.Errorf("store: take back jobs: %w", err)
		}
	}
	q.active = map[int64]struct{}{}
	queues := map[string]river.QueueConfig{}
	for _, queue := range jobQueues() {
		queues[queue] = river.QueueConfig{MaxWorkers: jobWorkers}
	}
	client, err := river.NewClient(q.driver, &river.Config{
		ID:                          name,
		CompletedJobRetentionPeriod: 10 * time.Minute,
		FetchCooldown:               time.Millisecond,
		FetchPollInterval:           time.Second, // only a fallback: commits wake the fetcher
		JobTimeout:                  -1,          // a slice bounds itself
		Logger:                      q.db.riverLog(),
		Middleware:                  []rivertype.Middleware{river.WorkerMiddlewareFunc(q.follow)},
		Queues:                      queues,
		RescueStuckJobsAfter:        time.Hour,
		RetryPolicy:                 retryPolicy{q.db.now},
		Workers:                     workers,
	})
	if err != nil {
		return fmt.Errorf("store: job client: %w", err)
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("store: start jobs: %w", err)
	}
	q.client = client
	return nil
}

func (q *riverQueue[T]) work(queue string) error {
	q.mu.Lock()
	client := q.client
	q.mu.Unlock()
	if client == nil {
		return errors.New("store: jobs are not started")
	}
	return client.Queues().Add(queue, river.QueueConfig{MaxWorkers: jobWorkers})
}

func (q *riverQueue[T]) unwork(ctx context.Context, queue string) error {
	q.mu.Lock()
	client := q.client
	q.mu.Unlock()
	if client == nil {
		return nil
	}
	return client.Queues().Remove(ctx, queue)
}

// follow keeps track of the jobs that this server works.
func (q *riverQueue[T]) follow(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
	q.mu.Lock()
	q.active[job.ID] = struct{}{}
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		delete(q.active, job.ID)
		q.mu.Unlock()
	}()
	return work(ctx)
}

func (q *riverQueue[T]) working(id int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, is := q.active[id]
	return is
}

func (q *riverQueue[T]) stop(ctx context.Context) error {
	q.mu.Lock()
	client := q.client
	q.client = nil
	q.mu.Unlock()
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

// doneJobs are the jobs that transactions of ours have completed while River still believes that they run.
type doneJobs struct {
	mu  sync.Mutex
	ids map[int64]struct{}
}

func newDoneJobs() *doneJobs { return &doneJobs{ids: map[int64]struct{}{}} }

func (d *doneJobs) add(ids []int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		d.ids[id] = struct{}{}
	}
}

// take reports whether a job is one of them, and forgets it.
func (d *doneJobs) take(id int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, is := d.ids[id]
	delete(d.ids, id)
	return is
}

// completer is River's executor, except that it does not store once more that a job is done.
type completer struct {
	riverdriver.Executor
	done *doneJobs
}

func (c completer) JobSetStateIfRunningMany(ctx context.Context, p *riverdriver.JobSetStateIfRunningManyParams) ([]*rivertype.JobRow, error) {
	rest := *p
	rest.ID, rest.Attempt, rest.ErrData, rest.FinalizedAt, rest.MetadataDoMerge = nil, nil, nil, nil, nil
	rest.MetadataUpdates, rest.ScheduledAt, rest.State = nil, nil, nil
	for i, id := range p.ID {
		if c.done.take(id) {
			continue
		}
		rest.ID = append(rest.ID, id)
		rest.Attempt = append(rest.Attempt, p.Attempt[i])
		rest.ErrData = append(rest.ErrData, p.ErrData[i])
		rest.FinalizedAt = append(rest.FinalizedAt, p.FinalizedAt[i])
		rest.MetadataDoMerge = append(rest.MetadataDoMerge, p.MetadataDoMerge[i])
		rest.MetadataUpdates = append(rest.MetadataUpdates, p.MetadataUpdates[i])
		rest.ScheduledAt = append(rest.ScheduledAt, p.ScheduledAt[i])
		rest.State = append(rest.State, p.State[i])
	}
	if len(rest.ID) == 0 {
		return nil, nil
	}
	return c.Executor.JobSetStateIfRunningMany(ctx, &rest)
}
