package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
)

// Trace is the entry that a request leaves in the audit log. It travels in the context of the request and is stored with the
// first transaction that the request commits, so that there is no change without it. Who answers the request calls [DB.Settle]
// at its end. A trace belongs to one goroutine.
type Trace struct {
	fairlead.AuditEntry
	// Also are more entries of the same request, of other things that it changes. They are stored with the first unless the
	// request is refused; of what is empty they have what the first has.
	Also []fairlead.AuditEntry
	// Forget has the entry taken out again with the transaction that stores it: there is none, and that took as long.
	Forget bool
	stored bool
}

type traceKey struct{}

// WithTrace returns a context whose transactions store the trace.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf returns the trace of a request, nil when the system works by itself.
func TraceOf(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	return t
}

type addressKey struct{}

// WithAddress returns a context in which entries of the audit log come from an address.
func WithAddress(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// Audit tells the audit log what happens in this transaction. Within a request it says what the request's own entry does not
// say yet; otherwise it is an entry of its own.
func (tx *Tx) Audit(ctx context.Context, e fairlead.AuditEntry) error {
	t := TraceOf(ctx)
	if t == nil {
		return tx.insertAudit(ctx, e, nil)
	}
	for _, f := range []struct{ to, from *string }{
		{&t.Kind, &e.Kind}, {&t.Verb, &e.Verb}, {&t.Name, &e.Name}, {&t.Group, &e.Group}, {&t.Result, &e.Result},
	} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	if t.Detail != "" && e.Detail != "" {
		t.Detail += "; "
	}
	t.Detail += e.Detail
	return nil
}

// Settle stores the trace of a request that has ended without a transaction of its own. A refused request leaves its entry
// even when it changed nothing; of what was stored already the result is put right.
func (db *DB) Settle(ctx context.Context, t *Trace, refused bool) error {
	if refused {
		t.Result = fairlead.AuditRefused
	}
	if t.stored && !refused {
		return nil
	}
	if !t.stored {
		// whoever hangs up is in the log all the same
		return db.Write(WithTrace(context.WithoutCancel(ctx), t), func(*Tx) error { return nil })
	}
	return db.amend(ctx, t)
}

// SettleBroken ends the trace of a request that failed. One that changed something before that says so, with why; of what changed
// nothing there is no entry.
func (db *DB) SettleBroken(ctx context.Context, t *Trace, why string) error {
	if !t.stored {
		return nil
	}
	if t.Detail != "" {
		t.Detail += "; "
	}
	t.Detail += "not to its end: " + why
	t.Result = fairlead.AuditFailed
	return db.amend(ctx, t)
}

// amend puts right what is stored of a trace.
func (db *DB) amend(ctx context.Context, t *Trace) error {
	ctx = context.WithoutCancel(ctx)
	return db.Write(ctx, func(tx *Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE audit SET result = $1, detail = $2 WHERE time = $3 AND id = $4`, t.Result, clip(t.Detail), Time(t.Time), t.ID); err != nil {
			return err
		}
		return tx.tellAudit(ctx, t.Group)
	})
}

const maxAuditText = 1000

// clip bounds a text that somebody else chose.
func clip(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
	if len(s) > maxAuditText {
		return strings.ToValidUTF8(s[:maxAuditText], "") + "…"
	}
	return s
}

func (tx *Tx) insertTrace(ctx context.Context, t *Trace) error {
	if err := tx.insertAudit(ctx, t.AuditEntry, t); err != nil {
		return err
	}
	if err := tx.tellAudit(ctx, t.Group); err != nil {
		return err
	}
	if t.Forget {
		_, err := tx.Exec(ctx, `DELETE FROM audit WHERE time = $1 AND id = $2`, Time(t.Time), t.ID)
		return err
	}
	if t.Result == fairlead.AuditRefused {
		return nil
	}
	for _, e := range t.Also {
		e.User, e.Via, e.Operation = t.User, t.Via, t.Operation
		e.Kind, e.Verb, e.Name = cmp.Or(e.Kind, t.Kind), cmp.Or(e.Verb, t.Verb), cmp.Or(e.Name, t.Name)
		if err := tx.insertAudit(ctx, e, nil); err != nil {
			return err
		}
		if err := tx.tellAudit(ctx, e.Group); err != nil {
			return err
		}
	}
	return tx.tellTrace(ctx, t)
}

// plain are the kinds of things whose changes are told by an event that says no more than that they changed. The others have events
// of their own.
var plain = map[string]string{"channels": "channel", "groups": "group", "organizations": "organization", "targets": "target", "users": "user"}

// tellTrace appends the event of a request that changed something plain.
func (tx *Tx) tellTrace(ctx context.Context, t *Trace) error {
	kind, what := plain[t.Kind], "changed"
	if kind == "" {
		return nil
	}
	if t.Verb == "delete" {
		what = "deleted"
	}
	return tx.AppendEvent(ctx, fairlead.Event{Kind: kind, Name: t.Name, Type: kind + "-" + what, Message: fmt.Sprintf("%s %s %s by %s", kind, t.Name, what, t.User)})
}

// tellAudit tells that the audit log has something new of a group, or of no group. The last such event takes the place of the one
// before, for it is the log that keeps what happened. What the system does by itself has other events.
func (tx *Tx) tellAudit(ctx context.Context, group string) error {
	if err := tx.AppendEvent(ctx, fairlead.Event{Kind: "audit", Name: group, Type: "audit-entry"}); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM events WHERE kind = 'audit' AND name = $1 AND seq < (SELECT max(seq) FROM events WHERE kind = 'audit' AND name = $1)`, group)
	return err
}

// insertAudit stores an entry. The trace that it is of, if any, learns where it is.
func (tx *Tx) insertAudit(ctx context.Context, e fairlead.AuditEntry, t *Trace) error {
	if e.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		e.ID = id.String()
	}
	if e.Address == "" {
		e.Address, _ = ctx.Value(addressKey{}).(string)
	}
	if t != nil {
		t.ID, t.Time = e.ID, tx.Now
	}
	const q = `INSERT INTO audit (id, time, user_name, via, address, operation, verb, kind, name, group_name, result, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	_, err := tx.Exec(ctx, q, e.ID, Time(tx.Now), clip(e.User), e.Via, e.Address, e.Operation, e.Verb, e.Kind, clip(e.Name), e.Group,
		cmp.Or(e.Result, fairlead.AuditDone), clip(e.Detail))
	return err
}

// AuditFilter selects entries of the audit log. Empty fields select everything.
type AuditFilter struct {
	User, Kind, Name, Verb string
	Since, Until           time.Time // at or after, and before
}

// where gives the conditions of a filter and their arguments.
func (f AuditFilter) where() (conditions []string, args []any) {
	add := func(condition string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, fmt.Sprintf(condition, len(args)))
	}
	for _, c := range []struct{ condition, value string }{
		{"user_name = $%d", f.User}, {"kind = $%d", f.Kind}, {"name = $%d", f.Name}, {"verb = $%d", f.Verb},
	} {
		if c.value != "" {
			add(c.condition, c.value)
		}
	}
	if !f.Since.IsZero() {
		add("time >= $%d", Time(f.Since))
	}
	if !f.Until.IsZero() {
		add("time < $%d", Time(f.Until))
	}
	return conditions, args
}

// AuditLog lists entries, newest first: all of them to a viewer who sees everything, to others those of the pipeline groups that
// they manage. cursor is what the page before gave.
func (tx *Tx) AuditLog(ctx context.Context, v Viewer, f AuditFilter, limit int, cursor string) ([]fairlead.AuditEntry, string, error) {
	conditions, args := f.where()
	if cursor != "" {
		at, id, ok := strings.Cut(cursor, "_")
		if !ok {
			return nil, "", fairlead.Errorf(fairlead.Invalid, "cursor %q is not one that a list gave", cursor)
		}
		args = append(args, at, id)
		conditions = append(conditions, fmt.Sprintf("(time, id) < ($%d, $%d)", len(args)-1, len(args)))
	}
	var list []fairlead.AuditEntry
	if v == Everything {
		var err error
		if list, err = tx.auditPart(ctx, conditions, args, limit+1); err != nil {
			return nil, "", err
		}
	} else {
		roles, err := tx.RoleList(ctx, string(v))
		if err != nil {
			return nil, "", err
		}
		// One look for each group keeps each of them on an index, and there are few.
		for _, r := range roles {
			if !r.Role.Includes(fairlead.RoleManage) {
				continue
			}
			// What a deleted group of the same name did is not theirs.
			own := append(slices.Clone(conditions), strings.ReplaceAll("group_name = $g AND time >= (SELECT g.created_at FROM pipeline_groups g WHERE g.name = $g)",
				"$g", fmt.Sprintf("$%d", len(args)+1)))
			part, err := tx.auditPart(ctx, own, append(slices.Clone(args), r.Group), limit+1)
			if err != nil {
				return nil, "", err
			}
			list = append(list, part...)
		}
		slices.SortFunc(list, func(a, b fairlead.AuditEntry) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID)) })
	}
	list, next := Page(list, limit, func(e fairlead.AuditEntry) string { return Time(e.Time) + "_" + e.ID })
	return list, next, nil
}

func (tx *Tx) auditPart(ctx context.Context, conditions []string, args []any, limit int) ([]fairlead.AuditEntry, error) {
	q := `SELECT id, time, user_name, via, address, operation, verb, kind, name, group_name, result, detail FROM audit`
	if len(conditions) > 0 {
		q += ` WHERE ` + strings.Join(conditions, ` AND `)
	}
	q += fmt.Sprintf(` ORDER BY time DESC, id DESC LIMIT $%d`, len(args)+1)
	rows, err := tx.Query(ctx, q, append(args, limit)...)
	return Collect(rows, err, func(row Row) (e fairlead.AuditEntry, err error) {
		err = row.Scan(&e.ID, ScanTime(&e.Time), &e.User, &e.Via, &e.Address, &e.Operation, &e.Verb, &e.Kind, &e.Name, &e.Group, &e.Result, &e.Detail)
		return e, err
	})
}

// pruneBatch keeps each transaction that removes old entries short.
const pruneBatch = 5000

// PruneAudit removes entries from before a time.
func (db *DB) PruneAudit(ctx context.Context, before time.Time) error {
	const q = `DELETE FROM audit WHERE (time, id) IN (SELECT time, id FROM audit WHERE time < $1 ORDER BY time, id LIMIT $2)`
	for n := int64(pruneBatch); n == pruneBatch; {
		err := db.Write(ctx, func(tx *Tx) error {
			res, err := tx.Exec(ctx, q, Time(before), pruneBatch)
			if err == nil {
				n, err = res.RowsAffected()
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
