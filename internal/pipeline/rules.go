package pipeline

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// flowLook is the job that looks again at all stages that wait, because what they wait for has changed. It goes on after those
// that asked up to After.
type flowLook struct {
	After int64 `json:"after"`
}

// freezeEnd is the job that comes when the time of a freeze is over.
type freezeEnd struct {
	Freeze string    `json:"freeze"`
	At     time.Time `json:"at"`
}

func (flowLook) Kind() string  { return "flow_look" }
func (freezeEnd) Kind() string { return "freeze_end" }

// lookBatch bounds how many stages one transaction looks at.
const lookBatch = 50

type flowWorker struct {
	river.WorkerDefaults[flowLook]
	engine *Engine
}

// Work looks at some of the stages, and has another job look at the rest.
func (w *flowWorker) Work(ctx context.Context, job *river.Job[flowLook]) error {
	e := w.engine
	return e.db.Write(ctx, func(tx *store.Tx) error {
		waiting, err := tx.WaitingTurns(ctx, job.Args.After, lookBatch)
		if err != nil {
			return err
		}
		for _, t := range waiting {
			if err := e.lookAgain(ctx, tx, t); err != nil {
				return err
			}
		}
		if n := len(waiting); n == lookBatch {
			if err := tx.Enqueue(ctx, flowLook{waiting[n-1].Asked - 1}, nil); err != nil { // the last may have asked for more
				return err
			}
		}
		return store.CompleteJob(ctx, tx, job)
	})
}

// lookAgain weighs a stage that waits, and gives what it leaves to others.
func (e *Engine) lookAgain(ctx context.Context, tx *store.Tx, t store.Turn) error {
	run, err := tx.Run(ctx, t.Run)
	if err != nil {
		return err
	}
	_, err = e.ask(ctx, tx, run, t.Stage)
	return err
}

type freezeWorker struct {
	river.WorkerDefaults[freezeEnd]
	engine *Engine
}

// Work notes that a freeze is over. The stages that waited for it have timers of their own.
func (w *freezeWorker) Work(ctx context.Context, job *river.Job[freezeEnd]) error {
	if early := job.Args.At.Sub(w.engine.now()); early > 0 {
		return river.JobSnooze(early)
	}
	return w.engine.db.Write(ctx, func(tx *store.Tx) error {
		was, err := tx.EndFreeze(ctx, job.Args.Freeze, "")
		if err != nil {
			return err
		}
		if was {
			event := fairlead.Event{Kind: "freeze", Name: job.Args.Freeze, Type: "freeze-ended", Message: "the freeze came to its end"}
			if err := tx.AppendEvent(ctx, event); err != nil {
				return err
			}
		}
		return store.CompleteJob(ctx, tx, job)
	})
}

// maxReason bounds the reason of a freeze in characters.
const maxReason = 500

// CreateFreeze keeps deploying stages from beginning for some time. From may lie in the past: it counts from now then.
func (e *Engine) CreateFreeze(ctx context.Context, actor fairlead.Actor, f fairlead.Freeze) (fairlead.Freeze, error) {
	err := e.db.Write(ctx, func(tx *store.Tx) (err error) {
		if f.From.IsZero() || f.From.Before(tx.Now) {
			f.From = tx.Now
		}
		f.From, f.Until, f.By = f.From.UTC(), f.Until.UTC(), actor.String()
		if err := checkFreeze(ctx, tx, f); err != nil {
			return err
		}
		if f.ID, err = newID(); err != nil {
			return err
		}
		if err := tx.CreateFreeze(ctx, &f); err != nil {
			return err
		}
		if err := tx.Enqueue(ctx, freezeEnd{f.ID, f.Until}, &river.InsertOpts{ScheduledAt: f.Until}); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, fairlead.Event{Kind: "freeze", Name: f.ID, Type: "freeze-created",
			Message: fmt.Sprintf("freeze of %s from %s until %s by %s: %s", frozenWhat(f), stamp(f.From), stamp(f.Until), actor, f.Reason)})
	})
	return f, err
}

// checkFreeze finds all that is wrong with a freeze.
func checkFreeze(ctx context.Context, tx *store.Tx, f fairlead.Freeze) error {
	var problems fairlead.Diagnostics
	wrong := func(path, format string, args ...any) {
		problems = append(problems, fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: "wrong-value", Path: path, Summary: fmt.Sprintf(format, args...)})
	}
	var err error
	switch f.Scope {
	case fairlead.FreezeAll:
		if f.Name != "" {
			wrong("name", "a freeze of all has no name, not %q", f.Name)
		}
	case fairlead.FreezeGroup:
		_, err = tx.Group(ctx, store.Everything, f.Name)
	case fairlead.FreezeTarget:
		_, err = tx.Target(ctx, f.Name)
	case fairlead.FreezePipeline:
		_, err = tx.PipelineHead(ctx, f.Name)
	default:
		wrong("scope", "scope %q: want all, group, target or pipeline", f.Scope)
	}
	if err != nil {
		return err
	}
	if !f.Until.After(f.From) {
		wrong("until", "it ends %s, which is not after its beginning, %s", stamp(f.Until), stamp(f.From))
	} else if f.Until.Sub(f.From) > fairlead.MaxFreeze {
		wrong("until", "it lasts %s; at most %d days are allowed", f.Until.Sub(f.From), int(fairlead.MaxFreeze.Hours()/24))
	}
	if n := utf8.RuneCountInString(f.Reason); n == 0 || n > maxReason {
		wrong("reason", "the reason has %d characters; want 1 to %d, for those who wait", n, maxReason)
	}
	return problems.Err("the freeze")
}

// frozenWhat says what a freeze is for.
func frozenWhat(f fairlead.Freeze) string {
	if f.Scope == fairlead.FreezeAll {
		return "all pipelines"
	}
	return string(f.Scope) + " " + f.Name
}

// LiftFreeze ends a freeze before its time; the stages that waited for it are looked at again. One that is over is a Conflict.
func (e *Engine) LiftFreeze(ctx context.Context, actor fairlead.Actor, id string) (f fairlead.Freeze, err error) {
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		if f, err = tx.Freeze(ctx, store.Everything, id); err != nil {
			return err
		}
		was := f.LiftedAt == nil && tx.Now.Before(f.Until)
		if was {
			was, err = tx.EndFreeze(ctx, id, actor.String())
		}
		if err != nil {
			return err
		}
		if !was {
			return fairlead.Errorf(fairlead.Conflict, "freeze %s is over: it ended %s", id, stamp(endOf(f)))
		}
		if f, err = tx.Freeze(ctx, store.Everything, id); err != nil {
			return err
		}
		if err := tx.Enqueue(ctx, flowLook{}, nil); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, fairlead.Event{Kind: "freeze", Name: id, Type: "freeze-lifted", Message: fmt.Sprintf("freeze of %s lifted by %s", frozenWhat(f), actor)})
	})
	return f, err
}

// endOf is when a freeze that is over ended.
func endOf(f fairlead.Freeze) time.Time {
	if f.LiftedAt != nil {
		return *f.LiftedAt
	}
	return f.Until
}

// SetTargetRules changes how many deploying stages go on on a target at once, and when they may begin. What runs goes on, and
// counts; what waits is looked at again.
func (e *Engine) SetTargetRules(ctx context.Context, tx *store.Tx, target string, l fairlead.TargetLimits, windows []fairlead.Window) error {
	if l.Stages < 0 || l.Stages > fairlead.MaxLimit {
		return fairlead.Errorf(fairlead.Invalid, "limits.stages %d: want 1 to %d, or 0 for no limit", l.Stages, fairlead.MaxLimit)
	}
	if err := CheckWindows(windows); err != nil {
		return err
	}
	if _, err := tx.Target(ctx, target); err != nil {
		return err
	}
	if err := tx.SetTargetRules(ctx, target, l, windows); err != nil {
		return err
	}
	if l.Stages > 0 {
		if err := e.countRunning(ctx, tx, target); err != nil {
			return err
		}
	}
	return tx.Enqueue(ctx, flowLook{}, nil)
}

// countRunning gives the stages that run on a target without having asked, because it had no limit, the places that they take up.
// That is a note about what is, and no move.
func (e *Engine) countRunning(ctx context.Context, tx *store.Tx, target string) error {
	runs, err := tx.OpenRuns(ctx)
	if err != nil {
		return err
	}
	for _, run := range runs {
		counted := false
		for i, s := range run.Stages {
			if s.State != fairlead.StageRunning || !deploys(s.Type) || s.Turn != nil && s.Turn.Target != "" {
				continue
			}
			on, err := e.targetOf(ctx, tx, run, i)
			if err != nil || on != target {
				if err != nil {
					return err
				}
				continue
			}
			turn := fairlead.StageTurn{Since: *s.StartedAt}
			if s.Turn != nil {
				turn = *s.Turn
			}
			turn.Target = target
			run.Stages[i].Turn = &turn
			counted = true
			if err := hold(ctx, tx, run.ID, i, []string{targetResource(target)}); err != nil {
				return err
			}
		}
		if counted {
			if err := tx.UpdateRun(ctx, &run); err != nil {
				return err
			}
		}
	}
	return nil
}

// hold makes a stage a holder of resources, whoever waits.
func hold(ctx context.Context, tx *store.Tx, run string, stage int, resources []string) error {
	if err := tx.AskTurn(ctx, run, stage, resources); err != nil {
		return err
	}
	return tx.TakeTurn(ctx, run, stage, resources)
}

// recoverTurns makes what stages hold and wait for what their runs say, and looks again at all that wait. That does not happen by
// itself, only when somebody tampered with the tables.
func (e *Engine) recoverTurns(ctx context.Context, tx *store.Tx, runs []fairlead.Run) error {
	all, err := tx.AllTurns(ctx)
	if err != nil {
		return err
	}
	type place struct {
		run   string
		stage int
	}
	have := map[place]map[string]bool{} // resource -> held
	for _, t := range all {
		at := place{t.Run, t.Stage}
		if have[at] == nil {
			have[at] = map[string]bool{}
		}
		have[at][t.Resource] = t.Held
	}
	look := false
	for _, run := range runs {
		for i, s := range run.Stages {
			at := place{run.ID, i}
			rows := have[at]
			delete(have, at)
			if s.Turn == nil {
				if rows != nil {
					have[at] = rows // it holds nothing: below
				}
				continue
			}
			if s.State == fairlead.StageWaiting {
				look = true
				if rows == nil {
					if err := tx.AskTurn(ctx, run.ID, i, []string{resourceTime}); err != nil {
						return err
					}
				}
				continue
			}
			want := lockResources(s.Turn.Locks)
			if s.Turn.Target != "" {
				want = append(want, targetResource(s.Turn.Target))
			}
			if err := hold(ctx, tx, run.ID, i, want); err != nil {
				return err
			}
		}
	}
	for at := range have {
		look = true
		e.log.Warn("a stage held what it has no use for; it was given back", "run", at.run, "stage", at.stage)
		if _, err := tx.DropTurns(ctx, at.run, at.stage); err != nil {
			return err
		}
	}
	if !look {
		return nil
	}
	return tx.Enqueue(ctx, flowLook{}, nil)
}
