package fairlead

import "time"

// Limits of what can be said about how much goes on at once.
const (
	MaxRuns   = 50   // of one pipeline
	MaxLimit  = 1000 // of a group or a target
	MaxFreeze = 366 * 24 * time.Hour
)

// Window is a recurring span of time in which deploying stages may begin: from each time of Cron on, for Duration.
type Window struct {
	Cron     string   `json:"cron" doc:"when it opens: minute, hour, day of month, month, day of week"`
	Duration Duration `json:"duration" doc:"for how long"`
	Timezone string   `json:"timezone,omitempty" doc:"such as Asia/Shanghai; default UTC"`
}

// GroupLimits bound what goes on in a pipeline group at once.
type GroupLimits struct {
	Runs int `json:"runs,omitempty" minimum:"0" maximum:"1000" doc:"runs of all its pipelines that have begun and not ended; 0 is no limit"`
}

// TargetLimits bound what goes on on a target at once.
type TargetLimits struct {
	Stages int `json:"stages,omitempty" minimum:"0" maximum:"1000" doc:"deploying stages of pipelines; 0 is no limit"`
}

// FreezeScope says which pipelines a freeze is for.
type FreezeScope string

const (
	FreezeAll      FreezeScope = "all"
	FreezeGroup    FreezeScope = "group"
	FreezeTarget   FreezeScope = "target"
	FreezePipeline FreezeScope = "pipeline"
)

// Freeze is a span of time in which deploying stages do not begin. What runs when it begins goes on.
type Freeze struct {
	ID        string      `json:"id"`
	Scope     FreezeScope `json:"scope" enum:"all,group,target,pipeline"`
	Name      string      `json:"name,omitempty" doc:"of the group, target or pipeline; empty for all"`
	From      time.Time   `json:"from"`
	Until     time.Time   `json:"until"`
	Reason    string      `json:"reason" doc:"people who wait read it"`
	By        string      `json:"by,omitempty"`
	CreatedAt time.Time   `json:"created_at"`
	LiftedAt  *time.Time  `json:"lifted_at,omitempty" doc:"when somebody ended it before its time"`
	LiftedBy  string      `json:"lifted_by,omitempty"`
}

// Covers reports whether the freeze is for a pipeline of a group, deploying to a target; target is empty when it is not known.
func (f Freeze) Covers(group, pipeline, target string) bool {
	switch f.Scope {
	case FreezeAll:
		return true
	case FreezeGroup:
		return f.Name == group
	case FreezePipeline:
		return f.Name == pipeline
	case FreezeTarget:
		return target != "" && f.Name == target
	}
	return false
}

// StageTurn is what a stage asks for before it begins, and holds while it runs: its locks and its place on a target.
type StageTurn struct {
	Since  time.Time  `json:"since" doc:"when it asked; when it began, once it runs"`
	Locks  []string   `json:"locks,omitempty" doc:"names, with their variables replaced"`
	Target string     `json:"target,omitempty" doc:"the target whose limit counts the stage"`
	At     *time.Time `json:"at,omitempty" doc:"when it is looked at again by itself: a window opens or a freeze ends"`
}

// Lock is a named lock that stages hold while they run, across all pipelines.
type Lock struct {
	Name    string      `json:"name"`
	Holder  *LockStage  `json:"holder,omitempty"`
	Waiting []LockStage `json:"waiting" nullable:"false" doc:"in the order of their turns"`
}

// LockStage is a stage that holds a lock or waits for one.
type LockStage struct {
	Run      string    `json:"run"`
	Pipeline string    `json:"pipeline"`
	Number   int64     `json:"number"`
	Stage    string    `json:"stage"`
	Since    time.Time `json:"since"`
}
