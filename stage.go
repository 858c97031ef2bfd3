package fairlead

import "time"

// StageType names what a stage does.
type StageType string

const (
	StageTemplateDeploy StageType = "template-deploy" // deploys images through a template
	StageReview         StageType = "review"          // waits for the answers of people
	StageParallel       StageType = "parallel"        // runs tasks together or one after another
	StageJob            StageType = "job"             // runs a container to its end
)

// Stage is one step of a pipeline.
type Stage struct {
	Name string    `json:"name"`
	Type StageType `json:"type" enum:"template-deploy,review,parallel,job"`
	// Needs are the stages that must have ended well before this one. Nil is the stage before in the file.
	Needs    []string     `json:"needs,omitzero"`
	When     []When       `json:"when,omitempty"`
	Triggers *Conditions  `json:"triggers,omitempty"`
	Images   []StageImage `json:"images,omitempty"`
	Deploy   *Deploy      `json:"deploy,omitempty"`
	Job      *Job         `json:"job,omitempty"`
	Review   *Review      `json:"review,omitempty"`
	Tasks    []Stage      `json:"tasks,omitempty"`
	Order    string       `json:"order,omitempty" enum:"parallel,serial"`
	// OnTaskFailure says what becomes of the other tasks when one fails.
	OnTaskFailure string         `json:"on_task_failure,omitempty" enum:"finish,stop"`
	Timeout       Duration       `json:"timeout,omitempty"`
	Retry         *Retry         `json:"retry,omitempty"`
	Rollback      bool           `json:"rollback,omitempty" doc:"take the stack back when the last attempt fails"`
	OnError       *OnError       `json:"on_error,omitempty"`
	Notifications []Notification `json:"notifications,omitempty"`
	// Locks are held while the stage runs, by one stage of all pipelines at a time. Variables are allowed.
	Locks   []string `json:"locks,omitempty"`
	Windows []Window `json:"windows,omitempty" doc:"when the stage may begin; none: always"`
}

// StageImage is an input resource: organization/repository:tag, variables allowed.
type StageImage struct {
	Name  string `json:"name"`
	Image string `json:"image"`
}

// Deploy says which stack a template-deploy stage upgrades, and with what.
type Deploy struct {
	Tool       string            `json:"tool" enum:"aos,helm"`
	Stack      string            `json:"stack"`
	Create     bool              `json:"create,omitempty" doc:"make the stack when it is absent"`
	Target     string            `json:"target,omitempty"`
	Namespace  string            `json:"namespace,omitempty"`
	Template   string            `json:"template,omitempty"`
	Version    string            `json:"version,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
	// Helm is what tool helm installs.
	Helm *DeployHelm `json:"helm,omitempty"`
}

// DeployHelm says which Helm release a stage installs or upgrades. The stack holds that release alone.
type DeployHelm struct {
	Release string    `json:"release"`
	Chart   HelmChart `json:"chart"`
	// Package is the template version, NAME@VERSION, whose package holds the chart and the values file.
	Package    string `json:"package,omitempty"`
	ValuesFile string `json:"values_file,omitempty"`
	// Values are the chart's values. A text that holds variables is text after they are replaced, unless Types, by path such as
	// image.tag or ports[0], says int, float or bool.
	Values          map[string]any    `json:"values,omitempty"`
	Types           map[string]string `json:"types,omitempty"`
	NoWait          bool              `json:"no_wait,omitempty" doc:"the stage does not wait until the release's objects are ready"`
	CreateNamespace bool              `json:"create_namespace,omitempty" doc:"make the namespace when it is absent"`
}

// HelmChart says which chart: a path or name in a package, a chart of a repository, or an address.
type HelmChart struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	URL     string `json:"url,omitempty"`
}

// ErrorAction says what follows when a stage failed for good.
type ErrorAction string

const (
	ReturnToStart ErrorAction = "return-to-start" // the run ends as failed
	StopOnError   ErrorAction = "stop"            // the run is held; a person decides
	IgnoreError   ErrorAction = "ignore"          // the next stage begins
)

// OnError is the error handling of a stage.
type OnError struct {
	Action ErrorAction `json:"action" enum:"return-to-start,stop,ignore"`
	Hold   Duration    `json:"hold,omitempty" doc:"how long a stopped run waits for a decision"`
}

// Retry has a failed stage tried again before its error handling.
type Retry struct {
	Attempts int      `json:"attempts" doc:"how many times again"`
	Backoff  Duration `json:"backoff" doc:"the pause before the first; it doubles"`
}

// When is one condition for a stage to take part in a run: on a variable or on an earlier stage. All must hold.
type When struct {
	Variable  string   `json:"variable,omitempty"`
	Equals    *string  `json:"equals,omitempty"`
	NotEquals *string  `json:"not_equals,omitempty"`
	In        []string `json:"in,omitempty"`
	Matches   string   `json:"matches,omitempty" doc:"regular expression that the whole value must match"`

	Stage string       `json:"stage,omitempty"`
	Is    []StageState `json:"is,omitempty" doc:"how the stage ended"`
}

// Review says who must answer before the run goes on.
type Review struct {
	Mode    string        `json:"mode" enum:"all,one,at_least"`
	Count   int           `json:"count,omitempty" doc:"how many, in mode at_least"`
	Users   []string      `json:"users,omitempty"`
	Groups  []ReviewGroup `json:"groups,omitempty"`
	Comment bool          `json:"comment,omitempty" doc:"an answer needs a comment"`
	Expires Duration      `json:"expires,omitempty" doc:"default: never"`
}

// ReviewGroup stands for everybody with a role in a pipeline group.
type ReviewGroup struct {
	Group string `json:"group"`
	Role  string `json:"role" enum:"read,edit,manage"`
}

func (g ReviewGroup) String() string { return g.Group + ":" + g.Role }

// Notification is what a stage sends when it has ended.
type Notification struct {
	Channel  *ChannelCondition `json:"channel,omitempty"`
	Webhook  *WebhookCall      `json:"webhook,omitempty"`
	Params   []ParamMap        `json:"params,omitempty" doc:"parameters of the message: name, and the variable that it is taken from"`
	Outcomes []string          `json:"outcomes" enum:"success,failure"`
}

// StageState is the state of a stage within a run.
type StageState string

const (
	StagePending   StageState = "pending"
	StageWaiting   StageState = "waiting" // for a trigger, a review or its turn
	StageRunning   StageState = "running"
	StageSucceeded StageState = "succeeded"
	StageFailed    StageState = "failed"
	StageIgnored   StageState = "ignored" // failed, and the pipeline goes on
	StageSkipped   StageState = "skipped"
	StageCanceled  StageState = "canceled"
	StageTimedOut  StageState = "timed-out"
)

// StageMoves are the legal moves of a stage. Failed and timed-out stages can run again (retry) or be ignored.
var StageMoves = Moves[StageState]{
	StagePending:  {StageWaiting, StageRunning, StageSkipped, StageCanceled},
	StageWaiting:  {StageRunning, StageFailed, StageSkipped, StageCanceled, StageTimedOut},
	StageRunning:  {StageSucceeded, StageFailed, StageCanceled, StageTimedOut},
	StageFailed:   {StageRunning, StageWaiting, StageIgnored, StageCanceled},
	StageTimedOut: {StageRunning, StageWaiting, StageIgnored, StageCanceled},
}

// StageRun is a stage within a run.
type StageRun struct {
	Name    string     `json:"name"`
	Type    StageType  `json:"type"`
	Parent  string     `json:"parent,omitempty" doc:"the parallel stage that this one is a task of"`
	State   StageState `json:"state"`
	Attempt int        `json:"attempt" doc:"counts from 1; 0 before the first"`
	Message string     `json:"message,omitempty"`
	// WaitingFor is one sentence: what has to happen for the stage to go on.
	WaitingFor string `json:"waiting_for,omitempty"`
	// Stack and Action are what a template-deploy stage works on.
	Stack  string `json:"stack,omitempty"`
	Action string `json:"action,omitempty" doc:"id of the stack action"`
	// Container is what a job stage runs, on Target and in Namespace; ExitCode is there when it ended.
	Container string          `json:"container,omitempty" doc:"name of the container of a job stage"`
	Target    string          `json:"target,omitempty" doc:"where the container runs"`
	Namespace string          `json:"namespace,omitempty"`
	ExitCode  *int            `json:"exit_code,omitempty" doc:"of the container"`
	Images    []ResolvedImage `json:"images,omitempty"`
	StartedAt *time.Time      `json:"started_at,omitempty"`
	EndedAt   *time.Time      `json:"ended_at,omitempty"`

	Conditions []ConditionRun `json:"conditions,omitempty" doc:"what the stage waits for before it begins"`
	Review     *ReviewRun     `json:"review,omitempty"`
	Approved   string         `json:"approved,omitempty" doc:"hash of the plan that a review approved; another is not carried out"`
	Retried    int            `json:"retried,omitempty" doc:"attempts that were made by themselves since somebody started the stage"`
	RetryAt    *time.Time     `json:"retry_at,omitempty" doc:"when the next attempt begins by itself"`
	HeldUntil  *time.Time     `json:"held_until,omitempty" doc:"until then a person decides"`
	// Rollback is "asked" and then the id of the action that takes the stack back while the stage is held.
	Rollback string `json:"rollback,omitempty"`
	Stopping bool   `json:"stopping,omitempty" doc:"a task failed and the others are being stopped"`
	// Turn is what the stage waits for or holds; nil when it has to share nothing.
	Turn *StageTurn `json:"turn,omitempty"`

	Policy *StagePolicy `json:"policy,omitempty"`
}

// StagePolicy is what a run keeps of the file about when a stage begins and what follows its end.
type StagePolicy struct {
	Needs         []string       `json:"needs,omitzero"`
	When          []When         `json:"when,omitempty"`
	Any           bool           `json:"any,omitempty" doc:"one of the conditions is enough"`
	Retry         *Retry         `json:"retry,omitempty"`
	OnError       *OnError       `json:"on_error,omitempty"`
	Serial        bool           `json:"serial,omitempty"`
	StopTasks     bool           `json:"stop_tasks,omitempty" doc:"a task that fails stops the others"`
	Notifications []Notification `json:"notifications,omitempty"`
	Locks         []string       `json:"locks,omitempty"`
	Windows       []Window       `json:"windows,omitempty"`
}

// ConditionRun is a trigger condition of a stage within a run.
type ConditionRun struct {
	Condition string            `json:"condition" doc:"where in the file, such as stages[1].triggers.conditions[0]"`
	Kind      string            `json:"kind"`
	Source    string            `json:"source,omitempty" doc:"the channel, the repository, or the id of the webhook"`
	Met       bool              `json:"met"`
	Message   string            `json:"message,omitempty" doc:"id of the message that met it"`
	Values    map[string]string `json:"values,omitempty" doc:"what it gives to variables when the stage begins"`
	At        *time.Time        `json:"at,omitempty"`
}

// ReviewRun is a review within a run.
type ReviewRun struct {
	Review
	OpenedAt  *time.Time     `json:"opened_at,omitempty"`
	ExpiresAt *time.Time     `json:"expires_at,omitempty"`
	Votes     []Vote         `json:"votes,omitempty"`
	Preview   *DeployPreview `json:"preview,omitempty" doc:"what the next deploy stage will do"`
}

// Vote is the answer of one person.
type Vote struct {
	User    string    `json:"user"`
	Groups  []string  `json:"groups,omitempty" doc:"the review's groups that the person stands for"`
	Approve bool      `json:"approve"`
	Comment string    `json:"comment,omitempty"`
	Hash    string    `json:"hash,omitempty" doc:"of the preview that was answered to"`
	At      time.Time `json:"at"`
}

// DeployPreview is what a deploy stage will do when it begins.
type DeployPreview struct {
	Stage      string      `json:"stage"`
	Stack      string      `json:"stack,omitempty"`
	Template   string      `json:"template,omitempty"`
	Version    string      `json:"version,omitempty"`
	Operations []Operation `json:"operations,omitempty"`
	Hash       string      `json:"hash,omitempty" doc:"the approval holds for exactly this"`
	Problem    string      `json:"problem,omitempty" doc:"why there is no preview; the approval is not bound then"`
	At         time.Time   `json:"at"`
}

// ResolvedImage is an input resource as the stage found it.
type ResolvedImage struct {
	Name    string `json:"name"`
	Image   string `json:"image" doc:"organization/repository:tag"`
	Address string `json:"address" doc:"pull address; what ${image.NAME} gives"`
	Digest  string `json:"digest"`
}
