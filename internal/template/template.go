// Package template reads the template language: it parses a text, checks all of it in one run, and evaluates its elements
// and outputs for given inputs.
//
// It does no I/O, and it must not know what a target is or how an element is made: that is what providers are for.
package template

import (
	"cmp"
	"slices"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/graph"
)

// Template is a parsed template. It is immutable and safe for concurrent use: parse once, evaluate many times.
type Template struct {
	file        string
	version     string // tosca_definitions_version as it is written
	description string
	inputs      []*input
	inputNamed  map[string]*input
	elements    []*element
	byName      map[string]*element
	conditions  map[string]*node
	mappings    mappings
	outputs     []output
	policies    []*policy
	graph       *graph.Graph[string]
	batches     []*batch
	trims       bool // some element says deploy
	known       known
}

// element is one entry of node_templates.
type element struct {
	name       string
	typ        string // canonical short type; as written when it is not known
	node       *node
	properties *node // nil when there are none
	condition  string
	position   int
	refs       []ref
	info       *elementType // nil when nothing is known
	retain     *node        // true, false or a call of get_input; nil when not written
	deploy     *node        // likewise
	// batch is the element of type AOS.Batch that repeats this one, which is only a pattern then.
	batch *batch
	// repeats is set for elements of type AOS.Batch.
	repeats *batch
}

// ref is one place where an element needs another.
type ref struct {
	to        string
	line, col int32
	how       link
}

// link says how an element needs another.
type link uint8

const (
	reads    link = iota // with get_attribute or get_reference
	required             // by a requirement
	within               // by a requirement of the kind ContainedIn
	repeats              // a batch and what it repeats
)

type output struct {
	name, description string
	value             *node
}

// ParseOptions widen what [ParseWith] accepts.
type ParseOptions struct {
	// ExtraTypes are short names of element types beside the known ones, whose properties are not checked.
	ExtraTypes []string
}

// Parse reads and checks a template in YAML or JSON and returns all that is wrong with it in one run. file is the name to
// show in findings; its ending tells YAML from JSON. The template is nil only when nothing could be read; one with errors
// can be looked at but should not be evaluated. Of a file with several documents, which is an error, all are checked.
func Parse(file string, src []byte) (*Template, fairlead.Diagnostics) {
	return ParseWith(file, src, ParseOptions{})
}

// ParseWith is [Parse] with options.
func ParseWith(file string, src []byte, opts ParseOptions) (*Template, fairlead.Diagnostics) {
	r := newReport(file)
	var first *Template
	for i, root := range read(r, src) {
		if root.kind != kindMap {
			r.on(root).error("type", "a template is a map of sections, not "+root.kind.String(), "it starts with tosca_definitions_version and node_templates")
			continue
		}
		c := newChecker(r, root, opts)
		c.document()
		if i == 0 {
			first = c.t
		}
	}
	return first, r.result()
}

// Description is the template's own text about itself.
func (t *Template) Description() string { return t.description }

// Elements are the names of all elements in the author's order, whatever their conditions say.
func (t *Template) Elements() []string {
	names := make([]string, len(t.elements))
	for i, el := range t.elements {
		names[i] = el.name
	}
	return names
}

// ElementType is the canonical short type of an element or repetition, such as "CCE.Deployment"; "" for an unknown one.
func (t *Template) ElementType(name string) string {
	if el := cmp.Or(t.byName[name], t.repetition(name)); el != nil {
		return el.typ
	}
	return ""
}

// Graph is which element needs which, from requirements and from references in properties. The caller must not change it.
func (t *Template) Graph() *graph.Graph[string] { return t.graph }

// Inputs describes the input parameters in the author's order.
func (t *Template) Inputs() []fairlead.Input {
	inputs := make([]fairlead.Input, len(t.inputs))
	for i, in := range t.inputs {
		inputs[i] = in.describe()
		inputs[i].UsedBy = slices.Sorted(slices.Values(in.usedBy))
	}
	return inputs
}
