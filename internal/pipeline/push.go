package pipeline

import (
	"context"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// imagePushed is the job that tells everybody who listens of a pushed tag.
type imagePushed struct {
	ID         string `json:"id"`
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	Digest     string `json:"digest"`
}

func (imagePushed) Kind() string { return "image_pushed" }

// OnPush is for the registry: in the transaction that records a pushed tag it makes the job that tells of it, when anybody
// listens.
func (e *Engine) OnPush(ctx context.Context, tx *store.Tx, tag fairlead.Tag) error {
	repository := tag.Organization + "/" + tag.Repository
	listeners, err := tx.Listeners(ctx, "image", repository)
	if err != nil {
		return err
	}
	runs, err := tx.RunsListening(ctx, "image", repository)
	if err != nil || len(listeners)+len(runs) == 0 {
		return err
	}
	id, err := newID()
	if err != nil {
		return err
	}
	return tx.Enqueue(ctx, imagePushed{id, repository, tag.Name, tag.Digest}, nil)
}

type imageWorker struct {
	river.WorkerDefaults[imagePushed]
	engine *Engine
}

// Work delivers the news; the digest that was pushed is the run's, whatever becomes of the tag.
func (w *imageWorker) Work(ctx context.Context, job *river.Job[imagePushed]) error {
	a := job.Args
	image := a.Repository + ":" + a.Tag
	in := incoming{kind: "image", source: a.Repository, id: a.ID, from: image + "@" + a.Digest, tag: a.Tag, pins: map[string]string{image: a.Digest},
		params: map[string]string{"tag": a.Tag, "digest": a.Digest, "repository": a.Repository, "image": image}}
	return w.engine.db.Write(ctx, func(tx *store.Tx) error {
		if err := w.engine.deliver(ctx, tx, in); err != nil {
			return err
		}
		return store.CompleteJob(ctx, tx, job)
	})
}
