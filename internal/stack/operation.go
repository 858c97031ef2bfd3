package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

// Waiting for health starts short, because most things are ready at once, and ends at a pace that costs nothing.
// Where the provider watches the target, polling is only there for news that got lost.
const (
	firstPoll   = 50 * time.Millisecond
	lastPoll    = time.Second
	watchedPoll = 10 * time.Second
)

// operation is an operation of the plan while it runs.
type operation struct {
	fairlead.Operation
	n      int // index in the slice's operations
	change *fairlead.Change
	since  *time.Time // since when the target has not answered
	open   int        // needs that did not succeed yet
	users  []int

	call   call
	busy   bool          // the call is under way
	next   time.Time     // when the call is due, by the wall's clock
	wait   time.Duration // the last wait for health
	missed int           // calls in this slice that the target did not answer
	// heard tells that there was news while the call was under way.
	heard bool
	// canceled tells that the nested stack's action was asked to stop.
	canceled bool
	// halted tells that it failed only because the action ended.
	halted bool
}

func (op *operation) row(first int) store.StackOperation {
	return store.StackOperation{
		N: first + op.n, Verb: op.Verb, Reason: op.Reason, State: op.State, Message: op.Message,
		StartedAt: op.StartedAt, EndedAt: op.EndedAt, UnavailableSince: op.since, Change: op.change,
	}
}

// callOf is the next call of an operation that an earlier slice began.
func (s *slice) callOf(op *operation) call {
	switch {
	case op.State == fairlead.OperationWaiting:
		return callHealth
	case op.Verb == fairlead.OpDelete:
		return callDelete
	case op.Verb == fairlead.OpReplace && s.records[op.Element].State == fairlead.RecordDeleting:
		return callDelete
	}
	return callApply
}

// begin starts a ready operation. What it will touch is in the next commit; the call to the provider comes after that.
func (s *slice) begin(op *operation) {
	switch {
	case op.Verb == fairlead.OpDelete:
		s.beginDelete(op)
	case op.change != nil:
		s.beginChange(op)
	default:
		s.evaluate(op)
	}
}

func (s *slice) beginDelete(op *operation) {
	r, there := s.records[op.Element]
	if !there {
		s.succeed(op, "")
		return
	}
	s.putRecord(deletingRecord(r))
	s.activate(op, callDelete)
	s.applying(op)
}

// beginChange writes down what will be made. A resource that is made anew is deleted first, so its old record stays until
// it is gone.
func (s *slice) beginChange(op *operation) {
	if prior, there := s.records[op.Element]; there {
		op.change.Prior = &prior
	}
	next := callApply
	if op.Verb == fairlead.OpReplace && op.change.Prior != nil {
		next = callDelete
		s.putRecord(deletingRecord(*op.change.Prior))
	} else {
		s.putRecord(plannedRecord(op.change))
	}
	s.activate(op, next)
	s.applying(op)
}

// deletingRecord is the record that stands while a resource is being deleted. What was never seen made holds nothing that is
// worth to be retained.
func deletingRecord(r fairlead.Record) fairlead.Record {
	r.Retain = r.Retain && r.State != fairlead.RecordPlanned
	r.State = fairlead.RecordDeleting
	return r
}

// plannedRecord is the record that stands while a resource is being made.
func plannedRecord(c *fairlead.Change) fairlead.Record {
	r := c.Record
	r.State, r.Health, r.Reason = fairlead.RecordPlanned, fairlead.HealthProgressing, ""
	return r
}

// applying moves an operation to its next state and tells so.
func (s *slice) applying(op *operation) {
	now := s.engine.now().UTC()
	op.State, op.StartedAt, op.Message = fairlead.OperationApplying, &now, ""
	s.changes.ops[op.n] = true
	verb := map[fairlead.OperationVerb]string{
		fairlead.OpCreate: "creating", fairlead.OpUpdate: "updating", fairlead.OpReplace: "replacing", fairlead.OpDelete: "deleting",
	}[op.Verb]
	if op.Adopt {
		verb = "adopting"
	}
	s.event(op.Element, "element-begun", verb+" "+op.Element+" ("+op.Type+")")
}

// evaluate finds the values of an element that could not be known when the plan was made, or that may have changed since
// because it was planned as unchanged but requires what the plan changes.
func (s *slice) evaluate(op *operation) {
	el, diags := s.template.EvaluateElement(op.Element, s.env())
	if err := diags.Err("element " + op.Element); err != nil {
		s.fail(op, s.told(op, err))
		return
	}
	if op.Verb == fairlead.OpNone && same(el.Properties, s.records[op.Element].Properties) && !s.changedBelow(op) {
		s.succeed(op, "")
		return
	}
	s.activate(op, callPlan)
}

// changedBelow reports whether the action changed something that the operation's element requires. What the element is made of
// can have changed with it although its own properties did not: a Deployment reads the ConfigMap that it names.
func (s *slice) changedBelow(op *operation) bool {
	return slices.ContainsFunc(op.Needs, func(n int) bool {
		verb := s.ops[n-s.first].Verb
		return verb != fairlead.OpNone && verb != fairlead.OpDelete
	})
}

func (s *slice) env() template.Env {
	return environment(s.stack, s.want.Inputs, func(element string) (map[string]any, bool) {
		r, ok := s.records[element]
		return s.revealed.of(r), ok && r.State == fairlead.RecordMade
	})
}

// task is the call that is due for an operation.
func (s *slice) task(op *operation) task {
	t := task{op: op.n, call: op.call}
	switch op.call {
	case callPlan:
		// The diagnostics were looked at when the operation became ready.
		t.element, _ = s.template.EvaluateElement(op.Element, s.env())
		aim := s.stack
		aim.Template, aim.Version = s.want.Template, s.want.Version
		t.element = placed(t.element, aim, s.action.Adopt)
		t.element.AdoptAs = cmp.Or(s.root, op.Element)
		if r, there := s.records[op.Element]; there {
			t.prior = &r
		}
	case callApply:
		t.change = *op.change
		if op.Verb == fairlead.OpReplace {
			t.change.Verb, t.change.Prior = fairlead.OpCreate, nil
		}
		t.change.Record.Begun, t.change.Record.AdoptAs = op.StartedAt, cmp.Or(s.root, op.Element)
	default:
		t.record = s.records[op.Element]
		t.record.Begun = op.StartedAt
	}
	return t
}

// receive takes the result of a call into account.
func (s *slice) receive(r result) {
	s.pool.busy--
	op := &s.ops[r.op]
	op.busy = false
	switch {
	case r.skipped || op.EndedAt != nil:
		return
	case s.ctx.Err() != nil && (r.err != nil || r.healthErr != nil):
		return // the server stops; the call is repeated in its next life
	}
	err := r.err
	if err == nil {
		err = r.healthErr
	}
	if err != nil && s.missing(op, r, err) {
		return
	}
	if err == nil {
		s.answered(op)
	}
	switch r.call {
	case callPlan:
		s.receivePlan(op, r)
	case callDelete:
		s.receiveDelete(op, r)
	default:
		s.receiveHealth(op, r)
	}
}

// missing deals with a target that does not answer: the call is made again until that has lasted too long. It reports whether
// there is nothing more to do with the result.
func (s *slice) missing(op *operation, r result, err error) bool {
	if fairlead.ErrorCode(err) != fairlead.Unavailable || errors.Is(err, ErrDeleting) {
		return false
	}
	if r.call == callApply && r.err == nil { // it was made; only its health could not be seen
		s.made(op, r.record)
		op.call = callHealth
	}
	now := s.engine.now().UTC()
	if op.since == nil {
		op.since = &now
		s.event(op.Element, "element-unavailable", op.Element+" waits: "+s.told(op, err))
	}
	op.missed++
	lasted := now.Sub(*op.since)
	if op.Verb == fairlead.OpDelete {
		if s.action.Forced && op.missed >= 3 {
			return false
		}
	} else if lasted > unavailableLimit {
		return false
	}
	op.next = time.Now().Add(min(max(lasted/2, 250*time.Millisecond), 10*time.Second))
	s.note(op, s.told(op, err))
	return true
}

// answered forgets that the target did not answer.
func (s *slice) answered(op *operation) {
	op.missed = 0
	if op.since != nil {
		op.since = nil
		s.note(op, "")
	}
}

func (s *slice) receivePlan(op *operation, r result) {
	switch {
	case s.halted():
		s.deactivate(op)
	case r.err != nil:
		s.failWith(op, r.err)
	case r.change.Verb == fairlead.OpNone:
		s.succeed(op, "")
	default:
		s.deactivate(op)
		op.change, op.Verb, op.Reason = &r.change, r.change.Verb, s.mask.String(r.change.Reason)
		op.change.Prior = nil
		s.beginChange(op)
	}
}

func (s *slice) receiveDelete(op *operation, r result) {
	switch {
	case errors.Is(r.err, ErrDeleting):
		s.pollLater(op)
		s.note(op, r.err.Error())
	case r.err != nil && op.Verb == fairlead.OpDelete && s.action.Forced:
		s.forget(op, "element-forgotten", "left behind: "+s.told(op, r.err)+"; it is")
	case r.err != nil:
		s.failWith(op, r.err)
	case op.Verb == fairlead.OpDelete && s.records[op.Element].Retain:
		s.forget(op, "element-retained", "kept on the target, as the template wants:")
	case op.Verb == fairlead.OpDelete:
		text := s.leftInside(op)
		if text != "" {
			text = "deleted, but inside it " + text
		}
		s.dropRecord(op.Element)
		s.event(op.Element, "element-deleted", op.Element+" was "+cmp.Or(text, "deleted"))
		s.succeed(op, text)
	default: // replace: the old one is gone, now the new one
		s.putRecord(plannedRecord(op.change))
		op.call, op.next, op.wait = callApply, time.Time{}, 0
	}
}

// forget ends a deletion that leaves the resource on the target. What the operation's message says is told again when the
// action ends.
func (s *slice) forget(op *operation, event, text string) {
	text += " " + identityText(s.records[op.Element])
	s.event(op.Element, event, op.Element+" ("+op.Type+") was "+text)
	s.dropRecord(op.Element)
	s.succeed(op, text)
}

func identityText(r fairlead.Record) string {
	text := ""
	for _, k := range slices.Sorted(maps.Keys(r.Identity)) {
		text += " " + k + "=" + r.Identity[k]
	}
	return "at" + text
}

func (s *slice) receiveHealth(op *operation, r result) {
	switch {
	case r.err != nil:
		s.failWith(op, r.err)
		return
	case r.call == callApply:
		s.made(op, r.record)
	}
	if r.healthErr != nil {
		s.failWith(op, r.healthErr)
		return
	}
	s.seen(op, r.health)
	switch {
	case r.health.Again:
		op.call = callApply
		s.pollLater(op)
		s.note(op, r.health.Reason)
	case r.health.State == fairlead.Healthy:
		if op.Type == stackType {
			s.revealNested()
		}
		s.event(op.Element, "element-healthy", op.Element+" is healthy")
		s.succeed(op, "")
	case r.health.State == fairlead.Unhealthy:
		s.fail(op, r.health.Reason)
	default:
		op.call = callHealth
		s.pollLater(op)
		s.note(op, r.health.Reason)
	}
}

// made takes over the record of what Apply made.
func (s *slice) made(op *operation, r fairlead.Record) {
	old := s.records[op.Element]
	r.Health, r.Reason, r.Begun, r.AdoptAs = old.Health, old.Reason, nil, ""
	s.putRecord(r)
	if op.State == fairlead.OperationApplying {
		op.State = fairlead.OperationWaiting
		if _, there := s.changes.ops[op.n]; !there {
			s.changes.ops[op.n] = false
		}
	}
}

// seen takes over what Health saw.
func (s *slice) seen(op *operation, h fairlead.Health) {
	r := s.records[op.Element]
	reason := s.mask.String(h.Reason)
	if r.Health == h.State && r.Reason == reason && h.Attributes == nil {
		return
	}
	// While an element waits, its reason is news of little weight; its state and attributes are not.
	light := r.Health == h.State && (h.Attributes == nil || same(h.Attributes, r.Attributes))
	r.Health, r.Reason = h.State, reason
	if h.Attributes != nil {
		r.Attributes = h.Attributes
	}
	s.records[op.Element] = r
	if !light {
		s.putRecord(r)
	}
}

func (s *slice) pollLater(op *operation) {
	most := lastPoll
	if s.news != nil && op.Type != stackType {
		most = watchedPoll
	}
	op.wait = max(min(2*op.wait, most), s.engine.firstPoll)
	op.next = time.Now().Add(op.wait)
	if op.heard {
		op.heard, op.next = false, time.Time{}
	}
}

// note keeps a message of little weight: it is stored with the next commit, or after a while.
func (s *slice) note(op *operation, message string) {
	message = s.mask.String(message)
	if op.Message == message {
		return
	}
	op.Message = message
	s.changes.notes[op.n] = true
	if s.changes.notedAt.IsZero() {
		s.changes.notedAt = time.Now()
	}
}

func (s *slice) succeed(op *operation, message string) {
	s.settle(op, fairlead.OperationSucceeded, message)
	added := false
	for _, i := range op.users {
		user := &s.ops[i]
		if user.open--; user.open == 0 && user.State == fairlead.OperationPending {
			s.ready = append(s.ready, i)
			added = true
		}
	}
	if added {
		slices.Sort(s.ready)
	}
}

// failWith ends an operation with the error of a call. A call that was cut off says why instead.
func (s *slice) failWith(op *operation, err error) {
	_, telling := asError(err)
	var text string
	switch {
	case s.expired():
		text = "timed out after " + time.Duration(s.action.Timeout).String()
	case s.action.Canceling && errors.Is(err, context.Canceled):
		text = "canceled in the middle"
	}
	if text == "" || telling {
		text = strings.TrimPrefix(text+": "+s.told(op, err), ": ")
	}
	if op.since != nil {
		text += fmt.Sprintf(" (for %s)", s.engine.now().Sub(*op.since).Round(time.Second))
	}
	s.fail(op, text)
}

// told is the text of an operation's error. Whoever shows it says which element it is about, so the text need not.
func (s *slice) told(op *operation, err error) string {
	return strings.TrimPrefix(s.engine.shown(err, s.mask, s.stack.Name, op.Element), "element "+op.Element+": ")
}

func (s *slice) fail(op *operation, message string) {
	s.settle(op, fairlead.OperationFailed, message)
	s.event(op.Element, "element-failed", op.Element+" failed: "+message)
	if s.failed == nil {
		s.failed = op
	}
	if r, there := s.records[op.Element]; there {
		r.Reason = op.Message
		if r.Health == fairlead.HealthProgressing { // nothing is on its way any more
			r.Health = fairlead.Unhealthy
		}
		s.putRecord(r)
	}
}

// settle ends an operation.
func (s *slice) settle(op *operation, state fairlead.OperationState, message string) {
	now := s.engine.now().UTC()
	op.State, op.Message, op.EndedAt, op.since, op.change = state, s.mask.String(message), &now, nil, nil
	if op.StartedAt == nil && state != fairlead.OperationSkipped {
		op.StartedAt = &now
	}
	s.changes.ops[op.n] = false
	s.deactivate(op)
}

func (s *slice) activate(op *operation, c call) {
	op.call, op.next, op.wait = c, time.Time{}, 0
	i, found := slices.BinarySearch(s.active, op.n)
	if !found {
		s.active = slices.Insert(s.active, i, op.n)
	}
}

func (s *slice) deactivate(op *operation) {
	if i, found := slices.BinarySearch(s.active, op.n); found {
		s.active = slices.Delete(s.active, i, i+1)
	}
}

func (s *slice) putRecord(r fairlead.Record) {
	s.records[r.Element] = r
	s.changes.records[r.Element] = true
}

func (s *slice) dropRecord(element string) {
	delete(s.records, element)
	s.changes.records[element] = true
}
