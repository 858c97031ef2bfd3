package api

import (
	"context"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

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
	return answer(a.Pipelines.Stop(ctx, actorOf(ctx), in.ID))
}

// RunLogs selects the log of a run.
type RunLogs struct {
	RunID
	Stage  string `query:"stage" maxLength:"300" doc:"only the lines of one stage"`
	Search string `query:"search" maxLength:"200" doc:"only lines that hold this text, upper and lower case alike; not for streams"`
	Page
	Follow
}

func (a *API) runLogs(ctx context.Context, in *RunLogs) (*huma.StreamResponse, error) {
	run, err := a.run(ctx, auth.View, in.ID)
	if err != nil {
		return nil, err
	}
	if in.wanted() {
		after := max(in.start(), 0)
		return a.stream("line", after, func(ctx context.Context, after int64) ([]message, bool, error) {
			return a.readLog(ctx, run.ID, in.Stage, after)
		}), nil
	}
	after, err := seqCursor(in.Cursor, max(in.start(), 0))
	if err != nil {
		return nil, err
	}
	var lines []fairlead.LogLine
	err = a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		if in.Search != "" {
			lines, err = tx.SearchRunLog(ctx, run.ID, in.Stage, in.Search, after, in.Limit+1)
			return err
		}
		lines, err = tx.RunLog(ctx, run.ID, in.Stage, after, in.Limit+1)
		return err
	})
	if err != nil {
		return nil, err
	}
	lines, next := store.Page(lines, in.Limit, func(l fairlead.LogLine) string { return strconv.FormatInt(l.Seq, 10) })
	return page(lines, next), nil
}

// readLog reads lines and the state of their run in one snapshot: a final run has no lines that come later.
func (a *API) readLog(ctx context.Context, run, stage string, after int64) (news []message, final bool, err error) {
	err = a.DB.Read(ctx, func(tx *store.Tx) error {
		lines, err := tx.RunLog(ctx, run, stage, after, streamPage)
		if err != nil {
			return err
		}
		for _, l := range lines {
			news = append(news, message{l.Seq, l})
		}
		r, err := tx.Run(ctx, run)
		if fairlead.ErrorCode(err) == fairlead.NotFound { // deleted with its pipeline
			final = true
			return nil
		}
		final = fairlead.RunMoves.Final(r.State)
		return err
	})
	return news, final, err
}
