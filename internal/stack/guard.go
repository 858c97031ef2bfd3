package stack

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// guarded contains the panics of a provider: they become errors of the one call.
type guarded struct {
	Provider
	log *slog.Logger
}

var (
	_ Provider = guarded{}
	_ Releaser = guarded{}
)

func (g guarded) Check(el template.Element) (ds fairlead.Diagnostics) {
	defer g.contain("check", el.Name, func(err error) { ds = problems(err) })
	return g.Provider.Check(el)
}

func (g guarded) Plan(ctx context.Context, want template.Element, prior *fairlead.Record) (c fairlead.Change, err error) {
	defer g.contain("plan", want.Name, func(broke error) { err = broke })
	return g.Provider.Plan(ctx, want, prior)
}

func (g guarded) Apply(ctx context.Context, c fairlead.Change) (r fairlead.Record, err error) {
	defer g.contain("apply", c.Record.Element, func(broke error) { err = broke })
	return g.Provider.Apply(ctx, c)
}

func (g guarded) Health(ctx context.Context, r fairlead.Record) (h fairlead.Health, err error) {
	defer g.contain("health", r.Element, func(broke error) { err = broke })
	return g.Provider.Health(ctx, r)
}

func (g guarded) Read(ctx context.Context, r fairlead.Record) (l fairlead.Live, err error) {
	defer g.contain("read", r.Element, func(broke error) { err = broke })
	return g.Provider.Read(ctx, r)
}

// Watch of a provider that breaks down is one that tells nothing.
func (g guarded) Watch(ctx context.Context, stackID string) (news <-chan string) {
	defer g.contain("watch", "", func(error) { news = nil })
	return g.Provider.Watch(ctx, stackID)
}

func (g guarded) Delete(ctx context.Context, r fairlead.Record) (err error) {
	defer g.contain("delete", r.Element, func(broke error) { err = broke })
	return g.Provider.Delete(ctx, r)
}

// Release reaches the provider if it is a [Releaser]. A guarded one always is: what a provider cannot, it need not.
func (g guarded) Release(ctx context.Context, r fairlead.Record) (err error) {
	defer g.contain("release", r.Element, func(broke error) { err = broke })
	return release(ctx, g.Provider, r)
}

func (g guarded) contain(call, element string, fail func(error)) {
	v := recover()
	if v == nil {
		return
	}
	g.log.Error("a provider panicked", "call", call, "element", element, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	fail(fairlead.Errorf(fairlead.Internal, "the provider broke down in %s of element %s; the server's log has the details", call, element))
}

// shown is the text of an error for people. What is not meant for them is in the log only, there too without secrets.
func (e *Engine) shown(err error, mask fairlead.Mask, stack, element string) string {
	if _, ok := asError(err); ok {
		return err.Error()
	}
	e.log.Error("an element failed", "stack", stack, "element", element, "error", mask.String(err.Error()))
	return "internal error; the server's log has the details"
}
