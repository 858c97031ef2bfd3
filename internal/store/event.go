package store

import (
	"context"
	"strconv"

	"github.com/fairlead/fairlead"
)

// lastSeq is the greatest number that an event or a line of output has. Both count in one sequence, so that the log of a run
// has one order.
const lastSeq = `(SELECT coalesce(max(seq), 0) FROM (SELECT max(seq) AS seq FROM events UNION ALL SELECT max(last_seq) FROM run_output) numbered)`

// AppendEvent stores an event and wakes the watchers. Seq and Time are set here.
func (tx *Tx) AppendEvent(ctx context.Context, e fairlead.Event) error {
	const q = `INSERT INTO events (seq, time, kind, name, action, part, type, message)
VALUES (` + lastSeq + ` + 1, $1, $2, $3, $4, $5, $6, $7)`
	tx.Changed()
	_, err := tx.Exec(ctx, q, Time(tx.Now), e.Kind, e.Name, e.Action, e.Part, e.Type, e.Message)
	return err
}

// EventFilter selects events. Empty fields select everything.
type EventFilter struct {
	Kind, Name, Action string
	After              int64 // only events with a greater Seq
	Limit              int   // default 100
}

// Events returns events in their order, oldest first.
func (tx *Tx) Events(ctx context.Context, f EventFilter) ([]fairlead.Event, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	q, args := `SELECT seq, time, kind, name, action, part, type, message FROM events WHERE seq > $1`, []any{f.After}
	for _, c := range [][2]string{{"kind", f.Kind}, {"name", f.Name}, {"action", f.Action}} {
		if c[1] != "" {
			args = append(args, c[1])
			q += " AND " + c[0] + " = $" + strconv.Itoa(len(args))
		}
	}
	if f.Action != "" {
		q += ` AND action <> ''` // as the index has it
	}
	args = append(args, f.Limit)
	rows, err := tx.Query(ctx, q+` ORDER BY seq LIMIT $`+strconv.Itoa(len(args)), args...)
	return Collect(rows, err, func(row Row) (e fairlead.Event, err error) {
		err = row.Scan(&e.Seq, ScanTime(&e.Time), &e.Kind, &e.Name, &e.Action, &e.Part, &e.Type, &e.Message)
		return e, err
	})
}

// LastEvent is the Seq of the newest event, 0 when there is none.
func (tx *Tx) LastEvent(ctx context.Context) (int64, error) {
	var seq int64
	err := tx.QueryRow(ctx, `SELECT coalesce(max(seq), 0) FROM events`).Scan(&seq)
	return seq, err
}
