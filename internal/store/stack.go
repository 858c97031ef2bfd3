package store

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

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
description, created_at, updated_at, created_by, parent, labels, protected`

// CreateStack stores a stack. A taken name is a Conflict. CreatedAt, UpdatedAt and Revision are set here.
func (tx *Tx) CreateStack(ctx context.Context, s *fairlead.Stack, want StackWant) error {
	s.CreatedAt, s.UpdatedAt, s.Revision = tx.Now, tx.Now, 1
	sealed, err := tx.sealJSON(want)
	if err != nil {
		return err
	}
	text, err := stackJSON(s)
	if err != nil {
		return err
	}
	const q = `INSERT INTO stacks (` + stackColumns + `, want)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) ON CONFLICT (name) DO NOTHING`
	res, err := tx.Exec(ctx, q, s.ID, s.Name, s.Target, s.Namespace, s.Template, s.Version, text.inputs, text.outputs, string(s.Status),
		string(s.Health), s.Reason, s.Revision, s.Action, s.Description, Time(s.CreatedAt), Time(s.UpdatedAt), s.CreatedBy, s.Parent,
		text.labels, s.Protected, sealed)
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
	text, err := stackJSON(s)
	if err != nil {
		return err
	}
	const q = `UPDATE stacks SET template = $1, version = $2, inputs = $3, outputs = $4, status = $5, health = $6, reason = $7,
revision = $8, action = $9, description = $10, updated_at = $11, labels = $12, protected = $13 WHERE id = $14`
	if _, err := tx.Exec(ctx, q, s.Template, s.Version, text.inputs, text.outputs, string(s.Status), string(s.Health), s.Reason,
		s.Revision, s.Action, s.Description, Time(s.UpdatedAt), text.labels, s.Protected, s.ID); err != nil || want == nil {
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

// StackFilter selects stacks. Empty fields select everything.
type StackFilter struct {
	// Search is a part of the name.
	Search   string
	Status   fairlead.StackStatus
	Target   string
	Template string
	// Labels that a stack must have; an empty value stands for any.
	Labels map[string]string
}

// where is the condition of a filter on the stacks after a name, and its arguments.
func (f StackFilter) where(after string) (string, []any) {
	conditions, args := []string{"name > $1"}, []any{after}
	and := func(condition string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, condition+" $"+strconv.Itoa(len(args)))
	}
	like := func(column, text string) {
		and(column+" LIKE", "%"+strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)+"%")
		conditions[len(conditions)-1] += ` ESCAPE '\'`
	}
	for _, c := range [][2]string{{"status", string(f.Status)}, {"target", f.Target}, {"template", f.Template}} {
		if c[1] != "" {
			and(c[0]+" =", c[1])
		}
	}
	if f.Search != "" {
		like("name", f.Search)
	}
	for _, k := range slices.Sorted(maps.Keys(f.Labels)) { // as they stand in the JSON; neither keys nor values have quotes
		text := `"` + k + `":`
		if v := f.Labels[k]; v != "" {
			text += `"` + v + `"`
		}
		like("labels", text)
	}
	return strings.Join(conditions, " AND "), args
}

// Stacks lists stacks by name. cursor is the last name of the page before.
func (tx *Tx) Stacks(ctx context.Context, limit int, cursor string) ([]fairlead.Stack, string, error) {
	return tx.FindStacks(ctx, StackFilter{}, limit, cursor)
}

// FindStacks lists the stacks that a filter selects, by name. cursor is the last name of the page before.
func (tx *Tx) FindStacks(ctx context.Context, f StackFilter, limit int, cursor string) ([]fairlead.Stack, string, error) {
	where, args := f.where(cursor)
	args = append(args, limit+1)
	rows, err := tx.Query(ctx, `SELECT `+stackColumns+` FROM stacks WHERE `+where+` ORDER BY name LIMIT $`+strconv.Itoa(len(args)), args...)
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
	var inputs, outputs, labels []byte
	if err := row.Scan(&s.ID, &s.Name, &s.Target, &s.Namespace, &s.Template, &s.Version, &inputs, &outputs, &s.Status, &s.Health,
		&s.Reason, &s.Revision, &s.Action, &s.Description, ScanTime(&s.CreatedAt), ScanTime(&s.UpdatedAt), &s.CreatedBy, &s.Parent, &labels,
		&s.Protected); err != nil {
		return s, err
	}
	if err := json.Unmarshal(labels, &s.Labels); err != nil {
		return s, err
	}
	if len(s.Labels) == 0 {
		s.Labels = nil
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

// stackText are the columns of a stack that hold JSON.
type stackText struct{ inputs, outputs, labels string }

func stackJSON(s *fairlead.Stack) (t stackText, err error) {
	if s.Inputs == nil {
		s.Inputs = map[string]any{}
	}
	if s.Outputs == nil {
		s.Outputs = []fairlead.Output{}
	}
	labels := s.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	for into, v := range map[*string]any{&t.inputs: s.Inputs, &t.outputs: s.Outputs, &t.labels: labels} {
		b, err := json.Marshal(v)
		if err != nil {
			return t, err
		}
		*into = string(b)
	}
	return t, nil
}

// StackState is a good state of a stack: an action ended well with it.
type StackState struct {
	N    int64
	Want StackWant
	// Action reached it, begun by By at At.
	Action, By string
	At         time.Time
	// Restores is the earlier state that this one is a return to; 0 when it is a new one.
	Restores int64
}

// keptStates bounds the good states of a stack.
const keptStates = 50

// AddStackState stores a new good state and forgets the oldest ones. N and At are set here.
func (tx *Tx) AddStackState(ctx context.Context, stackID string, s StackState) error {
	sealed, err := tx.sealJSON(s.Want)
	if err != nil {
		return err
	}
	var last int64
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(n), 0) FROM stack_states WHERE stack_id = $1`, stackID).Scan(&last); err != nil {
		return err
	}
	const q = `INSERT INTO stack_states (stack_id, n, template, version, want, created_at, action, created_by, restores)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	if _, err := tx.Exec(ctx, q, stackID, last+1, s.Want.Template, s.Want.Version, sealed, Time(tx.Now), s.Action, s.By, s.Restores); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM stack_states WHERE stack_id = $1 AND n <= $2`, stackID, last+1-keptStates)
	return err
}

// StackStates lists the newest good states of a stack, newest first; all that are kept when limit is 0.
func (tx *Tx) StackStates(ctx context.Context, stackID string, limit int) ([]StackState, error) {
	if limit <= 0 {
		limit = keptStates
	}
	const q = `SELECT n, want, created_at, action, created_by, restores FROM stack_states WHERE stack_id = $1 ORDER BY n DESC LIMIT $2`
	rows, err := tx.Query(ctx, q, stackID, limit)
	return Collect(rows, err, func(row Row) (s StackState, err error) {
		var sealed []byte
		if err := row.Scan(&s.N, &sealed, ScanTime(&s.At), &s.Action, &s.By, &s.Restores); err != nil {
			return s, err
		}
		return s, tx.unsealWant(sealed, &s.Want)
	})
}
