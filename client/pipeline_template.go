package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/fairlead/fairlead"
)

// StoredPipelineTemplate is a template that was stored, with what the checker had to say.
type StoredPipelineTemplate struct {
	fairlead.PipelineTemplate
	Warnings fairlead.Diagnostics `json:"warnings,omitempty"`
}

// PipelineExport says which template is made of a pipeline. Title and Description, when nil, are the pipeline's.
type PipelineExport struct {
	Template     string                    `json:"template"`
	Category     fairlead.TemplateCategory `json:"category,omitempty"`
	Title        *fairlead.LocalText       `json:"title,omitempty"`
	Description  *fairlead.LocalText       `json:"description,omitempty"`
	Placeholders []ExportPlaceholder       `json:"placeholders,omitempty"`
}

// ExportPlaceholder makes a placeholder of the value of a variable, or of a text wherever the file has it as a word of its own:
// one of Variable and Value is set.
type ExportPlaceholder struct {
	Name        string              `json:"name"`
	Variable    string              `json:"variable,omitempty"`
	Value       string              `json:"value,omitempty"`
	Description *fairlead.LocalText `json:"description,omitempty"`
	Required    bool                `json:"required,omitempty"`
}

// PipelineTemplates lists the templates of pipelines, without their sources. Empty strings select all kinds and categories.
func (c *Client) PipelineTemplates(ctx context.Context, kind, category string) iter.Seq2[fairlead.PipelineTemplate, error] {
	return list[fairlead.PipelineTemplate](ctx, c, set("kind", kind, "category", category), "pipeline-templates")
}

// PipelineTemplate returns one template with its source.
func (c *Client) PipelineTemplate(ctx context.Context, name string) (fairlead.PipelineTemplate, error) {
	return get[fairlead.PipelineTemplate](ctx, c, "pipeline-templates", name)
}

// PutPipelineTemplate stores a template, in the place of the one with its name.
func (c *Client) PutPipelineTemplate(ctx context.Context, name string, source []byte) (StoredPipelineTemplate, error) {
	return fetch[StoredPipelineTemplate](ctx, c, call{method: http.MethodPut, path: []string{"pipeline-templates", name}, in: map[string]string{"source": string(source)}})
}

// DeletePipelineTemplate removes a stored template. What was made of it stays.
func (c *Client) DeletePipelineTemplate(ctx context.Context, name string) error {
	return c.delete(ctx, "pipeline-templates", name)
}

// RenderPipelineTemplate makes a pipeline file of a template; nothing is stored. The values name and group are those of the new
// pipeline.
func (c *Client) RenderPipelineTemplate(ctx context.Context, template string, values map[string]string) ([]byte, error) {
	out, err := post[struct {
		Name   string `json:"name"`
		Source string `json:"source"`
	}](ctx, c, map[string]any{"values": values}, "pipeline-templates", template, "render")
	return []byte(out.Source), err
}

// ExportPipeline makes a template of a pipeline, without its secrets.
func (c *Client) ExportPipeline(ctx context.Context, pipeline string, x PipelineExport) (fairlead.PipelineTemplate, error) {
	return post[fairlead.PipelineTemplate](ctx, c, x, "pipelines", pipeline, "export")
}
