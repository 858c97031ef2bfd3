package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

// RunLogs selects the log of a run.
type RunLogs struct {
	RunID
	Stage  string `query:"stage" maxLength:"300" doc:"only the lines of one stage"`
	Text   string `query:"q" maxLength:"200" doc:"only lines that hold this text, upper and lower case alike; a page can be short then and have a next all the same. Not for streams"`
	Before int64  `query:"before" minimum:"0" doc:"only what has a smaller seq; 0 is no bound. Not for streams"`
	Order  string `query:"order" enum:"asc,desc" default:"asc" doc:"desc begins with the newest line and pages back. Not for streams"`
	Page
	Follow
}

func (a *API) runLogs(ctx context.Context, in *RunLogs) (*huma.StreamResponse, error) {
	run, err := a.run(ctx, auth.View, in.ID)
	if err != nil {
		return nil, err
	}
	q := store.LogQuery{Stage: in.Stage, Text: in.Text, After: max(in.start(), 0), Before: in.Before, Newest: in.Order == "desc", Limit: in.Limit}
	if in.wanted() {
		return a.stream("line", q.After, func(ctx context.Context, after int64) ([]message, bool, error) {
			return a.readLog(ctx, run.ID, in.Stage, after)
		}), nil
	}
	if in.Cursor != "" {
		at, err := seqCursor(in.Cursor, 0)
		switch {
		case err != nil:
			return nil, err
		case q.Newest:
			q.Before = at
		default:
			q.After = max(at, q.After)
		}
	}
	var lines []fairlead.LogLine
	var next int64
	err = a.DB.Read(ctx, func(tx *store.Tx) (err error) { lines, next, err = tx.RunLog(ctx, run.ID, q); return err })
	if err != nil {
		return nil, err
	}
	cursor := ""
	if next > 0 {
		cursor = strconv.FormatInt(next, 10)
	}
	return page(lines, cursor), nil
}

// readLog reads lines and the state of their run in one snapshot: a final run has no lines that come later.
func (a *API) readLog(ctx context.Context, run, stage string, after int64) (news []message, final bool, err error) {
	err = a.DB.Read(ctx, func(tx *store.Tx) error {
		lines, _, err := tx.RunLog(ctx, run, store.LogQuery{Stage: stage, After: after, Limit: streamPage})
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
		if err != nil {
			return err
		}
		final = fairlead.RunMoves.Final(r.State)
		return mayRun(ctx, tx, auth.View, r)
	})
	return news, final, err
}

// RunLogText selects the log of a run as text.
type RunLogText struct {
	RunID
	Stage string `query:"stage" maxLength:"300" doc:"only the lines of one stage"`
}

// runLogText answers with the whole log as it is now, one line each: time, stage, level or stream, text.
func (a *API) runLogText(ctx context.Context, in *RunLogText) (*huma.StreamResponse, error) {
	run, err := a.run(ctx, auth.View, in.ID)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		r, w := humago.Unwrap(hctx)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", fmt.Sprintf("%s-%d.log", run.Pipeline, run.Number)))
		if err := a.writeLog(r.Context(), w, run.ID, in.Stage); err != nil && r.Context().Err() == nil {
			a.Log.WarnContext(r.Context(), "a log was not written to its end", "id", requestID(r.Context()), "error", err)
		}
	}}, nil
}

// writeLog writes a log page by page, so that none is in memory as a whole.
func (a *API) writeLog(ctx context.Context, w http.ResponseWriter, run, stage string) error {
	control := http.NewResponseController(w)
	for q := (store.LogQuery{Stage: stage, Limit: 2000}); ; {
		var lines []fairlead.LogLine
		var next int64
		err := a.DB.Read(ctx, func(tx *store.Tx) (err error) { lines, next, err = tx.RunLog(ctx, run, q); return err })
		if err != nil {
			return err
		}
		var text strings.Builder
		for _, l := range lines {
			text.WriteString(logText(l))
		}
		if err := control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if _, err := w.Write([]byte(text.String())); err != nil || next == 0 {
			return nil //nolint:nilerr // the client is gone: nobody to tell
		}
		q.After = next
	}
}

// logText is a line of a log as text.
func logText(l fairlead.LogLine) string {
	kind := l.Level
	if l.Stream != "" {
		kind = l.Stream
	}
	stage := ""
	if l.Stage != "" {
		stage = " [" + l.Stage + "]"
	}
	return l.Time.Format("2006-01-02T15:04:05.000Z07:00") + stage + " " + kind + ": " + l.Text + "\n"
}
