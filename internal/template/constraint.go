package template

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// constraint is one rule on the value of an input.
type constraint struct {
	keyword string
	operand any
	pattern *regexp.Regexp // of regex
}

func constraintKeywords() []string {
	return []string{"equal", "greater_than", "greater_or_equal", "less_than", "less_or_equal", "in_range", "valid_values", "regex", "min_length", "max_length"}
}

func (k constraint) list() []any {
	list, _ := k.operand.([]any)
	return list
}

func (in *input) has(keyword string) bool {
	return slices.ContainsFunc(in.constraints, func(k constraint) bool { return k.keyword == keyword })
}

// constraints reads both forms: a map of keywords, and a list of such maps.
func (c *checker) constraints(in *input, n *node) {
	switch n.kind {
	case kindNull:
	case kindMap:
		c.constraintMap(in, n)
	case kindList:
		for i, item := range n.items {
			c.pushIndex(i)
			if item.kind == kindMap {
				c.constraintMap(in, item)
			} else {
				c.on(item).error("constraint", "a constraint must be a map, not "+item.kind.String(), "such as - min_length: 3")
			}
			c.pop()
		}
	default:
		c.on(n).error("constraint", "constraints must be a map or a list, not "+n.kind.String(), "such as {greater_or_equal: 1, less_or_equal: 10}")
	}
}

func (c *checker) constraintMap(in *input, n *node) {
	for i := range n.pairs {
		p := &n.pairs[i]
		c.push(p.key)
		switch {
		case !slices.Contains(constraintKeywords(), p.key):
			c.key(p).error("constraint", fmt.Sprintf("there is no constraint %s", quote(p.key)), c.meant(p.key, constraintKeywords(), ""))
		case in.has(p.key):
			c.key(p).error("constraint", fmt.Sprintf("constraint %s is written twice", p.key), "an input has each of them at most once")
		default:
			c.constraint(in, p)
		}
		c.pop()
	}
}

func (c *checker) constraint(in *input, p *pair) {
	if call := findCall(p.value); call != nil {
		c.noFunction(call)
		return
	}
	k := constraint{keyword: p.key, operand: p.value.value()}
	want := ""
	switch p.key {
	case "equal":
		if !p.value.scalar() || p.value.kind == kindNull {
			want = "a single value"
		}
	case "greater_than", "greater_or_equal", "less_than", "less_or_equal":
		if _, ok := numberOf(k.operand); !ok {
			want = "a number"
		}
	case "in_range":
		want = wantRange(k.list())
	case "valid_values":
		if len(k.list()) == 0 || slices.ContainsFunc(p.value.items, func(n *node) bool { return !n.scalar() || n.kind == kindNull }) {
			want = "a list of at least one text, number or boolean"
		}
	case "regex":
		k.pattern, want = compile(p.value)
	case "min_length", "max_length":
		if i, ok := k.operand.(int64); !ok || i < 0 {
			want = "a whole number from 0"
		}
	}
	if want != "" {
		c.on(p.value).error("constraint", fmt.Sprintf("constraint %s needs %s", p.key, want), "")
		return
	}
	in.constraints = append(in.constraints, k)
}

func wantRange(list []any) string {
	if len(list) != 2 {
		return "a list of two numbers, the smallest and the largest"
	}
	low, okLow := numberOf(list[0])
	high, okHigh := numberOf(list[1])
	switch {
	case !okLow || !okHigh:
		return "a list of two numbers, the smallest and the largest"
	case low > high:
		return "the smaller number first"
	}
	return ""
}

// compile reads a regular expression. Matching takes time in proportion to the text, so look-around and back-references,
// which some other dialects have, are not there.
func compile(n *node) (*regexp.Regexp, string) {
	if n.kind != kindString {
		return nil, "a regular expression as text"
	}
	if len(n.text) > 1000 {
		return nil, "a regular expression of at most 1000 bytes"
	}
	re, err := regexp.Compile(n.text)
	if err != nil {
		return nil, "a regular expression in RE2 syntax: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	}
	return re, ""
}

// violations are the rules that a converted value breaks; each reads on after the name of the input or property.
func (in *input) violations(v any) []string {
	var problems []string
	for _, k := range in.constraints {
		if problem := k.check(v); problem != "" {
			if !in.secret() {
				problem += ", not " + in.show(v)
			}
			problems = append(problems, problem)
		}
	}
	return problems
}

func (k constraint) check(v any) string {
	switch k.keyword {
	case "equal":
		return problem(same(v, k.operand), "must be "+textOf(k.operand))
	case "valid_values":
		valid := slices.ContainsFunc(k.list(), func(x any) bool { return same(x, v) })
		return problem(valid, "must be one of "+shorten(join(k.list())))
	case "regex":
		return problem(k.pattern.MatchString(textOf(v)), "must match "+k.pattern.String())
	case "min_length":
		return problem(length(v) >= k.operand.(int64), "must have at least "+textOf(k.operand)+" characters")
	case "max_length":
		return problem(length(v) <= k.operand.(int64), "must have at most "+textOf(k.operand)+" characters")
	}
	return k.compare(v)
}

// compare checks the rules about numbers.
func (k constraint) compare(v any) string {
	x, ok := numberOf(v)
	if k.keyword == "in_range" {
		low, _ := numberOf(k.list()[0])
		high, _ := numberOf(k.list()[1])
		return problem(ok && low <= x && x <= high, fmt.Sprintf("must be a number from %s to %s", textOf(k.list()[0]), textOf(k.list()[1])))
	}
	y, _ := numberOf(k.operand)
	switch k.keyword {
	case "greater_than":
		return problem(ok && x > y, "must be a number greater than "+textOf(k.operand))
	case "greater_or_equal":
		return problem(ok && x >= y, "must be a number of at least "+textOf(k.operand))
	case "less_than":
		return problem(ok && x < y, "must be a number less than "+textOf(k.operand))
	}
	return problem(ok && x <= y, "must be a number of at most "+textOf(k.operand))
}

func problem(ok bool, text string) string {
	if ok {
		return ""
	}
	return text
}

// length counts the characters of a text and the entries of a list or map.
func length(v any) int64 {
	switch v := v.(type) {
	case []any:
		return int64(len(v))
	case map[string]any:
		return int64(len(v))
	}
	return int64(utf8.RuneCountInString(textOf(v)))
}

func join(list []any) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = textOf(v)
		if _, ok := v.(string); ok && parts[i] == "" {
			parts[i] = strconv.Quote("")
		}
	}
	return strings.Join(parts, ", ")
}
