package client

import (
	"context"
	"iter"
	"net/http"
	"strconv"

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
	// To is the good state of a rollback that is previewed.
	To        int64             `json:"to,omitempty"`
	Adopt     []string          `json:"adopt,omitempty"`   // elements that may take over what exists; "*" is all
	Preview   string            `json:"preview,omitempty"` // hash of the plan that was looked at
	Comment   string            `json:"comment,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"` // of a new stack
	Protected bool              `json:"protected,omitempty"`
	// IfRevision refuses the request when the stack has another revision; 0 does not look.
	IfRevision int64 `json:"-"`
}

// StackFilter selects stacks. Empty fields select everything; labels are key=value, or key for any value.
type StackFilter struct {
	Search, Status, Target, Template string
	Labels                           []string
}

// StackStep rolls a stack back or tries its last action again.
type StackStep struct {
	OnFailure fairlead.OnFailure `json:"on_failure,omitempty"`
	Timeout   fairlead.Duration  `json:"timeout,omitzero"`
	To        int64              `json:"to,omitempty"` // rollback only: the good state to go to
	Preview   string             `json:"preview,omitempty"`
	Comment   string             `json:"comment,omitempty"`
	// IfRevision refuses the request when the stack has another revision; 0 does not look.
	IfRevision int64 `json:"-"`
}

// StackDeletion says how a stack is deleted. Force forgets what cannot be reached.
type StackDeletion struct {
	Force      bool
	Comment    string
	IfRevision int64
}

// StackUpdate changes what a stack says about itself; nil leaves a thing as it is, a label that is nil goes.
type StackUpdate struct {
	Description *string            `json:"description,omitempty"`
	Labels      map[string]*string `json:"labels,omitempty"`
	Protected   *bool              `json:"protected,omitempty"`
	IfRevision  int64              `json:"-"`
}

func ifRevision(n int64) http.Header {
	if n == 0 {
		return nil
	}
	return http.Header{"If-Match": {strconv.Quote(strconv.FormatInt(n, 10))}}
}

// Stacks lists the stacks.
func (c *Client) Stacks(ctx context.Context) iter.Seq2[fairlead.Stack, error] {
	return c.FindStacks(ctx, StackFilter{})
}

// FindStacks lists the stacks that a filter selects.
func (c *Client) FindStacks(ctx context.Context, f StackFilter) iter.Seq2[fairlead.Stack, error] {
	q := set("q", f.Search, "status", f.Status, "target", f.Target, "template", f.Template)
	for _, l := range f.Labels {
		q.Add("label", l)
	}
	return list[fairlead.Stack](ctx, c, q, "stacks")
}

// UpdateStack changes description, labels and protection, without an action.
func (c *Client) UpdateStack(ctx context.Context, name string, u StackUpdate) (fairlead.Stack, error) {
	return fetch[fairlead.Stack](ctx, c, call{method: http.MethodPatch, path: []string{"stacks", name}, in: u, header: ifRevision(u.IfRevision)})
}

// StackCopy says how a copy differs from its stack. What is empty is as it is there.
type StackCopy struct {
	Name        string             `json:"name"`
	Target      string             `json:"target,omitempty"`
	Namespace   string             `json:"namespace,omitempty"`
	Description string             `json:"description,omitempty"`
	Labels      map[string]string  `json:"labels,omitempty"`
	Protected   bool               `json:"protected,omitempty"`
	Inputs      map[string]any     `json:"inputs,omitempty"`
	Map         map[string]string  `json:"map,omitempty"` // texts to replace in the inputs, as whole words
	OnFailure   fairlead.OnFailure `json:"on_failure,omitempty"`
	Timeout     fairlead.Duration  `json:"timeout,omitzero"`
	Adopt       []string           `json:"adopt,omitempty"`
	Comment     string             `json:"comment,omitempty"`
}

// CopyStack begins to make a stack like another one.
func (c *Client) CopyStack(ctx context.Context, name string, to StackCopy) (fairlead.Action, error) {
	return c.begin(ctx, 0, to, "stacks", name, "copy")
}

// ExportStack returns a stack as one file. Its secret inputs are left out, or sealed with a passphrase.
func (c *Client) ExportStack(ctx context.Context, name, passphrase string) (fairlead.StackExport, error) {
	in := struct {
		Passphrase string `json:"passphrase,omitempty"`
	}{passphrase}
	return post[fairlead.StackExport](ctx, c, in, "stacks", name, "export")
}

// StackHistory lists the good states of a stack, newest first.
func (c *Client) StackHistory(ctx context.Context, name string) iter.Seq2[fairlead.GoodState, error] {
	return list[fairlead.GoodState](ctx, c, nil, "stacks", name, "history")
}

// StackDrift reads what is on the target and compares it with what was last applied.
func (c *Client) StackDrift(ctx context.Context, name string) (fairlead.Drift, error) {
	return get[fairlead.Drift](ctx, c, "stacks", name, "drift")
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
	name, revision := r.Name, r.IfRevision
	r.Verb, r.Name = "", ""
	return c.begin(ctx, revision, r, "stacks", name, "upgrade")
}

func (c *Client) begin(ctx context.Context, revision int64, in any, path ...string) (fairlead.Action, error) {
	out, err := fetch[begun](ctx, c, call{method: http.MethodPost, path: path, in: in, header: ifRevision(revision)})
	return out.Action, err
}

// RollbackStack begins to bring a stack back to a version that worked: the last one, or that of To.
func (c *Client) RollbackStack(ctx context.Context, name string, s StackStep) (fairlead.Action, error) {
	return c.begin(ctx, s.IfRevision, s, "stacks", name, "rollback")
}

// RetryStack begins the stack's last action again where it failed.
func (c *Client) RetryStack(ctx context.Context, name string, s StackStep) (fairlead.Action, error) {
	return c.begin(ctx, s.IfRevision, s, "stacks", name, "retry")
}

// CancelStack asks the action in flight to end between two elements.
func (c *Client) CancelStack(ctx context.Context, name string) (fairlead.Action, error) {
	out, err := post[begun](ctx, c, nil, "stacks", name, "cancel")
	return out.Action, err
}

// DeleteStack begins to delete a stack.
func (c *Client) DeleteStack(ctx context.Context, name string, d StackDeletion) (fairlead.Action, error) {
	q := set("comment", d.Comment)
	if d.Force {
		q.Set("force", "true")
	}
	out, err := fetch[begun](ctx, c, call{method: http.MethodDelete, path: []string{"stacks", name}, query: q, header: ifRevision(d.IfRevision)})
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
