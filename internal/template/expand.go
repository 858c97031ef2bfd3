package template

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
)

// instance is one element to be made: one of the template, or with n the n-th repetition of one.
type instance struct {
	el *element
	n  int64
}

func (i instance) name() string {
	if i.n > 0 {
		return repeated(i.el.name, i.n)
	}
	return i.el.name
}

// expansion is what is known of a batch for one evaluation. A limit of 0 means that it could not be worked out.
type expansion struct {
	limit, step int64
	values      map[string]any
}

// Evaluate returns the elements that are made, in the author's order: those whose condition holds and that deploy does not leave
// out. An element that a batch repeats is replaced by its repetitions, which are named NAME-1, NAME-2 and so on; the batch
// itself requires them all. Policies are evaluated too, for what is to be said of them. Values that need an attribute of an element that is not made are [Unknown].
func (t *Template) Evaluate(env Env) ([]Element, fairlead.Diagnostics) {
	e := t.evaluator(env)
	elements := make([]Element, 0, len(t.elements))
	position := 0
	for _, el := range t.elements {
		if !e.deployed(el) {
			position++
			continue
		}
		if el.batch == nil {
			elements = append(elements, e.element(instance{el: el}, position))
			position++
			continue
		}
		for n := range e.expansion(el.batch).limit {
			elements = append(elements, e.element(instance{el, n + 1}, position))
			position++
		}
	}
	e.policies()
	return elements, e.result()
}

// EvaluateElement evaluates one element or repetition. A finding says so when there is none of that name or it is left out.
func (t *Template) EvaluateElement(name string, env Env) (Element, fairlead.Diagnostics) {
	e := t.evaluator(env)
	one := instance{el: t.byName[name]}
	if one.el == nil {
		if base, n, ok := repetitionOf(name); ok && t.byName[base] != nil && t.byName[base].batch != nil && n <= e.expansion(t.byName[base].batch).limit {
			one = instance{t.byName[base], n}
		}
	}
	switch {
	case one.el == nil:
		e.at(0, 0).error("unknown-element", fmt.Sprintf("there is no element %s", quote(name)), "")
	case !e.deployed(one.el):
		e.push("node_templates")
		e.push(one.el.name)
		e.on(one.el.node).error("not-deployed", fmt.Sprintf("element %s is left out: %s", quote(name), e.left[one.el]), "")
	case one.el.batch != nil && one.n == 0:
		e.on(one.el.node).error("not-deployed", fmt.Sprintf("element %s is only a pattern: batch %s repeats it", quote(name), quote(one.el.batch.el.name)), "")
	default:
		return e.element(one, e.position(one)), e.result()
	}
	return Element{}, e.result()
}

// position counts what stands before an element in the author's order, repetitions included.
func (e *evaluator) position(one instance) int {
	position := one.el.position + max(int(one.n)-1, 0)
	if len(e.t.batches) == 0 {
		return position
	}
	for _, el := range e.t.elements[:one.el.position] {
		if el.batch != nil && e.deployed(el) {
			position += int(e.expansion(el.batch).limit) - 1
		}
	}
	return position
}

// repetition returns what a name such as job-3 is a repetition of, nil when nothing.
func (t *Template) repetition(name string) *element {
	base, n, ok := repetitionOf(name)
	if !ok || n > maxRepetitions || t.byName[base] == nil || t.byName[base].batch == nil {
		return nil
	}
	return t.byName[base]
}

// made finds the element that is made for a name: within a repetition the names of what is repeated with it mean the
// repetitions of the same number.
func (e *evaluator) made(name string) (string, *element) {
	el := e.t.byName[name]
	switch {
	case el == nil:
		return name, e.t.repetition(name)
	case el.batch == nil:
		return name, el
	case e.current.el != nil && e.current.el.batch == el.batch:
		return repeated(name, e.current.n), el
	}
	return name, nil // reported when it was parsed
}

// expansion works out how often a batch repeats, and its variables.
func (e *evaluator) expansion(b *batch) *expansion {
	if x := e.expansions[b]; x != nil {
		return x
	}
	x := &expansion{values: map[string]any{}}
	e.expansions[b] = x
	path, current := e.path, e.current
	e.path, e.current = []step{{key: "node_templates"}, {key: b.el.name}, {key: "properties"}}, instance{}
	x.limit = e.counted(b.limit, "limit", maxRepetitions)
	if x.step = e.counted(b.step, "step", maxRepetitions); x.step == 0 {
		x.step = x.limit
	}
	x.values = e.batchValues(b.values)
	e.path, e.current = path, current
	return x
}

// counted works out a number that must be known before anything is made, 0 when it is not written or wrong.
func (e *evaluator) counted(n *node, key string, most int64) int64 {
	if n == nil {
		return 0
	}
	e.push(key)
	defer e.pop()
	v := e.value(n, receiver{})
	if u, ok := v.(Unknown); ok {
		e.on(n).error("batch", fmt.Sprintf("%s needs an attribute of element %s", key, quote(u.Element)), "the number of repetitions is decided before any element is made; use inputs")
		return 0
	}
	i, ok := toInteger(v)
	if !ok || i.(int64) < 1 || i.(int64) > most {
		if n.call != noCall { // literals are reported when the template is parsed
			e.on(n).error("property-value", fmt.Sprintf("property %s must be a whole number from 1 to %d, not %s", key, most, shorten(textOf(v))), "")
		}
		return 0
	}
	return i.(int64)
}

func (e *evaluator) batchValues(n *node) map[string]any {
	if n == nil || n.kind == kindNull {
		return nil
	}
	e.push("values")
	defer e.pop()
	m, ok := e.value(n, receiver{}).(map[string]any)
	if !ok {
		e.on(n).error("batch", "values must be a map whose keys are known", "")
	}
	return m
}

// deployed reports whether an element is made, and notes why not.
func (e *evaluator) deployed(el *element) bool {
	why, done := e.left[el]
	if !done {
		e.left[el] = "" // what a circle reads; it was reported when it was parsed
		why = e.whyLeftOut(el)
		e.left[el] = why
	}
	return why == ""
}

func (e *evaluator) whyLeftOut(el *element) string {
	switch {
	case el.condition != "" && !e.decide(el.condition):
		return fmt.Sprintf("condition %s does not hold", quote(el.condition))
	case el.batch != nil && !e.deployed(el.batch.el):
		return e.left[el.batch.el]
	case !e.t.trims:
		return ""
	}
	if wanted, written := e.wanted(el); written && !wanted {
		return "deploy is false"
	} else if written {
		return ""
	}
	for _, r := range el.refs {
		switch to := e.t.byName[r.to]; {
		case r.how == within && !e.deployed(to):
			return fmt.Sprintf("it is contained in %s, which is left out", quote(r.to))
		case to.typ == stackType && !e.deployed(to) && e.forced(to):
			return fmt.Sprintf("it needs %s, which is left out with force", quote(r.to))
		}
	}
	// Only what nothing else needs goes with what is left out.
	users := e.t.graph.NeededBy(el.name)
	for _, user := range users {
		if e.deployed(e.t.byName[user]) {
			return ""
		}
	}
	for _, user := range users {
		if e.trimmed(e.t.byName[user]) {
			return fmt.Sprintf("only %s needs it, which is left out", quote(user))
		}
	}
	return ""
}

// trimmed reports whether an element is left out by deploy, not by its condition.
func (e *evaluator) trimmed(el *element) bool {
	return !e.deployed(el) && !strings.HasPrefix(e.left[el], "condition ")
}

// forced reports whether what needs a stack is left out with it.
func (e *evaluator) forced(el *element) bool {
	n := el.properties.get("force")
	return n != nil && e.trimmed(el) && e.decision(n, "force", false)
}

// wanted works out what deploy says about an element.
func (e *evaluator) wanted(el *element) (wanted, written bool) {
	n := el.deploy
	if n == nil && el.properties != nil && el.info != nil && (el.info.trimmed || el.info.property("deploy") != nil) {
		n = el.properties.get("deploy")
	}
	if n == nil {
		return true, false
	}
	path := e.path
	e.path = []step{{key: "node_templates"}, {key: el.name}}
	defer func() { e.path = path }()
	return e.decision(n, "deploy", true), true
}

// decision works out a value that is true or false before any element is made.
func (e *evaluator) decision(n *node, key string, otherwise bool) bool {
	e.push(key)
	defer e.pop()
	switch v := e.value(n, receiver{}).(type) {
	case noValue:
		return otherwise
	case Unknown:
		e.on(n).error("type", fmt.Sprintf("%s needs an attribute of element %s", key, quote(v.Element)), "it is decided before any element is made; use inputs")
	default:
		if b, ok := toBoolean(v); ok {
			return b.(bool)
		}
		e.on(n).error("type", fmt.Sprintf("%s must be true or false, not %s", key, shorten(textOf(v))), "")
	}
	return otherwise
}

func (e *evaluator) element(one instance, position int) Element {
	el := one.el
	out := Element{Name: one.name(), Type: el.typ, Position: position, Properties: map[string]any{}}
	e.current = one
	e.path = []step{{key: "node_templates"}, {key: el.name}}
	e.requirements(el)
	if el.retain != nil {
		out.Retain = e.decision(el.retain, "retain", false)
	}
	var more []ref
	switch {
	case el.repeats != nil:
		out.Properties = e.batchProperties(el.repeats)
	case one.n > 0:
		out.Properties, more = e.repetition(one)
	case el.properties != nil:
		out.Properties = e.properties(el)
	}
	e.path = []step{{key: "node_templates"}, {key: el.name}, {key: "properties"}}
	e.complete(el, out.Properties)
	out.Requires = e.requires(one, more)
	e.path, e.current = nil, instance{}
	return out
}

func (e *evaluator) properties(el *element) map[string]any {
	if el.properties == nil {
		return map[string]any{}
	}
	e.push("properties")
	defer e.pop()
	m, _ := e.mapping(el.properties, receiver{}).(map[string]any)
	return m
}

// repetition evaluates the properties of a repetition: those of the pattern, with those of the text in place of the ones of
// the same name. more is what the text refers to.
func (e *evaluator) repetition(one instance) (props map[string]any, more []ref) {
	b := one.el.batch
	item, x := b.item(one.el), e.expansion(b)
	props = e.properties(one.el)
	if item.pattern == nil {
		return props, nil
	}
	vars := map[string]any{}
	maps.Copy(vars, x.values)
	e.path = []step{{key: "node_templates"}, {key: b.el.name}, {key: "properties"}, {key: "items"}, {index: item.index}}
	maps.Copy(vars, e.batchValues(item.values))
	maps.Copy(vars, variablesOf(one.n, x.limit))
	e.push("properties")
	scratch := *one.el
	scratch.refs = nil
	c := &checker{report: e.report, t: e.t, known: e.t.known, scope: inProperties, element: &scratch, evaluating: true}
	root, unknown := c.overlay(item, vars)
	switch {
	case root != nil:
		e.inside = item.text
		over := e.mapping(root, receiver{}).(map[string]any)
		e.inside = nil
		for k, v := range over {
			if unknown != nil {
				v = unmarked(v, *unknown)
			}
			props[k] = v
		}
	case unknown != nil: // which properties there are is not known either
		for k := range props {
			props[k] = *unknown
		}
	}
	return props, scratch.refs
}

// unmarked puts the unknown value where its mark stands.
func unmarked(v any, unknown Unknown) any {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, unknownMark) {
			return unknown
		}
	case []any:
		for i := range v {
			v[i] = unmarked(v[i], unknown)
		}
	case map[string]any:
		for k, x := range v {
			if strings.Contains(k, unknownMark) {
				return unknown
			}
			v[k] = unmarked(x, unknown)
		}
	}
	return v
}

// batchProperties are what the record of a batch keeps: how often it repeats what.
func (e *evaluator) batchProperties(b *batch) map[string]any {
	x := e.expansion(b)
	names := make([]any, len(b.items))
	for i, item := range b.items {
		names[i] = item.base.name
	}
	props := map[string]any{"limit": x.limit, "items": names}
	if x.step < x.limit {
		props["step"] = x.step
	}
	return props
}

// requires are the names of the elements that must be healthy before one is made, in the author's order.
func (e *evaluator) requires(one instance, more []ref) []string {
	var list []instance
	add := func(to *element) {
		switch {
		case to == one.el || !e.deployed(to):
		case to.batch == nil:
			list = append(list, instance{el: to})
		case to.batch == one.el.batch:
			list = append(list, instance{to, one.n})
		case to.batch == one.el.repeats:
			for n := range e.expansion(to.batch).limit {
				list = append(list, instance{to, n + 1})
			}
		}
	}
	for _, need := range e.t.graph.Needs(one.el.name) {
		add(e.t.byName[need])
	}
	if b := one.el.batch; b != nil {
		for _, need := range e.t.graph.Needs(b.el.name) {
			if to := e.t.byName[need]; to.batch != b {
				add(to)
			}
		}
		for _, r := range more {
			if e.inReach(r, b) {
				add(e.t.byName[r.to])
			}
		}
		if earlier := one.n - e.expansion(b).step; earlier > 0 {
			for _, item := range b.items {
				list = append(list, instance{item.base, earlier})
			}
		}
	}
	return namesOf(list)
}

func namesOf(list []instance) (names []string) {
	slices.SortStableFunc(list, func(a, b instance) int {
		return cmp.Or(cmp.Compare(a.el.position, b.el.position), cmp.Compare(a.n, b.n))
	})
	for i, one := range list {
		if i == 0 || list[i-1] != one {
			names = append(names, one.name())
		}
	}
	return names
}

// inReach reports what a text refers to that itself needs the batch, which would be a circle.
func (e *evaluator) inReach(r ref, b *batch) bool {
	seen := map[string]bool{}
	var needs func(name string) bool
	needs = func(name string) bool {
		if name == b.el.name {
			return true
		}
		if seen[name] {
			return false
		}
		seen[name] = true
		return slices.ContainsFunc(e.t.graph.Needs(name), needs)
	}
	if e.t.byName[r.to].batch != b && needs(r.to) {
		e.at(r.line, r.col).error("cycle", fmt.Sprintf("element %s needs batch %s, which needs it", quote(r.to), quote(b.el.name)), "remove one of these")
		return false
	}
	return true
}

// requirements reports required elements that are left out.
func (e *evaluator) requirements(el *element) {
	list := el.node.get("requirements")
	if list == nil {
		return
	}
	for i, item := range list.items {
		if len(item.pairs) != 1 {
			continue
		}
		n := item.pairs[0].value
		if n.kind == kindMap {
			n = n.get("node")
		}
		if n == nil || e.t.byName[n.text] == nil || e.deployed(e.t.byName[n.text]) {
			continue
		}
		e.push("requirements")
		e.pushIndex(i)
		e.leftOut(n, n.text)
		e.pop()
		e.pop()
	}
}

// leftOut reports that something needs an element that is not made.
func (e *evaluator) leftOut(n *node, name string) {
	el := e.t.byName[name]
	if el == nil {
		el = e.t.repetition(name)
	}
	summary := fmt.Sprintf("element %s is left out, because %s", quote(name), e.left[el])
	switch {
	case e.outputs:
		e.on(n).warn("left-out", summary, "the output is empty; read it with cond_if to choose another value")
	case e.trimmed(el):
		e.on(n).error("left-out", summary, "write deploy: false at what needs it too, or take the need away")
	default:
		e.on(n).error("left-out", summary, "give what needs it the same condition, or read it with cond_if only where the condition holds")
	}
}

// complete adds the defaults of a type and gives values that were worked out the type of their property.
func (e *evaluator) complete(el *element, props map[string]any) {
	t := el.info
	if t == nil || el.repeats != nil {
		return
	}
	whole := slices.ContainsFunc(t.instead, func(group []string) bool { return props[group[0]] != nil })
	for i := range t.properties {
		want := &t.properties[i]
		v, given := props[want.name]
		switch {
		case !given && want.rules.hasDefault && !whole:
			props[want.name] = e.share(want.rules.def)
		case given && v != nil && el.properties.get(want.name) != nil && el.properties.get(want.name).call != noCall:
			props[want.name] = e.fitting(el.properties.get(want.name), want, v)
		}
	}
}

// fitting converts a value that was worked out to the type of its property and checks its rules.
func (e *evaluator) fitting(n *node, want *property, v any) any {
	if _, unknown := v.(Unknown); unknown {
		return v
	}
	e.push(want.name)
	defer e.pop()
	converted, ok := want.convert(v)
	if !ok {
		e.on(n).error("property-type", fmt.Sprintf("property %s must be of type %s, not %s", want.name, want.typ, kindName(v)), "")
		return v
	}
	if !HasUnknown(converted) {
		for _, problem := range want.rules.violations(converted) {
			e.on(n).error("property-value", fmt.Sprintf("property %s %s", want.name, problem), want.en)
		}
	}
	return converted
}

func (p *property) convert(v any) (any, bool) {
	switch p.typ {
	case "string":
		return toText(v)
	case "integer":
		return toInteger(v)
	case "number":
		return toFloat(v)
	case "boolean":
		return toBoolean(v)
	case "list":
		_, ok := v.([]any)
		return v, ok
	case "dict":
		_, ok := v.(map[string]any)
		return v, ok
	}
	return v, true
}
