package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// pipelineDeletion is the job that goes on with a deletion whose caller has gone away, or whose server was killed.
type pipelineDeletion struct {
	ID   string `json:"id"` // another pipeline can have the name since
	Name string `json:"name"`
}

func (pipelineDeletion) Kind() string { return "pipeline_deletion" }

// deletionNet is after what time the job looks whether a deletion is through.
const deletionNet = time.Minute

type deletionWorker struct {
	river.WorkerDefaults[pipelineDeletion]
	engine *Engine
}

// Work removes one slice of the history, and makes the job for the next.
func (w *deletionWorker) Work(ctx context.Context, job *river.Job[pipelineDeletion]) error {
	return w.engine.db.Write(ctx, func(tx *store.Tx) error {
		done, err := w.engine.deleteSlice(ctx, tx, job.Args)
		if err == nil && !done {
			err = tx.Enqueue(ctx, job.Args, nil)
		}
		if err != nil {
			return err
		}
		return store.CompleteJob(ctx, tx, job)
	})
}

// Delete removes a pipeline with its webhooks and the history and logs of its runs. It is a Conflict while a run is active. A long
// history goes in slices, oldest runs first, and the pipeline with the last one; nothing starts it meanwhile. A deletion that was
// cut off goes on by itself.
func (e *Engine) Delete(ctx context.Context, actor fairlead.Actor, name string) error {
	d, done, err := e.beginDeletion(ctx, actor, name)
	if err != nil || done {
		return err
	}
	return e.inSlices(ctx, func(tx *store.Tx) (bool, error) { return e.deleteSlice(ctx, tx, d) })
}

// beginDeletion removes the first slice. When that is not all, nothing starts the pipeline any more, and a job sees to the rest.
func (e *Engine) beginDeletion(ctx context.Context, actor fairlead.Actor, name string) (d pipelineDeletion, done bool, err error) {
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		p, err := tx.PipelineHead(ctx, name)
		if err != nil {
			return err
		}
		d = pipelineDeletion{p.ID, name}
		if p.DeletedBy != "" { // it has its job
			return nil
		}
		run, active, err := tx.FirstActiveRun(ctx, name)
		if err != nil {
			return err
		}
		if active {
			return fairlead.Errorf(fairlead.Conflict, "pipeline %s cannot be deleted: run %d (%s) is %s; wait for it or stop it", name, run.Number, run.ID, run.State)
		}
		if err := tx.MarkDeleting(ctx, name, cmp.Or(actor.String(), "nobody known")); err != nil {
			return err
		}
		if done, err = e.deleteSlice(ctx, tx, d); err != nil || done {
			return err
		}
		return tx.Enqueue(ctx, d, &river.InsertOpts{ScheduledAt: time.Now().Add(deletionNet)}) // by the clock of the queue
	})
	return d, done, err
}

// deleteSlice removes some of the history of a pipeline that is being deleted or, when that was all, the pipeline.
func (e *Engine) deleteSlice(ctx context.Context, tx *store.Tx, d pipelineDeletion) (done bool, err error) {
	p, err := tx.PipelineHead(ctx, d.Name)
	if fairlead.ErrorCode(err) == fairlead.NotFound || err == nil && p.ID != d.ID {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if done, err = tx.DeleteHistory(ctx, d.Name, historySlice); err != nil || !done {
		return false, err
	}
	if err := tx.DeletePipeline(ctx, d.Name); err != nil {
		return false, err
	}
	return true, tx.AppendEvent(ctx, fairlead.Event{Kind: "pipeline", Name: d.Name, Group: p.Group, Type: "pipeline-deleted",
		Message: fmt.Sprintf("pipeline %s deleted by %s", d.Name, p.DeletedBy)})
}

// stays refuses what cannot be done to a pipeline that is being deleted.
func stays(p fairlead.Pipeline) error {
	if p.DeletedBy == "" {
		return nil
	}
	return fairlead.Errorf(fairlead.Conflict, "pipeline %s is being deleted by %s: nothing starts or changes it any more", p.Name, p.DeletedBy)
}
