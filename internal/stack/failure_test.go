package stack_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

// chain is a, b that needs a, c that needs b.
func chain(value string, annotate map[string]string) string {
	return source(el{name: "a", value: value}, el{name: "b", value: value, needs: []string{"a"}, annotations: annotate}, el{name: "c", needs: []string{"b"}})
}

func objects(w *stacktest.World) string {
	return strings.Join(slices.Sorted(maps.Keys(w.Objects())), " ")
}

func TestFailureKeeps(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	b.push("shop", "1.0", chain("1", map[string]string{"fail": "element b: no room for hunter22"})) // the name is told once
	a := b.want(fairlead.ActionFailed, b.wait(b.engine.Create(t.Context(), request("1.0"))))
	if got, want := planText(a.Plan), `0 create a succeeded
1 create b needs [0] failed (no room for ******)
2 create c needs [1] skipped
`; got != want {
		t.Errorf("plan\n%s\nwant\n%s", got, want)
	}
	if a.Message != "element b: no room for ******" {
		t.Errorf("message %q", a.Message)
	}
	s := b.stack("shop")
	if s.Status != fairlead.StackAbnormal || s.Reason != a.Message || objects(w) != "default/a" {
		t.Errorf("stack %+v, objects %s", s, objects(w))
	}
	list, err := b.engine.Elements(t.Context(), "shop")
	if err != nil || len(list) != 2 || list[0].State != fairlead.RecordMade || list[1].State != fairlead.RecordPlanned || list[1].Health != fairlead.Unhealthy {
		t.Errorf("records %+v, %v", list, err)
	}

	t.Run("retry goes on", func(t *testing.T) {
		w.Set("b", stacktest.Behaviour{})
		a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Retry(t.Context(), stack.Request{Name: "shop"})))
		if a.Plan.Operations[0].Verb != fairlead.OpNone || w.Made()["default/a"] != 1 || objects(w) != "default/a default/b default/c" {
			t.Errorf("plan\n%s\nobjects %s", planText(a.Plan), objects(w))
		}
		if _, err := b.engine.Retry(t.Context(), stack.Request{Name: "shop"}); fairlead.ErrorCode(err) != fairlead.Conflict {
			t.Errorf("retry of what succeeded: %v", err)
		}
	})
}

func TestFailureRollsBack(t *testing.T) {
	t.Run("a create is undone in reverse", func(t *testing.T) {
		w := stacktest.NewWorld()
		b := newBench(t, w.Provider())
		b.push("shop", "1.0", chain("1", map[string]string{"unhealthy": "crashes"}))
		r := request("1.0")
		r.OnFailure = fairlead.Rollback
		a := b.want(fairlead.ActionFailed, b.wait(b.engine.Create(t.Context(), r)))
		if got, want := planText(a.Plan), `0 create a succeeded
1 create b needs [0] failed (crashes)
2 create c needs [1] skipped
3 delete b succeeded: rollback
4 delete a needs [3] succeeded: rollback
`; got != want {
			t.Errorf("plan\n%s\nwant\n%s", got, want)
		}
		if a.Message != "element b: crashes; everything that was made is deleted again" || objects(w) != "" {
			t.Errorf("message %q, objects %q", a.Message, objects(w))
		}
		if s := b.stack("shop"); s.Status != fairlead.StackAbnormal || s.Action != "" {
			t.Errorf("stack %+v", s)
		}
	})

	t.Run("an upgrade goes back to the last good state", func(t *testing.T) {
		w := stacktest.NewWorld()
		b := newBench(t, w.Provider())
		b.push("shop", "1.0", chain("1", nil))
		b.push("shop", "2.0", source(el{name: "a", value: "2"}, el{name: "b", value: "2", needs: []string{"a"}}, el{name: "d", needs: []string{"b"}}, el{name: "e", needs: []string{"d"}}))
		b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(t.Context(), request("1.0"))))
		w.Set("d", stacktest.Behaviour{Unhealthy: "crashes"})
		r := request("2.0")
		r.OnFailure = fairlead.Rollback
		r.Inputs = map[string]any{"text": "second"}
		a := b.want(fairlead.ActionFailed, b.wait(b.engine.Upgrade(t.Context(), r)))
		if a.Message != "element d: crashes; rolled back to shop@1.0" || objects(w) != "default/a default/b default/c" {
			t.Errorf("message %q, objects %q\n%s", a.Message, objects(w), planText(a.Plan))
		}
		for _, name := range []string{"default/a", "default/b"} {
			if d := dataOf(w, name); d["value"] != "1" || d["text"] != "hello" || w.Made()[name] != 1 {
				t.Errorf("%s: %v, made %d times", name, d, w.Made()[name])
			}
		}
		s := b.stack("shop")
		if s.Status != fairlead.StackRunning || s.Version != "1.0" || s.Inputs["text"] != "hello" || s.Health != fairlead.Healthy || !strings.Contains(s.Reason, "rolled back") {
			t.Errorf("stack %+v", s)
		}
		if plan, err := b.engine.Preview(t.Context(), stack.Request{Name: "shop"}); err != nil || strings.Contains(planText(plan), "update") {
			t.Errorf("preview: %v\n%s", err, planText(plan))
		}
	})

	t.Run("a rollback that fails says both causes", func(t *testing.T) {
		w := stacktest.NewWorld()
		b := newBench(t, w.Provider())
		b.push("shop", "1.0", chain("1", map[string]string{"unhealthy": "crashes"}))
		w.Set("a", stacktest.Behaviour{DeleteFail: "it is stuck"})
		r := request("1.0")
		r.OnFailure = fairlead.Rollback
		a := b.want(fairlead.ActionFailed, b.wait(b.engine.Create(t.Context(), r)))
		if a.Message != "element b: crashes; the rollback failed: element a: it is stuck" || objects(w) != "default/a" {
			t.Errorf("message %q, objects %q", a.Message, objects(w))
		}
	})
}

func TestDeletion(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	b.write(func(ctx context.Context, tx *store.Tx) error { return tx.DeleteTemplateVersion(ctx, "shop", "1.0") })
	w.Set("b", stacktest.Behaviour{DeleteFail: "it is stuck"})
	w.Set("c", stacktest.Behaviour{Deleting: 3})

	a := b.want(fairlead.ActionFailed, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
	if s := b.stack("shop"); s.Status != fairlead.StackAbnormal || objects(w) != "default/a default/b" {
		t.Errorf("stack %+v, objects %s\n%s", s, objects(w), planText(a.Plan))
	}
	t.Run("force says what it leaves behind", func(t *testing.T) {
		a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop", Force: true})))
		if objects(w) != "default/b" || a.Message != "b (CCE.ConfigMap) was left behind: it is stuck; it is at name=default/b" {
			t.Errorf("objects %s\n%s", objects(w), planText(a.Plan))
		}
	})
}

func TestReplace(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", source(el{name: "db", annotations: map[string]string{"immutable": "1"}}, el{name: "web", reads: "db"}))
	b.push("shop", "2.0", source(el{name: "db", annotations: map[string]string{"immutable": "2"}}, el{name: "web", reads: "db"}))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, request("2.0"))))
	if got, want := planText(a.Plan), `0 replace db succeeded: an immutable property changes
  k8sManifest.metadata.annotations.fake/immutable: 1 -> 2
1 update web needs [0] succeeded
  k8sManifest.data.other: default/db#1 -> (known when it runs)
`; got != want {
		t.Errorf("plan\n%s\nwant\n%s", got, want)
	}
	if w.Made()["default/db"] != 2 || dataOf(w, "default/web")["other"] != "default/db#2" {
		t.Errorf("made %v, web %v", w.Made(), dataOf(w, "default/web"))
	}
}

func TestRenamedElementKeepsItsObject(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	b.push("shop", "1.0", source(el{name: "old", object: "thing"}, el{name: "user", needs: []string{"old"}}))
	b.push("shop", "2.0", source(el{name: "new", object: "thing"}, el{name: "user", needs: []string{"new"}}))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(t.Context(), request("1.0"))))
	a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(t.Context(), request("2.0"))))
	if objects(w) != "default/thing default/user" {
		t.Errorf("objects %q\n%s", objects(w), planText(a.Plan))
	}
}

func TestCancel(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	release, reached := make(chan struct{}), make(chan struct{})
	w.Set("b", stacktest.Behaviour{Hold: release})
	w.OnHold(func(string) { close(reached) })
	a, err := b.engine.Create(ctx, request("1.0"))
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	if _, err := b.engine.Delete(ctx, stack.Request{Name: "shop"}); fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(err.Error(), a.ID) {
		t.Errorf("delete of a busy stack: %v", err)
	}
	if err := b.engine.Cancel(ctx, fairlead.Actor{User: "ann"}, "shop"); err != nil {
		t.Fatal(err)
	}
	close(release)
	a = b.want(fairlead.ActionCanceled, b.wait(a, nil))
	if got, want := planText(a.Plan), `0 create a succeeded
1 create b needs [0] succeeded
2 create c needs [1] skipped
`; got != want {
		t.Errorf("plan\n%s\nwant\n%s", got, want)
	}
	if objects(w) != "default/a default/b" || b.stack("shop").Status != fairlead.StackAbnormal {
		t.Errorf("objects %s", objects(w))
	}
	if err := b.engine.Cancel(ctx, fairlead.Actor{}, "shop"); fairlead.ErrorCode(err) != fairlead.Conflict {
		t.Errorf("cancel of nothing: %v", err)
	}
	if err := b.engine.CancelAction(ctx, fairlead.Actor{}, a.ID); err != nil {
		t.Errorf("cancel of an action that ended: %v", err)
	}
}

func TestCancelEndsWaiting(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	b.push("shop", "1.0", chain("1", map[string]string{"steps": "1000000"}))
	reached := make(chan struct{}, 100)
	w.OnCall(func(_ int, c stacktest.Call) {
		if c == (stacktest.Call{Method: "health", Element: "b"}) {
			select {
			case reached <- struct{}{}:
			default:
			}
		}
	})
	a, err := b.engine.Create(t.Context(), request("1.0"))
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	<-reached
	if err := b.engine.CancelAction(t.Context(), fairlead.Actor{User: "ann"}, a.ID); err != nil {
		t.Fatal(err)
	}
	a = b.want(fairlead.ActionCanceled, b.wait(a, nil))
	if op := a.Plan.Operations[1]; op.State != fairlead.OperationFailed || !strings.Contains(op.Message, "steps done") {
		t.Errorf("operation %+v", op)
	}
}

func TestTimeout(t *testing.T) {
	for name, onFailure := range map[string]fairlead.OnFailure{"kept": fairlead.Keep, "rolled back": fairlead.Rollback} {
		t.Run(name, func(t *testing.T) {
			w := stacktest.NewWorld()
			b := newBench(t, w.Provider())
			b.push("shop", "1.0", chain("1", map[string]string{"steps": "1000000"}))
			reached := make(chan struct{}, 1)
			w.OnCall(func(_ int, c stacktest.Call) {
				if c == (stacktest.Call{Method: "health", Element: "b"}) {
					select {
					case reached <- struct{}{}:
					default:
					}
				}
			})
			r := request("1.0")
			r.OnFailure, r.Timeout = onFailure, 10*time.Minute
			a, err := b.engine.Create(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			<-reached
			b.clock.add(11 * time.Minute)
			a = b.want(fairlead.ActionTimedOut, b.wait(a, nil))
			if !strings.Contains(a.Message, "timed out after 10m0s") {
				t.Errorf("message %q", a.Message)
			}
			if want := map[fairlead.OnFailure]string{fairlead.Keep: "default/a default/b", fairlead.Rollback: ""}[onFailure]; objects(w) != want {
				t.Errorf("objects %q, want %q", objects(w), want)
			}
		})
	}
}

func TestHangingCallIsCutByTheTimeout(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	b.push("shop", "1.0", chain("1", nil))
	reached := make(chan struct{})
	w.Set("b", stacktest.Behaviour{Hold: make(chan struct{})})
	w.OnHold(func(string) { close(reached) })
	a, err := b.engine.Create(t.Context(), request("1.0"))
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	b.clock.add(2 * time.Hour)
	a = b.want(fairlead.ActionTimedOut, b.wait(a, nil))
	if op := a.Plan.Operations[1]; op.Message != "timed out after 1h0m0s" {
		t.Errorf("operation %+v", op)
	}
}

func TestUnavailableTarget(t *testing.T) {
	t.Run("comes back", func(t *testing.T) {
		w := stacktest.NewWorld()
		b := newBench(t, w.Provider())
		b.push("shop", "1.0", chain("1", map[string]string{"unavailable": "2"}))
		a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(t.Context(), request("1.0"))))
		n := 0
		for _, e := range b.events(a.ID) {
			if e.Type == "element-unavailable" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d events element-unavailable, want 1", n)
		}
	})

	t.Run("stays away", func(t *testing.T) {
		w := stacktest.NewWorld()
		b := newBench(t, w.Provider())
		b.push("shop", "1.0", chain("1", map[string]string{"unavailable": "1000000"}))
		seen := 0
		w.OnCall(func(_ int, c stacktest.Call) {
			if c == (stacktest.Call{Method: "apply", Element: "b"}) {
				if seen++; seen == 2 {
					b.clock.add(3 * time.Minute)
				}
			}
		})
		a := b.want(fairlead.ActionFailed, b.wait(b.engine.Create(t.Context(), request("1.0"))))
		if !strings.Contains(a.Message, "the world does not answer (for 3m") {
			t.Errorf("message %q", a.Message)
		}
	})
}

func TestPanicIsContained(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	b.push("shop", "1.0", chain("1", map[string]string{"panic": "ouch"}))
	a := b.want(fairlead.ActionFailed, b.wait(b.engine.Create(t.Context(), request("1.0"))))
	if !strings.Contains(a.Message, "the provider broke down in apply of element b") || strings.Contains(a.Message, "ouch") {
		t.Errorf("message %q", a.Message)
	}
}

func TestAgainAppliesAgain(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	b.push("shop", "1.0", chain("1", nil))
	w.Set("b", stacktest.Behaviour{Again: 2, Steps: 1})
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(t.Context(), request("1.0"))))
	if n := w.Count("apply", "b"); n != 3 {
		t.Errorf("apply was called %d times, want 3", n)
	}
}

func TestRefresh(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	w.Remove("default/b")
	s, err := b.engine.Refresh(ctx, "shop")
	if err != nil || s.Health != fairlead.Unhealthy || s.Reason != "element b: it is gone from the target" {
		t.Fatalf("stack %+v, %v", s, err)
	}
	if stored := b.stack("shop"); stored.Health != s.Health || stored.Revision != s.Revision {
		t.Errorf("stored %+v", stored)
	}
	plans := w.Count("plan", "c")
	a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, stack.Request{Name: "shop"})))
	if got := w.Count("plan", "c") - plans; got != 2 {
		t.Errorf("c was planned %d times, want twice: with the plan, and after b, which it requires, was made again", got)
	}
	if got, want := planText(a.Plan), `0 none a succeeded
1 create b succeeded: it is gone from the target
2 none c needs [1] succeeded: looked at again when what it requires has changed
`; got != want {
		t.Errorf("plan\n%s\nwant\n%s", got, want)
	}
	if s, err := b.engine.Refresh(ctx, "shop"); err != nil || s.Health != fairlead.Healthy || s.Reason != "" {
		t.Errorf("stack %+v, %v", s, err)
	}
}

// TestAllFailuresAreTold has several elements fail at once: the action names them all, up to a bound.
func TestAllFailuresAreTold(t *testing.T) {
	for _, n := range []int{2, 8} {
		w := stacktest.NewWorld()
		b := newBench(t, w.Provider())
		var elements []el
		var all sync.WaitGroup // nobody fails before everybody was begun
		all.Add(n)
		w.OnCall(func(_ int, c stacktest.Call) {
			if c.Method == "apply" {
				all.Done()
				all.Wait()
			}
		})
		for i := range n {
			elements = append(elements, el{name: fmt.Sprintf("e%d", i), annotations: map[string]string{"fail": fmt.Sprintf("no room %d", i)}})
		}
		b.push("shop", "1.0", source(elements...))
		a := b.want(fairlead.ActionFailed, b.wait(b.engine.Create(t.Context(), request("1.0"))))
		parts := strings.Split(a.Message, "; ")
		if n == 8 {
			if last := parts[len(parts)-1]; last != "and 3 more elements failed" {
				t.Errorf("the message ends with %q: %s", last, a.Message)
			}
			parts = parts[:len(parts)-1]
		}
		slices.Sort(parts)
		if parts = slices.Compact(parts); len(parts) != min(n, 5) {
			t.Errorf("%d failed, the message names %d: %s", n, len(parts), a.Message)
		}
		for _, part := range parts {
			var i, j int
			if _, err := fmt.Sscanf(part, "element e%d: no room %d", &i, &j); err != nil || i != j {
				t.Errorf("the message has %q: %v", part, err)
			}
		}
		if s := b.stack("shop"); s.Reason != a.Message {
			t.Errorf("reason %q, message %q", s.Reason, a.Message)
		}
	}
}
