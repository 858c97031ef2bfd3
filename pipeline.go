package fairlead

import (
	"regexp"
	"time"
)

// DefaultGroup is the pipeline group that the first start makes.
const DefaultGroup = "default"

// Group holds pipelines and carries the rights on them.
type Group struct {
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	Role        Role        `json:"role,omitempty" enum:"read,edit,manage" doc:"what whoever asks may do in the group; manage for administrators"`
	Pipelines   int         `json:"pipelines" doc:"how many it holds"`
	Members     int         `json:"members" doc:"how many users have a role in it"`
	Limits      GroupLimits `json:"limits"`
	CreatedAt   time.Time   `json:"created_at"`
}

// Member is a user with a role in a pipeline group.
type Member struct {
	User      string    `json:"user"`
	Role      Role      `json:"role" enum:"read,edit,manage"`
	GrantedBy string    `json:"granted_by" doc:"who gave the role; upgrade for what users could do before there were roles"`
	GrantedAt time.Time `json:"granted_at"`
}

// Pipeline is a stored pipeline file.
type Pipeline struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Group       string       `json:"group"`
	Description string       `json:"description,omitempty"`
	Spec        PipelineSpec `json:"spec"`
	Source      string       `json:"source" doc:"the file as it was applied"`
	Revision    int64        `json:"revision" doc:"counts changes; the ETag"`
	Runs        int64        `json:"runs" doc:"runs ever started; the last SYS_INCREMENT"`
	Webhooks    []Webhook    `json:"webhooks,omitempty"`
	LastRun     *Run         `json:"last_run,omitempty"`
	CreatedAt   time.Time    `json:"created_at"`
	UpdatedAt   time.Time    `json:"updated_at"`
	UpdatedBy   string       `json:"updated_by,omitempty"`
	DeletedBy   string       `json:"deleted_by,omitempty" doc:"who deletes it, while its history is being removed: nothing starts it any more"`
}

// PipelineSpec is the content of a pipeline file.
type PipelineSpec struct {
	Name        string      `json:"name"`
	Group       string      `json:"group"`
	Description string      `json:"description,omitempty"`
	Concurrency Concurrency `json:"concurrency"`
	MaxRuns     int         `json:"max_runs,omitempty" doc:"runs at once; 0 is 1"`
	Windows     []Window    `json:"windows,omitempty" doc:"when deploying stages may begin; none: always"`
	Variables   []Variable  `json:"variables,omitempty"`
	Keep        *Retention  `json:"keep,omitempty"`
	Start       *Conditions `json:"start,omitempty"`
	Notify      []Notice    `json:"notify,omitempty"`
	Stages      []Stage     `json:"stages"`
}

// Retention says how much history of runs and messages stays. Zero is no limit; what exceeds either limit goes.
type Retention struct {
	Count int      `json:"count,omitempty" doc:"the newest that stay"`
	Age   Duration `json:"age,omitempty" doc:"how long they stay"`
}

// Concurrency says what happens when a pipeline is started while it runs.
type Concurrency string

const (
	Queue          Concurrency = "queue"
	Reject         Concurrency = "reject"
	CancelPrevious Concurrency = "cancel-previous"
)

// Variable is a global variable of a pipeline.
type Variable struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
}

// groupRE follows the documented rule of pipeline groups: 1-64, first a lower-case letter, last a letter or digit,
// between them lower-case letters, digits, underscore, hyphen, at most two underscores in a row and none beside a hyphen.
var groupRE = regexp.MustCompile(`^[a-z](?:[a-z0-9]|(?:_{1,2}|-+)[a-z0-9])*$`)

// CheckGroupName checks the name of a pipeline or pipeline group. what is the noun for the message.
func CheckGroupName(what, name string) error {
	if len(name) <= 64 && groupRE.MatchString(name) {
		return nil
	}
	return Errorf(Invalid, "%s name %q: want 1 to 64 lower-case letters, digits, underscores or hyphens, first a letter, last a letter or digit, no more than two underscores in a row", what, name)
}
