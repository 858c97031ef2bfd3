package pipeline

import (
	"maps"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
)

// missing says what a stage waits for before it can begin, "" when its trigger conditions are met.
func missing(s fairlead.StageRun) string {
	var open []string
	met := 0
	for _, c := range s.Conditions {
		if c.Met {
			met++
			continue
		}
		open = append(open, waitsFor(c))
	}
	anyOne := s.Policy != nil && s.Policy.Any
	switch {
	case len(open) == 0, anyOne && met > 0:
		return ""
	case anyOne:
		return strings.Join(open, " or ")
	}
	return strings.Join(open, " and ")
}

func waitsFor(c fairlead.ConditionRun) string {
	switch c.Kind {
	case "webhook":
		return "a call of the webhook of " + c.Condition
	case "channel":
		return "a message on channel " + c.Source
	case "image":
		return "a push of image " + c.Source
	}
	return "the time of " + c.Condition
}

// received counts a message for a trigger condition of a stage that has not begun. Until the stage begins a later message of
// the same condition takes the place of the earlier one.
func (t *transition) received(e Received) {
	s := t.stage(e.Stage)
	if s == nil || !t.active() || t.run.Stopping || (s.State != fairlead.StagePending && s.State != fairlead.StageWaiting) {
		return
	}
	n := slices.IndexFunc(s.Conditions, func(c fairlead.ConditionRun) bool { return c.Condition == e.Condition })
	if n < 0 || s.Conditions[n].Message == e.Message || (s.State == fairlead.StageWaiting && missing(*s) == "") {
		return
	}
	s.Conditions = slices.Clone(s.Conditions)
	c := &s.Conditions[n]
	c.Met, c.Message, c.Values, c.At = true, e.Message, e.Values, &t.at
	if len(e.Pins) > 0 {
		pins := maps.Clone(e.Pins)
		maps.Copy(pins, t.run.Pins)
		maps.Copy(pins, e.Pins)
		t.run.Pins = pins
	}
	t.log(s.Name, "stage-condition", "%s is met by message %s", c.Condition, e.Message)
	if s.State != fairlead.StageWaiting {
		return
	}
	if s.WaitingFor = missing(*s); s.WaitingFor == "" {
		t.release(e.Stage)
	}
}

// release begins a stage whose conditions are met. What their messages brought goes to the variables now, in the order of the
// file, whatever the order in which they came.
func (t *transition) release(i int) {
	s := &t.run.Stages[i]
	for _, c := range s.Conditions {
		if c.Met {
			t.set(c.Values)
		}
	}
	if s.Review != nil {
		t.openReview(i)
		return
	}
	t.start(i)
}

// names lists names for a message.
func names(values map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(values)), ", ")
}
