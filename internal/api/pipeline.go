package api

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/store"
)

func (a *API) listGroups(ctx context.Context, in *Page) (*Body[List[fairlead.Group]], error) {
	if err := can(ctx, auth.View, auth.Groups, ""); err != nil {
		return nil, err
	}
	var groups []fairlead.Group
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) { groups, next, err = tx.Groups(ctx, in.Limit, in.Cursor); return err })
	return list(groups, next, err)
}

// NewGroup is a pipeline group to make.
type NewGroup struct {
	Body struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty" maxLength:"1000"`
	}
}

func (a *API) createGroup(ctx context.Context, in *NewGroup) (*Body[fairlead.Group], error) {
	g := fairlead.Group{Name: in.Body.Name, Description: in.Body.Description}
	if err := can(ctx, auth.Change, auth.Groups, g.Name); err != nil {
		return nil, err
	}
	if err := appendFinding(nil, "name", fairlead.CheckGroupName("pipeline group", g.Name)).Err("the group"); err != nil {
		return nil, err
	}
	err := a.DB.Write(ctx, func(tx *store.Tx) error { return tx.CreateGroup(ctx, &g) })
	return answer(g, err)
}

// PipelinePage selects a page of pipelines.
type PipelinePage struct {
	Group string `query:"group" maxLength:"128" doc:"only those of a group"`
	Page
}

func (a *API) listPipelines(ctx context.Context, in *PipelinePage) (*Body[List[fairlead.Pipeline]], error) {
	if err := can(ctx, auth.View, auth.Pipelines, ""); err != nil {
		return nil, err
	}
	var pipelines []fairlead.Pipeline
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		pipelines, next, err = tx.Pipelines(ctx, in.Group, in.Limit, in.Cursor)
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
	if err := can(ctx, auth.View, auth.Pipelines, in.Name); err != nil {
		return nil, err
	}
	return a.pipelineBody(ctx, in.Name)
}

func (a *API) pipelineBody(ctx context.Context, name string) (*PipelineBody, error) {
	p, err := a.Pipelines.Pipeline(ctx, name)
	if err != nil {
		return nil, err
	}
	return &PipelineBody{etag(p.Revision), p}, nil
}

// PipelineFile is a pipeline file to store.
type PipelineFile struct {
	Named
	File    string `query:"file" maxLength:"255" doc:"name of the file, for the positions of findings"`
	IfMatch string `header:"If-Match" doc:"ETag that the pipeline must have"`
	RawBody []byte `contentType:"application/yaml"`
}

func (a *API) applyPipeline(ctx context.Context, in *PipelineFile) (*PipelineBody, error) {
	if err := can(ctx, auth.Change, auth.Pipelines, in.Name); err != nil {
		return nil, err
	}
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
	match := func(revision int64) error { return checkMatch(in.IfMatch, "pipeline "+in.Name, revision) }
	if _, err := a.Pipelines.Apply(ctx, actorOf(ctx), in.File, in.RawBody, match); err != nil {
		return nil, err
	}
	return a.pipelineBody(ctx, in.Name)
}

func (a *API) deletePipeline(ctx context.Context, in *Named) (*None, error) {
	if err := can(ctx, auth.Remove, auth.Pipelines, in.Name); err != nil {
		return nil, err
	}
	return &None{}, a.Pipelines.Delete(ctx, actorOf(ctx), in.Name)
}
