package stacktest

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/template"
)

// Suite says how a provider is exercised. New and Element are required.
type Suite struct {
	// New returns a provider on the target. It is called several times in one test, as after a restart of the server, and
	// every provider that it returns must see what the others made.
	New func(t *testing.T) stack.Provider
	// Element returns the wanted element. Revision 2 differs from 1 in something that can be changed in place. Stack, StackID,
	// Target and Namespace may be left empty.
	Element func(t *testing.T, revision int) template.Element
	// Replacement returns the element of revision 1 with something changed that cannot be changed in place. Default: none.
	Replacement func(t *testing.T) template.Element
	// Foreign makes, on the target and without the provider, what the element of revision 1 would be, belonging to no stack.
	// Default: a target where nothing can be foreign.
	Foreign func(t *testing.T)
	// Attributes are the names of attributes that must be there after Apply. Default: refName.
	Attributes []string
	// Timeout bounds each wait for health and for a deletion. Default: 30 seconds.
	Timeout time.Duration
}

// Exercise runs the suite that every provider passes.
func Exercise(t *testing.T, s Suite) {
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Second
	}
	if s.Attributes == nil {
		s.Attributes = []string{"refName"}
	}
	t.Run("an element has no findings, also while values are unknown", func(t *testing.T) {
		b := s.begin(t)
		b.check(b.element(1))
	})
	t.Run("a planned record that was never made can be deleted", func(t *testing.T) {
		b := s.begin(t)
		r := b.plan(b.element(1), nil, fairlead.OpCreate).Record
		r.State = fairlead.RecordPlanned
		b.delete(r)
	})
	t.Run("what is made becomes healthy and is then as wanted", func(t *testing.T) {
		b := s.begin(t)
		r := b.make(b.plan(b.element(1), nil, fairlead.OpCreate))
		for _, name := range s.Attributes {
			if _, ok := r.Attributes[name]; !ok {
				t.Errorf("attributes %v have no %s", r.Attributes, name)
			}
		}
		b.plan(b.element(1), &r, fairlead.OpNone)
		b.restart()
		b.plan(b.element(1), stored(t, r), fairlead.OpNone)
		b.read(*stored(t, r), true)
	})
	t.Run("applying the same change again makes nothing twice", func(t *testing.T) {
		b := s.begin(t)
		c := b.plan(b.element(1), nil, fairlead.OpCreate)
		first := b.apply(c)
		b.restart()
		c.Record = *stored(t, c.Record)
		second := b.make(c)
		if !maps.Equal(first.Identity, second.Identity) {
			t.Errorf("identity %v, then %v", first.Identity, second.Identity)
		}
		b.plan(b.element(1), &second, fairlead.OpNone)
	})
	t.Run("a change in place is an update", func(t *testing.T) {
		b := s.begin(t)
		r := b.make(b.plan(b.element(1), nil, fairlead.OpCreate))
		c := b.plan(b.element(2), &r, fairlead.OpUpdate)
		r = b.make(c)
		b.plan(b.element(2), &r, fairlead.OpNone)
		c = b.plan(b.element(1), &r, fairlead.OpUpdate)
		r = b.make(c)
		b.plan(b.element(1), &r, fairlead.OpNone)
	})
	if s.Replacement != nil {
		t.Run("what cannot be changed in place is replaced", func(t *testing.T) { s.exerciseReplacement(t) })
	}
	if s.Foreign != nil {
		t.Run("what belongs to no stack is taken over only when that is asked for", func(t *testing.T) { s.exerciseAdoption(t) })
	}
	t.Run("a deleted resource is gone, and deleting it again is fine", func(t *testing.T) {
		b := s.begin(t)
		r := b.make(b.plan(b.element(1), nil, fairlead.OpCreate))
		b.restart()
		r = *stored(t, r)
		b.delete(r)
		b.delete(r)
		b.read(r, false)
		h, err := b.provider.Health(b.ctx, r)
		if err != nil || h.State == fairlead.Healthy || h.Reason == "" {
			t.Errorf("health of what is gone: %+v, %v; want another state than healthy, with a reason", h, err)
		}
		b.plan(b.element(1), &r, fairlead.OpCreate)
	})
	t.Run("a canceled call returns an error", func(t *testing.T) {
		b := s.begin(t)
		c := b.plan(b.element(1), nil, fairlead.OpCreate)
		b.t.Cleanup(func() { b.delete(c.Record) })
		ctx, cancel := context.WithCancel(b.ctx)
		cancel()
		if _, err := b.provider.Apply(ctx, c); err == nil {
			t.Error("Apply returned no error")
		}
	})
}

func (s Suite) exerciseReplacement(t *testing.T) {
	b := s.begin(t)
	r := b.make(b.plan(b.element(1), nil, fairlead.OpCreate))
	want := placed(s.Replacement(t))
	c := b.plan(want, &r, fairlead.OpReplace)
	if c.Reason == "" {
		t.Error("a replacement gives no reason")
	}
	b.delete(r)
	c.Verb, c.Prior = fairlead.OpCreate, nil
	r = b.make(c)
	b.plan(want, &r, fairlead.OpNone)
}

func (s Suite) exerciseAdoption(t *testing.T) {
	b := s.begin(t)
	s.Foreign(t)
	el := b.element(1)
	if _, err := b.provider.Plan(b.ctx, el, nil); fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(err.Error(), "adopt") {
		t.Errorf("plan of what is there already: %v; want a conflict that says how to adopt it", err)
	}
	el.Adopt = true
	r := b.make(b.plan(el, nil, fairlead.OpUpdate))
	b.restart()
	b.plan(b.element(1), stored(t, r), fairlead.OpNone)
	if p, ok := b.provider.(stack.Releaser); ok {
		if err := p.Release(b.ctx, *stored(t, r)); err != nil {
			t.Fatalf("release: %v", err)
		}
		if _, err := b.provider.Plan(b.ctx, b.element(1), nil); fairlead.ErrorCode(err) != fairlead.Conflict {
			t.Errorf("plan of what was released: %v; want a conflict", err)
		}
		r = b.make(b.plan(el, nil, fairlead.OpUpdate))
	}
	b.delete(r)
	b.read(r, false)
}

// bundle is one test of the suite.
type bundle struct {
	Suite
	t        *testing.T
	ctx      context.Context
	provider stack.Provider
	made     map[string]fairlead.Record
}

func (s Suite) begin(t *testing.T) *bundle {
	// The test's own context ends before its cleanup, which deletes.
	return &bundle{Suite: s, t: t, ctx: context.WithoutCancel(t.Context()), provider: s.New(t), made: map[string]fairlead.Record{}}
}

// restart goes on with another provider, as after a restart of the server.
func (b *bundle) restart() { b.provider = b.New(b.t) }

func (b *bundle) element(revision int) template.Element { return placed(b.Element(b.t, revision)) }

func placed(el template.Element) template.Element {
	if el.Stack == "" {
		el.Stack = "exercise"
	}
	if el.StackID == "" {
		el.StackID = "0190a000-0000-7000-8000-00000000e8e7"
	}
	if el.Target == "" {
		el.Target = fairlead.LocalTarget
	}
	if el.Namespace == "" {
		el.Namespace = "default"
	}
	return el
}

func (b *bundle) check(el template.Element) {
	b.t.Helper()
	if ds := b.provider.Check(el); ds.HasErrors() {
		b.t.Fatalf("check: %v", ds.Error())
	}
	el.Properties, _ = withUnknown(el.Properties).(map[string]any)
	b.provider.Check(el) // must not panic; what it says about unknown values is its own
}

// withUnknown replaces every text by an unknown value.
func withUnknown(v any) any {
	switch v := v.(type) {
	case string:
		return template.Unknown{Element: "other"}
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = withUnknown(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = withUnknown(x)
		}
		return out
	}
	return v
}

func (b *bundle) plan(el template.Element, prior *fairlead.Record, want fairlead.OperationVerb) fairlead.Change {
	b.t.Helper()
	c, err := b.provider.Plan(b.ctx, el, prior)
	if err != nil {
		b.t.Fatalf("plan: %v", err)
	}
	if c.Verb != want {
		b.t.Fatalf("plan says %s (%s), want %s", c.Verb, c.Reason, want)
	}
	if len(c.Record.Identity) == 0 {
		b.t.Fatal("plan gives no identity")
	}
	r := &c.Record
	r.StackID, r.Stack, r.Element, r.Type = el.StackID, el.Stack, el.Name, el.Type
	r.Target, r.Namespace, r.Requires, r.Position = el.Target, el.Namespace, el.Requires, el.Position
	r.Properties, c.Prior = el.Properties, prior
	return c
}

// apply applies a change and has it deleted when the test ends.
func (b *bundle) apply(c fairlead.Change) fairlead.Record {
	b.t.Helper()
	if _, again := b.made[c.Record.Element]; !again {
		b.t.Cleanup(func() { b.delete(b.made[c.Record.Element]) })
	}
	b.made[c.Record.Element] = c.Record
	r, err := b.provider.Apply(b.ctx, c)
	if err != nil {
		b.t.Fatalf("apply: %v", err)
	}
	if r.Identity == nil {
		r.Identity = c.Record.Identity
	}
	r.State, r.Properties = fairlead.RecordMade, c.Record.Properties
	b.made[c.Record.Element] = r
	return r
}

// make applies a change as often as Health asks for it and waits until the resource is healthy.
func (b *bundle) make(c fairlead.Change) fairlead.Record {
	b.t.Helper()
	r := b.apply(c)
	b.until("healthy", func() (bool, string) {
		h, err := b.provider.Health(b.ctx, r)
		switch {
		case err != nil:
			return false, err.Error()
		case h.State == fairlead.Unhealthy:
			b.t.Fatalf("unhealthy: %s", h.Reason)
		case h.State != fairlead.Healthy && h.Reason == "":
			b.t.Fatalf("health %s gives no reason", h.State)
		}
		if h.Attributes != nil {
			r.Attributes = h.Attributes
		}
		if h.Again {
			attributes := r.Attributes
			if r = b.apply(c); r.Attributes == nil {
				r.Attributes = attributes
			}
			return false, h.Reason
		}
		return h.State == fairlead.Healthy, h.Reason
	})
	r.Health = fairlead.Healthy
	return r
}

// read wants the resource to be as recorded, or to be gone.
func (b *bundle) read(r fairlead.Record, exists bool) {
	b.t.Helper()
	switch l, err := b.provider.Read(b.ctx, r); {
	case err != nil:
		b.t.Errorf("read: %v", err)
	case l.Exists != exists || (l.Reason == "") != exists:
		b.t.Errorf("read: exists %t, %q; want exists %t, and a reason only when it does not", l.Exists, l.Reason, exists)
	case exists && l.Properties != nil && !reflect.DeepEqual(l.Properties, r.Properties):
		b.t.Errorf("read: properties %v; want those of the record, %v", l.Properties, r.Properties)
	}
}

func (b *bundle) delete(r fairlead.Record) {
	b.t.Helper()
	b.until("deleted", func() (bool, string) {
		switch err := b.provider.Delete(b.ctx, r); {
		case err == nil:
			return true, ""
		case errors.Is(err, stack.ErrDeleting):
			return false, err.Error()
		default:
			b.t.Fatalf("delete: %v", err)
			return false, ""
		}
	})
}

// until calls done until it says so.
func (b *bundle) until(what string, done func() (ok bool, why string)) {
	b.t.Helper()
	late := time.After(b.Timeout)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, why := done()
		if ok {
			return
		}
		select {
		case <-late:
			b.t.Fatalf("not %s after %s: %s", what, b.Timeout, why)
		case <-tick.C:
		}
	}
}

// stored is a record as it comes back from the database: through JSON, with whole numbers as int64.
func stored(t *testing.T, r fairlead.Record) *fairlead.Record {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back fairlead.Record
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	back.Properties = r.Properties
	return &back
}
