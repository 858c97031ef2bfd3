package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// What one transaction of the database may hold of closures that waited for each other: so many, and for so long.
const (
	batchSize = 32
	batchTime = 10 * time.Millisecond
)

// Write runs fn in the one writing transaction of all servers. When fn returns nil and Write does, what fn did is durable, and
// jobs and watchers are woken; otherwise nothing of it remains. fn is called once. It must not call Write or Read: the first
// would wait for itself. It must not talk to the network, because every other writer waits. After a statement has failed, fn
// must return its error: PostgreSQL takes no other statement then. The [Trace] of a request goes with its first change.
func (db *DB) Write(ctx context.Context, fn func(tx *Tx) error) error {
	t := TraceOf(ctx)
	if t == nil || t.stored {
		return db.write(ctx, fn)
	}
	err := db.write(ctx, func(tx *Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return tx.insertTrace(ctx, t)
	})
	t.stored = err == nil
	return err
}

// write lets those who wait for their turn share the commit, whose price is that of the disk: each does its part after the
// other, and the last one commits for all. What one of them does wrong is taken back alone.
func (db *DB) write(ctx context.Context, fn func(tx *Tx) error) error {
	b, err := db.turns.take(ctx)
	if err != nil {
		return db.broken(ctx, "begin", err)
	}
	if b == nil {
		raw, err := db.sql.begin(ctx)
		if err != nil {
			db.turns.release()
			return db.broken(ctx, "begin", err)
		}
		b = &batch{raw: raw, begun: time.Now(), done: make(chan struct{})}
	}
	err = db.part(ctx, b, fn)
	if b.err == nil && b.parts > 0 && b.parts < batchSize && time.Since(b.begun) < db.batchTime && db.turns.pass(b) {
		if err != nil {
			return err
		}
		<-b.done
		return b.err
	}
	db.end(ctx, b)
	if err != nil {
		return err
	}
	return b.err
}

// batch is a transaction of the database that holds the parts of several callers of Write. Whoever has the turn owns it.
type batch struct {
	raw       *txn
	begun     time.Time
	parts     int // that went well
	news      news
	completed []int64 // jobs

	done chan struct{} // closed at the end
	err  error         // set before: nothing of the batch is stored. It is for all, whoever's context has ended
}

// part does the part of one caller. When it fails, nothing of it remains in the batch.
func (db *DB) part(ctx context.Context, b *batch, fn func(tx *Tx) error) (err error) {
	first := b.parts == 0
	if !first {
		if err := b.raw.mark(ctx); err != nil {
			b.err = db.broken(context.WithoutCancel(ctx), "begin", err)
			return b.err
		}
	}
	tx := &Tx{Now: db.now().UTC(), db: db, raw: b.raw}
	defer func() {
		panicked := recover()
		if err != nil || panicked != nil {
			if first { // there is nothing else in the batch
				b.err = errNothing
			} else if back := b.raw.back(ctx); back != nil {
				b.err = db.broken(context.WithoutCancel(ctx), "roll back a part", back)
			}
		}
		if panicked != nil {
			db.end(ctx, b)
			panic(panicked)
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	b.parts++
	b.completed = append(b.completed, tx.completed...)
	b.news.add(tx.news)
	return nil
}

// errNothing ends a batch that holds nothing.
var errNothing = errors.New("store: nothing to commit")

// end commits a batch, or rolls it back when it cannot be committed, tells everybody and gives the turn on.
func (db *DB) end(ctx context.Context, b *batch) {
	if b.err == nil {
		if err := b.raw.commit(context.WithoutCancel(ctx), b.news); err != nil {
			b.err = db.broken(context.WithoutCancel(ctx), "commit", err)
		}
	}
	b.raw.rollback()
	db.turns.release()
	if b.err == nil {
		db.jobs.completed(b.completed)
		db.tell(b.news)
	}
	close(b.done)
}

// turns has writers follow one another, in the order in which they came.
type turns struct {
	mu    sync.Mutex
	taken bool
	queue []chan *batch
}

// take waits for the turn. It comes with the open batch of the one before, or nil to begin a new one.
func (t *turns) take(ctx context.Context) (*batch, error) {
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return nil, nil //nolint:nilnil // no batch is open
	}
	mine := make(chan *batch, 1)
	t.queue = append(t.queue, mine)
	t.mu.Unlock()
	select {
	case b := <-mine:
		return b, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(t.queue, mine)
	if i >= 0 {
		t.queue = slices.Delete(t.queue, i, i+1)
	}
	t.mu.Unlock()
	if i >= 0 {
		return nil, ctx.Err()
	}
	return <-mine, nil // it was given just now, and somebody has to end the batch
}

// pass gives the turn with an open batch to the next one, if anybody waits.
func (t *turns) pass(b *batch) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next(b)
}

// release gives the turn to the next one, who begins a batch, or to whoever comes.
func (t *turns) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken = t.next(nil)
}

func (t *turns) next(b *batch) bool {
	if len(t.queue) == 0 {
		return false
	}
	t.queue[0] <- b
	t.queue = slices.Delete(t.queue, 0, 1)
	return true
}

func (n *news) add(more news) {
	n.changed = n.changed || more.changed
	if n.queues == nil {
		n.queues = more.queues
		return
	}
	maps.Copy(n.queues, more.queues)
}
