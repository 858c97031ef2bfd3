package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/fairlead/fairlead"
)

// TemplateUpload is a text to store as a version of a template.
type TemplateUpload struct {
	Name, Version, Description string
	Filename                   string // its ending tells YAML from JSON
	Main                       string // name of the text within a package; blueprint.yaml when empty
	ID                         string // a second name for templateId of AOS.Stack elements; may be empty
	Source                     []byte // the text or the package
}

// PushedTemplate is a stored version with what the checker had to say about it.
type PushedTemplate struct {
	fairlead.TemplateVersion
	Warnings fairlead.Diagnostics `json:"warnings,omitempty"`
}

// TemplateCheck is what a check of a text found.
type TemplateCheck struct {
	Diagnostics fairlead.Diagnostics `json:"diagnostics"`
	Inputs      []fairlead.Input     `json:"inputs"`
	Elements    []string             `json:"elements"`
}

// Templates lists the templates.
func (c *Client) Templates(ctx context.Context) iter.Seq2[fairlead.Template, error] {
	return list[fairlead.Template](ctx, c, nil, "templates")
}

// Template returns one template with the names of its versions.
func (c *Client) Template(ctx context.Context, name string) (fairlead.Template, error) {
	return get[fairlead.Template](ctx, c, "templates", name)
}

// TemplateVersion returns one version.
func (c *Client) TemplateVersion(ctx context.Context, name, version string) (fairlead.TemplateVersion, error) {
	return get[fairlead.TemplateVersion](ctx, c, "templates", name, "versions", version)
}

// TemplateSource returns the text of one version as it was pushed.
func (c *Client) TemplateSource(ctx context.Context, name, version string) ([]byte, error) {
	path := []string{"templates", name, "versions", version, "source"}
	return fetch[[]byte](ctx, c, call{method: http.MethodGet, path: path, header: http.Header{"Accept": {"*/*"}}})
}

// TemplatePackage returns the package that a version came in; NotFound when it is a text alone.
func (c *Client) TemplatePackage(ctx context.Context, name, version string) ([]byte, error) {
	path := []string{"templates", name, "versions", version, "package"}
	return fetch[[]byte](ctx, c, call{method: http.MethodGet, path: path, header: http.Header{"Accept": {"*/*"}}})
}

// PushTemplate stores a version. The same text again is fine; another text under the same version is a Conflict.
func (c *Client) PushTemplate(ctx context.Context, up TemplateUpload) (PushedTemplate, error) {
	return fetch[PushedTemplate](ctx, c, call{
		method: http.MethodPut, path: []string{"templates", up.Name, "versions", up.Version},
		query: set("filename", up.Filename, "description", up.Description, "main", up.Main, "id", up.ID),
		in:    raw{"application/octet-stream", up.Source},
	})
}

// DeleteTemplateVersion removes a version that no stack uses.
func (c *Client) DeleteTemplateVersion(ctx context.Context, name, version string) error {
	return c.delete(ctx, "templates", name, "versions", version)
}

// ValidateTemplate checks a text on the server; nothing is stored.
func (c *Client) ValidateTemplate(ctx context.Context, filename string, source []byte) (TemplateCheck, error) {
	return fetch[TemplateCheck](ctx, c, call{
		method: http.MethodPost, path: []string{"templates", "validate"}, query: set("filename", filename),
		in: raw{"application/octet-stream", source},
	})
}
