package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/fairlead/fairlead"
)

// StackRequest says what a stack shall become. On an upgrade, what is empty stays as it is and Inputs are laid over the
// stack's.
type StackRequest struct {
	Verb        fairlead.Verb      `json:"verb,omitempty"` // preview only, where empty is create or, when the stack exists, upgrade
	Name        string             `json:"name,omitempty"`
	Target      string             `json:"target,omitempty"`
	Namespace   string             `json:"namespace,omitempty"`
	Template    string             `json:"template,omitempty"`
	Version     string             `json:"version,omitempty"`
	Description string             `json:"description,omitempty"`
	Inputs      map[string]any     `json:"inputs,omitempty"`
	OnFailure   fairlead.OnFailure `json:"on_failure,omitempty"`
	Timeout     fairlead.Duration  `json:"timeout,omitzero"`
}

// Stacks lists the stacks.
func (c *Client) Stacks(ctx context.Context) iter.Seq2[fairlead.Stack, error] {
	return list[fairlead.Stack](ctx, c, nil, "stacks")
}

// Stack returns one stack.
func (c *Client) Stack(ctx context.Context, name string) (fairlead.Stack, error) {
	return get[fairlead.Stack](ctx, c, "stacks", name)
}

// PreviewStack checks a request and returns the plan that it would run; nothing is stored or changed.
func (c *Client) PreviewStack(ctx context.Context, r StackRequest) (fairlead.Plan, error) {
	type preview struct {
		Plan fairlead.Plan `json:"plan"`
	}
	out, err := post[preview](ctx, c, r, "stacks", "preview")
	return out.Plan, err
}

// begun is the answer of everything that begins an action.
type begun struct {
	Action fairlead.Action `json:"action"`
}

// CreateStack begins to make a stack.
func (c *Client) CreateStack(ctx context.Context, r StackRequest) (fairlead.Action, error) {
	r.Verb = ""
	out, err := post[begun](ctx, c, r, "stacks")
	return out.Action, err
}

// UpgradeStack begins to change a stack to another template version, other inputs or both.
func (c *Client) UpgradeStack(ctx context.Context, r StackRequest) (fairlead.Action, error) {
	name := r.Name
	r.Verb, r.Name = "", ""
	out, err := post[begun](ctx, c, r, "stacks", name, "upgrade")
	return out.Action, err
}

// RollbackStack begins to bring a stack back to its last version that worked.
func (c *Client) RollbackStack(ctx context.Context, name string) (fairlead.Action, error) {
	out, err := post[begun](ctx, c, nil, "stacks", name, "rollback")
	return out.Action, err
}

// RetryStack begins the stack's last action again where it failed.
func (c *Client) RetryStack(ctx context.Context, name string) (fairlead.Action, error) {
	out, err := post[begun](ctx, c, nil, "stacks", name, "retry")
	return out.Action, err
}

// CancelStack asks the action in flight to end between two elements.
func (c *Client) CancelStack(ctx context.Context, name string) (fairlead.Action, error) {
	out, err := post[begun](ctx, c, nil, "stacks", name, "cancel")
	return out.Action, err
}

// DeleteStack begins to delete a stack. force forgets what cannot be reached.
func (c *Client) DeleteStack(ctx context.Context, name string, force bool) (fairlead.Action, error) {
	q := set()
	if force {
		q.Set("force", "true")
	}
	out, err := fetch[begun](ctx, c, call{method: http.MethodDelete, path: []string{"stacks", name}, query: q})
	return out.Action, err
}

// Action returns one action with its plan and the state of each operation.
func (c *Client) Action(ctx context.Context, id string) (fairlead.Action, error) {
	return get[fairlead.Action](ctx, c, "actions", id)
}

// StackActions lists what was done to a stack, newest first.
func (c *Client) StackActions(ctx context.Context, name string) iter.Seq2[fairlead.Action, error] {
	return list[fairlead.Action](ctx, c, nil, "stacks", name, "actions")
}

// StackElements lists the records of a stack's elements in the template author's order.
func (c *Client) StackElements(ctx context.Context, name string) iter.Seq2[fairlead.Record, error] {
	return list[fairlead.Record](ctx, c, nil, "stacks", name, "elements")
}

// StackOutputs lists a stack's outputs.
func (c *Client) StackOutputs(ctx context.Context, name string) iter.Seq2[fairlead.Output, error] {
	return list[fairlead.Output](ctx, c, nil, "stacks", name, "outputs")
}

// StackEvents lists a stack's events, oldest first.
func (c *Client) StackEvents(ctx context.Context, name string) iter.Seq2[fairlead.Event, error] {
	return list[fairlead.Event](ctx, c, nil, "stacks", name, "events")
}
