package store

import (
	"context"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead"
)

// lastSeq is the greatest number that an event or a line of output has or had. Both count in one sequence, so that the log of a
// run has one order.
const lastSeq = `(SELECT coalesce(max(seq), 0) FROM (SELECT max(seq) AS seq FROM events UNION ALL SELECT max(last_seq) FROM run_output
UNION ALL SELECT max(seq) FROM removed_numbers) numbered)`

// keepLastSeq is called before events or output are removed, so that their numbers are not given again: who follows the events
// from the last one that he has seen would miss those with a smaller number.
func (tx *Tx) keepLastSeq(ctx context.Context) error {
	_, err := tx.Exec(ctx, `UPDATE removed_numbers SET seq = `+lastSeq)
	return err
}

// AppendEvent stores an event and wakes the watchers. Seq and Time are set here.
func (tx *Tx) AppendEvent(ctx context.Context, e fairlead.Event) error {
	const q = `INSERT INTO events (seq, time, kind, name, action, part, type, message, group_name)
VALUES (` + lastSeq + ` + 1, $1, $2, $3, $4, $5, $6, $7, $8)`
	tx.Changed()
	_, err := tx.Exec(ctx, q, Time(tx.Now), e.Kind, e.Name, e.Action, e.Part, e.Type, e.Message, e.Group)
	return err
}

// EventFilter selects events. Empty fields select everything, but an empty Viewer sees nothing of groups.
type EventFilter struct {
	Viewer             Viewer
	Kind, Name, Action string
	After              int64 // only events with a greater Seq
	Limit              int   // default 100
}

// seenEvents leaves out the groups in which the viewer $v has no role with their runs, pipelines and freezes, other users, and news of
// the audit log of groups that he does not manage. A pipeline that is no more belongs to the group that its last event names. What
// has the name of a pipeline, group or user since shows nothing of the one before.
const seenEvents = ` AND (kind NOT IN ('run', 'pipeline', 'freeze', 'group', 'user', 'audit')
OR kind IN ('group', 'audit') AND EXISTS (SELECT 1 FROM pipeline_groups g JOIN group_roles v ON v.group_name = g.name
  WHERE g.name = e.name AND g.created_at <= e.time AND v.user_name = $v AND (kind = 'group' OR v.role = 'manage'))
OR kind = 'user' AND e.name = $v AND EXISTS (SELECT 1 FROM users u WHERE u.name = e.name AND u.created_at <= e.time)
OR kind = 'freeze' AND EXISTS (SELECT 1 FROM freezes f WHERE f.id = e.name AND ` + seenFreeze + `)
OR kind = 'run' AND EXISTS (SELECT 1 FROM runs r JOIN pipelines p ON p.name = r.pipeline JOIN group_roles v ON v.group_name = p.group_name
  WHERE r.id = e.name AND v.user_name = $v)
OR kind = 'pipeline' AND (EXISTS (SELECT 1 FROM pipelines p JOIN group_roles v ON v.group_name = p.group_name
    WHERE p.name = e.name AND p.created_at <= e.time AND v.user_name = $v)
  OR NOT EXISTS (SELECT 1 FROM pipelines p WHERE p.name = e.name AND p.created_at <= e.time)
    AND EXISTS (SELECT 1 FROM pipeline_groups g JOIN group_roles v ON v.group_name = g.name
      WHERE g.name = e.group_name AND g.created_at <= e.time AND v.user_name = $v)))`

// Events returns events in their order, oldest first.
func (tx *Tx) Events(ctx context.Context, f EventFilter) ([]fairlead.Event, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	q, args := `SELECT seq, time, kind, name, action, part, type, message FROM events e WHERE seq > $1`, []any{f.After}
	for _, c := range [][2]string{{"kind", f.Kind}, {"name", f.Name}, {"action", f.Action}} {
		if c[1] != "" {
			args = append(args, c[1])
			q += " AND " + c[0] + " = $" + strconv.Itoa(len(args))
		}
	}
	if f.Action != "" {
		q += ` AND action <> ''` // as the index has it
	}
	if f.Viewer != Everything {
		args = append(args, string(f.Viewer))
		q += strings.ReplaceAll(seenEvents, "$v", "$"+strconv.Itoa(len(args)))
	}
	args = append(args, f.Limit)
	rows, err := tx.Query(ctx, q+` ORDER BY seq LIMIT $`+strconv.Itoa(len(args)), args...)
	events, err := Collect(rows, err, func(row Row) (e fairlead.Event, err error) {
		err = row.Scan(&e.Seq, ScanTime(&e.Time), &e.Kind, &e.Name, &e.Action, &e.Part, &e.Type, &e.Message)
		return e, err
	})
	for i := range events {
		if e := &events[i]; err == nil && e.Kind == "stack" { // who acts on it need not be seen by all who see it
			e.Message, err = tx.Unnamed(ctx, f.Viewer, e.Message)
		}
	}
	return events, err
}

// LastEvent is the Seq of the newest event, 0 when there is none.
func (tx *Tx) LastEvent(ctx context.Context) (int64, error) {
	var seq int64
	err := tx.QueryRow(ctx, `SELECT coalesce(max(seq), 0) FROM events`).Scan(&seq)
	return seq, err
}
