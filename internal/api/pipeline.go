package api

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/store"
)

// PipelinePage selects a page of pipelines.
type PipelinePage struct {
	Group string `query:"group" maxLength:"128" doc:"only those of a group"`
	Page
}

func (a *API) listPipelines(ctx context.Context, in *PipelinePage) (*Body[List[fairlead.Pipeline]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Pipelines}); err != nil {
		return nil, err
	}
	var pipelines []fairlead.Pipeline
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		pipelines, next, err = tx.Pipelines(ctx, auth.Sees(actorOf(ctx)), in.Group, in.Limit, in.Cursor)
		return err
	})
	return list(pipelines, next, err)
}

// PipelineBody is a pipeline with its revision.
type PipelineBody struct {
	ETag string `header:"ETag" doc:"the revision; for If-Match"`
	Body fairlead.Pipeline
}

func (a *API) getPipeline(ctx context.Context, in *Named) (*PipelineBody, error) {
	if err := a.canPipeline(ctx, auth.View, in.Name); err != nil {
		return nil, err
	}
	return a.pipelineBody(ctx, in.Name)
}

func (a *API) pipelineBody(ctx context.Context, name string) (*PipelineBody, error) {
	p, err := a.Pipelines.Pipeline(ctx, name)
	if err != nil {
		return nil, err
	}
	if auth.Can(actorOf(ctx), auth.Change, auth.Object{Kind: auth.Pipelines, Name: name, Group: p.Group}) != nil {
		for i := range p.Webhooks { // whoever knows an address may call it
			p.Webhooks[i].Path, p.Webhooks[i].URL, p.Webhooks[i].Secret = "", "", ""
		}
	}
	return &PipelineBody{etag(p.Revision), p}, nil
}

// PipelineFile is a pipeline file to store.
type PipelineFile struct {
	Named
	File    string `query:"file" maxLength:"255" doc:"name of the file, for the positions of findings"`
	IfMatch string `header:"If-Match" doc:"ETag that the pipeline must have"`
	IfNone  string `header:"If-None-Match" enum:"*" doc:"with *: there must be no pipeline with the name"`
	RawBody []byte `contentType:"application/yaml"`
}

// applyPipeline asks for the right within the transaction, because the file says which group it is about.
func (a *API) applyPipeline(ctx context.Context, in *PipelineFile) (*PipelineBody, error) {
	if in.File == "" {
		in.File = in.Name + ".yaml"
	}
	spec, ds := pipeline.Parse(in.File, in.RawBody)
	if err := ds.Err("pipeline " + in.Name); err != nil {
		return nil, err
	}
	if spec.Name != in.Name {
		return nil, fairlead.Errorf(fairlead.Invalid, "file %s describes pipeline %q, but it was sent to the address of pipeline %q; want the same name", in.File, spec.Name, in.Name)
	}
	check := func(old fairlead.Pipeline, spec *fairlead.PipelineSpec) error {
		if err := mayApply(ctx, old, spec); err != nil {
			return err
		}
		if in.IfNone != "" && old.Revision > 0 {
			return precondition("pipeline %s exists; choose another name, or apply the file without If-None-Match to change it", in.Name)
		}
		return checkMatch(in.IfMatch, "pipeline "+in.Name, old.Revision)
	}
	if _, err := a.Pipelines.Apply(ctx, actorOf(ctx), in.File, in.RawBody, check); err != nil {
		return nil, err
	}
	return a.pipelineBody(ctx, in.Name)
}

// mayApply asks for the right to make or change a pipeline: in its group, and when a file takes it from one group to another,
// in both.
func mayApply(ctx context.Context, old fairlead.Pipeline, spec *fairlead.PipelineSpec) error {
	if old.Group != "" {
		object := auth.Object{Kind: auth.Pipelines, Name: spec.Name, Group: old.Group}
		if auth.Can(actorOf(ctx), auth.View, object) != nil {
			return fairlead.Errorf(fairlead.Conflict, "the name %q is taken by a pipeline of a group in which you have no role; choose another name", spec.Name)
		}
		if err := can(ctx, auth.Change, object); err != nil {
			return err
		}
	}
	object := auth.Object{Kind: auth.Pipelines, Name: spec.Name, Group: spec.Group}
	if err := canSeen(ctx, auth.Change, object, store.NoGroup(spec.Group)); err != nil {
		return err
	}
	if t := store.TraceOf(ctx); t != nil && old.Group != "" && old.Group != spec.Group { // those who manage the old group are told too
		t.Also = []fairlead.AuditEntry{{Group: old.Group, Detail: "moved to group " + spec.Group}}
	}
	return nil
}

func (a *API) deletePipeline(ctx context.Context, in *Named) (*None, error) {
	if err := a.canPipeline(ctx, auth.Remove, in.Name); err != nil {
		return nil, err
	}
	return &None{}, a.Pipelines.Delete(ctx, actorOf(ctx), in.Name)
}
