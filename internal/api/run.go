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

// RunsQuery selects runs of all pipelines.
type RunsQuery struct {
	Page
	Of string `query:"of" enum:"running,waiting,failed,me" doc:"running: at work or in a queue; waiting: for a message or for people; failed: also those that ran out of time; me: those that wait for whoever asks, for a review or a decision about a held stage. Without it: all"`
}

func (a *API) listAllRuns(ctx context.Context, in *RunsQuery) (*Body[List[fairlead.Run]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Runs}); err != nil {
		return nil, err
	}
	var runs []fairlead.Run
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		if in.Of == "me" {
			runs, next, err = waitingFor(ctx, tx, in.Page)
		} else {
			runs, next, err = tx.Runs(ctx, auth.Sees(actorOf(ctx)), store.RunKind(in.Of), in.Limit, in.Cursor)
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

// waitingFor lists the runs that wait for the actor. A review can ask somebody who does not see the pipeline otherwise.
func waitingFor(ctx context.Context, tx *store.Tx, page Page) (mine []fairlead.Run, next string, err error) {
	for next = page.Cursor; ; {
		var runs []fairlead.Run
		if runs, next, err = tx.Runs(ctx, store.Everything, store.RunsAsking, page.Limit, next); err != nil {
			return nil, "", err
		}
		for _, r := range runs {
			waits := asks(actorOf(ctx), r)
			if r.State == fairlead.RunHeld && !waits {
				object := auth.Object{Kind: auth.Runs, Name: r.Pipeline}
				if object.Group, err = tx.PipelineGroup(ctx, r.Pipeline); err != nil {
					return nil, "", err
				}
				waits = auth.Can(actorOf(ctx), auth.Start, object) == nil
			}
			if waits {
				mine = append(mine, r)
			}
		}
		if len(mine) > page.Limit {
			mine, next = mine[:page.Limit], mine[page.Limit-1].ID
		}
		if next == "" || len(mine) == page.Limit {
			return mine, next, nil
		}
	}
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
