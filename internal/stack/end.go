package stack

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// finish ends the action or, when it failed and shall be undone, begins the rollback. It runs within the last commit of the
// slice.
func (s *slice) finish(ctx context.Context, tx *store.Tx) error {
	state, cause := s.outcome()
	if state != fairlead.ActionSucceeded {
		s.skipRest()
	}
	switch {
	case s.action.RollingBack:
		return s.finishRollback(ctx, tx, state, cause)
	case state == fairlead.ActionSucceeded || state == fairlead.ActionCanceled || !s.undoes():
		return s.end(ctx, tx, state, cause)
	}
	now := tx.Now
	s.action.RollingBack, s.action.RollbackAt, s.action.CauseState, s.action.Message = true, &now, state, cause
	s.event("", "action-rolling-back", s.rollsBack(state))
	return s.handOver(ctx, tx)
}

// rollsBack announces the way back. What went wrong is told by the element's own event, and again by the end of the action.
func (s *slice) rollsBack(state fairlead.ActionState) string {
	to := "rolling back"
	if s.good != nil {
		to += " to the last version that worked"
	}
	if state == fairlead.ActionTimedOut || s.failed == nil {
		return to + ", because the time is up"
	}
	return to + ", because " + s.failed.Element + " failed"
}

// outcome is how the operations ended and why.
func (s *slice) outcome() (fairlead.ActionState, string) {
	done := true
	for i := range s.ops {
		done = done && s.ops[i].State == fairlead.OperationSucceeded
	}
	cause := s.causes()
	switch {
	case done:
		return fairlead.ActionSucceeded, s.remains()
	case s.action.Canceling:
		return fairlead.ActionCanceled, "canceled"
	case s.expired():
		text := "timed out after " + time.Duration(s.action.Timeout).String()
		if cause != "" {
			text += "; " + cause
		}
		return fairlead.ActionTimedOut, text
	}
	return fairlead.ActionFailed, cause
}

// maxCauses bounds how many failed elements the message of an action quotes.
const maxCauses = 5

// causes are the failures of the elements that failed by themselves, the first one first, then in the author's order.
func (s *slice) causes() string {
	if s.failed == nil {
		return ""
	}
	texts := []string{"element " + s.failed.Element + ": " + s.failed.Message}
	more := 0
	for i := range s.ops {
		op := &s.ops[i]
		switch {
		case op.State != fairlead.OperationFailed || op.halted || op == s.failed:
		case len(texts) == maxCauses:
			more++
		default:
			texts = append(texts, "element "+op.Element+": "+op.Message)
		}
	}
	if more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more elements failed", more))
	}
	return strings.Join(texts, "; ")
}

// remains tells what the action took out of the record and left on the target.
func (s *slice) remains() string {
	var parts []string
	for i := range s.ops {
		if op := &s.ops[i]; op.Verb == fairlead.OpDelete && op.Message != "" {
			parts = append(parts, op.Element+" ("+op.Type+") was "+op.Message)
		}
	}
	return strings.Join(parts, "; ")
}

func (s *slice) skipRest() {
	for i := range s.ops {
		if op := &s.ops[i]; op.State == fairlead.OperationPending {
			s.settle(op, fairlead.OperationSkipped, "")
		}
	}
}

// undoes tells whether a failure is rolled back: to the last good state or, when there never was one, to nothing.
func (s *slice) undoes() bool {
	return s.action.OnFailure == fairlead.Rollback && s.action.Verb != fairlead.VerbDelete
}

// end stores how the action ended, what the stack is now, and the job that follows.
func (s *slice) end(ctx context.Context, tx *store.Tx, state fairlead.ActionState, message string) error {
	message = s.mask.String(message)
	if s.action.State == fairlead.ActionPending && state == fairlead.ActionSucceeded {
		s.action.State = fairlead.ActionRunning
	}
	if err := fairlead.ActionMoves.Check("action "+s.action.ID, s.action.State, state); err != nil {
		return err
	}
	now := tx.Now
	s.action.State, s.action.Message, s.action.EndedAt, s.changes.action = state, message, &now, true
	if err := s.endStack(ctx, tx); err != nil {
		return err
	}
	s.event("", "action-"+string(state), endMessage(s.action.Action))
	if then := s.action.Then; then != nil {
		if err := tx.Enqueue(ctx, rawJob{*then}, nil); err != nil {
			return err
		}
	}
	return store.CompleteJob(ctx, tx, s.job)
}

func endMessage(a fairlead.Action) string {
	text := string(a.Verb) + " of stack " + a.Stack
	switch a.State {
	case fairlead.ActionSucceeded:
		text += " succeeded"
	case fairlead.ActionCanceled:
		text += " was canceled"
	default:
		text += " " + map[fairlead.ActionState]string{fairlead.ActionFailed: "failed", fairlead.ActionTimedOut: "timed out"}[a.State]
	}
	if a.Message != "" && a.State != fairlead.ActionCanceled {
		text += ": " + a.Message
	}
	return text
}

func (s *slice) endStack(ctx context.Context, tx *store.Tx) error {
	ok := s.action.State == fairlead.ActionSucceeded
	if ok && s.action.Verb == fairlead.VerbDelete {
		id := s.stack.ID
		s.stack.ID = ""
		return tx.DeleteStack(ctx, id)
	}
	if err := s.keepAbout(ctx, tx); err != nil {
		return err
	}
	s.stack.Action = ""
	s.stack.Status, s.stack.Reason = fairlead.StackAbnormal, s.action.Message
	s.stack.Health, _ = healthOf(s.records)
	if ok {
		s.stack.Status, s.stack.Reason = fairlead.StackRunning, ""
		s.stack.Outputs = s.outputs()
	}
	switch {
	case ok && s.want.Template == "": // back to nothing; what the stack should be stays, for another try
		s.stack.Status = fairlead.StackPending
	case ok:
		if err := s.storeGood(ctx, tx); err != nil {
			return err
		}
	}
	return tx.UpdateStack(ctx, &s.stack, nil)
}

// storeGood keeps the state that was reached, for rollbacks. One that an action without a change reached again is there
// already: a rollback shall not go back to where it is.
func (s *slice) storeGood(ctx context.Context, tx *store.Tx) error {
	want := s.action.Want
	if s.good != nil && s.good.Want.Template == want.Template && s.good.Want.Version == want.Version && same(s.good.Want.Inputs, want.Inputs) {
		return nil
	}
	return tx.AddStackState(ctx, s.stack.ID, store.StackState{Want: want, Action: s.action.ID, By: s.action.By, Restores: s.action.Restores})
}

// outputs evaluates the template's outputs. One that cannot be evaluated is missing, which an event tells; the elements are
// as wanted all the same.
func (s *slice) outputs() []fairlead.Output {
	if s.template == nil {
		return nil
	}
	list, diags := s.template.Outputs(s.env())
	if diags.HasErrors() {
		s.event("", "outputs-failed", "outputs could not be evaluated: "+diags.Error())
	}
	for i := range list {
		list[i].Value = s.mask.Value(known(list[i].Value))
	}
	return list
}

// healthOf sums up the health of the elements, and says which one is worst.
func healthOf(records map[string]fairlead.Record) (fairlead.HealthState, string) {
	rank := map[fairlead.HealthState]int{fairlead.Healthy: 0, fairlead.HealthUnknown: 1, fairlead.HealthProgressing: 2, fairlead.Unhealthy: 3}
	if len(records) == 0 {
		return fairlead.HealthUnknown, ""
	}
	worst, reason := fairlead.Healthy, ""
	for _, r := range inOrder(records) {
		if rank[r.Health] > rank[worst] {
			worst, reason = r.Health, "element "+r.Element+": "+r.Reason
		}
	}
	return worst, reason
}

// rawJob is a job whose arguments are JSON already.
type rawJob struct{ job store.StackJob }

func (j rawJob) Kind() string { return j.job.Kind }

func (j rawJob) MarshalJSON() ([]byte, error) { return j.job.Args.MarshalJSON() }
