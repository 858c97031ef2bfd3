package pipeline

import (
	"time"

	"github.com/fairlead/fairlead"
)

// asks reports whether a stage has to ask before it begins: it shares locks with others, has times at which it may begin, or
// changes a target while limits or freezes exist. What stages may share is decided outside of Next, which hears of it with
// [TurnGiven] and [TurnWaits]; a stage that shares nothing starts at once.
func (t *transition) asks(i int) bool {
	s := t.run.Stages[i]
	if s.Policy != nil && (len(s.Policy.Locks) > 0 || len(s.Policy.Windows) > 0) {
		return true
	}
	if s.Parent == "" && len(t.run.Windows) > 0 && (deploys(s.Type) || s.Type == fairlead.StageParallel) {
		return true
	}
	return t.run.Ruled && (deploys(s.Type) || s.Type == fairlead.StageParallel)
}

// ask has a stage wait until it may begin. The answer comes with the effect, in the same transaction.
func (t *transition) ask(i int) {
	s := &t.run.Stages[i]
	if s.State != fairlead.StageWaiting && !t.moveStage(i, fairlead.StageWaiting) {
		return
	}
	s.Turn = &fairlead.StageTurn{Since: t.at}
	s.WaitingFor = "its turn"
	t.do(AskTurn{Stage: i})
}

// asking returns a stage that waits for its turn, nil when it is none.
func (t *transition) asking(i int) *fairlead.StageRun {
	s := t.stage(i)
	if s == nil || s.State != fairlead.StageWaiting || s.Turn == nil || !t.active() || t.run.Stopping {
		return nil
	}
	return s
}

func (t *transition) turnGiven(e TurnGiven) {
	s := t.asking(e.Stage)
	if s == nil {
		return
	}
	s.Turn = nil // what it asked for is not given back
	t.launch(e.Stage)
	if len(e.Locks) > 0 || e.Target != "" {
		s.Turn = &fairlead.StageTurn{Since: t.at, Locks: e.Locks, Target: e.Target}
	}
}

func (t *transition) turnWaits(e TurnWaits) {
	s := t.asking(e.Stage)
	if s == nil {
		return
	}
	before := s.Turn
	news := s.WaitingFor != e.Text
	timer := e.At != nil && (before.At == nil || !before.At.Equal(*e.At))
	if !news && !timer {
		return
	}
	s.Turn = &fairlead.StageTurn{Since: before.Since, Locks: e.Locks, Target: e.Target, At: e.At}
	s.WaitingFor = e.Text
	if news {
		t.log(s.Name, "stage-waits", "%s waits for %s", t.name(e.Stage), e.Text)
	}
	if timer {
		t.do(SetTimer{Stage: e.Stage, Attempt: s.Attempt, What: timerTurn, At: *e.At})
	}
}

// turnRefused ends a stage that asked for what cannot be. That was an attempt.
func (t *transition) turnRefused(e TurnRefused) {
	if s := t.asking(e.Stage); s != nil {
		s.Attempt++
		s.StartedAt = &t.at
		t.finish(StageEnded{Stage: e.Stage, State: fairlead.StageFailed, Text: e.Text})
	}
}

// turnTime asks again for a stage whose time has come.
func (t *transition) turnTime(i int) {
	s := t.asking(i)
	if s == nil || s.Turn.At == nil || t.at.Before(*s.Turn.At) {
		return
	}
	turn := *s.Turn
	turn.At = nil
	s.Turn = &turn
	t.do(AskTurn{Stage: i})
}

// leave gives back what a stage held or waited for.
func (t *transition) leave(i int) {
	if s := &t.run.Stages[i]; s.Turn != nil {
		s.Turn = nil
		t.do(LeaveTurn{Stage: i})
	}
}

// dropAsking ends the stages that wait for their turn, because the run ends.
func (t *transition) dropAsking(state fairlead.RunState, message string) {
	to := fairlead.StageSkipped
	if state == fairlead.RunCanceled {
		to = fairlead.StageCanceled
	}
	for i := range t.run.Stages {
		if s := &t.run.Stages[i]; s.State == fairlead.StageWaiting && s.Turn != nil {
			t.moveStage(i, to)
			s.Message = message
			t.log(s.Name, "stage-"+string(to), "%s %s", t.name(i), to)
		}
	}
}

// timerTurn is the timer of a stage that waits for a window or for the end of a freeze.
const timerTurn = "turn"

// TurnGiven tells that a stage may begin, with what it holds while it runs.
type TurnGiven struct {
	Stage  int
	Locks  []string
	Target string
}

// TurnWaits tells why a stage may not begin yet. At is when to ask again; nil when somebody else will have it asked again.
type TurnWaits struct {
	Stage  int
	Text   string
	At     *time.Time
	Locks  []string // that it holds already
	Target string
}

// TurnRefused tells that a stage asked for what cannot be.
type TurnRefused struct {
	Stage int
	Text  string
}

// AskTurn finds out whether a stage may begin, and answers with [TurnGiven], [TurnWaits] or [TurnRefused] in the same transaction.
type AskTurn struct{ Stage int }

// LeaveTurn gives back what a stage held or waited for, and gives others their turn in the same transaction.
type LeaveTurn struct{ Stage int }

func (TurnGiven) event()   {}
func (TurnWaits) event()   {}
func (TurnRefused) event() {}
func (AskTurn) effect()    {}
func (LeaveTurn) effect()  {}

// waitingTask reports whether a stage is a task that will begin by itself, when it is its turn.
func waitingTask(s fairlead.StageRun) bool {
	return s.Parent != "" && s.State == fairlead.StageWaiting
}
