// Package stacktest has a provider without a target for tests, and the suite that every provider passes.
//
// [World] is the target: it lives in memory and outlives the providers that work on it, as a real target outlives a server
// that is killed. It must not be used outside of tests.
package stacktest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/template"
)

// Behaviour steers what happens to one element. In a template, annotations of the manifest say the same: fake/fail,
// fake/steps, fake/unavailable, fake/panic, fake/unhealthy, fake/immutable (a change of its value needs a replacement).
type Behaviour struct {
	Fail        string // Apply fails with this message
	Unhealthy   string // Health says that it will not become healthy, with this reason
	Panic       string // Apply panics
	Steps       int    // healthy only after that many looks at its health
	Unavailable int    // that many calls of Apply find that the target does not answer
	Deleting    int    // that many calls of Delete find that it goes on
	DeleteFail  string // Delete fails with this message
	Again       int    // that many looks at its health ask for another Apply
	Held        string // who holds data.value, so that its change is refused without adoption
	// Hold keeps Apply from taking effect until the channel is closed or the context ends; see OnHold.
	Hold <-chan struct{}
}

// Call is one call of a provider.
type Call struct {
	Method  string // plan, apply, health, delete
	Element string
}

func (c Call) String() string { return c.Method + " " + c.Element }

// Object is what an element becomes in a World.
type Object struct {
	Element    string
	ID         string
	Properties map[string]any
	Immutable  string
	// Stack is the id of the stack that the object belongs to; empty for one that no stack has made.
	Stack string
	looks int
}

// World is a target in memory. Safe for concurrent use.
type World struct {
	mu         sync.Mutex
	objects    map[string]*Object // by identity
	created    map[string]int
	behaviours map[string]*Behaviour
	calls      []Call
	onCall     func(n int, c Call)
	onReturn   func(n int, c Call)
	inject     func(c Call, after bool) error
	watched    bool
	watchers   map[chan string]struct{}
	held       func(element string)
}

// NewWorld returns an empty World.
func NewWorld() *World {
	return &World{objects: map[string]*Object{}, created: map[string]int{}, behaviours: map[string]*Behaviour{}, watchers: map[chan string]struct{}{}}
}

// Provider returns a new provider on the world.
func (w *World) Provider() *Fake {
	return &Fake{world: w, dead: make(chan struct{}), buried: make(chan struct{})}
}

// Set steers an element from now on.
func (w *World) Set(element string, b Behaviour) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.behaviours[element] = &b
}

// OnCall has f called before the n-th call (from 1) takes effect; f may block.
func (w *World) OnCall(f func(n int, c Call)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onCall = f
}

// OnHold has f called whenever an Apply begins to be held.
func (w *World) OnHold(f func(element string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = f
}

// OnReturn has f called after the n-th call took effect, before it returns; f may block.
func (w *World) OnReturn(f func(n int, c Call)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onReturn = f
}

// Inject has f decide which calls fail: before they take effect, or after. Nil injects nothing.
func (w *World) Inject(f func(c Call, after bool) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inject = f
}

// Watched lets providers watch the world from now on.
func (w *World) Watched() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched = true
}

// Tell steers an element like Set, and tells those who watch that it changed.
func (w *World) Tell(element string, b Behaviour) {
	w.Set(element, b)
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.watchers {
		select {
		case ch <- element:
		default: // dropped rather than waited for
		}
	}
}

// Calls returns all calls so far.
func (w *World) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// Count tells how often a method was called for an element; an empty element counts all.
func (w *World) Count(method, element string) (n int) {
	for _, c := range w.Calls() {
		if c.Method == method && (element == "" || c.Element == element) {
			n++
		}
	}
	return n
}

// Objects returns the elements that exist, by identity.
func (w *World) Objects() map[string]Object {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make(map[string]Object, len(w.objects))
	for id, o := range w.objects {
		out[id] = *o
	}
	return out
}

// Made tells how often an object of each identity came into being.
func (w *World) Made() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.created)
}

// Remove takes an object away behind the stack's back.
func (w *World) Remove(identity string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.objects, identity)
}

// Foreign makes an object that belongs to no stack.
func (w *World) Foreign(identity string, properties map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.objects[identity] = &Object{ID: identity + "#foreign", Properties: properties}
}

// Change changes a value below the properties of an object behind the stack's back. nil takes it away.
func (w *World) Change(identity string, value any, path ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.objects[identity].Properties
	for _, k := range path[:len(path)-1] {
		m, _ = m[k].(map[string]any)
	}
	if last := path[len(path)-1]; value == nil {
		delete(m, last)
	} else {
		m[last] = value
	}
}

// note counts a call and returns what the test wants to do about it.
func (w *World) note(c Call) (n int, before, after func(n int, c Call)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, c)
	return len(w.calls), w.onCall, w.onReturn
}

// behaviour is what was set for an element or, failing that, what its annotations say. The caller holds the lock.
func (w *World) behaviour(element string, properties map[string]any) *Behaviour {
	if b, set := w.behaviours[element]; set {
		return b
	}
	key := element
	for _, name := range []string{"fail", "unhealthy", "panic", "steps", "unavailable"} {
		key += "\n" + annotation(properties, name)
	}
	if b, known := w.behaviours[key]; known {
		return b
	}
	b := &Behaviour{
		Fail: annotation(properties, "fail"), Unhealthy: annotation(properties, "unhealthy"), Panic: annotation(properties, "panic"),
	}
	b.Steps, _ = strconv.Atoi(annotation(properties, "steps"))
	b.Unavailable, _ = strconv.Atoi(annotation(properties, "unavailable"))
	w.behaviours[key] = b
	return b
}

func annotation(properties map[string]any, name string) string {
	manifest, _ := properties["k8sManifest"].(map[string]any)
	metadata, _ := manifest["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	s, _ := annotations["fake/"+name].(string)
	return s
}

// Fake is a provider on a [World].
type Fake struct {
	world  *World
	dying  sync.Once
	dead   chan struct{} // closed by Die
	buried chan struct{} // closed by Bury
}

var _ stack.Provider = (*Fake)(nil)

var errDead = errors.New("this provider died")

// Die kills the provider as if its process had been killed: no call has any effect on the world any more, and none returns.
func (f *Fake) Die() { f.dying.Do(func() { close(f.dead) }) }

// Bury lets the calls of a dead provider return, so that their goroutines can end.
func (f *Fake) Bury() {
	f.Die()
	close(f.buried)
}

// do makes one call: effect runs with the world locked.
func (f *Fake) do(method, element string, effect func() error) error {
	c := Call{method, element}
	n, before, after := f.world.note(c)
	if before != nil {
		before(n, c)
	}
	if f.limbo() {
		return errDead
	}
	err := f.take(c, effect)
	if after != nil {
		after(n, c)
	}
	if f.limbo() {
		return errDead
	}
	return err
}

// take has the effect of a call, unless a failure is injected before it.
func (f *Fake) take(c Call, effect func() error) error {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	if f.world.inject != nil {
		if err := f.world.inject(c, false); err != nil {
			return err
		}
	}
	err := effect()
	if f.world.inject != nil && err == nil {
		err = f.world.inject(c, true)
	}
	return err
}

// limbo holds the calls of a dead provider until it is buried.
func (f *Fake) limbo() bool {
	select {
	case <-f.dead:
		<-f.buried
		return true
	default:
		return false
	}
}

// Check refuses an annotation fake/refuse.
func (f *Fake) Check(el template.Element) fairlead.Diagnostics {
	text := annotation(el.Properties, "refuse")
	if text == "" {
		return nil
	}
	return fairlead.Diagnostics{{Severity: fairlead.SeverityError, Code: "refused", Summary: text, Path: "k8sManifest.metadata.annotations.fake/refuse"}}
}

// Plan compares with what exists.
func (f *Fake) Plan(_ context.Context, want template.Element, prior *fairlead.Record) (c fairlead.Change, err error) {
	err = f.do("plan", want.Name, func() (err error) {
		c, err = f.plan(want, prior)
		return err
	})
	return c, err
}

func (f *Fake) plan(want template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	name := objectName(want)
	c := fairlead.Change{Verb: fairlead.OpCreate, Record: fairlead.Record{Identity: map[string]string{"name": name}}}
	if prior == nil {
		o, exists := f.world.objects[name]
		switch {
		case !exists || o.Stack != "":
			return c, nil
		case !want.Adopt:
			return c, foreign(want.Name, name, want.AdoptAs)
		}
		c.Verb = fairlead.OpUpdate
		return c, nil
	}
	o, exists := f.world.objects[prior.Identity["name"]]
	switch {
	case !exists:
		c.Reason = "it is gone from the target"
	case o.Immutable != annotation(want.Properties, "immutable"), prior.Identity["name"] != name:
		c.Verb, c.Reason = fairlead.OpReplace, "an immutable property changes"
	case template.HasUnknown(want.Properties), !equal(o.Properties, want.Properties):
		c.Verb = fairlead.OpUpdate
		if by := f.world.behaviour(want.Name, want.Properties).Held; by != "" && !want.Adopt {
			c.Held = []fairlead.FieldChange{{Path: "k8sManifest.data.value", After: dataValue(want.Properties), Live: dataValue(o.Properties), Drifted: true, Owner: by}}
			c.Refused = fairlead.Errorf(fairlead.Conflict, "element %s: data.value is set by %s; take it over with --adopt=%s", want.Name, by, want.AdoptAs)
		}
	default:
		c.Verb, c.Record = fairlead.OpNone, *prior
	}
	return c, nil
}

func dataValue(properties map[string]any) any {
	manifest, _ := properties["k8sManifest"].(map[string]any)
	data, _ := manifest["data"].(map[string]any)
	return data["value"]
}

func foreign(element, name, adoptAs string) error {
	return fairlead.Errorf(fairlead.Conflict, "element %s: %s exists already and belongs to no stack; take it over with --adopt=%s, or choose another name", element, name, adoptAs)
}

// objectName is the name of the manifest or, without one, of the element.
func objectName(want template.Element) string {
	manifest, _ := want.Properties["k8sManifest"].(map[string]any)
	metadata, _ := manifest["metadata"].(map[string]any)
	if name, ok := metadata["name"].(string); ok {
		return want.Namespace + "/" + name
	}
	return want.Stack + "/" + want.Name
}

// Apply makes or changes the object.
func (f *Fake) Apply(ctx context.Context, c fairlead.Change) (r fairlead.Record, err error) {
	r = c.Record
	if err := f.hold(ctx, r); err != nil {
		return r, err
	}
	err = f.do("apply", r.Element, func() error {
		if err := f.trouble(ctx, r); err != nil {
			return err
		}
		if o := f.world.objects[r.Identity["name"]]; o != nil && o.Stack == "" && c.Verb == fairlead.OpCreate {
			return foreign(r.Element, r.Identity["name"], r.AdoptAs)
		}
		r.Attributes = f.world.put(r)
		return nil
	})
	return r, err
}

// put makes or changes an object and returns its attributes. The caller holds the lock.
func (w *World) put(r fairlead.Record) map[string]any {
	name := r.Identity["name"]
	o := w.objects[name]
	if o == nil {
		w.created[name]++
		o = &Object{Element: r.Element, ID: name + "#" + strconv.Itoa(w.created[name])}
		w.objects[name] = o
	}
	o.Properties, o.Immutable = clone(r.Properties).(map[string]any), annotation(r.Properties, "immutable")
	o.looks, o.Element, o.Stack = 0, r.Element, r.StackID
	return map[string]any{"refName": name, "refID": o.ID}
}

// hold waits as long as the behaviour of the element says.
func (f *Fake) hold(ctx context.Context, r fairlead.Record) error {
	f.world.mu.Lock()
	held, reached := f.world.behaviour(r.Element, r.Properties).Hold, f.world.held
	f.world.mu.Unlock()
	if held == nil {
		return nil
	}
	if reached != nil {
		reached(r.Element)
	}
	select {
	case <-held:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// trouble is what the behaviour of the element makes of an Apply. The caller holds the lock.
func (f *Fake) trouble(ctx context.Context, r fairlead.Record) error {
	b := f.world.behaviour(r.Element, r.Properties)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case b.Panic != "":
		panic(b.Panic)
	case b.Unavailable > 0:
		b.Unavailable--
		return fairlead.Errorf(fairlead.Unavailable, "the world does not answer")
	case b.Fail != "":
		return fairlead.Errorf(fairlead.Failed, "%s", b.Fail)
	}
	return nil
}

// Health counts looks until the object is healthy.
func (f *Fake) Health(ctx context.Context, r fairlead.Record) (h fairlead.Health, err error) {
	err = f.do("health", r.Element, func() error {
		h = f.world.look(r)
		return ctx.Err()
	})
	return h, err
}

func (w *World) look(r fairlead.Record) fairlead.Health {
	b := w.behaviour(r.Element, r.Properties)
	o, exists := w.objects[r.Identity["name"]]
	if !exists {
		return fairlead.Health{State: fairlead.Unhealthy, Reason: "it is gone from the target"}
	}
	o.looks++
	switch {
	case b.Unhealthy != "":
		return fairlead.Health{State: fairlead.Unhealthy, Reason: b.Unhealthy}
	case o.looks <= b.Steps:
		return fairlead.Health{State: fairlead.HealthProgressing, Reason: strconv.Itoa(o.looks) + " of " + strconv.Itoa(b.Steps) + " steps done"}
	case b.Again > 0:
		b.Again--
		return fairlead.Health{State: fairlead.HealthProgressing, Reason: "another step to take", Again: true}
	}
	return fairlead.Health{State: fairlead.Healthy}
}

// Read returns the properties that the object was last given.
func (f *Fake) Read(ctx context.Context, r fairlead.Record) (l fairlead.Live, err error) {
	err = f.do("read", r.Element, func() error {
		o, exists := f.world.objects[r.Identity["name"]]
		if !exists {
			l.Reason = "it is gone from the target"
			return ctx.Err()
		}
		l.Exists = true
		l.Properties, _ = clone(o.Properties).(map[string]any)
		if !equal(o.Properties, r.Properties) {
			l.Reason = "somebody else changed it"
		}
		return ctx.Err()
	})
	return l, err
}

// Watch tells of what [World.Tell] is called for, if the world is watched.
func (f *Fake) Watch(ctx context.Context, _ string) <-chan string {
	w := f.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.watched {
		return nil
	}
	ch := make(chan string, 64)
	w.watchers[ch] = struct{}{}
	context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watchers, ch)
	})
	return ch
}

// Delete removes the object.
func (f *Fake) Delete(ctx context.Context, r fairlead.Record) error {
	return f.do("delete", r.Element, func() error {
		b := f.world.behaviour(r.Element, r.Properties)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case b.DeleteFail != "":
			return fairlead.Errorf(fairlead.Failed, "%s", b.DeleteFail)
		case b.Deleting > 0:
			b.Deleting--
			return stack.ErrDeleting
		}
		delete(f.world.objects, r.Identity["name"])
		return nil
	})
}

var _ stack.Releaser = (*Fake)(nil)

// Release leaves the object to nobody.
func (f *Fake) Release(ctx context.Context, r fairlead.Record) error {
	return f.do("release", r.Element, func() error {
		if o, exists := f.world.objects[r.Identity["name"]]; exists {
			o.Stack = ""
		}
		return ctx.Err()
	})
}

func equal(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && maps.EqualFunc(x, y, equal)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, equal)
	}
	return a == b
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = clone(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = clone(x)
		}
		return out
	}
	return v
}
