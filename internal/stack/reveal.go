package stack

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// An output of a nested stack that holds a secret is hidden in everything that is stored and shown, the attributes of its element
// included. Elements beside it can read it all the same: it is worked out again, from the nested stack's own records and inputs,
// where a template is evaluated, and nowhere else. Whoever can read it hides the secrets of the nested stack as its own.

// revealed are the attributes of nested stacks with their hidden outputs, by element, and the secrets of all that is nested.
type revealed struct {
	attributes map[string]map[string]any
	secrets    []string
}

// of returns the attributes of a record.
func (v revealed) of(r fairlead.Record) map[string]any {
	if open, ok := v.attributes[r.Element]; ok {
		return open
	}
	return r.Attributes
}

// want stands for the secrets among the wanted states that a mask is made of.
func (v revealed) want() store.StackWant { return store.StackWant{Secrets: v.secrets} }

// reveal works out the hidden outputs of the nested stacks among records. What cannot be worked out stays hidden.
func (e *Engine) reveal(ctx context.Context, tx *store.Tx, records map[string]fairlead.Record) (revealed, error) {
	v := revealed{attributes: map[string]map[string]any{}}
	for _, r := range records {
		if r.Type != stackType {
			continue
		}
		s, err := tx.StackByID(ctx, r.Identity[keyID])
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			continue
		}
		if err != nil {
			return v, err
		}
		open, secrets, err := e.outputsInside(ctx, tx, s, hides(r.Attributes))
		if err != nil {
			return v, err
		}
		v.secrets = append(v.secrets, secrets...)
		if open != nil {
			v.attributes[r.Element] = maps.Clone(r.Attributes)
			for name, value := range open {
				if hides(v.attributes[r.Element][name]) {
					v.attributes[r.Element][name] = value
				}
			}
		}
	}
	return v, nil
}

// outputsInside are the secrets of a nested stack and, when they are wanted, its outputs.
func (e *Engine) outputsInside(ctx context.Context, tx *store.Tx, s fairlead.Stack, wanted bool) (open map[string]any, secrets []string, err error) {
	want, err := tx.StackWant(ctx, s.ID)
	if err != nil {
		return nil, nil, err
	}
	list, err := tx.Records(ctx, s.ID)
	if err != nil {
		return nil, nil, err
	}
	records := byElement(list)
	inner, err := e.reveal(ctx, tx, records)
	secrets = append(want.Secrets, inner.secrets...)
	if err != nil || !wanted || want.Template == "" {
		return nil, secrets, err
	}
	version, err := tx.TemplateVersion(ctx, want.Template, want.Version)
	if err != nil {
		return nil, secrets, nil //nolint:nilerr // without its template it stays hidden
	}
	t, err := e.templates.parse(version)
	if err != nil {
		return nil, secrets, nil //nolint:nilerr // as above
	}
	outputs, _ := t.Outputs(environment(s, want.Inputs, func(element string) (map[string]any, bool) {
		r, ok := records[element]
		return inner.of(r), ok && r.State == fairlead.RecordMade
	}))
	open = map[string]any{}
	for _, out := range outputs {
		open[out.Name] = known(out.Value)
	}
	return open, secrets, nil
}

// secretsInside are the secrets of all that is nested in a stack.
func secretsInside(ctx context.Context, tx *store.Tx, stackID string) (secrets []string, err error) {
	if stackID == "" {
		return nil, nil
	}
	records, err := tx.Records(ctx, stackID)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.Type != stackType {
			continue
		}
		want, err := tx.StackWant(ctx, r.Identity[keyID])
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		inner, err := secretsInside(ctx, tx, r.Identity[keyID])
		if err != nil {
			return nil, err
		}
		secrets = slices.Concat(secrets, want.Secrets, inner)
	}
	return secrets, nil
}

// hides reports whether a value holds something that was hidden.
func hides(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, fairlead.Masked)
	case []any:
		for _, x := range v {
			if hides(x) {
				return true
			}
		}
	case map[string]any:
		for _, x := range v {
			if hides(x) {
				return true
			}
		}
	}
	return false
}

// nestedWant stands for the secrets of what is nested in a stack, to hide them.
func (e *Engine) nestedWant(ctx context.Context, tx *store.Tx, records []fairlead.Record) (store.StackWant, error) {
	v, err := e.reveal(ctx, tx, byElement(records))
	return v.want(), err
}

// revealNested brings what nested stacks hide up to date within a slice: one of them has just been made or changed.
func (s *slice) revealNested() {
	err := s.engine.db.Read(s.ctx, func(tx *store.Tx) error { return s.reveal(s.ctx, tx) })
	if err != nil {
		s.engine.log.Error("the outputs of nested stacks cannot be read", "stack", s.stack.Name, "error", err)
	}
}

func (s *slice) reveal(ctx context.Context, tx *store.Tx) (err error) {
	if s.revealed, err = s.engine.reveal(ctx, tx, s.records); err != nil {
		return err
	}
	s.mask = mask(s.action.Want, s.want, s.revealed.want())
	current := s.mask
	s.current.Store(&current)
	return nil
}
