package kubernetes

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// difference is a field that is not as wanted. live is nil when it is absent.
type difference struct {
	path       string
	want, live any
}

// differences compares what is wanted with what is live, which may have more: defaults, and what others own.
func differences(want, live *unstructured.Unstructured) []difference {
	var out []difference
	for _, k := range slices.Sorted(maps.Keys(want.Object)) {
		switch k {
		case "apiVersion", "kind":
			continue
		}
		out = compareValues(out, k, want.Object[k], live.Object[k])
	}
	return out
}

func compareValues(out []difference, path string, want, live any) []difference {
	switch w := want.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok && len(w) > 0 {
			return append(out, difference{path, want, live})
		}
		for _, k := range slices.Sorted(maps.Keys(w)) {
			out = compareValues(out, join(path, k), w[k], l[k])
		}
		return out
	case []any:
		l, ok := live.([]any)
		if !ok && len(w) > 0 {
			return append(out, difference{path, want, live})
		}
		return compareLists(out, path, w, l)
	}
	if !sameScalar(want, live) {
		out = append(out, difference{path, want, live})
	}
	return out
}

// compareLists compares lists of values as a whole, and lists of objects item by item: by the field that names the items where
// there is one, because others may add items of their own.
func compareLists(out []difference, path string, want, live []any) []difference {
	key := keyOf(want)
	if key == "" {
		if len(want) != len(live) {
			return append(out, difference{path, want, live})
		}
		for i := range want {
			out = compareValues(out, item(path, i), want[i], live[i])
		}
		return out
	}
	for i, w := range want {
		var best []difference
		found := false
		for _, l := range live {
			m, ok := l.(map[string]any)
			if !ok || !sameScalar(w.(map[string]any)[key], m[key]) {
				continue
			}
			if ds := compareValues(nil, item(path, i), w, l); !found || len(ds) < len(best) {
				best, found = ds, true
			}
		}
		if !found {
			best = []difference{{item(path, i), w, nil}}
		}
		out = append(out, best...)
	}
	return out
}

// keyOf is the field that names the items of a list of objects; "" when there is none.
func keyOf(list []any) string {
	if len(list) == 0 {
		return ""
	}
	for _, key := range []string{"name", "mountPath", "devicePath", "containerPort", "port", "ip", "uid", "topologyKey", "host", "path", "type"} {
		if !slices.ContainsFunc(list, func(v any) bool {
			m, ok := v.(map[string]any)
			_, isText := m[key].(string)
			_, isNumber := m[key].(int64)
			return !ok || !isText && !isNumber
		}) {
			return key
		}
	}
	return ""
}

// sameScalar compares values; what is absent is the same as its zero value, which API servers often leave out.
func sameScalar(want, live any) bool {
	if a, ok := toInt(want); ok {
		if live == nil {
			return a == 0
		}
		b, ok := toInt(live)
		return ok && a == b
	}
	if live == nil {
		return want == nil || want == "" || want == false
	}
	return reflect.DeepEqual(want, live)
}

// sameInEffect reports whether an apply, tried without effect, left an object as it was.
func sameInEffect(live, tried *unstructured.Unstructured) bool {
	return reflect.DeepEqual(essence(live), essence(tried))
}

// essence is an object without what every write changes and without its status, which no apply touches.
func essence(o *unstructured.Unstructured) map[string]any {
	out := maps.Clone(o.Object)
	delete(out, "status")
	if m, ok := out["metadata"].(map[string]any); ok {
		m = maps.Clone(m)
		for _, k := range []string{"managedFields", "resourceVersion", "generation"} {
			delete(m, k)
		}
		out["metadata"] = m
	}
	return out
}

// inWords tells differences in one line. Values of Secrets are not told.
func inWords(ds []difference, secret bool, owner func(path string) string) string {
	const most = 5
	texts := make([]string, 0, most)
	for i, d := range ds {
		if i == most {
			texts = append(texts, fmt.Sprintf("and %d more", len(ds)-most))
			break
		}
		text := d.path
		switch {
		case d.live == nil:
			text += " is missing"
		case secret || !short(d.want) || !short(d.live):
			text += " differs"
		default:
			text += fmt.Sprintf(" is %v, not %v", d.live, d.want)
		}
		if who := owner(d.path); who != "" {
			text += " (set by " + who + ")"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

func short(v any) bool {
	switch v := v.(type) {
	case map[string]any, []any:
		return false
	case string:
		return len(v) <= 80 && !strings.Contains(v, "\n")
	}
	return true
}
