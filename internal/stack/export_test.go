package stack

import "time"

// Die makes the engine write nothing any more, as if its process had been killed.
func (e *Engine) Die(err error) { e.dead.Store(&err) }

// OnCommit has f called at the end of each transaction of what works actions.
func (e *Engine) OnCommit(f func()) { e.committing.Store(&f) }

// FieldChanges is tested by its results.
var FieldChanges = fieldChanges

// SetSliceTime makes slices shorter than a test is long.
func (e *Engine) SetSliceTime(d time.Duration) { e.sliceTime = d }

// SetFirstPoll makes polling so slow that only a watch brings news.
func (e *Engine) SetFirstPoll(d time.Duration) { e.firstPoll = d }
