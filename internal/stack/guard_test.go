package stack_test

import (
	"context"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
)

// TestReleaseReachesTheProvider keeps an element: the provider is told to leave it, and may break down then.
func TestReleaseReachesTheProvider(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", retained("1"))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	w.OnCall(func(_ int, c stacktest.Call) {
		if c.Method == "release" {
			panic("ouch")
		}
	})
	a := b.want(fairlead.ActionFailed, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
	if !strings.Contains(a.Message, "the provider broke down in release of element db") || strings.Contains(a.Message, "ouch") {
		t.Errorf("message %q", a.Message)
	}
	w.OnCall(nil)
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
	if n := w.Count("release", "db"); n != 2 {
		t.Errorf("release was called %d times, want 2", n)
	}
	if objects(w) != "default/db" {
		t.Errorf("left: %s", objects(w))
	}
}

// blind breaks down when it shall watch, and is no Releaser.
type blind struct{ stack.Provider }

func (blind) Watch(context.Context, string) <-chan string { panic("ouch") }

func TestProvidersThatCanLess(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, blind{w.Provider()})
	ctx := t.Context()
	b.push("shop", "1.0", retained("1"))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
	if n := w.Count("release", "db"); n != 0 || objects(w) != "default/db" {
		t.Errorf("release was called %d times; left: %s", n, objects(w))
	}
}
