package pipeline

import (
	"fmt"
	"slices"
	"time"

	"github.com/fairlead/fairlead"
)

// Event is something that happened to a run. The set is closed: the types below.
type Event interface{ event() }

// Begin tells that it is the run's turn in the queue of its pipeline.
type Begin struct{}

// StageNote says what a stage waits for. It is kept as the stage's message.
type StageNote struct {
	Stage, Attempt int
	Text           string
}

// ActionBegun tells that the stage's stack action was stored.
type ActionBegun struct {
	Stage, Attempt int
	Action, Stack  string
	Images         []fairlead.ResolvedImage
	Warnings       []string // of the plan, for the log
}

// StageEnded tells how a stage ended: succeeded, failed, canceled or timed-out.
type StageEnded struct {
	Stage, Attempt int
	State          fairlead.StageState
	Text           string
	Details        []string                 // what is wrong, item by item, for the log
	Told           bool                     // the log has Text already, from the stack action
	Images         []fairlead.ResolvedImage // nil keeps those of ActionBegun
}

// Stop asks to end the run. By says who asks, for the log.
type Stop struct{ By string }

func (Begin) event()       {}
func (StageNote) event()   {}
func (ActionBegun) event() {}
func (StageEnded) event()  {}
func (Stop) event()        {}

// Effect is something to be done because of an event, in the transaction that stores the new state. The set is closed.
type Effect interface{ effect() }

// StartStage makes the job that does a stage's work.
type StartStage struct{ Stage, Attempt int }

// CancelAction makes the job that cancels a stage's stack action.
type CancelAction struct {
	Stage, Attempt int
	Action         string
}

// StartNextRun gives the next run in the pipeline's queue its turn.
type StartNextRun struct{}

// Log writes a line to the run's log. Type is the short stable name of what happened, whose last word tells the level. Action
// names the stack action whose events belong to the log from now on.
type Log struct {
	Stage, Type, Text string
	Action            string
}

func (StartStage) effect()   {}
func (CancelAction) effect() {}
func (StartNextRun) effect() {}
func (Log) effect()          {}

// Next is the transition function of runs: the run after an event, and what is to be done. It is pure; at is the time of the
// event. An event that comes late, twice or out of order (of another attempt, of a stage that does not run any more) changes
// nothing and has no effects. The argument is not changed.
func Next(run fairlead.Run, event Event, at time.Time) (fairlead.Run, []Effect) {
	run.Stages = slices.Clone(run.Stages)
	t := transition{run: &run, at: at}
	switch event := event.(type) {
	case Begin:
		t.begin()
	case StageNote:
		t.note(event)
	case ActionBegun:
		t.actionBegun(event)
	case StageEnded:
		t.stageEnded(event)
	case Stop:
		t.stop(event)
	}
	return run, t.effects
}

// transition collects what one event changes.
type transition struct {
	run     *fairlead.Run
	at      time.Time
	effects []Effect
}

func (t *transition) do(e Effect) { t.effects = append(t.effects, e) }

func (t *transition) log(stage, kind, format string, args ...any) {
	t.do(Log{Stage: stage, Type: kind, Text: fmt.Sprintf(format, args...)})
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
	s.State = to
	if to == fairlead.StageRunning {
		s.Attempt++
		s.StartedAt, s.EndedAt = &t.at, nil
		s.Message, s.Action, s.Stack, s.Images = "", "", "", nil
	} else if s.StartedAt != nil {
		s.EndedAt = &t.at
	}
	return true
}

// running returns the stage that an event is about, nil when that attempt does not run any more.
func (t *transition) running(i, attempt int) *fairlead.StageRun {
	if i < 0 || i >= len(t.run.Stages) {
		return nil
	}
	s := &t.run.Stages[i]
	if s.State != fairlead.StageRunning || s.Attempt != attempt || t.run.State != fairlead.RunRunning {
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
	t.startStage(0)
}

// startStage starts stage i, or ends the run well when there is none.
func (t *transition) startStage(i int) {
	if i == len(t.run.Stages) {
		t.end(fairlead.RunSucceeded, "")
		return
	}
	if t.moveStage(i, fairlead.StageRunning) {
		s := t.run.Stages[i]
		t.log(s.Name, "stage-started", "%s started", describe(i, s.Name))
		t.do(StartStage{Stage: i, Attempt: s.Attempt})
	}
}

// end ends the run and logs why.
func (t *transition) end(state fairlead.RunState, message string) {
	t.endTelling(state, message, message)
}

// endTelling ends the run; stages that did not start are skipped, or canceled with the run. The log says only why, because
// it may have the whole message already.
func (t *transition) endTelling(state fairlead.RunState, message, why string) {
	if !t.moveRun(state) {
		return
	}
	t.run.Message, t.run.Stopping = message, false
	rest := fairlead.StageSkipped
	if state == fairlead.RunCanceled {
		rest = fairlead.StageCanceled
	}
	for i := range t.run.Stages {
		if t.run.Stages[i].State == fairlead.StagePending {
			t.moveStage(i, rest)
		}
	}
	text := fmt.Sprintf("run %d %s", t.run.Number, state)
	if why != "" {
		text += ": " + why
	}
	t.log("", "run-"+string(state), "%s", text)
	t.do(StartNextRun{})
}

func (t *transition) note(e StageNote) {
	s := t.running(e.Stage, e.Attempt)
	if s == nil || s.Message == e.Text {
		return
	}
	s.Message = e.Text
	t.log(s.Name, "stage-waits", "%s", e.Text)
}

func (t *transition) actionBegun(e ActionBegun) {
	s := t.running(e.Stage, e.Attempt)
	if s == nil || s.Action != "" {
		return
	}
	s.Action, s.Stack, s.Images, s.Message = e.Action, e.Stack, e.Images, ""
	for _, img := range e.Images {
		t.log(s.Name, "stage-image", "image %s is %s with digest %s", img.Name, img.Address, img.Digest)
	}
	for _, w := range e.Warnings {
		t.log(s.Name, "stage-warning", "%s", w)
	}
	t.do(Log{Stage: s.Name, Type: "stage-action", Text: "action " + e.Action + " of stack " + e.Stack, Action: e.Action})
	if t.run.Stopping {
		t.do(CancelAction{Stage: e.Stage, Attempt: e.Attempt, Action: s.Action})
	}
}

func (t *transition) stageEnded(e StageEnded) {
	s := t.running(e.Stage, e.Attempt)
	if s == nil || !t.moveStage(e.Stage, e.State) {
		return
	}
	s.Message = e.Text
	if e.Images != nil {
		s.Images = e.Images
	}
	for _, d := range e.Details {
		t.log(s.Name, "stage-error", "%s", d)
	}
	short := describe(e.Stage, s.Name) + " " + string(e.State)
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
	case t.run.Stopping:
		t.end(fairlead.RunCanceled, t.run.Message)
	case e.State == fairlead.StageSucceeded:
		t.startStage(e.Stage + 1)
	case e.State == fairlead.StageCanceled:
		t.endTelling(fairlead.RunCanceled, text, short)
	default:
		// Without error handling the run is back at its start: return-to-start.
		t.endTelling(fairlead.RunFailed, text, short)
	}
}

func (t *transition) stop(e Stop) {
	message := "stopped by " + e.By
	switch {
	case t.run.State == fairlead.RunQueued:
		t.end(fairlead.RunCanceled, message)
		return
	case t.run.State != fairlead.RunRunning || t.run.Stopping:
		return
	}
	t.run.Stopping, t.run.Message = true, message
	i := slices.IndexFunc(t.run.Stages, func(s fairlead.StageRun) bool { return s.State == fairlead.StageRunning })
	if i < 0 {
		t.end(fairlead.RunCanceled, message)
		return
	}
	if s := t.run.Stages[i]; s.Action != "" {
		t.log("", "run-stopping", "%s; the action of stack %s is being canceled", message, s.Stack)
		t.do(CancelAction{Stage: i, Attempt: s.Attempt, Action: s.Action})
		return
	}
	// Nothing was touched yet, so there is nothing to wait for.
	t.stageEnded(StageEnded{Stage: i, Attempt: t.run.Stages[i].Attempt, State: fairlead.StageCanceled, Text: message})
}
