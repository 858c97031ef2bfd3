package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/fairlead/fairlead"
)

// Organizations lists the organizations of the registry.
func (c *Client) Organizations(ctx context.Context) iter.Seq2[fairlead.Organization, error] {
	return list[fairlead.Organization](ctx, c, nil, "organizations")
}

// CreateOrganization makes an organization, so that images can be pushed below it.
func (c *Client) CreateOrganization(ctx context.Context, name string, public bool) (fairlead.Organization, error) {
	return post[fairlead.Organization](ctx, c, map[string]any{"name": name, "public": public}, "organizations")
}

// DeleteOrganization removes an organization that has no repositories.
func (c *Client) DeleteOrganization(ctx context.Context, name string) error {
	return c.delete(ctx, "organizations", name)
}

// Repositories lists the repositories of an organization.
func (c *Client) Repositories(ctx context.Context, organization string) iter.Seq2[fairlead.Repository, error] {
	return list[fairlead.Repository](ctx, c, nil, "organizations", organization, "repositories")
}

// Tags lists the tags of an image: organization/repository.
func (c *Client) Tags(ctx context.Context, image string) iter.Seq2[fairlead.Tag, error] {
	return list[fairlead.Tag](ctx, c, set("image", image), "tags")
}

// DeleteTag removes a tag: organization/repository:tag.
func (c *Client) DeleteTag(ctx context.Context, image string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: []string{"tags"}, query: set("image", image)})
}
