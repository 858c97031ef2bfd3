package stack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

// nested is the provider of elements that are stacks of their own. What it makes is a stack with a parent; how that becomes
// as wanted is the business of an action, which it begins once for each change and then looks at.
type nested struct{ engine *Engine }

var _ Provider = nested{}

// Keys of the identity of a nested stack. The id tells it from another stack that gets its name later. The action is the one
// that brings it to the recorded properties: one that exists is not begun again.
const (
	keyID     = "id"
	keyName   = "name"
	keyAction = "action"
	keyAdopt  = "adopt" // until the action is begun
)

// child is what is stored of a nested stack.
type child struct {
	exists bool
	stack  fairlead.Stack
	want   store.StackWant
	last   fairlead.Action // without its operations
	cause  string          // of the last action
}

// find reads a nested stack by its id.
func (n nested) find(ctx context.Context, id string) (c child, err error) {
	err = n.engine.db.Read(ctx, func(tx *store.Tx) error {
		c.stack, err = tx.StackByID(ctx, id)
		switch {
		case fairlead.ErrorCode(err) == fairlead.NotFound:
			return nil
		case err != nil:
			return err
		}
		c.exists = true
		if c.want, err = tx.StackWant(ctx, id); err != nil {
			return err
		}
		last, err := tx.LastAction(ctx, id)
		if err != nil {
			return err
		}
		a, err := tx.StackAction(ctx, last)
		c.last, c.cause = a.Action, a.Cause
		return err
	})
	return c, err
}

// Check finds what can be said of a nested stack without its template.
func (nested) Check(el template.Element) (ds fairlead.Diagnostics) {
	if _, err := wishOf(el); err != nil {
		ds = problems(err)
	}
	return ds
}

// Plan plans the nested stack.
func (n nested) Plan(ctx context.Context, want template.Element, prior *fairlead.Record) (c fairlead.Change, err error) {
	w, err := wishOf(want)
	if err != nil {
		return c, err
	}
	action, err := uuid.NewV7()
	if err != nil {
		return c, err
	}
	c.Verb = fairlead.OpCreate
	c.Record.Identity = map[string]string{keyAction: action.String()}
	if want.Adopt {
		c.Record.Identity[keyAdopt] = "true"
	}
	var now child
	if prior != nil {
		if now, err = n.find(ctx, prior.Identity[keyID]); err != nil {
			return c, err
		}
		c.Record.Identity[keyID], c.Record.Identity[keyName] = prior.Identity[keyID], prior.Identity[keyName]
	}
	switch {
	case now.exists && w.namespace != now.stack.Namespace:
		c.Verb, c.Reason = fairlead.OpReplace, fmt.Sprintf("a stack stays in its namespace: from %s to %s", now.stack.Namespace, w.namespace)
		now = child{}
		if c.Record.Identity[keyID], err = newID(); err != nil {
			return c, err
		}
	case !now.exists:
		if err := n.name(ctx, want, &c.Record); err != nil {
			return c, err
		}
	default:
		c.Verb = fairlead.OpUpdate
	}
	if c.Verb == fairlead.OpReplace || template.HasUnknown(w.ref) {
		return c, nil
	}
	return n.planInside(ctx, c, want, w, now, prior)
}

func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	return id.String(), nil
}

// planInside adds the plan of the nested stack, and says whether there is anything to do.
func (n nested) planInside(ctx context.Context, c fairlead.Change, want template.Element, w wish, now child, prior *fairlead.Record) (fairlead.Change, error) {
	if now.exists && now.stack.Action != "" {
		return c, n.busy(ctx, now)
	}
	p, err := n.prepare(ctx, want.Stack, want.Target, c.Record.Identity, w)
	if err != nil {
		if template.HasUnknown(w.inputs) && fairlead.ErrorCode(err) == fairlead.Invalid {
			return c, nil // what is wrong may be right once the values are known
		}
		return c, err
	}
	c.Nested, c.Secrets = &p.Plan, slices.Concat(p.want.Secrets, now.want.Secrets)
	switch {
	case !now.exists:
	case now.last.State != fairlead.ActionSucceeded:
		c.Reason = "its last action did not succeed"
	case sameWant(p.want, now.want) && settled(p.Plan):
		c.Verb, c.Record, c.Nested = fairlead.OpNone, *prior, nil
	case sameWant(p.want, now.want):
		c.Reason = "inside it something is not as wanted"
	}
	return c, nil
}

// busy says that a nested stack has an action in flight. A slice waits for its end; who only plans is told.
func (n nested) busy(ctx context.Context, now child) error {
	code := fairlead.Conflict
	if callerOf(ctx).action != "" {
		code = fairlead.Unavailable
	}
	return fairlead.Errorf(code, "nested stack %q is busy: action %s (%s) is %s; wait for it or cancel it", now.stack.Name,
		now.last.ID, now.last.Verb, now.last.State)
}

// settled tells that a plan has nothing to do.
func settled(p fairlead.Plan) bool {
	return !slices.ContainsFunc(p.Operations, func(op fairlead.Operation) bool { return op.State != fairlead.OperationSucceeded })
}

// prepare plans a nested stack; the template must be known.
func (n nested) prepare(ctx context.Context, parent, target string, identity map[string]string, w wish) (*Prepared, error) {
	name, version, err := n.resolve(ctx, w.ref)
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	if err := c.deeper(level{identity[keyName], name + "@" + version}); err != nil {
		return nil, err
	}
	timeout := defaultTimeout
	if !c.until.IsZero() {
		timeout = min(max(c.until.Sub(n.engine.now()), minTimeout), maxTimeout)
	}
	var adopt []string
	if w.adopt {
		adopt = []string{adoptAll}
	}
	if c.root == "" {
		c.root = w.element
	}
	p, err := n.engine.Prepare(withCaller(ctx, c), Request{
		look: c.look, Adopt: adopt, Name: identity[keyName], Target: target, Namespace: w.namespace, Template: name, Version: version, Description: w.description,
		Inputs: w.inputs, OnFailure: w.onFailure, Timeout: timeout, Actor: fairlead.Actor{User: c.by},
		nested: &nesting{id: identity[keyID], parent: parent, action: identity[keyAction], cause: c.action, mask: c.hidden()},
	})
	if err != nil {
		return nil, masked(ofStack(identity[keyName], err), c.hidden())
	}
	return p, nil
}

// ofStack says of what is wrong in a nested stack in which one it is: its elements are not those of the template around it.
func ofStack(name string, err error) error {
	old, ok := asError(err)
	if !ok || len(old.Problems) == 0 {
		return err
	}
	e, where := *old, "stack "+name+": "
	e.Message, e.Problems = where+old.Message, slices.Clone(old.Problems)
	for i := range e.Problems {
		e.Problems[i].Summary = where + e.Problems[i].Summary
	}
	return &e
}

// Apply begins the action that brings the nested stack to the wanted properties, unless it was begun already.
func (n nested) Apply(ctx context.Context, c fairlead.Change) (fairlead.Record, error) {
	r := c.Record
	adopt := r.Identity[keyAdopt] != ""
	r.Identity = maps.Clone(r.Identity)
	delete(r.Identity, keyAdopt)
	r.Attributes = map[string]any{"refName": r.Identity[keyName], "refID": r.Identity[keyID]}
	now, begun, err := n.begun(ctx, r)
	if err != nil || begun {
		return r, err
	}
	if now.exists && now.stack.Action != "" { // for what was wanted before
		if err := n.engine.CancelAction(ctx, fairlead.Actor{User: callerOf(ctx).by}, now.stack.Action); err != nil {
			return r, err
		}
		return r, n.busy(ctx, now)
	}
	w, err := wishOf(template.Element{Name: r.Element, Namespace: r.Namespace, Properties: r.Properties, Adopt: adopt})
	if err != nil {
		return r, err
	}
	p, err := n.prepare(ctx, r.Stack, r.Target, r.Identity, w)
	if err != nil {
		return r, err
	}
	return r, n.start(ctx, p)
}

// begun reads the nested stack, and whether the action of a record was begun.
func (n nested) begun(ctx context.Context, r fairlead.Record) (now child, begun bool, err error) {
	if now, err = n.find(ctx, r.Identity[keyID]); err != nil {
		return now, false, err
	}
	err = n.engine.db.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.ActionState(ctx, r.Identity[keyAction])
		begun = err == nil
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			return nil
		}
		return err
	})
	return now, begun, err
}

// start begins a prepared action, unless the slice that wants it is no longer the one that works the parent's action.
func (n nested) start(ctx context.Context, p *Prepared) error {
	c := callerOf(ctx)
	return n.engine.write(ctx, func(tx *store.Tx) error {
		if c.action != "" {
			slice, attempt, canceling, err := tx.ActionWorker(ctx, c.action)
			switch {
			case err != nil:
				return err
			case slice != c.slice || attempt > c.tries:
				return errLeftOver
			case canceling:
				return fairlead.Errorf(fairlead.Failed, "canceled")
			}
		}
		_, err := n.engine.Begin(ctx, tx, p)
		return err
	})
}

// Health is how the last action of the nested stack goes or went; after a good one, the health of the stack.
func (n nested) Health(ctx context.Context, r fairlead.Record) (h fairlead.Health, err error) {
	now, err := n.find(ctx, r.Identity[keyID])
	if err != nil {
		return h, err
	}
	about := "stack " + r.Identity[keyName] + ": "
	switch {
	case !now.exists:
		return fairlead.Health{State: fairlead.Unhealthy, Reason: about + "it is gone"}, nil
	case !fairlead.ActionMoves.Final(now.last.State):
		return fairlead.Health{State: fairlead.HealthProgressing, Reason: about + progress(now.last)}, nil
	case now.last.State != fairlead.ActionSucceeded:
		return fairlead.Health{State: fairlead.Unhealthy, Reason: about + now.last.Message}, nil
	}
	s := now.stack
	if callerOf(ctx).action == "" { // else its action has just seen to it
		if s, err = n.engine.Refresh(ctx, s.Name); err != nil {
			return h, err
		}
	}
	h = fairlead.Health{State: s.Health, Attributes: map[string]any{"refName": s.Name, "refID": s.ID}}
	if s.Reason != "" {
		h.Reason = about + s.Reason
	}
	for _, out := range s.Outputs {
		h.Attributes[out.Name] = out.Value
	}
	return h, nil
}

// progress says what an action is about.
func progress(a fairlead.Action) string {
	done := 0
	for _, op := range a.Plan.Operations {
		switch op.State {
		case fairlead.OperationApplying, fairlead.OperationWaiting:
			if op.Message != "" {
				return "element " + op.Element + ": " + op.Message
			}
		case fairlead.OperationSucceeded:
			done++
		}
	}
	return fmt.Sprintf("%s goes on, %d of %d done", a.Verb, done, len(a.Plan.Operations))
}

// Read tells whether the stack is there. What differs inside it is its own business.
func (n nested) Read(ctx context.Context, r fairlead.Record) (fairlead.Live, error) {
	now, err := n.find(ctx, r.Identity[keyID])
	if err != nil || !now.exists {
		return fairlead.Live{Reason: "stack " + r.Identity[keyName] + " is gone"}, err
	}
	return fairlead.Live{Exists: true, Properties: r.Properties}, nil
}

// Watch returns nil: the end of a nested stack's action wakes the slice that waits for it.
func (nested) Watch(context.Context, string) <-chan string { return nil }

// Delete deletes the nested stack: it cancels what goes on there, begins the deletion, and is called until that has ended.
func (n nested) Delete(ctx context.Context, r fairlead.Record) error {
	now, err := n.find(ctx, r.Identity[keyID])
	if err != nil || !now.exists {
		return err
	}
	c := callerOf(ctx)
	deleting := now.last.Verb == fairlead.VerbDelete
	switch {
	case now.stack.Action != "" && !deleting:
		if err := n.engine.CancelAction(ctx, fairlead.Actor{User: c.by}, now.stack.Action); err != nil {
			return err
		}
		return goesOn(r, "its "+string(now.last.Verb)+" is being canceled")
	case now.stack.Action != "":
		return goesOn(r, progress(now.last))
	case deleting && now.cause == c.action:
		return fairlead.Errorf(fairlead.Failed, "stack %s: %s", now.stack.Name, now.last.Message)
	}
	timeout := min(max(c.until.Sub(n.engine.now()), minTimeout), maxTimeout)
	p, err := n.engine.Prepare(ctx, Request{
		Verb: fairlead.VerbDelete, Name: now.stack.Name, Force: c.forced, Timeout: timeout, Actor: fairlead.Actor{User: c.by},
		nested: &nesting{id: now.stack.ID, parent: now.stack.Parent, cause: c.action},
	})
	if err != nil {
		return err
	}
	if err := n.start(ctx, p); err != nil {
		return err
	}
	return goesOn(r, "it is being deleted")
}

func goesOn(r fairlead.Record, what string) error {
	return fairlead.Errorf(fairlead.Unavailable, "stack %s: %s (%w)", r.Identity[keyName], what, ErrDeleting)
}

// cancelNested asks the action of a nested stack to stop.
func (s *slice) cancelNested(op *operation) {
	id := s.records[op.Element].Identity[keyID]
	err := s.engine.db.Read(s.ctx, func(tx *store.Tx) error {
		child, err := tx.StackByID(s.ctx, id)
		id = child.Action
		return err
	})
	if err == nil && id != "" {
		err = s.engine.CancelAction(s.ctx, fairlead.Actor{User: s.action.By}, id)
	}
	if err != nil && fairlead.ErrorCode(err) != fairlead.NotFound {
		s.engine.log.Warn("the action of a nested stack could not be canceled", "stack", s.stack.Name, "element", op.Element, "error", err)
	}
}

// leftInside says what the deletion of a nested stack left on the target: the stack is gone, and only its last action knows.
func (s *slice) leftInside(op *operation) (message string) {
	if op.Type != stackType {
		return ""
	}
	err := s.engine.db.Read(s.ctx, func(tx *store.Tx) error {
		id, err := tx.LastAction(s.ctx, s.records[op.Element].Identity[keyID])
		if err != nil {
			return err
		}
		a, err := tx.Action(s.ctx, id)
		if a.Verb == fairlead.VerbDelete {
			message = a.Message
		}
		return err
	})
	if err != nil && fairlead.ErrorCode(err) != fairlead.NotFound { // it was never made
		s.engine.log.Error("what a nested stack left cannot be read", "stack", s.stack.Name, "element", op.Element, "error", err)
	}
	return message
}

// hurryNested makes the looks at nested stacks due: the action of one has ended.
func (s *slice) hurryNested() {
	for _, i := range s.active {
		if op := &s.ops[i]; op.Type == stackType && !op.busy {
			op.next, op.wait = time.Time{}, 0
		}
	}
}
