package kubernetes

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
)

// Read compares the object with what was applied. What the cluster filled in, and what others own beside it, is no difference.
func (p *Provider) Read(ctx context.Context, rec fairlead.Record) (fairlead.Live, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	o, err := p.understood(rec)
	if err != nil {
		return fairlead.Live{}, err
	}
	q := request{subject: "element " + rec.Element, verbs: []string{"get"}}
	l, err := p.placeOfRecord(ctx, rec)
	if isMissingKind(err) {
		return fairlead.Live{Reason: "gone: " + err.Error()}, nil
	}
	q.place = l
	if err != nil {
		return fairlead.Live{}, p.explain(ctx, q, err)
	}
	adopting := rec.Identity["adopt"] != "" // only before it is made
	if !adopting {
		p.mark(o, rec)
	}
	if live := p.watches.object(l); live != nil && belongs(live, rec) == ours && live.GetDeletionTimestamp() == nil && len(differences(o.Unstructured, live)) == 0 {
		return fairlead.Live{Exists: true, Properties: rec.Properties}, nil
	}
	live, err := p.get(ctx, l)
	switch {
	case err != nil:
		return fairlead.Live{}, p.explain(ctx, q, err)
	case live == nil && expired(rec):
		return fairlead.Live{Exists: true, Properties: rec.Properties}, nil
	case live == nil:
		return fairlead.Live{Reason: "gone: " + l.String() + " does not exist"}, nil
	case belongs(live, rec) != ours && !(adopting && belongs(live, rec) == nobodys):
		return fairlead.Live{Reason: "gone: " + l.String() + " was made anew by somebody else"}, nil
	case live.GetDeletionTimestamp() != nil:
		return fairlead.Live{Exists: true, Reason: "it is being deleted" + finalizersOf(live)}, nil
	}
	ds := p.lasting(ctx, l, o, differences(o.Unstructured, live))
	if len(ds) == 0 {
		return fairlead.Live{Exists: true, Properties: rec.Properties}, nil
	}
	secret := l.kind.Kind == "Secret" && l.kind.Group == ""
	out := fairlead.Live{Exists: true, Reason: inWords(ds, secret, func(path string) string { return setter(live, path) })}
	if !secret && !o.rewritten {
		out.Properties = inTermsOf(rec.Properties, o, ds)
	}
	return out, nil
}

// lasting leaves out the differences that an apply would not take away, because the cluster writes the value in its own way or an
// admission webhook sets it.
func (p *Provider) lasting(ctx context.Context, l place, o *object, ds []difference) []difference {
	if len(ds) == 0 {
		return nil
	}
	tried, err := p.patch(ctx, l, o, patching{dry: true, force: true})
	if err != nil { // it cannot be told, for want of rights perhaps
		return ds
	}
	stay := map[string]bool{}
	for _, d := range differences(o.Unstructured, tried) {
		stay[d.path] = true
	}
	return slices.DeleteFunc(ds, func(d difference) bool { return stay[d.path] })
}

// inTermsOf are the recorded properties with the live values where they differ; nil when a difference has no place in them.
func inTermsOf(props map[string]any, o *object, ds []difference) map[string]any {
	out, _ := copied(props).(map[string]any)
	for _, d := range ds {
		path := d.path
		if o.source != "" {
			path = o.source + "." + path
		}
		if !put(out, strings.TrimPrefix(path, "."), d.live) {
			return nil
		}
	}
	return out
}

// put sets the value at a path of maps and lists that exists; nil takes it away.
func put(v map[string]any, path string, value any) bool {
	for k := range v {
		rest, ok := strings.CutPrefix(path, k)
		switch {
		case !ok:
		case rest == "" && value == nil:
			delete(v, k)
			return true
		case rest == "":
			v[k] = value
			return true
		case rest[0] == '.':
			if m, ok := v[k].(map[string]any); ok && put(m, rest[1:], value) {
				return true
			}
		case rest[0] == '[':
			if l, ok := v[k].([]any); ok && putItem(l, rest, value) {
				return true
			}
		}
	}
	return false
}

func putItem(l []any, path string, value any) bool {
	number, rest, ok := strings.Cut(path[1:], "]")
	n, isNumber := index(number)
	if !ok || !isNumber || n >= len(l) {
		return false
	}
	if rest == "" {
		l[n] = value
		return true
	}
	m, ok := l[n].(map[string]any)
	return ok && rest[0] == '.' && put(m, rest[1:], value)
}

func index(s string) (n int, ok bool) {
	for _, c := range s {
		if c < '0' || c > '9' || n > 1<<20 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, s != ""
}

// setter is who set a field to its live value, when that is somebody else and can be told.
func setter(live *unstructured.Unstructured, path string) string {
	field, _, _ := strings.Cut(path, "[")
	found := ""
	for _, e := range live.GetManagedFields() {
		if e.Manager == manager || e.FieldsV1 == nil || !owns(e, strings.Split(field, ".")) {
			continue
		}
		if found != "" && found != e.Manager {
			return ""
		}
		found = e.Manager
	}
	return found
}

func owns(e metav1.ManagedFieldsEntry, path []string) bool {
	var fields map[string]any
	if json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) != nil {
		return false
	}
	for _, k := range path {
		next, ok := fields["f:"+k].(map[string]any)
		if !ok {
			return false
		}
		fields = next
	}
	return true
}

func ignoreForbidden(err error) error {
	if apierrors.IsForbidden(err) {
		return nil
	}
	return err
}
