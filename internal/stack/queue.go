package stack

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// enqueue adds the job of a slice, at a time or now, to the queue of the stack's target.
func (e *Engine) enqueue(ctx context.Context, tx *store.Tx, target string, job actionArgs, at time.Time) error {
	opts := &river.InsertOpts{ScheduledAt: at}
	if e.queue != nil {
		switch t, err := tx.Target(ctx, target); {
		case err == nil:
			opts.Queue = e.queue(t)
		case fairlead.ErrorCode(err) != fairlead.NotFound: // a target that is gone has no queue
			return err
		}
	}
	return tx.Enqueue(ctx, job, opts)
}

func (e *Engine) enqueueNow(ctx context.Context, tx *store.Tx, target string, job actionArgs) error {
	return e.enqueue(ctx, tx, target, job, time.Time{})
}
