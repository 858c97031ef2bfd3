package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

// Prepared is a request that was checked and planned; [Engine.Begin] carries it out. Nothing of it is stored.
type Prepared struct {
	Plan fairlead.Plan
	// Stack is the stack as it will be; Verb is what the action will do.
	Stack fairlead.Stack
	Verb  fairlead.Verb

	request  Request
	exists   bool
	want     store.StackWant
	digest   string // of the template text that was planned with
	restores int64
	planned  *planned
}

// situation is all that is stored about a request's stack.
type situation struct {
	exists  bool
	stack   fairlead.Stack
	want    store.StackWant // of the stack as it is
	records map[string]fairlead.Record
	states  []store.StackState // newest first: two, or all for a rollback to a certain one
	kept    int                // how many states are read; 0 is all
	last    store.StackAction
	target  fairlead.Target
}

// Prepare checks a request, and plans it with a look at the target. Everything that is wrong comes in one Invalid error;
// an unknown template, version or target is NotFound, a taken name or a busy stack a Conflict. Nothing is stored.
func (e *Engine) Prepare(ctx context.Context, r Request) (*Prepared, error) {
	wrong := r.check()
	if wrong.HasErrors() {
		return nil, wrong.Err("stack " + r.Name)
	}
	now, err := e.look(ctx, &r)
	if err != nil {
		return nil, err
	}
	p := &Prepared{Stack: now.stack, Verb: r.Verb, request: r, exists: now.exists}
	if p.Verb == fairlead.VerbRetry && now.last.Verb == fairlead.VerbDelete {
		p.Verb = fairlead.VerbDelete
	}
	switch {
	case p.Verb == fairlead.VerbDelete:
		p.planned = planDeletion(now.records)
	case now.toNothing(p.Verb):
		if len(now.records) == 0 {
			return nil, fairlead.Errorf(fairlead.Conflict, "stack %q never was in a good state and nothing is made of it: there is nothing to roll back", r.Name)
		}
		p.planned = planDeletion(now.records)
	default:
		if err := e.prepareWant(ctx, p, now); err != nil {
			return nil, err
		}
	}
	p.Plan = p.planned.Plan
	if err := refuseProtected(p, now); err != nil {
		return nil, err
	}
	return p, e.stamp(ctx, p)
}

// look reads what is stored about the request and refuses what cannot be done in that situation.
func (e *Engine) look(ctx context.Context, r *Request) (now *situation, err error) {
	err = e.db.Read(ctx, func(tx *store.Tx) error {
		now, err = readSituation(ctx, tx, r)
		return err
	})
	return now, err
}

func readSituation(ctx context.Context, tx *store.Tx, r *Request) (*situation, error) {
	s, err := tx.Stack(ctx, r.Name)
	missing := fairlead.ErrorCode(err) == fairlead.NotFound
	switch {
	case err != nil && !missing:
		return nil, err
	case missing && (r.Verb == "" || r.Verb == fairlead.VerbCreate):
		r.Verb = fairlead.VerbCreate
		return newSituation(ctx, tx, r)
	case missing:
		return nil, err
	case r.Verb == fairlead.VerbCreate:
		return nil, fairlead.Errorf(fairlead.Conflict, "stack %q exists already; upgrade it, or choose another name", r.Name)
	case r.Verb == "":
		r.Verb = fairlead.VerbUpgrade
	}
	if err := refuseNested(s, r); err != nil {
		return nil, err
	}
	now := &situation{exists: true, stack: s, kept: 2}
	if r.To > 0 {
		now.kept = 0
	}
	if err := refuseMove(s, r); err != nil {
		return nil, err
	}
	if err := refuseBusy(ctx, tx, s); err != nil {
		return nil, err
	}
	if now.target, err = tx.Target(ctx, s.Target); err != nil && r.Verb != fairlead.VerbDelete {
		return nil, err
	}
	return now, now.read(ctx, tx)
}

func (now *situation) read(ctx context.Context, tx *store.Tx) (err error) {
	id := now.stack.ID
	if now.want, err = tx.StackWant(ctx, id); err != nil {
		return err
	}
	records, err := tx.Records(ctx, id)
	if err != nil {
		return err
	}
	now.records = byElement(records)
	if now.states, err = tx.StackStates(ctx, id, now.kept); err != nil {
		return err
	}
	last, err := tx.LastAction(ctx, id)
	if err != nil {
		return err
	}
	now.last, err = tx.StackAction(ctx, last)
	return err
}

// newSituation is the situation of a stack that is about to be created.
func newSituation(ctx context.Context, tx *store.Tx, r *Request) (*situation, error) {
	if r.Template == "" {
		return nil, fairlead.Diagnostics{finding("missing-template", "template", "a new stack needs a template and its version")}.Err("stack " + r.Name)
	}
	target, err := ChooseTarget(ctx, tx, r.Target)
	if err != nil {
		return nil, err
	}
	id, err := r.stackID()
	if err != nil {
		return nil, err
	}
	namespace := r.Namespace
	if namespace == "" {
		namespace = "default"
	}
	parent := ""
	if r.nested != nil {
		parent = r.nested.parent
	}
	return &situation{target: target, records: map[string]fairlead.Record{}, stack: fairlead.Stack{
		ID: id, Name: r.Name, Parent: parent, Target: target.Name, Namespace: namespace, Status: fairlead.StackPending,
		Health: fairlead.HealthUnknown, CreatedBy: r.Actor.String(), Labels: r.Labels, Protected: r.Protected,
	}}, nil
}

// ChooseTarget returns the target with a name; with "" the one that stacks are made on when nobody says: local, or the only one.
func ChooseTarget(ctx context.Context, tx *store.Tx, name string) (t fairlead.Target, err error) {
	if name != "" {
		return tx.Target(ctx, name)
	}
	targets, err := tx.Targets(ctx)
	if err != nil {
		return t, err
	}
	if i := slices.IndexFunc(targets, func(t fairlead.Target) bool { return t.Name == fairlead.LocalTarget }); i >= 0 {
		return targets[i], nil
	}
	switch len(targets) {
	case 0:
		return t, fairlead.Errorf(fairlead.NotFound, "there is no target to make a stack on; add one with: fairlead target add")
	case 1:
		return targets[0], nil
	}
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.Name
	}
	return t, fairlead.Diagnostics{finding("missing-target", "target",
		"there are several targets and none is named local; say which: "+strings.Join(names, ", "))}.Err("target")
}

// refuseNested refuses to change a nested stack otherwise than through its parent, and to take another stack for one.
func refuseNested(s fairlead.Stack, r *Request) error {
	switch {
	case r.nested != nil && s.ID != r.nested.id:
		return fairlead.Errorf(fairlead.Conflict, "stack %q exists already and is no part of stack %q", s.Name, r.nested.parent)
	case r.nested == nil && s.Parent != "":
		return fairlead.Errorf(fairlead.Conflict, "stack %q is a part of stack %q; change it through that one", s.Name, s.Parent)
	}
	return nil
}

func refuseMove(s fairlead.Stack, r *Request) error {
	var ds fairlead.Diagnostics
	if r.Target != "" && r.Target != s.Target {
		ds = append(ds, finding("fixed-target", "target", fmt.Sprintf("stack %q is on target %q and cannot move to %q; create another stack there", s.Name, s.Target, r.Target)))
	}
	if r.Namespace != "" && r.Namespace != s.Namespace {
		ds = append(ds, finding("fixed-namespace", "namespace", fmt.Sprintf("stack %q is in namespace %q and cannot move to %q; create another stack there", s.Name, s.Namespace, r.Namespace)))
	}
	return ds.Err("stack " + s.Name)
}

func refuseBusy(ctx context.Context, tx *store.Tx, s fairlead.Stack) error {
	if s.Action == "" {
		return nil
	}
	a, err := tx.Action(ctx, s.Action)
	if err != nil {
		return err
	}
	return fairlead.Errorf(fairlead.Conflict, "stack %q is busy: %s since %s (action %s is %s); wait for it, or end it with: fairlead stack cancel %s",
		s.Name, describeAction(a), a.CreatedAt.UTC().Format(time.RFC3339), a.ID, a.State, s.Name)
}

// prepareWant finds out what the stack shall be and plans the way there.
func (e *Engine) prepareWant(ctx context.Context, p *Prepared, now *situation) error {
	t, warnings, err := e.chooseWant(ctx, p, now)
	if err != nil {
		return err
	}
	p.Stack.Template, p.Stack.Version = p.want.Template, p.want.Version
	p.Stack.Inputs = shownInputs(t, p.want)
	if p.request.Description != "" {
		p.Stack.Description = p.request.Description
	}
	provider, err := e.provider(ctx, now.target)
	if err != nil {
		return err
	}
	var open revealed
	err = e.db.Read(ctx, func(tx *store.Tx) (err error) { open, err = e.reveal(ctx, tx, now.records); return err })
	if err != nil {
		return err
	}
	pl := planner{
		provider: provider, stack: p.Stack, template: t, inputs: p.want.Inputs, records: now.records,
		revealed: open, mask: mask(now.want, p.want, open.want()), parallel: e.parallel, reads: true, adopt: p.request.Adopt,
		thorough: p.request.look || p.request.Preview != "",
	}
	if err := checkAdopt(t, p.request.Adopt); err != nil {
		return err
	}
	p.planned, err = pl.plan(within(ctx, p.Stack, pl.mask, p.request.look))
	if err != nil {
		return masked(err, pl.mask)
	}
	p.planned.Warnings = maskedFindings(append(warnings, p.planned.Warnings...), pl.mask)
	return nil
}

// chooseWant sets p.want: from the request, from the last action (retry) or from the record of good states (rollback).
func (e *Engine) chooseWant(ctx context.Context, p *Prepared, now *situation) (*template.Template, fairlead.Diagnostics, error) {
	switch p.Verb {
	case fairlead.VerbRollback:
		state, err := now.rollbackState(p.request.To)
		if err != nil {
			return nil, nil, err
		}
		p.want, p.restores = state.Want, state.N
		t, err := e.template(ctx, p, p.want.Template, p.want.Version)
		return t, nil, err
	case fairlead.VerbRetry:
		if now.last.State == fairlead.ActionSucceeded {
			return nil, nil, fairlead.Errorf(fairlead.Conflict, "the last action of stack %q (%s) succeeded; there is nothing to retry", now.stack.Name, now.last.Verb)
		}
		p.want, p.restores = now.last.Want, now.last.Restores
		if p.request.Adopt == nil {
			p.request.Adopt = now.last.Adopt
		}
		t, err := e.template(ctx, p, p.want.Template, p.want.Version)
		return t, nil, err
	}
	name, version, before := p.request.Template, p.request.Version, (*store.StackWant)(nil)
	if now.exists {
		before = &now.want
		if name == "" {
			name = now.want.Template
		}
		if version == "" {
			version = now.want.Version
		}
	}
	t, err := e.template(ctx, p, name, version)
	if err != nil {
		return nil, nil, err
	}
	var ds fairlead.Diagnostics
	if p.request.nested != nil {
		before = nil
	}
	p.want, ds = newWant(t, name, version, before, p.request.Inputs)
	if n := p.request.nested; n != nil {
		p.want.Secrets = append(p.want.Secrets, n.secrets(p.want.Given)...)
	}
	if len(now.records) > 0 {
		ds = append(ds, checkImmutable(t, now.want, p.want)...)
		ds = append(ds, e.updateFindings(ctx, t, now, p.want)...)
	}
	ds.Sort()
	return t, ds, masked(ds.Err("inputs of stack "+now.stack.Name), mask(now.want, p.want))
}

// toNothing tells that an action takes the stack back to where it began: it never was in a good state.
func (now *situation) toNothing(verb fairlead.Verb) bool {
	switch verb {
	case fairlead.VerbRollback:
		return len(now.states) == 0
	case fairlead.VerbRetry:
		return now.last.State != fairlead.ActionSucceeded && now.last.Want.Template == ""
	}
	return false
}

// rollbackState is the good state to go back to: the one that is asked for or else the newest if the stack is not in it, and
// the one before if it is.
func (now *situation) rollbackState(to int64) (store.StackState, error) {
	if to > 0 {
		i := slices.IndexFunc(now.states, func(s store.StackState) bool { return s.N == to })
		if i < 0 {
			return store.StackState{}, fairlead.Errorf(fairlead.NotFound, "stack %q has no good state %d; see: fairlead stack history %s", now.stack.Name, to, now.stack.Name)
		}
		return now.states[i], nil
	}
	n := 0
	if now.stack.Status == fairlead.StackRunning {
		n = 1
	}
	if len(now.states) <= n {
		return store.StackState{}, fairlead.Errorf(fairlead.Conflict, "stack %q has no earlier good state to roll back to", now.stack.Name)
	}
	return now.states[n], nil
}

// updateFindings warns of what the original service would refuse. Without the text that the stack is made from there is nothing
// to compare with, and nothing to warn of.
func (e *Engine) updateFindings(ctx context.Context, t *template.Template, now *situation, want store.StackWant) fairlead.Diagnostics {
	if now.want.Template == want.Template && now.want.Version == want.Version {
		return nil
	}
	before, err := e.template(ctx, &Prepared{}, now.want.Template, now.want.Version)
	if err != nil {
		return nil
	}
	return template.UpdateFindings(before, t, inOrder(now.records)...)
}

// template returns the parsed text of a template version, and notes in p which text that is.
func (e *Engine) template(ctx context.Context, p *Prepared, name, version string) (*template.Template, error) {
	var v fairlead.TemplateVersion
	err := e.db.Read(ctx, func(tx *store.Tx) (err error) {
		v, err = tx.TemplateVersion(ctx, name, version)
		return err
	})
	if err != nil {
		return nil, err
	}
	p.digest = v.Digest
	return e.templates.parse(v)
}

func (e *Engine) provider(ctx context.Context, target fairlead.Target) (Provider, error) {
	p, err := e.connect(ctx, target)
	if err != nil {
		return nil, err
	}
	return e.routed(p), nil
}

// routed completes a target's provider.
func (e *Engine) routed(p Provider) Provider {
	return guarded{router{target: p, stacks: nested{e}}, e.log}
}

// masked hides secrets in an error that quotes values. An error that is not meant for people ends up in the log, which must
// not have them either.
func masked(err error, mask fairlead.Mask) error {
	old, ok := asError(err)
	if !ok {
		if err == nil || mask.String(err.Error()) == err.Error() {
			return err
		}
		return errors.New(mask.String(err.Error()))
	}
	e := *old
	e.Message, e.Problems = mask.String(e.Message), maskedFindings(e.Problems, mask)
	return &e
}

func maskedFindings(ds fairlead.Diagnostics, mask fairlead.Mask) fairlead.Diagnostics {
	ds = slices.Clone(ds)
	for i := range ds {
		d := &ds[i]
		d.Summary, d.Detail = mask.String(d.Summary), mask.String(d.Detail)
	}
	return ds
}

// Begin carries out what was prepared: it stores the stack, the action with its plan, and the job that works it, in the
// caller's transaction. It is a Conflict when the stack has changed since Prepare or is busy, and NotFound when its template
// or target has gone since; then nothing is stored.
func (e *Engine) Begin(ctx context.Context, tx *store.Tx, p *Prepared) (fairlead.Action, error) {
	if err := p.checkFoundations(ctx, tx); err != nil {
		return fairlead.Action{}, err
	}
	id, cause, err := p.request.actionID()
	if err != nil {
		return fairlead.Action{}, err
	}
	a := store.StackAction{Want: p.want, Forced: p.request.Force, Restores: p.restores, Cause: cause, Action: fairlead.Action{
		ID: id, StackID: p.Stack.ID, Stack: p.Stack.Name, Verb: p.Verb, State: fairlead.ActionPending,
		OnFailure: p.request.OnFailure, Template: p.Stack.Template, Version: p.Stack.Version, Plan: p.Plan,
		Timeout: fairlead.Duration(p.request.Timeout), By: p.request.Actor.String(),
		Comment: p.request.Comment, Run: p.request.Run, Adopt: p.request.Adopt,
	}}
	if p.want.Template == "" && p.Verb != fairlead.VerbDelete {
		a.Template, a.Version = "", "" // back to nothing
	}
	if p.request.Then != nil {
		a.Then = &store.StackJob{Kind: p.request.Then.Kind, Args: p.request.Then.Args}
	}
	if err := e.storeStack(ctx, tx, p, a.ID); err != nil {
		return a.Action, err
	}
	if err := tx.CreateAction(ctx, &a); err != nil {
		return a.Action, err
	}
	if err := storePlanned(ctx, tx, a.ID, 0, p.planned); err != nil {
		return a.Action, err
	}
	if err := tx.AppendEvent(ctx, fairlead.Event{
		Kind: eventKind, Name: a.Stack, Action: a.ID, Type: "action-begun", Message: begunMessage(a.Action),
	}); err != nil {
		return a.Action, err
	}
	return a.Action, e.enqueueNow(ctx, tx, p.Stack.Target, actionArgs{Action: a.ID, Slice: a.Slice})
}

// checkFoundations looks again at what the stack is made of and on, because nothing kept others from deleting it between
// Prepare and the transaction. From then on the stack itself keeps them.
func (p *Prepared) checkFoundations(ctx context.Context, tx *store.Tx) error {
	if p.want.Template == "" {
		return nil // what is deleted needs neither
	}
	digest, err := tx.TemplateDigest(ctx, p.want.Template, p.want.Version)
	if err != nil {
		return err
	}
	if digest != p.digest {
		return fairlead.Errorf(fairlead.Conflict, "template %s@%s has changed since the plan was made; plan again", p.want.Template, p.want.Version)
	}
	_, err = tx.Target(ctx, p.Stack.Target)
	return err
}

func begunMessage(a fairlead.Action) string {
	text := string(a.Verb) + " of stack " + a.Stack
	switch {
	case a.Verb == fairlead.VerbDelete:
	case a.Template != "":
		text += " to " + a.Template + "@" + a.Version
	default:
		text += " to nothing"
	}
	if a.By != "" {
		text += " by " + a.By
	}
	text += " begins: " + summary(a.Plan)
	if a.Comment != "" {
		text += "; because: " + a.Comment
	}
	return text
}

// summary counts the operations of a plan, such as "2 to create, 1 to delete".
func summary(plan fairlead.Plan) string {
	counts := map[fairlead.OperationVerb]int{}
	var parts []string
	adopted := 0
	for _, op := range plan.Operations {
		if op.Adopt {
			adopted++
		} else {
			counts[op.Verb]++
		}
	}
	if adopted > 0 {
		parts = append(parts, fmt.Sprintf("%d to adopt", adopted))
	}
	for _, verb := range []fairlead.OperationVerb{fairlead.OpCreate, fairlead.OpUpdate, fairlead.OpReplace, fairlead.OpDelete} {
		if n := counts[verb]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, verb))
		}
	}
	if parts == nil {
		return "nothing to change"
	}
	return strings.Join(parts, ", ")
}

func (e *Engine) storeStack(ctx context.Context, tx *store.Tx, p *Prepared, action string) error {
	s := p.Stack
	s.Action, s.Status, s.Reason = action, fairlead.StackProcessing, ""
	if !p.exists {
		return tx.CreateStack(ctx, &s, p.want)
	}
	now, err := tx.Stack(ctx, s.Name)
	if err != nil {
		return err
	}
	if err := refuseBusy(ctx, tx, now); err != nil {
		return err
	}
	if now.ID != s.ID || now.Revision != s.Revision {
		return fairlead.Errorf(fairlead.Conflict, "stack %q has changed since the plan was made: %s; plan again", s.Name, lastChange(ctx, tx, now))
	}
	s.Health, s.Outputs = now.Health, now.Outputs
	var want *store.StackWant
	if p.want.Template != "" {
		want = &p.want
	}
	return tx.UpdateStack(ctx, &s, want)
}

// storePlanned stores what belongs to a plan: the changes of its operations, which start at index first of the action's
// plan, and the new places of unchanged elements.
func storePlanned(ctx context.Context, tx *store.Tx, action string, first int, p *planned) error {
	for i, c := range p.changes {
		if c == nil {
			continue
		}
		op := p.Operations[i]
		row := store.StackOperation{N: first + i, Verb: op.Verb, Reason: op.Reason, State: op.State, Change: c}
		if err := tx.PutOperation(ctx, action, row); err != nil {
			return err
		}
	}
	for _, r := range p.moved {
		if err := tx.PutRecord(ctx, r); err != nil {
			return err
		}
	}
	return nil
}
