package pipeline

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

func at(second int) time.Time { return time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC) }

// newRun is a queued run with n stages.
func newRun(n int) fairlead.Run {
	run := fairlead.Run{ID: "r", Pipeline: "shop", Number: 1, State: fairlead.RunQueued}
	for i := range n {
		run.Stages = append(run.Stages, fairlead.StageRun{Name: fmt.Sprintf("s%d", i), State: fairlead.StagePending})
	}
	return run
}

// text is a run as one line: its state, then the states of its stages.
func text(run fairlead.Run) string {
	parts := []string{string(run.State)}
	if run.Stopping {
		parts[0] += "(stopping)"
	}
	for _, s := range run.Stages {
		part := string(s.State)
		if s.Action != "" {
			part += "@" + s.Action
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " ")
}

// works are the effects without the log, as text.
func works(effects []Effect) string {
	var parts []string
	for _, e := range effects {
		if _, isLog := e.(Log); !isLog {
			parts = append(parts, fmt.Sprintf("%T%+v", e, e))
		}
	}
	return strings.ReplaceAll(strings.Join(parts, " "), "pipeline.", "")
}

func TestNext(t *testing.T) {
	begun := ActionBegun{Stage: 0, Attempt: 1, Action: "a", Stack: "web"}
	done := func(stage int, state fairlead.StageState) StageEnded {
		return StageEnded{Stage: stage, Attempt: 1, State: state, Text: "why"}
	}
	for _, tt := range []struct {
		name   string
		events []Event
		want   string
		works  string // of the last event
	}{
		{"begins with the first stage", []Event{Begin{}}, "running running pending", "StartStage{Stage:0 Attempt:1}"},
		{"a second turn changes nothing", []Event{Begin{}, Begin{}}, "running running pending", ""},
		{"keeps the action", []Event{Begin{}, begun}, "running running@a pending", ""},
		{"goes on with the next stage", []Event{Begin{}, begun, done(0, fairlead.StageSucceeded)}, "running succeeded@a running", "StartStage{Stage:1 Attempt:1}"},
		{"the same end twice counts once", []Event{Begin{}, done(0, fairlead.StageSucceeded), done(0, fairlead.StageSucceeded)}, "running succeeded running", ""},
		{"succeeds with its last stage", []Event{Begin{}, done(0, fairlead.StageSucceeded), done(1, fairlead.StageSucceeded)}, "succeeded succeeded succeeded", "StartNextRun{}"},
		{"fails with a stage", []Event{Begin{}, done(0, fairlead.StageFailed)}, "failed failed skipped", "StartNextRun{}"},
		{"fails with a stage that timed out", []Event{Begin{}, done(0, fairlead.StageTimedOut)}, "failed timed-out skipped", "StartNextRun{}"},
		{"is canceled with its action", []Event{Begin{}, begun, done(0, fairlead.StageCanceled)}, "canceled canceled@a canceled", "StartNextRun{}"},
		{"stops at once in the queue", []Event{Stop{"alice"}}, "canceled canceled canceled", "StartNextRun{}"},
		{"stops at once before an action", []Event{Begin{}, Stop{"alice"}}, "canceled canceled canceled", "StartNextRun{}"},
		{"an action that begins too late is not kept", []Event{Begin{}, Stop{"alice"}, begun}, "canceled canceled canceled", ""},
		{"cancels its action to stop", []Event{Begin{}, begun, Stop{"alice"}}, "running(stopping) running@a pending", "CancelAction{Stage:0 Attempt:1 Action:a}"},
		{"a second stop changes nothing", []Event{Begin{}, begun, Stop{"alice"}, Stop{"bob"}}, "running(stopping) running@a pending", ""},
		{"ends when the canceled action has ended", []Event{Begin{}, begun, Stop{"alice"}, done(0, fairlead.StageCanceled)}, "canceled canceled@a canceled", "StartNextRun{}"},
		{"stops although the action was quicker", []Event{Begin{}, begun, Stop{"alice"}, done(0, fairlead.StageSucceeded)}, "canceled succeeded@a canceled", "StartNextRun{}"},
		{"an end of another attempt counts not", []Event{Begin{}, StageEnded{Stage: 0, Attempt: 2, State: fairlead.StageFailed}}, "running running pending", ""},
		{"an end of a stage that is not there counts not", []Event{Begin{}, done(7, fairlead.StageFailed)}, "running running pending", ""},
		{"an end before the turn counts not", []Event{done(0, fairlead.StageSucceeded)}, "queued pending pending", ""},
		{"an end with no end counts not", []Event{Begin{}, done(0, fairlead.StageRunning)}, "running running pending", ""},
		{"says what it waits for", []Event{Begin{}, StageNote{0, 1, "busy"}}, "running running pending", ""},
		{"nothing follows the end", []Event{Stop{"alice"}, Begin{}, begun, Stop{"bob"}, done(0, fairlead.StageFailed)}, "canceled canceled canceled", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := newRun(2)
			var effects []Effect
			for i, event := range tt.events {
				run, effects = Next(run, event, at(i))
			}
			if got := text(run); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := works(effects); got != tt.works {
				t.Errorf("effects %s, want %s", got, tt.works)
			}
		})
	}
}

func TestNextSaysWhy(t *testing.T) {
	run, _ := Next(newRun(2), Begin{}, at(1))
	run, _ = Next(run, StageEnded{Stage: 0, Attempt: 1, State: fairlead.StageFailed, Text: "no image"}, at(2))
	if want := `stage 1 ("s0") failed: no image`; run.Message != want || run.Stages[0].Message != "no image" {
		t.Errorf("messages %q and %q, want %q", run.Message, run.Stages[0].Message, want)
	}
	if !run.StartedAt.Equal(at(1)) || !run.EndedAt.Equal(at(2)) || !run.Stages[0].EndedAt.Equal(at(2)) || run.Stages[1].EndedAt != nil {
		t.Errorf("times %v %v %v", run.StartedAt, run.EndedAt, run.Stages)
	}
}

func runStates() []fairlead.RunState {
	return []fairlead.RunState{fairlead.RunQueued, fairlead.RunRunning, fairlead.RunWaiting, fairlead.RunHeld, fairlead.RunSucceeded,
		fairlead.RunFailed, fairlead.RunCanceled, fairlead.RunTimedOut}
}

func stageStates() []fairlead.StageState {
	return []fairlead.StageState{fairlead.StagePending, fairlead.StageWaiting, fairlead.StageRunning, fairlead.StageSucceeded,
		fairlead.StageFailed, fairlead.StageIgnored, fairlead.StageSkipped, fairlead.StageCanceled, fairlead.StageTimedOut}
}

// TestMoves walks every pair of states: the legal moves are made, every other is refused and changes nothing.
func TestMoves(t *testing.T) {
	for _, from := range runStates() {
		for _, to := range runStates() {
			run := newRun(1)
			run.State = from
			tr := transition{run: &run, at: at(1)}
			legal := slices.Contains(fairlead.RunMoves[from], to)
			if moved := tr.moveRun(to); moved != legal || (run.State == to) != (legal || from == to) {
				t.Errorf("run %s -> %s: moved %v, legal %v, now %s", from, to, moved, legal, run.State)
			}
		}
	}
	for _, from := range stageStates() {
		for _, to := range stageStates() {
			run := newRun(1)
			run.Stages[0].State = from
			tr := transition{run: &run, at: at(1)}
			legal := slices.Contains(fairlead.StageMoves[from], to)
			if moved := tr.moveStage(0, to); moved != legal || (run.Stages[0].State == to) != (legal || from == to) {
				t.Errorf("stage %s -> %s: moved %v, legal %v, now %s", from, to, moved, legal, run.Stages[0].State)
			}
		}
	}
}

// TestNextKeepsTheTable puts every event on a run in every combination of states: each move that is made is a legal one, a run
// that ended never changes, and no effects means no change.
func TestNextKeepsTheTable(t *testing.T) {
	for _, runState := range runStates() {
		for _, first := range stageStates() {
			for _, second := range stageStates() {
				for _, event := range someEvents() {
					run := newRun(2)
					run.State, run.Stages[0].State, run.Stages[1].State = runState, first, second
					run.Stages[0].Attempt, run.Stages[1].Attempt = 1, 1
					checkStep(t, run, event)
				}
			}
		}
	}
}

func someEvents() []Event {
	events := []Event{Begin{}, Stop{"alice"}}
	for i := range 2 {
		events = append(events, StageNote{i, 1, "busy"}, ActionBegun{Stage: i, Attempt: 1, Action: "a", Stack: "web"})
		for _, state := range stageStates() {
			events = append(events, StageEnded{Stage: i, Attempt: 1, State: state})
		}
	}
	return events
}

// reachable reports whether legal moves lead from one state to another: one event can make several.
func reachable[S ~string](moves fairlead.Moves[S], from, to S) bool {
	seen, todo := map[S]bool{}, []S{from}
	for len(todo) > 0 {
		s := todo[0]
		todo = todo[1:]
		if s == to {
			return true
		}
		for _, next := range moves[s] {
			if !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return false
}

// checkStep does one step and checks what holds for all of them.
func checkStep(t *testing.T, run fairlead.Run, event Event) (fairlead.Run, []Effect) {
	t.Helper()
	next, effects := Next(run, event, at(5))
	if !reachable(fairlead.RunMoves, run.State, next.State) {
		t.Errorf("%s + %T%+v: illegal run move to %s", text(run), event, event, text(next))
	}
	for i := range run.Stages {
		if a, b := run.Stages[i].State, next.Stages[i].State; !reachable(fairlead.StageMoves, a, b) {
			t.Errorf("%s + %T%+v: illegal stage move to %s", text(run), event, event, text(next))
		}
	}
	if fairlead.RunMoves.Final(run.State) && len(effects) > 0 {
		t.Errorf("%s + %T%+v: effects %v after the end", text(run), event, event, effects)
	}
	if len(effects) == 0 && !reflect.DeepEqual(run, next) {
		t.Errorf("%s + %T%+v: changed to %s without effects", text(run), event, event, text(next))
	}
	return next, effects
}

// world is a server as the transition function sees it: jobs that were made, and stack actions. Its steps come in any order
// and any number of times, as after crashes.
type world struct {
	t       *testing.T
	rnd     *rand.Rand
	noises  []Event
	run     fairlead.Run
	jobs    []Effect
	begun   map[string]bool                // stage/attempt that has an action
	actions map[string]fairlead.StageState // how each action ended; "" while it runs
	started map[StartStage]int
	nexts   int
	asked   bool // to stop
}

func (w *world) feed(event Event) {
	var effects []Effect
	w.run, effects = checkStep(w.t, w.run, event)
	for _, e := range effects {
		switch e := e.(type) {
		case StartStage:
			w.started[e]++
			w.jobs = append(w.jobs, e)
		case CancelAction:
			w.jobs = append(w.jobs, e)
		case StartNextRun:
			w.nexts++
		}
	}
}

// work does a job, as the workers do: it looks at the run first.
func (w *world) work(job Effect) {
	switch job := job.(type) {
	case StartStage:
		s := w.run.Stages[job.Stage]
		if w.run.State != fairlead.RunRunning || s.State != fairlead.StageRunning || s.Attempt != job.Attempt || s.Action != "" {
			return
		}
		if w.rnd.IntN(5) == 0 {
			w.feed(StageEnded{Stage: job.Stage, Attempt: job.Attempt, State: fairlead.StageFailed})
			return
		}
		id := fmt.Sprintf("a%d.%d", job.Stage, job.Attempt)
		if w.begun[id] {
			w.t.Fatalf("%s: a second action for %v", text(w.run), job)
		}
		w.begun[id], w.actions[id] = true, ""
		w.feed(ActionBegun{Stage: job.Stage, Attempt: job.Attempt, Action: id, Stack: "web"})
	case CancelAction:
		if w.actions[job.Action] == "" {
			w.actions[job.Action] = fairlead.StageCanceled
		}
	}
}

// noise feeds an event that nobody should have sent.
func (w *world) noise() {
	event := w.noises[w.rnd.IntN(len(w.noises))]
	switch e := event.(type) {
	case StageEnded: // only late or early ones: a true end is what the action says
		e.Attempt = 2
		event = e
	case ActionBegun:
		e.Attempt = 2
		event = e
	case Stop:
		w.asked = true
	}
	w.feed(event)
}

// TestNextNeverSticks drives runs with random, repeated and reordered events. However they come, the run ends, each stage is
// started once, one action at most is begun for it, and the next run gets its turn once.
func TestNextNeverSticks(t *testing.T) {
	noises := someEvents()
	for seed := range uint64(1000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		w := &world{t: t, rnd: rnd, noises: noises, run: newRun(1 + rnd.IntN(3)), begun: map[string]bool{}, actions: map[string]fairlead.StageState{}, started: map[StartStage]int{}}
		w.feed(Begin{})
		for range 60 {
			switch rnd.IntN(4) {
			case 0:
				if rnd.IntN(3) == 0 {
					w.noise()
				}
			case 1: // a job, maybe one that was done already
				if len(w.jobs) > 0 {
					w.work(w.jobs[rnd.IntN(len(w.jobs))])
				}
			default:
				w.endAction()
			}
		}
		// From here on only what the workers do by themselves, in order.
		for i := 0; i < len(w.jobs); i++ {
			w.work(w.jobs[i])
			w.endAction()
			w.endAction()
		}
		if !fairlead.RunMoves.Final(w.run.State) {
			t.Fatalf("seed %d: stuck: %s", seed, text(w.run))
		}
		if w.nexts != 1 {
			t.Fatalf("seed %d: the next run got its turn %d times", seed, w.nexts)
		}
		for s, n := range w.started {
			if n != 1 {
				t.Fatalf("seed %d: %+v happened %d times", seed, s, n)
			}
		}
		if w.run.State == fairlead.RunCanceled && !w.asked {
			t.Fatalf("seed %d: canceled although nobody asked: %s", seed, text(w.run))
		}
	}
}

// endAction ends a running action of the current stages, and tells it up to twice.
func (w *world) endAction() {
	for i, s := range w.run.Stages {
		if s.Action == "" {
			continue
		}
		if w.actions[s.Action] == "" {
			w.actions[s.Action] = []fairlead.StageState{fairlead.StageSucceeded, fairlead.StageSucceeded, fairlead.StageFailed, fairlead.StageTimedOut}[w.rnd.IntN(4)]
		}
		for range 1 + w.rnd.IntN(2) {
			w.feed(StageEnded{Stage: i, Attempt: s.Attempt, State: w.actions[s.Action]})
		}
	}
}
