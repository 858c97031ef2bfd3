package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
)

// inputType is the declared type of an input.
type inputType string

const (
	typeNone     inputType = "" // not declared
	typeString   inputType = "string"
	typeInteger  inputType = "integer"
	typeFloat    inputType = "float"
	typeBoolean  inputType = "boolean"
	typePassword inputType = "password"
	typeSecret   inputType = "secret"
	typeEnum     inputType = "enum"
	typeIP       inputType = "ip"
	typeList     inputType = "list" // only of inputs without a declared type, whose default is a list
	typeMap      inputType = "map"  // likewise
)

func inputTypes() []string {
	return []string{"string", "integer", "float", "boolean", "password", "secret", "enum", "ip"}
}

// typedReferenceRE matches types such as HuaweiCloud.CCE.Cluster.Id: a resource is meant, the value is its text.
var typedReferenceRE = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*(\.[A-Z][A-Za-z0-9]*)+$`)

// input is one input parameter.
type input struct {
	name        string
	declared    inputType
	def         any // converted default
	hasDefault  bool
	description string
	label       string
	invisible   bool
	advanced    bool
	immutable   bool
	required    *bool
	constraints []constraint
	usedBy      []string
}

// natural is the type that values of the input have: the declared one, else that of the default, else text.
func (in *input) natural() inputType {
	if in.declared != typeNone {
		return in.declared
	}
	switch in.def.(type) {
	case int64:
		return typeInteger
	case float64:
		return typeFloat
	case bool:
		return typeBoolean
	case []any:
		return typeList
	case map[string]any:
		return typeMap
	}
	return typeString
}

func (in *input) secret() bool {
	return in.invisible || in.declared == typePassword || in.declared == typeSecret
}

// optional reports whether the input can be left out although it has no default.
func (in *input) optional() bool { return in.hasDefault || in.required != nil && !*in.required }

func (in *input) describe() fairlead.Input {
	out := fairlead.Input{
		Name: in.name, Type: string(in.natural()), Description: in.description, Label: in.label, Required: !in.optional(),
		Secret: in.secret(), Advanced: in.advanced, Immutable: in.immutable,
	}
	if in.hasDefault {
		out.Default = in.def
		if in.secret() && in.def != "" {
			out.Default = fairlead.Masked
		}
	}
	if len(in.constraints) > 0 {
		out.Constraints = map[string]any{}
		for _, k := range in.constraints {
			out.Constraints[k.keyword] = k.operand
		}
	}
	return out
}

func (c *checker) inputs(pairs []pair) {
	c.scope = inInputs
	if len(pairs) > maxInputs {
		c.key(&pairs[maxInputs]).error("too-many", fmt.Sprintf("there are %d inputs", len(pairs)), fmt.Sprintf("at most %d are allowed", maxInputs))
	}
	for i := range pairs {
		c.push(pairs[i].key)
		c.input(&pairs[i])
		c.pop()
	}
}

func (c *checker) input(p *pair) {
	if prefix, rest := short(p.key); prefix != "" && slices.Contains(pseudoNames(), rest) {
		c.key(p).error("name", fmt.Sprintf("%s is a pseudo input", p.key), "it has a value without being defined; choose another name")
	} else {
		c.name(p, nameRule{what: "input", strict: plainNameRE, allowed: "lower-case letters, digits or hyphens", most: 20, tolerated: 64})
	}
	in := &input{name: p.key}
	c.t.inputs = append(c.t.inputs, in)
	c.t.inputNamed[in.name] = in
	if p.value.kind == kindNull {
		return // a text without a default
	}
	if p.value.kind != kindMap {
		c.on(p.value).error("type", fmt.Sprintf("input %s must be a map, not %s", quote(p.key), p.value.kind), "write NAME: {type: string, default: ...}")
		return
	}
	c.fields(p.value, "an input", inputKeys(), func(f *pair) { c.inputField(in, f) })
	c.inputDefault(in, p.value.pair("default"))
	if in.declared == typeEnum && !in.has("valid_values") {
		c.key(p).error("constraint", fmt.Sprintf("input %s is an enum without valid_values", quote(p.key)), "write constraints: {valid_values: [a, b]}")
	}
	if in.advanced && !in.hasDefault {
		c.key(p).error("missing-key", fmt.Sprintf("input %s is advanced and has no default", quote(p.key)), "advanced inputs are hidden at first, so they need one")
	}
}

func inputKeys() []string {
	return []string{"type", "default", "constraints", "description", "label", "invisible", "immutable", "advanced", "required"}
}

func (c *checker) inputField(in *input, f *pair) {
	switch f.key {
	case "type":
		c.inputType(in, f.value)
	case "constraints":
		c.constraints(in, f.value)
	case "description":
		in.description = c.shortText(f, "description", 255)
	case "label":
		in.label = c.shortText(f, "label", 64)
	case "invisible":
		in.invisible = c.flag(f)
	case "immutable":
		in.immutable = c.flag(f)
	case "advanced":
		in.advanced = c.flag(f)
	case "required":
		required := c.flag(f)
		in.required = &required
	}
}

func (c *checker) flag(f *pair) bool {
	if f.value.kind != kindBool && f.value.text != "true" && f.value.text != "false" {
		c.on(f.value).error("type", f.key+" must be true or false, not "+f.value.kind.String(), "")
	}
	return f.value.text == "true"
}

func (c *checker) inputType(in *input, n *node) {
	text, ok := n.plain()
	prefix, rest := short(text)
	switch {
	case !ok:
		c.on(n).error("type", "the type of an input must be text, not "+n.kind.String(), "types are: "+strings.Join(inputTypes(), ", "))
	case slices.Contains(inputTypes(), text):
		in.declared = inputType(text)
	case typedReferenceRE.MatchString(text):
		in.declared = inputType(text)
		if prefix != "" && c.prefix != "" && prefix != c.prefix {
			c.on(n).warn("edition", fmt.Sprintf("prefix %s belongs to the other edition of the language", prefix), "write "+c.prefix+rest+" in this one")
		}
	default:
		detail := "types are: " + strings.Join(inputTypes(), ", ") + ", and references such as HuaweiCloud.CCE.Cluster.Id"
		if best := c.nearest(text, inputTypes()); best != "" {
			detail = "did you mean " + quote(best) + "?"
		} else if text == "list" || text == "map" || text == "dict" {
			detail = "leave the type out and give a default that is a list or a map"
		}
		c.on(n).error("input-type", fmt.Sprintf("there is no input type %s", quote(text)), detail)
	}
}

// inputDefault converts and checks the default as a given value would be.
func (c *checker) inputDefault(in *input, f *pair) {
	if f == nil {
		return
	}
	c.push(f.key)
	defer c.pop()
	n := f.value
	if call := findCall(n); call != nil {
		c.on(call).error("function", fmt.Sprintf("%s cannot be used in inputs", call.call), "write the value itself")
		return
	}
	in.hasDefault = true
	if n.kind == kindNull && (in.textual() || in.declared == typeNone) {
		in.def = ""
		return
	}
	v := n.value()
	if n.scalar() && in.textual() {
		v = n.text // keeps 1.10 as it is written
		if n.kind != kindString {
			c.on(n).warn("default-type", fmt.Sprintf("the default is %s, but input %s is of type %s", n.kind, quote(in.name), in.declared), fmt.Sprintf("it is used as text; quote it: %q", n.text))
		}
	}
	def, problem := in.convert(v)
	if problem != "" {
		in.hasDefault = false
		c.on(n).error("default", fmt.Sprintf("the default of input %s %s", quote(in.name), problem), "")
		return
	}
	in.def = def
	for _, problem := range in.violations(def) {
		c.on(n).error("default", fmt.Sprintf("the default of input %s %s", quote(in.name), problem), "choose a default that the constraints allow")
	}
}

// findCall returns the first function call in a value.
func findCall(n *node) *node {
	if n.call != noCall {
		return n
	}
	for i := range n.pairs {
		if call := findCall(n.pairs[i].value); call != nil {
			return call
		}
	}
	for _, item := range n.items {
		if call := findCall(item); call != nil {
			return call
		}
	}
	return nil
}

// CheckInputs merges given values with the defaults, converts them by type (text from a command line included) and checks
// the constraints. It returns the effective values, the values that must stay secret, and all problems at once; the paths
// of those are inputs.NAME. A given nil counts as not given.
func (t *Template) CheckInputs(given map[string]any) (effective map[string]any, secrets []string, diags fairlead.Diagnostics) {
	r := newReport("")
	r.push("inputs")
	effective = make(map[string]any, len(t.inputs))
	for _, in := range t.inputs {
		r.push(in.name)
		v, ok := in.effective(r, given[in.name])
		r.pop()
		if !ok {
			continue
		}
		effective[in.name] = v
		if text := textOf(v); in.secret() && text != "" && !slices.Contains(secrets, text) {
			secrets = append(secrets, text)
		}
	}
	known := make([]string, len(t.inputs))
	for i, in := range t.inputs {
		known[i] = in.name
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if t.inputNamed[name] == nil {
			r.push(name)
			r.at(0, 0).error("unknown-input", fmt.Sprintf("the template has no input %s", quote(name)), r.meant(name, known, ""))
			r.pop()
		}
	}
	return effective, secrets, r.diags
}

// effective is the value that counts, false when there is none.
func (in *input) effective(r *report, given any) (any, bool) {
	if given == nil {
		if !in.optional() {
			r.at(0, 0).error("missing-input", fmt.Sprintf("input %s has no value", quote(in.name)), fmt.Sprintf("it has no default, so a value of type %s must be given", in.natural()))
		}
		return in.def, in.hasDefault
	}
	v, problem := in.convert(given)
	if problem != "" {
		r.at(0, 0).error("input-value", fmt.Sprintf("input %s %s", quote(in.name), problem), "")
		return nil, false
	}
	if in.required != nil && *in.required && v == "" {
		r.at(0, 0).error("input-value", fmt.Sprintf("input %s is empty", quote(in.name)), "it is marked as required")
		return nil, false
	}
	problems := in.violations(v)
	for _, problem := range problems {
		r.at(0, 0).error("input-value", fmt.Sprintf("input %s %s", quote(in.name), problem), in.description)
	}
	return v, len(problems) == 0
}
