package pipeline

import (
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fairlead/fairlead"
)

// TestEveryLegalMoveIsMade drives drawn runs with events of every kind and writes down which moves they make: each move of the
// tables can happen, so that no state machine in the documents has an arrow that nothing follows.
func TestEveryLegalMoveIsMade(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	runs, stages := allMoves(fairlead.RunMoves), allMoves(fairlead.StageMoves)
	beside := newRun(2) // what is drawn rarely: a review is rejected while the stage beside it is held
	beside.Stages[0].Type, beside.Stages[0].Policy = fairlead.StageTemplateDeploy, &fairlead.StagePolicy{Needs: []string{}, OnError: &fairlead.OnError{Action: fairlead.StopOnError, Hold: fairlead.Duration(time.Hour)}}
	beside.Stages[1].Type, beside.Stages[1].Policy = fairlead.StageReview, &fairlead.StagePolicy{Needs: []string{}}
	beside.Stages[1].Review = &fairlead.ReviewRun{Review: fairlead.Review{Mode: "one", Users: []string{"alice"}}}
	for _, event := range []Event{Begin{}, StageEnded{Stage: 0, Attempt: 1, State: fairlead.StageFailed}, Answered{Stage: 1, Vote: fairlead.Vote{User: "alice"}}} {
		beside, _ = note(beside, event, at(0), runs, stages)
	}
	drawn := rapid.Custom(drawRun)
	for seed := 0; seed < 3000 && len(runs)+len(stages) > 0; seed++ {
		run := drawn.Example(seed)
		if seed%100 == 0 {
			note(run, Stop{"alice"}, at(0), runs, stages)
		}
		run, _ = note(run, Begin{}, at(0), runs, stages)
		now := at(0)
		for range 40 {
			i := rnd.IntN(len(run.Stages))
			if rnd.IntN(6) == 0 {
				now = now.Add(2 * time.Hour)
			}
			run, _ = note(run, anyEvent(rnd, run, i), now, runs, stages)
		}
	}
	for move := range maps.Keys(runs) {
		t.Errorf("no event makes a run that is %s %s", move[0], move[1])
	}
	for move := range maps.Keys(stages) {
		t.Errorf("no event makes a stage that is %s %s", move[0], move[1])
	}
}

// allMoves are all moves of a table.
func allMoves[S ~string](moves fairlead.Moves[S]) map[[2]S]bool {
	list := map[[2]S]bool{}
	for from, tos := range moves {
		for _, to := range tos {
			list[[2]S{from, to}] = true
		}
	}
	return list
}

// note does a step, and takes the moves that it made from those that are missing.
func note(run fairlead.Run, event Event, now time.Time, runs map[[2]fairlead.RunState]bool, stages map[[2]fairlead.StageState]bool) (fairlead.Run, []Effect) {
	next, effects := Next(run, event, now)
	delete(runs, [2]fairlead.RunState{run.State, next.State})
	for i := range run.Stages {
		from, to := run.Stages[i].State, next.Stages[i].State
		if to == fairlead.StageIgnored && from != to { // in one step with the failure that is ignored
			failure := fairlead.StageFailed
			switch e := event.(type) {
			case StageEnded:
				failure = e.State
			case TimeUp:
				failure = fairlead.StageTimedOut
			}
			delete(stages, [2]fairlead.StageState{from, failure})
			from = failure
		}
		delete(stages, [2]fairlead.StageState{from, to})
	}
	return next, effects
}

// anyEvent is one of all kinds of events, about a stage as it is now.
func anyEvent(rnd *rand.Rand, run fairlead.Run, i int) Event {
	s := run.Stages[i]
	ends := []fairlead.StageState{fairlead.StageSucceeded, fairlead.StageSucceeded, fairlead.StageFailed, fairlead.StageTimedOut, fairlead.StageCanceled}
	switch rnd.IntN(14) {
	case 0:
		if rnd.IntN(5) == 0 {
			return Stop{"alice"}
		}
		return StageNote{i, s.Attempt, "busy"}
	case 1, 2:
		return ActionBegun{Stage: i, Attempt: s.Attempt, Action: "a", Stack: "web"}
	case 3, 4:
		return StageEnded{Stage: i, Attempt: s.Attempt, State: ends[rnd.IntN(len(ends))]}
	case 5:
		if len(s.Conditions) > 0 {
			return Received{Stage: i, Condition: s.Conditions[rnd.IntN(len(s.Conditions))].Condition, Message: "m"}
		}
		return TurnGiven{Stage: i, Locks: []string{"lock"}}
	case 6:
		return TimeUp{Stage: i, Attempt: s.Attempt, What: []string{timerRetry, timerHold, timerReview}[rnd.IntN(3)]}
	case 7:
		return Retry{Stage: i, By: "alice"}
	case 8:
		return RollBack{Stage: i, By: "alice"}
	case 9:
		return RollbackEnded{Stage: i, Attempt: s.Attempt, Done: true}
	case 10:
		return Previewed{Stage: i, Attempt: s.Attempt, Preview: fairlead.DeployPreview{Hash: "h"}}
	case 11:
		return Answered{Stage: i, Vote: fairlead.Vote{User: "alice", Approve: rnd.IntN(2) == 0}}
	case 12:
		return TurnRefused{Stage: i, Text: "no"}
	}
	return []Event{TurnGiven{Stage: i, Locks: []string{"lock"}}, TurnWaits{Stage: i, Text: "a window"}}[rnd.IntN(2)]
}
