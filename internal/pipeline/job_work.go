package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
)

// jobSlice is the job that takes the container of a stage further, for some seconds. There is one at a time: each makes the
// next in the transaction in which it ends. It is worked where the target's stacks are worked.
type jobSlice struct {
	attempt
	Slice     int64  `json:"slice"`
	Container string `json:"container"` // its name, by which the job is found
}

// jobSweep is the job that removes the container of a stage that has ended.
type jobSweep struct {
	Run       string             `json:"run_id"`
	Container fairlead.Container `json:"container"` // its identity only
}

func (jobSlice) Kind() string { return "stage_job" }
func (jobSweep) Kind() string { return "stage_job_sweep" }

// Bounds of the work on containers.
const (
	jobSliceTime = 10 * time.Second       // after that a slice ends
	jobFlush     = 300 * time.Millisecond // output waits that long for more before it is stored
	jobLook      = time.Second            // how often a slice looks whether its stage shall end
	jobBatch     = 500                    // lines that are stored at once
	jobStopTime  = 20 * time.Second       // how long a container that was asked to end is waited for before it is removed
	jobGiveUp    = 2 * time.Minute        // how long a container that is not removed holds the end of a stage
	jobSweepTime = 24 * time.Hour         // how long it is tried to remove what is left
)

// errLeftOver ends a slice that is not the one that works its container any more.
var errLeftOver = errors.New("pipeline: another slice works the container")

// queueOf are the options for a job that works on a target.
func (e *Engine) queueOf(ctx context.Context, tx *store.Tx, target string, at time.Time) (*river.InsertOpts, error) {
	opts := &river.InsertOpts{ScheduledAt: at}
	if e.queue == nil {
		return opts, nil
	}
	t, err := tx.Target(ctx, target)
	if fairlead.ErrorCode(err) == fairlead.NotFound { // it has no queue any more
		return opts, nil
	}
	opts.Queue = e.queue(t)
	return opts, err
}

func (e *Engine) enqueueSlice(ctx context.Context, tx *store.Tx, slice jobSlice, target string, at time.Time) error {
	opts, err := e.queueOf(ctx, tx, target, at)
	if err != nil {
		return err
	}
	return tx.Enqueue(ctx, slice, opts)
}

// containerWork is one slice of the work on a container.
type containerWork struct {
	engine    *Engine
	job       *river.Job[jobSlice]
	stored    store.StageJob
	container fairlead.Container
	name      string // of the stage
	message   string // of the stage, as it is stored
	timeout   fairlead.Duration
	deadline  time.Time
	stopped   bool // the stage shall end
	runner    Runner
	mask      fairlead.Mask
	output    *output
}

type jobWorker struct {
	river.WorkerDefaults[jobSlice]
	engine *Engine
}

// Work does one slice. A job that is left over does nothing.
func (w *jobWorker) Work(ctx context.Context, job *river.Job[jobSlice]) error {
	c, err := w.engine.loadJob(ctx, job)
	if err == nil && c != nil {
		err = c.work(ctx)
	}
	if errors.Is(err, errLeftOver) {
		return nil
	}
	return err
}

// loadJob reads what a slice works with; nil without an error means that there is nothing to do.
func (e *Engine) loadJob(ctx context.Context, job *river.Job[jobSlice]) (w *containerWork, err error) {
	w = &containerWork{engine: e, job: job}
	var target fairlead.Target
	var targetErr error
	err = e.db.Read(ctx, func(tx *store.Tx) error {
		if w.stored, err = tx.StageJob(ctx, job.Args.Run, job.Args.Stage, job.Args.Attempt); err != nil {
			return err
		}
		target, targetErr = tx.Target(ctx, w.stored.Container.Target)
		return w.read(ctx, tx)
	})
	switch {
	case fairlead.ErrorCode(err) == fairlead.NotFound, err == nil && w.stored.Slice != job.Args.Slice:
		return nil, nil
	case err != nil:
		return nil, err
	}
	w.container = w.stored.Container
	w.container.ID = w.stored.Progress.ID
	w.output = newOutput(&w.stored.Progress, w.mask)
	if targetErr == nil {
		w.runner, targetErr = e.runner(ctx, target)
	}
	if targetErr != nil {
		return nil, w.trouble(ctx, targetErr)
	}
	return w, nil
}

// read reads the stage that the container belongs to.
func (w *containerWork) read(ctx context.Context, tx *store.Tx) error {
	at := w.job.Args.attempt
	run, err := tx.Run(ctx, at.Run)
	if err != nil {
		return err
	}
	spec, err := tx.PipelineSpec(ctx, run.Pipeline, run.Revision)
	if err != nil {
		return err
	}
	s := run.Stages[at.Stage]
	own, ok := stageSpec(&spec, s)
	if !ok || s.StartedAt == nil {
		return fmt.Errorf("pipeline: run %s has no file for its stage %q", at.Run, s.Name)
	}
	w.name, w.message, w.timeout = s.Name, s.Message, own.Timeout
	w.deadline = s.StartedAt.Add(time.Duration(own.Timeout))
	w.stopped = ends(run, at)
	secrets, err := tx.PipelineSecrets(ctx, run.Pipeline)
	if err != nil {
		return err
	}
	if secrets == nil {
		secrets = map[string]string{}
	}
	for _, name := range w.stored.Container.SecretEnv { // as it was when the container was made, with its variables replaced
		secrets["container "+name] = w.stored.Container.Env[name]
	}
	w.mask, err = stack.MaskOf(ctx, tx, w.stored.Container.StackID, secrets)
	return err
}

// ends reports whether the container of an attempt shall not go on.
func ends(run fairlead.Run, at attempt) bool {
	s := run.Stages[at.Stage]
	if run.Stopping || fairlead.RunMoves.Final(run.State) || s.State != fairlead.StageRunning || s.Attempt != at.Attempt {
		return true
	}
	for _, parent := range run.Stages {
		if s.Parent != "" && parent.Name == s.Parent && parent.Stopping {
			return true
		}
	}
	return false
}

// work takes the container as far as it goes.
func (w *containerWork) work(ctx context.Context) error {
	p := &w.stored.Progress
	if p.Ending == "" {
		if over, err := w.over(ctx); err != nil || !over && p.Phase == store.JobStarted {
			if err != nil {
				return err
			}
			return w.follow(ctx)
		}
	}
	switch {
	case p.Ending != "":
		return w.clear(ctx)
	case p.Phase == store.JobPlanned:
		id, waits, err := w.runner.MakeContainer(ctx, w.container)
		switch {
		case err != nil:
			return w.trouble(ctx, err)
		case waits != "":
			return w.again(ctx, waits, minWait)
		}
		p.Phase, p.ID, w.container.ID = store.JobMade, id, id
		if err := w.save(ctx, nil); err != nil {
			return err
		}
	}
	if err := w.runner.StartContainer(ctx, w.container); err != nil {
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			return w.lost(ctx)
		}
		return w.trouble(ctx, err)
	}
	p.Phase, w.message = store.JobStarted, ""
	if err := w.save(ctx, w.tell(JobStarted{Stage: w.stored.Stage, Attempt: w.stored.Attempt})); err != nil {
		return err
	}
	return w.follow(ctx)
}

// over decides whether the container is stopped because its stage shall end, or its time is up, and writes that down.
func (w *containerWork) over(ctx context.Context) (bool, error) {
	p := &w.stored.Progress
	switch {
	case w.stopped:
		p.Ending, p.EndText = fairlead.StageCanceled, "its container was stopped"
	case !w.engine.now().Before(w.deadline):
		p.Ending, p.EndText = fairlead.StageTimedOut, "it took longer than "+w.timeout.String()+"; its container was stopped"
		if p.Phase != store.JobStarted && w.message != "" {
			p.EndText = "it took longer than " + w.timeout.String() + "; the last it said: " + w.message
		}
		p.EndText += w.lastWords()
	default:
		return false, nil
	}
	p.EndAt = w.engine.now()
	return true, w.save(ctx, nil)
}

// follow stores the container's output as it comes, until the container has ended, its stage shall end, or the slice is over.
func (w *containerWork) follow(ctx context.Context) error {
	if err := w.unwait(ctx); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, w.engine.sliceTime)
	defer cancel()
	lines, read := make(chan fairlead.OutputLine, jobBatch), make(chan error, 1)
	go func() {
		defer close(lines)
		read <- w.runner.ContainerOutput(within, w.container, w.output.since(), func(l fairlead.OutputLine) error {
			select {
			case lines <- l:
				return nil
			case <-within.Done():
				return within.Err()
			}
		})
	}()
	defer func() {
		cancel()
		for range lines { // the reader ends
		}
	}()
	flush, look := time.NewTicker(jobFlush), time.NewTicker(jobLook)
	defer flush.Stop()
	defer look.Stop()
	for {
		select {
		case l, more := <-lines:
			if !more {
				return w.settle(ctx, <-read)
			}
			if w.output.take(l); len(w.output.pending) < jobBatch {
				continue
			}
			if err := w.save(ctx, nil); err != nil {
				return err
			}
		case <-flush.C:
			if len(w.output.pending) > 0 {
				if err := w.save(ctx, nil); err != nil {
					return err
				}
			}
		case <-look.C:
			if err := w.engine.db.Read(ctx, func(tx *store.Tx) error { return w.read(ctx, tx) }); err != nil {
				return err
			}
			for range len(lines) { // what has come belongs to the end
				w.output.take(<-lines)
			}
			if over, err := w.over(ctx); err != nil || over {
				if err != nil {
					return err
				}
				cancel()
				for l := range lines {
					w.output.take(l)
				}
				return w.clear(ctx)
			}
		}
	}
}

// unwait takes back that the stage waits for something, once its container runs.
func (w *containerWork) unwait(ctx context.Context) error {
	if !waitsAgain(w.message) {
		return nil
	}
	status, err := w.runner.ContainerStatus(ctx, w.container)
	if err != nil || status.State != fairlead.ContainerRunning {
		return nil //nolint:nilerr // whoever reads the output meets it again
	}
	return w.save(ctx, w.tell(StageNote{Stage: w.stored.Stage, Attempt: w.stored.Attempt}))
}

// settle looks at the container after its output came to an end.
func (w *containerWork) settle(ctx context.Context, readErr error) error {
	if ctx.Err() != nil { // the server stops; what was read and is not stored is read again
		return ctx.Err()
	}
	status, err := w.runner.ContainerStatus(ctx, w.container)
	if err != nil {
		return w.trouble(ctx, err)
	}
	switch status.State {
	case fairlead.ContainerEnded:
		if readErr = w.rest(ctx); readErr != nil { // what was written after the reading ended, or while nobody read
			w.engine.log.Warn("the output of a container could not be read", "container", w.container.Name, "target", w.container.Target, "error", w.mask.String(readErr.Error()))
		}
		return w.ended(ctx, status, readErr)
	case fairlead.ContainerAbsent:
		return w.lost(ctx)
	case fairlead.ContainerWaiting:
		return w.again(ctx, status.Reason, minWait)
	}
	pause := time.Duration(0)
	if status.State == fairlead.ContainerMade || readErr != nil && fairlead.ErrorCode(readErr) != "" {
		pause = minWait
	}
	return w.again(ctx, "", pause)
}

// rest reads what is left of the output of a container that has ended.
func (w *containerWork) rest(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, w.engine.sliceTime)
	defer cancel()
	w.output.stdout, w.output.stderr = reading{}, reading{}
	return w.runner.ContainerOutput(within, w.container, w.output.since(), func(l fairlead.OutputLine) error {
		if w.output.take(l); len(w.output.pending) < jobBatch {
			return nil
		}
		return w.save(ctx, nil)
	})
}

// ended ends the stage as its container ended.
func (w *containerWork) ended(ctx context.Context, status fairlead.ContainerStatus, readErr error) error {
	event := StageEnded{State: fairlead.StageSucceeded, ExitCode: status.ExitCode}
	switch {
	case status.ExitCode == nil:
		event.State, event.Text = fairlead.StageFailed, "its container "+status.Reason
	case *status.ExitCode != 0 && status.Reason != "":
		event.State, event.Text = fairlead.StageFailed, fmt.Sprintf("its container %s (exit code %d)", status.Reason, *status.ExitCode)
	case *status.ExitCode != 0:
		event.State, event.Text = fairlead.StageFailed, fmt.Sprintf("its container ended with exit code %d", *status.ExitCode)
	}
	if event.State == fairlead.StageFailed {
		event.Text += w.lastWords()
	}
	if status.ExitCode == nil { // it may begin yet, or again: it is removed before another attempt has its turn
		p := &w.stored.Progress
		p.Ending, p.EndText, p.EndAt = event.State, w.mask.String(event.Text), w.engine.now()
		if err := w.save(ctx, nil); err != nil {
			return err
		}
		return w.clear(ctx)
	}
	if readErr != nil {
		event.Details = append(event.Details, "the output of the container could not be read: "+readErr.Error())
	}
	return w.end(ctx, event, true)
}

// lastWords is the last line of the output, as the end of a sentence.
func (w *containerWork) lastWords() string {
	if w.stored.Progress.Last == "" {
		return ""
	}
	return "; the last line of its output: " + w.stored.Progress.Last
}

// lost ends the stage of a container that somebody removed.
func (w *containerWork) lost(ctx context.Context) error {
	text := "container " + w.container.Name + " is gone from target " + w.container.Target + ": somebody removed it. Whether it did its work is not known, so it is not run again by itself" + w.lastWords()
	return w.end(ctx, StageEnded{State: fairlead.StageFailed, Text: text}, true)
}

// clear removes the container and then ends the stage as was decided.
func (w *containerWork) clear(ctx context.Context) error {
	p := &w.stored.Progress
	event := StageEnded{State: p.Ending, Text: p.EndText}
	ended, err := w.hush(ctx)
	if err == nil && !ended {
		return w.again(ctx, "", minWait)
	}
	if err == nil {
		err = w.runner.RemoveContainer(ctx, w.container)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		return w.end(ctx, event, false)
	case fairlead.ErrorCode(err) == fairlead.Unavailable && w.engine.now().Before(p.EndAt.Add(jobGiveUp)):
		pause := 2 * time.Second
		if errors.Is(err, fairlead.ErrDeleting) {
			pause = minWait
		}
		return w.again(ctx, err.Error(), pause)
	}
	event.Text += "; container " + w.container.Name + " could not be removed and may still run: " + err.Error()
	return w.end(ctx, event, true)
}

// hush has the container end and takes what it wrote until then, unless it never ran. A container that takes too long, or that the
// target does not stop, counts as ended: it is removed as it is.
func (w *containerWork) hush(ctx context.Context) (ended bool, err error) {
	p := &w.stored.Progress
	if p.Phase != store.JobStarted {
		return true, nil
	}
	if err := w.runner.StopContainer(ctx, w.container); err != nil {
		return fairlead.ErrorCode(err) != fairlead.Unavailable, unavailable(err)
	}
	status, err := w.runner.ContainerStatus(ctx, w.container)
	if err != nil {
		return true, unavailable(err)
	}
	if status.State == fairlead.ContainerRunning {
		return !w.engine.now().Before(p.EndAt.Add(jobStopTime)), nil
	}
	return true, unavailable(w.rest(ctx))
}

// unavailable is an error that a wait can cure, and nil for any other.
func unavailable(err error) error {
	if fairlead.ErrorCode(err) == fairlead.Unavailable {
		return err
	}
	return nil
}

// trouble goes on later when a wait can help, and ends the stage when not, or when its time is up.
func (w *containerWork) trouble(ctx context.Context, err error) error {
	note, pause := err.Error(), 2*time.Second
	switch code := fairlead.ErrorCode(err); {
	case ctx.Err() != nil:
		return ctx.Err()
	case code == fairlead.Internal:
		w.engine.log.Error("the container of a stage cannot be worked", "container", w.container.Name, "target", w.container.Target, "error", w.mask.String(err.Error()))
		note, pause = "internal error; the server's log has the details", maxWait
	case code != fairlead.Unavailable && code != fairlead.Conflict:
		return w.end(ctx, StageEnded{State: fairlead.StageFailed, Text: err.Error() + w.lastWords()}, true)
	}
	if over, err := w.over(ctx); err != nil || over && w.runner == nil {
		if err != nil {
			return err
		}
		return w.end(ctx, StageEnded{State: w.stored.Progress.Ending, Text: w.stored.Progress.EndText}, true)
	}
	return w.again(ctx, note, pause)
}

// mine makes sure, within a transaction, that this slice still works the container.
func (w *containerWork) mine(ctx context.Context, tx *store.Tx) error {
	now, err := tx.StageJob(ctx, w.stored.Run, w.stored.Stage, w.stored.Attempt)
	switch {
	case fairlead.ErrorCode(err) == fairlead.NotFound, err == nil && (now.Slice != w.job.Args.Slice || now.Worker > w.job.Attempt):
		return errLeftOver
	}
	return err
}

// save stores the output that has come and the progress, together with what more does.
func (w *containerWork) save(ctx context.Context, more func(ctx context.Context, tx *store.Tx) error) error {
	err := w.engine.db.Write(ctx, func(tx *store.Tx) error {
		if err := w.mine(ctx, tx); err != nil {
			return err
		}
		if err := tx.AppendOutput(ctx, w.stored.Run, w.name, w.output.pending); err != nil {
			return err
		}
		w.stored.Worker = w.job.Attempt
		if w.stored.Slice != w.job.Args.Slice { // the next slice's job counts its own attempts
			w.stored.Worker = 0
		}
		if err := tx.UpdateStageJob(ctx, &w.stored); err != nil || more == nil {
			return err
		}
		return more(ctx, tx)
	})
	if err == nil {
		w.output.pending = w.output.pending[:0]
	}
	return err
}

// tell takes the run through an event, within a transaction.
func (w *containerWork) tell(event Event) func(ctx context.Context, tx *store.Tx) error {
	return func(ctx context.Context, tx *store.Tx) error {
		run, err := tx.Run(ctx, w.stored.Run)
		if err != nil {
			return err
		}
		_, err = w.engine.step(ctx, tx, run, event)
		return err
	}
}

// again ends this slice and has another go on later. note says what is waited for; "" that nothing is.
func (w *containerWork) again(ctx context.Context, note string, pause time.Duration) error {
	at := w.job.Args.attempt
	w.stored.Slice++
	return w.save(ctx, func(ctx context.Context, tx *store.Tx) error {
		if note != "" && triesAgain+note != w.message {
			if err := w.tell(StageNote{Stage: at.Stage, Attempt: at.Attempt, Text: w.mask.String(note)})(ctx, tx); err != nil {
				return err
			}
		}
		next := jobSlice{at, w.stored.Slice, w.container.Name}
		var when time.Time
		if pause > 0 {
			when = time.Now().Add(pause) // by the clock of the queue
		}
		if err := w.engine.enqueueSlice(ctx, tx, next, w.container.Target, when); err != nil {
			return err
		}
		return store.CompleteJob(ctx, tx, w.job)
	})
}

// end ends the stage, with all that was read of the output. left tells that something may be left on the target.
func (w *containerWork) end(ctx context.Context, event StageEnded, left bool) error {
	at, p := w.job.Args.attempt, w.stored.Progress
	event.Stage, event.Attempt = at.Stage, at.Attempt
	event.Text = w.mask.String(event.Text)
	for i, detail := range event.Details {
		event.Details[i] = w.mask.String(detail)
	}
	if p.LeftLines > 0 {
		event.Warnings = append(event.Warnings, fmt.Sprintf("the log of an attempt holds %d MiB of output: the %d lines after that, %d KiB, were left out", maxOutput>>20, p.LeftLines, (p.LeftBytes+1023)>>10))
	}
	return w.save(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := w.tell(event)(ctx, tx); err != nil {
			return err
		}
		if left {
			c := w.container
			c.Env, c.SecretEnv, c.Args, c.Command = nil, nil, nil, nil
			opts, err := w.engine.queueOf(ctx, tx, c.Target, time.Time{})
			if err != nil {
				return err
			}
			if err := tx.Enqueue(ctx, jobSweep{at.Run, c}, opts); err != nil {
				return err
			}
		}
		if err := tx.DeleteStageJob(ctx, &w.stored); err != nil {
			return err
		}
		return store.CompleteJob(ctx, tx, w.job)
	})
}

type sweepWorker struct {
	river.WorkerDefaults[jobSweep]
	engine *Engine
}

// Work removes a container; what the target does not let go is tried again for a day.
func (w *sweepWorker) Work(ctx context.Context, job *river.Job[jobSweep]) error {
	e, c := w.engine, job.Args.Container
	var target fairlead.Target
	err := e.db.Read(ctx, func(tx *store.Tx) (err error) { target, err = tx.Target(ctx, c.Target); return err })
	if fairlead.ErrorCode(err) == fairlead.NotFound {
		return nil // with its target
	}
	var runner Runner
	if err == nil {
		if runner, err = e.runner(ctx, target); err == nil {
			err = runner.RemoveContainer(ctx, c)
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fairlead.ErrDeleting) && e.now().Before(job.CreatedAt.Add(jobGiveUp)):
		return river.JobSnooze(minWait)
	case e.now().Before(job.CreatedAt.Add(jobSweepTime)):
		return river.JobSnooze(maxWait)
	}
	e.log.Error("a container was not removed; remove it by hand", "container", c.Name, "target", c.Target, "error", err)
	return nil
}
