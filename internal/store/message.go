package store

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/fairlead/fairlead"
)

// CreateMessage stores what arrived for a trigger condition. ReceivedAt is set here. once, when not empty, is what may count
// only once; origin, when not empty, is the id of the channel message that it comes from.
func (tx *Tx) CreateMessage(ctx context.Context, m *fairlead.Message, once, origin string) error {
	m.ReceivedAt = tx.Now
	params, err := json.Marshal(m.Params)
	if err != nil {
		return err
	}
	var unique any // nothing is not a thing that could be there twice
	if once != "" {
		unique = once
	}
	const q = `INSERT INTO messages (id, pipeline, condition, kind, source, once, message_key, params, result, reason, run_id, origin, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	_, err = tx.Exec(ctx, q, m.ID, m.Pipeline, m.Condition, m.Kind, m.Source, unique, m.Key, string(params), string(m.Result), m.Reason, m.Run, origin, Time(m.ReceivedAt))
	return err
}

const selectMessages = `SELECT id, pipeline, condition, kind, source, message_key, params, result, reason, run_id, received_at FROM messages`

func scanMessage(row Row) (m fairlead.Message, err error) {
	var params []byte
	if err := row.Scan(&m.ID, &m.Pipeline, &m.Condition, &m.Kind, &m.Source, &m.Key, &params, &m.Result, &m.Reason, &m.Run, ScanTime(&m.ReceivedAt)); err != nil {
		return m, err
	}
	return m, json.Unmarshal(params, &m.Params)
}

// MessageOnce returns the message that counted for once.
func (tx *Tx) MessageOnce(ctx context.Context, once string) (fairlead.Message, error) {
	m, err := scanMessage(tx.QueryRow(ctx, selectMessages+` WHERE once = $1`, once))
	return m, NotFound(err, "no such message")
}

// Messages lists what arrived for a pipeline, newest first. cursor is the last id of the page before.
func (tx *Tx) Messages(ctx context.Context, pipeline string, limit int, cursor string) ([]fairlead.Message, string, error) {
	const q = selectMessages + ` WHERE pipeline = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	rows, err := tx.Query(ctx, q, pipeline, cmp.Or(cursor, afterAllIDs), limit+1)
	list, err := Collect(rows, err, scanMessage)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(m fairlead.Message) string { return m.ID })
	return list, next, nil
}

// Deliveries lists what a message of a channel did at each condition of the pipelines that the viewer sees.
func (tx *Tx) Deliveries(ctx context.Context, v Viewer, origin string) ([]fairlead.Message, error) {
	const q = selectMessages + ` WHERE origin <> '' AND origin = $1
AND ($2 = '*' OR EXISTS (SELECT 1 FROM pipelines p JOIN group_roles v ON v.group_name = p.group_name WHERE p.name = pipeline AND v.user_name = $2)) ORDER BY id`
	rows, err := tx.Query(ctx, q, origin, string(v))
	return Collect(rows, err, scanMessage)
}

// Listener is a condition that listens to a channel, an image or a schedule.
type Listener struct {
	Pipeline  string
	Condition string
	Kind      string
	Source    string
}

// SetListeners makes the listeners of a pipeline exactly those given.
func (tx *Tx) SetListeners(ctx context.Context, pipeline string, list []Listener) error {
	if _, err := tx.Exec(ctx, `DELETE FROM listeners WHERE pipeline = $1`, pipeline); err != nil {
		return err
	}
	for _, l := range list {
		const q = `INSERT INTO listeners (pipeline, condition, kind, source) VALUES ($1, $2, $3, $4)`
		if _, err := tx.Exec(ctx, q, pipeline, l.Condition, l.Kind, l.Source); err != nil {
			return err
		}
	}
	return nil
}

// Listeners lists the conditions that listen to a source.
func (tx *Tx) Listeners(ctx context.Context, kind, source string) ([]Listener, error) {
	const q = `SELECT pipeline, condition, kind, source FROM listeners WHERE kind = $1 AND source = $2 ORDER BY pipeline, condition`
	rows, err := tx.Query(ctx, q, kind, source)
	return Collect(rows, err, func(row Row) (l Listener, err error) {
		return l, row.Scan(&l.Pipeline, &l.Condition, &l.Kind, &l.Source)
	})
}

// SetRunListens makes messages of the sources reach a run.
func (tx *Tx) SetRunListens(ctx context.Context, run string, list []Listener) error {
	for _, l := range list {
		const q = `INSERT INTO run_listens (kind, source, run_id) VALUES ($1, $2, $3) ON CONFLICT (kind, source, run_id) DO NOTHING`
		if _, err := tx.Exec(ctx, q, l.Kind, l.Source, run); err != nil {
			return err
		}
	}
	return nil
}

// DropRunListens ends what SetRunListens began.
func (tx *Tx) DropRunListens(ctx context.Context, run string) error {
	_, err := tx.Exec(ctx, `DELETE FROM run_listens WHERE run_id = $1`, run)
	return err
}

// RunsListening lists the runs that messages of a source reach.
func (tx *Tx) RunsListening(ctx context.Context, kind, source string) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT run_id FROM run_listens WHERE kind = $1 AND source = $2 ORDER BY run_id`, kind, source)
	return Collect(rows, err, func(row Row) (id string, err error) { return id, row.Scan(&id) })
}

// Gate is a condition of a start that is met while others are waited for.
type Gate struct {
	Condition string
	Message   string
	Variables map[string]string
	Pins      map[string]string
}

// Gates lists the conditions of a pipeline's start that are met.
func (tx *Tx) Gates(ctx context.Context, pipeline string) ([]Gate, error) {
	rows, err := tx.Query(ctx, `SELECT condition, message, variables, pins FROM start_gates WHERE pipeline = $1 ORDER BY condition`, pipeline)
	return Collect(rows, err, func(row Row) (g Gate, err error) {
		var variables, pins []byte
		if err := row.Scan(&g.Condition, &g.Message, &variables, &pins); err != nil {
			return g, err
		}
		if err := json.Unmarshal(variables, &g.Variables); err != nil {
			return g, err
		}
		return g, json.Unmarshal(pins, &g.Pins)
	})
}

// SetGate marks a condition as met; a later message takes the place of an earlier one.
func (tx *Tx) SetGate(ctx context.Context, pipeline string, g Gate) error {
	variables, err := json.Marshal(g.Variables)
	if err != nil {
		return err
	}
	pins, err := json.Marshal(g.Pins)
	if err != nil {
		return err
	}
	const q = `INSERT INTO start_gates (pipeline, condition, message, variables, pins, received_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (pipeline, condition) DO UPDATE SET message = excluded.message, variables = excluded.variables, pins = excluded.pins, received_at = excluded.received_at`
	_, err = tx.Exec(ctx, q, pipeline, g.Condition, g.Message, string(variables), string(pins), Time(tx.Now))
	return err
}

// ClearGates forgets the conditions that are met.
func (tx *Tx) ClearGates(ctx context.Context, pipeline string) error {
	_, err := tx.Exec(ctx, `DELETE FROM start_gates WHERE pipeline = $1`, pipeline)
	return err
}

// Schedule says when a condition is due next.
type Schedule struct {
	Pipeline  string
	Condition string
	NextAt    string // as [Time] writes it
}

// SetSchedules makes the schedules of a pipeline exactly those given.
func (tx *Tx) SetSchedules(ctx context.Context, pipeline string, list []Schedule) error {
	if _, err := tx.Exec(ctx, `DELETE FROM schedules WHERE pipeline = $1`, pipeline); err != nil {
		return err
	}
	for _, s := range list {
		if _, err := tx.Exec(ctx, `INSERT INTO schedules (pipeline, condition, next_at) VALUES ($1, $2, $3)`, pipeline, s.Condition, s.NextAt); err != nil {
			return err
		}
	}
	return nil
}

// MoveSchedule takes a schedule from one time to the next; false when it is not at that time any more.
func (tx *Tx) MoveSchedule(ctx context.Context, pipeline, condition, from, to string) (bool, error) {
	const q = `UPDATE schedules SET next_at = $1 WHERE pipeline = $2 AND condition = $3 AND next_at = $4`
	res, err := tx.Exec(ctx, q, to, pipeline, condition, from)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// Schedules lists all schedules.
func (tx *Tx) Schedules(ctx context.Context) ([]Schedule, error) {
	rows, err := tx.Query(ctx, `SELECT pipeline, condition, next_at FROM schedules ORDER BY pipeline, condition`)
	return Collect(rows, err, func(row Row) (s Schedule, err error) { return s, row.Scan(&s.Pipeline, &s.Condition, &s.NextAt) })
}
