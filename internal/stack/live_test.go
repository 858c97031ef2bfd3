package stack_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

// fieldsText is the fields of a plan or drift as lines: what was applied, what is wanted and, after a bar, what is live.
func fieldsText(fields []fairlead.FieldChange) string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "%s: %v -> %v", strings.TrimPrefix(f.Path, "k8sManifest."), f.Before, f.After)
		if f.Drifted {
			fmt.Fprintf(&b, " | %v", f.Live)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestPreviewShowsWhatSomebodyElseChanged(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", source(el{name: "a", value: "v"}, el{name: "b"}, el{name: "c", annotations: map[string]string{"immutable": "1"}}))
	b.push("shop", "2.0", source(el{name: "a", value: "v"}, el{name: "b"}, el{name: "c", annotations: map[string]string{"immutable": "2"}}))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	before := w.Count("read", "")
	if _, err := b.engine.Preview(ctx, stack.Request{Name: "shop"}); err != nil || w.Count("read", "") != before {
		t.Errorf("a plan without a change read %d elements, %v; want none", w.Count("read", "")-before, err)
	}

	data := []string{"k8sManifest", "data"}
	w.Change("default/a", "theirs", append(data, "value")...)
	w.Change("default/a", nil, append(data, "fixed")...)
	w.Change("default/a", "added", append(data, "extra")...)
	w.Change("default/a", "their-key", append(data, "key")...)
	plan, err := b.engine.Preview(ctx, stack.Request{Name: "shop", Version: "2.0", Inputs: map[string]any{"text": "bye", "key": "their-key"}})
	if err != nil {
		t.Fatal(describe(err))
	}
	if got, want := fieldsText(plan.Operations[0].Fields), `data.extra: <nil> -> <nil> | added
data.fixed: stays -> stays | <nil>
data.key: ****** -> ****** | ******
data.text: hello -> bye
data.value: v -> v | theirs
`; got != want {
		t.Errorf("fields\n%s\nwant\n%s", got, want)
	}
	if got := plan.Warnings.Error(); !strings.Contains(got, `shop.yaml:`) || !strings.Contains(got, `element "c" is deleted and made again: an immutable property changes`) {
		t.Errorf("warnings: %s", got)
	}

	t.Run("what cannot be read is a warning", func(t *testing.T) {
		w.OnCall(func(_ int, c stacktest.Call) {
			if c.Method == "read" {
				panic("unreadable")
			}
		})
		defer w.OnCall(nil)
		plan, err := b.engine.Preview(ctx, stack.Request{Name: "shop"})
		if err != nil || !strings.Contains(plan.Warnings.Error(), `what is on the target of element "a" could not be read`) {
			t.Errorf("%v: %s", err, plan.Warnings.Error())
		}
	})
}

func TestStalePreview(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	preview := func(r stack.Request) string {
		t.Helper()
		plan, err := b.engine.Preview(ctx, r)
		if err != nil {
			t.Fatal(describe(err))
		}
		return plan.Hash
	}
	refused := func(what string, r stack.Request) {
		t.Helper()
		_, err := b.engine.Prepare(ctx, r)
		if fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(err.Error(), `the preview of stack "shop" is out of date`) {
			t.Errorf("%s: %v", what, err)
		}
	}
	r := request("1.0")
	r.Preview = preview(r)
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))

	change := stack.Request{Name: "shop", Inputs: map[string]any{"text": "bye"}}
	seen := preview(change)
	change.Preview = seen[len("sha256:"):][:12]
	if _, err := b.engine.Prepare(ctx, change); err != nil {
		t.Errorf("the plan that was seen: %v", err)
	}
	other := change
	other.Inputs = map[string]any{"text": "bye", "key": "another-secret"}
	refused("another secret, which no field shows", other)
	w.Change("default/a", "theirs", "k8sManifest", "data", "value")
	refused("a drift", change)
	w.Change("default/a", "1", "k8sManifest", "data", "value")
	w.Remove("default/c")
	refused("a resource that is gone", change)
	change.Preview = seen
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, stack.Request{Name: "shop"})))
	if _, err := b.engine.Prepare(ctx, change); err != nil {
		t.Errorf("all is as it was seen: %v", err)
	}
	for _, bad := range []string{"abc", "nonsense-nonsense", strings.Repeat("a", 65)} {
		if _, err := b.engine.Prepare(ctx, stack.Request{Name: "shop", Preview: bad}); fairlead.ErrorCode(err) != fairlead.Invalid {
			t.Errorf("preview %q: %v", bad, err)
		}
	}
}

func TestDrift(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	d, err := b.engine.Drift(ctx, "shop")
	if err != nil || d.Drifted || len(d.Elements) != 3 || d.Elements[0].State != fairlead.DriftSame || d.ReadAt.IsZero() {
		t.Fatalf("drift %+v, %v; want none", d, err)
	}
	w.Change("default/a", "theirs", "k8sManifest", "data", "text")
	w.Remove("default/b")
	d, err = b.engine.Drift(ctx, "shop")
	if err != nil || !d.Drifted {
		t.Fatalf("drift %+v, %v", d, err)
	}
	if a := d.Elements[0]; a.State != fairlead.DriftChanged || fieldsText(a.Fields) != "data.text: hello -> hello | theirs\n" {
		t.Errorf("a: %+v", a)
	}
	if gone := d.Elements[1]; gone.State != fairlead.DriftMissing || gone.Reason != "it is gone from the target" {
		t.Errorf("b: %+v", gone)
	}
	if text := fmt.Sprint(d); strings.Contains(text, "hunter22") {
		t.Errorf("a secret is shown: %s", text)
	}

	unread := func(elements ...string) {
		w.OnCall(func(_ int, c stacktest.Call) {
			if c.Method == "read" && (len(elements) == 0 || c.Element == elements[0]) {
				panic("unreadable")
			}
		})
	}
	unread("c")
	if d, err = b.engine.Drift(ctx, "shop"); err != nil || d.Unread != 1 || d.Elements[2].State != fairlead.DriftUnread || d.Elements[2].Reason == "" {
		t.Errorf("drift %+v, %v; want c unread", d, err)
	}
	unread()
	if d, err = b.engine.Drift(ctx, "shop"); err == nil {
		t.Errorf("drift %+v; want an error when nothing can be read", d)
	}
}

func TestAdoption(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	w.Foreign("default/b", map[string]any{"k8sManifest": map[string]any{"data": map[string]any{"value": "theirs"}}})
	_, err := b.engine.Create(ctx, request("1.0"))
	if fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(err.Error(), "belongs to no stack; take it over with --adopt=b") {
		t.Fatalf("create over what is there: %v", err)
	}
	r := request("1.0")
	r.Adopt = []string{"bb"}
	if _, err := b.engine.Create(ctx, r); fairlead.ErrorCode(err) != fairlead.Invalid || !strings.Contains(err.Error(), `did you mean "b"?`) {
		t.Errorf("adoption of what the template does not have: %v", err)
	}
	r.Adopt = []string{"a", "b"}
	plan, err := b.engine.Preview(ctx, r)
	if err != nil {
		t.Fatal(describe(err))
	}
	op := plan.Operations[1]
	if !op.Adopt || op.Verb != fairlead.OpUpdate || !strings.Contains(fieldsText(op.Fields), "data.value: theirs -> 1\n") {
		t.Errorf("operation %+v", op)
	}
	if got := plan.Warnings.Error(); !strings.Contains(got, `element "a" finds nothing to adopt on the target`) {
		t.Errorf("warnings: %s", got)
	}
	w.Set("b", stacktest.Behaviour{Fail: "not now"})
	a := b.want(fairlead.ActionFailed, b.wait(b.engine.Create(ctx, r)))
	if got := b.events(a.ID)[0].Message; !strings.Contains(got, "begins: 1 to adopt, 2 to create") {
		t.Errorf("event %q", got)
	}
	if told := b.events(a.ID); !slices.ContainsFunc(told, func(e fairlead.Event) bool { return e.Message == "adopting b (CCE.ConfigMap)" }) {
		t.Errorf("no event tells that b is adopted: %+v", told)
	}
	w.Set("b", stacktest.Behaviour{})
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Retry(ctx, stack.Request{Name: "shop"}))) // knows what may be adopted
	if dataOf(w, "default/b")["value"] != "1" || w.Made()["default/b"] != 0 {
		t.Errorf("b %v was made %d times", dataOf(w, "default/b"), w.Made()["default/b"])
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
	if objects(w) != "" {
		t.Errorf("left: %s", objects(w))
	}
}

// retained is a template with a retained element db.
func retained(value string, more ...el) string {
	return strings.Replace(source(append([]el{{name: "db", annotations: map[string]string{"immutable": value}}, {name: "web", needs: []string{"db"}}}, more...)...),
		"    type: HuaweiCloud.CCE.ConfigMap\n", "    retain: true\n    type: HuaweiCloud.CCE.ConfigMap\n", 1)
}

func TestRetain(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", retained("1"))
	b.push("shop", "2.0", retained("2"))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	if _, err := b.engine.Prepare(ctx, request("2.0")); fairlead.ErrorCode(err) != fairlead.Invalid || !strings.Contains(err.Error(), `element "db" is retained`) {
		t.Errorf("a replacement of what is retained: %v", err)
	}
	plan, err := b.engine.Preview(ctx, stack.Request{Name: "shop", Verb: fairlead.VerbDelete})
	if err != nil || plan.Operations[1].Element != "db" || plan.Operations[1].Reason != "it stays on the target, as the template wants" {
		t.Errorf("preview of the deletion: %+v, %v", plan.Operations, err)
	}
	a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
	if want := "db (CCE.ConfigMap) was kept on the target, as the template wants: at name=default/db"; a.Message != want || objects(w) != "default/db" {
		t.Errorf("message %q, want %q; objects %s", a.Message, want, objects(w))
	}
	told := 0
	for _, e := range b.events(a.ID) {
		if e.Type == "element-retained" || e.Type == "action-succeeded" && strings.Contains(e.Message, "db (CCE.ConfigMap) was kept") {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d events tell what was kept, want that of the element and that of the action", told)
	}
	r := request("1.0")
	if _, err := b.engine.Prepare(ctx, r); fairlead.ErrorCode(err) != fairlead.Conflict {
		t.Errorf("made anew beside what was kept: %v", err)
	}
	r.Adopt = []string{"*"}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))
	if w.Made()["default/db"] != 1 {
		t.Errorf("db was made %d times", w.Made()["default/db"])
	}
}

func TestProtection(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	set := func(text string) string {
		for from, to := range map[string]string{"CCE.ConfigMap": "CCE.StatefulSet", "kind: ConfigMap": "kind: StatefulSet", "apiVersion: v1": "apiVersion: apps/v1"} {
			text = strings.Replace(text, from, to, 1)
		}
		return text
	}
	b.push("shop", "1.0", set(source(el{name: "db", annotations: map[string]string{"immutable": "1"}}, el{name: "web"})))
	b.push("shop", "2.0", set(source(el{name: "db", annotations: map[string]string{"immutable": "2"}}, el{name: "web"})))
	b.push("shop", "3.0", set(source(el{name: "db", annotations: map[string]string{"immutable": "1"}})))
	r := request("1.0")
	r.Protected = true
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))
	for want, r := range map[string]stack.Request{
		"it cannot be deleted; take the protection off first": {Name: "shop", Verb: fairlead.VerbDelete, Force: true},
		"data would be lost by this: replace of db":           {Name: "shop", Version: "2.0"},
	} {
		if _, err := b.engine.Prepare(ctx, r); fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "fairlead stack update shop --unprotect") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := b.engine.Prepare(ctx, stack.Request{Name: "shop", Version: "3.0"}); err != nil {
		t.Errorf("taking an element without data away: %v", err)
	}
	off := false
	b.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := b.engine.Update(ctx, tx, stack.Update{Name: "shop", Protected: &off, Actor: fairlead.Actor{User: "ann"}})
		return err
	})
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
}

func TestUpdateWhileAnActionRuns(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	release, reached := make(chan struct{}), make(chan struct{})
	w.Set("b", stacktest.Behaviour{Hold: release})
	w.OnHold(func(string) { close(reached) })
	r := request("1.0")
	r.Labels = map[string]string{"team": "web", "tier": "1"}
	a, err := b.engine.Create(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	text, blue, on := "the shop", "blue", true
	update := func(u stack.Update) (err error) {
		u.Name, u.Actor = "shop", fairlead.Actor{User: "bob"}
		return b.db.Write(ctx, func(tx *store.Tx) error { _, err := b.engine.Update(ctx, tx, u); return err })
	}
	if err := update(stack.Update{Description: &text, Labels: map[string]*string{"team": &blue, "tier": nil}, Protected: &on}); err != nil {
		t.Fatal(err)
	}
	close(release)
	b.want(fairlead.ActionSucceeded, b.wait(a, nil))
	if s := b.stack("shop"); s.Description != text || fmt.Sprint(s.Labels) != "map[team:blue]" || !s.Protected || s.Status != fairlead.StackRunning || s.Revision != 3 {
		t.Errorf("stack %+v", s)
	}
	if got := b.events("")[0].Message; got != "bob changed stack shop: its description, label team=blue, no label tier, it is protected now" {
		t.Errorf("event %q", got)
	}
	bad := "has space"
	if err := update(stack.Update{Labels: map[string]*string{"team": &bad}}); fairlead.ErrorCode(err) != fairlead.Invalid {
		t.Errorf("a bad label: %v", err)
	}
}

func TestTheSecondIsToldWhoWasFaster(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	p, err := b.engine.Prepare(ctx, stack.Request{Name: "shop", Inputs: map[string]any{"text": "mine"}})
	if err != nil {
		t.Fatal(err)
	}
	release, reached := make(chan struct{}), make(chan struct{})
	w.Set("b", stacktest.Behaviour{Hold: release})
	w.OnHold(func(string) { close(reached) })
	a, err := b.engine.Upgrade(ctx, stack.Request{Name: "shop", Inputs: map[string]any{"text": "theirs"}, Actor: fairlead.Actor{User: "bob"}, Comment: "hotfix", Run: "run-7"})
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	late := func() error {
		return b.db.Write(ctx, func(tx *store.Tx) error { _, err := b.engine.Begin(ctx, tx, p); return err })
	}
	if err := late(); fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(err.Error(), "is busy: upgrade to shop@1.0 by bob in run run-7 since ") || !strings.Contains(err.Error(), a.ID) {
		t.Errorf("while it runs: %v", err)
	}
	close(release)
	b.want(fairlead.ActionSucceeded, b.wait(a, nil))
	if err := late(); fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(err.Error(), "upgrade to shop@1.0 by bob in run run-7 (action "+a.ID+") has succeeded meanwhile") {
		t.Errorf("after it: %v", err)
	}
	if first := b.events(a.ID)[0].Message; !strings.HasSuffix(first, "because: hotfix") {
		t.Errorf("event %q", first)
	}
}

// TestHeldFieldsAreShown plans a change of a field that somebody else holds: a preview shows who, and carrying it out is refused
// with the same words, also in a nested stack.
func TestHeldFieldsAreShown(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", source(el{name: "web", value: "1"}, el{name: "db", value: "1"}))
	b.push("shop", "2.0", source(el{name: "web", value: "2"}, el{name: "db", value: "2"}))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	w.Set("web", stacktest.Behaviour{Held: "kubectl-edit"})
	w.Change("default/web", "hacked", "k8sManifest", "data", "value")

	plan, err := b.engine.Preview(ctx, request("2.0"))
	if err != nil {
		t.Fatal(describe(err))
	}
	held := plan.Operations[0].Fields
	if len(held) != 1 || held[0].Owner != "kubectl-edit" || held[0].Live != "hacked" || held[0].After != "2" || held[0].Before != "1" {
		t.Errorf("fields of web: %+v", held)
	}
	if other := plan.Operations[1].Fields; len(other) != 1 || other[0].Owner != "" {
		t.Errorf("fields of db: %+v", other)
	}
	if text := plan.Warnings.Error(); !strings.Contains(text, "would be refused: element web: data.value is set by kubectl-edit; take it over with --adopt=web") {
		t.Errorf("warnings: %s", text)
	}
	for _, hash := range []string{"", plan.Hash} {
		r := request("2.0")
		r.Preview = hash
		if _, err := b.engine.Upgrade(ctx, r); fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(err.Error(), "--adopt=web") {
			t.Errorf("an upgrade with preview %q: %v", hash, err)
		}
	}
	if s := b.stack("shop"); s.Version != "1.0" || s.Action != "" || dataOf(w, "default/web")["value"] != "hacked" {
		t.Errorf("what was refused has changed something: %+v", s)
	}
	r := request("2.0")
	r.Adopt = []string{"web"}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, r)))
	if got := dataOf(w, "default/web")["value"]; got != "2" {
		t.Errorf("after adoption the value is %v", got)
	}

	b.push("whole", "1.0", nesting("shop@1.0"))
	b.push("whole", "2.0", nesting("shop@2.0"))
	outer := stack.Request{Name: "whole", Template: "whole", Version: "1.0", Namespace: "inner"}
	w.Set("web", stacktest.Behaviour{})
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, outer)))
	w.Set("web", stacktest.Behaviour{Held: "kubectl-edit"})
	outer.Version = "2.0"
	if plan, err = b.engine.Preview(ctx, outer); err != nil {
		t.Fatal(describe(err))
	}
	if n := plan.Operations[0].Nested; n == nil || n.Operations[0].Fields[0].Owner != "kubectl-edit" || !strings.Contains(n.Warnings.Error(), "--adopt=part") {
		t.Errorf("the nested plan: %+v", n)
	}
	if _, err := b.engine.Upgrade(ctx, outer); fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(describe(err), "--adopt=part") {
		t.Errorf("an upgrade of the outer stack: %v", err)
	}
	outer.Adopt = []string{"part"}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, outer)))
	if got := dataOf(w, "inner/web")["value"]; got != "2" {
		t.Errorf("after adoption the inner value is %v", got)
	}
}

// nesting is a template with one element, part, that is a stack of another template.
func nesting(ref string) string {
	return `tosca_definitions_version: huaweicloud_tosca_version_1_0
node_templates:
  part:
    type: HuaweiCloud.AOS.Stack
    properties: {templateId: ` + ref + `}
`
}

// TestLargePlansTryLess counts what an action's own plan tries of many new elements, and what a preview does.
func TestLargePlansTryLess(t *testing.T) {
	for _, tt := range []struct {
		n             int
		sparing, look bool
	}{{50, false, false}, {51, true, false}, {51, false, true}} {
		p := &passes{Fake: stacktest.NewWorld().Provider()}
		b := newBench(t, p)
		var elements []el
		for i := range tt.n {
			elements = append(elements, el{name: fmt.Sprintf("e%d", i)})
		}
		b.push("shop", "1.0", source(elements...))
		var err error
		if tt.look {
			_, err = b.engine.Preview(t.Context(), request("1.0"))
		} else {
			_, err = b.engine.Prepare(t.Context(), request("1.0"))
		}
		if err != nil {
			t.Fatal(describe(err))
		}
		if p.seen == nil || p.seen.Sparing != tt.sparing {
			t.Errorf("%d elements, looked at %t: %+v", tt.n, tt.look, p.seen)
		}
	}
}

// passes remembers the pass of a plan.
type passes struct {
	*stacktest.Fake
	mu   sync.Mutex
	seen *template.Pass
}

func (p *passes) Plan(ctx context.Context, want template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	p.mu.Lock()
	p.seen = want.Pass
	p.mu.Unlock()
	return p.Fake.Plan(ctx, want, prior)
}
