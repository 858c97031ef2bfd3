package store

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"hash/fnv"

	"github.com/fairlead/fairlead"
)

// Lock is a thing that servers exclude each other from; see [DB.Lock].
type Lock struct {
	name   string
	shared bool
	try    bool
}

// Alone is a lock for one holder. It waits for all others.
func Alone(name string) Lock { return Lock{name: name} }

// Together is a lock for any number of holders, none of which holds it alone.
func Together(name string) Lock { return Lock{name: name, shared: true} }

// AloneNow is Alone that does not wait: when somebody else holds the lock, Lock is a Conflict.
func AloneNow(name string) Lock { return Lock{name: name, try: true} }

// Lock excludes other servers until unlock; within one server it is no substitute for a mutex. Locks are taken in their
// order, so everybody must name them in the same one. On SQLite, which has one server, it does nothing. A lock of a server
// that dies is free at once.
func (db *DB) Lock(ctx context.Context, locks ...Lock) (unlock func(), err error) {
	p, shared := db.sql.(*postgresDB)
	if !shared {
		return func() {}, nil
	}
	conn, err := p.locks.Conn(ctx)
	if err != nil {
		return nil, db.broken(ctx, "lock", err)
	}
	unlock = func() {
		// Without its session none of the locks is held: a connection that cannot unlock is not used again.
		_, err := conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock_all()`)
		if err != nil {
			db.log.Warn("store: a lock was given up with its connection", "error", err)
			discard(conn)
		}
		_ = conn.Close() // gives it back
	}
	for _, l := range locks {
		if err := l.take(ctx, conn); err != nil {
			unlock()
			return nil, err
		}
	}
	return unlock, nil
}

// discard closes a connection instead of giving it back.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return sqldriver.ErrBadConn }) // that is how database/sql is told
}

func (l Lock) take(ctx context.Context, conn *sql.Conn) error {
	h := fnv.New64a()
	_, _ = h.Write([]byte("fairlead lock " + l.name)) // never fails
	key := int64(h.Sum64())                           //nolint:gosec // any 64 bits will do
	if l.try {
		var held bool
		if err := conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock($1)`, key).Scan(&held); err != nil || held {
			return err
		}
		return fairlead.Errorf(fairlead.Conflict, "another server is at work on %s", l.name)
	}
	query := `SELECT pg_advisory_lock($1)`
	if l.shared {
		query = `SELECT pg_advisory_lock_shared($1)`
	}
	if _, err := conn.ExecContext(ctx, query, key); err != nil {
		return fmt.Errorf("store: lock %s: %w", l.name, err)
	}
	return nil
}
