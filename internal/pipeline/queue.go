package pipeline

import (
	"context"
	"fmt"
	"strconv"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// makeRoom does what the pipeline's concurrency says about the runs that are active. ahead says what a new run has to wait for,
// "" when it can begin as far as its own pipeline is concerned.
func (e *Engine) makeRoom(ctx context.Context, tx *store.Tx, p fairlead.Pipeline) (ahead string, err error) {
	if p.Spec.MaxRuns > 1 {
		return e.roomForSeveral(ctx, tx, p)
	}
	first, busy, err := tx.FirstActiveRun(ctx, p.Name)
	if err != nil || !busy {
		return "", err
	}
	switch p.Spec.Concurrency {
	case fairlead.Reject:
		return "", fairlead.Errorf(fairlead.Conflict, "pipeline %s is busy: run %d is %s, and the pipeline rejects a start while it runs", p.Name, first.Number, first.State)
	case fairlead.CancelPrevious:
		if err := e.cancelPrevious(ctx, tx, p); err != nil {
			return "", err
		}
		if first, busy, err = tx.FirstActiveRun(ctx, p.Name); err != nil || !busy {
			return "", err
		}
	}
	return fmt.Sprintf("its turn: run %d of the pipeline is %s", first.Number, first.State), nil
}

func (e *Engine) cancelPrevious(ctx context.Context, tx *store.Tx, p fairlead.Pipeline) error {
	active, err := tx.ActiveRuns(ctx, p.Name)
	if err != nil {
		return err
	}
	for i := len(active) - 1; i >= 0; i-- { // the queue first, so that none of it gets its turn
		run, err := tx.Run(ctx, active[i].ID) // a place in the group, which another one left, may have begun it
		if err != nil {
			return err
		}
		if _, err := e.step(ctx, tx, run, Stop{By: "run " + strconv.FormatInt(p.Runs+1, 10) + ", which takes its place"}); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) roomForSeveral(ctx context.Context, tx *store.Tx, p fairlead.Pipeline) (ahead string, err error) {
	active, queued, err := tx.RunsUnderWay(ctx, p.Name)
	switch {
	case err != nil:
		return "", err
	case active+queued < p.Spec.MaxRuns:
		return "", nil
	case p.Spec.Concurrency == fairlead.Reject:
		return "", fairlead.Errorf(fairlead.Conflict, "pipeline %s is busy: %d runs are active, and the pipeline rejects a start while it has %d", p.Name, active+queued, p.Spec.MaxRuns)
	}
	return fmt.Sprintf("its turn: %d runs of the pipeline are active, and it runs %d at once", active, p.Spec.MaxRuns), nil
}

// roomInGroup is makeRoom for the limit of the pipeline's group.
func (e *Engine) roomInGroup(ctx context.Context, tx *store.Tx, group string) (ahead string, err error) {
	limit, active, err := tx.GroupRuns(ctx, group)
	if err != nil || limit == 0 || active < limit {
		return "", err
	}
	return fmt.Sprintf("its turn: %d runs of group %s are active, and it runs %d at once", active, group, limit), nil
}

// startNext gives a run its turn in place of one that has ended: the head of the pipeline's queue, or where the group is limited
// the one of the group's queues that was made first.
func (e *Engine) startNext(ctx context.Context, tx *store.Tx, ended fairlead.Run) error {
	_, err := e.beginNext(ctx, tx, ended.Pipeline, ended.Ruled)
	return err
}

func (e *Engine) beginNext(ctx context.Context, tx *store.Tx, pipeline string, ruled bool) (begun bool, err error) {
	var run fairlead.Run
	group, limit := "", 0
	if ruled {
		if group, limit, err = tx.GroupOf(ctx, pipeline); err != nil {
			return false, err
		}
	}
	if limit > 0 {
		run, begun, err = tx.NextInGroup(ctx, group)
	} else {
		run, begun, err = tx.NextInQueue(ctx, pipeline)
	}
	if err != nil || !begun {
		return false, err
	}
	_, err = e.step(ctx, tx, run, Begin{})
	return true, err
}

// fill begins runs of a pipeline, or of its group, as long as there is room: what was allowed may have grown.
func (e *Engine) fill(ctx context.Context, tx *store.Tx, pipeline string) error {
	for {
		if begun, err := e.beginNext(ctx, tx, pipeline, true); err != nil || !begun {
			return err
		}
	}
}

// fillGroup is fill for all pipelines of a group, or all pipelines when it is "".
func (e *Engine) fillGroup(ctx context.Context, tx *store.Tx, group string) error {
	pipelines, err := tx.QueuedPipelines(ctx, group)
	if err != nil {
		return err
	}
	for _, name := range pipelines {
		if err := e.fill(ctx, tx, name); err != nil {
			return err
		}
	}
	return nil
}

// SetGroupLimits changes how much goes on in a pipeline group at once. Runs for which there is room now begin; those that are too
// many go on.
func (e *Engine) SetGroupLimits(ctx context.Context, tx *store.Tx, group string, l fairlead.GroupLimits) error {
	if l.Runs < 0 || l.Runs > fairlead.MaxLimit {
		return fairlead.Errorf(fairlead.Invalid, "limits.runs %d: want 1 to %d, or 0 for no limit", l.Runs, fairlead.MaxLimit)
	}
	if err := tx.SetGroupLimits(ctx, group, l); err != nil {
		return err
	}
	return e.fillGroup(ctx, tx, group)
}
