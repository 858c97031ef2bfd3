package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

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

func (s *sqliteDB) begin(ctx context.Context) (*txn, error) { return beginSQL(ctx, s.write, nil) }

func (s *sqliteDB) snapshot(ctx context.Context) (*txn, error) { return beginSQL(ctx, s.read, nil) }

// beginSQL starts a transaction that database/sql looks after.
func beginSQL(ctx context.Context, db *sql.DB, opts *sql.TxOptions) (*txn, error) {
	raw, err := db.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &txn{
		session:  raw,
		sqlite:   raw,
		commit:   func(context.Context, news) error { return raw.Commit() },
		rollback: func() { _ = raw.Rollback() }, // fails after a commit, and then has nothing to do
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
	driver := &sqliteDriver{riversqlite.New(s.write), db.wake}
	return &riverQueue[*sql.Tx]{db: db, driver: driver, raw: func(t *txn) *sql.Tx { return t.sqlite }, takeBack: s.takeBack}
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
