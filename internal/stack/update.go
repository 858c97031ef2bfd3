package stack

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// Update changes what a stack says about itself, without an action. Nil leaves a thing as it is.
type Update struct {
	Name        string
	Description *string
	// Labels are laid over those that are there; nil as a value takes a label away.
	Labels    map[string]*string
	Protected *bool
	Actor     fairlead.Actor
}

const maxDescription = 1000

// Update stores a change of description, labels or protection in the caller's transaction. It is possible while an action is
// in flight too.
func (e *Engine) Update(ctx context.Context, tx *store.Tx, u Update) (fairlead.Stack, error) {
	s, err := tx.Stack(ctx, u.Name)
	if err != nil {
		return s, err
	}
	told := u.apply(&s)
	ds := checkLabels(s.Labels)
	if len(s.Description) > maxDescription {
		ds = append(ds, finding("bad-description", "description", "description: want at most 1000 bytes"))
	}
	if err := ds.Err("stack " + s.Name); err != nil || len(told) == 0 {
		return s, err
	}
	if err := tx.UpdateStack(ctx, &s, nil); err != nil {
		return s, err
	}
	return s, tx.AppendEvent(ctx, fairlead.Event{
		Kind: eventKind, Name: s.Name, Type: "stack-updated", Message: u.Actor.String() + " changed stack " + s.Name + ": " + strings.Join(told, ", "),
	})
}

// apply changes the stack and tells what changed.
func (u Update) apply(s *fairlead.Stack) (told []string) {
	if d := u.Description; d != nil && *d != s.Description {
		s.Description = *d
		told = append(told, "its description")
	}
	labels := maps.Clone(s.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	for _, k := range slices.Sorted(maps.Keys(u.Labels)) {
		v, there := labels[k]
		switch want := u.Labels[k]; {
		case want == nil && there:
			delete(labels, k)
			told = append(told, "no label "+k)
		case want != nil && (!there || *want != v):
			labels[k] = *want
			told = append(told, "label "+k+"="+*want)
		}
	}
	s.Labels = labels
	if p := u.Protected; p != nil && *p != s.Protected {
		s.Protected = *p
		told = append(told, map[bool]string{true: "it is protected now", false: "it is not protected any more"}[*p])
	}
	return told
}

// keepAbout takes over what was updated of the stack since the slice read it.
func (s *slice) keepAbout(ctx context.Context, tx *store.Tx) error {
	now, err := tx.StackByID(ctx, s.stack.ID)
	if err != nil {
		return err
	}
	s.stack.Revision, s.stack.Description, s.stack.Labels, s.stack.Protected = now.Revision, now.Description, now.Labels, now.Protected
	return nil
}

// History lists the good states of a stack, newest first.
func (e *Engine) History(ctx context.Context, name string) (list []fairlead.GoodState, err error) {
	err = e.db.Read(ctx, func(tx *store.Tx) error {
		s, err := tx.Stack(ctx, name)
		if err != nil {
			return err
		}
		states, err := tx.StackStates(ctx, s.ID, 0)
		if err != nil {
			return err
		}
		for i, state := range states {
			list = append(list, fairlead.GoodState{
				State: state.N, Template: state.Want.Template, Version: state.Want.Version, Inputs: maskedInputs(state.Want),
				Current: i == 0 && s.Status == fairlead.StackRunning, Restores: state.Restores, Action: state.Action, By: state.By, At: state.At,
			})
		}
		return nil
	})
	return list, err
}

// maskedInputs are the effective inputs with every secret hidden, also within texts.
func maskedInputs(w store.StackWant) map[string]any {
	m := mask(w)
	out := make(map[string]any, len(w.Inputs))
	for k, v := range w.Inputs {
		out[k] = m.Value(v)
		if s, ok := v.(string); ok && slices.Contains(w.Secrets, s) {
			out[k] = fairlead.Masked // also where it is too short for a mask
		}
	}
	return out
}
