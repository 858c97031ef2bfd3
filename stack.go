package fairlead

import "time"

// StackStatus is the state of a stack as a whole.
type StackStatus string

const (
	StackPending    StackStatus = "pending"    // nothing was made yet
	StackProcessing StackStatus = "processing" // an action runs
	StackRunning    StackStatus = "running"    // the last action succeeded
	StackAbnormal   StackStatus = "abnormal"   // the last action failed, was canceled or timed out
)

// Stack is a template version made real with inputs, on a target and namespace.
type Stack struct {
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	Target      string         `json:"target"`
	Namespace   string         `json:"namespace"`
	Template    string         `json:"template"`
	Version     string         `json:"version"`
	Inputs      map[string]any `json:"inputs" doc:"effective values, defaults merged; secrets masked"`
	Outputs     []Output       `json:"outputs"`
	Status      StackStatus    `json:"status" enum:"pending,processing,running,abnormal"`
	Health      HealthState    `json:"health"`
	Reason      string         `json:"reason,omitempty" doc:"why the stack is not running and healthy"`
	Revision    int64          `json:"revision" doc:"counts changes of the stack; the ETag"`
	Action      string         `json:"action,omitempty" doc:"id of the action in flight"`
	CreatedAt   time.Time      `json:"created_at"`
	UpdatedAt   time.Time      `json:"updated_at"`
	CreatedBy   string         `json:"created_by,omitempty"`
	Description string         `json:"description,omitempty"`
	// Labels are for people and filters: keys and values of 1-64 letters, digits, dots, hyphens, underscores.
	Labels map[string]string `json:"labels,omitempty"`
	// Protected stacks refuse deletion, and rollbacks and upgrades that would delete elements with data.
	Protected bool `json:"protected,omitempty" doc:"refuses deletion until the protection is taken off"`
	// Parent is the stack whose template holds this one as an element; such a stack is changed through its parent only.
	Parent string `json:"parent,omitempty"`
}

// Output is one evaluated output of a stack.
type Output struct {
	Name        string `json:"name"`
	Value       any    `json:"value"`
	Description string `json:"description,omitempty"`
}

// Verb says what an action does to its stack.
type Verb string

const (
	VerbCreate   Verb = "create"
	VerbUpgrade  Verb = "upgrade"
	VerbRollback Verb = "rollback"
	VerbRetry    Verb = "retry"
	VerbDelete   Verb = "delete"
)

// OnFailure says what a failed action leaves behind.
type OnFailure string

const (
	Keep     OnFailure = "keep"     // what was made stays, for a look or a retry
	Rollback OnFailure = "rollback" // the stack goes back to what it was before the action
)

// ActionState is the state of an action.
type ActionState string

const (
	ActionPending   ActionState = "pending"
	ActionRunning   ActionState = "running"
	ActionSucceeded ActionState = "succeeded"
	ActionFailed    ActionState = "failed"
	ActionCanceled  ActionState = "canceled"
	ActionTimedOut  ActionState = "timed-out"
)

// ActionMoves are the legal moves of an action. A state without moves is final.
var ActionMoves = Moves[ActionState]{
	ActionPending: {ActionRunning, ActionCanceled, ActionFailed, ActionTimedOut},
	ActionRunning: {ActionSucceeded, ActionFailed, ActionCanceled, ActionTimedOut},
}

// Action is one run of a life cycle on a stack.
type Action struct {
	ID        string      `json:"id"`
	StackID   string      `json:"stack_id"`
	Stack     string      `json:"stack"`
	Verb      Verb        `json:"verb" enum:"create,upgrade,rollback,retry,delete"`
	State     ActionState `json:"state"`
	OnFailure OnFailure   `json:"on_failure" enum:"keep,rollback"`
	Template  string      `json:"template,omitempty"`
	Version   string      `json:"version,omitempty"`
	// Plan is what the action does, decided before it starts.
	Plan Plan `json:"plan"`
	// Message is the cause when the action did not succeed.
	Message string `json:"message,omitempty"`
	// RollingBack tells that the action failed and is undoing its work.
	RollingBack bool `json:"rolling_back,omitempty"`
	Canceling   bool `json:"canceling,omitempty"`
	// WaitingFor is one sentence: what has to happen for an action that did not end to go on. Lists do not have it.
	WaitingFor string     `json:"waiting_for,omitempty"`
	Timeout    Duration   `json:"timeout"`
	CreatedAt  time.Time  `json:"created_at"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	By         string     `json:"by,omitempty"`
	// Comment says why, in the words of who began the action.
	Comment string `json:"comment,omitempty"`
	// Run is the id of the pipeline run that began the action; empty when a person did.
	Run string `json:"run,omitempty"`
	// Adopt are the elements whose existing resources the action may take over; "*" is all of them.
	Adopt []string `json:"adopt,omitempty"`
}

// Waits says what an action waits for, from its operations; "" when it has ended or is at work.
func (a Action) Waits() string {
	if ActionMoves.Final(a.State) {
		return ""
	}
	if a.State == ActionPending {
		return "a server that works the target of stack " + a.Stack + " to begin it"
	}
	var open string
	for _, op := range a.Plan.Operations {
		if op.State != OperationWaiting && op.State != OperationApplying {
			continue
		}
		if op.Message != "" {
			return "element " + op.Element + ": " + op.Message
		}
		if open == "" && op.State == OperationWaiting {
			open = "element " + op.Element + " to become healthy"
		}
	}
	return open
}

// OperationVerb says what an operation does to its element.
type OperationVerb string

const (
	OpCreate  OperationVerb = "create"
	OpUpdate  OperationVerb = "update"
	OpReplace OperationVerb = "replace" // delete, then create: the provider cannot change it in place
	OpDelete  OperationVerb = "delete"
	OpNone    OperationVerb = "none" // already as wanted
)

// OperationState is the state of an operation within its action.
type OperationState string

const (
	OperationPending   OperationState = "pending"
	OperationApplying  OperationState = "applying"
	OperationWaiting   OperationState = "waiting" // applied, not yet healthy
	OperationSucceeded OperationState = "succeeded"
	OperationFailed    OperationState = "failed"
	OperationSkipped   OperationState = "skipped" // never started: the action ended before
)

// OperationMoves are the legal moves of an operation. A crash can repeat a move, never skip one.
var OperationMoves = Moves[OperationState]{
	OperationPending:  {OperationApplying, OperationSucceeded, OperationSkipped, OperationFailed},
	OperationApplying: {OperationWaiting, OperationSucceeded, OperationFailed},
	OperationWaiting:  {OperationSucceeded, OperationFailed},
}

// Plan is the record of what an action will do: operations in the template author's order with edges between them.
// Applying it adds no decisions.
type Plan struct {
	Operations []Operation `json:"operations"`
	// Hash identifies the plan's content.
	Hash string `json:"hash,omitempty"`
	// Warnings are findings that do not stop the action.
	Warnings Diagnostics `json:"warnings,omitempty"`
}

// Operation is one step of a plan, on one element.
type Operation struct {
	Element string        `json:"element"`
	Type    string        `json:"type"`
	Verb    OperationVerb `json:"verb" enum:"create,update,replace,delete,none"`
	// Needs are the indices of operations that must succeed before this one starts.
	Needs  []int         `json:"needs,omitempty"`
	Fields []FieldChange `json:"fields,omitempty"`
	// Reason says why the verb is what it is, when that is not obvious.
	Reason string `json:"reason,omitempty"`
	// Adopt tells that the operation takes over a resource that exists already; its fields compare with that.
	Adopt     bool           `json:"adopt,omitempty"`
	State     OperationState `json:"state"`
	Message   string         `json:"message,omitempty" doc:"what it waits for, or why it failed"`
	StartedAt *time.Time     `json:"started_at,omitempty"`
	EndedAt   *time.Time     `json:"ended_at,omitempty"`
	// Nested is what happens inside the element when it is a stack of its own. It is as of the planning: the nested stack's
	// action has the states.
	Nested *Plan `json:"nested,omitempty"`
}

// FieldChange is one property before and after; nil is absent. Secrets are masked.
type FieldChange struct {
	Path   string `json:"path"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
	// Unknown tells that the value after becomes known only when the plan runs.
	Unknown bool `json:"unknown,omitempty"`
	// Live is the value on the target when that differs from Before: somebody else changed it. Drifted tells so, also when the
	// live value is absent.
	Live    any  `json:"live,omitempty"`
	Drifted bool `json:"drifted,omitempty"`
	// Owner is who holds the live value, when that is somebody else: carrying out the plan is refused then, and a preview shows it.
	Owner string `json:"owner,omitempty" doc:"who else holds the live value, so that carrying the plan out is refused unless the element may adopt"`
}

// Drift is how a stack differs from what was last applied, as read from its target.
type Drift struct {
	Stack   string `json:"stack"`
	Target  string `json:"target"`
	Drifted bool   `json:"drifted" doc:"at least one element was changed or is missing"`
	// Unread counts the elements that could not be read.
	Unread   int            `json:"unread,omitempty"`
	Elements []ElementDrift `json:"elements"`
	ReadAt   time.Time      `json:"read_at"`
}

// DriftState says how one element stands to what was last applied.
type DriftState string

const (
	DriftSame    DriftState = "same"
	DriftChanged DriftState = "changed"
	DriftMissing DriftState = "missing" // it was made and is gone
	DriftUnread  DriftState = "unread"  // it could not be read
)

// ElementDrift is how one element differs from what was last applied.
type ElementDrift struct {
	Element string     `json:"element"`
	Type    string     `json:"type"`
	State   DriftState `json:"state" enum:"same,changed,missing,unread"`
	Reason  string     `json:"reason,omitempty"`
	// Fields are the differences, where the provider can tell them: before is what was applied, live what is there.
	Fields []FieldChange `json:"fields,omitempty"`
}

// GoodState is a state that a stack reached by an action that succeeded, to go back to.
type GoodState struct {
	State    int64          `json:"state" doc:"counts the good states of the stack from 1"`
	Template string         `json:"template"`
	Version  string         `json:"version"`
	Inputs   map[string]any `json:"inputs" doc:"effective values; secrets masked"`
	Current  bool           `json:"current,omitempty" doc:"the stack is in this state"`
	Restores int64          `json:"restores,omitempty" doc:"the earlier state that this one is a return to"`
	Action   string         `json:"action,omitempty" doc:"id of the action that reached it"`
	By       string         `json:"by,omitempty"`
	At       time.Time      `json:"at"`
}

// StackExport is a stack as one file: what it is made from, without what was made.
type StackExport struct {
	// Format is [StackFormat].
	Format      string            `json:"fairlead"`
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Protected   bool              `json:"protected,omitempty"`
	// Target and Namespace say where the stack was; it can be made elsewhere.
	Target    string           `json:"target"`
	Namespace string           `json:"namespace"`
	Template  ExportedTemplate `json:"template"`
	// Inputs are those that the stack was given, without the secret ones.
	Inputs map[string]any `json:"inputs"`
	// Omitted are the names of the secret inputs; Sealed holds their values, encrypted with a passphrase, when that was asked for.
	Omitted []string `json:"omitted,omitempty"`
	Sealed  []byte   `json:"sealed,omitempty"`
}

// StackFormat marks a file that holds an exported stack.
const StackFormat = "stack/v1"

// ExportedTemplate is a template version within an exported stack: its text, or the package that holds it.
type ExportedTemplate struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	Description string `json:"description,omitempty"`
	Filename    string `json:"filename"`
	Text        string `json:"text,omitempty"`
	Package     []byte `json:"package,omitempty"`
}

// Live is what a provider reads of a resource as it is on the target.
type Live struct {
	// Exists is false when nothing of the resource is left.
	Exists bool
	// Properties are those of the record with the values that the target has now: equal to the record's where nothing
	// differs in effect, whatever the target filled in by itself. Nil when the provider cannot say by field.
	Properties map[string]any
	// Reason says in words how the resource differs; "" when it does not.
	Reason string
}

// RecordState says how sure we are that a resource exists.
type RecordState string

const (
	RecordPlanned  RecordState = "planned"  // written down before it is made: it may or may not exist
	RecordMade     RecordState = "made"     // it was made
	RecordDeleting RecordState = "deleting" // its deletion began
)

// Record is what is written down about the resource of one element: its identity before it is made, its attributes right
// after. Deletion and rollback read only this.
type Record struct {
	StackID   string `json:"stack_id"`
	Stack     string `json:"stack"`
	Element   string `json:"element"`
	Type      string `json:"type"`
	Target    string `json:"target"`
	Namespace string `json:"namespace"`
	// Identity is what the provider needs to find the resource again, without the template.
	Identity map[string]string `json:"identity"`
	State    RecordState       `json:"state"`
	// Properties are the evaluated properties that were last applied. They can hold secrets: encrypted at rest, never shown.
	Properties map[string]any `json:"-"`
	// Attributes are what get_attribute reads: refName, refID and more.
	Attributes map[string]any `json:"attributes,omitempty"`
	// Requires are the elements that had to exist before this one; deletion goes the other way.
	Requires []string `json:"requires,omitempty"`
	// Retain keeps the resource on the target when the element or its stack is deleted.
	Retain bool `json:"retain,omitempty"`
	// Position is the author's order in the template, for stable listings.
	Position  int         `json:"position"`
	Health    HealthState `json:"health"`
	Reason    string      `json:"reason,omitempty"`
	UpdatedAt time.Time   `json:"updated_at"`
	// AdoptAs is the element that a user names to let the resource be taken over: that of the outermost stack. Empty: Element.
	// It is set on the way to the provider and never stored.
	AdoptAs string `json:"-"`
	// Begun is when the operation began that works on the resource; nil while none does, and never stored. What the target says
	// of an earlier try is no judgement of this one.
	Begun *time.Time `json:"-"`
}

// Change is a provider's decision about one element: what Apply shall do. Record is stored before Apply is called.
type Change struct {
	Verb   OperationVerb
	Record Record  // identity and wanted properties
	Prior  *Record // what is there now; nil when the element is new
	Reason string  // why replace, when it is
	// Nested is the plan of a stack that is an element, for showing; Secrets are values of the element that must never be
	// shown. Both are for the plan only and not stored with the change, as are the next two.
	Nested  *Plan
	Secrets []string
	// Refused is why the change cannot be carried out as it is, because somebody else holds fields that it sets. A preview goes
	// on and shows it. Held are those fields.
	Refused error
	Held    []FieldChange
}

// HealthState is the state of a resource or stack as seen on the target.
type HealthState string

const (
	HealthUnknown     HealthState = "unknown"
	HealthProgressing HealthState = "progressing"
	Healthy           HealthState = "healthy"
	Unhealthy         HealthState = "unhealthy" // will not become healthy by waiting
)

// Health is what a provider sees of a resource.
type Health struct {
	State HealthState
	// Reason is what a user needs to know, such as "1 of 3 containers ready: readiness probe: connection refused".
	Reason string
	// Again asks for Apply to be called again with the same change: there is a next step to take, such as removing the old
	// containers now that the new ones are healthy.
	Again bool
	// Attributes replace the record's when not nil: they can become known late (an assigned port).
	Attributes map[string]any
}
