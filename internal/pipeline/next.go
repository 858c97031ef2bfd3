package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// Next is the transition function of runs: the run after an event, and what is to be done. It is pure; at is the time of the
// event. An event that comes late, twice or out of order (of another attempt, of a stage that does not run any more) changes
// nothing and has no effects. The argument is not changed.
//
// Which stage can begin, and what the run as a whole waits for, is in graph.go; what follows a failed stage in hold.go; what a
// stage waits for before it begins in gate.go, review.go and turn.go; the tasks of a parallel stage in task.go.
func Next(run fairlead.Run, event Event, at time.Time) (fairlead.Run, []Effect) {
	run.Stages = slices.Clone(run.Stages)
	t := transition{run: &run, at: at}
	t.take(event)
	if len(t.effects) > 0 {
		t.settle()
	}
	return run, t.effects
}

func (t *transition) take(event Event) {
	switch event := event.(type) {
	case Begin:
		t.begin()
	case StageNote:
		t.note(event)
	case ActionBegun:
		t.actionBegun(event)
	case JobBegun:
		t.jobBegun(event)
	case JobStarted:
		t.jobStarted(event)
	case StageEnded:
		t.stageEnded(event)
	case Stop:
		t.stop(event)
	case Received:
		t.received(event)
	case TimeUp:
		t.timeUp(event)
	case Retry:
		t.retry(event)
	case RollBack:
		t.rollBack(event)
	case RollbackBegun:
		t.rollbackBegun(event)
	case RollbackEnded:
		t.rollbackEnded(event)
	case Previewed:
		t.previewed(event)
	case Answered:
		t.answered(event)
	case TurnGiven:
		t.turnGiven(event)
	case TurnWaits:
		t.turnWaits(event)
	case TurnRefused:
		t.turnRefused(event)
	}
}

// transition collects what one event changes.
type transition struct {
	run     *fairlead.Run
	at      time.Time
	effects []Effect
	why     string // of the end, for the log, which may have the run's message already
}

func (t *transition) do(e Effect) { t.effects = append(t.effects, e) }

func (t *transition) log(stage, kind, format string, args ...any) {
	t.do(Log{Stage: stage, Type: kind, Text: fmt.Sprintf(format, args...)})
}

// stage returns a stage by its index, nil when there is none.
func (t *transition) stage(i int) *fairlead.StageRun {
	if i < 0 || i >= len(t.run.Stages) {
		return nil
	}
	return &t.run.Stages[i]
}

// moveRun moves the run along the table of legal moves; another move is a bug of this file and is not made.
func (t *transition) moveRun(to fairlead.RunState) bool {
	if fairlead.RunMoves.Check("run", t.run.State, to) != nil {
		return false
	}
	t.run.State = to
	if fairlead.RunMoves.Final(to) {
		t.run.EndedAt = &t.at
	}
	return true
}

func (t *transition) moveStage(i int, to fairlead.StageState) bool {
	s := &t.run.Stages[i]
	if fairlead.StageMoves.Check("stage", s.State, to) != nil {
		return false
	}
	t.leave(i)
	s.State, s.WaitingFor = to, ""
	s.RetryAt, s.HeldUntil, s.Rollback = nil, nil, ""
	if to == fairlead.StageRunning {
		s.Attempt++
		s.StartedAt, s.EndedAt, s.Stopping = &t.at, nil, false
		s.Message, s.Action, s.Stack, s.Images = "", "", "", nil
		s.Container, s.Target, s.Namespace, s.ExitCode = "", "", "", nil
	} else if s.StartedAt != nil && to != fairlead.StageWaiting {
		s.EndedAt = &t.at
	}
	return true
}

// active reports whether the run has begun and not ended.
func (t *transition) active() bool {
	return t.run.State != fairlead.RunQueued && !fairlead.RunMoves.Final(t.run.State)
}

// running returns the stage that an event is about, nil when that attempt does not run any more.
func (t *transition) running(i, attempt int) *fairlead.StageRun {
	s := t.stage(i)
	if s == nil || s.State != fairlead.StageRunning || s.Attempt != attempt || t.run.State != fairlead.RunRunning {
		return nil
	}
	return s
}

func (t *transition) begin() {
	if t.run.State != fairlead.RunQueued || !t.moveRun(fairlead.RunRunning) {
		return
	}
	t.run.StartedAt, t.run.Message = &t.at, ""
	t.log("", "run-started", "run %d started", t.run.Number)
	if slices.ContainsFunc(t.run.Stages, func(s fairlead.StageRun) bool { return len(s.Conditions) > 0 }) {
		t.do(Listen{})
	}
}

// start starts a stage that waits for nothing more but, maybe, its turn among the stages of all pipelines.
func (t *transition) start(i int) {
	if t.asks(i) {
		t.ask(i)
		return
	}
	t.launch(i)
}

// launch starts a stage whose turn it is.
func (t *transition) launch(i int) {
	if !t.moveStage(i, fairlead.StageRunning) {
		return
	}
	s := t.run.Stages[i]
	if s.Attempt == 1 {
		t.log(s.Name, "stage-started", "%s started", t.name(i))
	} else {
		t.log(s.Name, "stage-started", "%s started, attempt %d", t.name(i), s.Attempt)
	}
	if s.Type == fairlead.StageParallel {
		t.startTasks(i)
		return
	}
	t.do(StartStage{Stage: i, Attempt: s.Attempt})
}

// name is how messages call a stage.
func (t *transition) name(i int) string { return describe(i, t.run.Stages[i].Name) }

// wind has the run end in a state as soon as nothing of it is at work; what is at work is canceled.
func (t *transition) wind(state fairlead.RunState, message, why string) {
	if t.run.Stopping {
		return
	}
	t.run.Stopping, t.run.Ending, t.run.Message, t.why = true, state, message, why
	t.dropAsking(state, message)
	for i := range t.run.Stages {
		s := &t.run.Stages[i]
		s.RetryAt = nil
		switch {
		case s.State != fairlead.StageRunning || s.Type == fairlead.StageParallel:
		case s.Action != "":
			t.log("", "run-stopping", "%s; the action of stack %s is being canceled", why, s.Stack)
			t.canceling(i)
			t.do(CancelAction{Stage: i, Attempt: s.Attempt, Action: s.Action})
		case s.Container != "":
			t.log("", "run-stopping", "%s; container %s is being stopped", why, s.Container)
			t.stopping(i)
		default: // nothing was touched yet, so there is nothing to wait for
			t.moveStage(i, fairlead.StageCanceled)
			s.Message = message
			t.log(s.Name, "stage-canceled", "%s canceled", t.name(i))
		}
	}
}

// canceling says that the end of a stage's action is waited for.
func (t *transition) canceling(i int) {
	s := &t.run.Stages[i]
	s.WaitingFor = "the action of stack " + s.Stack + " to end, which is being canceled"
}

// end ends the run; stages that did not start are skipped, or canceled with the run.
func (t *transition) end(state fairlead.RunState, message, why string) {
	if !t.moveRun(state) {
		return
	}
	t.run.Message, t.run.Stopping, t.run.Ending, t.run.WaitingFor = message, false, "", ""
	rest := fairlead.StageSkipped
	if state == fairlead.RunCanceled {
		rest = fairlead.StageCanceled
	}
	for i := range t.run.Stages {
		s := &t.run.Stages[i]
		switch {
		case s.State == fairlead.StagePending || s.State == fairlead.StageWaiting:
			t.moveStage(i, rest)
		case s.State == fairlead.StageRunning: // a parallel stage whose tasks were stopped
			t.moveStage(i, fairlead.StageCanceled)
		case s.HeldUntil != nil && state == fairlead.RunCanceled:
			t.moveStage(i, fairlead.StageCanceled)
		}
		s.HeldUntil, s.RetryAt, s.WaitingFor = nil, nil, ""
	}
	text := fmt.Sprintf("run %d %s", t.run.Number, state)
	if why != "" {
		text += ": " + why
	}
	t.log("", "run-"+string(state), "%s", text)
	t.do(StartNextRun{})
}

// triesAgain begins the message of a stage that cannot begin its work yet.
const triesAgain = "waits and tries again: "

// waitsAgain reports whether a stage's message says that it waits.
func waitsAgain(message string) bool { return strings.HasPrefix(message, triesAgain) }

func (t *transition) note(e StageNote) {
	s := t.running(e.Stage, e.Attempt)
	if s != nil && e.Text == "" && waitsAgain(s.Message) {
		s.Message, s.WaitingFor = "", ""
		t.do(Keep{})
	}
	text := triesAgain + e.Text
	if s == nil || e.Text == "" || s.Message == text {
		return
	}
	s.Message, s.WaitingFor = text, "its next try: "+e.Text
	t.log(s.Name, "stage-waits", "%s", text)
}

func (t *transition) actionBegun(e ActionBegun) {
	s := t.running(e.Stage, e.Attempt)
	if s == nil || s.Action != "" {
		return
	}
	s.Action, s.Stack, s.Images, s.Message, s.WaitingFor = e.Action, e.Stack, e.Images, "", ""
	s.Approved = "" // what was approved is being carried out
	for _, img := range e.Images {
		t.log(s.Name, "stage-image", "image %s is %s with digest %s", img.Name, img.Address, img.Digest)
	}
	for _, w := range e.Warnings {
		t.log(s.Name, "stage-warning", "%s", w)
	}
	t.do(Log{Stage: s.Name, Type: "stage-action", Text: "action " + e.Action + " of stack " + e.Stack, Action: e.Action})
	if parent := t.parent(e.Stage); t.run.Stopping || (parent != nil && parent.Stopping) {
		t.canceling(e.Stage)
		t.do(CancelAction{Stage: e.Stage, Attempt: e.Attempt, Action: s.Action})
	}
}

func (t *transition) stageEnded(e StageEnded) {
	s := t.running(e.Stage, e.Attempt)
	if s == nil || s.Type == fairlead.StageParallel {
		return
	}
	t.finish(e)
}

// finish ends a stage that runs, and does what follows from how it ended.
func (t *transition) finish(e StageEnded) {
	s := &t.run.Stages[e.Stage]
	if parent := t.parent(e.Stage); e.State == fairlead.StageCanceled && parent != nil && parent.Stopping && !t.run.Stopping {
		e.State = fairlead.StageFailed // stopped because another task failed: it can be tried again with that
	}
	if !t.moveStage(e.Stage, e.State) {
		return
	}
	s.Message, s.ExitCode = e.Text, e.ExitCode
	if e.Images != nil {
		s.Images = e.Images
	}
	for _, w := range e.Warnings {
		t.log(s.Name, "stage-warning", "%s", w)
	}
	for _, d := range e.Details {
		t.log(s.Name, "stage-error", "%s", d)
	}
	short := t.name(e.Stage) + " " + string(e.State)
	text := short
	if e.Text != "" {
		text += ": " + e.Text
	}
	told := text
	if e.Told {
		told = short
	}
	t.log(s.Name, "stage-"+string(e.State), "%s", told)
	switch {
	case e.State == fairlead.StageSucceeded:
		s.Retried = 0
		t.notify(e.Stage, outcomeSuccess)
		t.taskEnded(e.Stage)
	case t.run.Stopping:
	case e.State == fairlead.StageCanceled:
		t.wind(fairlead.RunCanceled, text, short)
	default:
		t.failed(e.Stage, text, short)
	}
}

func (t *transition) stop(e Stop) {
	message := "stopped by " + e.By
	switch {
	case t.run.State == fairlead.RunQueued:
		t.end(fairlead.RunCanceled, message, message)
	case t.active() && !t.run.Stopping:
		t.log("", "run-stopping", "%s", message)
		t.wind(fairlead.RunCanceled, message, message)
	}
}

// set gives values to variables of the run, in its own copy.
func (t *transition) set(values map[string]string) {
	if len(values) == 0 {
		return
	}
	own := make(map[string]string, len(t.run.Variables)+len(values))
	maps.Copy(own, t.run.Variables)
	maps.Copy(own, values)
	t.run.Variables = own
}
