package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/notify"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
)

// Images finds the images of the embedded registry.
type Images interface {
	// Resolve finds an image by organization/repository:tag; NotFound when it is not there.
	Resolve(ctx context.Context, ref string) (fairlead.Tag, error)
	// Address is the full pull address of an image.
	Address(ref string) string
}

// Config is what an [Engine] works with. DB, Stacks and Images are required.
type Config struct {
	DB     *store.DB
	Stacks *stack.Engine
	Images Images
	// PublicURL is put before the paths of webhooks, such as https://fairlead.example.com. Default: empty.
	PublicURL string
	// Stands says for which of a review's groups an actor may answer. Default: none, except for administrators, who stand for all.
	Stands func(ctx context.Context, tx *store.Tx, actor fairlead.Actor, group fairlead.ReviewGroup) (bool, error)
	// Runner returns what runs the containers of job stages on a target; it must not contact the target. Default: no job stages.
	Runner func(ctx context.Context, target fairlead.Target) (Runner, error)
	// Queue names the job queue in which the containers of a target are worked. Default: the common one.
	Queue func(target fairlead.Target) string
	// Notify sends webhooks and messages to people. Default: one that knows no mail server and calls public addresses only.
	Notify *notify.Service
	// Samples holds the pipeline templates that come with the program, each in a file NAME.yaml. Default: none.
	Samples fs.FS
	// Log receives what went wrong inside. Default: discarded.
	Log *slog.Logger
	// Now is the clock for timeouts. Default: time.Now.
	Now func() time.Time
}

// Engine starts and works runs. It keeps nothing in memory that a restart could lose. Safe for concurrent use.
type Engine struct {
	db     *store.DB
	stacks *stack.Engine
	images Images
	url    string
	stands func(ctx context.Context, tx *store.Tx, actor fairlead.Actor, group fairlead.ReviewGroup) (bool, error)
	sender *notify.Service
	// samples are read when they are asked for.
	samples fs.FS
	log     *slog.Logger
	now     func() time.Time
	runner  func(ctx context.Context, target fairlead.Target) (Runner, error)
	queue   func(target fairlead.Target) string // nil: the common one

	sliceTime time.Duration // of the work on a container
}

// New returns an Engine. Register its workers, and call Recover, before the jobs start.
func New(cfg Config) *Engine {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Stands == nil {
		cfg.Stands = func(_ context.Context, _ *store.Tx, actor fairlead.Actor, _ fairlead.ReviewGroup) (bool, error) {
			return actor.Admin, nil
		}
	}
	if cfg.Notify == nil {
		cfg.Notify = notify.New(notify.Config{DB: cfg.DB, Log: cfg.Log, Now: cfg.Now})
	}
	return &Engine{runner: cfg.Runner, queue: cfg.Queue, sliceTime: jobSliceTime, sender: cfg.Notify, samples: cfg.Samples, db: cfg.DB, stacks: cfg.Stacks, images: cfg.Images, url: cfg.PublicURL, stands: cfg.Stands, log: cfg.Log, now: cfg.Now}
}

// Register adds the workers of pipelines.
func (e *Engine) Register(workers *river.Workers) {
	river.AddWorker(workers, &stageWorker{engine: e})
	river.AddWorker(workers, &doneWorker{engine: e})
	river.AddWorker(workers, &cancelWorker{engine: e})
	river.AddWorker(workers, &timerWorker{engine: e})
	river.AddWorker(workers, &rollbackWorker{engine: e})
	river.AddWorker(workers, &rolledBackWorker{engine: e})
	river.AddWorker(workers, &previewWorker{engine: e})
	river.AddWorker(workers, &channelWorker{engine: e})
	river.AddWorker(workers, &imageWorker{engine: e})
	river.AddWorker(workers, &scheduleWorker{engine: e})
	river.AddWorker(workers, &jobWorker{engine: e})
	river.AddWorker(workers, &sweepWorker{engine: e})
	river.AddWorker(workers, &flowWorker{engine: e})
	river.AddWorker(workers, &freezeWorker{engine: e})
	river.AddWorker(workers, &deletionWorker{engine: e})
	e.sender.Register(workers)
}

// newID returns an id that sorts by the time of its making.
func newID() (string, error) {
	id, err := uuid.NewV7()
	return id.String(), err
}

// step takes a stored run through one event and carries out the effects, in the caller's transaction.
func (e *Engine) step(ctx context.Context, tx *store.Tx, run fairlead.Run, event Event) (fairlead.Run, error) {
	next, effects := Next(run, event, tx.Now)
	if len(effects) == 0 { // the event came late: nothing changed
		return run, nil
	}
	if err := tx.UpdateRun(ctx, &next); err != nil {
		return run, err
	}
	return e.carryOut(ctx, tx, next, effects)
}

// carryOut does what follows from a transition, and returns the run as it is after that: a stage that asks for its turn can get
// it at once.
func (e *Engine) carryOut(ctx context.Context, tx *store.Tx, run fairlead.Run, effects []Effect) (fairlead.Run, error) {
	var errs []error
	for _, effect := range effects {
		var err error
		switch effect := effect.(type) {
		case Keep:
		case Log:
			errs = append(errs, appendLog(ctx, tx, run, effect))
		case StartStage:
			errs = append(errs, tx.Enqueue(ctx, stageWork{attempt{run.ID, effect.Stage, effect.Attempt}}, nil))
		case StartJob:
			at := attempt{run.ID, effect.Stage, effect.Attempt}
			errs = append(errs, e.enqueueSlice(ctx, tx, jobSlice{at, 1, run.Stages[effect.Stage].Container}, run.Stages[effect.Stage].Target, time.Time{}))
		case CancelAction:
			errs = append(errs, tx.Enqueue(ctx, stageCancel{attempt{run.ID, effect.Stage, effect.Attempt}, effect.Action}, nil))
		case SetTimer:
			errs = append(errs, tx.Enqueue(ctx, stageTimer{attempt{run.ID, effect.Stage, effect.Attempt}, effect.What, effect.At}, &river.InsertOpts{ScheduledAt: effect.At}))
			if effect.What == timerHold {
				errs = append(errs, e.tellPeople(ctx, tx, run, outcomeFailure))
			}
		case StartRollback:
			errs = append(errs, tx.Enqueue(ctx, stageRollback{attempt{run.ID, effect.Stage, effect.Attempt}}, nil))
		case MakePreview:
			errs = append(errs, tx.Enqueue(ctx, stagePreview{attempt{run.ID, effect.Stage, effect.Attempt}, effect.Of}, nil))
		case Notify:
			errs = append(errs, e.notify(ctx, tx, run, effect))
		case Listen:
			errs = append(errs, listen(ctx, tx, run))
		case StartNextRun:
			errs = append(errs, e.tellPeople(ctx, tx, run, outcomeOf(run)))
			if listens(run) {
				errs = append(errs, tx.DropRunListens(ctx, run.ID))
			}
			errs = append(errs, e.startNext(ctx, tx, run))
		case AskTurn:
			run, err = e.ask(ctx, tx, run, effect.Stage)
		case LeaveTurn:
			run, err = e.leave(ctx, tx, run, effect.Stage)
		default:
			errs = append(errs, fmt.Errorf("pipeline: effect %T is not known", effect))
		}
		errs = append(errs, err)
	}
	return run, errors.Join(errs...)
}

// maxLine bounds a log line in bytes.
const maxLine = 4096

func appendLog(ctx context.Context, tx *store.Tx, run fairlead.Run, l Log) error {
	if len(l.Text) > maxLine {
		l.Text = l.Text[:maxLine] + "..."
	}
	return tx.AppendEvent(ctx, fairlead.Event{Kind: "run", Name: run.ID, Part: l.Stage, Type: l.Type, Message: l.Text, Action: l.Action})
}

// Recover gives a job to every run that needs one and has none. That does not happen by itself, only when somebody tampered
// with the jobs; call it once at start, before the jobs start.
func (e *Engine) Recover(ctx context.Context) error {
	return e.db.Write(ctx, func(tx *store.Tx) error {
		runs, err := tx.OpenRuns(ctx)
		if err != nil {
			return err
		}
		jobs := openJobs{}
		for _, run := range runs {
			if err := e.recoverRun(ctx, tx, run, jobs); err != nil {
				return err
			}
		}
		// Before any begins: that one needs what others hold to be right, and is not as runs has it any more.
		if err := e.recoverTurns(ctx, tx, runs); err != nil {
			return err
		}
		if err := e.fillGroup(ctx, tx, ""); err != nil {
			return err
		}
		return e.recoverSchedules(ctx, tx)
	})
}

func (e *Engine) recoverRun(ctx context.Context, tx *store.Tx, run fairlead.Run, jobs openJobs) error {
	if run.State == fairlead.RunQueued {
		return nil // its turn comes with the end of another run; Recover looks at the queues as a whole
	}
	for i, s := range run.Stages {
		job, opts, err := e.wantedJob(ctx, tx, run, i, s)
		if err != nil || job == nil {
			if err != nil {
				return err
			}
			continue
		}
		has, err := hasJob(ctx, tx, jobs, run.ID, i, job)
		if err != nil {
			return err
		}
		if has {
			continue
		}
		e.log.Warn("a run had no job; it goes on", "pipeline", run.Pipeline, "run", run.ID)
		if slice, ok := job.(jobSlice); ok {
			if job, err = renew(ctx, tx, slice); err != nil {
				return err
			}
		}
		if err := tx.Enqueue(ctx, job, opts); err != nil {
			return err
		}
	}
	return nil
}

// openJobs are the stages of runs that have a job, by its kind. Each kind is read once: there may be many runs.
type openJobs map[string]map[stagePlace]bool

type stagePlace struct {
	run   string
	stage int
}

func (jobs openJobs) has(ctx context.Context, tx *store.Tx, kind, run string, stage int) (bool, error) {
	if jobs[kind] == nil {
		list, err := tx.OpenJobs(ctx, kind)
		if err != nil {
			return false, err
		}
		jobs[kind] = map[stagePlace]bool{}
		for _, args := range list {
			var at attempt
			if json.Unmarshal(args, &at) == nil {
				jobs[kind][stagePlace{at.Run, at.Stage}] = true
			}
		}
	}
	return jobs[kind][stagePlace{run, stage}], nil
}

// hasJob reports whether a job that takes a stage further is there. Two that work one container must never be.
func hasJob(ctx context.Context, tx *store.Tx, jobs openJobs, run string, stage int, job river.JobArgs) (bool, error) {
	if slice, ok := job.(jobSlice); ok {
		return tx.HasJob(ctx, slice.Kind(), slice.Container)
	}
	return jobs.has(ctx, tx, job.Kind(), run, stage)
}

// renew makes a lost slice the next one: the new job counts its attempts from 1, and whoever works the old one, if anybody does,
// stores nothing any more.
func renew(ctx context.Context, tx *store.Tx, slice jobSlice) (jobSlice, error) {
	j, err := tx.StageJob(ctx, slice.Run, slice.Stage, slice.Attempt)
	if err != nil {
		return slice, err
	}
	j.Slice, j.Worker = j.Slice+1, 0
	slice.Slice = j.Slice
	return slice, tx.UpdateStageJob(ctx, &j)
}

// wantedJob is the job that takes a stage further, nil when it needs none: its stack action makes it, or a person is waited for.
func (e *Engine) wantedJob(ctx context.Context, tx *store.Tx, run fairlead.Run, i int, s fairlead.StageRun) (river.JobArgs, *river.InsertOpts, error) {
	at := attempt{run.ID, i, s.Attempt}
	timer := func(what string, when time.Time) (river.JobArgs, *river.InsertOpts, error) {
		return stageTimer{at, what, when}, &river.InsertOpts{ScheduledAt: when}, nil
	}
	ended := func(action string, job river.JobArgs) (river.JobArgs, *river.InsertOpts, error) {
		state, err := tx.ActionState(ctx, action)
		if err == nil && !fairlead.ActionMoves.Final(state) {
			return nil, nil, nil // the action's end makes the job
		}
		return job, nil, nil
	}
	switch {
	case s.State == fairlead.StageRunning && s.Type == fairlead.StageParallel:
		return nil, nil, nil
	case s.State == fairlead.StageRunning && s.Container != "":
		j, err := tx.StageJob(ctx, run.ID, i, s.Attempt)
		if err != nil {
			return nil, nil, err
		}
		opts, err := e.queueOf(ctx, tx, j.Container.Target, time.Time{})
		return jobSlice{at, j.Slice, s.Container}, opts, err
	case s.State == fairlead.StageRunning && s.Action == "":
		return stageWork{at}, nil, nil
	case s.State == fairlead.StageRunning:
		return ended(s.Action, stageDone{at})
	case s.RetryAt != nil:
		return timer(timerRetry, *s.RetryAt)
	case s.Rollback == "asked":
		return stageRollback{at}, nil, nil
	case s.Rollback != "":
		return ended(s.Rollback, stageRolledBack{at})
	case s.HeldUntil != nil:
		return timer(timerHold, *s.HeldUntil)
	case s.State == fairlead.StageWaiting && s.Turn != nil && s.Turn.At != nil:
		return timer(timerTurn, *s.Turn.At)
	case s.State == fairlead.StageWaiting && s.Review != nil && s.Review.ExpiresAt != nil:
		return timer(timerReview, *s.Review.ExpiresAt)
	}
	return nil, nil, nil
}
