package api

import (
	"context"
	"slices"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

// can asks whether the actor of a request may do verb to object, and tells the audit log what the request is about.
func can(ctx context.Context, verb auth.Verb, object auth.Object) error {
	err := auth.Can(actorOf(ctx), verb, object)
	note(ctx, verb, object)
	if fairlead.ErrorCode(err) == fairlead.Denied {
		denied(ctx, err)
	}
	return err
}

// canSeen is can for what not everybody sees: who may not even view the object gets hidden, the answer about one that does not
// exist, so that names cannot be tried out.
func canSeen(ctx context.Context, verb auth.Verb, object auth.Object, hidden error) error {
	err := can(ctx, verb, object)
	if fairlead.ErrorCode(err) == fairlead.Denied && auth.Can(actorOf(ctx), auth.View, object) != nil {
		return hidden
	}
	return err
}

// canPipeline asks whether the actor may do verb to a pipeline.
func (a *API) canPipeline(ctx context.Context, verb auth.Verb, name string) error {
	object := auth.Object{Kind: auth.Pipelines, Name: name}
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) { object.Group, err = tx.PipelineGroup(ctx, name); return err })
	if err != nil {
		return err
	}
	return canSeen(ctx, verb, object, store.NoPipeline(name))
}

// run reads a run to which the actor may do verb.
func (a *API) run(ctx context.Context, verb auth.Verb, id string) (r fairlead.Run, err error) {
	err = a.DB.Read(ctx, func(tx *store.Tx) error {
		if r, err = tx.Run(ctx, id); err != nil {
			return err
		}
		if err := mayRun(ctx, tx, verb, r); err != nil {
			return err
		}
		return a.Pipelines.Explain(ctx, tx, &r)
	})
	if err != nil {
		return fairlead.Run{}, err
	}
	return r, nil
}

// mayRun asks whether the actor may do verb to a run.
func mayRun(ctx context.Context, tx *store.Tx, verb auth.Verb, r fairlead.Run) (err error) {
	object := auth.Object{Kind: auth.Runs, Name: r.Pipeline, Asked: asked(actorOf(ctx), r)}
	if object.Group, err = tx.PipelineGroup(ctx, r.Pipeline); err != nil {
		return err
	}
	return canSeen(ctx, verb, object, store.NoRun(r.ID))
}

// asked reports whether a review of the run asks the actor, who then sees the run that he shall decide about.
func asked(actor fairlead.Actor, r fairlead.Run) bool {
	return slices.ContainsFunc(r.Stages, func(s fairlead.StageRun) bool { return reviews(actor, s.Review) })
}

// asks reports whether a review waits for the answer of the actor.
func asks(actor fairlead.Actor, r fairlead.Run) bool {
	return slices.ContainsFunc(r.Stages, func(s fairlead.StageRun) bool {
		return s.State == fairlead.StageWaiting && reviews(actor, s.Review) &&
			!slices.ContainsFunc(s.Review.Votes, func(v fairlead.Vote) bool { return v.User == actor.User })
	})
}

// reviews reports whether the actor is one of those whom a review asks.
func reviews(actor fairlead.Actor, r *fairlead.ReviewRun) bool {
	return r != nil && (slices.Contains(r.Users, actor.User) || slices.ContainsFunc(r.Groups, func(g fairlead.ReviewGroup) bool { return auth.Stands(actor, g) }))
}

// canGroup asks whether the actor may do verb to a pipeline group. One that does not exist is NotFound later, or here.
func canGroup(ctx context.Context, verb auth.Verb, name string) error {
	return canSeen(ctx, verb, auth.Object{Kind: auth.Groups, Name: name, Group: name}, store.NoGroup(name))
}
