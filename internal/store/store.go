// Package store keeps the state of the server in SQLite or PostgreSQL and lets a transaction enqueue jobs that exist only if
// it commits.
//
// Each noun has one file with its queries and a numbered migration. Everything here is plain SQL with $n parameters, which
// are numbered in the order of their first use, and runs on both databases as it stands; what differs is in [database]
// and nowhere else. On both, writing transactions follow one another, on PostgreSQL across all servers. The package knows
// nothing of targets, templates' meaning or HTTP, and decides no permission.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/fairlead/fairlead"
)

// Config says where the database is. Dir is required.
type Config struct {
	// Dir is the data directory; it is made with mode 0700 when absent. It holds the key file and, unless URL says otherwise,
	// fairlead.db.
	Dir string
	// URL is a PostgreSQL database, postgres://user:password@host:5432/database. Default: SQLite in Dir.
	URL string
	// Key is the content of a key file, in place of one. Default: the file KeyFile.
	Key string
	// KeyFile is the file with the key that seals secrets. Default: key in Dir.
	KeyFile string
	// Log receives migrations and trouble. Default: discarded.
	Log *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Hasty is for tests alone: SQLite does not wait for the disk, so a machine that loses its power loses commits. Default: false.
	Hasty bool
}

// DB is an open database with one writer and readers beside it. Safe for concurrent use.
type DB struct {
	sql  database
	aead tink.AEAD
	log  *slog.Logger
	now  func() time.Time

	turns     turns
	batchTime time.Duration
	wake      *wakeHub
	jobs      jobQueue
	member    *member // nil on SQLite, which has one server

	watchMu  sync.Mutex
	watchers map[chan struct{}]struct{}
}

// Open opens the database, makes it when absent and migrates it. Close it when done.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: make the data directory: %w", err)
	}
	db := &DB{log: cfg.Log, now: cfg.Now, batchTime: batchTime, wake: newWakeHub(), watchers: map[chan struct{}]struct{}{}}
	var err error
	if cfg.URL == "" {
		if err := mustHaveKey(cfg); err != nil {
			return nil, err
		}
		db.sql, err = openSQLite(cfg.Dir, cfg.Hasty)
	} else {
		db.sql, err = openPostgres(ctx, cfg.URL)
	}
	if err != nil {
		return nil, err
	}
	if err := db.start(ctx, cfg); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) start(ctx context.Context, cfg Config) error {
	db.jobs = db.sql.queue(db)
	err := db.sql.migrating(ctx, func() error {
		if err := db.migrate(ctx); err != nil {
			return err
		}
		if err := db.jobs.migrate(ctx); err != nil {
			return err
		}
		return db.openKey(ctx, cfg)
	})
	if err != nil {
		return err
	}
	if p, shared := db.sql.(*postgresDB); shared {
		p.listen(db.log, jobQueues(), db.tell)
		db.member = newMember(p, db.log, db.jobs, db.tell, cfg.Dir)
	}
	return nil
}

// Shared tells that other servers may work on the same database.
func (db *DB) Shared() bool { return db.member != nil }

// Close stops the jobs, if they run, and closes the database.
func (db *DB) Close() error {
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	errs = append(errs, db.StopJobs(ctx))
	return errors.Join(append(errs, db.sql.close())...)
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.sql.ping(ctx); err != nil {
		return unavailable(err)
	}
	return nil
}

// Tx is one transaction. It carries one fixed time for everything that it writes. It belongs to one goroutine.
type Tx struct {
	// Now is the time of the transaction in UTC.
	Now time.Time

	db        *DB
	raw       *txn
	news      news
	completed []int64 // jobs
}

// Read runs fn on one consistent snapshot. fn must not write.
func (db *DB) Read(ctx context.Context, fn func(tx *Tx) error) error {
	raw, err := db.sql.snapshot(ctx)
	if err != nil {
		return db.broken(ctx, "begin", err)
	}
	defer raw.rollback()
	return fn(&Tx{Now: db.now().UTC(), db: db, raw: raw})
}

// broken is a failure of the database itself; one that is elsewhere may answer again later.
func (db *DB) broken(ctx context.Context, step string, err error) error {
	if db.Shared() && ctx.Err() == nil {
		return unavailable(fmt.Errorf("%s: %w", step, err))
	}
	return fmt.Errorf("store: %s: %w", step, err)
}

// Exec runs a statement, unless ctx has ended. Breaking a promise of uniqueness is a Conflict.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	res, err := tx.raw.ExecContext(ctx, query, tx.db.sql.arguments(args)...)
	if what, ok := tx.db.sql.duplicate(err); ok {
		return nil, fairlead.Errorf(fairlead.Conflict, "it exists already: %s", what)
	}
	return res, err
}

// Query runs a query, unless ctx has ended. The caller closes the rows, before the next statement; see [Collect].
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return tx.raw.QueryContext(ctx, query, tx.db.sql.arguments(args)...)
}

// QueryRow runs a query for at most one row, unless ctx has ended.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) Row {
	if err := ctx.Err(); err != nil {
		return noRow{err}
	}
	return tx.raw.QueryRowContext(ctx, query, tx.db.sql.arguments(args)...)
}

// noRow is the row of a query that was not run.
type noRow struct{ err error }

func (r noRow) Scan(...any) error { return r.err }

// Seal encrypts with the key of the data directory; see [DB.Seal].
func (tx *Tx) Seal(b []byte) ([]byte, error) { return tx.db.Seal(b) }

// Unseal decrypts what Seal gave.
func (tx *Tx) Unseal(b []byte) ([]byte, error) { return tx.db.Unseal(b) }

// Changed wakes the watchers when the transaction commits.
func (tx *Tx) Changed() { tx.news.changed = true }

// Watch returns a channel that is signalled after commits that changed something to see (events, log lines, states).
// Signals are coalesced: after one, read everything that is new. Call cancel when done.
func (db *DB) Watch() (changed <-chan struct{}, cancel func()) {
	ch := make(chan struct{}, 1)
	db.watchMu.Lock()
	db.watchers[ch] = struct{}{}
	db.watchMu.Unlock()
	return ch, func() {
		db.watchMu.Lock()
		delete(db.watchers, ch)
		db.watchMu.Unlock()
	}
}

func (db *DB) notify() {
	db.watchMu.Lock()
	defer db.watchMu.Unlock()
	for ch := range db.watchers {
		select {
		case ch <- struct{}{}:
		default: // a signal is waiting already
		}
	}
}

// timeLayout has a fixed width, so that text order is time order.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

// Time is a time as it is stored.
func Time(t time.Time) string { return t.UTC().Format(timeLayout) }

// NullTime is an optional time as it is stored.
func NullTime(t *time.Time) any {
	if t == nil {
		return nil
	}
	return Time(*t)
}

// ScanTime reads a stored time into t.
func ScanTime(t *time.Time) sql.Scanner { return timeScanner{t: t} }

// ScanNullTime reads an optional stored time into t.
func ScanNullTime(t **time.Time) sql.Scanner { return timeScanner{opt: t} }

type timeScanner struct {
	t   *time.Time
	opt **time.Time
}

func (s timeScanner) Scan(src any) error {
	var at time.Time
	switch src := src.(type) {
	case nil:
		if s.opt == nil {
			return errors.New("time is null")
		}
		*s.opt = nil
		return nil
	case time.Time:
		at = src.UTC()
	case string:
		var err error
		if at, err = time.Parse(timeLayout, src); err != nil {
			return err
		}
	default:
		return fmt.Errorf("time has type %T", src)
	}
	if s.opt != nil {
		*s.opt = &at
	} else {
		*s.t = at
	}
	return nil
}

// Collect reads all rows with scan, closes them and returns what it read.
func Collect[T any](rows *sql.Rows, err error, scan func(row Row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Row is what one row can do: *sql.Row and *sql.Rows.
type Row interface{ Scan(dest ...any) error }

// NotFound turns sql.ErrNoRows into a NotFound error that says what was looked for, and passes other errors on.
func NotFound(err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fairlead.Errorf(fairlead.NotFound, format, args...)
	}
	return err
}

// afterAllIDs stands for no cursor in lists by id that begin with the newest. With a condition for both cases no index would be used.
const afterAllIDs = "~"

// Page cuts a list that was read with limit+1 to limit and returns the cursor of the next page, empty at the end.
func Page[T any](list []T, limit int, cursor func(T) string) ([]T, string) {
	if len(list) <= limit {
		return list, ""
	}
	return list[:limit], cursor(list[limit-1])
}
