// Package store keeps the state of the server in SQLite and lets a transaction enqueue jobs that exist only if it commits.
//
// Each noun has one file with its queries and a numbered migration. Everything here is plain SQL with $n parameters, which
// are numbered in the order of their first use. The package knows nothing of targets, templates' meaning or HTTP, and
// decides no permission.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/fairlead/fairlead"
)

// Config says where the database is. Dir is required.
type Config struct {
	// Dir is the data directory; it is made with mode 0700 when absent. It holds fairlead.db and the key file.
	Dir string
	// Log receives migrations and trouble. Default: discarded.
	Log *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// DB is an open database with one writer and readers beside it. Safe for concurrent use.
type DB struct {
	write *sql.DB // one connection: SQLite has one writer, and waiting in Go is fair and cheap
	read  *sql.DB
	aead  tink.AEAD
	log   *slog.Logger
	now   func() time.Time

	wake     *wakeHub
	inserter *river.Client[*sql.Tx]
	jobsMu   sync.Mutex
	jobs     *river.Client[*sql.Tx]

	watchMu  sync.Mutex
	watchers map[chan struct{}]struct{}
}

// readers bounds the connections that read at the same time.
const readers = 4

// Open opens the database below cfg.Dir, makes it when absent, migrates it and takes back the jobs that the last life of
// the server left running. Close it when done.
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
	path, key := filepath.Join(cfg.Dir, "fairlead.db"), filepath.Join(cfg.Dir, "key")
	aead, err := openKey(key, path)
	if err != nil {
		return nil, err
	}
	if err := keepPrivate(path); err != nil {
		return nil, err
	}
	db := &DB{aead: aead, log: cfg.Log, now: cfg.Now, wake: newWakeHub(), watchers: map[chan struct{}]struct{}{}}
	if db.write, err = openSQLite(path, "immediate", false, 1); err != nil {
		return nil, err
	}
	if err := db.start(ctx, path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := db.checkKey(ctx, key); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// keepPrivate makes the database file when absent, and takes it and the files beside it from everybody else: the data
// directory may have been made by a person, readable for all. SQLite gives new files beside it the mode of the database.
func keepPrivate(path string) error {
	const mode = 0o600
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, mode)
	if err != nil {
		return fmt.Errorf("store: open the database: %w", err)
	}
	if err := errors.Join(f.Chmod(mode), f.Close()); err != nil {
		return fmt.Errorf("store: make the database private: %w", err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Chmod(path+suffix, mode); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("store: make the database private: %w", err)
		}
	}
	return nil
}

func (db *DB) start(ctx context.Context, path string) error {
	if err := db.migrate(ctx); err != nil {
		return err
	}
	if err := db.migrateJobs(ctx); err != nil {
		return err
	}
	var err error
	if db.read, err = openSQLite(path, "deferred", true, readers); err != nil {
		return err
	}
	db.inserter, err = river.NewClient(db.driver(), &river.Config{Logger: db.riverLog()})
	if err != nil {
		return fmt.Errorf("store: job client: %w", err)
	}
	return nil
}

func openSQLite(path, lock string, readOnly bool, conns int) (*sql.DB, error) {
	q := url.Values{"_txlock": {lock}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "cache_size(-16000)",
	}}
	if readOnly {
		q.Add("_pragma", "query_only(ON)")
	}
	connector, err := newConnector("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode())
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// Close stops the jobs, if they run, and closes the database.
func (db *DB) Close() error {
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	errs = append(errs, db.StopJobs(ctx))
	for _, c := range []*sql.DB{db.read, db.write} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.read.PingContext(ctx); err != nil {
		return fairlead.Errorf(fairlead.Unavailable, "the database does not answer: %w", err)
	}
	return nil
}

// Tx is one transaction. It carries one fixed time for everything that it writes. It belongs to one goroutine.
type Tx struct {
	// Now is the time of the transaction in UTC.
	Now time.Time

	db       *DB
	tx       *sql.Tx
	enqueued map[string]struct{} // queues with new jobs
	changed  bool                // watchers have something to see
}

// Write runs fn in the one writing transaction. When fn returns nil the transaction commits, which makes it durable, and
// then wakes jobs and watchers; otherwise nothing of it remains. fn must not call Write or Read: the first would wait for
// itself. It must not talk to the network, because every other writer waits.
func (db *DB) Write(ctx context.Context, fn func(tx *Tx) error) error {
	raw, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: begin: %w", err)
	}
	defer raw.Rollback() //nolint:errcheck // no effect after a commit
	tx := &Tx{Now: db.now().UTC(), db: db, tx: raw}
	if err := fn(tx); err != nil {
		return err
	}
	if err := raw.Commit(); err != nil {
		return fmt.Errorf("store: commit: %w", err)
	}
	for queue := range tx.enqueued {
		db.wake.signal(queue)
	}
	if tx.changed {
		db.notify()
	}
	return nil
}

// Read runs fn on one consistent snapshot. fn must not write.
func (db *DB) Read(ctx context.Context, fn func(tx *Tx) error) error {
	raw, err := db.read.BeginTx(ctx, &sql.TxOptions{})
	if err != nil {
		return fmt.Errorf("store: begin: %w", err)
	}
	defer raw.Rollback() //nolint:errcheck // a snapshot has nothing to lose
	return fn(&Tx{Now: db.now().UTC(), db: db, tx: raw})
}

// Exec runs a statement.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return tx.tx.ExecContext(ctx, query, args...)
}

// Query runs a query. The caller closes the rows; see [Collect].
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.tx.QueryContext(ctx, query, args...)
}

// QueryRow runs a query for at most one row.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.tx.QueryRowContext(ctx, query, args...)
}

// Raw is the transaction below, for River.
func (tx *Tx) Raw() *sql.Tx { return tx.tx }

// Seal encrypts with the key of the data directory; see [DB.Seal].
func (tx *Tx) Seal(b []byte) ([]byte, error) { return tx.db.Seal(b) }

// Unseal decrypts what Seal gave.
func (tx *Tx) Unseal(b []byte) ([]byte, error) { return tx.db.Unseal(b) }

// Changed wakes the watchers when the transaction commits.
func (tx *Tx) Changed() { tx.changed = true }

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

// Page cuts a list that was read with limit+1 to limit and returns the cursor of the next page, empty at the end.
func Page[T any](list []T, limit int, cursor func(T) string) ([]T, string) {
	if len(list) <= limit {
		return list, ""
	}
	return list[:limit], cursor(list[limit-1])
}
