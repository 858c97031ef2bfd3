package store

import (
	"context"
	"database/sql"
)

// database is what differs between SQLite and PostgreSQL. The texts of the queries do not: see the package documentation.
type database interface {
	// begin starts a writing transaction when no other one is open, on any server.
	begin(ctx context.Context) (*txn, error)
	// snapshot starts a reading transaction, which sees one state and waits for nobody.
	snapshot(ctx context.Context) (*txn, error)
	// migrating calls fn while no other server migrates.
	migrating(ctx context.Context, fn func() error) error
	// schema is the text of a migration in the words of the database.
	schema(text string) string
	// arguments are the arguments of a statement as the database takes them.
	arguments(args []any) []any
	// duplicate tells that a statement broke a promise of uniqueness, and which.
	duplicate(err error) (what string, ok bool)
	// queue is the job queue in the database. It is asked for once.
	queue(db *DB) jobQueue
	ping(ctx context.Context) error
	close() error
}

// session is what a transaction can do.
type session interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// txn is one transaction of a database.
type txn struct {
	session
	// commit ends the transaction well. news is what it tells other servers: queues with new jobs, and whether watchers have
	// something to see.
	commit func(ctx context.Context, news news) error
	// mark begins a part of the transaction, and back takes back what was done since the last mark.
	mark, back func(ctx context.Context) error
	// rollback ends it otherwise; after commit it only gives back what the transaction holds.
	rollback func()
}

// news is what a committed transaction tells those who wait.
type news struct {
	queues  map[string]struct{}
	changed bool
}

// tell passes news on within this process.
func (db *DB) tell(n news) {
	for queue := range n.queues {
		db.wake.signal(queue)
	}
	if n.changed {
		db.notify()
	}
}

// steady runs statements whole or not at all: [Tx] looks at the end of a context before each, and nothing does in the middle.
// Watching for it there costs SQLite a goroutine or two for each statement, more than most of ours take. PostgreSQL would lose
// the connection, with the parts of others in the same transaction; it also does when a statement comes with an ended context.
type steady struct{ *sql.Conn }

func (s steady) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return s.Conn.ExecContext(context.WithoutCancel(ctx), query, args...)
}

func (s steady) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return s.Conn.QueryContext(context.WithoutCancel(ctx), query, args...)
}

func (s steady) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return s.Conn.QueryRowContext(context.WithoutCancel(ctx), query, args...)
}
