package template

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

func filterNames() []string {
	return []string{"abs", "capitalize", "count", "d", "default", "first", "float", "format", "int", "join", "last", "length", "list", "lower", "max", "min",
		"replace", "reverse", "round", "sort", "string", "sum", "title", "tojson", "trim", "unique", "upper"}
}

func testNames() []string {
	return []string{"defined", "divisibleby", "even", "none", "number", "odd", "string", "undefined"}
}

// filtered works out {{ value | filter | ... }}.
func (r *rendering) filtered(n *nodes.FilteredExpression) (any, error) {
	v, err := r.eval(n.Expression)
	for _, f := range n.Filters {
		undefined := err != nil
		if name, ok := n.Expression.(*nodes.Name); !ok || r.has(name) || f.Name != "default" && f.Name != "d" {
			undefined = false
		}
		if err != nil && !undefined {
			return nil, err
		}
		if v, err = r.filter(f, v, undefined); err != nil {
			return nil, err
		}
	}
	return v, err
}

func (r *rendering) has(n *nodes.Name) bool {
	_, ok := r.vars[n.Name.Val]
	return ok
}

func (r *rendering) filter(f *nodes.FilterCall, v any, undefined bool) (any, error) {
	if !slices.Contains(filterNames(), f.Name) {
		return nil, mistake(f.Token, "filters are: "+strings.Join(filterNames(), ", "), "there is no filter %s", quote(f.Name))
	}
	args := make([]any, len(f.Args))
	var err error
	for i, arg := range f.Args {
		if args[i], err = r.eval(arg); err != nil {
			return nil, err
		}
	}
	if len(f.Kwargs) > 0 {
		return nil, mistake(f.Token, "", "filter %s takes no named arguments here", f.Name)
	}
	if f.Name == "default" || f.Name == "d" {
		switch {
		case len(args) == 0:
			return nil, mistake(f.Token, "write default(VALUE)", "filter default needs a value")
		case undefined, v == nil, len(args) > 1 && truthy(args[1]) && !truthy(v):
			return args[0], nil
		}
		return v, nil
	}
	if u, ok := firstUnknown(append([]any{v}, args...)); ok {
		return u, nil
	}
	if err := r.grow(f.Token, int(length(v))); err != nil {
		return nil, err
	}
	switch f.Name {
	case "upper", "lower", "capitalize", "title", "trim", "string", "replace", "format", "tojson":
		return r.textFilter(f, v, args)
	case "int", "float", "abs", "round":
		return numberFilter(f.Token, f.Name, v, args)
	}
	return r.listFilter(f, v, args)
}

func (r *rendering) textFilter(f *nodes.FilterCall, v any, args []any) (any, error) {
	s := textOf(v)
	switch f.Name {
	case "upper":
		return strings.ToUpper(s), nil
	case "lower":
		return strings.ToLower(s), nil
	case "capitalize":
		return capitalize(s), nil
	case "title":
		words := strings.Split(s, " ")
		for i := range words {
			words[i] = capitalize(words[i])
		}
		return strings.Join(words, " "), nil
	case "trim":
		return strings.TrimSpace(s), nil
	case "replace":
		if len(args) != 2 {
			return nil, mistake(f.Token, "write replace(OLD, NEW)", "filter replace takes two texts")
		}
		old, with := textOf(args[0]), textOf(args[1])
		if err := r.grow(f.Token, (strings.Count(s, old)+1)*len(with)); err != nil {
			return nil, err
		}
		return strings.ReplaceAll(s, old, with), nil
	case "format":
		return r.format(f.Token, s, args)
	case "tojson":
		b, err := json.Marshal(v)
		if err != nil {
			return nil, mistake(f.Token, "", "the value cannot be written as JSON")
		}
		return string(b), r.grow(f.Token, len(b))
	}
	return s, nil
}

func capitalize(s string) string {
	if s == "" {
		return s
	}
	runes := []rune(strings.ToLower(s))
	return strings.ToUpper(string(runes[:1])) + string(runes[1:])
}

// format fills in %s, %d and numbers of fixed width such as %03d.
func (r *rendering) format(at *tokens.Token, s string, args []any) (any, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		end := i + 1
		for end < len(s) && end-i < 4 && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		if end < len(s) && s[end] == '%' {
			b.WriteByte('%')
			i = end
			continue
		}
		if end >= len(s) || strings.IndexByte("sd", s[end]) < 0 || len(args) == 0 {
			return nil, mistake(at, "write such as {{ \"%03d\" | format(item) }}", "format needs %%s, %%d or %%03d, and a value for each")
		}
		width, _ := strconv.Atoi(s[i+1 : end])
		text := textOf(args[0])
		if _, isInt := args[0].(int64); s[end] == 'd' && !isInt {
			return nil, mistake(at, "", "format needs an integer for %%d, not %s", kindName(args[0]))
		}
		fill := " "
		if end > i+1 && s[i+1] == '0' {
			fill = "0"
		}
		b.WriteString(strings.Repeat(fill, max(0, width-len(text))) + text)
		args, i = args[1:], end
	}
	return b.String(), r.grow(at, b.Len())
}

func numberFilter(at *tokens.Token, name string, v any, args []any) (any, error) {
	x, ok := numberOf(v)
	if b, isBool := v.(bool); isBool {
		x, ok = 0, true
		if b {
			x = 1
		}
	}
	if !ok {
		return nil, mistake(at, "", "%s is not a number", quote(textOf(v)))
	}
	switch name {
	case "int":
		if i, isInt := toInteger(v); isInt {
			return i, nil
		}
		if math.Abs(x) >= 1<<62 {
			return nil, mistake(at, "", "the number is too large")
		}
		return int64(x), nil
	case "float":
		return x, nil
	case "abs":
		if i, isInt := v.(int64); isInt {
			return max(i, -i), nil
		}
		return math.Abs(x), nil
	}
	digits := 0.0
	if len(args) > 0 {
		digits, _ = numeric(args[0])
	}
	p := math.Pow(10, min(max(digits, 0), 15))
	return math.Round(x*p) / p, nil
}

func (r *rendering) listFilter(f *nodes.FilterCall, v any, args []any) (any, error) {
	if f.Name == "length" || f.Name == "count" {
		return length(v), nil
	}
	var list []any
	switch v := v.(type) {
	case []any:
		list = v
	case map[string]any:
		list, _, _ = entries(v, false)
	case string:
		for _, c := range v {
			list = append(list, string(c))
		}
	default:
		return nil, mistake(f.Token, "", "filter %s takes a list, not %s", f.Name, kindName(v))
	}
	if err := r.grow(f.Token, 16*len(list)); err != nil {
		return nil, err
	}
	switch f.Name {
	case "join":
		return r.join(f.Token, list, args)
	case "list":
		return list, nil
	case "reverse":
		list = slices.Clone(list)
		slices.Reverse(list)
		return list, nil
	case "unique":
		var out []any
		for _, x := range list {
			if err := r.step(f.Token); err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(out, func(o any) bool { return same(o, x) }) {
				out = append(out, x)
			}
		}
		return out, nil
	}
	return ordered(f.Token, f.Name, list)
}

func (r *rendering) join(at *tokens.Token, list, args []any) (any, error) {
	between := ""
	if len(args) > 0 {
		between = textOf(args[0])
	}
	parts, size := make([]string, len(list)), len(between)*len(list)
	for i := range list {
		parts[i] = textOf(list[i])
		size += len(parts[i])
	}
	if err := r.grow(at, size); err != nil {
		return nil, err
	}
	return strings.Join(parts, between), nil
}

// ordered are the filters that look at how the items of a list compare.
func ordered(at *tokens.Token, name string, list []any) (any, error) {
	if len(list) == 0 {
		if name == "sum" {
			return int64(0), nil
		}
		if name == "sort" {
			return list, nil
		}
		return nil, mistake(at, "", "the list of filter %s is empty", name)
	}
	switch name {
	case "first":
		return list[0], nil
	case "last":
		return list[len(list)-1], nil
	}
	if name == "sum" {
		return sum(at, list)
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b any) int {
		x, okX := numeric(a)
		y, okY := numeric(b)
		switch {
		case !okX || !okY:
			return strings.Compare(textOf(a), textOf(b))
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	switch name {
	case "min":
		return list[0], nil
	case "max":
		return list[len(list)-1], nil
	}
	return list, nil
}

func sum(at *tokens.Token, list []any) (any, error) {
	var total any = int64(0)
	for _, x := range list {
		i, intX := total.(int64)
		j, intY := x.(int64)
		if intX && intY {
			total = i + j
			continue
		}
		a, _ := numeric(total)
		b, ok := numeric(x)
		if !ok {
			return nil, mistake(at, "", "filter sum adds numbers, not %s", kindName(x))
		}
		total = a + b
	}
	return total, nil
}

// test works out {{ value is test }}; the parser reads {{ value in list }} the same way.
func (r *rendering) test(n *nodes.TestExpression) (any, error) {
	name := n.Test.Name
	if v, ok := n.Expression.(*nodes.Name); ok && (name == "defined" || name == "undefined") {
		return r.has(v) == (name == "defined"), nil
	}
	v, err := r.eval(n.Expression)
	if err != nil {
		return nil, err
	}
	var arg any
	if len(n.Test.Args) > 0 {
		if arg, err = r.eval(n.Test.Args[0]); err != nil {
			return nil, err
		}
	}
	if u, ok := firstUnknown([]any{v, arg}); ok {
		return u, nil
	}
	i, isInt := v.(int64)
	switch name {
	case "in":
		return contains(n.Test.Token, arg, v)
	case "defined", "undefined":
		return name == "defined", nil
	case "none":
		return v == nil, nil
	case "string":
		_, ok := v.(string)
		return ok, nil
	case "number":
		_, ok := numeric(v)
		return ok, nil
	case "even", "odd", "divisibleby":
		by, ok := int64(2), true
		if name == "divisibleby" {
			by, ok = arg.(int64)
		}
		if !isInt || !ok || by == 0 {
			return nil, mistake(n.Test.Token, "", "test %s needs integers", name)
		}
		return (i%by == 0) == (name != "odd"), nil
	}
	return nil, mistake(n.Test.Token, "tests are: "+strings.Join(testNames(), ", "), "there is no test %s", quote(fmt.Sprint(name)))
}
