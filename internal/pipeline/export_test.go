package pipeline

import "time"

// SetSliceTime says how long the slices of the work on containers are. Call it before there is any.
func (e *Engine) SetSliceTime(d time.Duration) { e.sliceTime = d }
