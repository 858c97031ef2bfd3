package store

import (
	"context"
	"encoding/json"

	"github.com/fairlead/fairlead"
)

// StackWant is what a stack shall be: a template version with inputs. It holds secrets and is sealed at rest.
type StackWant struct {
	Template string `json:"template"`
	Version  string `json:"version"`
	// Given are the inputs as the user gave them, Inputs the effective ones with the template's defaults.
	Given  map[string]any `json:"given"`
	Inputs map[string]any `json:"inputs"`
	// Secrets are the values that must never be shown.
	Secrets []string `json:"secrets,omitempty"`
}

// Mask hides the secrets of the inputs.
func (w StackWant) Mask() fairlead.Mask { return fairlead.NewMask(w.Secrets...) }

const stackColumns = `id, name, target, namespace, template, version, inputs, outputs, status, health, reason, revision, action,
description, created_at, updated_at, created_by, parent`

// CreateStack stores a stack. A taken name is a Conflict. CreatedAt, UpdatedAt and Revision are set here.
func (tx *Tx) CreateStack(ctx context.Context, s *fairlead.Stack, want StackWant) error {
	s.CreatedAt, s.UpdatedAt, s.Revision = tx.Now, tx.Now, 1
	sealed, err := tx.sealJSON(want)
	if err != nil {
		return err
	}
	inputs, outputs, err := stackJSON(s)
	if err != nil {
		return err
	}
	const q = `INSERT INTO stacks (` + stackColumns + `, want)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) ON CONFLICT (name) DO NOTHING`
	res, err := tx.Exec(ctx, q, s.ID, s.Name, s.Target, s.Namespace, s.Template, s.Version, inputs, outputs, string(s.Status),
		string(s.Health), s.Reason, s.Revision, s.Action, s.Description, Time(s.CreatedAt), Time(s.UpdatedAt), s.CreatedBy, s.Parent, sealed)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fairlead.Errorf(fairlead.Conflict, "stack %q exists already", s.Name)
}

// UpdateStack stores what can change of a stack and counts its revision up. want nil leaves the wanted state as it is.
func (tx *Tx) UpdateStack(ctx context.Context, s *fairlead.Stack, want *StackWant) error {
	s.UpdatedAt = tx.Now
	s.Revision++
	inputs, outputs, err := stackJSON(s)
	if err != nil {
		return err
	}
	const q = `UPDATE stacks SET template = $1, version = $2, inputs = $3, outputs = $4, status = $5, health = $6, reason = $7,
revision = $8, action = $9, description = $10, updated_at = $11 WHERE id = $12`
	if _, err := tx.Exec(ctx, q, s.Template, s.Version, inputs, outputs, string(s.Status), string(s.Health), s.Reason,
		s.Revision, s.Action, s.Description, Time(s.UpdatedAt), s.ID); err != nil || want == nil {
		return err
	}
	sealed, err := tx.sealJSON(want)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE stacks SET want = $1 WHERE id = $2`, sealed, s.ID)
	return err
}

// SetStackHealth stores the health of a stack, which is no change of the stack itself: the revision stays.
func (tx *Tx) SetStackHealth(ctx context.Context, id string, health fairlead.HealthState, reason string) error {
	tx.Changed()
	_, err := tx.Exec(ctx, `UPDATE stacks SET health = $1, reason = $2 WHERE id = $3`, string(health), reason, id)
	return err
}

// DeleteStack removes a stack with its records and good states. Its actions and events stay. Nested stacks that it left behind
// stand on their own from then on.
func (tx *Tx) DeleteStack(ctx context.Context, id string) error {
	const free = `UPDATE stacks SET parent = '' WHERE parent <> '' AND parent = (SELECT name FROM stacks WHERE id = $1)`
	if _, err := tx.Exec(ctx, free, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM stacks WHERE id = $1`, id)
	return err
}

// Stack returns one stack by name.
func (tx *Tx) Stack(ctx context.Context, name string) (fairlead.Stack, error) {
	s, err := scanStack(tx.QueryRow(ctx, `SELECT `+stackColumns+` FROM stacks WHERE name = $1`, name))
	return s, NotFound(err, "stack %q does not exist; see: fairlead stack list", name)
}

// StackByID returns one stack by its id, which tells two stacks apart that had the same name one after the other.
func (tx *Tx) StackByID(ctx context.Context, id string) (fairlead.Stack, error) {
	s, err := scanStack(tx.QueryRow(ctx, `SELECT `+stackColumns+` FROM stacks WHERE id = $1`, id))
	return s, NotFound(err, "stack with id %s does not exist", id)
}

// StackWant returns what a stack shall be, with its true inputs.
func (tx *Tx) StackWant(ctx context.Context, id string) (w StackWant, err error) {
	var sealed []byte
	if err := tx.QueryRow(ctx, `SELECT want FROM stacks WHERE id = $1`, id).Scan(&sealed); err != nil {
		return w, NotFound(err, "stack with id %s does not exist", id)
	}
	return w, tx.unsealWant(sealed, &w)
}

// Stacks lists stacks by name. cursor is the last name of the page before.
func (tx *Tx) Stacks(ctx context.Context, limit int, cursor string) ([]fairlead.Stack, string, error) {
	rows, err := tx.Query(ctx, `SELECT `+stackColumns+` FROM stacks WHERE name > $1 ORDER BY name LIMIT $2`, cursor, limit+1)
	list, err := Collect(rows, err, scanStack)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(s fairlead.Stack) string { return s.Name })
	return list, next, nil
}

// NestedStacks lists the stacks that are elements of a stack, by name.
func (tx *Tx) NestedStacks(ctx context.Context, parent string) ([]fairlead.Stack, error) {
	rows, err := tx.Query(ctx, `SELECT `+stackColumns+` FROM stacks WHERE parent <> '' AND parent = $1 ORDER BY name`, parent)
	return Collect(rows, err, scanStack)
}

// StacksUsing lists the names of the stacks that need a template version: now, or to roll back to.
func (tx *Tx) StacksUsing(ctx context.Context, template, version string) ([]string, error) {
	const q = `SELECT s.name FROM stacks s WHERE (s.template = $1 AND s.version = $2)
OR EXISTS (SELECT 1 FROM stack_states t WHERE t.stack_id = s.id AND t.template = $1 AND t.version = $2) ORDER BY s.name`
	rows, err := tx.Query(ctx, q, template, version)
	return Collect(rows, err, func(row Row) (name string, err error) { return name, row.Scan(&name) })
}

// StacksOn lists the names of the stacks on a target.
func (tx *Tx) StacksOn(ctx context.Context, target string) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT name FROM stacks WHERE target = $1 ORDER BY name`, target)
	return Collect(rows, err, func(row Row) (name string, err error) { return name, row.Scan(&name) })
}

func scanStack(row Row) (s fairlead.Stack, err error) {
	var inputs, outputs []byte
	if err := row.Scan(&s.ID, &s.Name, &s.Target, &s.Namespace, &s.Template, &s.Version, &inputs, &outputs, &s.Status, &s.Health,
		&s.Reason, &s.Revision, &s.Action, &s.Description, ScanTime(&s.CreatedAt), ScanTime(&s.UpdatedAt), &s.CreatedBy, &s.Parent); err != nil {
		return s, err
	}
	if err := decodeJSON(inputs, &s.Inputs); err != nil {
		return s, err
	}
	err = decodeJSON(outputs, &s.Outputs)
	for i := range s.Outputs {
		s.Outputs[i].Value = plainNumbers(s.Outputs[i].Value)
	}
	plainNumbers(s.Inputs)
	return s, err
}

func stackJSON(s *fairlead.Stack) (inputs, outputs string, err error) {
	if s.Inputs == nil {
		s.Inputs = map[string]any{}
	}
	if s.Outputs == nil {
		s.Outputs = []fairlead.Output{}
	}
	in, err := json.Marshal(s.Inputs)
	if err != nil {
		return "", "", err
	}
	out, err := json.Marshal(s.Outputs)
	return string(in), string(out), err
}

// StackState is a good state of a stack: an action ended well with it.
type StackState struct {
	N    int64
	Want StackWant
}

// keptStates bounds the good states of a stack.
const keptStates = 50

// AddStackState stores a new good state and forgets the oldest ones.
func (tx *Tx) AddStackState(ctx context.Context, stackID string, want StackWant) error {
	sealed, err := tx.sealJSON(want)
	if err != nil {
		return err
	}
	var last int64
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(n), 0) FROM stack_states WHERE stack_id = $1`, stackID).Scan(&last); err != nil {
		return err
	}
	const q = `INSERT INTO stack_states (stack_id, n, template, version, want, created_at) VALUES ($1, $2, $3, $4, $5, $6)`
	if _, err := tx.Exec(ctx, q, stackID, last+1, want.Template, want.Version, sealed, Time(tx.Now)); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM stack_states WHERE stack_id = $1 AND n <= $2`, stackID, last+1-keptStates)
	return err
}

// DropStackStates forgets the good states after n.
func (tx *Tx) DropStackStates(ctx context.Context, stackID string, n int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM stack_states WHERE stack_id = $1 AND n > $2`, stackID, n)
	return err
}

// StackStates lists the newest good states of a stack, newest first.
func (tx *Tx) StackStates(ctx context.Context, stackID string, limit int) ([]StackState, error) {
	const q = `SELECT n, want FROM stack_states WHERE stack_id = $1 ORDER BY n DESC LIMIT $2`
	rows, err := tx.Query(ctx, q, stackID, limit)
	return Collect(rows, err, func(row Row) (s StackState, err error) {
		var sealed []byte
		if err := row.Scan(&s.N, &sealed); err != nil {
			return s, err
		}
		return s, tx.unsealWant(sealed, &s.Want)
	})
}
