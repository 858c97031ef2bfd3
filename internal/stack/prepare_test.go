package stack_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

func TestRefusals(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	b.push("shop", "3.0", source(el{name: "a", annotations: map[string]string{"refuse": "not this one"}}, el{name: "b", annotations: map[string]string{"refuse": "nor that one"}}))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	var before int64
	b.read(func(ctx context.Context, tx *store.Tx) (err error) {
		before, err = tx.LastEvent(ctx)
		return err
	})

	tests := map[string]struct {
		request stack.Request
		code    fairlead.Code
		want    string // in the message or the problems
	}{
		"everything wrong at once": {
			stack.Request{Name: "Shop!", OnFailure: "hope", Timeout: time.Millisecond, Namespace: "-x", Template: "shop"},
			fairlead.Invalid, `stack Shop! has 5 errors`,
		},
		"unknown template":      {stack.Request{Name: "new", Template: "nope", Version: "1.0"}, fairlead.NotFound, `template nope has no version "1.0"`},
		"unknown version":       {stack.Request{Name: "new", Template: "shop", Version: "9"}, fairlead.NotFound, `template shop has no version "9"`},
		"unknown target":        {stack.Request{Name: "new", Template: "shop", Version: "1.0", Target: "moon"}, fairlead.NotFound, `target "moon" does not exist`},
		"no template":           {stack.Request{Name: "new"}, fairlead.Invalid, "a new stack needs a template and its version"},
		"name taken":            {stack.Request{Name: "shop", Template: "shop", Version: "1.0", Verb: fairlead.VerbCreate}, fairlead.Conflict, "exists already"},
		"nothing to upgrade":    {stack.Request{Name: "new", Verb: fairlead.VerbUpgrade}, fairlead.NotFound, `stack "new" does not exist`},
		"nothing to delete":     {stack.Request{Name: "new", Verb: fairlead.VerbDelete}, fairlead.NotFound, `stack "new" does not exist`},
		"another target":        {stack.Request{Name: "shop", Target: "moon"}, fairlead.Invalid, `is on target "local" and cannot move to "moon"`},
		"another namespace":     {stack.Request{Name: "shop", Namespace: "prod"}, fairlead.Invalid, `is in namespace "default" and cannot move to "prod"`},
		"immutable input":       {stack.Request{Name: "shop", Inputs: map[string]any{"fixed": "moves"}}, fairlead.Invalid, `input "fixed" is immutable`},
		"unknown input":         {stack.Request{Name: "shop", Inputs: map[string]any{"what": "ever", "fixed": "moves"}}, fairlead.Invalid, "what"},
		"the provider's checks": {stack.Request{Name: "shop", Version: "3.0"}, fairlead.Invalid, "template shop@3.0 has 2 errors"},
		"no state to go back":   {stack.Request{Name: "shop", Verb: fairlead.VerbRollback}, fairlead.Conflict, "no earlier good state"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := b.engine.Prepare(ctx, test.request)
			if err == nil || fairlead.ErrorCode(err) != test.code || !strings.Contains(describe(err), test.want) {
				t.Fatalf("got %s: %s\nwant %s: %s", fairlead.ErrorCode(err), describe(err), test.code, test.want)
			}
		})
	}

	t.Run("findings of the provider have positions", func(t *testing.T) {
		_, err := b.engine.Prepare(ctx, stack.Request{Name: "shop", Version: "3.0"})
		text := describe(err)
		for _, want := range []string{"shop.yaml:16:", "error: not this one", "shop.yaml:30:", "error: nor that one"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in\n%s", want, text)
			}
		}
	})

	t.Run("a plan that is out of date", func(t *testing.T) {
		p, err := b.engine.Prepare(ctx, stack.Request{Name: "shop", Inputs: map[string]any{"text": "one"}})
		if err != nil {
			t.Fatal(err)
		}
		b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, stack.Request{Name: "shop", Inputs: map[string]any{"text": "two"}})))
		err = b.db.Write(ctx, func(tx *store.Tx) error {
			_, err := b.engine.Begin(ctx, tx, p)
			return err
		})
		if fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(err.Error(), "plan again") {
			t.Errorf("err = %v", err)
		}
	})

	b.read(func(ctx context.Context, tx *store.Tx) error {
		list, err := tx.Events(ctx, store.EventFilter{After: before, Kind: "stack", Limit: 1000})
		for _, e := range list {
			if e.Name != "shop" {
				t.Errorf("a refused request left event %+v", e)
			}
		}
		if _, err := tx.Stack(ctx, "new"); fairlead.ErrorCode(err) != fairlead.NotFound {
			t.Errorf("a refused request left a stack: %v", err)
		}
		return err
	})
}

func TestSecretsAreNowhereInTheClear(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	r := request("1.0")
	r.Inputs = map[string]any{"key": "open-sesame"}
	p, err := b.engine.Prepare(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v", p.Plan); strings.Contains(text, "open-sesame") || !strings.Contains(text, fairlead.Masked) {
		t.Errorf("plan shows the secret: %s", text)
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))
	b.read(func(ctx context.Context, tx *store.Tx) error {
		for _, table := range []string{"stacks", "stack_states", "stack_actions", "stack_operations", "stack_records", "events", "river_job"} {
			rows, err := tx.Query(ctx, "SELECT * FROM "+table)
			if err != nil {
				return err
			}
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			found, err := store.Collect(rows, nil, func(row store.Row) (string, error) {
				values := make([]any, len(columns))
				for i := range values {
					values[i] = new([]byte)
				}
				err := row.Scan(values...)
				var text strings.Builder
				for _, v := range values {
					text.Write(*v.(*[]byte))
				}
				return text.String(), err
			})
			if err != nil {
				return err
			}
			for _, row := range found {
				if strings.Contains(row, "open-sesame") {
					t.Errorf("table %s holds the secret", table)
				}
			}
		}
		return nil
	})
	if got := dataOf(w, "default/a")["key"]; got != "open-sesame" {
		t.Errorf("the element got %v", got)
	}
}

func TestInputsAreLaidOver(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	b.push("shop", "2.0", strings.ReplaceAll(chain("1", nil), "default: hello", "default: welcome"))
	r := request("1.0")
	r.Inputs = map[string]any{"key": "open-sesame"}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, stack.Request{Name: "shop", Version: "2.0"})))
	if d := dataOf(w, "default/a"); d["key"] != "open-sesame" || d["text"] != "welcome" {
		t.Errorf("data %v, want the given key and the new default", d)
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, stack.Request{Name: "shop", Inputs: map[string]any{"key": nil}})))
	if d := dataOf(w, "default/a"); d["key"] != "hunter22" {
		t.Errorf("data %v, want the default key again", d)
	}
}

func TestFieldChanges(t *testing.T) {
	tests := map[string]struct {
		kind          string
		before, after map[string]any
		want          string
	}{
		"nothing": {"CCE.Pod", map[string]any{"a": int64(3), "l": []any{"x"}}, map[string]any{"a": 3.0, "l": []any{"x"}}, ""},
		"deep, in order": {"CCE.Pod",
			map[string]any{"z": map[string]any{"b": int64(1), "a": true}, "l": []any{"x", "y", "z"}},
			map[string]any{"z": map[string]any{"b": int64(2), "c": "new"}, "l": []any{"x", "why"}},
			"l[1]: y -> why\nl[2]: z -> <nil>\nz.a: true -> <nil>\nz.b: 1 -> 2\nz.c: <nil> -> new\n"},
		"another kind of value": {"CCE.Pod", map[string]any{"a": []any{"x"}}, map[string]any{"a": "x"}, "a: [x] -> x\n"},
		"a secret's data is hidden": {"CCE.Secret",
			map[string]any{"k8sManifest": map[string]any{"data": map[string]any{"p": "b2xk"}, "type": "Opaque"}},
			map[string]any{"k8sManifest": map[string]any{"data": map[string]any{"p": "bmV3"}, "type": "other", "stringData": map[string]any{"q": "r"}}},
			"k8sManifest.data.p: ****** -> ******\nk8sManifest.stringData: <nil> -> map[q:******]\nk8sManifest.type: Opaque -> other\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			for _, f := range stack.FieldChanges(test.kind, test.before, test.after, fairlead.Mask{}) {
				fmt.Fprintf(&got, "%s: %v -> %v\n", f.Path, f.Before, f.After)
			}
			if got.String() != test.want {
				t.Errorf("got\n%s\nwant\n%s", got.String(), test.want)
			}
		})
	}
}

func TestPlansAreDeterministic(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	var elements []el
	for i := range 40 {
		e := el{name: fmt.Sprintf("e%02d", (i*7)%40)}
		if i > 0 {
			e.needs = []string{elements[i/2].name}
		}
		elements = append(elements, e)
	}
	b.push("shop", "1.0", source(elements...))
	first, err := b.engine.Preview(t.Context(), request("1.0"))
	if err != nil {
		t.Fatal(describe(err))
	}
	for range 5 {
		again, err := b.engine.Preview(t.Context(), request("1.0"))
		if err != nil || again.Hash != first.Hash || planText(again) != planText(first) {
			t.Fatalf("%v\n%s\nthen\n%s", err, planText(first), planText(again))
		}
	}
}

func TestUpgradesWarnOfWhatTheOriginalRefuses(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", source(el{name: "db"}, el{name: "web", needs: []string{"db"}}))
	b.push("shop", "2.0", source(el{name: "db"}, el{name: "web"}, el{name: "extra", needs: []string{"db"}}))
	refused := func(r stack.Request) (found []string) {
		t.Helper()
		plan, err := b.engine.Preview(ctx, r)
		if err != nil {
			t.Fatal(describe(err))
		}
		for _, d := range plan.Warnings {
			if d.Code == "update" && d.Severity == fairlead.SeverityWarning {
				found = append(found, d.Summary)
			}
		}
		return found
	}
	if got := refused(request("1.0")); got != nil {
		t.Errorf("a new stack is warned: %q", got)
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	want := []string{`element "web" does not require "db" any more`, `new element "extra" requires "db", which exists`}
	if got := refused(request("2.0")); !slices.Equal(got, want) {
		t.Errorf("warnings %q, want %q", got, want)
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, request("2.0"))))
	if got := refused(stack.Request{Name: "shop", Inputs: map[string]any{"text": "bye"}}); got != nil {
		t.Errorf("an upgrade within a version is warned: %q", got)
	}
}
