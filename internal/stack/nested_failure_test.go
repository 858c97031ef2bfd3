package stack_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

func TestNestedFailure(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.pushNested()
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))

	r := request("bad")
	r.OnFailure = fairlead.Rollback
	a := b.want(fairlead.ActionFailed, b.wait(b.engine.Upgrade(ctx, r)))
	if want := "element web: stack shop-web: element web-map: no; rolled back to shop@1.0"; a.Message != want {
		t.Errorf("message %q, want %q", a.Message, want)
	}
	if inner := b.stack("shop-data"); inner.Version != "1.0" || inner.Status != fairlead.StackRunning {
		t.Errorf("inner stack %+v", inner)
	}
	if got := dataOf(w, "default/web")["text"]; got != "reads-default/core#3" || w.Made()["default/web"] != 1 {
		t.Errorf("web reads %v, made %v\n%s", got, w.Made(), planText(a.Plan))
	}

	a = b.want(fairlead.ActionFailed, b.wait(b.engine.Upgrade(ctx, request("bad"))))
	if want := "element web: stack shop-web: element web-map: no"; a.Message != want {
		t.Errorf("message %q, want %q", a.Message, want)
	}
	if s, err := b.engine.Refresh(ctx, "shop"); err != nil || s.Health != fairlead.Unhealthy {
		t.Errorf("stack %+v, %v", s, err)
	}
	w.Set("web-map", stacktest.Behaviour{})
	a = b.want(fairlead.ActionSucceeded, b.wait(b.engine.Retry(ctx, stack.Request{Name: "shop"})))
	if w.Made()["default/core"] != 4 || b.stack("shop-web").Version != "bad" {
		t.Errorf("after the retry: made %v\n%s", w.Made(), planText(a.Plan))
	}
}

// TestNestedAdoption takes over what exists two levels down.
func TestNestedAdoption(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.pushNested()
	w.Foreign("default/core", map[string]any{"k8sManifest": map[string]any{"data": map[string]any{"text": "theirs"}}})
	if _, err := b.engine.Preview(ctx, request("1.0")); fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(err.Error(), "stack shop-data: stack shop-data-core: ") ||
		!strings.Contains(err.Error(), "--adopt=data,") {
		t.Errorf("without adoption: %v", err)
	}
	r := request("1.0")
	r.Adopt = []string{"data"}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))
	if dataOf(w, "default/core")["text"] != "hello" || w.Made()["default/core"] != 0 {
		t.Errorf("core %v was made %d times", dataOf(w, "default/core"), w.Made()["default/core"])
	}
	id := b.stack("shop").ID
	b.read(func(ctx context.Context, tx *store.Tx) error {
		records, err := tx.Records(ctx, id)
		for _, r := range records {
			if r.Identity["adopt"] != "" {
				t.Errorf("the record of %s still says that it may adopt", r.Element)
			}
		}
		return err
	})
}

// TestNestedDeletionSaysWhatIsLeft looks for what is left two levels down in the message of the outermost deletion.
func TestNestedDeletionSaysWhatIsLeft(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.pushNested()
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	w.Set("core-map", stacktest.Behaviour{DeleteFail: "it is stuck"})
	a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop", Force: true})))
	want := "data (AOS.Stack) was deleted, but inside it core (AOS.Stack) was deleted, but inside it core-map (CCE.ConfigMap) was left behind: " +
		"it is stuck; it is at name=default/core"
	if a.Message != want || objects(w) != "default/core" || len(b.stacks()) != 0 {
		t.Errorf("message %q, want %q; objects %s, stacks %v", a.Message, want, objects(w), b.stacks())
	}
}

// TestNestedRollsBackByItself has a nested stack whose failureStrategy is Rollback.
func TestNestedRollsBackByItself(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	b.push("web", "bad", leaf("web", "unhealthy=crashes"))
	b.push("shop", "1.0", strings.Replace(outer("web@bad", "web@bad"), "templateId: web@bad", "templateId: web@bad\n      failureStrategy: Rollback", 1))
	a := b.want(fairlead.ActionFailed, b.wait(b.engine.Create(t.Context(), request("1.0"))))
	if want := "element data: stack shop-data: element web-map: crashes; everything that was made is deleted again"; a.Message != want || objects(w) != "" {
		t.Errorf("message %q, want %q; objects %q", a.Message, want, objects(w))
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(t.Context(), stack.Request{Name: "shop"})))
	if got := b.stacks(); len(got) > 0 {
		t.Errorf("left %v", got)
	}
}

func TestNestedCancel(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.pushNested()
	hold, reached := make(chan struct{}), make(chan string, 10)
	w.OnHold(func(element string) { reached <- element })
	w.Set("core-map", stacktest.Behaviour{Hold: hold})
	a, err := b.engine.Create(ctx, request("1.0"))
	if err != nil {
		t.Fatal(describe(err))
	}
	<-reached
	if err := b.engine.Cancel(ctx, fairlead.Actor{User: "ann"}, "shop"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, b, "shop-data-core", func(a fairlead.Action) bool { return a.Canceling })
	close(hold)
	a = b.want(fairlead.ActionCanceled, b.wait(a, nil))
	for _, name := range []string{"shop-data", "shop-data-core"} {
		if s := b.stack(name); s.Action != "" {
			t.Errorf("%s is still busy: %+v\n%s", name, s, planText(a.Plan))
		}
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Retry(ctx, stack.Request{Name: "shop"})))
	if w.Made()["default/core"] != 1 || objects(w) != "default/core default/side default/web" {
		t.Errorf("made %v", w.Made())
	}
}

// waitFor waits until the action in flight of a stack is as wanted.
func waitFor(t *testing.T, b *bench, name string, is func(fairlead.Action) bool) {
	t.Helper()
	changed, stop := b.db.Watch()
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		var found bool
		b.read(func(ctx context.Context, tx *store.Tx) error {
			s, err := tx.Stack(ctx, name)
			if err != nil || s.Action == "" {
				return err
			}
			a, err := tx.Action(ctx, s.Action)
			found = is(a)
			return err
		})
		if found {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("stack %s did not become as wanted", name)
		case <-changed:
		}
	}
}

func TestNestedRefusals(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.pushNested()
	b.push("ring", "1.0", middle("ring2@1.0"))
	b.push("ring2", "1.0", middle("ring@1.0"))
	b.push("deep0", "1.0", leaf("deep"))
	for i := range 8 {
		b.push(fmt.Sprintf("deep%d", i+1), "1.0", middle(fmt.Sprintf("deep%d@1.0", i)))
	}
	b.push("lost", "1.0", middle("nowhere@1.0"))
	b.push("odd", "1.0", strings.Replace(middle("core@1.0"), "text: {get_input: text}\n", "text: {get_input: text}\n        other: x\n", 1))
	for template, want := range map[string]string{
		"ring":  "template ring@1.0 contains itself: stack shop (ring@1.0) > stack shop-core (ring2@1.0) > stack shop-core-core (ring@1.0)",
		"deep8": "stacks are nested 9 deep, at most 8 are allowed",
		"lost":  `template nowhere has no version "1.0"`,
		"odd":   `the template has no input "other"`,
	} {
		_, err := b.engine.Preview(ctx, stack.Request{Name: "shop", Template: template, Version: "1.0"})
		if err == nil || !strings.Contains(describe(err), want) {
			t.Errorf("%s: %v, want %q", template, describe(err), want)
		}
	}
	if _, err := b.engine.Preview(ctx, stack.Request{Name: "shop", Template: "deep7", Version: "1.0"}); err != nil {
		t.Error(describe(err))
	}
}

// TestNestedNames has another stack with the name that a nested one would get.
func TestNestedNames(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.pushNested()
	b.push("other", "1.0", leaf("other"))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, stack.Request{Name: "shop-web", Template: "other", Version: "1.0"})))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	if got := b.stacks(); len(got) != 5 || !slices.Contains(got, "shop-web<") {
		t.Errorf("stacks %v", got)
	}
	long := request("1.0")
	long.Name = strings.Repeat("n", 64)
	b.push("shop", "3.0", strings.NewReplacer("data:\n    type", "Data_1:\n    type", "[data,", "[Data_1,").Replace(outer("other@1.0", "other@1.0")))
	long.Version = "3.0"
	plan, err := b.engine.Preview(ctx, long)
	if err != nil || len(plan.Operations) != 2 {
		t.Errorf("%v %s", err, planText(plan))
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
	if got := b.stacks(); !slices.Equal(got, []string{"shop-web<"}) {
		t.Errorf("left %v", got)
	}
}

// TestNestedKilledAnywhere kills the server after every transaction and at every call of a provider, in the life of a stack
// with stacks two levels deep.
func TestNestedKilledAnywhere(t *testing.T) {
	run := func(t *testing.T, kill func(l *lives)) int {
		l := newLives(t)
		ctx := t.Context()
		l.pushNested()
		kill(l)
		l.want(fairlead.ActionSucceeded, l.end(l.engine.Create(ctx, request("1.0"))))
		r := request("bad")
		r.OnFailure = fairlead.Rollback
		a := l.want(fairlead.ActionFailed, l.end(l.engine.Upgrade(ctx, r)))
		if got := dataOf(l.world, "default/web")["text"]; got != "reads-default/core#3" {
			t.Errorf("web reads %v\n%s", got, planText(a.Plan))
		}
		l.want(fairlead.ActionSucceeded, l.end(l.engine.Delete(ctx, stack.Request{Name: "shop"})))
		want := map[string]int{"default/core": 3, "default/side": 1, "default/web": 1}
		for name, made := range l.world.Made() {
			if made != want[name] {
				t.Errorf("%s was made %d times, want %d", name, made, want[name])
			}
		}
		if got := l.stacks(); len(got) > 0 || objects(l.world) != "" {
			t.Errorf("left: stacks %v, objects %s", got, objects(l.world))
		}
		for name, most := range map[string]int{"shop": 3, "shop-data": 4, "shop-data-core": 4, "shop-web": 4} {
			l.read(func(ctx context.Context, tx *store.Tx) error {
				list, _, err := tx.Actions(ctx, name, 100, "")
				if len(list) != most {
					t.Errorf("stack %s had %d actions, want %d", name, len(list), most)
				}
				return err
			})
		}
		return int(l.count.Load())
	}
	for name, kill := range map[string]func(l *lives, n int){
		"commit": func(l *lives, n int) { l.killAfterCommit(n) },
		"call":   func(l *lives, n int) { l.killAt(n, n%2 == 0) },
	} {
		steps := run(t, func(l *lives) { kill(l, 0) })
		t.Logf("%d %ss", steps, name)
		for n := 1; n <= steps; n++ {
			if brief() && n%4 != 1 {
				continue
			}
			t.Run(fmt.Sprintf("%s %d", name, n), func(t *testing.T) {
				t.Parallel()
				run(t, func(l *lives) { kill(l, n) })
			})
		}
	}
}

// TestNestedSample runs the sample of the original's documentation as it is. Of its three stacks one is not deployed.
func TestNestedSample(t *testing.T) {
	sample, err := os.ReadFile("../template/testdata/samples/aos-stack-nested.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	inner := func(object, input, output string) string {
		text := strings.ReplaceAll(leaf(object), "  id: {", "  "+output+": {")
		return strings.Replace(text, "inputs:\n", "inputs:\n  "+input+": {type: string, description: x}\n", 1)
	}
	for id, text := range map[string]string{
		"370f60c6-afc2-e08a-d1c4-fd33bd58b785": inner("one", "images", "id"),
		"753c30cf-3b3b-cd63-f7f0-1550d058eaac": strings.Replace(inner("two", "images", "id"), "inputs:\n", "inputs:\n  myport: {type: string, description: x}\n", 1),
		"2fdd9e05-1406-15d4-7b35-1274a036bcfb": inner("three", "image", "nginx-NodePort"),
	} {
		b.write(func(ctx context.Context, tx *store.Tx) error {
			return tx.CreateTemplateVersion(ctx, &fairlead.TemplateVersion{Template: "t-" + id[:8], Version: "1.0", ID: id, Filename: "t.yaml", Source: []byte(text)})
		})
	}
	b.push("shop", "1.0", string(sample))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	if got := objects(w); got != "default/three default/two" {
		t.Errorf("objects %s", got)
	}
	if s := b.stack("shop-stacktwo"); s.Inputs["myport"] != "default/three#1" || s.Description != "nginx stack" || s.Parent != "shop" {
		t.Errorf("stack %+v", s)
	}
	b.read(func(ctx context.Context, tx *store.Tx) error {
		using, err := tx.StacksUsing(ctx, "t-2fdd9e05", "1.0")
		if !slices.Equal(using, []string{"shop-stackthree"}) {
			t.Errorf("the inner template is used by %v", using)
		}
		return err
	})
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
	if objects(w) != "" {
		t.Errorf("left %s", objects(w))
	}
}
