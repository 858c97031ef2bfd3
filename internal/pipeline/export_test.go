package pipeline

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
)

// SetSliceTime says how long the slices of the work on containers are. Call it before there is any.
func (e *Engine) SetSliceTime(d time.Duration) { e.sliceTime = d }

// BeginDeletion leaves a deletion after its first slice, as a kill does.
func (e *Engine) BeginDeletion(ctx context.Context, actor fairlead.Actor, name string) error {
	_, _, err := e.beginDeletion(ctx, actor, name)
	return err
}
