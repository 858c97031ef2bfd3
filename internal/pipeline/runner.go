package pipeline

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
)

// Runner runs containers to their end on one kind of target. A container is made and started in two steps, so that no crash
// can have it run twice: what is made is written down before it is started, and what was started is never started again.
// Implementations are safe for concurrent use. Errors that a wait can cure are [fairlead.Unavailable]; every other error ends
// the attempt. [jobtest.Exercise] is the suite that each runner passes.
type Runner interface {
	// MakeContainer brings the image to the target and makes the container without starting it. A container of that name that
	// was made before is taken as it is. id is what the target calls it; while waits is not empty nothing is made yet, and the
	// call is repeated.
	MakeContainer(ctx context.Context, c fairlead.Container) (id, waits string, err error)

	// StartContainer starts a container that was made. One that was started before stays as it is, whatever became of it. NotFound
	// when it is gone.
	StartContainer(ctx context.Context, c fairlead.Container) error

	// ContainerStatus looks at a container. It changes nothing.
	ContainerStatus(ctx context.Context, c fairlead.Container) (fairlead.ContainerStatus, error)

	// ContainerOutput sends what the container wrote since a time, and goes on until it has ended or ctx ends; it returns at
	// once when it does not run yet. Lines can be sent again in another call, with the same times; those of one stream are in order.
	ContainerOutput(ctx context.Context, c fairlead.Container, since time.Time, send func(fairlead.OutputLine) error) error

	// StopContainer asks a container that runs to end, and leaves it there with its output. It may return before the container has
	// ended. A container that does not run stays as it is.
	StopContainer(ctx context.Context, c fairlead.Container) error

	// RemoveContainer stops the container, if it runs, and removes all that was made for it. It returns nil when nothing is
	// left; while something is going away it returns [fairlead.ErrDeleting] and is called again.
	RemoveContainer(ctx context.Context, c fairlead.Container) error
}
