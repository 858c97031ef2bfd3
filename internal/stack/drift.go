package stack

import (
	"context"
	"fmt"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// Drift reads every resource of a settled stack from its target and says how it differs from what was last applied. It
// changes nothing. A stack with an action in flight is a Conflict: there is nothing yet to compare with.
func (e *Engine) Drift(ctx context.Context, name string) (fairlead.Drift, error) {
	d := fairlead.Drift{Stack: name, Elements: []fairlead.ElementDrift{}}
	var records []fairlead.Record
	var want, inside store.StackWant
	var target fairlead.Target
	err := e.db.Read(ctx, func(tx *store.Tx) error {
		s, err := tx.Stack(ctx, name)
		if err != nil {
			return err
		}
		if err := refuseBusy(ctx, tx, s); err != nil {
			return err
		}
		if want, err = tx.StackWant(ctx, s.ID); err != nil {
			return err
		}
		if records, err = tx.Records(ctx, s.ID); err != nil {
			return err
		}
		if inside, err = e.nestedWant(ctx, tx, records); err != nil {
			return err
		}
		target, err = tx.Target(ctx, s.Target)
		d.Target = s.Target
		return err
	})
	if err != nil {
		return d, err
	}
	provider, err := e.provider(ctx, target)
	if err != nil {
		return d, err
	}
	d.Elements = make([]fairlead.ElementDrift, len(records))
	failed := make([]error, len(records))
	mask := mask(want, inside)
	each(len(records), e.parallel, func(i int) {
		d.Elements[i], failed[i] = e.driftOf(ctx, provider, records[i], mask)
	})
	d.ReadAt = e.now().UTC()
	for i, el := range d.Elements {
		switch el.State {
		case fairlead.DriftChanged, fairlead.DriftMissing:
			d.Drifted = true
		case fairlead.DriftUnread:
			d.Unread++
			if err == nil {
				err = failed[i]
			}
		}
	}
	if len(records) > 0 && d.Unread == len(records) {
		return d, masked(err, mask) // nothing was read at all: there is no answer
	}
	return d, nil
}

func (e *Engine) driftOf(ctx context.Context, provider Provider, r fairlead.Record, mask fairlead.Mask) (fairlead.ElementDrift, error) {
	d := fairlead.ElementDrift{Element: r.Element, Type: r.Type, State: fairlead.DriftSame}
	if r.State == fairlead.RecordDeleting {
		d.State, d.Reason = fairlead.DriftChanged, "its deletion was begun and did not end"
		return d, nil
	}
	live, err := provider.Read(ctx, r)
	if err != nil {
		d.State, d.Reason = fairlead.DriftUnread, mask.String(e.shown(err, mask, r.Stack, r.Element))
		return d, err
	}
	d.Reason = mask.String(live.Reason)
	switch {
	case !live.Exists && r.State == fairlead.RecordPlanned:
		d.State, d.Reason = fairlead.DriftMissing, "it was never made: the last action ended before"
	case !live.Exists:
		d.State = fairlead.DriftMissing
		if d.Reason == "" {
			d.Reason = "it is gone from the target"
		}
	case live.Properties != nil:
		d.Fields = liveChanges(r.Type, r.Properties, r.Properties, live.Properties, mask)
		if len(d.Fields) > 0 || live.Reason != "" {
			d.State = fairlead.DriftChanged
		}
	case live.Reason != "":
		d.State = fairlead.DriftChanged
	}
	if d.State == fairlead.DriftSame && r.Type == stackType {
		return e.driftInside(ctx, d, r.Identity[keyName])
	}
	return d, nil
}

// driftInside adds what differs inside a nested stack: it is a part of what the element made.
func (e *Engine) driftInside(ctx context.Context, d fairlead.ElementDrift, name string) (fairlead.ElementDrift, error) {
	inside, err := e.Drift(ctx, name)
	switch {
	case err != nil:
		d.State, d.Reason = fairlead.DriftUnread, err.Error()
		return d, err
	case inside.Drifted:
		d.State = fairlead.DriftChanged
	case inside.Unread > 0:
		d.State = fairlead.DriftUnread
	default:
		return d, nil
	}
	words := map[fairlead.DriftState]string{fairlead.DriftChanged: "changed", fairlead.DriftMissing: "is missing", fairlead.DriftUnread: "could not be read"}
	var parts []string
	for _, el := range inside.Elements {
		if el.State != fairlead.DriftSame {
			parts = append(parts, el.Element+" "+words[el.State])
		}
	}
	d.Reason = fmt.Sprintf("inside it: %s; see fairlead stack drift %s", strings.Join(parts, ", "), name)
	return d, nil
}
