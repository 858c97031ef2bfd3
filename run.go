package fairlead

import "time"

// RunState is the state of a run.
type RunState string

const (
	RunQueued    RunState = "queued"
	RunRunning   RunState = "running"
	RunWaiting   RunState = "waiting" // for a trigger, a review or the turn of a stage
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
	RunWaiting: {RunRunning, RunHeld, RunFailed, RunCanceled},
	RunHeld:    {RunRunning, RunWaiting, RunFailed, RunCanceled, RunTimedOut},
}

// Run is one execution of a pipeline.
type Run struct {
	ID        string            `json:"id"`
	Pipeline  string            `json:"pipeline"`
	Number    int64             `json:"number" doc:"SYS_INCREMENT of the run"`
	Revision  int64             `json:"revision" doc:"the revision of the pipeline that runs"`
	State     RunState          `json:"state"`
	Cause     string            `json:"cause" doc:"what started it: manual, webhook, channel, image, schedule, retry"`
	By        string            `json:"by,omitempty" doc:"the user who started it by hand"`
	Variables map[string]string `json:"variables" doc:"system variables included; triggers of stages and retries can change them"`
	Stages    []StageRun        `json:"stages"`
	Message   string            `json:"message,omitempty" doc:"why it ended"`
	// WaitingFor is one sentence: what has to happen for the run to go on.
	WaitingFor string     `json:"waiting_for,omitempty"`
	Stopping   bool       `json:"stopping,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`

	RunMore

	// Ruled tells that limits of groups or targets, or freezes, exist: what begins has to ask first. It is as of the reading.
	Ruled bool `json:"-"`
}

// RunMore is what few runs have.
type RunMore struct {
	// Ending is how a run that is stopping will end; empty: canceled.
	Ending RunState `json:"ending,omitempty"`
	// Pins are images whose digest is fixed for the run, by organization/repository:tag.
	Pins map[string]string `json:"pins,omitempty" doc:"images whose digest is fixed for the run"`
	// RetryOf is the run that this one repeats from a stage on.
	RetryOf string `json:"retry_of,omitempty"`
	// Windows are those of the pipeline's file.
	Windows []Window `json:"windows,omitempty"`
}

// LogLine is one line of a run's log.
type LogLine struct {
	Seq   int64     `json:"seq" doc:"grows along the log, with gaps"`
	Time  time.Time `json:"time"`
	Stage string    `json:"stage,omitempty" doc:"empty for the run itself"`
	Level string    `json:"level" enum:"info,warning,error"`
	// Stream tells that the line is output of the stage's container.
	Stream string `json:"stream,omitempty" enum:"stdout,stderr" doc:"of the container's output"`
	Text   string `json:"text"`
}

// RunDiff is the comparison of two runs of pipelines.
type RunDiff struct {
	A         Run            `json:"a"`
	B         Run            `json:"b"`
	Variables []ValueDiff    `json:"variables" nullable:"false" doc:"that differ"`
	Stages    []StageRunDiff `json:"stages" nullable:"false" doc:"all stages of both"`
}

// ValueDiff is one value in two runs; nil where it is absent.
type ValueDiff struct {
	Name string  `json:"name"`
	A    *string `json:"a,omitempty"`
	B    *string `json:"b,omitempty"`
}

// StageRunDiff is one stage in two runs.
type StageRunDiff struct {
	Name  string      `json:"name"`
	TookA Duration    `json:"took_a,omitempty"`
	TookB Duration    `json:"took_b,omitempty"`
	Diffs []ValueDiff `json:"diffs,omitempty" doc:"that differ: state, message, template, images and digests"`
}
