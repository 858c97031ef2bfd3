package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

const runColumns = `id, pipeline, number, revision, state, cause, started_by, variables, stages, message, waiting_for, stopping, more, created_at, started_at, ended_at`

// selectRun reads runs with whether anything bounds them.
const selectRun = `SELECT ` + runColumns + `, ` + ruled + ` FROM runs`

// NextRunNumber counts a run of a pipeline, and tells whether anything bounds runs and stages beyond what pipelines say.
func (tx *Tx) NextRunNumber(ctx context.Context, pipeline string) (n int64, bounded bool, err error) {
	err = tx.QueryRow(ctx, `UPDATE pipelines SET runs = runs + 1 WHERE name = $1 RETURNING runs, `+ruled, pipeline).Scan(&n, &bounded)
	return n, bounded, err
}

// CreateRun stores a run. CreatedAt is set here.
func (tx *Tx) CreateRun(ctx context.Context, r *fairlead.Run) error {
	r.CreatedAt = tx.Now
	variables, err := json.Marshal(r.Variables)
	if err != nil {
		return err
	}
	stages, err := json.Marshal(r.Stages)
	if err != nil {
		return err
	}
	more, err := json.Marshal(r.RunMore)
	if err != nil {
		return err
	}
	tx.Changed()
	const q = `INSERT INTO runs (` + runColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`
	_, err = tx.Exec(ctx, q, r.ID, r.Pipeline, r.Number, r.Revision, string(r.State), r.Cause, r.By, string(variables), string(stages),
		r.Message, r.WaitingFor, r.Stopping, string(more), Time(r.CreatedAt), NullTime(r.StartedAt), NullTime(r.EndedAt))
	return err
}

// UpdateRun stores what changes of a run: its state, its variables, its stages and its messages.
func (tx *Tx) UpdateRun(ctx context.Context, r *fairlead.Run) error {
	stages, err := json.Marshal(r.Stages)
	if err != nil {
		return err
	}
	variables, err := json.Marshal(r.Variables)
	if err != nil {
		return err
	}
	more, err := json.Marshal(r.RunMore)
	if err != nil {
		return err
	}
	tx.Changed()
	const q = `UPDATE runs SET state = $1, variables = $2, stages = $3, message = $4, waiting_for = $5, stopping = $6, more = $7, started_at = $8, ended_at = $9 WHERE id = $10`
	_, err = tx.Exec(ctx, q, string(r.State), string(variables), string(stages), r.Message, r.WaitingFor, r.Stopping, string(more), NullTime(r.StartedAt), NullTime(r.EndedAt), r.ID)
	return err
}

func scanRun(row Row) (r fairlead.Run, err error) {
	var variables, stages, more []byte
	if err := row.Scan(&r.ID, &r.Pipeline, &r.Number, &r.Revision, &r.State, &r.Cause, &r.By, &variables, &stages, &r.Message,
		&r.WaitingFor, &r.Stopping, &more, ScanTime(&r.CreatedAt), ScanNullTime(&r.StartedAt), ScanNullTime(&r.EndedAt), &r.Ruled); err != nil {
		return r, err
	}
	return r, errors.Join(json.Unmarshal(variables, &r.Variables), json.Unmarshal(stages, &r.Stages), json.Unmarshal(more, &r.RunMore))
}

// Run returns one run.
func (tx *Tx) Run(ctx context.Context, id string) (fairlead.Run, error) {
	r, err := scanRun(tx.QueryRow(ctx, selectRun+` WHERE id = $1`, id))
	return r, NotFound(err, noRun, id)
}

const noRun = "run %q does not exist; see: fairlead pipeline runs NAME"

// NoRun is the answer about a run that does not exist, or that somebody may not see.
func NoRun(id string) error { return fairlead.Errorf(fairlead.NotFound, noRun, id) }

func (tx *Tx) lastRun(ctx context.Context, pipeline string) (*fairlead.Run, error) {
	r, err := scanRun(tx.QueryRow(ctx, selectRun+` WHERE pipeline = $1 ORDER BY number DESC LIMIT 1`, pipeline))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // a pipeline without runs has no last one
	}
	return &r, err
}

// ActiveRuns lists the runs of a pipeline that did not end, in the order of the queue.
func (tx *Tx) ActiveRuns(ctx context.Context, pipeline string) ([]fairlead.Run, error) {
	rows, err := tx.Query(ctx, selectRun+` WHERE pipeline = $1 AND ended_at IS NULL ORDER BY number`, pipeline)
	return Collect(rows, err, scanRun)
}

// OpenRuns lists the runs of all pipelines that did not end.
func (tx *Tx) OpenRuns(ctx context.Context) ([]fairlead.Run, error) {
	rows, err := tx.Query(ctx, selectRun+` WHERE ended_at IS NULL ORDER BY pipeline, number`)
	return Collect(rows, err, scanRun)
}

// FirstActiveRun returns the run at the head of a pipeline's queue; ok is false when no run is active.
func (tx *Tx) FirstActiveRun(ctx context.Context, pipeline string) (r fairlead.Run, ok bool, err error) {
	const q = selectRun + ` WHERE pipeline = $1 AND ended_at IS NULL ORDER BY number LIMIT 1`
	r, err = scanRun(tx.QueryRow(ctx, q, pipeline))
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	return r, err == nil, err
}

// PipelineRuns lists the runs of a pipeline, newest first. cursor is the number of the last one of the page before.
func (tx *Tx) PipelineRuns(ctx context.Context, pipeline string, limit int, cursor string) ([]fairlead.Run, string, error) {
	before, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	const q = selectRun + ` WHERE pipeline = $1 AND number < $2 ORDER BY number DESC LIMIT $3`
	rows, err := tx.Query(ctx, q, pipeline, before, limit+1)
	list, err := Collect(rows, err, scanRun)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(r fairlead.Run) string { return strconv.FormatInt(r.Number, 10) })
	return list, next, nil
}

func parseCursor(cursor string) (int64, error) {
	if cursor == "" {
		return 1<<63 - 1, nil
	}
	n, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil {
		return 0, fairlead.Errorf(fairlead.Invalid, "cursor %q is not one that a list gave", cursor)
	}
	return n, nil
}

// RunFilter selects runs of a pipeline. Empty fields select everything.
type RunFilter struct {
	State, Cause, By string
	Since, Until     time.Time // of their making
}

// where is the condition of a filter on the runs of a pipeline before a number, and its arguments. It says only what is asked
// for: with conditions that may be empty no index would be used. Times become numbers, because lists are in their order.
func (f RunFilter) where(pipeline string, before int64) (string, []any) {
	conditions, args := []string{"pipeline = $1", "number < $2"}, []any{pipeline, before}
	and := func(condition string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(args))))
	}
	for _, c := range [][2]string{{"state = ?", f.State}, {"cause = ?", f.Cause}, {"started_by = ?", f.By}} {
		if c[1] != "" {
			and(c[0], c[1])
		}
	}
	if !f.Since.IsZero() {
		and(`number >= (SELECT t.number FROM runs t WHERE t.pipeline = $1 AND t.created_at >= ? ORDER BY t.created_at, t.number LIMIT 1)`, Time(f.Since))
	}
	if !f.Until.IsZero() {
		and(`number <= (SELECT t.number FROM runs t WHERE t.pipeline = $1 AND t.created_at < ? ORDER BY t.created_at DESC, t.number DESC LIMIT 1)`, Time(f.Until))
	}
	return strings.Join(conditions, " AND "), args
}

// FindRuns is PipelineRuns with a filter.
func (tx *Tx) FindRuns(ctx context.Context, pipeline string, f RunFilter, limit int, cursor string) ([]fairlead.Run, string, error) {
	if f == (RunFilter{}) {
		return tx.PipelineRuns(ctx, pipeline, limit, cursor)
	}
	before, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	where, args := f.where(pipeline, before)
	args = append(args, limit+1)
	rows, err := tx.Query(ctx, selectRun+` WHERE `+where+` ORDER BY number DESC LIMIT $`+strconv.Itoa(len(args)), args...)
	list, err := Collect(rows, err, scanRun)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(r fairlead.Run) string { return strconv.FormatInt(r.Number, 10) })
	return list, next, nil
}

// RunKind says what of the runs of all pipelines is listed.
type RunKind string

const (
	RunsAll     RunKind = ""
	RunsRunning RunKind = "running" // at work, or in a queue
	RunsWaiting RunKind = "waiting" // for a message, for people, or held
	RunsFailed  RunKind = "failed"  // failed, or out of time
	RunsAsking  RunKind = "asking"  // held, or with a review, answered or not
)

// The conditions say what the indexes say, word by word: else they would not be used.
var runKinds = map[RunKind]string{
	RunsRunning: ` AND ended_at IS NULL AND state IN ('queued', 'running')`,
	RunsWaiting: ` AND ended_at IS NULL AND state IN ('waiting', 'held')`,
	RunsFailed:  ` AND state IN ('failed', 'timed-out')`,
	RunsAsking:  ` AND ended_at IS NULL AND (state = 'held' OR stages LIKE '%"review":%')`,
}

// Runs lists runs of all pipelines that the viewer sees, newest first. cursor is the last id of the page before.
func (tx *Tx) Runs(ctx context.Context, v Viewer, kind RunKind, limit int, cursor string) ([]fairlead.Run, string, error) {
	q := selectRun + ` WHERE id < $1` + runKinds[kind] + `
AND ($2 = '*' OR EXISTS (SELECT 1 FROM pipelines p JOIN group_roles v ON v.group_name = p.group_name WHERE p.name = pipeline AND v.user_name = $2))
ORDER BY id DESC LIMIT $3`
	rows, err := tx.Query(ctx, q, cmp.Or(cursor, afterAllIDs), string(v), limit+1)
	list, err := Collect(rows, err, scanRun)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(r fairlead.Run) string { return r.ID })
	return list, next, nil
}
