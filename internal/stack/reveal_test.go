package stack_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

// The nested database gives its password away as an output, two levels down; an element and another nested stack read it.
const (
	keeperTemplate = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  key: {type: password, default: hush-hush-1, description: key}
node_templates:
  box:
    type: HuaweiCloud.CCE.ConfigMap
    properties: {name: box, k8sManifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: box}, data: {key: {get_input: key}}}}
outputs:
  key: {value: {concat: ["key:", {get_input: key}]}, description: key}
  host: {value: db.example, description: host}
`
	databaseTemplate = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  keeper: {type: string, default: keeper@1.0, description: keeper}
node_templates:
  keeper:
    type: HuaweiCloud.AOS.Stack
    properties: {templateId: {get_input: keeper}}
outputs:
  dsn: {value: {concat: ["pg://", {get_attribute: [keeper, key]}, "@", {get_attribute: [keeper, host]}]}, description: dsn}
`
	readerTemplate = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  dsn: {type: string, description: dsn}
node_templates:
  reader:
    type: HuaweiCloud.CCE.ConfigMap
    properties: {k8sManifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: reader}, data: {value: {get_input: dsn}}}}
outputs:
  echo: {value: {get_input: dsn}, description: dsn}
`
	wholeTemplate = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  keeper: {type: string, default: keeper@1.0, description: keeper}
node_templates:
  db:
    type: HuaweiCloud.AOS.Stack
    properties: {templateId: database@1.0, inputs: {keeper: {get_input: keeper}}}
  web:
    type: HuaweiCloud.CCE.ConfigMap
    properties: {k8sManifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {value: {get_attribute: [db, dsn]}}}}
    requirements: [{dependency: {node: db}}]
  other:
    type: HuaweiCloud.AOS.Stack
    properties: {templateId: reader@1.0, inputs: {dsn: {get_attribute: [db, dsn]}}}
    requirements: [{dependency: {node: db}}]
outputs:
  dsn: {value: {get_attribute: [db, dsn]}, description: dsn}
`
)

// TestSecretOutputsReachSiblings hands a secret output of a nested stack to what is beside it, and looks for it in everything that is shown.
func TestSecretOutputsReachSiblings(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("keeper", "1.0", keeperTemplate)
	b.push("keeper", "2.0", strings.ReplaceAll(keeperTemplate, "hush-hush-1", "hush-hush-2"))
	b.push("database", "1.0", databaseTemplate)
	b.push("reader", "1.0", readerTemplate)
	b.push("whole", "1.0", wholeTemplate)
	r := stack.Request{Name: "whole", Template: "whole", Version: "1.0"}
	has := func(n string) {
		t.Helper()
		for _, name := range []string{"default/web", "default/reader"} {
			if got := dataOf(w, name)["value"]; got != "pg://key:hush-hush-"+n+"@db.example" {
				t.Errorf("%s reads %v", name, got)
			}
		}
		b.tells(t, "hush-hush")
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))
	has("1")
	b.read(func(ctx context.Context, tx *store.Tx) error {
		s, err := tx.Stack(ctx, "whole")
		if err != nil {
			return err
		}
		mask, err := stack.MaskOf(ctx, tx, s.ID, map[string]string{"pem": "BEGIN\nlong enough\nEND\n"})
		if got := mask.String("END of hush-hush-1, not long enough"); got != "END of "+fairlead.Masked+", not "+fairlead.Masked {
			t.Errorf("hidden: %s", got)
		}
		return err
	})

	plan, err := b.engine.Preview(ctx, r)
	if err != nil {
		t.Fatal(describe(err))
	}
	for _, op := range plan.Operations {
		if op.State != fairlead.OperationSucceeded {
			t.Errorf("without a change there is something to do:\n%s", planText(plan))
			break
		}
	}
	w.Change("default/web", "pg://key:hush-hush-9@", "k8sManifest", "data", "value")
	drift, err := b.engine.Drift(ctx, "whole")
	if err != nil || !drift.Drifted {
		t.Errorf("drift %+v, %v", drift, err)
	}
	if text, _ := json.Marshal(drift); strings.Contains(string(text), "hush-hush-1") {
		t.Errorf("the drift tells the secret: %s", text)
	}

	r.Inputs = map[string]any{"keeper": "keeper@2.0"}
	if plan, err = b.engine.Preview(ctx, r); err != nil {
		t.Fatal(describe(err))
	}
	if text, _ := json.Marshal(plan); strings.Contains(string(text), "hush-hush-1") || strings.Contains(string(text), "hush-hush-2") {
		t.Errorf("the plan tells a secret: %s", text)
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, r)))
	has("2")
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Rollback(ctx, stack.Request{Name: "whole"})))
	has("1")
}

// tells fails when anything that is shown of the stacks holds a text.
func (b *bench) tells(t *testing.T, secret string) {
	t.Helper()
	look := func(what string, v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), secret) {
			t.Errorf("%s: %s", what, text)
		}
	}
	var names []string
	b.read(func(ctx context.Context, tx *store.Tx) error {
		list, _, err := tx.Stacks(ctx, 100, "")
		look("stacks", list, err)
		for _, s := range list {
			names = append(names, s.Name)
			actions, _, err := tx.Actions(ctx, s.Name, 100, "")
			look("actions of "+s.Name, actions, err)
		}
		events, err := tx.Events(ctx, store.EventFilter{Kind: "stack", Limit: 10000})
		look("events", events, err)
		return err
	})
	if len(names) != 4 {
		t.Errorf("stacks %q", names)
	}
	for _, name := range names {
		elements, err := b.engine.Elements(t.Context(), name)
		look("elements of "+name, elements, err)
		outputs, err := b.engine.Outputs(t.Context(), name)
		look("outputs of "+name, outputs, err)
	}
}
