package store

import (
	"context"
	"errors"
	"time"
)

var errLeaseLost = errors.New("store: another server may do this now")

// Hold runs fn on one server of all that call Hold with the same name; the others wait, and one of them takes over within
// seconds when that server ends or dies. The context of fn ends with ctx, and when the server can no longer be sure that it
// is the one; fn is called again when it is. Hold returns when fn returns while ctx and the lease last, or when ctx ends.
func (db *DB) Hold(ctx context.Context, name string, fn func(ctx context.Context) error) error {
	if db.member == nil {
		return fn(ctx)
	}
	for {
		sure, id, err := db.member.acquire(ctx, name)
		if err != nil {
			return err
		}
		held, end := context.WithCancelCause(ctx)
		stop := context.AfterFunc(sure, func() { end(errLeaseLost) })
		err = fn(held)
		lost := errors.Is(context.Cause(held), errLeaseLost)
		stop()
		end(nil)
		if lost && ctx.Err() == nil {
			continue
		}
		return errors.Join(err, db.member.release(context.WithoutCancel(ctx), name, id))
	}
}

// acquire waits until this server has a lease. sure ends when that is no longer certain.
func (m *member) acquire(ctx context.Context, name string) (sure context.Context, id string, err error) {
	for {
		m.mu.Lock()
		id, sure = m.id, m.sure
		news, able := m.news, m.doubt != nil
		m.mu.Unlock()
		if able && m.claim(ctx, name, id) {
			return sure, id, nil
		}
		timer := time.NewTimer(beatEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, "", context.Cause(ctx)
		case <-news:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// claim takes a free lease. A database that does not answer is asked again later.
func (m *member) claim(ctx context.Context, name, id string) bool {
	const q = `INSERT INTO leases (name, server) SELECT $1, id FROM servers WHERE id = $2
ON CONFLICT (name) DO UPDATE SET server = excluded.server WHERE leases.server = excluded.server`
	tag, err := m.pool.Exec(ctx, q, name, id)
	return err == nil && tag.RowsAffected() == 1
}

func (m *member) release(ctx context.Context, name, id string) error {
	ctx, cancel := context.WithTimeout(ctx, beatTime)
	defer cancel()
	_, err := m.pool.Exec(ctx, `DELETE FROM leases WHERE name = $1 AND server = $2`, name, id)
	return err
}
