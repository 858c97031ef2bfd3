package pipeline

import (
	"time"

	"github.com/fairlead/fairlead"
)

// Event is something that happened to a run. The set is closed: the types below.
type Event interface{ event() }

// Begin tells that it is the run's turn in the queue of its pipeline.
type Begin struct{}

// StageNote says why a stage cannot begin its work and tries again; without a text, that it does not wait any more.
type StageNote struct {
	Stage, Attempt int
	Text           string
}

// ActionBegun tells that the stage's stack action was stored.
type ActionBegun struct {
	Stage, Attempt int
	Action, Stack  string
	Images         []fairlead.ResolvedImage
	Warnings       []string // of the plan, for the log
}

// StageEnded tells how a stage ended: succeeded, failed, canceled or timed-out.
type StageEnded struct {
	Stage, Attempt int
	State          fairlead.StageState
	Text           string
	Details        []string                 // what is wrong, item by item, for the log
	Warnings       []string                 // for the log, too
	ExitCode       *int                     // of a job's container
	Told           bool                     // the log has Text already, from the stack action
	Images         []fairlead.ResolvedImage // nil keeps those of ActionBegun
}

// Stop asks to end the run. By says who asks, for the log.
type Stop struct{ By string }

// Received tells that a message arrived for a trigger condition of a stage. Values are for variables, and count when the
// stage begins; Pins are images whose digest is fixed from then on.
type Received struct {
	Stage     int
	Condition string
	Message   string // its id
	Values    map[string]string
	Pins      map[string]string
}

// What a timer is for.
const (
	timerRetry  = "retry"
	timerHold   = "hold"
	timerReview = "review"
)

// TimeUp tells that a timer that [SetTimer] set has run out.
type TimeUp struct {
	Stage, Attempt int
	What           string
}

// Retry asks to try a held stage again. Values replace variables from here on.
type Retry struct {
	Stage  int
	By     string
	Values map[string]string
}

// RollBack asks to take the stack of a held stage back to its last good state.
type RollBack struct {
	Stage int
	By    string
}

// RollbackBegun tells that the action that takes a stack back was stored.
type RollbackBegun struct {
	Stage, Attempt int
	Action         string
}

// RollbackEnded tells that a stack was taken back, or could not be.
type RollbackEnded struct {
	Stage, Attempt int
	Done           bool
	Text           string
}

// Previewed brings the preview that a review shows.
type Previewed struct {
	Stage, Attempt int
	Preview        fairlead.DeployPreview
}

// Answered is the answer of a person to a review. Who may answer was decided before.
type Answered struct {
	Stage int
	Vote  fairlead.Vote
}

func (Begin) event()         {}
func (StageNote) event()     {}
func (ActionBegun) event()   {}
func (StageEnded) event()    {}
func (Stop) event()          {}
func (Received) event()      {}
func (TimeUp) event()        {}
func (Retry) event()         {}
func (RollBack) event()      {}
func (RollbackBegun) event() {}
func (RollbackEnded) event() {}
func (Previewed) event()     {}
func (Answered) event()      {}

// Effect is something to be done because of an event, in the transaction that stores the new state. The set is closed.
type Effect interface{ effect() }

// StartStage makes the job that does a stage's work.
type StartStage struct{ Stage, Attempt int }

// CancelAction makes the job that cancels a stage's stack action.
type CancelAction struct {
	Stage, Attempt int
	Action         string
}

// StartNextRun gives the next run in the pipeline's queue its turn. The run has ended.
type StartNextRun struct{}

// SetTimer makes the job that comes with [TimeUp] at a time.
type SetTimer struct {
	Stage, Attempt int
	What           string
	At             time.Time
}

// StartRollback makes the job that takes a held stage's stack back.
type StartRollback struct{ Stage, Attempt int }

// MakePreview makes the job that finds out what stage Of will do, for the review in Stage.
type MakePreview struct{ Stage, Attempt, Of int }

// Notify sends what a stage says when it has ended. Outcome is success or failure.
type Notify struct {
	Stage, Attempt int
	Outcome        string
	N              int // of the stage's notifications
}

// Listen makes the run one that messages can reach. It is there once, when the run begins.
type Listen struct{}

// Log writes a line to the run's log. Type is the short stable name of what happened, whose last word tells the level. Action
// names the stack action whose events belong to the log from now on.
type Log struct {
	Stage, Type, Text string
	Action            string
}

func (StartStage) effect()    {}
func (CancelAction) effect()  {}
func (StartNextRun) effect()  {}
func (SetTimer) effect()      {}
func (StartRollback) effect() {}
func (MakePreview) effect()   {}
func (Notify) effect()        {}
func (Listen) effect()        {}
func (Log) effect()           {}
