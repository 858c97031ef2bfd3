package stack_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
)

const codesTemplate = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  size: {type: integer, default: 1, constraints: {in_range: [0, 100]}}
  zone: {default: a, immutable: true}
  text: {default: "", constraints: {max_length: 5}}
node_templates:
  web:
    type: CCE.ConfigMap
    properties: {name: web, data: {size: {get_input: size}, zone: {get_input: zone}, text: {get_input: text}}}
`

// What the original documents as errors in the life of a stack is refused here too, or possible; docs/errors.md has the list.
func TestErrorsOfTheOriginal(t *testing.T) {
	b := newBench(t, stacktest.NewWorld().Provider())
	b.push("web", "1", codesTemplate)
	create := func(name string) stack.Request { return stack.Request{Name: name, Template: "web", Version: "1"} }
	good := create("shop")
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(t.Context(), good)))
	upgrade := func(inputs map[string]any) stack.Request { return stack.Request{Name: "shop", Inputs: inputs} }
	tests := []struct {
		original string
		do       func(stack.Request) (fairlead.Action, error)
		request  stack.Request
		code     fairlead.Code
		says     string
	}{
		{"4002001 stack name invalid", b.create, create("-Shop"), fairlead.Invalid, "want 1 to 64 lower-case letters"},
		{"4092006 stack name used", b.create, create("shop"), fairlead.Conflict, "exists already"},
		{"4002024 label invalid", b.create, stack.Request{Name: "x", Template: "web", Version: "1", Labels: map[string]string{"a b": "c"}}, fairlead.Invalid, "label"},
		{"4040012 template does not exist", b.create, stack.Request{Name: "x", Template: "none", Version: "1"}, fairlead.NotFound, "none"},
		{"4002008 input not known", b.upgrade, upgrade(map[string]any{"siz": 2}), fairlead.Invalid, "size"},
		{"4002013 input of another type", b.upgrade, upgrade(map[string]any{"size": "many"}), fairlead.Invalid, "size"},
		{"4002011 input too long", b.upgrade, upgrade(map[string]any{"text": "too long"}), fairlead.Invalid, "5"},
		{"4002505 number of instances out of range", b.upgrade, upgrade(map[string]any{"size": 101}), fairlead.Invalid, "100"},
		{"4003915 immutable input", b.upgrade, upgrade(map[string]any{"zone": "b"}), fairlead.Invalid, "immutable"},
		{"4042101 stack does not exist", b.upgrade, stack.Request{Name: "none"}, fairlead.NotFound, "none"},
		{"4002401 stack name changes", b.upgrade, stack.Request{Name: "renamed"}, fairlead.NotFound, "renamed"},
		{"4002506 timeout out of range", b.upgrade, stack.Request{Name: "shop", Timeout: 25 * time.Hour}, fairlead.Invalid, "24h"},
		{"4002507 failure strategy invalid", b.upgrade, stack.Request{Name: "shop", OnFailure: "DoNothing"}, fairlead.Invalid, "keep or rollback"},
		{"4002515 never upgraded", b.rollback, stack.Request{Name: "shop"}, fairlead.Conflict, "no earlier good state"},
		{"4002548 nothing to retry", b.retry, stack.Request{Name: "shop"}, fairlead.Conflict, "nothing to retry"},
	}
	for _, tt := range tests {
		t.Run(tt.original, func(t *testing.T) {
			_, err := tt.do(tt.request)
			if fairlead.ErrorCode(err) != tt.code || !strings.Contains(describe(err), tt.says) {
				t.Errorf("got %s: %s; want %s with %q", fairlead.ErrorCode(err), describe(err), tt.code, tt.says)
			}
		})
	}
	t.Run("4002574 the action cannot be canceled", func(t *testing.T) {
		if err := b.engine.Cancel(t.Context(), fairlead.Actor{}, "shop"); fairlead.ErrorCode(err) != fairlead.Conflict {
			t.Errorf("cancel of nothing: %v", err)
		}
	})
	t.Run("4002576 nothing changes: here that is fine", func(t *testing.T) {
		b.want(fairlead.ActionSucceeded, b.wait(b.upgrade(upgrade(nil))))
	})
}

func (b *bench) create(r stack.Request) (fairlead.Action, error) {
	return b.engine.Create(b.t.Context(), r)
}

func (b *bench) upgrade(r stack.Request) (fairlead.Action, error) {
	return b.engine.Upgrade(b.t.Context(), r)
}

func (b *bench) rollback(r stack.Request) (fairlead.Action, error) {
	return b.engine.Rollback(b.t.Context(), r)
}

func (b *bench) retry(r stack.Request) (fairlead.Action, error) {
	return b.engine.Retry(b.t.Context(), r)
}
