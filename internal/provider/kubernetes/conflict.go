package kubernetes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

// heldFields are the fields of a conflict, with their paths in the element's properties, both values, and who holds them.
func heldFields(q request, s metav1.Status, want, live map[string]any) []fairlead.FieldChange {
	var out []fairlead.FieldChange
	for _, c := range conflicts(s) {
		path, wanted, found := resolve(c.field, want, live)
		out = append(out, fairlead.FieldChange{Path: q.pathOf(path), After: wanted, Live: found, Drifted: true, Owner: c.manager})
	}
	return out
}

// resolve follows a path as the API server writes it, such as spec.containers[name="web"].image, through the wanted object and the
// live one. The path that it returns counts the items of lists, as ours do. What cannot be followed has no values.
func resolve(field string, want, live any) (path string, wanted, found any) {
	rest, wanted, found := field, want, live
	for rest != "" {
		var step string
		var ok bool
		switch w := wanted.(type) {
		case map[string]any:
			step, rest, ok = nextKey(w, strings.TrimPrefix(rest, "."))
			l, _ := found.(map[string]any)
			path, wanted, found = strings.TrimPrefix(join(path, step), "."), w[step], l[step]
		case []any:
			var i int
			l, _ := found.([]any)
			i, found, rest, ok = nextItem(w, l, rest)
			if ok {
				path, wanted = item(path, i), w[i]
			}
		}
		if !ok {
			return field, nil, nil
		}
	}
	return path, wanted, found
}

// nextKey takes the key of a map off a path. Keys can hold dots themselves, so the longest that fits is the one.
func nextKey(m map[string]any, path string) (key, rest string, ok bool) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		r, fits := strings.CutPrefix(path, k)
		if fits && (r == "" || r[0] == '.' || r[0] == '[') && (!ok || len(k) > len(key)) {
			key, rest, ok = k, r, true
		}
	}
	return key, rest, ok
}

// nextItem takes the item of a list off a path: [name="web",port=80] by its keys, [="value"] by its value.
func nextItem(want, live []any, path string) (i int, found any, rest string, ok bool) {
	keys, rest, ok := bracketed(path)
	if !ok {
		return 0, nil, path, false
	}
	i = slices.IndexFunc(want, func(v any) bool { return hasKeys(v, keys) })
	if j := slices.IndexFunc(live, func(v any) bool { return hasKeys(v, keys) }); j >= 0 {
		found = live[j]
	}
	return i, found, rest, i >= 0
}

// bracketed takes what stands in brackets off a path: keys with their values as the API server writes them.
func bracketed(path string) (keys map[string]string, rest string, ok bool) {
	if !strings.HasPrefix(path, "[") {
		return nil, path, false
	}
	keys, start, quoted := map[string]string{}, 1, false
	for i := 1; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == ']'):
			key, value, isPair := strings.Cut(path[start:i], "=")
			if !isPair {
				return nil, path, false
			}
			keys[key], start = value, i+1
			if c == ']' {
				return keys, path[i+1:], true
			}
		}
	}
	return nil, path, false
}

// hasKeys reports whether an item of a list is the one that keys name.
func hasKeys(v any, keys map[string]string) bool {
	for key, value := range keys {
		x := v
		if key != "" {
			m, _ := v.(map[string]any)
			x = m[key]
		}
		text := fmt.Sprint(x)
		if s, isText := x.(string); isText {
			text = fmt.Sprintf("%q", s)
		}
		if text != value {
			return false
		}
	}
	return true
}
