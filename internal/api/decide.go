package api

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/store"
)

// StageRetry asks for another attempt of a stage.
type StageRetry struct {
	RunID
	Body struct {
		Stage     string            `json:"stage"`
		Variables map[string]string `json:"variables,omitempty" doc:"values that replace the run's from here on"`
	}
}

func (a *API) retryRun(ctx context.Context, in *StageRetry) (*Body[fairlead.Run], error) {
	if _, err := a.run(ctx, auth.Start, in.ID); err != nil {
		return nil, err
	}
	detail(ctx, "run %s, stage %s", in.ID, in.Body.Stage)
	return answer(a.Pipelines.Retry(ctx, actorOf(ctx), in.ID, in.Body.Stage, in.Body.Variables))
}

// StageRollback asks for the stack of a stage to be taken back.
type StageRollback struct {
	RunID
	Body struct {
		Stage string `json:"stage"`
	}
}

func (a *API) rollbackRun(ctx context.Context, in *StageRollback) (*Body[fairlead.Run], error) {
	if _, err := a.run(ctx, auth.Start, in.ID); err != nil {
		return nil, err
	}
	detail(ctx, "run %s, stage %s", in.ID, in.Body.Stage)
	return answer(a.Pipelines.Rollback(ctx, actorOf(ctx), in.ID, in.Body.Stage))
}

// ReviewAnswer is what a person says to a review.
type ReviewAnswer struct {
	RunID
	Body struct {
		Stage   string `json:"stage"`
		Approve bool   `json:"approve" doc:"false rejects"`
		Comment string `json:"comment,omitempty"`
		Hash    string `json:"hash,omitempty" doc:"of the preview that was seen; another is a conflict"`
	}
}

func (a *API) answerReview(ctx context.Context, in *ReviewAnswer) (*Body[fairlead.Run], error) {
	if _, err := a.run(ctx, auth.View, in.ID); err != nil { // who may answer stands in the review
		return nil, err
	}
	b := in.Body
	detail(ctx, "run %s, stage %s: %s", in.ID, b.Stage, map[bool]string{true: "approved", false: "rejected"}[b.Approve])
	return answer(a.Pipelines.Answer(ctx, actorOf(ctx), in.ID, b.Stage, pipeline.Answer{Approve: b.Approve, Comment: b.Comment, Hash: b.Hash}))
}

// RunPair names two runs.
type RunPair struct {
	RunID
	Other string `path:"other" maxLength:"80"`
}

func (a *API) compareRuns(ctx context.Context, in *RunPair) (*Body[fairlead.RunDiff], error) {
	for _, id := range []string{in.ID, in.Other} {
		if _, err := a.run(ctx, auth.View, id); err != nil {
			return nil, err
		}
	}
	return answer(a.Pipelines.Compare(ctx, in.ID, in.Other))
}

func (a *API) listMessages(ctx context.Context, in *NamedPage) (*Body[List[fairlead.Message]], error) {
	if err := a.canPipeline(ctx, auth.View, in.Name); err != nil {
		return nil, err
	}
	var messages []fairlead.Message
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.PipelineHead(ctx, in.Name)
		if err == nil {
			messages, next, err = tx.Messages(ctx, in.Name, in.Limit, in.Cursor)
		}
		return err
	})
	return list(messages, next, err)
}

// WebhookChange says what is to be done to a webhook.
type WebhookChange struct {
	Named
	Body struct {
		Condition string  `json:"condition" doc:"where in the file, such as start.conditions[0]"`
		Rotate    bool    `json:"rotate,omitempty" doc:"a new address; the old one is gone at once"`
		NewSecret bool    `json:"new_secret,omitempty" doc:"a new secret"`
		Secret    *string `json:"secret,omitempty" doc:"a secret of your own"`
		Disabled  *bool   `json:"disabled,omitempty"`
	}
}

func (a *API) changeWebhook(ctx context.Context, in *WebhookChange) (*Body[fairlead.Webhook], error) {
	if err := a.canPipeline(ctx, auth.Change, in.Name); err != nil {
		return nil, err
	}
	b := in.Body
	detail(ctx, "webhook %s", b.Condition)
	return answer(a.Pipelines.ChangeWebhook(ctx, actorOf(ctx), in.Name, b.Condition,
		pipeline.WebhookChange{Rotate: b.Rotate, Renew: b.NewSecret, Secret: b.Secret, Disabled: b.Disabled}))
}
