package stack

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/graph"
	"github.com/fairlead/fairlead/internal/template"
)

// planner makes the plan that leads from the records of a stack to a template with inputs.
type planner struct {
	provider Provider
	stack    fairlead.Stack
	template *template.Template
	inputs   map[string]any
	records  map[string]fairlead.Record
	revealed revealed
	mask     fairlead.Mask
	parallel int
	// reads has the target read for what the plan changes, so that the plan tells what somebody else changed there.
	reads bool
	adopt []string
	// thorough has every new resource tried on the target, however many there are.
	thorough bool
	root     string // the element of the outermost stack that this one is in; "" when it is that itself
	pass     *template.Pass

	// volatile are recorded elements whose attributes will change: they are made anew.
	volatile map[string]bool
}

// planned is a plan with what is stored beside it.
type planned struct {
	fairlead.Plan
	// changes are what to tell the provider, by operation: nil when nothing is to be done, when it is a deletion, and when
	// values are known only later.
	changes []*fairlead.Change
	// moved are records of unchanged elements that have another place in the template now.
	moved []fairlead.Record
}

// want is one element on its way into the plan.
type want struct {
	element template.Element
	change  fairlead.Change
	err     error
	live    *fairlead.Live // as it is on the target; nil when that was not read
}

// plan looks at the target and decides, for all elements at once. What is wrong with the template's values or elements comes
// as one Invalid error.
func (p *planner) plan(ctx context.Context) (*planned, error) {
	p.volatile, p.root = map[string]bool{}, callerOf(ctx).root
	elements, diags := p.template.Evaluate(p.env())
	if err := diags.Err(p.subject()); err != nil {
		return nil, err
	}
	p.pass = &template.Pass{Sparing: !p.thorough && p.fresh(elements) > maxTried}
	wants := make([]want, len(elements))
	for i, el := range elements {
		wants[i].element = p.placed(el)
	}
	checks, err := p.check(wants)
	if err != nil {
		return nil, err
	}
	if err := p.decide(ctx, wants); err != nil {
		return nil, err
	}
	if err := p.refuseRetained(wants); err != nil {
		return nil, err
	}
	unread := p.read(ctx, wants)
	out := p.assemble(wants)
	out.Warnings = slices.Concat(diags, checks, unread, p.cautions(wants))
	return out, nil
}

// maxTried is how many new elements an action's own plan tries on the target one by one. Trying costs as much as making, and in a
// large stack that is what one waits for; a preview, which is there to find mistakes, tries them all.
const maxTried = 50

// fresh counts the elements that nothing is recorded of.
func (p *planner) fresh(elements []template.Element) (n int) {
	for _, el := range elements {
		if _, recorded := p.records[el.Name]; !recorded {
			n++
		}
	}
	return n
}

func (p *planner) subject() string {
	return "template " + p.stack.Template + "@" + p.stack.Version
}

func (p *planner) env() template.Env {
	return environment(p.stack, p.inputs, func(element string) (map[string]any, bool) {
		r, ok := p.records[element]
		if !ok || r.State != fairlead.RecordMade || p.volatile[element] {
			return nil, false
		}
		return p.revealed.of(r), true
	})
}

// environment is what a template of a stack can read.
func environment(s fairlead.Stack, inputs map[string]any, attributes func(string) (map[string]any, bool)) template.Env {
	return template.Env{
		Inputs:     inputs,
		Pseudo:     template.Pseudo{StackName: s.Name, UserID: s.CreatedBy, ProjectID: s.Namespace, Region: s.Target},
		Attributes: attributes,
	}
}

// placed tells an element where it is made.
func (p *planner) placed(el template.Element) template.Element {
	el.Pass, el.AdoptAs = p.pass, cmp.Or(p.root, el.Name)
	return placed(el, p.stack, p.adopt)
}

func placed(el template.Element, s fairlead.Stack, adopt []string) template.Element {
	el.Adopt = adopts(adopt, el.Name)
	el.Stack, el.StackID, el.Target, el.Namespace = s.Name, s.ID, s.Target, s.Namespace
	el.Template, el.Version = s.Template, s.Version
	return el
}

// check asks the provider what it can never do; warnings are returned, errors come together.
func (p *planner) check(wants []want) (fairlead.Diagnostics, error) {
	found := make([]fairlead.Diagnostics, len(wants))
	each(len(wants), p.parallel, func(i int) {
		el := wants[i].element
		found[i] = p.template.Locate(p.provider.Check(el), el.Name)
	})
	var all fairlead.Diagnostics
	for _, ds := range found {
		all = append(all, ds...)
	}
	all.Sort()
	return all, all.Err(p.subject())
}

// decide asks the provider about every element. An element that is made anew gets new attributes, so those that read them
// are asked about again, until nothing changes any more.
func (p *planner) decide(ctx context.Context, wants []want) error {
	todo := make([]int, len(wants))
	for i := range todo {
		todo[i] = i
	}
	for len(todo) > 0 {
		each(len(todo), p.parallel, func(n int) {
			w := &wants[todo[n]]
			w.change, w.err = planElement(ctx, p.provider, w.element, p.prior(w.element.Name))
		})
		if err := p.failures(wants); err != nil {
			return err
		}
		fresh := p.madeAnew(wants)
		var err error
		if todo, err = p.readersOf(wants, fresh); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) prior(element string) *fairlead.Record {
	if r, ok := p.records[element]; ok {
		return &r
	}
	return nil
}

// madeAnew marks the recorded elements that the plan makes again and returns those that were not marked before.
func (p *planner) madeAnew(wants []want) map[string]bool {
	fresh := map[string]bool{}
	for _, w := range wants {
		name := w.element.Name
		if _, recorded := p.records[name]; !recorded || p.volatile[name] {
			continue
		}
		changed := w.change.Verb == fairlead.OpUpdate && w.element.Type == stackType // and with it maybe its outputs
		if w.change.Verb == fairlead.OpReplace || w.change.Verb == fairlead.OpCreate || changed {
			p.volatile[name], fresh[name] = true, true
		}
	}
	return fresh
}

// readersOf evaluates the elements that require fresh ones again and returns those whose values changed by it.
func (p *planner) readersOf(wants []want, fresh map[string]bool) (todo []int, err error) {
	if len(fresh) == 0 {
		return nil, nil
	}
	for i := range wants {
		w := &wants[i]
		if !slices.ContainsFunc(w.element.Requires, func(name string) bool { return fresh[name] }) {
			continue
		}
		el, diags := p.template.EvaluateElement(w.element.Name, p.env())
		if err := diags.Err(p.subject()); err != nil {
			return nil, err
		}
		if !same(el.Properties, w.element.Properties) {
			w.element = p.placed(el)
			todo = append(todo, i)
		}
	}
	return todo, nil
}

// failures joins what the provider could not plan. That a target does not answer is no fault of the template.
func (p *planner) failures(wants []want) error {
	var ds fairlead.Diagnostics
	var only error
	for _, w := range wants {
		if w.err == nil {
			continue
		}
		switch code := fairlead.ErrorCode(w.err); code {
		case fairlead.Unavailable, fairlead.Internal, fairlead.Denied:
			return w.err
		}
		only = w.err
		ds = append(ds, p.template.Locate(problems(w.err), w.element.Name)...)
	}
	if len(ds) == 1 && fairlead.ErrorCode(only) != fairlead.Invalid {
		return &fairlead.Error{Code: fairlead.ErrorCode(only), Message: only.Error(), Problems: ds, Err: only}
	}
	ds.Sort()
	return ds.Err(p.subject())
}

// problems are the findings of an error, which is one itself when it has none.
func problems(err error) fairlead.Diagnostics {
	if e, ok := asError(err); ok && len(e.Problems) > 0 {
		return slices.Clone(e.Problems)
	}
	return fairlead.Diagnostics{{Severity: fairlead.SeverityError, Code: "cannot-plan", Summary: err.Error()}}
}

// planElement asks the provider for the change of one element and completes its answer.
func planElement(ctx context.Context, provider Provider, el template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	ask := prior
	retyped := prior != nil && prior.Type != el.Type
	if retyped {
		ask = nil
	}
	c, err := provider.Plan(ctx, el, ask)
	switch {
	case err != nil:
		return c, err
	case c.Refused != nil && !callerOf(ctx).look:
		return c, c.Refused
	}
	c.Prior = prior
	r := &c.Record
	r.StackID, r.Stack, r.Element, r.Type = el.StackID, el.Stack, el.Name, el.Type
	r.Target, r.Namespace, r.Requires, r.Position = el.Target, el.Namespace, el.Requires, el.Position
	r.Properties, r.Retain = el.Properties, el.Retain
	if c.Verb == fairlead.OpUpdate && r.Attributes == nil && prior != nil {
		r.Attributes = prior.Attributes
	}
	switch {
	case retyped:
		c.Verb = fairlead.OpReplace
		c.Reason = "the type changes from " + prior.Type + " to " + el.Type
	case c.Verb == fairlead.OpNone && prior == nil:
		c.Verb = fairlead.OpUpdate
		c.Reason = "it is there already and not recorded"
	case adopted(el, c) && c.Reason == "":
		c.Reason = "it exists already and is taken over"
	case c.Verb == fairlead.OpNone && unsettled(*prior):
		c.Verb = fairlead.OpUpdate
		c.Reason = "it was not seen healthy when the last action ended"
	}
	return c, nil
}

// unsettled tells that the last action left an element before it was known to be good, so it is applied again.
func unsettled(r fairlead.Record) bool {
	return r.State != fairlead.RecordMade || r.Health == fairlead.HealthProgressing || r.Health == fairlead.Unhealthy
}

// assemble writes the operations down: wanted elements in the author's order, then deletions.
func (p *planner) assemble(wants []want) *planned {
	out := &planned{}
	index := make(map[string]int, len(wants))
	for i, w := range wants {
		index[w.element.Name] = i
		out.add(p.operation(w), w.keptChange())
		if r, moved := w.moved(); moved {
			out.moved = append(out.moved, r)
		}
	}
	for i, w := range wants { // the author can require what stands further down
		out.Operations[i].Needs = needs(w.element.Requires, index)
	}
	settle(out.Operations)
	appendDeletions(out, p.records, index)
	out.Hash = planHash(out.Operations)
	return out
}

func (out *planned) add(op fairlead.Operation, change *fairlead.Change) {
	op.State = fairlead.OperationPending
	out.Operations = append(out.Operations, op)
	out.changes = append(out.changes, change)
}

func (p *planner) operation(w want) fairlead.Operation {
	op := fairlead.Operation{Element: w.element.Name, Type: w.element.Type, Verb: w.change.Verb, Reason: p.mask.String(w.change.Reason)}
	if op.Verb == fairlead.OpNone {
		return op
	}
	var before map[string]any
	if w.change.Prior != nil && op.Verb != fairlead.OpCreate {
		before = w.change.Prior.Properties
	}
	live := before
	if w.live != nil {
		op.Reason = p.mask.String(w.driftReason())
		if live = w.live.Properties; live == nil {
			live = before
		}
	}
	if op.Adopt = w.adopted(); op.Adopt {
		before = live
	}
	op.Fields = heldBy(liveChanges(op.Type, before, w.element.Properties, live, p.mask), op.Type, w.change.Held, p.mask)
	showNested(&op, w.change, p.mask)
	return op
}

// keptChange is the change to store with the plan, if it is final.
func (w want) keptChange() *fairlead.Change {
	if w.change.Verb == fairlead.OpNone || template.HasUnknown(w.element.Properties) {
		return nil
	}
	c := w.change
	c.Prior = nil // it is the record when the operation starts
	return &c
}

// moved returns the record of an unchanged element when its place in the template is another, or whether it is retained.
func (w want) moved() (fairlead.Record, bool) {
	if w.change.Verb != fairlead.OpNone {
		return fairlead.Record{}, false
	}
	r := *w.change.Prior
	if r.Position == w.element.Position && r.Retain == w.element.Retain && slices.Equal(r.Requires, w.element.Requires) {
		return r, false
	}
	r.Position, r.Requires, r.Retain = w.element.Position, w.element.Requires, w.element.Retain
	return r, true
}

func needs(requires []string, index map[string]int) []int {
	var out []int
	for _, name := range requires {
		if i, ok := index[name]; ok {
			out = append(out, i)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// settle marks the operations that do nothing and wait for nothing as done, and takes the edges to them away.
func settle(ops []fairlead.Operation) {
	users := make([][]int, len(ops))
	open := make([]int, len(ops))
	var free []int
	for i, op := range ops {
		open[i] = len(op.Needs)
		for _, n := range op.Needs {
			users[n] = append(users[n], i)
		}
		if open[i] == 0 {
			free = append(free, i)
		}
	}
	for len(free) > 0 {
		i := free[0]
		free = free[1:]
		if ops[i].Verb != fairlead.OpNone {
			continue
		}
		ops[i].State, ops[i].Needs = fairlead.OperationSucceeded, nil
		for _, u := range users[i] {
			if open[u]--; open[u] == 0 {
				free = append(free, u)
			}
		}
	}
	for i := range ops {
		ops[i].Needs = slices.DeleteFunc(ops[i].Needs, func(n int) bool { return ops[n].State == fairlead.OperationSucceeded })
		if len(ops[i].Needs) == 0 {
			ops[i].Needs = nil
		}
		if ops[i].Verb == fairlead.OpNone && ops[i].State == fairlead.OperationPending && ops[i].Reason == "" {
			ops[i].Reason = "looked at again when what it requires has changed"
		}
	}
}

// appendDeletions adds the deletion of every record whose element is not in index, users first. A deletion waits for those
// that used the element: their deletion, or the update after which they no longer do.
func appendDeletions(out *planned, records map[string]fairlead.Record, index map[string]int) {
	order := deletionOrder(records, func(name string) bool { _, kept := index[name]; return kept })
	if len(order) == 0 {
		return
	}
	first := len(out.Operations)
	deletes := make(map[string]int, len(order))
	for i, name := range order {
		deletes[name] = first + i
		op := fairlead.Operation{Element: name, Type: records[name].Type, Verb: fairlead.OpDelete}
		if r := records[name]; r.Retain && r.State != fairlead.RecordPlanned {
			op.Reason = "it stays on the target, as the template wants"
		}
		out.add(op, nil)
	}
	early := freeIdentities(out, records, deletes)
	for _, name := range slices.Sorted(maps.Keys(records)) {
		for _, used := range records[name].Requires {
			op, ok := deletes[used]
			if !ok {
				continue
			}
			if user, ok := deletes[name]; ok {
				if user < op { // always, but for a circle
					out.Operations[op].Needs = append(out.Operations[op].Needs, user)
				}
			} else if user := index[name]; !early[used] && out.Operations[user].State != fairlead.OperationSucceeded {
				out.Operations[op].Needs = append(out.Operations[op].Needs, user)
			}
		}
	}
	for i := first; i < len(out.Operations); i++ {
		slices.Sort(out.Operations[i].Needs)
	}
}

// freeIdentities finds new elements that take the identity of one that goes, as after renaming it in the template. There the
// deletion comes first, or it would delete what was just made; so these deletions, and those they wait for, do not wait for
// updates.
func freeIdentities(out *planned, records map[string]fairlead.Record, deletes map[string]int) (early map[string]bool) {
	early = map[string]bool{}
	byIdentity := map[string]string{}
	for name := range deletes {
		byIdentity[identityKey(records[name])] = name
	}
	for i, c := range out.changes {
		if c == nil || len(c.Record.Identity) == 0 {
			continue
		}
		name, taken := byIdentity[identityKey(c.Record)]
		if !taken {
			continue
		}
		op := &out.Operations[i]
		op.Needs = append(op.Needs, deletes[name])
		markEarly(name, records, deletes, early)
	}
	return early
}

func markEarly(name string, records map[string]fairlead.Record, deletes map[string]int, early map[string]bool) {
	if early[name] {
		return
	}
	early[name] = true
	for user := range deletes {
		if slices.Contains(records[user].Requires, name) {
			markEarly(user, records, deletes, early)
		}
	}
}

func identityKey(r fairlead.Record) string {
	h := hasher{}
	h.text(r.Target)
	for _, k := range slices.Sorted(maps.Keys(r.Identity)) {
		h.text(k)
		h.text(r.Identity[k])
	}
	return string(h.buf)
}

// deletionOrder lists the records that are not kept, those that use others first, else in reverse of the author's order.
func deletionOrder(records map[string]fairlead.Record, kept func(string) bool) []string {
	var gone []fairlead.Record
	for name, r := range records {
		if !kept(name) {
			gone = append(gone, r)
		}
	}
	slices.SortFunc(gone, inAuthorsOrder)
	g := graph.New[string]()
	for _, r := range gone {
		g.Add(r.Element)
	}
	for _, r := range gone {
		for _, used := range r.Requires {
			if g.Has(used) {
				g.Edge(r.Element, used)
			}
		}
	}
	order, err := g.Order()
	if err != nil { // records of several templates can require each other in a circle: the author's order must do
		order = g.Nodes()
	}
	slices.Reverse(order)
	return order
}

// planDeletion is the plan that removes everything that is recorded. It needs neither template nor target.
func planDeletion(records map[string]fairlead.Record) *planned {
	out := &planned{}
	appendDeletions(out, records, nil)
	out.Hash = planHash(out.Operations)
	return out
}

// each calls f for 0..n-1 with bounded parallelism and returns when all calls have.
func each(n, parallel int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, parallel) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	wg.Wait()
}
