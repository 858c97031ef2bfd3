package template

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// textual reports whether values are kept as text whatever they look like.
func (in *input) textual() bool {
	switch in.declared {
	case typeNone, typeInteger, typeFloat, typeBoolean, typeEnum:
		return false
	}
	return true
}

// convert makes a value of the input's type. The problem is "" when that works, and reads on after the input's name.
func (in *input) convert(v any) (converted any, problem string) {
	v = plainValue(v)
	ok, want := false, "text"
	switch in.declared {
	case typeNone:
		return in.convertUntyped(v)
	case typeEnum:
		return in.convertEnum(v), ""
	case typeInteger:
		converted, ok = toInteger(v)
		want = "an integer"
	case typeFloat:
		converted, ok = toFloat(v)
		want = "a number"
	case typeBoolean:
		converted, ok = toBoolean(v)
		want = "true or false"
	case typeIP:
		_, err := netip.ParseAddr(textOf(v))
		converted, ok = textOf(v), err == nil
		want = "an IP address"
	default:
		converted, ok = toText(v)
	}
	if !ok {
		return nil, fmt.Sprintf("must be %s, not %s", want, in.show(v))
	}
	return converted, ""
}

// show is how a value appears in messages.
func (in *input) show(v any) string {
	switch v := v.(type) {
	case []any:
		return kindList.String()
	case map[string]any:
		return kindMap.String()
	case string:
		if in.secret() {
			return "what was given"
		}
		return quote(v)
	}
	if in.secret() {
		return "what was given"
	}
	return textOf(v)
}

// convertEnum takes the valid value that reads the same. When there is none the constraint says what is wrong.
func (in *input) convertEnum(v any) any {
	for _, k := range in.constraints {
		if k.keyword != "valid_values" {
			continue
		}
		for _, valid := range k.list() {
			if same(valid, v) {
				return valid
			}
		}
	}
	return v
}

// convertUntyped follows the default of an input without a declared type. A value that does not fit stays text, because
// nothing was promised.
func (in *input) convertUntyped(v any) (any, string) {
	switch in.def.(type) {
	case int64:
		if i, ok := toInteger(v); ok {
			return i, ""
		}
	case float64:
		if f, ok := toFloat(v); ok {
			return f, ""
		}
	case bool:
		if b, ok := toBoolean(v); ok {
			return b, ""
		}
	case []any, map[string]any:
		return in.convertStructure(v)
	}
	return v, ""
}

// convertStructure reads a list or map that came as JSON text.
func (in *input) convertStructure(v any) (any, string) {
	if s, ok := v.(string); ok {
		var decoded any
		dec := json.NewDecoder(strings.NewReader(s))
		dec.UseNumber()
		if err := dec.Decode(&decoded); err == nil {
			v = plainValue(decoded)
		}
	}
	_, isList := v.([]any)
	_, isMap := v.(map[string]any)
	if in.natural() == typeList && !isList || in.natural() == typeMap && !isMap {
		return nil, fmt.Sprintf("must be a %s, as JSON text on a command line, not %s", in.natural(), in.show(v))
	}
	return v, ""
}

// plainValue reduces the number types that callers use to int64 and float64, in lists and maps too.
func plainValue(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v)
		}
		return float64(v)
	case float32:
		return float64(v)
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return list
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plainValue(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k := range v {
			m[k] = plainValue(v[k])
		}
		return m
	}
	return v
}

func toInteger(v any) (any, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case string:
		i, err := strconv.ParseInt(v, 10, 64)
		return i, err == nil
	}
	return nil, false
}

func toFloat(v any) (any, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, !math.IsInf(v, 0) && !math.IsNaN(v)
	case string:
		return numberOf(v)
	}
	return nil, false
}

func toBoolean(v any) (any, bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		return strings.EqualFold(v, "true"), strings.EqualFold(v, "true") || strings.EqualFold(v, "false")
	}
	return nil, false
}

// toText makes text of a scalar.
func toText(v any) (any, bool) {
	switch v.(type) {
	case string, bool, int64, float64:
		return textOf(v), true
	}
	return nil, false
}

// textOf is how a scalar reads as text; lists and maps read as JSON.
func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// numberOf reads a number from a value that is one or looks like one.
func numberOf(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case string:
		f, err := strconv.ParseFloat(v, 64)
		return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
	}
	return 0, false
}

// same compares as the language does: by text, and by number or truth where one side is a number or boolean.
func same(a, b any) bool {
	if textOf(a) == textOf(b) {
		return true
	}
	_, textA := a.(string)
	_, textB := b.(string)
	_, boolA := a.(bool)
	_, boolB := b.(bool)
	switch {
	case boolA || boolB:
		return strings.EqualFold(textOf(a), textOf(b))
	case textA && textB:
		return false
	}
	x, okX := numberOf(a)
	y, okY := numberOf(b)
	return okX && okY && x == y
}
