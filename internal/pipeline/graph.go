package pipeline

import (
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
)

// needs lists the stages that must have ended well before stage i: those of its file, or the one before.
func (t *transition) needs(i int) []int {
	s := t.run.Stages[i]
	if s.Policy != nil && s.Policy.Needs != nil {
		list := make([]int, 0, len(s.Policy.Needs))
		for _, name := range s.Policy.Needs {
			list = append(list, t.find(name))
		}
		return list
	}
	for before := i - 1; before >= 0; before-- {
		if t.run.Stages[before].Parent == "" {
			return []int{before}
		}
	}
	return nil
}

// find is the index of a stage by its name, -1 when there is none.
func (t *transition) find(name string) int {
	return slices.IndexFunc(t.run.Stages, func(s fairlead.StageRun) bool { return s.Name == name })
}

// turn reports whether everything that stage i needs has ended well.
func (t *transition) turn(i int) bool {
	for _, n := range t.needs(i) {
		if s := t.stage(n); s == nil || !passed(s.State) {
			return false
		}
	}
	return true
}

// behind are stage i and the stages that come after it.
func (t *transition) behind(i int) map[int]bool {
	found := map[int]bool{i: true}
	for again := true; again; {
		again = false
		for n, s := range t.run.Stages {
			if !found[n] && s.Parent == "" && slices.ContainsFunc(t.needs(n), func(need int) bool { return found[need] }) {
				found[n], again = true, true
			}
		}
	}
	return found
}

// passed reports whether the stages behind one in this state may begin.
func passed(s fairlead.StageState) bool {
	return s == fairlead.StageSucceeded || s == fairlead.StageIgnored || s == fairlead.StageSkipped
}

// busy reports whether a stage works, or will by itself.
func busy(s fairlead.StageRun) bool { return s.State == fairlead.StageRunning || s.RetryAt != nil }

// settle opens the stages whose turn it is, and gives the run the state that follows from its stages.
func (t *transition) settle() {
	if !t.active() {
		return
	}
	if t.run.Stopping {
		if t.run.Ending == "" {
			t.run.Ending = fairlead.RunCanceled
		}
		working := slices.ContainsFunc(t.run.Stages, func(s fairlead.StageRun) bool { return busy(s) && s.Type != fairlead.StageParallel })
		if !working {
			why := t.why
			if why == "" {
				why = t.run.Message
			}
			t.end(t.run.Ending, t.run.Message, why)
			return
		}
		_, t.run.WaitingFor, _ = t.situation()
		return
	}
	for again := true; again; { // a stage that is skipped makes others ready
		again = false
		for i, s := range t.run.Stages {
			if s.State == fairlead.StagePending && s.Parent == "" && t.turn(i) {
				t.open(i)
				again = true
			}
		}
	}
	t.conclude()
}

// open begins a stage whose turn it is: it is skipped, waits for what it has to wait for, or starts.
func (t *transition) open(i int) {
	s := &t.run.Stages[i]
	if why := t.unwanted(i); why != "" {
		t.skip(i, why)
		return
	}
	if missing := missing(*s); missing != "" {
		t.moveStage(i, fairlead.StageWaiting)
		s.WaitingFor = missing
		t.log(s.Name, "stage-waits", "%s waits for %s", t.name(i), missing)
		return
	}
	t.release(i)
}

// skip leaves a stage out, with its tasks.
func (t *transition) skip(i int, why string) {
	s := &t.run.Stages[i]
	t.moveStage(i, fairlead.StageSkipped)
	s.Message = why
	t.log(s.Name, "stage-skipped", "%s skipped: %s", t.name(i), why)
	t.skipTasks(i)
}

// unwanted says which condition of the stage's when does not hold, "" when all do.
func (t *transition) unwanted(i int) string {
	p := t.run.Stages[i].Policy
	if p == nil {
		return ""
	}
	for _, w := range p.When {
		if why := t.unmet(w); why != "" {
			return why
		}
	}
	return ""
}

func (t *transition) unmet(w fairlead.When) string {
	if w.Stage != "" {
		s := t.stage(t.find(w.Stage))
		if s == nil || slices.Contains(w.Is, s.State) {
			return ""
		}
		states := make([]string, len(w.Is))
		for i, state := range w.Is {
			states[i] = string(state)
		}
		return "stage " + quote(w.Stage) + " is " + string(s.State) + ", not " + strings.Join(states, " or ")
	}
	value := t.run.Variables[w.Variable]
	has := "variable " + quote(w.Variable) + " is " + quote(value)
	switch {
	case w.Equals != nil && value != *w.Equals:
		return has + ", not " + quote(*w.Equals)
	case w.NotEquals != nil && value == *w.NotEquals:
		return has
	case w.In != nil && !slices.Contains(w.In, value):
		return has + ", which is none of " + quote(strings.Join(w.In, ", "))
	case w.Matches != "" && !matches(w.Matches, value):
		return has + ", which does not match " + quote(w.Matches)
	}
	return ""
}

// matches reports whether a whole text matches a regular expression, which was checked when the file was applied.
func matches(pattern, text string) bool {
	re, err := regexp.Compile(`^(?:` + pattern + `)$`)
	return err == nil && re.MatchString(text)
}

// conclude gives the run the state that follows from its stages, and says what it waits for.
func (t *transition) conclude() {
	state, sentence, open := t.situation()
	switch {
	case state == "" && open: // cannot be: what did not end well is at work, waits, is held or has ended the run
		t.end(fairlead.RunFailed, "internal error: no stage can begin", "no stage can begin")
		return
	case state == "":
		if t.run.State != fairlead.RunRunning {
			t.moveRun(fairlead.RunRunning)
		}
		t.end(fairlead.RunSucceeded, "", "")
		return
	case state != t.run.State:
		t.moveRun(state)
	}
	t.run.WaitingFor = sentence
}

// situation is the state that follows from the stages, "" when none of them is at work, held or waits.
func (t *transition) situation() (state fairlead.RunState, sentence string, open bool) {
	first := func(want func(s fairlead.StageRun) bool) int { return slices.IndexFunc(t.run.Stages, want) }
	says := func(i int) string {
		if i < 0 || t.run.Stages[i].WaitingFor == "" {
			return ""
		}
		return t.name(i) + " waits for " + t.run.Stages[i].WaitingFor
	}
	if first(busy) >= 0 {
		return fairlead.RunRunning, says(first(func(s fairlead.StageRun) bool { return (busy(s) || waitingTask(s)) && s.WaitingFor != "" })), true
	}
	if i := first(func(s fairlead.StageRun) bool { return s.HeldUntil != nil }); i >= 0 {
		return fairlead.RunHeld, says(i), true
	}
	if i := first(func(s fairlead.StageRun) bool { return s.State == fairlead.StageWaiting }); i >= 0 {
		return fairlead.RunWaiting, says(i), true
	}
	return "", "", first(func(s fairlead.StageRun) bool { return s.Parent == "" && !passed(s.State) }) >= 0
}
