package stack

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// maxLevels bounds how deep stacks are nested, the outermost included.
const maxLevels = 8

// caller is on whose behalf a nested stack is planned or changed: the stack around it, and the action of that.
type caller struct {
	action string // empty while planning
	slice  int64  // of the action
	tries  int64  // the attempt at the slice
	by     string
	forced bool
	until  time.Time            // when the action's time is up
	mask   func() fairlead.Mask // of the stack around, as of now; nil hides nothing
	levels []level              // the stacks around, the outermost first
	// root is the element of the outermost stack that the nested one is in.
	root string
	// look tells that the plan is only shown.
	look bool
}

// level is one of the stacks around a nested one.
type level struct{ stack, template string }

func (l level) String() string { return "stack " + l.stack + " (" + l.template + ")" }

func path(levels []level) string {
	parts := make([]string, len(levels))
	for i, l := range levels {
		parts[i] = l.String()
	}
	return strings.Join(parts, " > ")
}

// hidden is the mask of the stack around.
func (c caller) hidden() fairlead.Mask {
	if c.mask == nil {
		return fairlead.Mask{}
	}
	return c.mask()
}

type callerKey struct{}

func withCaller(ctx context.Context, c caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// within tells the nested stacks that are planned with ctx which stack they are in, and whether the plan is only shown.
func within(ctx context.Context, s fairlead.Stack, mask fairlead.Mask, look bool) context.Context {
	c := callerOf(ctx)
	c.mask, c.look = func() fairlead.Mask { return mask }, look
	if n := len(c.levels); n > 0 && c.levels[n-1].stack == s.Name {
		c.levels = c.levels[:n-1]
	}
	c.levels = append(slices.Clone(c.levels), level{s.Name, s.Template + "@" + s.Version})
	return withCaller(ctx, c)
}

// deeper refuses a template that contains itself, and more levels than there may be.
func (c caller) deeper(next level) error {
	all := append(slices.Clone(c.levels), next)
	if i := slices.IndexFunc(c.levels, func(l level) bool { return l.template == next.template }); i >= 0 {
		return fairlead.Errorf(fairlead.Invalid, "template %s contains itself: %s; a template can only hold others", next.template, path(all[i:]))
	}
	if len(all) > maxLevels {
		return fairlead.Errorf(fairlead.Invalid, "stacks are nested %d deep, at most %d are allowed: %s", len(all), maxLevels, path(all))
	}
	return nil
}

// levelsAbove reads the stacks around a nested one, and which element of the outermost it is in.
func levelsAbove(ctx context.Context, tx *store.Tx, s fairlead.Stack) (levels []level, root string, err error) {
	for s.Parent != "" && len(levels) < maxLevels {
		inner := s.ID
		if s, err = tx.Stack(ctx, s.Parent); err != nil {
			if fairlead.ErrorCode(err) == fairlead.NotFound {
				break
			}
			return nil, "", err
		}
		records, err := tx.Records(ctx, s.ID)
		if err != nil {
			return nil, "", err
		}
		if i := slices.IndexFunc(records, func(r fairlead.Record) bool { return r.Identity[keyID] == inner }); i >= 0 {
			root = records[i].Element
		}
		levels = append(levels, level{s.Name, s.Template + "@" + s.Version})
	}
	slices.Reverse(levels)
	return levels, root, nil
}

// called is the caller that a slice is for the nested stacks of its stack.
func (s *slice) called(above []level) caller {
	aim := s.want.Template + "@" + s.want.Version
	return caller{
		action: s.action.ID, slice: s.job.Args.Slice, tries: int64(s.job.Attempt), by: s.action.By, forced: s.action.Forced, until: s.deadline(),
		mask:   func() fairlead.Mask { return *s.current.Load() },
		levels: append(above, level{s.stack.Name, aim}), root: s.root,
	}
}

// nesting is what a request on a nested stack knows beyond other requests.
type nesting struct {
	id     string // of the stack
	parent string
	action string // the id that the action gets; one that exists was begun already
	cause  string // the action of the parent
	mask   fairlead.Mask
}

// stackID is the id of a stack that is to be created.
func (r *Request) stackID() (string, error) {
	if r.nested != nil {
		return r.nested.id, nil
	}
	return newID()
}

// actionID is the id of the action that is to begin, and the action of the parent that causes it.
func (r *Request) actionID() (id, cause string, err error) {
	if r.nested == nil {
		id, err = newID()
		return id, "", err
	}
	if id = r.nested.action; id == "" {
		id, err = newID()
	}
	return id, r.nested.cause, err
}

// secrets are the values that hold a secret of the stack around.
func (n *nesting) secrets(v any) (found []string) {
	switch v := v.(type) {
	case string:
		if n.mask.String(v) != v {
			found = append(found, v)
		}
	case []any:
		for _, x := range v {
			found = append(found, n.secrets(x)...)
		}
	case map[string]any:
		for _, x := range v {
			found = append(found, n.secrets(x)...)
		}
	}
	return found
}
