package fairlead

import (
	"regexp"
	"time"
)

// DefaultGroup is the pipeline group that the first start makes.
const DefaultGroup = "default"

// Group holds pipelines and carries the rights on them.
type Group struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
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
}

// Webhook is the generated address of one trigger condition.
type Webhook struct {
	Condition string `json:"condition" doc:"where in the file, such as start.conditions[0]"`
	Path      string `json:"path" doc:"/hooks/{token}, below the server's URL"`
	URL       string `json:"url"`
}

// PipelineSpec is the content of a pipeline file.
type PipelineSpec struct {
	Name        string      `json:"name"`
	Group       string      `json:"group"`
	Description string      `json:"description,omitempty"`
	Concurrency Concurrency `json:"concurrency"`
	Variables   []Variable  `json:"variables,omitempty"`
	Start       *Conditions `json:"start,omitempty"`
	Stages      []Stage     `json:"stages"`
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

// Conditions is a list of trigger conditions with the mode in which they count.
type Conditions struct {
	Mode       string      `json:"mode" enum:"all,any"`
	Conditions []Condition `json:"conditions"`
}

// Condition is one trigger condition.
type Condition struct {
	Webhook *WebhookCondition `json:"webhook,omitempty"`
	Params  []ParamMap        `json:"params,omitempty"`
}

// WebhookCondition is met by a POST to the generated URL.
type WebhookCondition struct{}

// ParamMap carries a parameter of a message to a variable.
type ParamMap struct {
	Name     string `json:"name"`
	Variable string `json:"variable"`
}

// StageType names what a stage does.
type StageType string

// StageTemplateDeploy deploys images through a template.
const StageTemplateDeploy StageType = "template-deploy"

// Stage is one step of a pipeline.
type Stage struct {
	Name    string       `json:"name"`
	Type    StageType    `json:"type" enum:"template-deploy"`
	Images  []StageImage `json:"images,omitempty"`
	Deploy  *Deploy      `json:"deploy,omitempty"`
	Timeout Duration     `json:"timeout"`
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

// RunState is the state of a run.
type RunState string

const (
	RunQueued    RunState = "queued"
	RunRunning   RunState = "running"
	RunWaiting   RunState = "waiting" // for a trigger or a review
	RunHeld      RunState = "held"    // a stage failed with on_error stop; a person decides
	RunSucceeded RunState = "succeeded"
	RunFailed    RunState = "failed"
	RunCanceled  RunState = "canceled"
	RunTimedOut  RunState = "timed-out"
)

// RunMoves are the legal moves of a run.
var RunMoves = Moves[RunState]{
	RunQueued:  {RunRunning, RunCanceled},
	RunRunning: {RunWaiting, RunHeld, RunSucceeded, RunFailed, RunCanceled, RunTimedOut},
	RunWaiting: {RunRunning, RunFailed, RunCanceled, RunTimedOut},
	RunHeld:    {RunRunning, RunFailed, RunCanceled, RunTimedOut},
}

// StageState is the state of a stage within a run.
type StageState string

const (
	StagePending   StageState = "pending"
	StageWaiting   StageState = "waiting"
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
	StageFailed:   {StageRunning, StageIgnored, StageCanceled},
	StageTimedOut: {StageRunning, StageIgnored, StageCanceled},
}

// Run is one execution of a pipeline.
type Run struct {
	ID        string            `json:"id"`
	Pipeline  string            `json:"pipeline"`
	Number    int64             `json:"number" doc:"SYS_INCREMENT of the run"`
	Revision  int64             `json:"revision" doc:"the revision of the pipeline that runs"`
	State     RunState          `json:"state"`
	Cause     string            `json:"cause" doc:"what started it: manual, webhook"`
	By        string            `json:"by,omitempty" doc:"the user who started it by hand"`
	Variables map[string]string `json:"variables" doc:"fixed for the run; system variables included"`
	Stages    []StageRun        `json:"stages"`
	Message   string            `json:"message,omitempty" doc:"why it ended, or what it waits for"`
	Stopping  bool              `json:"stopping,omitempty"`
	CreatedAt time.Time         `json:"created_at"`
	StartedAt *time.Time        `json:"started_at,omitempty"`
	EndedAt   *time.Time        `json:"ended_at,omitempty"`
}

// StageRun is a stage within a run.
type StageRun struct {
	Name    string     `json:"name"`
	Type    StageType  `json:"type"`
	State   StageState `json:"state"`
	Attempt int        `json:"attempt" doc:"counts from 1; 0 before the first"`
	Message string     `json:"message,omitempty"`
	// Stack and Action are what a template-deploy stage works on.
	Stack     string          `json:"stack,omitempty"`
	Action    string          `json:"action,omitempty" doc:"id of the stack action"`
	Images    []ResolvedImage `json:"images,omitempty"`
	StartedAt *time.Time      `json:"started_at,omitempty"`
	EndedAt   *time.Time      `json:"ended_at,omitempty"`
}

// ResolvedImage is an input resource as the stage found it.
type ResolvedImage struct {
	Name    string `json:"name"`
	Image   string `json:"image" doc:"organization/repository:tag"`
	Address string `json:"address" doc:"pull address; what ${image.NAME} gives"`
	Digest  string `json:"digest"`
}

// HookMessage is one accepted message of a webhook.
type HookMessage struct {
	ID        string            `json:"id"`
	Pipeline  string            `json:"pipeline"`
	Condition string            `json:"condition" doc:"which condition received it"`
	Params    map[string]string `json:"params"`
	// Key is the sender's Idempotency-Key: the same key of the same webhook is counted once.
	Key        string    `json:"key,omitempty"`
	Run        string    `json:"run" doc:"id of the run that it started"`
	ReceivedAt time.Time `json:"received_at"`
}

// LogLine is one line of a run's log.
type LogLine struct {
	Seq   int64     `json:"seq" doc:"grows along the log, with gaps"`
	Time  time.Time `json:"time"`
	Stage string    `json:"stage,omitempty" doc:"empty for the run itself"`
	Level string    `json:"level" enum:"info,warning,error"`
	Text  string    `json:"text"`
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
