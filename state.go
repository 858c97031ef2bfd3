package fairlead

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Moves is the table of legal moves of a state machine: from each state to the states that may follow.
type Moves[S ~string] map[S][]S

// Check returns a Conflict error when a move is not in the table. what names the thing that moves.
func (m Moves[S]) Check(what string, from, to S) error {
	if slices.Contains(m[from], to) {
		return nil
	}
	return Errorf(Conflict, "%s is %s and cannot become %s", what, from, to)
}

// Final reports whether nothing may follow the state.
func (m Moves[S]) Final(s S) bool { return len(m[s]) == 0 }

// Duration is a time span that reads and writes as text such as "1h30m" in JSON.
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes the span as text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads text such as "90m".
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("duration: want text such as \"1h30m\": %w", err)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("duration %q: want a number with a unit, such as 90s, 30m or 1h30m", s)
	}
	*d = Duration(v)
	return nil
}

// Event is one important step in the life of a stack or run, in the order in which it was stored.
type Event struct {
	Seq    int64     `json:"seq"`
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind" doc:"what the event is about: stack, run, image, template, pipeline, pipeline-template, freeze, group, user, target, channel, organization, audit"`
	Name   string    `json:"name" doc:"the stack's name, the run's id, the image; of audit the group that has something new in the log"`
	Action string    `json:"action,omitempty" doc:"id of the stack action"`
	Part   string    `json:"part,omitempty" doc:"element or stage"`
	Type   string    `json:"type" doc:"short stable name, such as element-healthy"`
	// Message is one sentence for people; secrets are masked.
	Message string `json:"message"`
	// Group is the pipeline group of a pipeline that is no more, so that those who could see it hear of its end.
	Group string `json:"-"`
}
