package stack

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// Provider makes elements real on one kind of target. Implementations are safe for concurrent use by many stacks.
// Errors that a wait can cure (the target does not answer) are [fairlead.Unavailable]; every other error ends the
// operation. [stacktest.Exercise] is the suite that each provider passes.
type Provider interface {
	// Check finds what the target kind can never do with an element, without contact with the target. Values can be
	// [template.Unknown]. Paths of the findings start at the element's properties: k8sManifest.spec.template.
	Check(el template.Element) fairlead.Diagnostics

	// Plan reads the target and decides what Apply shall do. prior is what was recorded, nil for a new element. When
	// properties hold unknown values the verb is the best guess; Plan is called again once they are known. The returned
	// change carries the record, with its identity, that is stored before Apply. What is recorded and gone from the target is
	// created. An identity belongs to one resource: no two elements of a target share one.
	Plan(ctx context.Context, want template.Element, prior *fairlead.Record) (fairlead.Change, error)

	// Apply makes the change, as far as it goes without waiting, and returns the record with its attributes. It is
	// idempotent: after a crash, and whenever Health asks for it, it is called again with the same change.
	Apply(ctx context.Context, change fairlead.Change) (fairlead.Record, error)

	// Health looks at the resource on the target. It changes nothing.
	Health(ctx context.Context, record fairlead.Record) (fairlead.Health, error)

	// Read returns the resource as it is on the target. It changes nothing.
	Read(ctx context.Context, record fairlead.Record) (fairlead.Live, error)

	// Watch sends the names of the stack's elements whose resources changed on the target, until ctx ends; sends are dropped
	// rather than waited for, so Health must be asked now and then all the same. Nil when the provider does not watch.
	Watch(ctx context.Context, stackID string) <-chan string

	// Delete removes what the record names, also when only part of it exists or none. It returns nil when nothing of it is
	// left; while something is still going away it returns [ErrDeleting] and is called again.
	Delete(ctx context.Context, record fairlead.Record) error
}

// Releaser is a Provider that marks resources as belonging to a stack. Release takes the marks away from one that stays on
// the target when its element goes, so that another stack can adopt it; what is gone already is fine.
type Releaser interface {
	Release(ctx context.Context, record fairlead.Record) error
}

func release(ctx context.Context, p Provider, r fairlead.Record) error {
	if p, ok := p.(Releaser); ok {
		return p.Release(ctx, r)
	}
	return nil
}

// ErrDeleting tells that a deletion goes on and Delete shall be called again.
var ErrDeleting error = fairlead.ErrDeleting
