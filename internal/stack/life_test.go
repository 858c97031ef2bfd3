package stack_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

// el is one ConfigMap of a test template. value is its data; reads is an element whose refID it holds.
type el struct {
	name, value, reads, object string
	needs                      []string
	annotations                map[string]string
}

// source is a template of ConfigMaps with an input "text" and a secret input "key".
func source(elements ...el) string {
	var b strings.Builder
	b.WriteString(`tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  text: {type: string, default: hello, description: text}
  fixed: {type: string, default: stays, immutable: true, description: fixed}
  key: {type: password, default: hunter22, description: key}
node_templates:
`)
	if len(elements) == 0 {
		b.WriteString("  {}\n")
	}
	for _, e := range elements {
		object := e.object
		if object == "" {
			object = e.name
		}
		fmt.Fprintf(&b, "  %s:\n    type: HuaweiCloud.CCE.ConfigMap\n    properties:\n      k8sManifest:\n", e.name)
		fmt.Fprintf(&b, "        apiVersion: v1\n        kind: ConfigMap\n        metadata:\n          name: %s\n", object)
		if len(e.annotations) > 0 {
			b.WriteString("          annotations:\n")
			for _, k := range slices.Sorted(maps.Keys(e.annotations)) {
				fmt.Fprintf(&b, "            fake/%s: %q\n", k, e.annotations[k])
			}
		}
		b.WriteString("        data:\n          text: {get_input: text}\n          key: {get_input: key}\n          fixed: {get_input: fixed}\n")
		if e.value != "" {
			fmt.Fprintf(&b, "          value: %q\n", e.value)
		}
		if e.reads != "" {
			fmt.Fprintf(&b, "          other: {get_attribute: [%s, refID]}\n", e.reads)
		}
		if len(e.needs) > 0 {
			b.WriteString("    requirements:\n")
			for _, n := range e.needs {
				fmt.Fprintf(&b, "      - dependency:\n          node: %s\n", n)
			}
		}
	}
	if len(elements) > 0 {
		fmt.Fprintf(&b, "outputs:\n  first: {value: {get_attribute: [%s, refID]}, description: first}\n  key: {value: {get_input: key}, description: key}\n", elements[0].name)
	}
	return b.String()
}

func request(version string) stack.Request {
	return stack.Request{Name: "shop", Template: "shop", Version: version, Actor: fairlead.Actor{User: "ann"}}
}

func TestLife(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", source(el{name: "db"}, el{name: "web", reads: "db"}, el{name: "side", needs: []string{"web"}}))
	b.push("shop", "2.0", source(el{name: "db", value: "new"}, el{name: "web", reads: "db"}, el{name: "extra"}))

	a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	if got, want := planText(a.Plan), `0 create db succeeded
1 create web needs [0] succeeded
2 create side needs [1] succeeded
`; got != want {
		t.Errorf("plan\n%s\nwant\n%s", got, want)
	}
	s := b.stack("shop")
	if s.Status != fairlead.StackRunning || s.Health != fairlead.Healthy || s.Action != "" || s.Inputs["key"] != fairlead.Masked || s.Inputs["text"] != "hello" {
		t.Errorf("stack %+v", s)
	}
	if len(s.Outputs) != 2 || s.Outputs[0].Value != "default/db#1" || s.Outputs[1].Value != fairlead.Masked {
		t.Errorf("outputs %+v", s.Outputs)
	}
	if got := dataOf(w, "default/web")["other"]; got != "default/db#1" {
		t.Errorf("web reads %v", got)
	}

	r := request("2.0")
	r.Inputs = map[string]any{"text": "bye", "key": "swordfish"}
	a = b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, r)))
	if got, want := planText(a.Plan), `0 update db succeeded
  k8sManifest.data.key: ****** -> ******
  k8sManifest.data.text: hello -> bye
  k8sManifest.data.value: <nil> -> new
1 update web needs [0] succeeded
  k8sManifest.data.key: ****** -> ******
  k8sManifest.data.text: hello -> bye
2 create extra succeeded
3 delete side succeeded
`; got != want {
		t.Errorf("plan\n%s\nwant\n%s", got, want)
	}
	if got := slices.Sorted(maps.Keys(w.Objects())); !slices.Equal(got, []string{"default/db", "default/extra", "default/web"}) {
		t.Errorf("objects %v", got)
	}
	if plan, err := b.engine.Preview(ctx, stack.Request{Name: "shop"}); err != nil || strings.Contains(planText(plan), "update") {
		t.Errorf("preview of nothing: %v\n%s", err, planText(plan))
	}

	// An upgrade that changes nothing is no state of its own to go back to.
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, stack.Request{Name: "shop"})))
	a = b.want(fairlead.ActionSucceeded, b.wait(b.engine.Rollback(ctx, stack.Request{Name: "shop"})))
	if s := b.stack("shop"); s.Version != "1.0" || s.Inputs["text"] != "hello" || dataOf(w, "default/db")["key"] != "hunter22" {
		t.Errorf("after the rollback: %+v, db %v\n%s", s, dataOf(w, "default/db"), planText(a.Plan))
	}
	// A rollback of the rollback takes it back, and so on.
	for _, version := range []string{"2.0", "1.0"} {
		b.want(fairlead.ActionSucceeded, b.wait(b.engine.Rollback(ctx, stack.Request{Name: "shop"})))
		if s := b.stack("shop"); s.Version != version {
			t.Errorf("version %s, want %s", s.Version, version)
		}
	}

	a = b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
	if got, want := planText(a.Plan), `0 delete side succeeded
1 delete web needs [0] succeeded
2 delete db needs [1] succeeded
`; got != want {
		t.Errorf("plan\n%s\nwant\n%s", got, want)
	}
	if len(w.Objects()) != 0 {
		t.Errorf("left: %v", w.Objects())
	}
	b.read(func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Stack(ctx, "shop"); fairlead.ErrorCode(err) != fairlead.NotFound {
			t.Errorf("stack: %v", err)
		}
		list, _, err := tx.Actions(ctx, "shop", 10, "")
		if len(list) != 7 {
			t.Errorf("%d actions", len(list))
		}
		return err
	})
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
}

func dataOf(w *stacktest.World, identity string) map[string]any {
	manifest, _ := w.Objects()[identity].Properties["k8sManifest"].(map[string]any)
	data, _ := manifest["data"].(map[string]any)
	return data
}

// TestWhatIsReadyTogetherSharesCommits looks at the times of the events: each transaction has one.
func TestWhatIsReadyTogetherSharesCommits(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	var list []el
	for i := range 32 {
		list = append(list, el{name: fmt.Sprintf("e%d", i)})
	}
	b.push("shop", "1.0", source(list[0]))
	b.push("shop", "2.0", source(list...))
	commits := func(a fairlead.Action) (n int) {
		times := map[string]bool{}
		for _, e := range b.events(a.ID) {
			times[e.Time.String()] = true
		}
		return len(times)
	}
	if n := commits(b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(t.Context(), request("1.0"))))); n != 3 {
		t.Errorf("an action with one element took %d commits, want 3: begun, planned, done", n)
	}
	if n := commits(b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(t.Context(), request("2.0"))))); n > 32 {
		t.Errorf("an action with 31 new elements took %d commits, want far less than one for each step", n)
	} else {
		t.Logf("%d commits", n)
	}
}
