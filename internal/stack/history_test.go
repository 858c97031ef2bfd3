package stack_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

// TestRollbackOfAnything brings a stack into a state by several actions and looks where a rollback takes it.
func TestRollbackOfAnything(t *testing.T) {
	bad := stacktest.Behaviour{Unhealthy: "crashes"}
	type step func(t *testing.T, b *bench, w *stacktest.World)
	do := func(verb fairlead.Verb, version string, want fairlead.ActionState) step {
		return func(t *testing.T, b *bench, w *stacktest.World) {
			t.Helper()
			r := stack.Request{Name: "shop", Verb: verb, Version: version, Actor: fairlead.Actor{User: "ann"}}
			if version != "" {
				r.Template = "shop"
			}
			b.want(want, b.begin(r))
		}
	}
	set := func(behaviour stacktest.Behaviour) step {
		return func(_ *testing.T, _ *bench, w *stacktest.World) { w.Set("b", behaviour) }
	}
	canceled := func(t *testing.T, b *bench, w *stacktest.World) {
		reached, release := make(chan struct{}), make(chan struct{})
		w.OnHold(func(string) { close(reached) })
		w.Set("b", stacktest.Behaviour{Hold: release})
		a, err := b.engine.Upgrade(t.Context(), stack.Request{Name: "shop", Version: "2.0"})
		if err != nil {
			t.Fatal(describe(err))
		}
		<-reached
		if err := b.engine.Cancel(t.Context(), fairlead.Actor{User: "ann"}, "shop"); err != nil {
			t.Fatal(err)
		}
		close(release)
		b.want(fairlead.ActionCanceled, b.wait(a, nil))
		w.Set("b", stacktest.Behaviour{})
	}
	good, failed := fairlead.ActionSucceeded, fairlead.ActionFailed
	create, upgrade, rollback, retry := fairlead.VerbCreate, fairlead.VerbUpgrade, fairlead.VerbRollback, fairlead.VerbRetry
	tests := map[string]struct {
		steps   []step
		version string // that a rollback takes it to; "" is nothing
		objects string
		status  fairlead.StackStatus
	}{
		"a failed create, to nothing": {[]step{set(bad), do(create, "1.0", failed)}, "", "", fairlead.StackPending},
		"a failed retry of a failed create": {[]step{set(bad), do(create, "1.0", failed), do(retry, "", failed)},
			"", "", fairlead.StackPending},
		"a failed upgrade of a failed create": {[]step{set(bad), do(create, "1.0", failed), do(upgrade, "2.0", failed)},
			"", "", fairlead.StackPending},
		"a create that went well after one that failed": {[]step{set(bad), do(create, "1.0", failed), set(stacktest.Behaviour{}),
			do(retry, "", good), do(upgrade, "2.0", good)}, "1.0", "default/a default/b default/c", fairlead.StackRunning},
		"an upgrade": {[]step{do(create, "1.0", good), do(upgrade, "2.0", good)}, "1.0", "default/a default/b default/c", fairlead.StackRunning},
		"a failed upgrade": {[]step{do(create, "1.0", good), set(bad), do(upgrade, "2.0", failed), set(stacktest.Behaviour{})},
			"1.0", "default/a default/b default/c", fairlead.StackRunning},
		"a canceled upgrade": {[]step{do(create, "1.0", good), canceled}, "1.0", "default/a default/b default/c", fairlead.StackRunning},
		"a failed rollback": {[]step{do(create, "1.0", good), do(upgrade, "2.0", good), set(bad), do(rollback, "", failed), set(stacktest.Behaviour{})},
			"2.0", "default/a default/b default/d", fairlead.StackRunning},
		"a rollback": {[]step{do(create, "1.0", good), do(upgrade, "2.0", good), do(rollback, "", good)},
			"2.0", "default/a default/b default/d", fairlead.StackRunning},
		"a failed deletion": {[]step{do(create, "1.0", good), set(stacktest.Behaviour{DeleteFail: "stuck"}), do(fairlead.VerbDelete, "", failed),
			set(stacktest.Behaviour{})}, "1.0", "default/a default/b default/c", fairlead.StackRunning},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := stacktest.NewWorld()
			b := newBench(t, w.Provider())
			b.push("shop", "1.0", chain("1", nil))
			b.push("shop", "2.0", source(el{name: "a", value: "2"}, el{name: "b", value: "2", needs: []string{"a"}}, el{name: "d", needs: []string{"b"}}))
			for _, step := range tt.steps {
				step(t, b, w)
			}
			a := b.want(good, b.begin(stack.Request{Name: "shop", Verb: rollback, Actor: fairlead.Actor{User: "ann"}}))
			if a.Version != tt.version || objects(w) != tt.objects {
				t.Errorf("went to %q with %q, want %q with %q\n%s", a.Version, objects(w), tt.version, tt.objects, planText(a.Plan))
			}
			if s := b.stack("shop"); s.Status != tt.status || s.Reason != "" {
				t.Errorf("stack is %s (%s), want %s", s.Status, s.Reason, tt.status)
			}
		})
	}
}

// begin does an action of any verb and waits for its end.
func (b *bench) begin(r stack.Request) fairlead.Action {
	b.t.Helper()
	var a fairlead.Action
	p, err := b.engine.Prepare(b.t.Context(), r)
	if err == nil {
		b.write(func(ctx context.Context, tx *store.Tx) error { a, err = b.engine.Begin(ctx, tx, p); return err })
	}
	return b.wait(a, err)
}

func TestBackToNothingAndOnAgain(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	b.push("shop", "1.0", chain("1", nil))
	w.Set("b", stacktest.Behaviour{Unhealthy: "crashes"})
	b.want(fairlead.ActionFailed, b.wait(b.engine.Create(t.Context(), request("1.0"))))
	w.Set("a", stacktest.Behaviour{DeleteFail: "stuck"})
	b.want(fairlead.ActionFailed, b.begin(stack.Request{Name: "shop", Verb: fairlead.VerbRollback}))
	w.Set("a", stacktest.Behaviour{})
	b.want(fairlead.ActionSucceeded, b.begin(stack.Request{Name: "shop", Verb: fairlead.VerbRetry})) // of the rollback
	if objects(w) != "" {
		t.Fatalf("objects %s", objects(w))
	}
	_, err := b.engine.Rollback(t.Context(), stack.Request{Name: "shop"})
	if fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(err.Error(), "there is nothing to roll back") {
		t.Errorf("rollback of nothing: %v", err)
	}
	w.Set("b", stacktest.Behaviour{})
	b.want(fairlead.ActionSucceeded, b.begin(stack.Request{Name: "shop", Verb: fairlead.VerbUpgrade}))
	if objects(w) != "default/a default/b default/c" || b.stack("shop").Status != fairlead.StackRunning {
		t.Errorf("objects %s", objects(w))
	}
}

func TestHistory(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	r := request("1.0")
	r.Inputs = map[string]any{"key": "ab"} // too short for a mask
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))
	for _, text := range []string{"one", "two"} {
		b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, stack.Request{Name: "shop", Inputs: map[string]any{"text": text}})))
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Rollback(ctx, stack.Request{Name: "shop", To: 1})))
	list, err := b.engine.History(ctx, "shop")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range list {
		got = append(got, fmt.Sprintf("%d %v %v %t %d", s.State, s.Inputs["text"], s.Inputs["key"], s.Current, s.Restores))
	}
	if want := "4 hello ****** true 1|3 two ****** false 0|2 one ****** false 0|1 hello ****** false 0"; strings.Join(got, "|") != want {
		t.Errorf("history %s\nwant    %s", strings.Join(got, "|"), want)
	}
	if list[3].By != "ann" || list[3].Action == "" || list[3].At.IsZero() {
		t.Errorf("state %+v", list[3])
	}
	_, err = b.engine.Rollback(ctx, stack.Request{Name: "shop", To: 9})
	if fairlead.ErrorCode(err) != fairlead.NotFound || !strings.Contains(err.Error(), "fairlead stack history shop") {
		t.Errorf("rollback to what never was: %v", err)
	}
	_, err = b.engine.Upgrade(ctx, stack.Request{Name: "shop", To: 1})
	if fairlead.ErrorCode(err) != fairlead.Invalid {
		t.Errorf("upgrade to a state: %v", err)
	}
}
