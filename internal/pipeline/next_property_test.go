package pipeline

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fairlead/fairlead"
)

// drawRun draws a run whose stages need each other in any legal way, with conditions, reviews, retries, tasks and error handling.
func drawRun(t *rapid.T) fairlead.Run {
	run := fairlead.Run{ID: "r", Pipeline: "p", Number: 1, State: fairlead.RunQueued, Variables: map[string]string{"v": "0"}}
	n := rapid.IntRange(1, 5).Draw(t, "stages")
	for i := range n {
		name := fmt.Sprintf("s%d", i)
		p := &fairlead.StagePolicy{Any: rapid.Bool().Draw(t, "any")}
		if rapid.Bool().Draw(t, "has needs") {
			p.Needs = []string{}
			for before := range i {
				if rapid.Bool().Draw(t, "needs") {
					p.Needs = append(p.Needs, fmt.Sprintf("s%d", before))
				}
			}
		}
		if rapid.IntRange(0, 3).Draw(t, "when") == 0 {
			p.When = []fairlead.When{{Variable: "v", Equals: new("0")}}
		}
		if rapid.IntRange(0, 2).Draw(t, "retry") == 0 {
			p.Retry = &fairlead.Retry{Attempts: rapid.IntRange(1, 2).Draw(t, "attempts"), Backoff: fairlead.Duration(time.Minute)}
		}
		if action := rapid.SampledFrom([]fairlead.ErrorAction{"", fairlead.ReturnToStart, fairlead.StopOnError, fairlead.IgnoreError}).Draw(t, "on_error"); action != "" {
			p.OnError = &fairlead.OnError{Action: action, Hold: fairlead.Duration(time.Hour)}
		}
		if rapid.IntRange(0, 2).Draw(t, "locks") == 0 {
			p.Locks = []string{"lock"}
		}
		p.Notifications = []fairlead.Notification{{Outcomes: []string{outcomeSuccess, outcomeFailure}}}
		s := fairlead.StageRun{Name: name, State: fairlead.StagePending, Policy: p, Type: rapid.SampledFrom([]fairlead.StageType{
			fairlead.StageTemplateDeploy, fairlead.StageTemplateDeploy, fairlead.StageReview, fairlead.StageParallel}).Draw(t, "type")}
		for c := range rapid.IntRange(0, 2).Draw(t, "conditions") {
			s.Conditions = append(s.Conditions, fairlead.ConditionRun{Condition: fmt.Sprintf("%s.c%d", name, c), Kind: "channel", Source: "x"})
		}
		if s.Type == fairlead.StageReview {
			s.Review = &fairlead.ReviewRun{Review: fairlead.Review{Mode: "one", Users: []string{"alice"}, Expires: fairlead.Duration(time.Hour)}}
		}
		run.Stages = append(run.Stages, s)
		if s.Type == fairlead.StageParallel {
			p.Serial, p.StopTasks = rapid.Bool().Draw(t, "serial"), rapid.Bool().Draw(t, "stop tasks")
			for k := range rapid.IntRange(1, 3).Draw(t, "tasks") {
				run.Stages = append(run.Stages, fairlead.StageRun{Name: fmt.Sprintf("%s/t%d", name, k), Parent: name, Type: fairlead.StageTemplateDeploy, State: fairlead.StagePending})
			}
		}
	}
	return run
}

// machine is a server as the transition function sees it. Its jobs are done in any order and any number of times, as after
// crashes; what they did is counted.
type machine struct {
	t       *rapid.T
	run     fairlead.Run
	now     time.Time
	jobs    []Effect
	counts  map[string]int
	actions map[string]fairlead.StageState // how each ended; "" while it runs
	sent    map[string]string              // condition -> message that Next took
	turns   map[int]string                 // what became of the questions of stages: "asks", "timer" or "holds"
}

func (m *machine) feed(event Event) {
	before := m.run
	next, effects := Next(before, event, m.now)
	if len(effects) == 0 && text(next) != text(before) {
		m.t.Fatalf("%s + %T%+v: changed to %s without effects", text(before), event, event, text(next))
	}
	if !reachable(fairlead.RunMoves, before.State, next.State) {
		m.t.Fatalf("%s + %T%+v: illegal move to %s", text(before), event, event, text(next))
	}
	for i := range before.Stages {
		if !reachable(fairlead.StageMoves, before.Stages[i].State, next.Stages[i].State) {
			m.t.Fatalf("%s + %T%+v: illegal move to %s", text(before), event, event, text(next))
		}
	}
	if fairlead.RunMoves.Final(before.State) && len(effects) > 0 {
		m.t.Fatalf("%s + %T%+v: effects after the end", text(before), event, event)
	}
	if (next.State == fairlead.RunWaiting || next.State == fairlead.RunHeld || next.Stopping) && next.WaitingFor == "" {
		m.t.Fatalf("%s says not what it waits for", text(next))
	}
	for _, s := range next.Stages {
		if waits := s.State == fairlead.StageWaiting || s.RetryAt != nil || s.HeldUntil != nil || s.Rollback != ""; waits && s.WaitingFor == "" && !fairlead.RunMoves.Final(next.State) {
			m.t.Fatalf("%s: stage %s says not what it waits for", text(next), s.Name)
		}
		if s.WaitingFor != "" && s.State != fairlead.StageWaiting && next.State == fairlead.RunRunning && busy(s) && next.WaitingFor == "" {
			m.t.Fatalf("%s: stage %s waits for %s, and the run does not say so", text(next), s.Name, s.WaitingFor)
		}
	}
	m.run = next
	for i, s := range next.Stages {
		if s.Turn != nil && fairlead.RunMoves.Final(next.State) {
			m.t.Fatalf("%s: stage %d holds %+v after the end", text(next), i, s.Turn)
		}
	}
	for _, e := range effects {
		switch e := e.(type) {
		case Log:
			continue
		case AskTurn:
			if has := m.turns[e.Stage]; has != "" && has != "timer" {
				m.t.Fatalf("%s + %T%+v: stage %d %s, and asks again", text(before), event, event, e.Stage, has)
			}
			m.turns[e.Stage] = "asks"
			continue
		case LeaveTurn:
			if m.turns[e.Stage] == "" {
				m.t.Fatalf("%s + %T%+v: stage %d gives back what it has not", text(before), event, event, e.Stage)
			}
			delete(m.turns, e.Stage)
			continue
		case SetTimer, MakePreview, CancelAction:
		default:
			key := fmt.Sprintf("%T%+v", e, e)
			if m.counts[key]++; m.counts[key] > 1 {
				m.t.Fatalf("%s + %T%+v: %s happened twice", text(before), event, event, key)
			}
		}
		m.jobs = append(m.jobs, e)
	}
}

// work does a job, as its worker does: it looks at the run first. ends says how what it begins will end.
func (m *machine) work(job Effect, ends fairlead.StageState) {
	switch job := job.(type) {
	case StartStage:
		s := m.run.Stages[job.Stage]
		if !open(m.run, attempt{m.run.ID, job.Stage, job.Attempt}) && s.StartedAt != nil {
			return
		}
		id := fmt.Sprintf("a%d.%d", job.Stage, job.Attempt)
		if _, begun := m.actions[id]; begun {
			m.t.Fatalf("%s: a second action for %+v", text(m.run), job)
		}
		if ends == fairlead.StageFailed { // before anything is touched
			m.feed(StageEnded{Stage: job.Stage, Attempt: job.Attempt, State: ends})
			return
		}
		m.actions[id] = ""
		m.feed(ActionBegun{Stage: job.Stage, Attempt: job.Attempt, Action: id, Stack: "web"})
	case CancelAction:
		if m.actions[job.Action] == "" {
			m.actions[job.Action] = fairlead.StageCanceled
		}
	case SetTimer:
		m.feed(TimeUp{Stage: job.Stage, Attempt: job.Attempt, What: job.What})
	case MakePreview:
		m.feed(Previewed{Stage: job.Stage, Attempt: job.Attempt, Preview: fairlead.DeployPreview{Stage: m.run.Stages[job.Of].Name, Hash: "h"}})
	case StartRollback:
		if wantsRollback(m.run, attempt{m.run.ID, job.Stage, job.Attempt}) {
			m.feed(RollbackBegun{Stage: job.Stage, Attempt: job.Attempt, Action: "back"})
		}
	}
}

// answer gives a stage that asked its turn, refuses it, or has it wait, with or without a time to ask again. To one that did not
// ask it means nothing.
func (m *machine) answer(i int, how string) {
	asked, before := m.turns[i] == "asks" || m.turns[i] == "timer", text(m.run)
	switch how {
	case "given":
		if asked {
			m.turns[i] = "holds"
		}
		attempt := m.run.Stages[i].Attempt
		m.feed(TurnGiven{Stage: i, Locks: []string{"lock"}})
		if asked && m.run.Stages[i].Attempt != attempt+1 {
			m.t.Fatalf("%s: stage %d has its turn and does not begin", before, i)
		}
	case "refused":
		m.feed(TurnRefused{Stage: i, Text: "no"})
	case "until":
		if asked {
			m.turns[i] = "timer"
		}
		at := m.now.Add(time.Hour)
		m.feed(TurnWaits{Stage: i, Text: "a window", At: &at})
	default:
		if asked {
			m.turns[i] = "asks"
		}
		m.feed(TurnWaits{Stage: i, Text: "lock \"lock\""})
	}
	if !asked && text(m.run) != before {
		m.t.Fatalf("%s: stage %d did not ask, and became %s", before, i, text(m.run))
	}
}

// endActions ends what runs, and tells of it times times.
func (m *machine) endActions(how fairlead.StageState, times int) {
	for i, s := range m.run.Stages {
		if s.Rollback != "" && s.Rollback != "asked" {
			m.feed(RollbackEnded{Stage: i, Attempt: s.Attempt, Done: true})
		}
		if s.Action == "" || s.State != fairlead.StageRunning {
			continue
		}
		if m.actions[s.Action] == "" {
			m.actions[s.Action] = how
		}
		for range times {
			m.feed(StageEnded{Stage: i, Attempt: s.Attempt, State: m.actions[s.Action]})
		}
	}
}

// send gives a message to each condition that has none.
func (m *machine) send() {
	for i, s := range m.run.Stages {
		for _, c := range s.Conditions {
			if c.Met {
				continue
			}
			id := fmt.Sprintf("m-%s", c.Condition)
			m.feed(Received{Stage: i, Condition: c.Condition, Message: id, Values: map[string]string{"v": id}})
		}
	}
}

// lost checks that what a message met stays met.
func (m *machine) lost() {
	for _, s := range m.run.Stages {
		for _, c := range s.Conditions {
			if c.Met {
				m.sent[c.Condition] = c.Message
			} else if m.sent[c.Condition] != "" {
				m.t.Fatalf("%s: message %s is lost", text(m.run), m.sent[c.Condition])
			}
		}
	}
}

// TestNextProperties drives drawn runs with random, repeated and reordered events: no effect happens twice, no message is lost,
// and in the end, when everything that is waited for has come, the run has ended and the next had its turn once.
func TestNextProperties(t *testing.T) {
	outcomes := []fairlead.StageState{fairlead.StageSucceeded, fairlead.StageSucceeded, fairlead.StageSucceeded, fairlead.StageFailed, fairlead.StageTimedOut}
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{t: t, run: drawRun(t), now: at(0), counts: map[string]int{}, actions: map[string]fairlead.StageState{}, sent: map[string]string{}, turns: map[int]string{}}
		m.feed(Begin{})
		stage := rapid.IntRange(0, len(m.run.Stages)-1)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			m.now = m.now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "minutes")) * time.Minute)
			i := stage.Draw(t, "stage")
			switch rapid.IntRange(0, 11).Draw(t, "step") {
			case 0:
				m.send()
			case 1, 2, 3: // a job, maybe one that was done already
				if len(m.jobs) > 0 {
					m.work(rapid.SampledFrom(m.jobs).Draw(t, "job"), rapid.SampledFrom(outcomes).Draw(t, "ends"))
				}
			case 4, 5:
				m.endActions(rapid.SampledFrom(outcomes).Draw(t, "ends"), rapid.IntRange(1, 2).Draw(t, "times"))
			case 6:
				m.feed(Retry{Stage: i, By: "alice", Values: map[string]string{"v": "0"}})
			case 7:
				m.feed(RollBack{Stage: i, By: "alice"})
			case 8:
				m.feed(Answered{Stage: i, Vote: fairlead.Vote{User: "alice", Approve: rapid.Bool().Draw(t, "approve")}})
			case 9, 10:
				m.answer(i, rapid.SampledFrom([]string{"given", "given", "waits", "until", "refused"}).Draw(t, "turn"))
			default: // what nobody should have sent
				late := m.run.Stages[i].Attempt + rapid.SampledFrom([]int{-1, 1}).Draw(t, "attempt")
				m.feed(rapid.SampledFrom([]Event{Begin{}, StageEnded{Stage: i, Attempt: late, State: fairlead.StageSucceeded},
					ActionBegun{Stage: i, Attempt: late, Action: "x"}, TimeUp{Stage: i, Attempt: late, What: timerHold},
					RollbackEnded{Stage: i, Attempt: late}, RollbackBegun{Stage: i, Attempt: late, Action: "x"}, StageNote{i, late, "x"}}).Draw(t, "noise"))
				if rapid.IntRange(0, 20).Draw(t, "stop") == 0 {
					m.feed(Stop{"alice"})
				}
			}
			m.lost()
		}
		m.finish()
	})
}

// finish does by itself all that the workers do, sends what is waited for, and lets time pass.
func (m *machine) finish() {
	for range 200 {
		if fairlead.RunMoves.Final(m.run.State) {
			break
		}
		m.now = m.now.Add(2 * time.Hour)
		m.send()
		for _, job := range slices.Clone(m.jobs) {
			m.work(job, fairlead.StageSucceeded)
		}
		for i := range m.run.Stages {
			m.answer(i, "given")
		}
		m.endActions(fairlead.StageSucceeded, 2)
	}
	if len(m.turns) > 0 {
		m.t.Fatalf("%s: not given back: %v", text(m.run), m.turns)
	}
	if !fairlead.RunMoves.Final(m.run.State) {
		m.t.Fatalf("stuck: %s, waits for %q", text(m.run), m.run.WaitingFor)
	}
	if m.counts["pipeline.StartNextRun{}"] != 1 {
		m.t.Fatalf("%s: the next run got its turn %d times", text(m.run), m.counts["pipeline.StartNextRun{}"])
	}
	for _, s := range m.run.Stages {
		if s.State == fairlead.StageRunning || s.State == fairlead.StageWaiting || s.State == fairlead.StagePending || s.HeldUntil != nil || s.RetryAt != nil || s.WaitingFor != "" {
			m.t.Fatalf("%s: the run has ended and stage %s has not: %+v", text(m.run), s.Name, s)
		}
	}
}
