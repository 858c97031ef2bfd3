package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
)

// stageTimer is the job that comes when a time of a stage has come.
type stageTimer struct {
	attempt
	What string    `json:"what"`
	At   time.Time `json:"at"`
}

// stageRollback is the job that takes the stack of a held stage back; stageRolledBack comes with its end.
type stageRollback struct{ attempt }
type stageRolledBack struct{ attempt }

func (stageTimer) Kind() string      { return "stage_timer" }
func (stageRollback) Kind() string   { return "stage_rollback" }
func (stageRolledBack) Kind() string { return "stage_rolled_back" }

// Retry tries a stage again. Of a run that is held it is the stage that is held; given replaces variables from here on. Of a
// run that has ended it makes another run, which repeats the stage and what comes after it, with the same file, the same images
// where they were pinned, and the same variables except those given. Anything else is a Conflict,
// and so are other values for a held stage behind a review that was approved: what was approved had the present ones.
func (e *Engine) Retry(ctx context.Context, actor fairlead.Actor, id, stage string, given map[string]string) (run fairlead.Run, err error) {
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		var i int
		if run, i, err = findStage(ctx, tx, id, stage); err != nil {
			return err
		}
		spec, err := tx.PipelineSpec(ctx, run.Pipeline, run.Revision)
		if err != nil {
			return err
		}
		if err := checkGiven(&spec, given); err != nil {
			return err
		}
		if err := checkSizes(given); err != nil {
			return err
		}
		if fairlead.RunMoves.Final(run.State) {
			run, err = e.repeat(ctx, tx, actor, run, spec, i, given)
			return err
		}
		if by := approvedBefore(run, i); by >= 0 && changes(run, given) {
			review := run.Stages[by].Name
			return fairlead.Errorf(fairlead.Conflict, "%s cannot be tried again with other values: what it does was approved in stage %s with the present ones; stop the run and repeat it from there: "+
				"fairlead run stop %s && fairlead run retry %s %q --var NAME=VALUE", describe(i, stage), quote(review), id, id, review)
		}
		run, err = e.decide(ctx, tx, run, i, Retry{Stage: i, By: actor.String(), Values: given}, "tried again")
		return err
	})
	return run, err
}

// approvedBefore is the review before a stage that has been approved, -1 when there is none. A run that repeats another one can
// have left out a review because it was approved there.
func approvedBefore(run fairlead.Run, stage int) int {
	t := transition{run: &run}
	return slices.IndexFunc(run.Stages, func(s fairlead.StageRun) bool {
		approved := s.State == fairlead.StageSucceeded || s.State == fairlead.StageSkipped && run.RetryOf != ""
		return s.Type == fairlead.StageReview && approved && t.behind(t.find(s.Name))[stage]
	})
}

// changes reports whether values differ from those of a run.
func changes(run fairlead.Run, given map[string]string) bool {
	for name, value := range given {
		if run.Variables[name] != value {
			return true
		}
	}
	return false
}

// checkSizes refuses values that are too long.
func checkSizes(given map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if len(given[name]) > maxValue {
			return fairlead.Errorf(fairlead.TooLarge, "variable %q: its value has %d bytes; at most %d are allowed", name, len(given[name]), maxValue)
		}
	}
	return nil
}

// Rollback takes the stack of a held stage, or of a task of one, back to its last good state. The run stays held.
func (e *Engine) Rollback(ctx context.Context, actor fairlead.Actor, id, stage string) (run fairlead.Run, err error) {
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		var i int
		if run, i, err = findStage(ctx, tx, id, stage); err != nil {
			return err
		}
		if s := run.Stages[i]; s.Stack == "" && s.HeldUntil != nil {
			return fairlead.Errorf(fairlead.Conflict, "%s touched no stack; there is nothing to take back", describe(i, s.Name))
		}
		run, err = e.decide(ctx, tx, run, i, RollBack{Stage: i, By: actor.String()}, "rolled back")
		return err
	})
	return run, err
}

// decide carries out the decision about a held stage, and says why when it cannot be.
func (e *Engine) decide(ctx context.Context, tx *store.Tx, run fairlead.Run, i int, event Event, what string) (fairlead.Run, error) {
	next, effects := Next(run, event, tx.Now)
	if len(effects) > 0 {
		if err := tx.UpdateRun(ctx, &next); err != nil {
			return run, err
		}
		return e.carryOut(ctx, tx, next, effects)
	}
	s := run.Stages[i]
	why := "it is " + string(s.State) + ", and only a stage that is held can be " + what
	switch {
	case s.Rollback != "":
		why = "stack " + s.Stack + " is being taken back; wait for that"
	case s.Parent != "" && what == "tried again":
		why = "it is a task; retry the stage " + quote(s.Parent) + ", which tries its failed tasks again"
	case run.Stopping:
		why = "the run is stopping"
	}
	return run, fairlead.Errorf(fairlead.Conflict, "%s of run %s cannot be %s: %s", describe(i, s.Name), run.ID, what, why)
}

func findStage(ctx context.Context, tx *store.Tx, id, stage string) (run fairlead.Run, i int, err error) {
	if run, err = tx.Run(ctx, id); err != nil {
		return run, 0, err
	}
	i = slices.IndexFunc(run.Stages, func(s fairlead.StageRun) bool { return s.Name == stage })
	if i < 0 {
		known := make([]string, len(run.Stages))
		for n, s := range run.Stages {
			known[n] = s.Name
		}
		e := fairlead.Errorf(fairlead.NotFound, "run %s has no stage %s", id, quote(stage))
		if hint := meant(stage, known); hint != "" {
			e.Message += "; " + hint
		}
		return run, 0, e
	}
	return run, i, nil
}

// repeat makes a run that repeats an ended one from a stage on.
func (e *Engine) repeat(ctx context.Context, tx *store.Tx, actor fairlead.Actor, old fairlead.Run, spec fairlead.PipelineSpec, i int, given map[string]string) (fairlead.Run, error) {
	if parent := old.Stages[i].Parent; parent != "" {
		return old, fairlead.Errorf(fairlead.Conflict, "%s is a task; retry the stage %s, which repeats it", describe(i, old.Stages[i].Name), quote(parent))
	}
	p, err := tx.PipelineHead(ctx, old.Pipeline)
	if err != nil {
		return old, err
	}
	spec.MaxRuns, spec.Concurrency = p.Spec.MaxRuns, p.Spec.Concurrency // how runs share the pipeline is a matter of now
	p.Spec, p.Revision = spec, old.Revision
	return e.start(ctx, tx, p, start{given: given, cause: CauseRetry, by: actor.User, pins: old.Pins, again: &old, from: i,
		why: fmt.Sprintf("retry of run %d from stage %s by %s%s", old.Number, quote(old.Stages[i].Name), actor, changed(given))})
}

// repeat gives a new run what it takes over from the one that it repeats from a stage on: the variables, and what has been done
// by the stages that do not come after that stage. With other values of variables the reviews are asked again.
func repeat(run *fairlead.Run, old fairlead.Run, from int, given map[string]string) {
	run.RetryOf = old.ID
	values := maps.Clone(old.Variables)
	for _, name := range []string{sysTimestamp, sysIncrement} {
		values[name] = run.Variables[name]
	}
	maps.Copy(values, given)
	run.Variables = values
	t := transition{run: run}
	behind := t.behind(from)
	for i := range run.Stages {
		s, before := &run.Stages[i], old.Stages[i]
		root := i
		if s.Parent != "" {
			root = t.find(s.Parent)
		}
		again := len(given) > 0 && s.Type == fairlead.StageReview // what was approved had other values
		if !behind[root] && !again && passed(old.Stages[root].State) {
			s.State, s.Message, s.Stack, s.Images = fairlead.StageSkipped, fmt.Sprintf("%s in run %d", before.State, old.Number), before.Stack, before.Images
		}
	}
}

type timerWorker struct {
	river.WorkerDefaults[stageTimer]
	engine *Engine
}

// Work tells the run that the time has come. A server's clock may be behind that of the jobs.
func (w *timerWorker) Work(ctx context.Context, job *river.Job[stageTimer]) error {
	if early := job.Args.At.Sub(w.engine.now()); early > 0 {
		return river.JobSnooze(early)
	}
	return w.engine.tell(ctx, job.Args.Run, TimeUp{Stage: job.Args.Stage, Attempt: job.Args.Attempt, What: job.Args.What}, func(tx *store.Tx) error {
		return store.CompleteJob(ctx, tx, job)
	})
}

// tell takes a run through an event together with the end of a job. A run that is gone needs nothing.
func (e *Engine) tell(ctx context.Context, id string, event Event, done func(tx *store.Tx) error) error {
	return e.db.Write(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, id)
		if err != nil && fairlead.ErrorCode(err) != fairlead.NotFound {
			return err
		}
		if err == nil {
			if _, err := e.step(ctx, tx, run, event); err != nil {
				return err
			}
		}
		return done(tx)
	})
}

type rollbackWorker struct {
	river.WorkerDefaults[stageRollback]
	engine *Engine
}

// rollbackTries bounds how often a rollback waits for its stack or target, about ten minutes.
const rollbackTries = 60

// Work begins the action that takes a stack back.
func (w *rollbackWorker) Work(ctx context.Context, job *river.Job[stageRollback]) error {
	e, at := w.engine, job.Args.attempt
	complete := func(tx *store.Tx) error { return store.CompleteJob(ctx, tx, job) }
	prepared, err := e.prepareRollback(ctx, at)
	switch code := fairlead.ErrorCode(err); {
	case err == nil && prepared == nil: // nobody wants it any more
		return e.db.Write(ctx, complete)
	case err == nil:
		return e.beginRollback(ctx, at, prepared, complete)
	case ctx.Err() != nil:
		return ctx.Err()
	case (code == fairlead.Unavailable || code == fairlead.Internal) && job.Attempt < rollbackTries:
		return river.JobSnooze(maxWait)
	}
	return e.tell(ctx, at.Run, RollbackEnded{Stage: at.Stage, Attempt: at.Attempt, Text: reason(err)}, complete)
}

func (e *Engine) prepareRollback(ctx context.Context, at attempt) (*stack.Prepared, error) {
	var name, by string
	err := e.db.Read(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, at.Run)
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			return nil
		}
		if err == nil && wantsRollback(run, at) {
			name, by = run.Stages[at.Stage].Stack, fmt.Sprintf("pipeline %s, run %d", run.Pipeline, run.Number)
		}
		return err
	})
	if err != nil || name == "" {
		return nil, err
	}
	then, err := json.Marshal(stageRolledBack{at})
	if err != nil {
		return nil, err
	}
	return e.stacks.Prepare(ctx, stack.Request{Name: name, Verb: fairlead.VerbRollback, Actor: fairlead.Actor{Via: by}, Run: at.Run,
		Then: &stack.Job{Kind: stageRolledBack{}.Kind(), Args: then}})
}

func wantsRollback(run fairlead.Run, at attempt) bool {
	if at.Stage >= len(run.Stages) || fairlead.RunMoves.Final(run.State) {
		return false
	}
	s := run.Stages[at.Stage]
	return s.Attempt == at.Attempt && s.Rollback == "asked"
}

func (e *Engine) beginRollback(ctx context.Context, at attempt, prepared *stack.Prepared, complete func(tx *store.Tx) error) error {
	return e.db.Write(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, at.Run)
		if err != nil {
			return err
		}
		if wantsRollback(run, at) {
			action, err := e.stacks.Begin(ctx, tx, prepared)
			if err != nil {
				return err
			}
			if _, err := e.step(ctx, tx, run, RollbackBegun{Stage: at.Stage, Attempt: at.Attempt, Action: action.ID}); err != nil {
				return err
			}
		}
		return complete(tx)
	})
}

type rolledBackWorker struct {
	river.WorkerDefaults[stageRolledBack]
	engine *Engine
}

// Work notes how the rollback ended.
func (w *rolledBackWorker) Work(ctx context.Context, job *river.Job[stageRolledBack]) error {
	e, at := w.engine, job.Args.attempt
	return e.db.Write(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, at.Run)
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			return store.CompleteJob(ctx, tx, job)
		}
		if err != nil {
			return err
		}
		if at.Stage < len(run.Stages) {
			event := RollbackEnded{Stage: at.Stage, Attempt: at.Attempt, Text: "the record of its action is gone"}
			if action, err := tx.Action(ctx, run.Stages[at.Stage].Rollback); err == nil {
				event.Done, event.Text = action.State == fairlead.ActionSucceeded, action.Message
			}
			if _, err := e.step(ctx, tx, run, event); err != nil {
				return err
			}
		}
		return store.CompleteJob(ctx, tx, job)
	})
}
