package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// The causes of runs.
const (
	CauseManual   = "manual"
	CauseWebhook  = "webhook"
	CauseChannel  = "channel"
	CauseImage    = "image"
	CauseSchedule = "schedule"
	CauseRetry    = "retry"
)

// Start starts a run by hand. given replaces variables for this run only; cause is [CauseManual] when empty.
func (e *Engine) Start(ctx context.Context, actor fairlead.Actor, name string, given map[string]string, cause string) (run fairlead.Run, err error) {
	if cause == "" {
		cause = CauseManual
	}
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		p, err := tx.PipelineHead(ctx, name)
		if err != nil {
			return err
		}
		if err := checkGiven(&p.Spec, given); err != nil {
			return err
		}
		run, err = e.start(ctx, tx, p, start{given: given, cause: cause, by: actor.User, why: "started by " + actor.String()})
		return err
	})
	return run, err
}

// start says how a run begins.
type start struct {
	given      map[string]string
	cause, by  string
	why        string   // for the log
	complaints []string // for the log, too
	pins       map[string]string
	// again is the run that this one repeats from a stage on, with the variables and revision that it had.
	again *fairlead.Run
	from  int
}

// start stores a run, and starts its first stages when nothing is ahead of it. Everything is in the caller's transaction; an
// error other than Internal changed nothing.
func (e *Engine) start(ctx context.Context, tx *store.Tx, p fairlead.Pipeline, s start) (run fairlead.Run, err error) {
	if err := stays(p); err != nil {
		return run, err
	}
	values, err := variables(&p.Spec, s.given, p.Runs+1, tx.Now)
	if err != nil {
		return run, err
	}
	ahead, err := e.makeRoom(ctx, tx, p)
	if err != nil {
		return run, err
	}
	number, ruled, err := tx.NextRunNumber(ctx, p.Name)
	if err != nil {
		return run, err
	}
	if ahead == "" && ruled {
		if ahead, err = e.roomInGroup(ctx, tx, p.Group); err != nil {
			return run, err
		}
	}
	run = fairlead.Run{Pipeline: p.Name, Number: number, Revision: p.Revision, State: fairlead.RunQueued, Cause: s.cause, By: s.by,
		Variables: values, CreatedAt: tx.Now, Ruled: ruled}
	run.Pins, run.Windows = s.pins, p.Spec.Windows
	if run.ID, err = newID(); err != nil {
		return run, err
	}
	if run.Stages, err = e.stageRuns(ctx, tx, &p.Spec); err != nil {
		return run, err
	}
	if s.again != nil {
		repeat(&run, *s.again, s.from, s.given)
	}
	effects := []Effect{Log{Type: "run-created", Text: fmt.Sprintf("run %d of pipeline %s, revision %d: %s", number, p.Name, run.Revision, s.why)}}
	for _, text := range s.complaints {
		effects = append(effects, Log{Type: "run-warning", Text: text})
	}
	if ahead != "" {
		run.Message, run.WaitingFor = "waits in the queue until the runs before it have ended", ahead
		effects = append(effects, Log{Type: "run-waits", Text: run.Message})
	} else {
		begun, more := Next(run, Begin{}, tx.Now)
		run, effects = begun, append(effects, more...)
	}
	if err := tx.CreateRun(ctx, &run); err != nil {
		return run, err
	}
	entry := fairlead.AuditEntry{Via: s.cause, Operation: "startRun", Verb: "start", Kind: "runs", Name: p.Name, Group: p.Group,
		Detail: fmt.Sprintf("run %d: %s", number, s.why)}
	if err := tx.Audit(ctx, entry); err != nil {
		return run, err
	}
	return e.carryOut(ctx, tx, run, effects)
}

// stageRuns are the stages of a new run; the tasks of a parallel stage stand behind it.
func (e *Engine) stageRuns(ctx context.Context, tx *store.Tx, spec *fairlead.PipelineSpec) (list []fairlead.StageRun, err error) {
	var hooks []store.PipelineWebhook
	if slices.ContainsFunc(conditionsOf(spec), func(l located) bool { return l.stage >= 0 && l.Webhook != nil }) {
		if hooks, err = tx.PipelineWebhooks(ctx, spec.Name); err != nil {
			return nil, err
		}
	}
	for i, stage := range spec.Stages {
		s := fairlead.StageRun{Name: stage.Name, Type: stage.Type, State: fairlead.StagePending, Policy: policy(stage)}
		if stage.Review != nil {
			s.Review = &fairlead.ReviewRun{Review: *stage.Review}
		}
		for _, l := range conditionsOf(spec) {
			if l.stage == i {
				s.Conditions = append(s.Conditions, fairlead.ConditionRun{Condition: l.path, Kind: l.Kind(), Source: l.source(spec.Name, hooks)})
			}
		}
		list = append(list, s)
		for _, task := range stage.Tasks {
			list = append(list, fairlead.StageRun{Name: stage.Name + "/" + task.Name, Type: task.Type, Parent: stage.Name, State: fairlead.StagePending, Policy: policy(task)})
		}
	}
	return list, nil
}

// policy is what a run keeps of a stage's file; nil when nothing was said.
func policy(s fairlead.Stage) *fairlead.StagePolicy {
	said := s.Needs != nil || s.When != nil || s.Triggers != nil || s.Retry != nil || s.OnError != nil || s.Notifications != nil || s.Tasks != nil ||
		s.Locks != nil || s.Windows != nil
	if !said {
		return nil
	}
	return &fairlead.StagePolicy{Needs: s.Needs, When: s.When, Any: s.Triggers != nil && s.Triggers.Mode == "any", Retry: s.Retry, OnError: s.OnError,
		Serial: s.Order == "serial", StopTasks: s.OnTaskFailure == "stop", Notifications: s.Notifications, Locks: s.Locks, Windows: s.Windows}
}

// stageSpec is the part of a file that a stage or task of a run executes.
func stageSpec(spec *fairlead.PipelineSpec, s fairlead.StageRun) (fairlead.Stage, bool) {
	name := s.Name
	if s.Parent != "" {
		name = s.Parent
	}
	i := slices.IndexFunc(spec.Stages, func(stage fairlead.Stage) bool { return stage.Name == name })
	if i < 0 || s.Parent == "" {
		if i < 0 {
			return fairlead.Stage{}, false
		}
		return spec.Stages[i], true
	}
	n := slices.IndexFunc(spec.Stages[i].Tasks, func(task fairlead.Stage) bool { return s.Parent+"/"+task.Name == s.Name })
	if n < 0 {
		return fairlead.Stage{}, false
	}
	return spec.Stages[i].Tasks[n], true
}

// Stop ends a run: one that waits in the queue at once, one that runs as soon as its stack action, which is canceled, has
// ended. Stopping a run twice is fine; a run that ended is a Conflict.
func (e *Engine) Stop(ctx context.Context, actor fairlead.Actor, id string) (run fairlead.Run, err error) {
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		if run, err = tx.Run(ctx, id); err != nil {
			return err
		}
		if fairlead.RunMoves.Final(run.State) {
			return fairlead.Errorf(fairlead.Conflict, "run %d of pipeline %s has ended: it is %s", run.Number, run.Pipeline, run.State)
		}
		run, err = e.step(ctx, tx, run, Stop{By: actor.String()})
		return err
	})
	return run, err
}
