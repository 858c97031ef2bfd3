package api

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/store"
)

// RunStart asks for a run.
type RunStart struct {
	Named
	Body *struct {
		Variables map[string]string `json:"variables,omitempty" doc:"values that override the pipeline's for this run"`
	}
}

func (a *API) startPipeline(ctx context.Context, in *RunStart) (*Body[fairlead.Run], error) {
	if err := a.canPipeline(ctx, auth.Start, in.Name); err != nil {
		return nil, err
	}
	var variables map[string]string
	if in.Body != nil {
		variables = in.Body.Variables
	}
	return answer(a.Pipelines.Start(ctx, actorOf(ctx), in.Name, variables, pipeline.CauseManual))
}

// RunQuery selects runs of a pipeline.
type RunQuery struct {
	NamedPage
	State string    `query:"state" enum:"queued,running,waiting,held,succeeded,failed,canceled,timed-out"`
	Cause string    `query:"cause" maxLength:"40" doc:"what started it"`
	By    string    `query:"by" maxLength:"128" doc:"who started it by hand"`
	Since time.Time `query:"since" doc:"made at or after this time"`
	Until time.Time `query:"until" doc:"made before this time"`
}

func (a *API) listRuns(ctx context.Context, in *RunQuery) (*Body[List[fairlead.Run]], error) {
	if err := a.canPipeline(ctx, auth.View, in.Name); err != nil {
		return nil, err
	}
	var runs []fairlead.Run
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.PipelineHead(ctx, in.Name)
		if err == nil {
			runs, next, err = tx.FindRuns(ctx, in.Name, store.RunFilter{State: in.State, Cause: in.Cause, By: in.By, Since: in.Since, Until: in.Until}, in.Limit, in.Cursor)
		}
		for i := range runs {
			if err == nil {
				err = a.Pipelines.Explain(ctx, tx, &runs[i])
			}
		}
		return err
	})
	return list(runs, next, err)
}

// RunID names a run.
type RunID struct {
	ID string `path:"id" maxLength:"80"`
}

func (a *API) getRun(ctx context.Context, in *RunID) (*Body[fairlead.Run], error) {
	return answer(a.run(ctx, auth.View, in.ID))
}

func (a *API) stopRun(ctx context.Context, in *RunID) (*Body[fairlead.Run], error) {
	if _, err := a.run(ctx, auth.Start, in.ID); err != nil {
		return nil, err
	}
	detail(ctx, "run %s", in.ID)
	return answer(a.Pipelines.Stop(ctx, actorOf(ctx), in.ID))
}
