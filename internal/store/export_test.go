package store

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// Freeze ends the signs of life of a server and leaves everything else as it is: to the others it looks dead.
func (db *DB) Freeze() {
	db.member.end()
	<-db.member.done
}

// MigrationStatement is the statement of a migration that begins with some words.
func MigrationStatement(file, begins string) string {
	text, _ := migrationFiles.ReadFile("migrations/" + file) // an empty statement fails its test
	_, rest, _ := strings.Cut(string(text), begins)
	statement, _, _ := strings.Cut(rest, ";")
	return begins + statement
}

// Waiting is how many callers of Write wait for their turn.
func (db *DB) Waiting() int {
	db.turns.mu.Lock()
	defer db.turns.mu.Unlock()
	return len(db.turns.queue)
}

// BePatient has writers share a commit however long that takes.
func (db *DB) BePatient() { db.batchTime = time.Hour }

// Said is a statement with its arguments.
type Said struct {
	Query string
	Args  []any
}

// Listen gives every query of the transaction from now on to hear.
func (tx *Tx) Listen(hear func(Said)) { tx.raw.session = listening{tx.raw.session, hear} }

type listening struct {
	session
	hear func(Said)
}

func (l listening) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	l.hear(Said{query, args})
	return l.session.QueryContext(ctx, query, args...)
}

func (l listening) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	l.hear(Said{query, args})
	return l.session.QueryRowContext(ctx, query, args...)
}
