package stack

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// refreshTime bounds a look at the health of a whole stack.
const refreshTime = 10 * time.Second

// Refresh looks at the health of a settled stack on its target, stores what changed and returns the stack. While an action
// is in flight, that action looks after the health, and Refresh only returns what is stored.
func (e *Engine) Refresh(ctx context.Context, name string) (fairlead.Stack, error) {
	var s fairlead.Stack
	var records []fairlead.Record
	var want, inside store.StackWant
	var target fairlead.Target
	var targetErr error
	err := e.db.Read(ctx, func(tx *store.Tx) (err error) {
		if s, err = tx.Stack(ctx, name); err != nil || s.Action != "" {
			return err
		}
		if want, err = tx.StackWant(ctx, s.ID); err != nil {
			return err
		}
		target, targetErr = tx.Target(ctx, s.Target)
		if records, err = tx.Records(ctx, s.ID); err != nil {
			return err
		}
		inside, err = e.nestedWant(ctx, tx, records)
		return err
	})
	if err != nil || s.Action != "" || len(records) == 0 {
		return s, err
	}
	changed := e.lookAt(ctx, e.providerOr(ctx, target, targetErr), records, mask(want, inside))
	health, reason := healthOf(byElement(records))
	if s.Status != fairlead.StackRunning {
		reason = s.Reason // why the action failed says more
	}
	if len(changed) == 0 && health == s.Health && reason == s.Reason {
		return s, nil
	}
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.StackByID(ctx, s.ID)
		if err != nil || now.Revision != s.Revision {
			s = now
			return err // an action came in between: it knows better
		}
		for _, r := range changed {
			if err := tx.SetRecordHealth(ctx, r); err != nil {
				return err
			}
		}
		s.Health, s.Reason = health, reason
		return tx.SetStackHealth(ctx, s.ID, health, reason)
	})
	return s, err
}

// lookAt updates the health of records and returns those that changed.
func (e *Engine) lookAt(ctx context.Context, provider Provider, records []fairlead.Record, mask fairlead.Mask) (changed []fairlead.Record) {
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	before := make([]fairlead.Record, len(records))
	copy(before, records)
	each(len(records), e.parallel, func(i int) {
		r := &records[i]
		if r.State != fairlead.RecordMade {
			return
		}
		h, err := provider.Health(ctx, *r)
		if err != nil {
			h = fairlead.Health{State: fairlead.HealthUnknown, Reason: e.shown(err, mask, r.Stack, r.Element)}
		}
		r.Health, r.Reason = h.State, mask.String(h.Reason)
		if h.Attributes != nil {
			r.Attributes = h.Attributes
		}
	})
	for i, r := range records {
		if r.Health != before[i].Health || r.Reason != before[i].Reason || !same(r.Attributes, before[i].Attributes) {
			changed = append(changed, r)
		}
	}
	return changed
}
