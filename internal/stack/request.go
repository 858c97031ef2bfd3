package stack

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

// Request asks for an action on a stack.
type Request struct {
	Name string
	// Target and Namespace say where a new stack is made. Default: the target named local, or the only one; "default".
	// A stack never moves: on other verbs they may only repeat what is.
	Target    string
	Namespace string
	// Template and Version are required on create. On upgrade, empty means as it is.
	Template    string
	Version     string
	Description string
	// Inputs are laid over those that the stack was given before; nil as a value takes an input back to its default.
	Inputs map[string]any
	// OnFailure is Keep by default.
	OnFailure fairlead.OnFailure
	// Timeout bounds the action. Default: 60 minutes; 1 second to 24 hours.
	Timeout time.Duration
	// Verb empty means create or, when the stack exists, upgrade.
	Verb  fairlead.Verb
	Actor fairlead.Actor
	// Force lets a deletion forget what cannot be reached.
	Force bool
	// To is the good state that a rollback goes to. Default: the last one or, when the stack is in that, the one before.
	To int64
	// Adopt are the elements that may take over what exists on the target and belongs to no stack; "*" is all of them.
	Adopt []string
	// Preview is the hash of the plan that somebody has looked at, or at least 12 characters of it. A request whose plan has
	// become another one is refused.
	Preview string
	// Labels and Protected are for a new stack; see [Engine.Update].
	Labels    map[string]string
	Protected bool
	// Comment says why, for the record; Run is the pipeline run that asks.
	Comment string
	Run     string
	// Then is enqueued when the action ends, however it ends, in the same transaction.
	Then *Job
	// look tells that the plan is only shown: it is made with all care, and what would be refused is shown in it.
	look bool
	// nested is set when the stack is an element of another one. Then Inputs are all that is given, not laid over others.
	nested *nesting
}

// Job is a job of any kind.
type Job struct {
	Kind string
	Args json.RawMessage
}

// Limits of an action's timeout: the original counts in minutes, 1 to 1440, by default 60.
const (
	defaultTimeout = time.Hour
	minTimeout     = time.Second
	maxTimeout     = 24 * time.Hour
)

const maxComment = 1000

// check finds what is wrong with a request by itself and fills in defaults.
func (r *Request) check() fairlead.Diagnostics {
	var ds fairlead.Diagnostics
	if err := fairlead.CheckName(eventKind, r.Name); err != nil {
		ds = append(ds, finding("bad-name", "name", err.Error()))
	}
	switch r.Verb {
	case "", fairlead.VerbCreate, fairlead.VerbUpgrade, fairlead.VerbRollback, fairlead.VerbRetry, fairlead.VerbDelete:
	default:
		ds = append(ds, finding("bad-verb", "verb", fmt.Sprintf("verb %q: want create, upgrade, rollback, retry or delete", r.Verb)))
	}
	switch r.OnFailure {
	case "":
		r.OnFailure = fairlead.Keep
	case fairlead.Keep, fairlead.Rollback:
	default:
		ds = append(ds, finding("bad-on-failure", "on_failure", fmt.Sprintf("on_failure %q: want keep or rollback", r.OnFailure)))
	}
	if r.Timeout == 0 {
		r.Timeout = defaultTimeout
	}
	if r.Timeout < minTimeout || r.Timeout > maxTimeout {
		ds = append(ds, finding("bad-timeout", "timeout", fmt.Sprintf("timeout %s: want 1s to 24h", r.Timeout)))
	}
	if r.Namespace != "" && !validNamespace(r.Namespace) {
		ds = append(ds, finding("bad-namespace", "namespace", fmt.Sprintf("namespace %q: want 1 to 63 lower-case letters, digits or hyphens, first and last not a hyphen", r.Namespace)))
	}
	if r.To != 0 && (r.Verb != fairlead.VerbRollback || r.To < 0) {
		ds = append(ds, finding("bad-state", "to", fmt.Sprintf("state %d: want the number of a good state, for a rollback only", r.To)))
	}
	if r.Preview != "" && !validPreview(r.Preview) {
		ds = append(ds, finding("bad-preview", "preview", fmt.Sprintf("preview %q: want the hash that a preview showed, or at least its first %d characters", r.Preview, minPreview)))
	}
	if len(r.Comment) > maxComment {
		ds = append(ds, finding("bad-comment", "comment", fmt.Sprintf("comment: want at most %d bytes", maxComment)))
	}
	ds = append(ds, checkLabels(r.Labels)...)
	if r.Template != "" && r.Version == "" {
		ds = append(ds, finding("missing-version", "version", fmt.Sprintf("template %q is given without a version: want both, such as %s@1.0", r.Template, r.Template)))
	}
	return ds
}

func validNamespace(s string) bool {
	return len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func finding(code, path, summary string) fairlead.Diagnostic {
	return fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: code, Path: path, Summary: summary}
}

// newWant lays inputs over those given before and checks them against a template. before is nil for a new stack.
func newWant(t *template.Template, name, version string, before *store.StackWant, inputs map[string]any) (store.StackWant, fairlead.Diagnostics) {
	w := store.StackWant{Template: name, Version: version, Given: map[string]any{}}
	declared := map[string]fairlead.Input{}
	for _, in := range t.Inputs() {
		declared[in.Name] = in
	}
	var ds fairlead.Diagnostics
	if before != nil {
		for _, name := range slices.Sorted(maps.Keys(before.Given)) {
			if _, ok := declared[name]; ok {
				w.Given[name] = before.Given[name]
				continue
			}
			if _, again := inputs[name]; !again {
				ds = append(ds, fairlead.Diagnostic{
					Severity: fairlead.SeverityWarning, Code: "dropped-input", Path: "inputs." + name,
					Summary: fmt.Sprintf("input %q of the stack is dropped: the template version has no such input", name),
				})
			}
		}
	}
	for name, v := range inputs {
		if v == nil {
			delete(w.Given, name)
			continue
		}
		w.Given[name] = v
	}
	effective, found := checkInputs(t, w.Given)
	w.Inputs = effective
	for name, in := range declared {
		if in.Secret {
			w.Secrets = appendSecret(w.Secrets, effective[name])
		}
	}
	slices.Sort(w.Secrets)
	return w, append(ds, found...)
}

// checkInputs checks the inputs that are known; of the others nothing can be said yet.
func checkInputs(t *template.Template, given map[string]any) (map[string]any, fairlead.Diagnostics) {
	known, unknown := map[string]any{}, map[string]any{}
	for _, in := range t.Inputs() {
		if v, ok := given[in.Name]; ok && template.HasUnknown(v) {
			unknown[in.Name] = v
		}
	}
	for name, v := range given {
		if _, ok := unknown[name]; !ok {
			known[name] = v
		}
	}
	effective, _, found := t.CheckInputs(known)
	found = slices.DeleteFunc(found, func(d fairlead.Diagnostic) bool {
		_, ok := unknown[strings.TrimPrefix(d.Path, "inputs.")]
		return ok
	})
	maps.Copy(effective, unknown)
	return effective, found
}

func appendSecret(list []string, v any) []string {
	switch v := v.(type) {
	case nil, bool:
		return list
	case string:
		return append(list, v)
	case []any:
		for _, x := range v {
			list = appendSecret(list, x)
		}
		return list
	case map[string]any:
		for _, x := range v {
			list = appendSecret(list, x)
		}
		return list
	}
	return append(list, fmt.Sprint(v))
}

// checkImmutable finds inputs that the template declares immutable and that would change.
func checkImmutable(t *template.Template, before, after store.StackWant) (ds fairlead.Diagnostics) {
	for _, in := range t.Inputs() {
		old, had := before.Inputs[in.Name]
		if in.Immutable && had && !same(old, after.Inputs[in.Name]) {
			ds = append(ds, finding("immutable-input", "inputs."+in.Name,
				fmt.Sprintf("input %q is immutable: it cannot change after the stack was created", in.Name)))
		}
	}
	return ds
}

// minLine is the length from which a line of a secret of several lines, such as a key, is hidden where it stands alone.
const minLine = 8

// MaskOf hides the secret values of a stack and of what is nested in it, and others, also line by line. Without a stack, or when it is gone, it hides the others.
func MaskOf(ctx context.Context, tx *store.Tx, stackID string, others map[string]string) (fairlead.Mask, error) {
	w := store.StackWant{}
	if stackID != "" {
		var err error
		if w, err = tx.StackWant(ctx, stackID); err != nil && fairlead.ErrorCode(err) != fairlead.NotFound {
			return fairlead.Mask{}, err
		}
	}
	secrets := slices.Clone(w.Secrets)
	nested, err := secretsInside(ctx, tx, stackID)
	if err != nil {
		return fairlead.Mask{}, err
	}
	secrets = slices.AppendSeq(append(secrets, nested...), maps.Values(others))
	for _, s := range slices.Clone(secrets) {
		for line := range strings.Lines(s) {
			if line = strings.TrimSpace(line); len(line) >= minLine && line != s {
				secrets = append(secrets, line)
			}
		}
	}
	return mask(store.StackWant{Secrets: secrets}), nil
}

// mask hides the secrets of several wanted states, also where a manifest holds them in base64.
func mask(wants ...store.StackWant) fairlead.Mask {
	var values []string
	for _, w := range wants {
		for _, s := range w.Secrets {
			values = append(values, s)
			if len(s) >= 3 {
				values = append(values, base64.StdEncoding.EncodeToString([]byte(s)))
			}
		}
	}
	return fairlead.NewMask(values...)
}

// shownInputs are the effective inputs with the secret ones hidden whole, and every secret in the others: a nested stack can be given
// one of the stack around it.
func shownInputs(t *template.Template, w store.StackWant) map[string]any {
	out := maskedInputs(w)
	for _, in := range t.Inputs() {
		if _, ok := out[in.Name]; ok && in.Secret {
			out[in.Name] = fairlead.Masked
		}
	}
	return out
}
