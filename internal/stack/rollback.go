package stack

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// planRollback plans the way back of a failed action: to the last good state, or to nothing when the stack was being created.
// The operations are added to the action's plan.
func (s *slice) planRollback() error {
	p, err := s.wayBack()
	switch {
	case fairlead.ErrorCode(err) == fairlead.Unavailable && s.engine.now().Sub(*s.action.RollbackAt) < unavailableLimit:
		return s.commit(func(ctx context.Context, tx *store.Tx) error {
			return s.handOverAt(ctx, tx, time.Now().Add(time.Second))
		})
	case s.ctx.Err() != nil:
		return s.commit(s.handOver)
	case err != nil:
		text := s.action.Message + "; the rollback could not be planned: " + s.engine.shown(err, s.mask, s.stack.Name, "")
		return s.commit(func(ctx context.Context, tx *store.Tx) error { return s.end(ctx, tx, s.action.CauseState, text) })
	}
	p = p.withoutSettled()
	if len(p.Operations) == 0 {
		return s.commit(func(ctx context.Context, tx *store.Tx) error {
			return s.finishRollback(ctx, tx, fairlead.ActionSucceeded, "")
		})
	}
	return s.commit(func(ctx context.Context, tx *store.Tx) error {
		first := len(s.action.Plan.Operations)
		s.action.RollbackFrom = first
		for _, op := range p.Operations {
			for i := range op.Needs {
				op.Needs[i] += first
			}
			s.action.Plan.Operations = append(s.action.Plan.Operations, op)
		}
		if err := tx.SetActionPlan(ctx, s.action.ID, s.action.Plan); err != nil {
			return err
		}
		if err := storePlanned(ctx, tx, s.action.ID, first, p); err != nil {
			return err
		}
		return s.handOver(ctx, tx)
	})
}

func (s *slice) wayBack() (*planned, error) {
	if s.want.Template == "" {
		return planDeletion(s.records), nil
	}
	stack := s.stack
	stack.Template, stack.Version = s.want.Template, s.want.Version
	pl := planner{
		provider: s.provider, stack: stack, template: s.template, inputs: s.want.Inputs, records: s.records,
		revealed: s.revealed, mask: s.mask, parallel: s.engine.parallel,
	}
	return pl.plan(within(s.ctx, stack, s.mask, false))
}

// withoutSettled leaves out the operations that have nothing to do, which would only repeat the plan that is there.
func (p *planned) withoutSettled() *planned {
	out := &planned{Plan: fairlead.Plan{Hash: p.Hash}, moved: p.moved}
	index := make([]int, len(p.Operations))
	for i, op := range p.Operations {
		if op.State == fairlead.OperationSucceeded {
			continue
		}
		index[i] = len(out.Operations)
		if op.Reason == "" {
			op.Reason = "rollback"
		}
		out.Operations = append(out.Operations, op)
		out.changes = append(out.changes, p.changes[i])
	}
	for _, op := range out.Operations {
		for i, n := range op.Needs {
			op.Needs[i] = index[n]
		}
	}
	return out
}

// finishRollback ends an action that was rolled back, or whose rollback failed too.
func (s *slice) finishRollback(ctx context.Context, tx *store.Tx, state fairlead.ActionState, cause string) error {
	switch state {
	case fairlead.ActionSucceeded:
	case fairlead.ActionCanceled:
		return s.end(ctx, tx, fairlead.ActionCanceled, s.action.Message+"; the rollback was canceled")
	default:
		return s.end(ctx, tx, s.action.CauseState, s.action.Message+"; the rollback failed: "+cause)
	}
	if s.want.Template == "" {
		return s.end(ctx, tx, s.action.CauseState, s.action.Message+"; everything that was made is deleted again")
	}
	text := s.action.Message + "; rolled back to " + s.want.Template + "@" + s.want.Version
	if err := s.end(ctx, tx, s.action.CauseState, text); err != nil {
		return err
	}
	return s.restored(ctx, tx)
}

// restored stores that the stack is in its last good state again.
func (s *slice) restored(ctx context.Context, tx *store.Tx) error {
	s.stack.Template, s.stack.Version, s.stack.Status = s.want.Template, s.want.Version, fairlead.StackRunning
	s.stack.Inputs = shownInputs(s.template, s.want)
	s.stack.Outputs = s.outputs()
	return tx.UpdateStack(ctx, &s.stack, &s.want)
}
