package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/fairlead/fairlead"
)

// ruled tells whether anything bounds what stages and runs may do at once, or when, beyond what their pipelines say. It is read
// along with a run, so that pipelines pay nothing where nobody said anything.
const ruled = `CASE WHEN EXISTS (SELECT 1 FROM target_rules) OR EXISTS (SELECT 1 FROM group_limits) OR EXISTS (SELECT 1 FROM freezes WHERE open)
THEN 1 ELSE 0 END`

// begun are the states of runs that have begun and not ended.
const begun = `('running', 'waiting', 'held')`

// RunsUnderWay counts the runs of a pipeline that have begun and not ended, and those that wait in its queue.
func (tx *Tx) RunsUnderWay(ctx context.Context, pipeline string) (active, queued int, err error) {
	const q = `SELECT (SELECT count(*) FROM runs WHERE pipeline = $1 AND state IN ` + begun + `), (SELECT count(*) FROM runs WHERE pipeline = $1 AND state = 'queued')`
	err = tx.QueryRow(ctx, q, pipeline).Scan(&active, &queued)
	return active, queued, err
}

// NextInQueue returns the run at the head of a pipeline's queue; ok is false when none waits, or when as many as the pipeline
// runs at once have begun.
func (tx *Tx) NextInQueue(ctx context.Context, pipeline string) (r fairlead.Run, ok bool, err error) {
	const q = selectRun + ` WHERE pipeline = $1 AND state = 'queued' AND (SELECT count(*) FROM runs b WHERE b.pipeline = $1 AND b.state IN ` + begun + `)
< (SELECT p.max_runs FROM pipelines p WHERE p.name = $1) ORDER BY number LIMIT 1`
	r, err = scanRun(tx.QueryRow(ctx, q, pipeline))
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	return r, err == nil, err
}

// NextInGroup is NextInQueue for all pipelines of a group: of the runs whose pipelines let them begin, the one that was made
// first; ok is false when there is none, or when as many as the group runs at once have begun.
func (tx *Tx) NextInGroup(ctx context.Context, group string) (r fairlead.Run, ok bool, err error) {
	limit, active, err := tx.GroupRuns(ctx, group)
	if err != nil || limit > 0 && active >= limit {
		return r, false, err
	}
	const q = `SELECT p.name, (SELECT r.id FROM runs r WHERE r.pipeline = p.name AND r.state = 'queued' ORDER BY r.number LIMIT 1) FROM pipelines p
WHERE p.group_name = $1 AND EXISTS (SELECT 1 FROM runs r WHERE r.pipeline = p.name AND r.state = 'queued')
AND (SELECT count(*) FROM runs b WHERE b.pipeline = p.name AND b.state IN ` + begun + `) < p.max_runs`
	rows, err := tx.Query(ctx, q, group)
	heads, err := Collect(rows, err, func(row Row) (id string, err error) { var pipeline string; return id, row.Scan(&pipeline, &id) })
	if err != nil || len(heads) == 0 {
		return r, false, err
	}
	first := heads[0] // ids are in the order of their making
	for _, id := range heads[1:] {
		first = min(first, id)
	}
	r, err = tx.Run(ctx, first)
	return r, err == nil, err
}

// GroupOf returns the group of a pipeline with the limit of its runs, 0 when there is none.
func (tx *Tx) GroupOf(ctx context.Context, pipeline string) (group string, limit int, err error) {
	const q = `SELECT p.group_name, coalesce((SELECT l.runs FROM group_limits l WHERE l.group_name = p.group_name), 0) FROM pipelines p WHERE p.name = $1`
	err = tx.QueryRow(ctx, q, pipeline).Scan(&group, &limit)
	return group, limit, NotFound(err, "pipeline %q does not exist; see: fairlead pipeline list", pipeline)
}

// GroupRuns returns how many runs of a group's pipelines may go on at once, 0 when there is no limit, and how many have begun and
// not ended.
func (tx *Tx) GroupRuns(ctx context.Context, group string) (limit, active int, err error) {
	const q = `SELECT coalesce((SELECT l.runs FROM group_limits l WHERE l.group_name = $1), 0),
(SELECT count(*) FROM pipelines p JOIN runs r ON r.pipeline = p.name AND r.state IN ` + begun + ` WHERE p.group_name = $1)`
	err = tx.QueryRow(ctx, q, group).Scan(&limit, &active)
	return limit, active, err
}

// SetGroupLimits stores the limits of a pipeline group.
func (tx *Tx) SetGroupLimits(ctx context.Context, group string, l fairlead.GroupLimits) error {
	if l.Runs == 0 {
		_, err := tx.Exec(ctx, `DELETE FROM group_limits WHERE group_name = $1`, group)
		return err
	}
	const q = `INSERT INTO group_limits (group_name, runs) VALUES ($1, $2) ON CONFLICT (group_name) DO UPDATE SET runs = excluded.runs`
	_, err := tx.Exec(ctx, q, group, l.Runs)
	return err
}

// QueuedPipelines lists the pipelines that runs wait for in the queue, all or those of a group.
func (tx *Tx) QueuedPipelines(ctx context.Context, group string) ([]string, error) {
	const q = `SELECT p.name FROM pipelines p WHERE ($1 = '' OR p.group_name = $1) AND EXISTS (SELECT 1 FROM runs r WHERE r.pipeline = p.name AND r.state = 'queued') ORDER BY p.name`
	rows, err := tx.Query(ctx, q, group)
	return Collect(rows, err, func(row Row) (name string, err error) { return name, row.Scan(&name) })
}

// QueuePlace returns what stands before a queued run in its pipeline: how many queued runs, the number of the last of them, and
// the runs that have begun, with nothing but number and state.
func (tx *Tx) QueuePlace(ctx context.Context, pipeline string, number int64) (before int, last int64, active []fairlead.Run, err error) {
	const q = `SELECT count(*), coalesce(max(number), 0) FROM runs WHERE pipeline = $1 AND state = 'queued' AND number < $2`
	if err = tx.QueryRow(ctx, q, pipeline, number).Scan(&before, &last); err != nil {
		return 0, 0, nil, err
	}
	rows, err := tx.Query(ctx, `SELECT number, state FROM runs WHERE pipeline = $1 AND state IN `+begun+` ORDER BY number`, pipeline)
	active, err = Collect(rows, err, func(row Row) (r fairlead.Run, err error) { return r, row.Scan(&r.Number, &r.State) })
	return before, last, active, err
}

// MaxRuns is how many runs of a pipeline go on at once.
func (tx *Tx) MaxRuns(ctx context.Context, pipeline string) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT max_runs FROM pipelines WHERE name = $1`, pipeline).Scan(&n)
	return n, err
}
