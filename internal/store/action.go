package store

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/fairlead/fairlead"
)

// StackAction is an action with what its worker needs to know and nobody else.
type StackAction struct {
	fairlead.Action
	// Want is what the stack shall be when the action succeeds; empty for a deletion.
	Want StackWant
	// Forced lets a deletion forget what cannot be reached.
	Forced bool
	// Slice numbers the jobs of the action; a job with another number is left over and has nothing to do.
	Slice int64
	// CauseState is how the action will end when its rollback is through; empty while all is well.
	CauseState fairlead.ActionState
	// RollbackFrom is the index of the first operation of the rollback, 0 before that is planned.
	RollbackFrom int
	// RollbackAt is when the rollback began; the timeout counts anew from then.
	RollbackAt *time.Time
	// Restores is the number of the good state that the action goes back to; 0 when it makes a new one.
	Restores int64
	// Then is the job that is enqueued when the action ends.
	Then *StackJob
	// Attempt is which attempt at the current slice works it, when it is not the first.
	Attempt int64
	// Cause is the action of the parent stack that began this one; empty for a stack that stands on its own.
	Cause string
}

// StackJob is a job of any kind.
type StackJob struct {
	Kind string
	Args json.RawMessage
}

// StackOperation is the part of an operation that changes while it runs.
type StackOperation struct {
	N         int
	Verb      fairlead.OperationVerb
	Reason    string
	State     fairlead.OperationState
	Message   string
	StartedAt *time.Time
	EndedAt   *time.Time
	// UnavailableSince is since when the target has not answered.
	UnavailableSince *time.Time
	// Change is what the provider was or will be told to do; nil before it is known and after the operation ended.
	Change *fairlead.Change
}

const actionColumns = `id, stack_id, stack, verb, state, on_failure, template, version, message, rolling_back, canceling, timeout,
created_at, started_at, ended_at, created_by, adopt, comment, run`

// CreateAction stores an action. CreatedAt and Slice are set here.
func (tx *Tx) CreateAction(ctx context.Context, a *StackAction) error {
	a.CreatedAt, a.Slice = tx.Now, 1
	want, err := tx.sealJSON(a.Want)
	if err != nil {
		return err
	}
	plan, err := json.Marshal(a.Plan)
	if err != nil {
		return err
	}
	adopt, err := json.Marshal(append([]string{}, a.Adopt...))
	if err != nil {
		return err
	}
	var then StackJob
	if a.Then != nil {
		then = *a.Then
	}
	const q = `INSERT INTO stack_actions (` + actionColumns + `, plan, want, forced, slice, cause_state, rollback_from, restores,
then_kind, then_args, cause) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
$22, $23, $24, $25, $26, $27, $28, $29)`
	_, err = tx.Exec(ctx, q, a.ID, a.StackID, a.Stack, string(a.Verb), string(a.State), string(a.OnFailure), a.Template, a.Version,
		a.Message, a.RollingBack, a.Canceling, int64(a.Timeout), Time(a.CreatedAt), NullTime(a.StartedAt), NullTime(a.EndedAt), a.By,
		string(adopt), a.Comment, a.Run, string(plan), want, a.Forced, a.Slice, string(a.CauseState), a.RollbackFrom, a.Restores, then.Kind, string(then.Args), a.Cause)
	return err
}

// UpdateAction stores what changes of an action while it runs, except its plan.
func (tx *Tx) UpdateAction(ctx context.Context, a *StackAction) error {
	tx.Changed()
	const q = `UPDATE stack_actions SET state = $1, message = $2, rolling_back = $3, canceling = $4, started_at = $5, ended_at = $6,
slice = $7, cause_state = $8, rollback_from = $9, rollback_at = $10, attempt = $11 WHERE id = $12`
	_, err := tx.Exec(ctx, q, string(a.State), a.Message, a.RollingBack, a.Canceling, NullTime(a.StartedAt), NullTime(a.EndedAt),
		a.Slice, string(a.CauseState), a.RollbackFrom, NullTime(a.RollbackAt), a.Attempt, a.ID)
	return err
}

// SetActionPlan stores the plan again, when a rollback has added its operations.
func (tx *Tx) SetActionPlan(ctx context.Context, id string, plan fairlead.Plan) error {
	b, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE stack_actions SET plan = $1 WHERE id = $2`, string(b), id)
	return err
}

// SetActionCanceling asks the worker of an action to stop between elements.
func (tx *Tx) SetActionCanceling(ctx context.Context, id string) error {
	tx.Changed()
	_, err := tx.Exec(ctx, `UPDATE stack_actions SET canceling = $1 WHERE id = $2`, true, id)
	return err
}

// Action returns one action with its plan and the states of the operations.
func (tx *Tx) Action(ctx context.Context, id string) (fairlead.Action, error) {
	a, err := scanAction(tx.QueryRow(ctx, `SELECT `+actionColumns+` FROM stack_actions WHERE id = $1`, id))
	if err != nil {
		return a, NotFound(err, "action %q does not exist", id)
	}
	var plan []byte
	if err := tx.QueryRow(ctx, `SELECT plan FROM stack_actions WHERE id = $1`, id).Scan(&plan); err != nil {
		return a, err
	}
	if err := json.Unmarshal(plan, &a.Plan); err != nil {
		return a, err
	}
	ops, err := tx.operations(ctx, id, false)
	if err != nil {
		return a, err
	}
	for _, row := range ops {
		op := &a.Plan.Operations[row.N]
		op.Verb, op.Reason, op.State, op.Message, op.StartedAt, op.EndedAt = row.Verb, row.Reason, row.State, row.Message, row.StartedAt, row.EndedAt
	}
	a.WaitingFor = a.Waits()
	return a, nil
}

// ActionState returns the state of an action alone, which is cheap.
func (tx *Tx) ActionState(ctx context.Context, id string) (s fairlead.ActionState, err error) {
	err = tx.QueryRow(ctx, `SELECT state FROM stack_actions WHERE id = $1`, id).Scan(&s)
	return s, NotFound(err, "action %q does not exist", id)
}

// ActionSlice returns the number of the current slice and whether somebody asked to cancel.
func (tx *Tx) ActionSlice(ctx context.Context, id string) (slice int64, canceling bool, err error) {
	err = tx.QueryRow(ctx, `SELECT slice, canceling FROM stack_actions WHERE id = $1`, id).Scan(&slice, &canceling)
	return slice, canceling, NotFound(err, "action %q does not exist", id)
}

// ActionWorker returns the number of the current slice with the attempt that works it, and whether somebody asked to cancel.
func (tx *Tx) ActionWorker(ctx context.Context, id string) (slice, attempt int64, canceling bool, err error) {
	err = tx.QueryRow(ctx, `SELECT slice, attempt, canceling FROM stack_actions WHERE id = $1`, id).Scan(&slice, &attempt, &canceling)
	return slice, attempt, canceling, NotFound(err, "action %q does not exist", id)
}

// StackAction returns one action as its worker needs it.
func (tx *Tx) StackAction(ctx context.Context, id string) (a StackAction, err error) {
	if a.Action, err = tx.Action(ctx, id); err != nil {
		return a, err
	}
	const q = `SELECT want, forced, slice, cause_state, rollback_from, rollback_at, restores, then_kind, then_args, cause, attempt
FROM stack_actions WHERE id = $1`
	var want []byte
	var kind, args string
	if err := tx.QueryRow(ctx, q, id).Scan(&want, &a.Forced, &a.Slice, &a.CauseState, &a.RollbackFrom, ScanNullTime(&a.RollbackAt),
		&a.Restores, &kind, &args, &a.Cause, &a.Attempt); err != nil {
		return a, err
	}
	if kind != "" {
		a.Then = &StackJob{Kind: kind, Args: json.RawMessage(args)}
	}
	return a, tx.unsealWant(want, &a.Want)
}

// Actions lists the actions of the stacks that have or had a name, newest first and without their plans. cursor is the last id
// of the page before.
func (tx *Tx) Actions(ctx context.Context, stack string, limit int, cursor string) ([]fairlead.Action, string, error) {
	const q = `SELECT ` + actionColumns + ` FROM stack_actions WHERE stack = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	rows, err := tx.Query(ctx, q, stack, cmp.Or(cursor, afterAllIDs), limit+1)
	list, err := Collect(rows, err, scanAction)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(a fairlead.Action) string { return a.ID })
	return list, next, nil
}

// LastAction returns the id of the newest action of a stack.
func (tx *Tx) LastAction(ctx context.Context, stackID string) (id string, err error) {
	err = tx.QueryRow(ctx, `SELECT id FROM stack_actions WHERE stack_id = $1 ORDER BY id DESC LIMIT 1`, stackID).Scan(&id)
	return id, NotFound(err, "stack with id %s has no action", stackID)
}

// OpenActions lists the ids of the actions that did not end.
func (tx *Tx) OpenActions(ctx context.Context) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM stack_actions WHERE ended_at IS NULL ORDER BY id`)
	return Collect(rows, err, func(row Row) (id string, err error) { return id, row.Scan(&id) })
}

func scanAction(row Row) (a fairlead.Action, err error) {
	var timeout int64
	var adopt []byte
	if err := row.Scan(&a.ID, &a.StackID, &a.Stack, &a.Verb, &a.State, &a.OnFailure, &a.Template, &a.Version, &a.Message, &a.RollingBack,
		&a.Canceling, &timeout, ScanTime(&a.CreatedAt), ScanNullTime(&a.StartedAt), ScanNullTime(&a.EndedAt), &a.By, &adopt, &a.Comment,
		&a.Run); err != nil {
		return a, err
	}
	a.Timeout = fairlead.Duration(timeout)
	return a, json.Unmarshal(adopt, &a.Adopt)
}

// PutOperation stores an operation with its change, new or again.
func (tx *Tx) PutOperation(ctx context.Context, action string, op StackOperation) error {
	change, err := tx.sealChange(op.Change)
	if err != nil {
		return err
	}
	const q = `INSERT INTO stack_operations (action_id, n, verb, reason, state, message, started_at, ended_at, unavailable_since, change)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (action_id, n) DO UPDATE SET verb = excluded.verb,
reason = excluded.reason, state = excluded.state, message = excluded.message, started_at = excluded.started_at,
ended_at = excluded.ended_at, unavailable_since = excluded.unavailable_since, change = excluded.change`
	_, err = tx.Exec(ctx, q, action, op.N, string(op.Verb), op.Reason, string(op.State), op.Message, NullTime(op.StartedAt),
		NullTime(op.EndedAt), NullTime(op.UnavailableSince), change)
	return err
}

// MoveOperation stores the state of an operation and keeps its change until the operation ended.
func (tx *Tx) MoveOperation(ctx context.Context, action string, op StackOperation) error {
	const q = `INSERT INTO stack_operations (action_id, n, verb, reason, state, message, started_at, ended_at, unavailable_since, change)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL) ON CONFLICT (action_id, n) DO UPDATE SET state = excluded.state,
message = excluded.message, started_at = excluded.started_at, ended_at = excluded.ended_at,
unavailable_since = excluded.unavailable_since,
change = CASE WHEN excluded.ended_at IS NULL THEN stack_operations.change ELSE NULL END`
	_, err := tx.Exec(ctx, q, action, op.N, string(op.Verb), op.Reason, string(op.State), op.Message, NullTime(op.StartedAt),
		NullTime(op.EndedAt), NullTime(op.UnavailableSince))
	return err
}

// Operations lists what is stored of an action's operations, in order.
func (tx *Tx) Operations(ctx context.Context, action string) ([]StackOperation, error) {
	return tx.operations(ctx, action, true)
}

func (tx *Tx) operations(ctx context.Context, action string, changes bool) ([]StackOperation, error) {
	column := "NULL"
	if changes {
		column = "change"
	}
	rows, err := tx.Query(ctx, `SELECT n, verb, reason, state, message, started_at, ended_at, unavailable_since, `+column+`
FROM stack_operations WHERE action_id = $1 ORDER BY n`, action)
	return Collect(rows, err, func(row Row) (op StackOperation, err error) {
		var change []byte
		if err := row.Scan(&op.N, &op.Verb, &op.Reason, &op.State, &op.Message, ScanNullTime(&op.StartedAt), ScanNullTime(&op.EndedAt),
			ScanNullTime(&op.UnavailableSince), &change); err != nil {
			return op, err
		}
		op.Change, err = tx.unsealChange(change)
		return op, err
	})
}
