package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

const (
	maxComment = 2000
	// maxPreview bounds the operations of a preview as JSON; what is longer is kept without its fields.
	maxPreview   = 64 << 10
	previewTries = 30
)

// Answer is what a person says to a review. Hash, when not empty, is that of the preview that the person saw.
type Answer struct {
	Approve bool
	Comment string
	Hash    string
}

// Answer counts a person's answer to the review of a stage. It is Denied to somebody who is not asked, and a Conflict when the
// review does not wait for answers, or when the preview is another than the one that was seen.
func (e *Engine) Answer(ctx context.Context, actor fairlead.Actor, id, stage string, a Answer) (run fairlead.Run, err error) {
	if n := utf8.RuneCountInString(a.Comment); n > maxComment {
		return run, fairlead.Errorf(fairlead.TooLarge, "the comment has %d characters; at most %d are allowed", n, maxComment)
	}
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		var i int
		if run, i, err = findStage(ctx, tx, id, stage); err != nil {
			return err
		}
		vote, err := e.vote(ctx, tx, actor, run, i, a)
		if err != nil {
			return err
		}
		run, err = e.step(ctx, tx, run, Answered{Stage: i, Vote: vote})
		return err
	})
	return run, err
}

// vote checks an answer.
func (e *Engine) vote(ctx context.Context, tx *store.Tx, actor fairlead.Actor, run fairlead.Run, i int, a Answer) (v fairlead.Vote, err error) {
	s, name := run.Stages[i], describe(i, run.Stages[i].Name)
	if s.Review == nil {
		return v, fairlead.Errorf(fairlead.Conflict, "%s is no review", name)
	}
	t := transition{run: &run, at: tx.Now}
	waits := t.reviewing(i) != nil
	if s.Review.ExpiresAt != nil && !tx.Now.Before(*s.Review.ExpiresAt) && (waits || s.State == fairlead.StageTimedOut) {
		return v, fairlead.Errorf(fairlead.Conflict, "%s expired at %s; to ask again: fairlead run retry %s %q", name, stamp(*s.Review.ExpiresAt), run.ID, s.Name)
	}
	if !waits {
		return v, fairlead.Errorf(fairlead.Conflict, "%s waits for no answer: it is %s", name, s.State)
	}
	asked := slices.Contains(s.Review.Users, actor.User)
	var groups []string
	for _, group := range s.Review.Groups {
		stands, err := e.stands(ctx, tx, actor, group)
		if err != nil {
			return v, err
		}
		if stands {
			groups = append(groups, group.String())
		}
	}
	switch {
	case actor.User == "" || (!asked && groups == nil):
		return v, fairlead.Errorf(fairlead.Denied, "%s asks for %s; %s is not among them", name, strings.TrimPrefix(answers(*s.Review), "the "), actor)
	case s.Review.Comment && strings.TrimSpace(a.Comment) == "":
		return v, fairlead.Errorf(fairlead.Invalid, "%s wants a comment with each answer", name)
	}
	if a.Approve {
		if err := seen(s.Review.Preview, a.Hash, name, t.nextDeploy(i) >= 0); err != nil {
			return v, err
		}
	}
	return fairlead.Vote{User: actor.User, Groups: groups, Approve: a.Approve, Comment: a.Comment, Hash: a.Hash}, nil
}

// seen compares what a person saw with the preview that there is.
func seen(p *fairlead.DeployPreview, hash, name string, expected bool) error {
	switch {
	case p == nil && expected:
		return fairlead.Errorf(fairlead.Conflict, "the preview of %s is still being made; look at the run again in a moment", name)
	case hash == "" || p != nil && p.Hash == hash:
		return nil
	}
	return fairlead.Errorf(fairlead.Conflict, "the preview of %s is another than the one with hash %s; look at the run again", name, quote(hash))
}

// stagePreview is the job that makes the preview for a review.
type stagePreview struct {
	attempt
	Of int `json:"of"`
}

func (stagePreview) Kind() string { return "stage_preview" }

type previewWorker struct {
	river.WorkerDefaults[stagePreview]
	engine *Engine
}

// Work plans what the next deploy stage will do. What a wait can cure is tried again for a while.
func (w *previewWorker) Work(ctx context.Context, job *river.Job[stagePreview]) error {
	e := w.engine
	var run fairlead.Run
	var spec fairlead.PipelineSpec
	err := e.db.Read(ctx, func(tx *store.Tx) (err error) {
		if run, err = tx.Run(ctx, job.Args.Run); err == nil {
			spec, err = tx.PipelineSpec(ctx, run.Pipeline, run.Revision)
		}
		return err
	})
	if fairlead.ErrorCode(err) == fairlead.NotFound || job.Args.Of >= len(run.Stages) {
		return nil
	}
	if err != nil {
		return err
	}
	s := run.Stages[job.Args.Of]
	preview := fairlead.DeployPreview{Stage: s.Name, At: e.now().UTC()}
	own, _ := stageSpec(&spec, s)
	d := &deployment{attempt: attempt{Run: run.ID, Stage: job.Args.Of}, run: run, spec: own, last: true}
	within, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = e.prepare(within, d, time.Duration(own.Timeout))
	switch code := fairlead.ErrorCode(err); {
	case err == nil:
		preview.Stack, preview.Template, preview.Version = d.prepared.Stack.Name, d.prepared.Stack.Template, d.prepared.Stack.Version
		preview.Operations, preview.Hash = shownOperations(d.prepared.Plan.Operations), d.hash()
	case ctx.Err() != nil:
		return ctx.Err()
	case (code == fairlead.Conflict || code == fairlead.Unavailable) && job.Attempt < previewTries:
		return river.JobSnooze(maxWait)
	case code == fairlead.Internal:
		e.log.Error("a preview was not made", "pipeline", run.Pipeline, "run", run.ID, "stage", s.Name, "error", err)
		preview.Problem = "internal error; the server's log has the details"
	default:
		preview.Problem = reason(err)
	}
	event := Previewed{Stage: job.Args.Stage, Attempt: job.Args.Attempt, Preview: preview}
	return e.tell(ctx, run.ID, event, func(tx *store.Tx) error { return store.CompleteJob(ctx, tx, job) })
}

// shownOperations are operations that fit into a run.
func shownOperations(ops []fairlead.Operation) []fairlead.Operation {
	ops = slices.DeleteFunc(slices.Clone(ops), func(op fairlead.Operation) bool { return op.Verb == fairlead.OpNone })
	if b, err := json.Marshal(ops); err == nil && len(b) <= maxPreview {
		return ops
	}
	for i := range ops {
		ops[i].Fields, ops[i].Needs = nil, nil
	}
	return ops[:min(len(ops), 200)]
}
