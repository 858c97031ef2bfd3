package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"strconv"

	"github.com/fairlead/fairlead"
)

// PipelineFile is a pipeline to store.
type PipelineFile struct {
	Name     string
	Filename string // for the positions of findings
	Source   []byte
	// Revision, when not 0, is the revision that the pipeline must have now; otherwise nothing changes and a Conflict comes
	// back.
	Revision int64
	// New refuses, with a Conflict, when there is a pipeline with the name.
	New bool
}

// Pipelines lists the pipelines.
func (c *Client) Pipelines(ctx context.Context) iter.Seq2[fairlead.Pipeline, error] {
	return list[fairlead.Pipeline](ctx, c, nil, "pipelines")
}

// Pipeline returns one pipeline with the addresses of its webhooks.
func (c *Client) Pipeline(ctx context.Context, name string) (fairlead.Pipeline, error) {
	return get[fairlead.Pipeline](ctx, c, "pipelines", name)
}

// ApplyPipeline stores a pipeline file: a new pipeline, or a new revision of the one with its name.
func (c *Client) ApplyPipeline(ctx context.Context, f PipelineFile) (fairlead.Pipeline, error) {
	header := http.Header{}
	if f.Revision != 0 {
		header.Set("If-Match", strconv.Quote(strconv.FormatInt(f.Revision, 10)))
	}
	if f.New {
		header.Set("If-None-Match", "*")
	}
	return fetch[fairlead.Pipeline](ctx, c, call{
		method: http.MethodPut, path: []string{"pipelines", f.Name}, query: set("file", f.Filename), header: header,
		in: raw{"application/yaml", f.Source},
	})
}

// DeletePipeline removes a pipeline that does not run.
func (c *Client) DeletePipeline(ctx context.Context, name string) error {
	return c.delete(ctx, "pipelines", name)
}

// StartPipeline starts a run. variables override the pipeline's for this run.
func (c *Client) StartPipeline(ctx context.Context, name string, variables map[string]string) (fairlead.Run, error) {
	if variables == nil {
		variables = map[string]string{}
	}
	return post[fairlead.Run](ctx, c, map[string]any{"variables": variables}, "pipelines", name, "runs")
}

// Runs lists the runs of a pipeline, newest first.
func (c *Client) Runs(ctx context.Context, pipeline string) iter.Seq2[fairlead.Run, error] {
	return list[fairlead.Run](ctx, c, nil, "pipelines", pipeline, "runs")
}

// Run returns one run.
func (c *Client) Run(ctx context.Context, id string) (fairlead.Run, error) {
	return get[fairlead.Run](ctx, c, "runs", id)
}

// StopRun asks a run to end.
func (c *Client) StopRun(ctx context.Context, id string) (fairlead.Run, error) {
	return post[fairlead.Run](ctx, c, nil, "runs", id, "stop")
}

// LogFilter selects lines of a run's log.
type LogFilter struct {
	Stage  string // empty: all
	After  int64  // only lines with a greater Seq
	Before int64  // only lines with a smaller Seq; 0 is no bound. Not when following
	Text   string // only lines that hold this text; not when following
	Newest bool   // newest first; not when following
}

// Logs lists the lines that are there.
func (c *Client) Logs(ctx context.Context, run string, f LogFilter) iter.Seq2[fairlead.LogLine, error] {
	order := ""
	if f.Newest {
		order = "desc"
	}
	query := set("stage", f.Stage, "q", f.Text, "after", number(f.After), "before", number(f.Before), "order", order, "limit", "500")
	return list[fairlead.LogLine](ctx, c, query, "runs", run, "logs")
}

// LogText writes the whole log of a run, or of one of its stages, as text.
func (c *Client) LogText(ctx context.Context, w io.Writer, run, stage string) error {
	res, err := c.send(ctx, call{method: http.MethodGet, path: []string{"runs", run, "log.txt"}, query: set("stage", stage)})
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // read only
	if _, err := io.Copy(w, res.Body); err != nil {
		return fairlead.Errorf(fairlead.Unavailable, "server %s: the log broke off: %w", c.base, err)
	}
	return nil
}

// FollowLogs yields the lines that are there and then those that come; it ends when the run has ended. It reconnects by
// itself.
func (c *Client) FollowLogs(ctx context.Context, run string, f LogFilter) iter.Seq2[fairlead.LogLine, error] {
	return follow(ctx, c, "line", f.After, func(l fairlead.LogLine) int64 { return l.Seq }, set("stage", f.Stage), "runs", run, "logs")
}

// Messages lists what arrived for the trigger conditions of a pipeline, newest first.
func (c *Client) Messages(ctx context.Context, pipeline string) iter.Seq2[fairlead.Message, error] {
	return list[fairlead.Message](ctx, c, nil, "pipelines", pipeline, "messages")
}

// WebhookChange says what is to be done to the webhook of a condition.
type WebhookChange struct {
	Condition string  `json:"condition"`
	Rotate    bool    `json:"rotate,omitempty"`
	NewSecret bool    `json:"new_secret,omitempty"`
	Secret    *string `json:"secret,omitempty"`
	Disabled  *bool   `json:"disabled,omitempty"`
}

// ChangeWebhook changes the address or the secret of a webhook, or disables or enables it.
func (c *Client) ChangeWebhook(ctx context.Context, pipeline string, change WebhookChange) (fairlead.Webhook, error) {
	return post[fairlead.Webhook](ctx, c, change, "pipelines", pipeline, "webhooks")
}

// RunFilter selects runs. Empty fields select everything; times are RFC 3339.
type RunFilter struct{ State, Cause, By, Since, Until string }

// FindRuns lists runs of a pipeline, newest first.
func (c *Client) FindRuns(ctx context.Context, pipeline string, f RunFilter) iter.Seq2[fairlead.Run, error] {
	return list[fairlead.Run](ctx, c, set("state", f.State, "cause", f.Cause, "by", f.By, "since", f.Since, "until", f.Until), "pipelines", pipeline, "runs")
}

// RetryRun tries a held stage again, or makes a run that repeats an ended one from a stage on.
func (c *Client) RetryRun(ctx context.Context, id, stage string, variables map[string]string) (fairlead.Run, error) {
	return post[fairlead.Run](ctx, c, map[string]any{"stage": stage, "variables": variables}, "runs", id, "retry")
}

// RollbackRun takes the stack of a held stage back.
func (c *Client) RollbackRun(ctx context.Context, id, stage string) (fairlead.Run, error) {
	return post[fairlead.Run](ctx, c, map[string]any{"stage": stage}, "runs", id, "rollback")
}

// ReviewAnswer is what a person says to a review.
type ReviewAnswer struct {
	Stage   string `json:"stage"`
	Approve bool   `json:"approve"`
	Comment string `json:"comment,omitempty"`
	Hash    string `json:"hash,omitempty"` // of the preview that was seen
}

// AnswerReview answers the review of a stage.
func (c *Client) AnswerReview(ctx context.Context, id string, a ReviewAnswer) (fairlead.Run, error) {
	return post[fairlead.Run](ctx, c, a, "runs", id, "review")
}

// CompareRuns tells two runs apart.
func (c *Client) CompareRuns(ctx context.Context, a, b string) (fairlead.RunDiff, error) {
	return get[fairlead.RunDiff](ctx, c, "runs", a, "diff", b)
}
