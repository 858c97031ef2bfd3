package stack_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

// leaf is a template of one ConfigMap NAME that holds the inputs, with the output "id" and a secret input "pass".
func leaf(object string, annotations ...string) string {
	var extra strings.Builder
	for i, a := range annotations {
		if i == 0 {
			extra.WriteString("          annotations:\n")
		}
		k, v, _ := strings.Cut(a, "=")
		fmt.Fprintf(&extra, "            fake/%s: %q\n", k, v)
	}
	return `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  text: {type: string, default: hello, description: text}
  pass: {type: password, default: hunter22, description: pass}
node_templates:
  ` + object + `-map:
    type: HuaweiCloud.CCE.ConfigMap
    properties:
      k8sManifest:
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: ` + object + "\n" + extra.String() + `        data:
          text: {get_input: text}
          pass: {get_input: pass}
outputs:
  id: {value: {get_attribute: [` + object + `-map, refID]}, description: id}
  text: {value: {get_input: text}, description: text}
`
}

// middle is a template of a ConfigMap and a nested stack "core" that gets the input.
func middle(ref string) string {
	return `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  text: {type: string, default: hello, description: text}
  pass: {type: password, default: hunter22, description: pass}
node_templates:
  core:
    type: HuaweiCloud.AOS.Stack
    properties:
      templateId: ` + ref + `
      inputs:
        text: {get_input: text}
        pass: {get_input: pass}
  side:
    type: HuaweiCloud.CCE.ConfigMap
    properties:
      k8sManifest:
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: side}
        data: {core: {get_attribute: [core, id]}}
outputs:
  id: {value: {get_attribute: [core, id]}, description: id}
`
}

// outer is a template of two nested stacks: web reads an output of data.
func outer(data, web string) string {
	return `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  text: {type: string, default: hello, description: text}
  pass: {type: password, default: swordfish, description: pass}
  deploy: {type: boolean, default: true, description: deploy}
node_templates:
  data:
    type: HuaweiCloud.AOS.Stack
    properties:
      templateId: ` + data + `
      deploy: true
      inputs:
        text: {get_input: text}
        pass: {get_input: pass}
  web:
    type: HuaweiCloud.AOS.Stack
    properties:
      templateId: ` + web + `
      deploy: {get_input: deploy}
      inputs:
        text: {concat: [reads-, {get_attribute: [data, id]}]}
outputs:
  data: {value: {get_attribute: [data, id]}, description: data}
  web: {value: {get_attribute: [web, id]}, description: web}
`
}

func (b *bench) pushNested() {
	b.push("core", "1.0", leaf("core"))
	b.push("core", "2.0", leaf("core", "immutable=2"))
	b.push("data", "1.0", middle("core@1.0"))
	b.push("data", "2.0", middle("core@2.0"))
	b.push("web", "1.0", leaf("web"))
	b.push("web", "bad", leaf("web", "fail=no"))
	b.push("shop", "1.0", outer("data@1.0", "web@1.0"))
	b.push("shop", "2.0", outer("data@2.0", "web@1.0"))
	b.push("shop", "bad", outer("data@2.0", "web@bad"))
}

func (b *bench) stacks() (names []string) {
	b.t.Helper()
	b.read(func(ctx context.Context, tx *store.Tx) error {
		list, _, err := tx.Stacks(ctx, 100, "")
		for _, s := range list {
			names = append(names, s.Name+"<"+s.Parent)
		}
		return err
	})
	return names
}

func TestNestedLife(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.pushNested()

	plan, err := b.engine.Preview(ctx, request("1.0"))
	if err != nil {
		t.Fatal(describe(err))
	}
	if got, want := nestedText(plan, ""), "create data\n  create core\n    create core-map\n  create side\ncreate web\n  create web-map\n"; got != want {
		t.Errorf("preview\n%s\nwant\n%s", got, want)
	}
	a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	if got := objects(w); got != "default/core default/side default/web" {
		t.Errorf("objects %s\n%s", got, planText(a.Plan))
	}
	if got, want := b.stacks(), []string{"shop<", "shop-data<shop", "shop-data-core<shop-data", "shop-web<shop"}; !slices.Equal(got, want) {
		t.Errorf("stacks %v, want %v", got, want)
	}
	if got := dataOf(w, "default/web")["text"]; got != "reads-default/core#1" {
		t.Errorf("web reads %v", got)
	}
	if got := dataOf(w, "default/core")["pass"]; got != "swordfish" {
		t.Errorf("core got the secret %v", got)
	}
	s := b.stack("shop")
	if s.Health != fairlead.Healthy || s.Outputs[0].Value != "default/core#1" || s.Outputs[1].Value != "default/web#1" {
		t.Errorf("stack %+v", s)
	}
	if inner := b.stack("shop-data-core"); inner.Inputs["pass"] != fairlead.Masked || inner.CreatedBy != "ann" {
		t.Errorf("inner stack %+v", inner)
	}

	for _, r := range []stack.Request{
		{Name: "shop-data", Verb: fairlead.VerbUpgrade}, {Name: "shop-data", Verb: fairlead.VerbDelete},
		{Name: "shop-data", Verb: fairlead.VerbRollback}, {Name: "shop-data", Verb: fairlead.VerbRetry},
	} {
		if _, err := b.engine.Prepare(ctx, r); fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(err.Error(), `part of stack "shop"`) {
			t.Errorf("%s: %v", r.Verb, err)
		}
	}

	// Nothing to do is nothing done, on all levels.
	before := len(w.Calls())
	a = b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, stack.Request{Name: "shop"})))
	for _, c := range w.Calls()[before:] {
		if c.Method == "apply" || c.Method == "delete" {
			t.Errorf("an upgrade without a change: %s\n%s", c, planText(a.Plan))
		}
	}

	// What differs three levels down differs in all the stacks around it.
	w.Change("default/core", "theirs", "k8sManifest", "data", "text")
	d, err := b.engine.Drift(ctx, "shop")
	if err != nil || !d.Drifted || d.Elements[0].Reason != "inside it: core changed; see fairlead stack drift shop-data" || d.Elements[1].State != fairlead.DriftSame {
		t.Errorf("drift %+v, %v", d, err)
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, stack.Request{Name: "shop"})))

	// A replaced object three levels down has another id, which the stack beside reads.
	r := request("2.0")
	r.Inputs = map[string]any{"pass": "opensesame"}
	plan, err = b.engine.Preview(ctx, r)
	if err != nil {
		t.Fatal(describe(err))
	}
	if got, want := nestedText(plan, ""), "update data\n  update core\n    replace core-map\n  update side\nupdate web\n  update web-map\n"; got != want {
		t.Errorf("preview\n%s\nwant\n%s", got, want)
	}
	if text := fmt.Sprintf("%+v %+v", plan, nestedText(plan, "")); strings.Contains(text, "opensesame") || strings.Contains(text, "swordfish") || strings.Contains(text, "hunter22") {
		t.Errorf("a secret in the preview: %s", text)
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, r)))
	if got := dataOf(w, "default/web")["text"]; got != "reads-default/core#2" {
		t.Errorf("web reads %v", got)
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Rollback(ctx, stack.Request{Name: "shop"})))
	if got := dataOf(w, "default/web")["text"]; got != "reads-default/core#3" || dataOf(w, "default/core")["pass"] != "swordfish" {
		t.Errorf("after the rollback web reads %v, core %v", got, dataOf(w, "default/core"))
	}
	if inner := b.stack("shop-data"); inner.Version != "1.0" {
		t.Errorf("shop-data is at %s", inner.Version)
	}

	// What is not deployed goes, and what reads it finds nothing.
	r = stack.Request{Name: "shop", Inputs: map[string]any{"deploy": false}}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, r)))
	if got := objects(w); got != "default/core default/side" {
		t.Errorf("objects %s", got)
	}
	if s := b.stack("shop"); s.Outputs[1].Value != "" {
		t.Errorf("outputs %+v", s.Outputs)
	}

	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
	if got := b.stacks(); len(got) > 0 || objects(w) != "" {
		t.Errorf("left: stacks %v, objects %s", got, objects(w))
	}
}

// nestedText is the verbs and elements of a plan that do something, with those of nested stacks below.
func nestedText(p fairlead.Plan, indent string) string {
	var b strings.Builder
	for _, op := range p.Operations {
		fmt.Fprintf(&b, "%s%s %s\n", indent, op.Verb, op.Element)
		if op.Nested != nil {
			b.WriteString(nestedText(*op.Nested, indent+"  "))
		}
	}
	return b.String()
}
