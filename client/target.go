package client

import (
	"context"
	"iter"
	"net/http"

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

// NewTarget is a target to add: an engine, which is looked for where Docker and Podman listen when it has no Host, or a cluster
// with either a Kubeconfig or InCluster.
type NewTarget struct {
	Name string              `json:"name"`
	Kind fairlead.TargetKind `json:"kind"`
	Host string              `json:"host,omitempty"`
	// Kubeconfig is the text of a kubeconfig that refers to no files and no programs; Context is one of its contexts, its
	// current one when empty.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	Context    string `json:"context,omitempty"`
	// InCluster is the cluster in which the server runs.
	InCluster bool `json:"in_cluster,omitempty"`
}

// CreateTarget adds a target.
func (c *Client) CreateTarget(ctx context.Context, t NewTarget) (fairlead.Target, error) {
	return post[fairlead.Target](ctx, c, t, "targets")
}

// RenewTarget gives the credentials of a cluster anew; what is on it stays.
func (c *Client) RenewTarget(ctx context.Context, name, kubeconfig, kubeContext string) (fairlead.Target, error) {
	in := map[string]string{"kubeconfig": kubeconfig}
	if kubeContext != "" {
		in["context"] = kubeContext
	}
	return fetch[fairlead.Target](ctx, c, call{method: http.MethodPut, path: []string{"targets", name, "credentials"}, in: in})
}

// CheckTarget looks whether a target answers. A target that does not is no error: the check says so.
func (c *Client) CheckTarget(ctx context.Context, name string) (fairlead.TargetCheck, error) {
	return post[fairlead.TargetCheck](ctx, c, nil, "targets", name, "check")
}

// DeleteTarget removes a target that no stack uses.
func (c *Client) DeleteTarget(ctx context.Context, name string) error {
	return c.delete(ctx, "targets", name)
}
