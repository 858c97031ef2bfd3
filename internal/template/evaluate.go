package template

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/fairlead/fairlead"
)

// maxBuilt is how many bytes of text the functions of one evaluation may put together, so that a small template cannot fill
// the memory.
const maxBuilt = 64 << 20

// Env is what a template is evaluated with.
type Env struct {
	// Inputs are effective values, as [Template.CheckInputs] returns them.
	Inputs map[string]any
	Pseudo Pseudo
	// Attributes returns what is known of an element that is made. nil means that no element is made yet.
	Attributes func(element string) (attrs map[string]any, known bool)
}

// Pseudo are the values that every template can read without defining an input.
type Pseudo struct {
	StackName, UserID, ProjectID, DomainID, Region string
}

func pseudoNames() []string {
	return []string{"StackName", "UserId", "ProjectId", "DomainId", "Region", "NoValue", "PeriodNum", "PeriodType"}
}

func (p Pseudo) get(name string) any {
	switch name {
	case "StackName":
		return p.StackName
	case "UserId":
		return p.UserID
	case "ProjectId":
		return p.ProjectID
	case "DomainId":
		return p.DomainID
	case "Region":
		return p.Region
	case "PeriodNum":
		return "1"
	case "PeriodType":
		return "month"
	}
	return noValue{}
}

// noValue makes the property that would receive it disappear.
type noValue struct{}

// evaluator works out values for one Env. It is used once, by one goroutine.
type evaluator struct {
	*report
	t         *Template
	env       Env
	decisions map[string]bool // conditions that are worked out; false while one is being worked out
	built     int
	outputs   bool
	// left says why elements are left out, "" for those that are made; see [evaluator.leftOut].
	left map[*element]string
	// expansions are what is known of the batches so far.
	expansions map[*batch]*expansion
	// current is the repetition that is being evaluated, of none for other elements.
	current instance
}

func (t *Template) evaluator(env Env) *evaluator {
	return &evaluator{report: newReport(t.file), t: t, env: env, decisions: map[string]bool{}, left: map[*element]string{}, expansions: map[*batch]*expansion{}}
}

// Outputs evaluates the outputs in the author's order. An output of an element that is left out is empty, with a warning.
func (t *Template) Outputs(env Env) ([]fairlead.Output, fairlead.Diagnostics) {
	e := t.evaluator(env)
	e.outputs = true
	outputs := make([]fairlead.Output, 0, len(t.outputs))
	e.push("outputs")
	for _, out := range t.outputs {
		e.push(out.name)
		e.push("value")
		v := e.value(out.value, receiver{key: out.name})
		if _, drop := v.(noValue); drop {
			v = ""
		}
		outputs = append(outputs, fairlead.Output{Name: out.name, Value: v, Description: out.description})
		e.pop()
		e.pop()
	}
	return outputs, e.result()
}

// receiver is the property that a value goes to. get_reference depends on it.
type receiver struct {
	key      string // nearest key above the value
	manifest bool   // within a Kubernetes object
}

func (e *evaluator) value(n *node, to receiver) any {
	switch {
	case n.call != noCall:
		e.push(n.call.String())
		v := e.call(n, to)
		e.pop()
		return v
	case n.kind == kindMap:
		return e.mapping(n, to)
	case n.kind == kindList:
		return e.list(n, to)
	}
	return n.scalarValue()
}

func (e *evaluator) mapping(n *node, to receiver) any {
	m := make(map[string]any, len(n.pairs))
	for i := range n.pairs {
		p := &n.pairs[i]
		e.push(p.key)
		v := e.value(p.value, receiver{p.key, to.manifest || p.key == "k8sManifest"})
		if _, drop := v.(noValue); !drop {
			m[p.key] = v
		}
		e.pop()
	}
	return m
}

func (e *evaluator) list(n *node, to receiver) []any {
	list := make([]any, 0, len(n.items))
	for i, item := range n.items {
		e.pushIndex(i)
		v := e.value(item, to)
		if _, drop := v.(noValue); !drop {
			list = append(list, v)
		}
		e.pop()
	}
	return list
}

func (e *evaluator) call(n *node, to receiver) any {
	args := n.args()
	if least, most := n.call.arity(); len(args) < least || most > 0 && len(args) > most {
		return nil // reported when it was parsed
	}
	switch n.call {
	case getInput:
		return e.getInput(args[0])
	case getAttribute:
		return e.getAttribute(n, args)
	case getReference:
		return e.attribute(n, args[0].text, []any{to.reference()})
	case getInMap:
		return e.getInMap(n, args)
	case condIf:
		if e.truth(args[0]) {
			return e.value(args[1], to)
		}
		return e.value(args[2], to)
	case condEq, condNot, condAnd, condOr:
		return e.holds(n)
	case base64Encode:
		return e.base64(args[0], to)
	case concat:
		return e.concat(args, to)
	case split:
		return e.split(args, to)
	case selectItem:
		return e.selectItem(n, args, to)
	}
	return e.getListLength(args[0], to)
}

// reference is the attribute that get_reference stands for: an id for properties that end in id, a name for those that end
// in name; otherwise the name within a Kubernetes object, which knows no other, and the id elsewhere.
func (to receiver) reference() string {
	for _, end := range []string{"id", "Id", "ID"} {
		if strings.HasSuffix(to.key, end) {
			return "refID"
		}
	}
	if to.manifest || strings.HasSuffix(to.key, "name") || strings.HasSuffix(to.key, "Name") {
		return "refName"
	}
	return "refID"
}

func (e *evaluator) getInput(arg *node) any {
	if v, ok := e.env.Inputs[arg.text]; ok {
		return e.share(v)
	}
	in := e.t.inputNamed[arg.text]
	if prefix, name := short(arg.text); in == nil && prefix != "" {
		return e.env.Pseudo.get(name)
	}
	switch {
	case in == nil:
		e.on(arg).error("unknown-input", fmt.Sprintf("there is no input %s", quote(arg.text)), "")
	case in.hasDefault:
		return e.share(in.def)
	case !in.optional():
		e.on(arg).error("missing-input", fmt.Sprintf("input %s has no value", quote(arg.text)), "")
	}
	return noValue{}
}

// share copies lists and maps, so that elements never change each other's values.
func (e *evaluator) share(v any) any {
	switch v := v.(type) {
	case []any:
		if !e.grow(16 * len(v)) {
			return []any{}
		}
		out := make([]any, len(v))
		for i := range v {
			out[i] = e.share(v[i])
		}
		return out
	case map[string]any:
		if !e.grow(32 * len(v)) {
			return map[string]any{}
		}
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = e.share(v[k])
		}
		return out
	}
	return v
}

// grow counts what functions build and reports whether that is too much.
func (e *evaluator) grow(n int) bool {
	before := e.built
	e.built += n
	if before <= maxBuilt && e.built > maxBuilt {
		e.at(0, 0).error("too-large", fmt.Sprintf("the functions of the template build more than %d bytes", maxBuilt), "inputs or nested functions make the values too long")
	}
	return e.built <= maxBuilt
}

func (e *evaluator) getAttribute(n *node, args []*node) any {
	walk := make([]any, 0, len(args)-1)
	for _, arg := range args[1:] {
		v := e.value(arg, receiver{})
		if u, ok := v.(Unknown); ok {
			return u
		}
		walk = append(walk, v)
	}
	return e.attribute(n, args[0].text, walk)
}

// attribute reads a value of a made element. What does not exist is empty, as in the original.
func (e *evaluator) attribute(n *node, name string, walk []any) any {
	name, el := e.made(name)
	if el == nil {
		e.on(n).error("unknown-element", fmt.Sprintf("there is no element %s", quote(name)), "")
		return ""
	}
	if !e.deployed(el) {
		e.leftOut(n, name)
		return ""
	}
	if e.env.Attributes == nil {
		return Unknown{Element: name}
	}
	attrs, known := e.env.Attributes(name)
	if !known {
		return Unknown{Element: name}
	}
	var v any = attrs
	for _, key := range walk {
		v = child(v, key)
	}
	if v == nil {
		return ""
	}
	return e.share(plainValue(v))
}

// child takes one step into a structure: a key of a map or an index of a list.
func child(v, key any) any {
	switch v := v.(type) {
	case map[string]any:
		return v[textOf(key)]
	case map[string]string:
		if s, ok := v[textOf(key)]; ok {
			return s
		}
	case []any:
		if i, ok := toInteger(key); ok && i.(int64) >= 0 && i.(int64) < int64(len(v)) {
			return v[i.(int64)]
		}
	case []string:
		return child(plainValue(v), key)
	}
	return nil
}

func (e *evaluator) getInMap(n *node, args []*node) any {
	var keys [3]string
	for i, arg := range args {
		v := e.value(arg, receiver{})
		if u, ok := v.(Unknown); ok {
			return u
		}
		text, ok := toText(v)
		if !ok {
			e.on(arg).error("arguments", "get_in_map takes names", "write "+n.call.usage())
			return nil
		}
		keys[i] = textOf(text)
	}
	v := e.t.mappings[keys[0]][keys[1]][keys[2]]
	if v == nil {
		e.on(n).error("unknown-mapping", fmt.Sprintf("mapping %s has no value for %s -> %s", quote(keys[0]), quote(keys[1]), quote(keys[2])), "add it to the section mappings, or give other inputs")
		return nil
	}
	return v.scalarValue()
}

// text works out arguments that must be scalars. The unknown is not nil when one of them is not known yet.
func (e *evaluator) text(arg *node, to receiver) (s string, unknown *Unknown) {
	switch v := e.value(arg, to).(type) {
	case Unknown:
		return "", &v
	case noValue:
		return "", nil
	case []any, map[string]any:
		e.on(arg).error("arguments", "text is wanted here, not a list or map", "")
		return "", nil
	default:
		return textOf(v), nil
	}
}

func (e *evaluator) base64(arg *node, to receiver) any {
	s, unknown := e.text(arg, to)
	if unknown != nil {
		return *unknown
	}
	if !e.grow(base64.StdEncoding.EncodedLen(len(s))) {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

func (e *evaluator) concat(args []*node, to receiver) any {
	parts := make([]string, len(args))
	var unknown *Unknown
	size := 0
	for i, arg := range args {
		s, u := e.text(arg, to)
		if u != nil && unknown == nil {
			unknown = u
		}
		parts[i] = s
		size += len(s)
	}
	if unknown != nil {
		return *unknown
	}
	if !e.grow(size) {
		return ""
	}
	return strings.Join(parts, "")
}

func (e *evaluator) split(args []*node, to receiver) any {
	delimiter, u1 := e.text(args[0], to)
	source, u2 := e.text(args[1], to)
	switch {
	case u1 != nil:
		return *u1
	case u2 != nil:
		return *u2
	case delimiter == "":
		e.on(args[0]).error("arguments", "the delimiter of split is empty", "give at least one character")
		return []any{}
	case !e.grow(16 * (strings.Count(source, delimiter) + 1)):
		return []any{}
	}
	var list []any
	for part := range strings.SplitSeq(source, delimiter) {
		list = append(list, part)
	}
	return list
}

// listValue works out an argument that must be a list.
func (e *evaluator) listValue(arg *node, to receiver) (list []any, unknown *Unknown) {
	switch v := e.value(arg, to).(type) {
	case []any:
		return v, nil
	case Unknown:
		return nil, &v
	}
	e.on(arg).error("arguments", "a list is wanted here", "write [a, b] or {split: [\",\", TEXT]}")
	return nil, nil
}

func (e *evaluator) selectItem(n *node, args []*node, to receiver) any {
	index := e.value(args[0], receiver{})
	list, unknown := e.listValue(args[1], to)
	if u, ok := index.(Unknown); ok {
		unknown = &u
	}
	if unknown != nil {
		return *unknown
	}
	i, ok := toInteger(index)
	switch {
	case list == nil:
		return nil // reported
	case !ok || i.(int64) < 0 || i.(int64) >= int64(len(list)):
		e.on(n).error("arguments", fmt.Sprintf("select wants item %s of a list of %d", shorten(textOf(index)), len(list)), "items count from 0")
		return nil
	}
	return list[i.(int64)]
}

func (e *evaluator) getListLength(arg *node, to receiver) any {
	list, unknown := e.listValue(arg, to)
	if unknown != nil {
		return *unknown
	}
	return int64(len(list))
}
