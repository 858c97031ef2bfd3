package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
)

// attempt names one attempt of one stage of a run. A job for an attempt that does not run any more has nothing to do.
type attempt struct {
	Run     string `json:"run_id"`
	Stage   int    `json:"stage"`
	Attempt int    `json:"attempt"`
}

// stageWork is the job that begins a stage's work.
type stageWork struct{ attempt }

// stageDone is the job that comes with the end of the stage's stack action.
type stageDone struct{ attempt }

// stageCancel is the job that cancels the stage's stack action.
type stageCancel struct {
	attempt
	Action string `json:"action_id"`
}

func (stageWork) Kind() string   { return "stage_work" }
func (stageDone) Kind() string   { return "stage_done" }
func (stageCancel) Kind() string { return "stage_cancel" }

type stageWorker struct {
	river.WorkerDefaults[stageWork]
	engine *Engine
}

func (w *stageWorker) Work(ctx context.Context, job *river.Job[stageWork]) error {
	return w.engine.work(ctx, job)
}

// work begins the stack action of a template-deploy stage, or the container of a job stage. What a wait can cure (the stack is busy, the target does not
// answer) is shown and tried again until the stage's time is up.
func (e *Engine) work(ctx context.Context, job *river.Job[stageWork]) error {
	d, err := e.load(ctx, job.Args.attempt)
	if err != nil || d == nil {
		return err
	}
	left := d.deadline.Sub(e.now())
	if left <= 0 {
		return e.finish(ctx, job, d.timedOut())
	}
	within, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	if d.spec.Job != nil {
		err = e.workJob(within, job, d)
	} else if err = e.prepare(within, d, left); err == nil {
		err = e.begin(ctx, job, d)
	}
	switch code := fairlead.ErrorCode(err); {
	case err == nil:
		return nil
	case ctx.Err() != nil: // the server stops; the job goes on with its next life
		return ctx.Err()
	case within.Err() != nil:
		return e.finish(ctx, job, d.timedOut())
	case code == fairlead.Conflict, code == fairlead.Unavailable, code == fairlead.Internal:
		return e.wait(ctx, job, d, err)
	}
	return e.finish(ctx, job, d.failed(err))
}

// deployment is the work of one attempt of a template-deploy stage.
type deployment struct {
	attempt
	run      fairlead.Run
	spec     fairlead.Stage
	deadline time.Time
	message  string // of the stage, as it is stored
	approved string // hash of the plan that a review approved
	last     bool   // no other attempt follows by itself
	images   []fairlead.ResolvedImage
	request  stack.Request
	prepared *stack.Prepared
}

// load reads what an attempt works with; nil without an error means that there is nothing to do.
func (e *Engine) load(ctx context.Context, at attempt) (d *deployment, err error) {
	err = e.db.Read(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, at.Run)
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			return nil // the pipeline was deleted
		}
		if err != nil || !open(run, at) {
			return err
		}
		spec, err := tx.PipelineSpec(ctx, run.Pipeline, run.Revision)
		if err != nil {
			return err
		}
		s := run.Stages[at.Stage]
		own, ok := stageSpec(&spec, s)
		if !ok {
			return fmt.Errorf("pipeline: run %s has no file for its stage %q", at.Run, s.Name)
		}
		d = &deployment{attempt: at, run: run, spec: own, message: s.Message, approved: s.Approved}
		d.last = own.Retry == nil || s.Retried >= own.Retry.Attempts
		d.deadline = s.StartedAt.Add(time.Duration(d.spec.Timeout))
		return nil
	})
	return d, err
}

// open reports whether an attempt runs and has not begun its action.
func open(run fairlead.Run, at attempt) bool {
	if run.State != fairlead.RunRunning || at.Stage < 0 || at.Stage >= len(run.Stages) {
		return false
	}
	s := run.Stages[at.Stage]
	return s.State == fairlead.StageRunning && s.Attempt == at.Attempt && s.Action == "" && s.Container == "" && s.StartedAt != nil
}

// prepare finds the images, expands the parameters and plans the stack's action. Nothing is stored or touched.
func (e *Engine) prepare(ctx context.Context, d *deployment, left time.Duration) error {
	values := maps.Clone(d.run.Variables)
	if err := e.resolveImages(ctx, d, values); err != nil {
		return err
	}
	if err := d.expand(values); err != nil {
		return err
	}
	if d.spec.Deploy.Helm != nil {
		if err := e.prepareRelease(ctx, d, values); err != nil {
			return err
		}
	}
	then, err := json.Marshal(stageDone{d.attempt})
	if err != nil {
		return err
	}
	r := &d.request
	r.Timeout = max(left, minTimeout)
	if d.spec.Rollback && d.last {
		r.OnFailure = fairlead.Rollback
	}
	r.Actor, r.Run = fairlead.Actor{Via: fmt.Sprintf("pipeline %s, run %d", d.run.Pipeline, d.run.Number)}, d.run.ID
	r.Then = &stack.Job{Kind: stageDone{}.Kind(), Args: then}
	if !d.spec.Deploy.Create {
		r.Verb = fairlead.VerbUpgrade
		if err := e.mustExist(ctx, r.Name); err != nil {
			return err
		}
	}
	if d.prepared, err = e.stacks.Prepare(ctx, *r); err != nil {
		return err
	}
	if hash := d.hash(); d.approved != "" && hash != d.approved {
		return fairlead.Errorf(fairlead.Failed, "the plan is not the one that was approved (%s, approved was %s): something changed since; retry the run from its review", hash, d.approved)
	}
	return nil
}

// hash identifies what the deployment will do: its plan, and the digests of its images.
func (d *deployment) hash() string {
	sum := sha256.New()
	fmt.Fprintln(sum, d.prepared.Plan.Hash)
	for _, img := range d.images {
		fmt.Fprintln(sum, img.Name, img.Image, img.Digest)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func (e *Engine) mustExist(ctx context.Context, name string) error {
	return e.db.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.Stack(ctx, name)
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			return fairlead.Errorf(fairlead.NotFound, "stack %q does not exist; create it, or say \"create: true\" in the stage's deploy", name)
		}
		return err
	})
}

// resolveImages finds every input image before anything is touched, and adds ${image.NAME} and ${image.NAME.digest}. All that
// are missing are named at once.
func (e *Engine) resolveImages(ctx context.Context, d *deployment, values map[string]string) error {
	var problems fairlead.Diagnostics
	var last error
	for i, img := range d.spec.Images {
		found, err := e.resolveImage(ctx, img, d.run)
		switch fairlead.ErrorCode(err) {
		case "":
			d.images = append(d.images, found)
			values["image."+img.Name], values["image."+img.Name+".digest"] = found.Address, found.Digest
		case fairlead.Unavailable, fairlead.Internal:
			return err
		default:
			last = err
			problems = append(problems, fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: "missing-image", Path: item("images", i), Summary: err.Error()})
		}
	}
	if len(problems) == 1 {
		return last
	}
	return problems.Err("the stage's images")
}

func (e *Engine) resolveImage(ctx context.Context, img fairlead.StageImage, run fairlead.Run) (found fairlead.ResolvedImage, err error) {
	ref, err := Expand(img.Image, lookup(run.Variables))
	if err == nil {
		err = checkImage(ref)
	}
	if err != nil {
		return found, fairlead.Errorf(fairlead.Invalid, "input image %q: %w", img.Name, err)
	}
	exact := ref
	if digest := run.Pins[ref]; digest != "" {
		exact = ref[:strings.LastIndexByte(ref, ':')] + "@" + digest
	}
	tag, err := e.images.Resolve(ctx, exact)
	if fairlead.ErrorCode(err) == fairlead.NotFound {
		return found, fairlead.Errorf(fairlead.NotFound, "input image %q is missing: %w", img.Name, err)
	}
	return fairlead.ResolvedImage{Name: img.Name, Image: ref, Address: e.images.Address(exact), Digest: tag.Digest}, err
}

func lookup(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

// expand fills the request from the stage with all variables replaced.
func (d *deployment) expand(values map[string]string) error {
	deploy, r := d.spec.Deploy, &d.request
	for _, f := range []struct {
		to       *string
		key, src string
	}{
		{&r.Name, "stack", deploy.Stack}, {&r.Target, "target", deploy.Target}, {&r.Namespace, "namespace", deploy.Namespace},
		{&r.Template, "template", deploy.Template}, {&r.Version, "version", deploy.Version},
	} {
		var err error
		if *f.to, err = Expand(f.src, lookup(values)); err != nil {
			return fairlead.Errorf(fairlead.Invalid, "deploy.%s: %w", f.key, err)
		}
	}
	r.Inputs = make(map[string]any, len(deploy.Parameters))
	for _, name := range slices.Sorted(maps.Keys(deploy.Parameters)) {
		value, err := Expand(deploy.Parameters[name], lookup(values))
		if err != nil {
			return fairlead.Errorf(fairlead.Invalid, "deploy.parameters.%s: %w", name, err)
		}
		r.Inputs[name] = value
	}
	return nil
}

// begin stores the stack's action together with the new state of the stage and the end of this job.
func (e *Engine) begin(ctx context.Context, job *river.Job[stageWork], d *deployment) error {
	return e.db.Write(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, d.Run)
		if err != nil {
			return err
		}
		if open(run, d.attempt) {
			action, err := e.stacks.Begin(ctx, tx, d.prepared)
			if err != nil {
				return err
			}
			event := ActionBegun{Stage: d.Stage, Attempt: d.Attempt, Action: action.ID, Stack: action.Stack, Images: d.images}
			for _, w := range d.prepared.Plan.Warnings {
				event.Warnings = append(event.Warnings, detail(w))
			}
			if _, err := e.step(ctx, tx, run, event); err != nil {
				return err
			}
		}
		return store.CompleteJob(ctx, tx, job)
	})
}

// finish ends the attempt together with its job.
func (e *Engine) finish(ctx context.Context, job *river.Job[stageWork], event StageEnded) error {
	return e.db.Write(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, job.Args.Run)
		if err != nil && fairlead.ErrorCode(err) != fairlead.NotFound {
			return err
		}
		if open(run, job.Args.attempt) {
			if _, err := e.step(ctx, tx, run, event); err != nil {
				return err
			}
		}
		return store.CompleteJob(ctx, tx, job)
	})
}

// Bounds of the wait between two tries; between them it is a quarter of the time that the stage has tried.
const (
	minWait = 500 * time.Millisecond
	maxWait = 10 * time.Second
)

// wait shows why the stage waits, when that is news, and has it tried again later.
func (e *Engine) wait(ctx context.Context, job *river.Job[stageWork], d *deployment, reason error) error {
	what := reason.Error()
	if fairlead.ErrorCode(reason) == fairlead.Internal {
		e.log.Error("a stage cannot begin its work", "pipeline", d.run.Pipeline, "run", d.Run, "stage", d.spec.Name, "error", reason)
		what = "internal error; the server's log has the details"
	}
	what, err := e.unnamed(ctx, d.run.Pipeline, what)
	if err != nil {
		return err
	}
	if triesAgain+what != d.message {
		err := e.db.Write(ctx, func(tx *store.Tx) error {
			run, err := tx.Run(ctx, d.Run)
			if err != nil {
				return err
			}
			_, err = e.step(ctx, tx, run, StageNote{Stage: d.Stage, Attempt: d.Attempt, Text: what})
			return err
		})
		if err != nil {
			return err
		}
	}
	now := e.now()
	tried := now.Sub(d.deadline.Add(-time.Duration(d.spec.Timeout)))
	pause := min(max(tried/4, minWait), maxWait, max(d.deadline.Sub(now), minWait))
	return river.JobSnooze(pause)
}

// unnamed is a text that those who see a pipeline may read: it names no runs of other groups.
func (e *Engine) unnamed(ctx context.Context, pipeline, text string) (out string, err error) {
	if !store.NamesRuns(text) {
		return text, nil
	}
	err = e.db.Read(ctx, func(tx *store.Tx) error {
		group, err := tx.PipelineGroup(ctx, pipeline)
		if err == nil {
			out, err = tx.UnnamedIn(ctx, group, text)
		}
		return err
	})
	return out, err
}

func (d *deployment) timedOut() StageEnded {
	text := "it took longer than " + d.spec.Timeout.String()
	if d.message != "" {
		text += "; the last it said: " + d.message
	}
	return StageEnded{Stage: d.Stage, Attempt: d.Attempt, State: fairlead.StageTimedOut, Text: text, Images: d.images}
}

// failed ends the stage with an error. Its single mistakes become lines of the log, unless the error says it all.
func (d *deployment) failed(err error) StageEnded {
	event := StageEnded{Stage: d.Stage, Attempt: d.Attempt, State: fairlead.StageFailed, Text: err.Error(), Images: d.images}
	if e, ok := errors.AsType[*fairlead.Error](err); ok {
		for _, p := range e.Problems {
			if len(e.Problems) == 1 && p.File == "" && p.Detail == "" && strings.HasSuffix(event.Text, p.Summary) {
				continue
			}
			event.Details = append(event.Details, detail(p))
		}
	}
	return event
}

// detail is a finding as a line of the log, whose level says already how bad it is.
func detail(p fairlead.Diagnostic) string {
	return strings.TrimPrefix(p.String(), string(p.Severity)+": ")
}

type doneWorker struct {
	river.WorkerDefaults[stageDone]
	engine *Engine
}

// Work ends the stage as its stack action ended.
func (w *doneWorker) Work(ctx context.Context, job *river.Job[stageDone]) error {
	e, at := w.engine, job.Args.attempt
	return e.db.Write(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, at.Run)
		switch {
		case fairlead.ErrorCode(err) == fairlead.NotFound:
			return store.CompleteJob(ctx, tx, job)
		case err != nil:
			return err
		}
		if at.Stage < len(run.Stages) {
			event, err := ended(ctx, tx, at, run.Stages[at.Stage].Action)
			if err != nil {
				return err
			}
			if _, err := e.step(ctx, tx, run, event); err != nil {
				return err
			}
		}
		return store.CompleteJob(ctx, tx, job)
	})
}

// ended turns the end of an action into the end of its stage.
func ended(ctx context.Context, tx *store.Tx, at attempt, id string) (StageEnded, error) {
	event := StageEnded{Stage: at.Stage, Attempt: at.Attempt, State: fairlead.StageFailed}
	action, err := tx.Action(ctx, id)
	if fairlead.ErrorCode(err) == fairlead.NotFound {
		event.Text = "the record of its stack action is gone"
		return event, nil
	}
	event.Text, event.Told = action.Message, action.Message != ""
	switch action.State {
	case fairlead.ActionSucceeded:
		event.State, event.Told = fairlead.StageSucceeded, false
		if unchanged(action.Plan) {
			event.Text = "nothing changed: stack " + action.Stack + " is as wanted"
		}
	case fairlead.ActionCanceled:
		event.State = fairlead.StageCanceled
	case fairlead.ActionTimedOut:
		event.State = fairlead.StageTimedOut
	}
	return event, err
}

func unchanged(p fairlead.Plan) bool {
	return !slices.ContainsFunc(p.Operations, func(op fairlead.Operation) bool { return op.Verb != fairlead.OpNone })
}

type cancelWorker struct {
	river.WorkerDefaults[stageCancel]
	engine *Engine
}

// Work cancels the action. One that has ended meanwhile needs nothing.
func (w *cancelWorker) Work(ctx context.Context, job *river.Job[stageCancel]) error {
	err := w.engine.stacks.CancelAction(ctx, fairlead.Actor{Via: "a stop of its run"}, job.Args.Action)
	if fairlead.ErrorCode(err) == fairlead.NotFound {
		return nil
	}
	return err
}
