package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/fairlead/fairlead"
)

// StageJob is the container of an attempt of a job stage, while it is at work.
type StageJob struct {
	Run            string
	Stage, Attempt int
	Container      fairlead.Container // without its ID
	Progress       JobProgress
	// Slice is the number of the job that works it, Worker the attempt at that job that wrote last.
	Slice  int64
	Worker int
}

// The phases of a container.
const (
	JobPlanned = "planned" // it may or may not exist; it was not started
	JobMade    = "made"    // it exists; it may have been started
	JobStarted = "started"
)

// JobProgress is how far a container is, and how much of its output is stored.
type JobProgress struct {
	Phase string `json:"phase"`
	ID    string `json:"id,omitempty"`
	// Ending is how the stage will end once the container is removed, EndText why, EndAt since when.
	Ending  fairlead.StageState `json:"ending,omitempty"`
	EndText string              `json:"end_text,omitempty"`
	EndAt   time.Time           `json:"end_at,omitzero"`
	Stdout  OutputMark          `json:"stdout,omitzero"`
	Stderr  OutputMark          `json:"stderr,omitzero"`
	Bytes   int64               `json:"bytes,omitempty"` // stored
	Last    string              `json:"last,omitempty"`  // line
	// What was left out of the log, because it is full.
	LeftLines int64 `json:"left_lines,omitempty"`
	LeftBytes int64 `json:"left_bytes,omitempty"`
}

// OutputMark is where a stream was read to: the time of the last line, and how many lines of that time were read.
type OutputMark struct {
	Time  time.Time `json:"time"`
	Count int       `json:"count"`
}

// CreateStageJob writes a container down before it is made.
func (tx *Tx) CreateStageJob(ctx context.Context, j *StageJob) error {
	text, err := json.Marshal(j.Container)
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(text)
	if err != nil {
		return err
	}
	progress, err := json.Marshal(j.Progress)
	if err != nil {
		return err
	}
	const q = `INSERT INTO stage_jobs (run_id, stage, attempt, target, container, progress, slice, worker) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	_, err = tx.Exec(ctx, q, j.Run, j.Stage, j.Attempt, j.Container.Target, sealed, string(progress), j.Slice, j.Worker)
	return err
}

// StageJob returns the container of an attempt; NotFound when it is not at work.
func (tx *Tx) StageJob(ctx context.Context, run string, stage, attempt int) (j StageJob, err error) {
	j.Run, j.Stage, j.Attempt = run, stage, attempt
	var sealed, progress []byte
	const q = `SELECT container, progress, slice, worker FROM stage_jobs WHERE run_id = $1 AND stage = $2 AND attempt = $3`
	if err := tx.QueryRow(ctx, q, run, stage, attempt).Scan(&sealed, &progress, &j.Slice, &j.Worker); err != nil {
		return j, NotFound(err, "no container of run %q is at work for that attempt", run)
	}
	text, err := tx.db.Unseal(sealed)
	if err != nil {
		return j, err
	}
	return j, errors.Join(json.Unmarshal(text, &j.Container), json.Unmarshal(progress, &j.Progress))
}

// UpdateStageJob stores what changes: the progress, and who works it.
func (tx *Tx) UpdateStageJob(ctx context.Context, j *StageJob) error {
	progress, err := json.Marshal(j.Progress)
	if err != nil {
		return err
	}
	const q = `UPDATE stage_jobs SET progress = $1, slice = $2, worker = $3 WHERE run_id = $4 AND stage = $5 AND attempt = $6`
	_, err = tx.Exec(ctx, q, string(progress), j.Slice, j.Worker, j.Run, j.Stage, j.Attempt)
	return err
}

// DeleteStageJob forgets a container whose stage has ended.
func (tx *Tx) DeleteStageJob(ctx context.Context, j *StageJob) error {
	_, err := tx.Exec(ctx, `DELETE FROM stage_jobs WHERE run_id = $1 AND stage = $2 AND attempt = $3`, j.Run, j.Stage, j.Attempt)
	return err
}

// JobsOn lists the runs whose containers are at work on a target.
func (tx *Tx) JobsOn(ctx context.Context, target string) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT DISTINCT run_id FROM stage_jobs WHERE target = $1 ORDER BY run_id`, target)
	return Collect(rows, err, func(row Row) (run string, err error) { return run, row.Scan(&run) })
}

// HasJob reports whether a job of a kind that mentions a text in its arguments waits or runs.
func (tx *Tx) HasJob(ctx context.Context, kind, text string) (bool, error) {
	const q = `SELECT count(*) FROM river_job WHERE kind = $1 AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
AND CAST(args AS TEXT) LIKE $2`
	var n int
	err := tx.QueryRow(ctx, q, kind, "%"+text+"%").Scan(&n)
	return n > 0, err
}
