package stack

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

// actionArgs is the job that works one slice of an action.
type actionArgs struct {
	Action string `json:"action_id"`
	Slice  int64  `json:"slice"`
}

func (actionArgs) Kind() string { return "stack_action" }

type actionWorker struct {
	river.WorkerDefaults[actionArgs]
	engine *Engine
}

// Timeout is none: a slice bounds itself, and a call to a provider must not be cut in the middle.
func (*actionWorker) Timeout(*river.Job[actionArgs]) time.Duration { return -1 }

func (w *actionWorker) Work(ctx context.Context, job *river.Job[actionArgs]) error {
	return w.engine.work(ctx, job)
}

// work does one slice of an action. Only one slice of an action runs at a time; a job that is left over finds another slice
// number and does nothing.
func (e *Engine) work(ctx context.Context, job *river.Job[actionArgs]) (err error) {
	signal, err := e.running.add(ctx, job.Args.Action)
	if err != nil {
		return err
	}
	defer e.running.remove(job.Args.Action)
	defer func() {
		if v := recover(); v != nil {
			e.log.Error("a stack action panicked", "action", job.Args.Action, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = e.abort(ctx, job, "internal error; the server's log has the details")
		}
	}()
	s, err := e.load(ctx, job, signal)
	if err != nil || s == nil {
		return err
	}
	if err := s.run(); !errors.Is(err, errLeftOver) {
		return err
	}
	return nil
}

// load reads all that a slice works with; nil without an error means that there is nothing to do.
func (e *Engine) load(ctx context.Context, job *river.Job[actionArgs], signal <-chan struct{}) (*slice, error) {
	s := &slice{engine: e, ctx: ctx, job: job, signal: signal}
	var above []level
	var version fairlead.TemplateVersion
	var target fairlead.Target
	var targetErr, versionErr error
	var rows []store.StackOperation
	err := e.db.Read(ctx, func(tx *store.Tx) (err error) {
		if s.action, err = tx.StackAction(ctx, job.Args.Action); err != nil {
			return err
		}
		if s.leftOver() {
			return nil
		}
		if err := s.read(ctx, tx); err != nil {
			return err
		}
		if rows, err = tx.Operations(ctx, s.action.ID); err != nil {
			return err
		}
		if above, s.root, err = levelsAbove(ctx, tx, s.stack); err != nil {
			return err
		}
		if s.want.Template != "" {
			version, versionErr = tx.TemplateVersion(ctx, s.want.Template, s.want.Version)
		}
		target, targetErr = tx.Target(ctx, s.stack.Target)
		return nil
	})
	if err != nil || s.leftOver() {
		return nil, err
	}
	s.provider = e.providerOr(ctx, target, targetErr)
	if s.want.Template != "" {
		if versionErr == nil {
			s.template, versionErr = e.templates.parse(version)
		}
		if code := fairlead.ErrorCode(versionErr); code == fairlead.NotFound || code == fairlead.Invalid {
			return nil, e.abort(ctx, job, versionErr.Error()) // it was there when the action began, and it will not come back
		}
		if versionErr != nil {
			return nil, versionErr
		}
	}
	s.prepare(rows)
	s.ctx = withCaller(ctx, s.called(above))
	return s, nil
}

func (s *slice) leftOver() bool {
	return s.action.Slice != s.job.Args.Slice || fairlead.ActionMoves.Final(s.action.State)
}

// read reads the stack of the action, its records, and what the stack shall be: what the action wants or, when it is rolling
// back, the last good state.
func (s *slice) read(ctx context.Context, tx *store.Tx) (err error) {
	if s.stack, err = tx.StackByID(ctx, s.action.StackID); err != nil {
		return err
	}
	records, err := tx.Records(ctx, s.stack.ID)
	if err != nil {
		return err
	}
	s.records = byElement(records)
	s.want = s.action.Want
	states, err := tx.StackStates(ctx, s.stack.ID, 1)
	if err != nil {
		return err
	}
	if len(states) > 0 {
		s.good = &states[0]
	}
	if s.action.RollingBack {
		s.want = store.StackWant{}
		if s.good != nil {
			s.want = s.good.Want
		}
	}
	return s.reveal(ctx, tx)
}

// providerOr is the provider of a target or, when there is none, one whose every call fails with the reason.
func (e *Engine) providerOr(ctx context.Context, target fairlead.Target, err error) Provider {
	if err == nil {
		var p Provider
		if p, err = e.provider(ctx, target); err == nil {
			return p
		}
	}
	return e.routed(unreachable{err})
}

// unreachable stands in for the provider of a target that is not there.
type unreachable struct{ err error }

var _ Provider = unreachable{}

func (u unreachable) Check(template.Element) fairlead.Diagnostics { return problems(u.err) }

func (u unreachable) Plan(context.Context, template.Element, *fairlead.Record) (fairlead.Change, error) {
	return fairlead.Change{}, u.err
}

func (u unreachable) Apply(context.Context, fairlead.Change) (fairlead.Record, error) {
	return fairlead.Record{}, u.err
}

func (u unreachable) Health(context.Context, fairlead.Record) (fairlead.Health, error) {
	return fairlead.Health{}, u.err
}

func (u unreachable) Read(context.Context, fairlead.Record) (fairlead.Live, error) {
	return fairlead.Live{}, u.err
}

func (u unreachable) Watch(context.Context, string) <-chan string { return nil }

func (u unreachable) Delete(context.Context, fairlead.Record) error { return u.err }

// abort ends an action that cannot go on, so that its stack does not stay busy for ever.
func (e *Engine) abort(ctx context.Context, job *river.Job[actionArgs], message string) error {
	ctx = context.WithoutCancel(ctx)
	var cause string
	err := e.write(ctx, func(tx *store.Tx) error {
		a, err := tx.StackAction(ctx, job.Args.Action)
		if err != nil || a.Slice != job.Args.Slice {
			return err
		}
		cause = a.Cause
		s := &slice{engine: e, ctx: ctx, job: job, action: a}
		if err := s.read(ctx, tx); err != nil {
			return err
		}
		s.giveUp()
		if err := s.end(ctx, tx, fairlead.ActionFailed, message); err != nil {
			return err
		}
		return s.store(ctx, tx)
	})
	if err == nil {
		e.running.notify(cause)
	}
	return err
}

// giveUp ends all operations that did not end.
func (s *slice) giveUp() {
	s.prepare(nil)
	for i := range s.ops {
		switch op := &s.ops[i]; op.State {
		case fairlead.OperationPending:
			s.settle(op, fairlead.OperationSkipped, "")
		case fairlead.OperationApplying, fairlead.OperationWaiting:
			s.settle(op, fairlead.OperationFailed, "given up")
		}
	}
}
