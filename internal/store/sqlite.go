package store

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/fairlead/fairlead"
)

// databaseFile is the name of SQLite's file in the data directory.
const databaseFile = "fairlead.db"

// readers bounds the connections that read at the same time.
const readers = 4

// sqliteDB is a file of this process alone.
type sqliteDB struct {
	path  string
	write *sql.DB // one connection: SQLite has one writer, and waiting in Go is fair and cheap
	read  *sql.DB
}

func openSQLite(dir string, hasty bool) (*sqliteDB, error) {
	path := filepath.Join(dir, databaseFile)
	if err := keepPrivate(path); err != nil {
		return nil, err
	}
	write, err := connectSQLite(path, "immediate", sqliteSync(hasty), false, 1)
	if err != nil {
		return nil, err
	}
	read, err := connectSQLite(path, "deferred", sqliteSync(hasty), true, readers)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return &sqliteDB{path: path, write: write, read: read}, nil
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

// sqliteSync is how far SQLite waits for the disk at a commit.
func sqliteSync(hasty bool) string {
	if hasty {
		return "synchronous(OFF)"
	}
	return "synchronous(FULL)"
}

func connectSQLite(path, lock, sync string, readOnly bool, conns int) (*sql.DB, error) {
	q := url.Values{"_txlock": {lock}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", sync, "foreign_keys(ON)", "cache_size(-16000)",
	}}
	if readOnly {
		q.Add("_pragma", "query_only(ON)")
	}
	connector, err := newConnector("file:" + escapePath(path) + "?" + q.Encode())
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// escapePath is a path as it stands in SQLite's addresses.
func escapePath(path string) string { return (&url.URL{Path: path}).EscapedPath() }

func (s *sqliteDB) begin(ctx context.Context) (*txn, error) {
	return beginSQLite(ctx, s.write, "BEGIN IMMEDIATE")
}

func (s *sqliteDB) snapshot(ctx context.Context) (*txn, error) {
	return beginSQLite(ctx, s.read, "BEGIN")
}

// beginSQLite waits for a connection and starts a transaction on it.
func beginSQLite(ctx context.Context, db *sql.DB, begin string) (*txn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := steady{conn}
	if _, err := s.ExecContext(ctx, begin); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	do := func(ctx context.Context, what string) error {
		_, err := s.ExecContext(ctx, what)
		return err
	}
	committed, marked := false, false
	return &txn{
		session: s,
		mark: func(ctx context.Context) error {
			if marked { // savepoints that stand within each other cost more and more
				if err := do(ctx, "RELEASE part"); err != nil {
					return err
				}
			}
			marked = true
			return do(ctx, "SAVEPOINT part")
		},
		back: func(ctx context.Context) error { return do(ctx, "ROLLBACK TO part") },
		commit: func(ctx context.Context, _ news) error {
			err := do(ctx, "COMMIT")
			committed = err == nil
			return err
		},
		rollback: sync.OnceFunc(func() {
			if !committed && do(ctx, "ROLLBACK") != nil { // it is not known what state the connection is in
				_ = conn.Raw(func(any) error { return sqldriver.ErrBadConn })
			}
			_ = conn.Close() // gives the connection back
		}),
	}, nil
}

// migrating needs no lock: the owner of the data directory sees to it that this process is the only one.
func (s *sqliteDB) migrating(_ context.Context, fn func() error) error { return fn() }

func (s *sqliteDB) schema(text string) string { return text }

func (s *sqliteDB) arguments(args []any) []any { return args }

func (s *sqliteDB) duplicate(err error) (string, bool) {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok || e.Code() != sqlite3.SQLITE_CONSTRAINT_UNIQUE && e.Code() != sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY {
		return "", false
	}
	return e.Error(), true
}

func (s *sqliteDB) ping(ctx context.Context) error { return s.read.PingContext(ctx) }

func (s *sqliteDB) close() error { return errors.Join(s.read.Close(), s.write.Close()) }

func (s *sqliteDB) queue(db *DB) jobQueue {
	driver := &sqliteDriver{riversqlite.New(s.write), db.wake, newDoneJobs()}
	stamp := func(t time.Time) any { return t.UTC().Round(time.Millisecond).Format("2006-01-02 15:04:05.000") }
	return &riverQueue[*sql.Tx]{db: db, driver: driver, done: driver.done, takeBack: s.takeBack, words: jobWords{
		insert: `INSERT INTO river_job (args, created_at, kind, max_attempts, queue, scheduled_at, state)
VALUES (jsonb($1), $2, $3, $4, $5, $6, $7)`,
		args:  `json(args)`,
		stamp: stamp,
		now:   func(t time.Time) any { return stamp(t.Truncate(time.Millisecond)) }, // the clock of SQLite, by which River fetches, does so
	}}
}

// takeBack makes jobs available that were running when the last life of the server ended.
func (s *sqliteDB) takeBack(ctx context.Context) error {
	_, err := s.write.ExecContext(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'running'`)
	return err
}

// sqliteDriver is River's SQLite driver, except that the news of a new job does not go through a table that is polled: this
// process is the only one on the database, so the transaction that enqueued wakes the fetcher after its commit.
type sqliteDriver struct {
	*riversqlite.Driver
	wake *wakeHub
	done *doneJobs
}

func (d *sqliteDriver) GetExecutor() riverdriver.Executor {
	return completer{d.Driver.GetExecutor(), d.done}
}

var _ riverdriver.Driver[*sql.Tx] = (*sqliteDriver)(nil)

func (d *sqliteDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return &wakeListener{hub: d.wake}
}

// SupportsListenNotify false keeps River from writing the rows that nobody would read.
func (d *sqliteDriver) SupportsListenNotify() bool { return false }

// unavailable says that the database does not answer.
func unavailable(err error) error {
	return fairlead.Errorf(fairlead.Unavailable, "the database does not answer: %w", err)
}
