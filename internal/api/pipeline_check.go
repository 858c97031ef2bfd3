package api

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/pipeline"
)

// PipelineText is a pipeline file to check.
type PipelineText struct {
	File    string `query:"file" maxLength:"255" default:"pipeline.yaml" doc:"name for the findings"`
	RawBody []byte `contentType:"application/yaml"`
}

// PipelineCheck is what a look at a pipeline file found.
type PipelineCheck struct {
	Diagnostics fairlead.Diagnostics `json:"diagnostics" nullable:"false"`
	// Spec is what the file says; absent when it could not be read.
	Spec *fairlead.PipelineSpec `json:"spec,omitempty"`
}

func (a *API) validatePipeline(ctx context.Context, in *PipelineText) (*Body[PipelineCheck], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Pipelines}); err != nil {
		return nil, err
	}
	check := PipelineCheck{Diagnostics: fairlead.Diagnostics{}}
	spec, ds := pipeline.Parse(in.File, in.RawBody)
	check.Diagnostics = append(check.Diagnostics, ds...)
	check.Spec = spec
	return &Body[PipelineCheck]{check}, nil
}
