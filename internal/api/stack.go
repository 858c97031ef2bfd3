package api

import (
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
)

// StackQuery selects stacks.
type StackQuery struct {
	Page
	Search   string               `query:"q" maxLength:"64" doc:"a part of the name"`
	Status   fairlead.StackStatus `query:"status" enum:"pending,processing,running,abnormal"`
	Target   string               `query:"target" maxLength:"64"`
	Template string               `query:"template" maxLength:"64"`
	Labels   []string             `query:"label,explode" maxItems:"20" doc:"key=value, or key for any value; may be repeated"`
}

func (in *StackQuery) filter() store.StackFilter {
	f := store.StackFilter{Search: in.Search, Status: in.Status, Target: in.Target, Template: in.Template, Labels: map[string]string{}}
	for _, l := range in.Labels {
		k, v, _ := strings.Cut(l, "=")
		f.Labels[k] = v
	}
	return f
}

func (a *API) listStacks(ctx context.Context, in *StackQuery) (*Body[List[fairlead.Stack]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Stacks}); err != nil {
		return nil, err
	}
	var stacks []fairlead.Stack
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		stacks, next, err = tx.FindStacks(ctx, in.filter(), in.Limit, in.Cursor)
		for i := range stacks {
			if err == nil {
				stacks[i].CreatedBy, err = tx.Unnamed(ctx, auth.Sees(actorOf(ctx)), stacks[i].CreatedBy)
			}
		}
		return err
	})
	return list(stacks, next, err)
}

// StackBody is a stack with its revision.
type StackBody struct {
	ETag string `header:"ETag" doc:"the revision; for If-Match"`
	Body fairlead.Stack
}

func (a *API) getStack(ctx context.Context, in *Named) (*StackBody, error) {
	s, err := a.stack(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return &StackBody{etag(s.Revision), s}, nil
}

func (a *API) stack(ctx context.Context, name string) (s fairlead.Stack, err error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Stacks, Name: name}); err != nil {
		return s, err
	}
	err = a.DB.Read(ctx, func(tx *store.Tx) error {
		if s, err = tx.Stack(ctx, name); err == nil {
			s.CreatedBy, err = tx.Unnamed(ctx, auth.Sees(actorOf(ctx)), s.CreatedBy)
		}
		return err
	})
	return s, err
}

// StackChange says what a stack shall become. On an upgrade, what is left out stays as it is and inputs are laid over the stack's.
type StackChange struct {
	Target      string             `json:"target,omitempty" doc:"default: local, or the only target"`
	Namespace   string             `json:"namespace,omitempty" doc:"default: default"`
	Template    string             `json:"template,omitempty"`
	Version     string             `json:"version,omitempty"`
	Description string             `json:"description,omitempty" maxLength:"1000"`
	Inputs      map[string]any     `json:"inputs,omitempty" doc:"null takes an input back to its default"`
	OnFailure   fairlead.OnFailure `json:"on_failure,omitempty" enum:"keep,rollback" doc:"default: keep"`
	Timeout     fairlead.Duration  `json:"timeout,omitempty" example:"60m" doc:"1s to 24h; default: 60m"`
	Adopt       []string           `json:"adopt,omitempty" maxItems:"10000" doc:"elements that may take over what exists on the target and belongs to no stack; * is all of them"`
	Preview     string             `json:"preview,omitempty" maxLength:"80" doc:"hash of the plan that was looked at, or its first 12 characters: refused with a conflict when it would be another plan by now"`
	Comment     string             `json:"comment,omitempty" maxLength:"1000" doc:"why, for the record"`
	Labels      map[string]string  `json:"labels,omitempty" doc:"of a new stack"`
	Protected   bool               `json:"protected,omitempty" doc:"of a new stack: refuses deletion"`
}

func (c StackChange) request(ctx context.Context, verb fairlead.Verb, name string) stack.Request {
	return stack.Request{
		Name: name, Target: c.Target, Namespace: c.Namespace, Template: c.Template, Version: c.Version, Description: c.Description,
		Inputs: c.Inputs, OnFailure: c.OnFailure, Timeout: time.Duration(c.Timeout), Verb: verb, Actor: actorOf(ctx),
		Adopt: c.Adopt, Preview: c.Preview, Comment: c.Comment, Labels: c.Labels, Protected: c.Protected,
	}
}

// NewStack is a stack to make.
type NewStack struct {
	Body struct {
		Name string `json:"name"`
		StackChange
	}
}

// StackPreview asks what a request would do.
type StackPreview struct {
	Body struct {
		Verb fairlead.Verb `json:"verb,omitempty" enum:"create,upgrade,rollback,retry,delete" doc:"default: create or, when the stack exists, upgrade"`
		Name string        `json:"name"`
		To   int64         `json:"to,omitempty" minimum:"0" doc:"of a rollback: the good state to go to"`
		StackChange
	}
}

// Preview is what a request would do.
type Preview struct {
	Plan fairlead.Plan `json:"plan"`
}

func (a *API) previewStack(ctx context.Context, in *StackPreview) (*Body[Preview], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Stacks, Name: in.Body.Name}); err != nil {
		return nil, err
	}
	r := in.Body.request(ctx, in.Body.Verb, in.Body.Name)
	r.To = in.Body.To
	plan, err := a.Stacks.Preview(ctx, r)
	return answer(Preview{plan}, err)
}

// Begun is an action that has begun, with its stack as it is now.
type Begun struct {
	Stack  fairlead.Stack  `json:"stack"`
	Action fairlead.Action `json:"action"`
}

func (a *API) createStack(ctx context.Context, in *NewStack) (*Body[Begun], error) {
	return a.begin(ctx, auth.Change, in.Body.request(ctx, fairlead.VerbCreate, in.Body.Name), "")
}

// StackUpgrade changes a stack.
type StackUpgrade struct {
	Named
	IfMatch string `header:"If-Match" doc:"ETag that the stack must have"`
	Body    StackChange
}

func (a *API) upgradeStack(ctx context.Context, in *StackUpgrade) (*Body[Begun], error) {
	return a.begin(ctx, auth.Change, in.Body.request(ctx, fairlead.VerbUpgrade, in.Name), in.IfMatch)
}

// StackStep rolls a stack back or tries its last action again.
type StackStep struct {
	Named
	IfMatch string `header:"If-Match" doc:"ETag that the stack must have"`
	Body    *struct {
		OnFailure fairlead.OnFailure `json:"on_failure,omitempty" enum:"keep,rollback"`
		Timeout   fairlead.Duration  `json:"timeout,omitempty" example:"60m"`
		To        int64              `json:"to,omitempty" minimum:"0" doc:"of a rollback: the good state to go to, see history; default: the last one or, when the stack is in that, the one before"`
		Preview   string             `json:"preview,omitempty" maxLength:"80" doc:"hash of the plan that was looked at"`
		Comment   string             `json:"comment,omitempty" maxLength:"1000" doc:"why, for the record"`
	}
}

func (in *StackStep) request(ctx context.Context, verb fairlead.Verb) stack.Request {
	if in.Body == nil {
		return StackChange{}.request(ctx, verb, in.Name)
	}
	b := in.Body
	r := StackChange{OnFailure: b.OnFailure, Timeout: b.Timeout, Preview: b.Preview, Comment: b.Comment}.request(ctx, verb, in.Name)
	r.To = b.To
	return r
}

func (a *API) rollbackStack(ctx context.Context, in *StackStep) (*Body[Begun], error) {
	return a.begin(ctx, auth.Change, in.request(ctx, fairlead.VerbRollback), in.IfMatch)
}

func (a *API) retryStack(ctx context.Context, in *StackStep) (*Body[Begun], error) {
	return a.begin(ctx, auth.Change, in.request(ctx, fairlead.VerbRetry), in.IfMatch)
}

// StackDeletion deletes a stack.
type StackDeletion struct {
	Named
	IfMatch string `header:"If-Match" doc:"ETag that the stack must have"`
	Force   bool   `query:"force" doc:"forget what cannot be reached; the action's message says what was left behind"`
	Comment string `query:"comment" maxLength:"1000" doc:"why, for the record"`
}

func (a *API) deleteStack(ctx context.Context, in *StackDeletion) (*Body[Begun], error) {
	r := StackChange{}.request(ctx, fairlead.VerbDelete, in.Name)
	r.Force, r.Comment = in.Force, in.Comment
	return a.begin(ctx, auth.Remove, r, in.IfMatch)
}

// begin prepares an action outside of the transaction and begins it inside, where the stack must still be what the caller
// has seen.
func (a *API) begin(ctx context.Context, verb auth.Verb, r stack.Request, match string) (*Body[Begun], error) {
	if err := can(ctx, verb, auth.Object{Kind: auth.Stacks, Name: r.Name}); err != nil {
		return nil, err
	}
	p, err := a.Stacks.Prepare(ctx, r)
	if err != nil {
		return nil, err
	}
	var b Begun
	err = a.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if err := matchStack(ctx, tx, r.Name, match); err != nil {
			return err
		}
		if b.Action, err = a.Stacks.Begin(ctx, tx, p); err != nil {
			return err
		}
		if b.Stack, err = tx.StackByID(ctx, b.Action.StackID); err != nil {
			return err
		}
		return b.unnamed(ctx, tx)
	})
	return answer(b, err)
}

// unnamed takes out which pipelines' runs did something, as far as the actor does not see them.
func (b *Begun) unnamed(ctx context.Context, tx *store.Tx) (err error) {
	v, actions := auth.Sees(actorOf(ctx)), []fairlead.Action{b.Action}
	if err = tx.UnnamedActions(ctx, v, actions); err == nil {
		b.Action = actions[0]
		b.Stack.CreatedBy, err = tx.Unnamed(ctx, v, b.Stack.CreatedBy)
	}
	return err
}

// matchStack compares If-Match, when it is given, with the stack as it is in the transaction that changes it.
func matchStack(ctx context.Context, tx *store.Tx, name, match string) error {
	if match == "" {
		return nil
	}
	s, err := tx.Stack(ctx, name)
	if err != nil {
		return err
	}
	return checkMatch(match, "stack "+name+" ("+string(s.Status)+" at "+s.Template+"@"+s.Version+")", s.Revision)
}

// StackUpdate changes what a stack says about itself.
type StackUpdate struct {
	Named
	IfMatch string `header:"If-Match" doc:"ETag that the stack must have"`
	Body    struct {
		Description *string            `json:"description,omitempty" maxLength:"1000"`
		Labels      map[string]*string `json:"labels,omitempty" doc:"laid over those that are there; null takes one away"`
		Protected   *bool              `json:"protected,omitempty"`
	}
}

func (a *API) updateStack(ctx context.Context, in *StackUpdate) (*StackBody, error) {
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Stacks, Name: in.Name}); err != nil {
		return nil, err
	}
	u := stack.Update{Name: in.Name, Description: in.Body.Description, Labels: in.Body.Labels, Protected: in.Body.Protected, Actor: actorOf(ctx)}
	var s fairlead.Stack
	err := a.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if err := matchStack(ctx, tx, in.Name, in.IfMatch); err != nil {
			return err
		}
		if s, err = a.Stacks.Update(ctx, tx, u); err == nil {
			s.CreatedBy, err = tx.Unnamed(ctx, auth.Sees(actorOf(ctx)), s.CreatedBy)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &StackBody{etag(s.Revision), s}, nil
}

func (a *API) stackHistory(ctx context.Context, in *Named) (*Body[List[fairlead.GoodState]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Stacks, Name: in.Name}); err != nil {
		return nil, err
	}
	states, err := a.Stacks.History(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	err = a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		for i := range states {
			if states[i].By, err = tx.Unnamed(ctx, auth.Sees(actorOf(ctx)), states[i].By); err != nil {
				return err
			}
		}
		return nil
	})
	return list(states, "", err)
}

func (a *API) stackDrift(ctx context.Context, in *Named) (*Body[fairlead.Drift], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Stacks, Name: in.Name}); err != nil {
		return nil, err
	}
	return answer(a.Stacks.Drift(ctx, in.Name))
}

func (a *API) cancelStack(ctx context.Context, in *Named) (*Body[Begun], error) {
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Stacks, Name: in.Name}); err != nil {
		return nil, err
	}
	before, err := a.stack(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if err := a.Stacks.Cancel(ctx, actorOf(ctx), in.Name); err != nil {
		return nil, err
	}
	var b Begun
	err = a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		if b.Action, err = tx.Action(ctx, before.Action); err != nil {
			return err
		}
		b.Stack, err = tx.StackByID(ctx, before.ID)
		if fairlead.ErrorCode(err) == fairlead.NotFound { // the action was a deletion and got there first
			b.Stack, err = before, nil
		}
		if err != nil {
			return err
		}
		return b.unnamed(ctx, tx)
	})
	return answer(b, err)
}

func (a *API) stackElements(ctx context.Context, in *Named) (*Body[List[fairlead.Record]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Stacks, Name: in.Name}); err != nil {
		return nil, err
	}
	records, err := a.Stacks.Elements(ctx, in.Name)
	return list(records, "", err)
}

func (a *API) stackOutputs(ctx context.Context, in *Named) (*Body[List[fairlead.Output]], error) {
	s, err := a.stack(ctx, in.Name)
	return list(s.Outputs, "", err)
}

func (a *API) stackActions(ctx context.Context, in *NamedPage) (*Body[List[fairlead.Action]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Stacks, Name: in.Name}); err != nil {
		return nil, err
	}
	var actions []fairlead.Action
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		actions, next, err = tx.Actions(ctx, in.Name, in.Limit, in.Cursor)
		if err == nil && len(actions) == 0 && in.Cursor == "" {
			_, err = tx.Stack(ctx, in.Name) // a deleted stack keeps its actions; one that never was is not found
		}
		if err != nil {
			return err
		}
		return tx.UnnamedActions(ctx, auth.Sees(actorOf(ctx)), actions)
	})
	return list(actions, next, err)
}

// StackEvents selects the events of a stack.
type StackEvents struct {
	Named
	Action string `query:"action" maxLength:"80" doc:"id of an action"`
	Page
	Follow
}

func (a *API) stackEvents(ctx context.Context, in *StackEvents) (*huma.StreamResponse, error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Stacks, Name: in.Name}); err != nil {
		return nil, err
	}
	return a.eventList(ctx, &EventQuery{Kind: "stack", Name: in.Name, Action: in.Action, Page: in.Page, Follow: in.Follow})
}

// ActionID names an action.
type ActionID struct {
	ID string `path:"id" maxLength:"80"`
}

func (a *API) getAction(ctx context.Context, in *ActionID) (*Body[fairlead.Action], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Stacks}); err != nil {
		return nil, err
	}
	actions := make([]fairlead.Action, 1)
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		if actions[0], err = tx.Action(ctx, in.ID); err != nil {
			return err
		}
		return tx.UnnamedActions(ctx, auth.Sees(actorOf(ctx)), actions)
	})
	return answer(actions[0], err)
}
