package engine

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// decoder turns evaluated properties into a Kubernetes type and collects every finding on the way. Unknown values are left
// out and remembered, so that later checks do not miss what is only not known yet.
type decoder struct {
	diags    fairlead.Diagnostics
	unknowns []string // paths
}

func (d *decoder) report(sev fairlead.Severity, code, path, summary, detail string) {
	d.diags = append(d.diags, fairlead.Diagnostic{Severity: sev, Code: code, Path: path, Summary: summary, Detail: detail})
}

func (d *decoder) errorf(code, path, detail, format string, args ...any) {
	d.report(fairlead.SeverityError, code, path, fmt.Sprintf(format, args...), detail)
}

func (d *decoder) warnf(code, path, detail, format string, args ...any) {
	d.report(fairlead.SeverityWarning, code, path, fmt.Sprintf(format, args...), detail)
}

// unknown reports whether the value at a path, or something around or below it, is not known yet.
func (d *decoder) unknown(path string) bool {
	return slices.ContainsFunc(d.unknowns, func(u string) bool { return within(u, path) || within(path, u) })
}

// within reports whether path is root or lies below it.
func within(path, root string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// decode fills out from v, which is found at path.
func (d *decoder) decode(path string, v any, out any) {
	clean, ok := d.clean(path, v, reflect.TypeOf(out).Elem())
	if !ok {
		return
	}
	b, err := json.Marshal(clean)
	if err == nil {
		err = json.Unmarshal(b, out)
	}
	if err != nil && !d.diags.HasErrors() {
		d.errorf("bad-value", path, "", "the manifest cannot be read: %v", err)
	}
}

// clean returns v in the form that JSON decoding into t accepts; false leaves it out.
func (d *decoder) clean(path string, v any, t reflect.Type) (any, bool) {
	if _, ok := v.(template.Unknown); ok {
		d.unknowns = append(d.unknowns, path)
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
		return d.quantity(path, v)
	case reflect.TypeFor[intstr.IntOrString]():
		return d.intOrString(path, v)
	case reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime]():
		return d.text(path, v)
	case reflect.TypeFor[[]byte]():
		return d.base64(path, v)
	case reflect.TypeFor[metav1.FieldsV1]():
		return nil, false
	}
	switch t.Kind() {
	case reflect.Struct:
		return d.object(path, v, t)
	case reflect.Map:
		return d.mapping(path, v, t.Elem())
	case reflect.Slice:
		return d.list(path, v, t.Elem())
	case reflect.String:
		return d.text(path, v)
	case reflect.Bool:
		return d.boolean(path, v)
	case reflect.Float32, reflect.Float64:
		return v, true
	default:
		return d.integer(path, v, t)
	}
}

func (d *decoder) wrongType(path, want string, v any) (any, bool) {
	d.errorf("wrong-type", path, "want "+want, "%s is %s", last(path), describe(v))
	return nil, false
}

func (d *decoder) object(path string, v any, t reflect.Type) (any, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return d.wrongType(path, "a map of fields", v)
	}
	fields := fieldsOf(t)
	out := make(map[string]any, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		ft, ok := fields[k]
		if !ok {
			d.unknownField(path, k, fields)
			continue
		}
		if x, ok := d.clean(join(path, k), m[k], ft); ok {
			out[k] = x
		}
	}
	return out, true
}

func (d *decoder) unknownField(path, key string, fields map[string]reflect.Type) {
	detail := "it is ignored"
	if near := fairlead.Nearest(key, slices.Sorted(maps.Keys(fields))); near != "" {
		detail += fmt.Sprintf("; did you mean %q?", near)
	}
	d.warnf("unknown-field", join(path, key), detail, "unknown field %q", key)
}

func (d *decoder) mapping(path string, v any, elem reflect.Type) (any, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return d.wrongType(path, "a map", v)
	}
	out := make(map[string]any, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if x, ok := d.clean(join(path, k), m[k], elem); ok {
			out[k] = x
		}
	}
	return out, true
}

func (d *decoder) list(path string, v any, elem reflect.Type) (any, bool) {
	l, ok := v.([]any)
	if !ok {
		return d.wrongType(path, "a list", v)
	}
	out := make([]any, 0, len(l))
	for i := range l {
		p := fmt.Sprintf("%s[%d]", path, i)
		x, ok := d.clean(p, l[i], elem)
		if !ok {
			// Keep the positions, so that later findings name the right item.
			x = reflect.Zero(elem).Interface()
		}
		out = append(out, x)
	}
	return out, true
}

func (d *decoder) text(path string, v any) (any, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool, int64, int, float64:
		s := plain(v)
		d.warnf("wrong-type", path, fmt.Sprintf("it is taken as %q; Kubernetes refuses it: quote it", s), "%s is %s, not text", last(path), describe(v))
		return s, true
	}
	return d.wrongType(path, "text", v)
}

func (d *decoder) boolean(path string, v any) (any, bool) {
	switch x := v.(type) {
	case bool:
		return x, true
	case string:
		if b, err := strconv.ParseBool(x); err == nil {
			d.warnf("wrong-type", path, fmt.Sprintf("it is taken as %t; Kubernetes refuses it: do not quote it", b), "%s is text, not a boolean", last(path))
			return b, true
		}
	}
	return d.wrongType(path, "true or false", v)
}

func (d *decoder) integer(path string, v any, t reflect.Type) (any, bool) {
	n, ok := toInt(v)
	if !ok {
		s, isText := v.(string)
		if isText {
			var err error
			n, err = strconv.ParseInt(strings.TrimSpace(s), 10, 64)
			ok = err == nil
		}
		if !ok {
			return d.wrongType(path, "a whole number", v)
		}
		d.warnf("wrong-type", path, fmt.Sprintf("it is taken as %d; Kubernetes refuses it: do not quote it, and give the input that it comes from type integer", n),
			"%s is text, not a number", last(path))
	}
	if reflect.Zero(t).OverflowInt(n) {
		d.errorf("out-of-range", path, "", "%s: %d is out of range", last(path), n)
		return nil, false
	}
	return n, true
}

func (d *decoder) quantity(path string, v any) (any, bool) {
	s := plain(v)
	if _, err := resource.ParseQuantity(s); err != nil {
		d.errorf("bad-quantity", path, "want a number with a unit, such as 500m, 2, 128Mi or 1Gi", "%s: %q is no quantity", last(path), s)
		return nil, false
	}
	return s, true
}

func (d *decoder) intOrString(path string, v any) (any, bool) {
	if n, ok := toInt(v); ok {
		return n, true
	}
	s, ok := v.(string)
	if !ok {
		return d.wrongType(path, "a number or a name", v)
	}
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return n, true // inputs often arrive as text
	}
	return s, true
}

func (d *decoder) base64(path string, v any) (any, bool) {
	s, ok := v.(string)
	if !ok {
		return d.wrongType(path, "base64 text", v)
	}
	s = strings.Join(strings.Fields(s), "")
	if _, err := base64.StdEncoding.DecodeString(s); err != nil {
		d.errorf("bad-base64", path, "use stringData for plain text, or the function base64_encode", "%s is not base64", last(path))
		return nil, false
	}
	return s, true
}

// fieldsOf lists the JSON names of a struct, embedded ones included.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name == "" && f.Anonymous:
			maps.Copy(out, fieldsOf(f.Type))
		case name != "":
			out[name] = f.Type
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

func plain(v any) string {
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
	}
	return fmt.Sprintf("a %T", v)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func last(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
