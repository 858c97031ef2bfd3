package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// Turn is something that a stage holds or waits for. Resource is "lock NAME", "target NAME", or "time".
type Turn struct {
	Run      string
	Stage    int
	Resource string
	Held     bool
	Asked    int64 // orders those that wait
	Since    time.Time
}

// TurnPlace is a turn with the names by which people know the stage.
type TurnPlace struct {
	Turn
	Pipeline string
	Group    string // of the pipeline
	Number   int64
	Name     string // of the stage
}

const turnColumns = `t.run_id, t.stage, t.resource, t.held, t.asked, t.since`

func scanTurn(row Row) (t Turn, err error) {
	return t, row.Scan(&t.Run, &t.Stage, &t.Resource, &t.Held, &t.Asked, ScanTime(&t.Since))
}

// AskTurn has a stage wait for resources, at the end of their queues, unless it waits for or holds them already.
func (tx *Tx) AskTurn(ctx context.Context, run string, stage int, resources []string) error {
	var asked int64
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(asked), 0) + 1 FROM turns`).Scan(&asked); err != nil {
		return err
	}
	for _, r := range resources {
		const q = `INSERT INTO turns (run_id, stage, resource, held, asked, since) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (run_id, stage, resource) DO NOTHING`
		if _, err := tx.Exec(ctx, q, run, stage, r, false, asked, Time(tx.Now)); err != nil {
			return err
		}
	}
	return nil
}

// TakeTurn makes a stage a holder of resources that it waits for. What it holds already it holds since it did.
func (tx *Tx) TakeTurn(ctx context.Context, run string, stage int, resources []string) error {
	for _, r := range resources {
		const q = `UPDATE turns SET held = $1, since = $2 WHERE run_id = $3 AND stage = $4 AND resource = $5 AND held <> $1`
		if _, err := tx.Exec(ctx, q, true, Time(tx.Now), run, stage, r); err != nil {
			return err
		}
	}
	return nil
}

// DropTurns removes what a stage holds and waits for, and returns what it was.
func (tx *Tx) DropTurns(ctx context.Context, run string, stage int) ([]string, error) {
	rows, err := tx.Query(ctx, `DELETE FROM turns WHERE run_id = $1 AND stage = $2 RETURNING resource`, run, stage)
	return Collect(rows, err, func(row Row) (r string, err error) { return r, row.Scan(&r) })
}

// DropTurn removes one thing that a stage holds or waits for.
func (tx *Tx) DropTurn(ctx context.Context, run string, stage int, resource string) error {
	_, err := tx.Exec(ctx, `DELETE FROM turns WHERE run_id = $1 AND stage = $2 AND resource = $3`, run, stage, resource)
	return err
}

// DropWaiting removes what a stage waits for; what it holds stays.
func (tx *Tx) DropWaiting(ctx context.Context, run string, stage int) error {
	_, err := tx.Exec(ctx, `DELETE FROM turns WHERE run_id = $1 AND stage = $2 AND held = $3`, run, stage, false)
	return err
}

// StageTurns lists what a stage holds and waits for.
func (tx *Tx) StageTurns(ctx context.Context, run string, stage int) ([]Turn, error) {
	rows, err := tx.Query(ctx, `SELECT `+turnColumns+` FROM turns t WHERE t.run_id = $1 AND t.stage = $2 ORDER BY t.resource`, run, stage)
	return Collect(rows, err, scanTurn)
}

// FirstWaiter returns who is first in line for a resource.
func (tx *Tx) FirstWaiter(ctx context.Context, resource string) (t Turn, ok bool, err error) {
	t, err = scanTurn(tx.QueryRow(ctx, `SELECT `+turnColumns+` FROM turns t WHERE t.resource = $1 AND t.held = $2 ORDER BY t.asked LIMIT 1`, resource, false))
	if errors.Is(err, sql.ErrNoRows) {
		return t, false, nil
	}
	return t, err == nil, err
}

// Holders lists the stages that hold a resource, the first first.
func (tx *Tx) Holders(ctx context.Context, resource string) ([]TurnPlace, error) {
	return tx.turnPlaces(ctx, `t.resource = $1 AND t.held = $2 ORDER BY t.since, t.asked`, resource, true)
}

// Before lists the stages that wait for a resource and asked before a number; all when it is 0.
func (tx *Tx) Before(ctx context.Context, resource string, asked int64) ([]TurnPlace, error) {
	return tx.turnPlaces(ctx, `t.resource = $1 AND t.held = $2 AND ($3 = 0 OR t.asked < $3) ORDER BY t.asked`, resource, false, asked)
}

// LockTurns lists everything that is held and waited for of resources of a kind, such as "lock ", by resource: holders first, then
// those who wait in the order of their turns.
func (tx *Tx) LockTurns(ctx context.Context, kind string) ([]TurnPlace, error) {
	return tx.turnPlaces(ctx, `substr(t.resource, 1, $1) = $2 ORDER BY t.resource, t.held DESC, t.asked`, len(kind), kind)
}

func (tx *Tx) turnPlaces(ctx context.Context, where string, args ...any) ([]TurnPlace, error) {
	rows, err := tx.Query(ctx, `SELECT `+turnColumns+`, r.pipeline, p.group_name, r.number, r.stages
FROM turns t JOIN runs r ON r.id = t.run_id JOIN pipelines p ON p.name = r.pipeline WHERE `+where, args...)
	return Collect(rows, err, func(row Row) (p TurnPlace, err error) {
		var stages []byte
		if err := row.Scan(&p.Run, &p.Stage, &p.Resource, &p.Held, &p.Asked, ScanTime(&p.Since), &p.Pipeline, &p.Group, &p.Number, &stages); err != nil {
			return p, err
		}
		var list []struct{ Name string }
		if err := json.Unmarshal(stages, &list); err != nil {
			return p, err
		}
		if p.Stage < len(list) {
			p.Name = list[p.Stage].Name
		}
		return p, nil
	})
}

// WaitingTurns lists stages that wait, in the order in which they asked, after a number.
func (tx *Tx) WaitingTurns(ctx context.Context, after int64, limit int) ([]Turn, error) {
	const q = `SELECT ` + turnColumns + ` FROM turns t WHERE t.asked > $1 AND t.held = $2 ORDER BY t.asked, t.run_id, t.stage LIMIT $3`
	rows, err := tx.Query(ctx, q, after, false, limit)
	return Collect(rows, err, scanTurn)
}

// AllTurns lists everything that is held and waited for.
func (tx *Tx) AllTurns(ctx context.Context) ([]Turn, error) {
	rows, err := tx.Query(ctx, `SELECT `+turnColumns+` FROM turns t ORDER BY t.asked, t.run_id, t.stage, t.resource`)
	return Collect(rows, err, scanTurn)
}

// TargetRules returns what bounds deploying stages on a target; nothing when nobody said anything.
func (tx *Tx) TargetRules(ctx context.Context, target string) (l fairlead.TargetLimits, windows []fairlead.Window, err error) {
	var text []byte
	err = tx.QueryRow(ctx, `SELECT stages, windows FROM target_rules WHERE target = $1`, target).Scan(&l.Stages, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return l, nil, nil
	}
	if err != nil {
		return l, nil, err
	}
	return l, windows, json.Unmarshal(text, &windows)
}

// SetTargetRules stores what bounds deploying stages on a target.
func (tx *Tx) SetTargetRules(ctx context.Context, target string, l fairlead.TargetLimits, windows []fairlead.Window) error {
	tx.Changed()
	if l.Stages == 0 && len(windows) == 0 {
		_, err := tx.Exec(ctx, `DELETE FROM target_rules WHERE target = $1`, target)
		return err
	}
	text, err := json.Marshal(windows)
	if err != nil {
		return err
	}
	const q = `INSERT INTO target_rules (target, stages, windows) VALUES ($1, $2, $3)
ON CONFLICT (target) DO UPDATE SET stages = excluded.stages, windows = excluded.windows`
	_, err = tx.Exec(ctx, q, target, l.Stages, string(text))
	return err
}

const freezeColumns = `id, scope, name, from_at, until_at, reason, created_by, created_at, lifted_at, lifted_by`

func scanFreeze(row Row) (f fairlead.Freeze, err error) {
	return f, row.Scan(&f.ID, &f.Scope, &f.Name, ScanTime(&f.From), ScanTime(&f.Until), &f.Reason, &f.By, ScanTime(&f.CreatedAt), ScanNullTime(&f.LiftedAt), &f.LiftedBy)
}

// CreateFreeze stores a freeze. CreatedAt is set here.
func (tx *Tx) CreateFreeze(ctx context.Context, f *fairlead.Freeze) error {
	f.CreatedAt = tx.Now
	tx.Changed()
	const q = `INSERT INTO freezes (` + freezeColumns + `, open) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, '', $9)`
	_, err := tx.Exec(ctx, q, f.ID, string(f.Scope), f.Name, Time(f.From), Time(f.Until), f.Reason, f.By, Time(f.CreatedAt), true)
	return err
}

// seenFreeze is the condition that the viewer $v may know of freeze f: one of a group or a pipeline that he does not see tells its
// name. What has the name since is not what was frozen.
const seenFreeze = `($v = '*' OR f.scope IN ('all', 'target')
OR f.scope = 'group' AND EXISTS (SELECT 1 FROM pipeline_groups g JOIN group_roles v ON v.group_name = g.name
  WHERE g.name = f.name AND g.created_at <= f.created_at AND v.user_name = $v)
OR f.scope = 'pipeline' AND EXISTS (SELECT 1 FROM pipelines p JOIN group_roles v ON v.group_name = p.group_name
  WHERE p.name = f.name AND p.created_at <= f.created_at AND v.user_name = $v))`

const noFreeze = "freeze %q does not exist; see: fairlead freeze list"

// NoFreeze is the answer about a freeze that does not exist, or that somebody may not see.
func NoFreeze(id string) error { return fairlead.Errorf(fairlead.NotFound, noFreeze, id) }

// Freeze returns one freeze that the viewer sees.
func (tx *Tx) Freeze(ctx context.Context, v Viewer, id string) (fairlead.Freeze, error) {
	q := `SELECT ` + freezeColumns + ` FROM freezes f WHERE f.id = $1 AND ` + strings.ReplaceAll(seenFreeze, "$v", "$2")
	f, err := scanFreeze(tx.QueryRow(ctx, q, id, string(v)))
	return f, NotFound(err, noFreeze, id)
}

// OpenFreezes lists the freezes that go on or will come.
func (tx *Tx) OpenFreezes(ctx context.Context) ([]fairlead.Freeze, error) {
	rows, err := tx.Query(ctx, `SELECT `+freezeColumns+` FROM freezes WHERE open AND until_at > $1 ORDER BY from_at, id`, Time(tx.Now))
	return Collect(rows, err, scanFreeze)
}

// Freezes lists the freezes that the viewer sees, newest first: those that go on or will come, or with past all. cursor is the last
// id of the page before.
func (tx *Tx) Freezes(ctx context.Context, v Viewer, past bool, limit int, cursor string) ([]fairlead.Freeze, string, error) {
	q := `SELECT ` + freezeColumns + ` FROM freezes f WHERE ($1 OR (open AND until_at > $2)) AND ($3 = '' OR id < $3)
AND ` + strings.ReplaceAll(seenFreeze, "$v", "$5") + ` ORDER BY id DESC LIMIT $4`
	rows, err := tx.Query(ctx, q, past, Time(tx.Now), cursor, limit+1, string(v))
	list, err := Collect(rows, err, scanFreeze)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(f fairlead.Freeze) string { return f.ID })
	return list, next, nil
}

// EndFreeze notes that a freeze is over: by is who lifted it, "" when its time has come. It reports whether it was open.
func (tx *Tx) EndFreeze(ctx context.Context, id, by string) (was bool, err error) {
	var lifted *time.Time
	if by != "" {
		lifted = &tx.Now
	}
	tx.Changed()
	res, err := tx.Exec(ctx, `UPDATE freezes SET open = $1, lifted_at = $2, lifted_by = $3 WHERE id = $4 AND open`, false, NullTime(lifted), by, id)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// LockName is the name of a lock as a resource has it; ok is false for another resource.
func LockName(resource string) (name string, ok bool) { return strings.CutPrefix(resource, "lock ") }
