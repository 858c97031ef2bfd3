package client

import (
	"context"
	"iter"

	"github.com/fairlead/fairlead"
)

// Targets lists the targets.
func (c *Client) Targets(ctx context.Context) iter.Seq2[fairlead.Target, error] {
	return list[fairlead.Target](ctx, c, nil, "targets")
}

// Target returns one target.
func (c *Client) Target(ctx context.Context, name string) (fairlead.Target, error) {
	return get[fairlead.Target](ctx, c, "targets", name)
}

// CreateTarget adds a target. An engine without a host is looked for where Docker and Podman listen.
func (c *Client) CreateTarget(ctx context.Context, name string, kind fairlead.TargetKind, host string) (fairlead.Target, error) {
	in := map[string]any{"name": name, "kind": kind}
	if host != "" {
		in["host"] = host
	}
	return post[fairlead.Target](ctx, c, in, "targets")
}

// CheckTarget looks whether a target answers. A target that does not is no error: the check says so.
func (c *Client) CheckTarget(ctx context.Context, name string) (fairlead.TargetCheck, error) {
	return post[fairlead.TargetCheck](ctx, c, nil, "targets", name, "check")
}

// DeleteTarget removes a target that no stack uses.
func (c *Client) DeleteTarget(ctx context.Context, name string) error {
	return c.delete(ctx, "targets", name)
}
