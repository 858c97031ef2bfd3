package pipeline

import (
	"cmp"
	"fmt"
	"time"

	"github.com/fairlead/fairlead"
)

const (
	defaultHold    = 72 * time.Hour
	defaultBackoff = 10 * time.Second
	maxBackoff     = time.Hour
)

// failed does what follows a stage that failed or timed out: another attempt, or its error handling.
func (t *transition) failed(i int, text, short string) {
	s := &t.run.Stages[i]
	p := fairlead.StagePolicy{}
	if s.Policy != nil {
		p = *s.Policy
	}
	if p.Retry != nil && s.Retried < p.Retry.Attempts && !t.tasksStop(i) {
		t.retryLater(i, *p.Retry)
		return
	}
	if s.Parent != "" {
		t.taskEnded(i)
		return
	}
	t.notify(i, outcomeFailure)
	onError := fairlead.OnError{Action: fairlead.ReturnToStart}
	if p.OnError != nil {
		onError = *p.OnError
	}
	switch onError.Action {
	case fairlead.IgnoreError:
		message := s.Message
		t.moveStage(i, fairlead.StageIgnored)
		s.Message = message
		t.log(s.Name, "stage-ignored", "%s ignored: on_error is ignore", t.name(i))
		t.skipTasks(i)
	case fairlead.StopOnError:
		t.hold(i, time.Duration(onError.Hold))
	default:
		t.wind(fairlead.RunFailed, text, short)
	}
}

func (t *transition) retryLater(i int, r fairlead.Retry) {
	s := &t.run.Stages[i]
	pause := time.Duration(r.Backoff)
	for range s.Retried {
		pause = min(2*pause, maxBackoff)
	}
	s.Retried++
	when := t.at.Add(pause)
	s.RetryAt = &when
	s.WaitingFor = fmt.Sprintf("its next attempt, %d of %d, at %s; it failed: %s", s.Retried, r.Attempts, stamp(when), cmp.Or(s.Message, string(s.State)))
	t.log(s.Name, "stage-waits", "%s waits for %s", t.name(i), s.WaitingFor)
	t.do(SetTimer{Stage: i, Attempt: s.Attempt, What: timerRetry, At: when})
}

// hold keeps a failed stage until a person decides.
func (t *transition) hold(i int, d time.Duration) {
	s := &t.run.Stages[i]
	until := t.at.Add(d)
	s.HeldUntil = &until
	s.WaitingFor = t.decision(i)
	t.log(s.Name, "stage-held", "%s is held until %s: retry it, take its stack back, or stop the run", t.name(i), stamp(until))
	t.do(SetTimer{Stage: i, Attempt: s.Attempt, What: timerHold, At: until})
}

func (t *transition) decision(i int) string {
	s := t.run.Stages[i]
	return fmt.Sprintf("somebody to retry it, take its stack back or stop the run, until %s; it failed: %s", stamp(*s.HeldUntil), cmp.Or(s.Message, string(s.State)))
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

func (t *transition) timeUp(e TimeUp) {
	s := t.stage(e.Stage)
	if s == nil || s.Attempt != e.Attempt || !t.active() || t.run.Stopping {
		return
	}
	switch {
	case e.What == timerRetry && s.RetryAt != nil && !t.at.Before(*s.RetryAt):
		s.RetryAt = nil
		t.again(e.Stage)
	case e.What == timerHold && s.HeldUntil != nil && !t.at.Before(*s.HeldUntil):
		t.log(s.Name, "stage-warning", "nobody decided about %s in time", t.name(e.Stage))
		message := t.name(e.Stage) + " " + string(s.State) + ", and nobody decided in time"
		if s.Message != "" {
			message += ": " + s.Message
		}
		t.wind(fairlead.RunTimedOut, message, "nobody decided about "+t.name(e.Stage)+" in time")
	case e.What == timerTurn:
		t.turnTime(e.Stage)
	case e.What == timerReview:
		t.reviewExpired(e.Stage)
	}
}

// again begins another attempt of a stage.
func (t *transition) again(i int) {
	s := t.run.Stages[i]
	if s.Review != nil {
		t.openReview(i)
		return
	}
	t.start(i)
}

// held returns a stage about which a person decides, nil when it is not one.
func (t *transition) held(i int) *fairlead.StageRun {
	s := t.stage(i)
	if s == nil || s.HeldUntil == nil || !t.active() || t.run.Stopping {
		return nil
	}
	return s
}

func (t *transition) retry(e Retry) {
	s := t.held(e.Stage)
	if s == nil || s.Rollback != "" || t.tasksRollBack(e.Stage) {
		return
	}
	t.set(e.Values)
	s.HeldUntil, s.Retried = nil, 0
	if len(e.Values) > 0 {
		s.Approved = ""
	}
	t.log(s.Name, "stage-retried", "%s is tried again by %s%s", t.name(e.Stage), e.By, changed(e.Values))
	t.again(e.Stage)
}

// changed names variables that got other values.
func changed(values map[string]string) string {
	if len(values) == 0 {
		return ""
	}
	return " with other values of " + names(values)
}

// rollBack asks for the stack of a held stage, or of a task of one, to be taken back.
func (t *transition) rollBack(e RollBack) {
	s := t.stage(e.Stage)
	if s == nil || s.Stack == "" || s.Rollback != "" || t.holder(e.Stage) == nil || passed(s.State) {
		return
	}
	s.Rollback = "asked"
	s.WaitingFor = "stack " + s.Stack + " to be taken back to its last good state"
	t.log(s.Name, "stage-rollback", "stack %s is being taken back: asked for by %s", s.Stack, e.By)
	t.do(StartRollback{Stage: e.Stage, Attempt: s.Attempt})
}

// holder is the held stage that a stage is, or is a task of.
func (t *transition) holder(i int) *fairlead.StageRun {
	if s := t.stage(i); s != nil && s.Parent != "" {
		return t.held(t.find(s.Parent))
	}
	return t.held(i)
}

func (t *transition) rollbackBegun(e RollbackBegun) {
	s := t.stage(e.Stage)
	if s == nil || s.Attempt != e.Attempt || s.Rollback != "asked" || !t.active() {
		return
	}
	s.Rollback = e.Action
	t.do(Log{Stage: s.Name, Type: "stage-action", Text: "action " + e.Action + " of stack " + s.Stack, Action: e.Action})
}

func (t *transition) rollbackEnded(e RollbackEnded) {
	s := t.stage(e.Stage)
	if s == nil || s.Attempt != e.Attempt || s.Rollback == "" || !t.active() {
		return
	}
	s.Rollback, s.WaitingFor = "", ""
	if s.HeldUntil != nil {
		s.WaitingFor = t.decision(e.Stage)
	}
	if e.Done {
		t.log(s.Name, "stage-rolled-back", "stack %s was taken back", s.Stack)
		return
	}
	t.log(s.Name, "stage-error", "stack %s was not taken back: %s", s.Stack, e.Text)
}
