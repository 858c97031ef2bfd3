package kubernetes

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// reader turns evaluated properties into an object and collects every finding on the way. Unknown values are left out and
// remembered, so that later checks do not miss what is only not known yet.
type reader struct {
	diags    fairlead.Diagnostics
	unknown  bool
	unknowns []string // paths
}

func (r *reader) report(sev fairlead.Severity, code, path, summary, detail string) {
	r.diags = append(r.diags, fairlead.Diagnostic{Severity: sev, Code: code, Path: path, Summary: summary, Detail: detail})
}

func (r *reader) errorf(code, path, detail, format string, args ...any) {
	r.report(fairlead.SeverityError, code, path, fmt.Sprintf(format, args...), detail)
}

func (r *reader) warnf(code, path, detail, format string, args ...any) {
	r.report(fairlead.SeverityWarning, code, path, fmt.Sprintf(format, args...), detail)
}

// within reports whether the value at a path, or something around it, is not known yet.
func (r *reader) within(path string) bool {
	return slices.ContainsFunc(r.unknowns, func(u string) bool {
		rest, ok := strings.CutPrefix(path, u)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// known reports whether a kind's fields are known here.
func known(gvk schema.GroupVersionKind) bool { return scheme.Scheme.Recognizes(gvk) }

// clean returns a manifest in the form that the API server keeps it in. Fields that the kind does not have are dropped with a
// warning, as API servers dropped them silently in the time of the original service; a manifest of a kind that is not known
// here goes to the API server as it is.
func (r *reader) clean(raw map[string]any, gvk schema.GroupVersionKind) map[string]any {
	var out any
	if o, err := scheme.Scheme.New(gvk); err == nil {
		out, _ = r.object(manifestKey, raw, reflect.TypeOf(o).Elem())
	} else {
		out, _ = r.plain(manifestKey, raw)
	}
	m, ok := out.(map[string]any)
	if !ok {
		m = map[string]any{}
	}
	return m
}

// plain copies a JSON-like value of which nothing more is known.
func (r *reader) plain(path string, v any) (any, bool) {
	switch v := v.(type) {
	case template.Unknown:
		r.missing(path)
		return nil, false
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			if y, ok := r.plain(join(path, k), x); ok {
				out[k] = y
			}
		}
		return out, true
	case []any:
		out := make([]any, 0, len(v))
		for i, x := range v {
			if y, ok := r.plain(item(path, i), x); ok {
				out = append(out, y)
			}
		}
		return out, true
	case int:
		return int64(v), true
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return r.wrongType(path, "a number", v)
		}
		return v, true
	case nil, string, bool, int64:
		return v, true
	}
	return r.wrongType(path, "a JSON value", v)
}

func (r *reader) missing(path string) {
	r.unknown = true
	r.unknowns = append(r.unknowns, path)
}

// typed returns v in the form that JSON decoding into t accepts; false leaves it out.
func (r *reader) typed(path string, v any, t reflect.Type) (any, bool) {
	if _, ok := v.(template.Unknown); ok {
		r.missing(path)
		return nil, false
	}
	if v == nil {
		return nil, false
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[resource.Quantity]():
		return r.quantity(path, v)
	case reflect.TypeFor[intstr.IntOrString]():
		return r.intOrString(path, v)
	case reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime](), reflect.TypeFor[metav1.Duration]():
		return r.text(path, v)
	case reflect.TypeFor[[]byte]():
		return r.base64(path, v)
	case reflect.TypeFor[runtime.RawExtension](), reflect.TypeFor[metav1.FieldsV1]():
		return r.plain(path, v)
	}
	switch t.Kind() {
	case reflect.Struct:
		return r.object(path, v, t)
	case reflect.Map:
		return r.mapping(path, v, t.Elem())
	case reflect.Slice:
		return r.list(path, v, t.Elem())
	case reflect.String:
		return r.text(path, v)
	case reflect.Bool:
		return r.boolean(path, v)
	case reflect.Float32, reflect.Float64, reflect.Interface:
		return r.plain(path, v)
	default:
		return r.integer(path, v, t)
	}
}

func (r *reader) wrongType(path, want string, v any) (any, bool) {
	r.errorf("wrong-type", path, "want "+want, "%s is %s", last(path), describe(v))
	return nil, false
}

func (r *reader) object(path string, v any, t reflect.Type) (any, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return r.wrongType(path, "a map of fields", v)
	}
	fields := fieldsOf(t)
	if len(fields) == 0 && t.NumField() > 0 {
		return r.plain(path, v) // it reads its JSON itself
	}
	out := make(map[string]any, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		ft, ok := fields[k]
		if !ok {
			r.unknownField(path, k, m[k], fields)
			continue
		}
		if x, ok := r.typed(join(path, k), m[k], ft.Type); ok {
			out[k] = r.unique(join(path, k), x, ft.Tag.Get("patchMergeKey"))
		}
	}
	return out, true
}

// unique keeps the last of the items of a list that are the same to the API server, as the original service's clusters did: of
// variables with the same name the last counts, and a port can be open only once. Other lists it refuses itself.
func (r *reader) unique(path string, v any, key string) any {
	list, ok := v.([]any)
	field := last(path)
	if !ok || key == "" || field != "env" && field != "ports" {
		return v
	}
	out, seen := make([]any, 0, len(list)), map[string]int{}
	for i, x := range list {
		m, _ := x.(map[string]any)
		id := fmt.Sprint(m[key])
		if field == "ports" {
			id += "/" + cmp.Or(textOf(m["protocol"]), "TCP")
		}
		if at, twice := seen[id]; twice && m[key] != nil {
			r.warnf("duplicate", item(path, i), "the last one counts", "%s %s stands twice", key, id)
			out[at] = x
			continue
		}
		seen[id] = len(out)
		out = append(out, x)
	}
	return out
}

func (r *reader) unknownField(path, key string, v any, fields map[string]reflect.StructField) {
	if v == nil {
		return
	}
	detail := "it is dropped"
	if near := fairlead.Nearest(key, slices.Sorted(maps.Keys(fields))); near != "" {
		detail += fmt.Sprintf("; did you mean %q?", near)
	}
	r.warnf("unknown-field", join(path, key), detail, "unknown field %q", key)
}

func (r *reader) mapping(path string, v any, elem reflect.Type) (any, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return r.wrongType(path, "a map", v)
	}
	out := make(map[string]any, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if x, ok := r.typed(join(path, k), m[k], elem); ok {
			out[k] = x
		}
	}
	return out, true
}

func (r *reader) list(path string, v any, elem reflect.Type) (any, bool) {
	l, ok := v.([]any)
	if !ok {
		return r.wrongType(path, "a list", v)
	}
	out := make([]any, 0, len(l))
	for i := range l {
		if x, ok := r.typed(item(path, i), l[i], elem); ok {
			out = append(out, x)
		}
	}
	return out, true
}

func (r *reader) text(path string, v any) (any, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool, int64, int, float64:
		s := scalarText(v)
		r.warnf("wrong-type", path, fmt.Sprintf("it is taken as %q; Kubernetes itself refuses it: quote it", s), "%s is %s, not text", last(path), describe(v))
		return s, true
	}
	return r.wrongType(path, "text", v)
}

func (r *reader) boolean(path string, v any) (any, bool) {
	switch x := v.(type) {
	case bool:
		return x, true
	case string:
		if b, err := strconv.ParseBool(x); err == nil {
			r.warnf("wrong-type", path, fmt.Sprintf("it is taken as %t; Kubernetes itself refuses it: do not quote it", b), "%s is text, not a boolean", last(path))
			return b, true
		}
	}
	return r.wrongType(path, "true or false", v)
}

func (r *reader) integer(path string, v any, t reflect.Type) (any, bool) {
	n, ok := toInt(v)
	if s, isText := v.(string); !ok && isText {
		var err error
		if n, err = strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
			ok = true
			r.warnf("wrong-type", path, fmt.Sprintf("it is taken as %d; Kubernetes itself refuses it: do not quote it, and give the input that it comes from type integer", n),
				"%s is text, not a number", last(path))
		}
	}
	if !ok {
		return r.wrongType(path, "a whole number", v)
	}
	if !fits(n, t) {
		r.errorf("out-of-range", path, "", "%s: %d is out of range", last(path), n)
		return nil, false
	}
	return n, true
}

func fits(n int64, t reflect.Type) bool {
	z := reflect.Zero(t)
	switch {
	case z.CanInt():
		return !z.OverflowInt(n)
	case z.CanUint():
		return n >= 0 && !z.OverflowUint(uint64(n))
	}
	return true
}

// quantity writes a quantity as the API server does, so that both compare equal.
func (r *reader) quantity(path string, v any) (any, bool) {
	s := scalarText(v)
	q, err := resource.ParseQuantity(s)
	if err != nil {
		r.errorf("bad-quantity", path, "want a number with a unit, such as 500m, 2, 128Mi or 1Gi", "%s: %q is no quantity", last(path), s)
		return nil, false
	}
	return q.String(), true
}

func (r *reader) intOrString(path string, v any) (any, bool) {
	if n, ok := toInt(v); ok && n == int64(int32(n)) {
		return n, true
	}
	s, ok := v.(string)
	if !ok {
		return r.wrongType(path, "a number or a name", v)
	}
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return n, true // inputs often arrive as text
	}
	return s, true
}

func (r *reader) base64(path string, v any) (any, bool) {
	s, ok := v.(string)
	if !ok {
		return r.wrongType(path, "base64 text", v)
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		r.errorf("bad-base64", path, "use stringData for plain text, or the function base64_encode", "%s is not base64", last(path))
		return nil, false
	}
	return base64.StdEncoding.EncodeToString(b), true
}

// fieldsOf lists the JSON names of a struct, embedded ones included.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	out := map[string]reflect.StructField{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name == "" && (f.Anonymous || strings.Contains(options, "inline")):
			maps.Copy(out, fieldsOf(f.Type))
		case name != "":
			out[name] = f
		}
	}
	return out
}

func toInt(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), true
		}
	}
	return 0, false
}

func scalarText(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func describe(v any) string {
	switch v.(type) {
	case string:
		return "text"
	case bool:
		return "a boolean"
	case int64, int, float64:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	case nil:
		return "empty"
	}
	return fmt.Sprintf("a %T", v)
}

func join(path, key string) string { return path + "." + key }

func item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func last(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
