package pipeline

import (
	"fmt"
	"strings"

	"github.com/fairlead/fairlead"
)

// parent is the parallel stage that stage i is a task of, nil when it is none.
func (t *transition) parent(i int) *fairlead.StageRun {
	if s := t.run.Stages[i]; s.Parent != "" {
		return t.stage(t.find(s.Parent))
	}
	return nil
}

// tasks lists the tasks of a parallel stage.
func (t *transition) tasks(i int) (list []int) {
	for n, s := range t.run.Stages {
		if s.Parent != "" && s.Parent == t.run.Stages[i].Name {
			list = append(list, n)
		}
	}
	return list
}

// startTasks starts the tasks that did not succeed: all, or the first when they go one after another.
func (t *transition) startTasks(i int) {
	p := t.run.Stages[i].Policy
	for _, n := range t.tasks(i) {
		if t.run.Stages[n].State == fairlead.StageSucceeded {
			continue
		}
		t.run.Stages[n].Retried = 0
		t.start(n)
		if p != nil && p.Serial {
			return
		}
	}
}

// tasksStop reports whether stage i is a task whose parallel stage stops its tasks.
func (t *transition) tasksStop(i int) bool {
	parent := t.parent(i)
	return parent != nil && parent.Stopping
}

// tasksRollBack reports whether the stack of a task is being taken back.
func (t *transition) tasksRollBack(i int) bool {
	for _, n := range t.tasks(i) {
		if t.run.Stages[n].Rollback != "" {
			return true
		}
	}
	return false
}

// skipTasks leaves out the tasks of a stage that did not begin.
func (t *transition) skipTasks(i int) {
	for _, n := range t.tasks(i) {
		if t.run.Stages[n].State == fairlead.StagePending {
			t.moveStage(n, fairlead.StageSkipped)
		}
	}
}

// taskEnded goes on with the parallel stage that stage i is a task of.
func (t *transition) taskEnded(i int) {
	parent := t.parent(i)
	if parent == nil || t.run.Stopping || parent.State != fairlead.StageRunning {
		return
	}
	at := t.find(parent.Name)
	policy := fairlead.StagePolicy{}
	if parent.Policy != nil {
		policy = *parent.Policy
	}
	var failed []string
	next, working := -1, false
	for _, n := range t.tasks(at) {
		s := t.run.Stages[n]
		switch {
		case busy(s), waitingTask(s):
			working = true
		case s.State == fairlead.StagePending, n > i && policy.Serial && s.State != fairlead.StageSucceeded:
			if next < 0 {
				next = n
			}
		case s.State != fairlead.StageSucceeded:
			failed = append(failed, quote(s.Name))
		}
	}
	if len(failed) > 0 && policy.StopTasks {
		t.stopTasks(at)
		next = -1
		working = t.working(at)
	}
	switch {
	case working:
	case next >= 0:
		t.run.Stages[next].Retried = 0
		t.start(next)
	case len(failed) > 0:
		text := fmt.Sprintf("%d of %d tasks failed: %s", len(failed), len(t.tasks(at)), strings.Join(failed, ", "))
		t.finish(StageEnded{Stage: at, State: fairlead.StageFailed, Text: text})
	default:
		t.finish(StageEnded{Stage: at, State: fairlead.StageSucceeded})
	}
}

func (t *transition) working(i int) bool {
	for _, n := range t.tasks(i) {
		if busy(t.run.Stages[n]) || waitingTask(t.run.Stages[n]) {
			return true
		}
	}
	return false
}

// stopTasks cancels the tasks that are at work, because one failed.
func (t *transition) stopTasks(i int) {
	parent := &t.run.Stages[i]
	if parent.Stopping {
		return
	}
	parent.Stopping = true
	for _, n := range t.tasks(i) {
		s := &t.run.Stages[n]
		switch {
		case s.RetryAt != nil:
			s.RetryAt, s.WaitingFor = nil, ""
		case waitingTask(*s):
			t.moveStage(n, fairlead.StageFailed)
			s.Message = "not begun: another task failed"
			t.log(s.Name, "stage-failed", "%s not begun: another task failed", t.name(n))
		case s.State != fairlead.StageRunning:
		case s.Action != "":
			t.log(s.Name, "stage-stopping", "the action of stack %s is being canceled: another task failed", s.Stack)
			t.canceling(n)
			t.do(CancelAction{Stage: n, Attempt: s.Attempt, Action: s.Action})
		case s.Container != "":
			t.log(s.Name, "stage-stopping", "container %s is being stopped: another task failed", s.Container)
			t.stopping(n)
		default:
			t.moveStage(n, fairlead.StageFailed)
			s.Message = "stopped: another task failed"
			t.log(s.Name, "stage-failed", "%s stopped: another task failed", t.name(n))
		}
	}
}
