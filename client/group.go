package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/fairlead/fairlead"
)

// Groups lists the pipeline groups that you see, with your role in each.
func (c *Client) Groups(ctx context.Context) iter.Seq2[fairlead.Group, error] {
	return list[fairlead.Group](ctx, c, nil, "groups")
}

// CreateGroup makes a pipeline group, which you manage then.
func (c *Client) CreateGroup(ctx context.Context, name, description string) (fairlead.Group, error) {
	return post[fairlead.Group](ctx, c, map[string]string{"name": name, "description": description}, "groups")
}

// Group returns one pipeline group.
func (c *Client) Group(ctx context.Context, name string) (fairlead.Group, error) {
	return get[fairlead.Group](ctx, c, "groups", name)
}

// GroupChange says what to change of a pipeline group; nil stays as it is.
type GroupChange struct {
	Description *string               `json:"description,omitempty"`
	Limits      *fairlead.GroupLimits `json:"limits,omitempty"`
}

// UpdateGroup changes a pipeline group.
func (c *Client) UpdateGroup(ctx context.Context, name string, change GroupChange) (fairlead.Group, error) {
	return fetch[fairlead.Group](ctx, c, call{method: http.MethodPatch, path: []string{"groups", name}, in: change})
}

// DeleteGroup removes a pipeline group that holds no pipelines.
func (c *Client) DeleteGroup(ctx context.Context, name string) error {
	return c.delete(ctx, "groups", name)
}

// Members lists who has a role in a pipeline group.
func (c *Client) Members(ctx context.Context, group string) iter.Seq2[fairlead.Member, error] {
	return list[fairlead.Member](ctx, c, nil, "groups", group, "members")
}

// Grant gives a user a role in a pipeline group, in place of the one that he has.
func (c *Client) Grant(ctx context.Context, group, user string, role fairlead.Role) error {
	in := map[string]fairlead.Role{"role": role}
	return c.do(ctx, call{method: http.MethodPut, path: []string{"groups", group, "members", user}, in: in})
}

// Revoke takes a user's role in a pipeline group.
func (c *Client) Revoke(ctx context.Context, group, user string) error {
	return c.delete(ctx, "groups", group, "members", user)
}
