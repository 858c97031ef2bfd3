package template

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"

	"github.com/fairlead/fairlead"
)

// Limits of a text with {{...}} in it, and of what comes out.
const (
	maxPattern  = 64 << 10 // bytes of the text
	maxRendered = 1 << 20  // bytes that come out, and that are built on the way
	maxSteps    = 100_000  // parts that are worked out
	maxAllSteps = 1 << 20  // likewise, of all texts of a template; 64 bytes that come out count as one more
	maxBrackets = 50       // nesting of brackets
)

// unknownMark stands in a rendered text for a value that is not known yet.
const unknownMark = "fairlead-value-that-is-not-known-yet"

// pattern is a parsed text with {{...}} in it. Parsing is gonja's; working it out is our own, because a pattern is
// somebody's input: it can read nothing but its variables, call nothing but what is listed here, and costs a bounded time.
type pattern struct{ nodes []nodes.Node }

// patternError is what is wrong with a pattern, with its place in the text; line 0 is unknown.
type patternError struct {
	line, col       int
	summary, detail string
}

func (e *patternError) Error() string { return e.summary }

func mistake(at *tokens.Token, detail, format string, args ...any) *patternError {
	e := &patternError{summary: fmt.Sprintf(format, args...), detail: detail}
	if at != nil {
		e.line, e.col = at.Line, at.Col
	}
	return e
}

// parsePattern reads a text.
func parsePattern(text string) (p *pattern, problem *patternError) {
	if len(text) > maxPattern {
		return nil, mistake(nil, "", "the text has %d bytes, at most %d are possible", len(text), maxPattern)
	}
	if bracketsOf(text) > maxBrackets {
		return nil, mistake(nil, "", "brackets are nested more than %d levels deep", maxBrackets)
	}
	defer func() {
		if r := recover(); r != nil { // of the parser, by odd input
			p, problem = nil, mistake(nil, "", "the text cannot be read")
		}
	}()
	cfg := config.New()
	cfg.KeepTrailingNewline = true
	root, err := parser.NewParser("properties", tokens.LexAll(text, cfg), cfg, nil, blocks{}).Parse()
	if err != nil {
		return nil, patternSyntax(err)
	}
	return &pattern{root.Nodes}, nil
}

// bracketsOf is the deepest nesting of brackets, whether they match or not.
func bracketsOf(text string) int {
	depth, deepest := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(', '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ')', ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return deepest
}

func patternSyntax(err error) *patternError {
	if own, ok := errors.AsType[*patternError](err); ok {
		return own
	}
	if s, ok := errors.AsType[*parser.SyntaxError](err); ok {
		message := strings.TrimSuffix(strings.ToLower(s.Message[:1])+s.Message[1:], ".")
		return &patternError{line: s.Line, col: s.Column, summary: fmt.Sprintf("not valid near %s: %s", quote(s.Raw), message)}
	}
	return &patternError{summary: "not valid: " + err.Error()}
}

// blocks are the {% ... %} that a pattern may have.
type blocks struct{}

// Get returns the parser of a block.
func (blocks) Get(name string) (parser.ControlStructureParser, bool) {
	switch name {
	case "if":
		return parseIf, true
	case "for":
		return parseFor, true
	}
	return func(_, args *parser.Parser) (nodes.ControlStructure, error) {
		return nil, mistake(args.Current(), "blocks are: if, for", "there is no block %s", quote(name))
	}, true
}

// ifBlock is {% if %}, with as many elif as wanted; the body beyond the conditions is else.
type ifBlock struct {
	at         *tokens.Token
	conditions []nodes.Expression
	bodies     []*nodes.Wrapper
}

func (b *ifBlock) Position() *tokens.Token { return b.at }
func (b *ifBlock) String() string          { return "if" }

func parseIf(p, args *parser.Parser) (nodes.ControlStructure, error) {
	b := &ifBlock{at: args.Current()}
	for {
		if len(b.conditions) == len(b.bodies) && args != nil {
			condition, err := args.ParseExpression()
			if err != nil {
				return nil, err
			}
			b.conditions = append(b.conditions, condition)
		}
		if args != nil && !args.End() {
			return nil, mistake(args.Current(), "", "the condition is not valid")
		}
		body, rest, err := p.WrapUntil("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		b.bodies = append(b.bodies, body)
		args = nil
		switch body.EndTag {
		case "endif":
			return b, nil
		case "elif":
			if len(b.bodies) > len(b.conditions) {
				return nil, mistake(b.at, "", "elif comes after else")
			}
			args = rest
		case "else":
			if len(b.bodies) > len(b.conditions) {
				return nil, mistake(b.at, "", "there is a second else")
			}
		}
	}
}

// forBlock is {% for %}.
type forBlock struct {
	at         *tokens.Token
	key, value string // value is "" for one variable
	over       nodes.Expression
	body, none *nodes.Wrapper
}

func (b *forBlock) Position() *tokens.Token { return b.at }
func (b *forBlock) String() string          { return "for" }

func parseFor(p, args *parser.Parser) (nodes.ControlStructure, error) {
	b := &forBlock{at: args.Current()}
	name := args.Match(tokens.Name)
	if name == nil {
		return nil, mistake(b.at, "write {% for NAME in LIST %}", "for needs the name of a variable")
	}
	b.key = name.Val
	if args.Match(tokens.Comma) != nil {
		if name = args.Match(tokens.Name); name == nil {
			return nil, mistake(b.at, "write {% for KEY, VALUE in MAP %}", "for needs the name of a second variable after the comma")
		}
		b.value = name.Val
	}
	if args.Match(tokens.In) == nil {
		return nil, mistake(b.at, "write {% for NAME in LIST %}", "for needs in")
	}
	var err error
	if b.over, err = args.ParseExpression(); err != nil {
		return nil, err
	}
	if !args.End() {
		return nil, mistake(args.Current(), "conditions and recursive are not possible; write {% if %} inside", "for has more than a list")
	}
	if b.body, _, err = p.WrapUntil("else", "endfor"); err != nil {
		return nil, err
	}
	if b.body.EndTag == "else" {
		b.none, _, err = p.WrapUntil("endfor")
	}
	return b, err
}

// rendering works one pattern out.
type rendering struct {
	vars  map[string]any // in reach: nil, bool, int64, float64, string, []any, map[string]any, Unknown
	out   strings.Builder
	steps int
	most  int // of the steps
	built int
	// unknown is the first value that was not known. undecided tells that the text depends on it in more than a value.
	unknown   *Unknown
	undecided bool
}

// render works the pattern out. The text is of no use when it is undecided. budget is what all patterns together may still
// cost.
func (p *pattern) render(vars map[string]any, budget *int) (text string, unknown *Unknown, undecided bool, problem *patternError) {
	r := &rendering{vars: vars, most: min(maxSteps, *budget)}
	defer func() {
		*budget -= r.steps + r.built/64
		if x := recover(); x != nil {
			problem = mistake(nil, "", "the text cannot be worked out")
		}
	}()
	if err := r.write(p.nodes); err != nil {
		return "", nil, false, err.(*patternError)
	}
	return r.out.String(), r.unknown, r.undecided, nil
}

func (r *rendering) step(at *tokens.Token) error {
	if r.steps++; r.steps > r.most {
		return mistake(at, fmt.Sprintf("at most %d are possible, and %d for all texts of a template", maxSteps, maxAllSteps), "working the text out takes too many steps")
	}
	return nil
}

// grow counts what is built.
func (r *rendering) grow(at *tokens.Token, n int) error {
	if r.built += n; n < 0 || r.built > maxRendered {
		return mistake(at, "", "more than %d bytes are built", maxRendered)
	}
	return nil
}

func (r *rendering) write(list []nodes.Node) error {
	for _, n := range list {
		if r.undecided {
			return nil
		}
		var err error
		switch n := n.(type) {
		case *nodes.Data:
			err = r.data(n)
		case *nodes.Output:
			err = r.output(n)
		case *nodes.ControlStructureBlock:
			err = r.block(n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *rendering) data(n *nodes.Data) error {
	text := n.Data.Val
	if n.Trim.Left {
		text = strings.TrimLeft(text, " \r\n\t")
	}
	if n.Trim.Right {
		text = strings.TrimRight(text, " \r\n\t")
	}
	r.out.WriteString(text)
	if err := r.step(n.Data); err != nil {
		return err
	}
	return r.grow(n.Data, len(text))
}

func (r *rendering) output(n *nodes.Output) error {
	expression := n.Expression
	if n.Condition != nil {
		holds, known, err := r.truth(n.Condition)
		if err != nil || !known {
			return err
		}
		if !holds {
			expression = n.Alternative
		}
		if expression == nil {
			return nil
		}
	}
	v, err := r.eval(expression)
	if err != nil {
		return err
	}
	text := unknownMark
	if u, ok := firstUnknown(v); ok {
		r.notKnown(u)
	} else {
		text = textOf(v)
	}
	r.out.WriteString(text)
	return r.grow(n.Start, len(text))
}

func (r *rendering) notKnown(u Unknown) {
	if r.unknown == nil {
		r.unknown = &u
	}
}

// truth works out a condition. When that is not possible yet the text is undecided.
func (r *rendering) truth(n nodes.Expression) (holds, known bool, err error) {
	v, err := r.eval(n)
	if err != nil {
		return false, false, err
	}
	if u, ok := firstUnknown(v); ok {
		r.notKnown(u)
		r.undecided = true
		return false, false, nil
	}
	return truthy(v), true, nil
}

func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

func (r *rendering) block(n *nodes.ControlStructureBlock) error {
	if err := r.step(n.Location); err != nil {
		return err
	}
	switch b := n.ControlStructure.(type) {
	case *ifBlock:
		for i, condition := range b.conditions {
			holds, known, err := r.truth(condition)
			if err != nil || !known {
				return err
			}
			if holds {
				return r.write(b.bodies[i].Nodes)
			}
		}
		if len(b.bodies) > len(b.conditions) {
			return r.write(b.bodies[len(b.conditions)].Nodes)
		}
	case *forBlock:
		return r.loop(b)
	}
	return nil
}

func (r *rendering) loop(b *forBlock) error {
	v, err := r.eval(b.over)
	if err != nil {
		return err
	}
	if u, ok := v.(Unknown); ok {
		r.notKnown(u)
		r.undecided = true
		return nil
	}
	keys, values, ok := entries(v, b.value != "")
	if !ok {
		return mistake(b.at, "", "for cannot go over %s", kindName(v))
	}
	if len(keys) == 0 && b.none != nil {
		return r.write(b.none.Nodes)
	}
	defer r.restore(b.key, b.value, "loop")()
	for i := range keys {
		if err := r.step(b.at); err != nil {
			return err
		}
		r.vars[b.key] = keys[i]
		if b.value != "" {
			r.vars[b.value] = values[i]
		}
		r.vars["loop"] = map[string]any{"index": int64(i + 1), "index0": int64(i), "first": i == 0, "last": i == len(keys)-1, "length": int64(len(keys))}
		if err := r.write(b.body.Nodes); err != nil {
			return err
		}
	}
	return nil
}

// restore notes variables and returns what puts them back.
func (r *rendering) restore(names ...string) func() {
	before := make(map[string]any, len(names))
	for _, name := range names {
		if v, ok := r.vars[name]; ok {
			before[name] = v
		}
	}
	return func() {
		for _, name := range names {
			delete(r.vars, name)
		}
		maps.Copy(r.vars, before)
	}
}

// entries are what a loop goes over: the items of a list, or the sorted keys of a map with their values. With two variables an
// item of a list is a pair.
func entries(v any, two bool) (keys, values []any, ok bool) {
	switch v := v.(type) {
	case []any:
		if !two {
			return v, nil, true
		}
		for _, item := range v {
			pair, _ := item.([]any)
			if len(pair) != 2 {
				return nil, nil, false
			}
			keys, values = append(keys, pair[0]), append(values, pair[1])
		}
		return keys, values, true
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			keys, values = append(keys, k), append(values, v[k])
		}
		return keys, values, true
	}
	return nil, nil, false
}

func kindName(v any) string {
	switch v.(type) {
	case nil:
		return kindNull.String()
	case bool:
		return kindBool.String()
	case int64:
		return kindInt.String()
	case float64:
		return kindFloat.String()
	case string:
		return kindString.String()
	case []any:
		return kindList.String()
	}
	return kindMap.String()
}

// unknownName reports a variable that is not there.
func (r *rendering) unknownName(at *tokens.Token, name string) error {
	known := slices.Sorted(maps.Keys(r.vars))
	detail := "known are: " + strings.Join(known, ", ")
	if best := fairlead.Nearest(name, known); best != "" {
		detail = "did you mean " + quote(best) + "?"
	}
	return mistake(at, detail, "there is no variable %s", quote(name))
}
