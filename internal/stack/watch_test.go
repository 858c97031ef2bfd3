package stack_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
)

// TestWatch lets an element become healthy, and another one go, while polling is an hour away: only the watch can tell.
func TestWatch(t *testing.T) {
	w := stacktest.NewWorld()
	w.Watched()
	b := newBench(t, w.Provider())
	b.engine.SetFirstPoll(time.Hour)
	b.engine.SetSliceTime(time.Hour)
	b.push("shop", "1.0", source(el{name: "a"}, el{name: "b", needs: []string{"a"}}))

	// told tells once of an element after a call for it has returned to the slice, or at the moment it does.
	told := func(method string, behaviour stacktest.Behaviour) {
		var once atomic.Bool
		w.OnReturn(func(_ int, c stacktest.Call) {
			if c.Method == method && c.Element == "a" && once.CompareAndSwap(false, true) {
				w.Tell("a", behaviour)
			}
		})
	}
	w.Set("a", stacktest.Behaviour{Steps: 1000})
	told("health", stacktest.Behaviour{})
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(t.Context(), request("1.0"))))
	if n := w.Count("health", "a"); n != 2 {
		t.Errorf("%d looks at the health, want 2: after it was made, and after the news", n)
	}
	w.Set("a", stacktest.Behaviour{Deleting: 1000})
	told("delete", stacktest.Behaviour{})
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(t.Context(), stack.Request{Name: "shop"})))
	if n := w.Count("delete", "a"); n != 2 {
		t.Errorf("%d calls of Delete, want 2", n)
	}
}

// TestNewsLost has a watch that tells nothing: polling goes on.
func TestNewsLost(t *testing.T) {
	w := stacktest.NewWorld()
	w.Watched()
	b := newBench(t, w.Provider())
	b.push("shop", "1.0", source(el{name: "a", annotations: map[string]string{"steps": "3"}}))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(t.Context(), request("1.0"))))
}
