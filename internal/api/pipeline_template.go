package api

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/pipeline"
)

// PipelineTemplatePage selects a page of templates of pipelines.
type PipelineTemplatePage struct {
	Kind     string `query:"kind" enum:"sample,own" doc:"only those of a kind"`
	Category string `query:"category" maxLength:"64" doc:"only those of a category"`
	Page
}

func (a *API) listPipelineTemplates(ctx context.Context, in *PipelineTemplatePage) (*Body[List[fairlead.PipelineTemplate]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.PipelineTemplates}); err != nil {
		return nil, err
	}
	f := pipeline.TemplateFilter{Kind: fairlead.TemplateKind(in.Kind), Category: fairlead.TemplateCategory(in.Category)}
	return list(a.Pipelines.Templates(ctx, f, in.Limit, in.Cursor))
}

func (a *API) getPipelineTemplate(ctx context.Context, in *Named) (*Body[fairlead.PipelineTemplate], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.PipelineTemplates, Name: in.Name}); err != nil {
		return nil, err
	}
	return answer(a.Pipelines.Template(ctx, in.Name))
}

// NewPipelineTemplate is a template of a pipeline to store.
type NewPipelineTemplate struct {
	Named
	Body struct {
		Source string `json:"source" doc:"the file: what the template is, a line of three dashes, the pipeline file with {placeholders}"`
	}
}

// StoredPipelineTemplate is a template that was stored, with what the checker had to say.
type StoredPipelineTemplate struct {
	fairlead.PipelineTemplate
	Warnings fairlead.Diagnostics `json:"warnings,omitempty"`
}

func (a *API) putPipelineTemplate(ctx context.Context, in *NewPipelineTemplate) (*Body[StoredPipelineTemplate], error) {
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.PipelineTemplates, Name: in.Name}); err != nil {
		return nil, err
	}
	t, warnings, err := a.Pipelines.PutTemplate(ctx, actorOf(ctx), in.Name, []byte(in.Body.Source), true)
	return answer(StoredPipelineTemplate{t, warnings}, err)
}

func (a *API) deletePipelineTemplate(ctx context.Context, in *Named) (*None, error) {
	if err := can(ctx, auth.Remove, auth.Object{Kind: auth.PipelineTemplates, Name: in.Name}); err != nil {
		return nil, err
	}
	return &None{}, a.Pipelines.DeleteTemplate(ctx, actorOf(ctx), in.Name)
}

// PipelineTemplateValues is what stands in the places of a template.
type PipelineTemplateValues struct {
	Named
	Body struct {
		Values map[string]string `json:"values" doc:"by name of the placeholder; name is that of the new pipeline, group its group"`
	}
}

// RenderedPipeline is a pipeline file that was made of a template.
type RenderedPipeline struct {
	Name   string `json:"name"`
	Source string `json:"source"`
}

func (a *API) renderPipelineTemplate(ctx context.Context, in *PipelineTemplateValues) (*Body[RenderedPipeline], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.PipelineTemplates, Name: in.Name}); err != nil {
		return nil, err
	}
	src, err := a.Pipelines.RenderTemplate(ctx, in.Name, in.Body.Values)
	return answer(RenderedPipeline{in.Body.Values["name"], string(src)}, err)
}

// PipelineExport says which template is made of a pipeline.
type PipelineExport struct {
	Named
	Body pipeline.Export
}

func (a *API) exportPipeline(ctx context.Context, in *PipelineExport) (*Body[fairlead.PipelineTemplate], error) {
	if err := a.canPipeline(ctx, auth.View, in.Name); err != nil {
		return nil, err
	}
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.PipelineTemplates, Name: in.Body.Template}); err != nil {
		return nil, err
	}
	return answer(a.Pipelines.ExportTemplate(ctx, actorOf(ctx), in.Name, in.Body))
}
