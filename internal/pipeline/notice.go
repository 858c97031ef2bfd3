package pipeline

import "slices"

// The outcomes of a stage that it can be told of.
const (
	outcomeSuccess = "success"
	outcomeFailure = "failure"
)

// notify sends what the stage's file says for an outcome.
func (t *transition) notify(i int, outcome string) {
	s := t.run.Stages[i]
	if s.Policy == nil {
		return
	}
	for n, notification := range s.Policy.Notifications {
		if slices.Contains(notification.Outcomes, outcome) {
			t.do(Notify{Stage: i, Attempt: s.Attempt, Outcome: outcome, N: n})
		}
	}
}
