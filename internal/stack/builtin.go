package stack

import (
	"context"
	"sync"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// The element types that make nothing on a target.
const (
	batchType = "AOS.Batch" // done when all that it requires is
	stackType = "AOS.Stack" // a stack of its own
)

// router sends the elements that make nothing on a target to the providers inside this package, all others to the target's.
type router struct {
	target Provider
	stacks Provider
}

var _ Provider = router{}

func (r router) of(kind string) Provider {
	switch kind {
	case batchType:
		return batch{}
	case stackType:
		return r.stacks
	}
	return r.target
}

func (r router) Check(el template.Element) fairlead.Diagnostics { return r.of(el.Type).Check(el) }

func (r router) Plan(ctx context.Context, want template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	return r.of(want.Type).Plan(ctx, want, prior)
}

func (r router) Apply(ctx context.Context, c fairlead.Change) (fairlead.Record, error) {
	return r.of(c.Record.Type).Apply(ctx, c)
}

func (r router) Health(ctx context.Context, record fairlead.Record) (fairlead.Health, error) {
	return r.of(record.Type).Health(ctx, record)
}

func (r router) Read(ctx context.Context, record fairlead.Record) (fairlead.Live, error) {
	return r.of(record.Type).Read(ctx, record)
}

func (r router) Delete(ctx context.Context, record fairlead.Record) error {
	return r.of(record.Type).Delete(ctx, record)
}

func (r router) Release(ctx context.Context, record fairlead.Record) error {
	return release(ctx, r.of(record.Type), record)
}

// Watch joins what the target and the nested stacks tell.
func (r router) Watch(ctx context.Context, stackID string) <-chan string {
	return merged(ctx, r.target.Watch(ctx, stackID), r.stacks.Watch(ctx, stackID))
}

// merged passes on what comes from two channels until ctx ends. A channel that is nil or closed has nothing to tell.
func merged(ctx context.Context, a, b <-chan string) <-chan string {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	out := make(chan string)
	var both sync.WaitGroup
	for _, in := range []<-chan string{a, b} {
		both.Go(func() { passOn(ctx, in, out) })
	}
	go func() {
		both.Wait()
		close(out)
	}()
	return out
}

func passOn(ctx context.Context, in <-chan string, out chan<- string) {
	for {
		select {
		case <-ctx.Done():
			return
		case name, ok := <-in:
			if !ok {
				return
			}
			select {
			case out <- name:
			case <-ctx.Done():
				return
			}
		}
	}
}

// batch is the provider of elements that only wait for others. They are healthy as soon as they may start.
type batch struct{}

var _ Provider = batch{}

func (batch) Check(template.Element) fairlead.Diagnostics { return nil }

func (batch) Plan(_ context.Context, want template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	switch {
	case prior == nil:
		return fairlead.Change{Verb: fairlead.OpCreate, Record: fairlead.Record{
			Identity: map[string]string{"stack": want.StackID, "element": want.Name},
		}}, nil
	case same(prior.Properties, want.Properties):
		return fairlead.Change{Verb: fairlead.OpNone, Record: *prior}, nil
	}
	return fairlead.Change{Verb: fairlead.OpUpdate, Record: *prior}, nil
}

func (batch) Apply(_ context.Context, c fairlead.Change) (fairlead.Record, error) {
	r := c.Record
	r.Attributes = map[string]any{"refName": r.Element, "refID": r.StackID + "/" + r.Element}
	return r, nil
}

func (batch) Health(context.Context, fairlead.Record) (fairlead.Health, error) {
	return fairlead.Health{State: fairlead.Healthy}, nil
}

func (batch) Read(_ context.Context, r fairlead.Record) (fairlead.Live, error) {
	return fairlead.Live{Exists: true, Properties: r.Properties}, nil
}

func (batch) Watch(context.Context, string) <-chan string { return nil }

func (batch) Delete(context.Context, fairlead.Record) error { return nil }
