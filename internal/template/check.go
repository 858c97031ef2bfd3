package template

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fairlead/fairlead/internal/graph"
)

var (
	plainNameRE  = regexp.MustCompile(`^[a-z0-9-]+$`)
	letterNameRE = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	anyNameRE    = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
)

// checker walks a document once, builds the template and reports what is wrong on the way.
type checker struct {
	*report
	t     *Template
	root  *node
	types *catalogue
	known
	// evaluating is set when the template is finished: it must not change any more.
	evaluating bool
	attributes []attributeRead
	// scope says where in the template the walk is.
	scope scope
	// element is the element that the walk is in, nil elsewhere.
	element *element
}

// known is what a value can refer to.
type known struct {
	// prefix is how this edition spells types and pseudo inputs, "" while unknown.
	prefix string
	// The names that are defined, well or not, in the author's order for suggestions.
	inputNames, elementNames, conditionNames []string
	inputDefined                             map[string]bool
}

// scope is a part of a template. What may be called depends on it.
type scope int

const (
	inProperties scope = iota
	inOutputs
	inConditions
	inInputs
	inMappings
)

func (s scope) String() string {
	return [...]string{"properties", "outputs", "conditions", "inputs", "mappings"}[s]
}

func newChecker(r *report, root *node, opts ParseOptions) *checker {
	return &checker{report: r, root: root, types: loadCatalogue(opts.ExtraTypes), t: &Template{
		file: r.file, inputNamed: map[string]*input{}, byName: map[string]*element{}, conditions: map[string]*node{}, graph: graph.New[string](),
	}}
}

func sections() []string {
	return []string{"tosca_definitions_version", "description", "inputs", "mappings", "conditions", "node_templates", "outputs", "policies"}
}

func (c *checker) document() {
	misspelt := c.unknownSections()
	c.version(misspelt)
	if d := c.root.pair("description"); d != nil {
		c.push(d.key)
		c.t.description = c.shortText(d, "description", 1024)
		c.pop()
	}
	c.collectNames()
	c.section("inputs", c.inputs)
	c.section("mappings", c.mappings)
	c.section("conditions", c.conditions)
	if c.root.get("node_templates") == nil && !misspelt["node_templates"] {
		c.on(c.root).error("missing-section", "node_templates is missing", "it names the elements: node_templates: {web: {type: HuaweiCloud.CCE.Deployment, properties: {...}}}")
	}
	c.section("node_templates", c.elements)
	c.section("outputs", c.outputs)
	c.section("policies", c.policies)
	c.attributeNames()
	c.cycles()
	c.t.known = c.known
}

// unknownSections reports keys that are no section and returns the sections that they were probably meant to be.
func (c *checker) unknownSections() map[string]bool {
	misspelt := map[string]bool{}
	for i := range c.root.pairs {
		p := &c.root.pairs[i]
		if slices.Contains(sections(), p.key) {
			continue
		}
		c.push(p.key)
		best := c.nearest(p.key, sections())
		if best != "" && c.root.get(best) == nil {
			misspelt[best] = true
		}
		c.key(p).error("unknown-key", fmt.Sprintf("there is no section %s", quote(p.key)), sectionHint(p.key, best))
		c.pop()
	}
	return misspelt
}

func sectionHint(key, best string) string {
	switch key {
	case "properties", "requirements", "type":
		return "it belongs inside an element: node_templates: {NAME: {type: ..., properties: {...}}}"
	case "groups":
		return "grouping is done with elements of type AOS.AppGroup"
	case "topology_template":
		return "write its content at the top level of the file"
	}
	if best != "" {
		return "did you mean " + quote(best) + "?"
	}
	return "sections are: " + strings.Join(sections(), ", ")
}

func (c *checker) version(misspelt map[string]bool) {
	const key = "tosca_definitions_version"
	var versions []string
	for _, e := range editions() {
		versions = append(versions, e.version)
	}
	p := c.root.pair(key)
	if p == nil {
		if !misspelt[key] {
			c.on(c.root).error("missing-section", key+" is missing", "write "+key+": "+versions[0]+" at the top level")
		}
		return
	}
	c.push(key)
	defer c.pop()
	c.t.version = p.value.text
	for i, e := range editions() {
		if p.value.text == e.version {
			c.prefix = e.prefix
			if i == 2 {
				c.on(p.value).warn("version", e.version+" is an old dialect", "it is read like "+versions[0])
			}
			return
		}
	}
	c.on(p.value).error("version", fmt.Sprintf("version %s is not known", quote(p.value.text)), "write "+strings.Join(versions[:2], " or "))
}

// section calls check with the entries of a section. A missing section is skipped, an empty one too.
func (c *checker) section(name string, check func(pairs []pair)) {
	p := c.root.pair(name)
	if p == nil {
		return
	}
	c.push(name)
	defer c.pop()
	switch {
	case p.value.kind == kindMap && len(p.value.pairs) > 0:
		check(p.value.pairs)
	case name == "node_templates" && empty(p.value):
		c.key(p).error("empty", "node_templates names no element", "a template makes at least one: node_templates: {web: {type: HuaweiCloud.CCE.Deployment, properties: {...}}}")
	case !empty(p.value):
		c.on(p.value).error("type", fmt.Sprintf("%s must be a map, not %s", name, p.value.kind), "write one entry a line: NAME: {...}")
	}
}

func empty(n *node) bool {
	return n.kind == kindNull || n.kind == kindMap && len(n.pairs) == 0
}

// collectNames notes what is defined, so that the order of the sections does not matter.
func (c *checker) collectNames() {
	names := func(section string) (names []string) {
		if s := c.root.get(section); s != nil {
			for i := range s.pairs {
				names = append(names, s.pairs[i].key)
			}
		}
		return names
	}
	c.inputNames, c.conditionNames = names("inputs"), names("conditions")
	c.inputDefined = make(map[string]bool, len(c.inputNames))
	for _, name := range c.inputNames {
		c.inputDefined[name] = true
	}
	c.elementNames = names("node_templates")
	for i, name := range c.elementNames {
		el := &element{name: name, position: i}
		c.t.elements = append(c.t.elements, el)
		c.t.byName[name] = el
		c.t.graph.Add(name)
	}
	c.t.mappings = indexMappings(c.root.get("mappings"))
	if s := c.root.get("conditions"); s != nil {
		for i := range s.pairs {
			c.t.conditions[s.pairs[i].key] = s.pairs[i].value
		}
	}
}

// mappings is the section mappings by its three levels: map, object, property.
type mappings map[string]map[string]map[string]*node

func indexMappings(n *node) mappings {
	index := mappings{}
	if n == nil {
		return index
	}
	for _, m := range n.pairs {
		objects := make(map[string]map[string]*node, len(m.value.pairs))
		for _, o := range m.value.pairs {
			properties := make(map[string]*node, len(o.value.pairs))
			for _, p := range o.value.pairs {
				properties[p.key] = p.value
			}
			objects[o.key] = properties
		}
		index[m.key] = objects
	}
	return index
}

// nameRule is how things of one sort should be called. Names that only the stricter documented rule forbids are warned
// about, because published templates have them.
type nameRule struct {
	what      string
	strict    *regexp.Regexp
	allowed   string
	most      int
	tolerated int // names longer than most but not than this are warned about
}

func (c *checker) name(p *pair, rule nameRule) {
	n := utf8.RuneCountInString(p.key)
	want := fmt.Sprintf("want 1 to %d %s", rule.most, rule.allowed)
	switch {
	case !anyNameRE.MatchString(p.key):
		c.key(p).error("name", fmt.Sprintf("%s name %s has characters that are not allowed", rule.what, quote(p.key)), want)
	case n > max(rule.most, rule.tolerated):
		c.key(p).error("name", fmt.Sprintf("%s name %s has %d characters", rule.what, quote(p.key), n), want)
	case n > rule.most || !rule.strict.MatchString(p.key):
		c.key(p).warn("name", fmt.Sprintf("%s name %s breaks the documented rule", rule.what, quote(p.key)), want+"; it is accepted here")
	}
}

// shortText returns a text of limited length.
func (c *checker) shortText(p *pair, what string, most int) string {
	v := p.value
	switch {
	case v.kind >= kindList:
		c.on(v).error("type", fmt.Sprintf("%s must be text, not %s", what, v.kind), "")
	case utf8.RuneCountInString(v.text) > most:
		c.on(v).error("too-long", fmt.Sprintf("%s has %d characters", what, utf8.RuneCountInString(v.text)), fmt.Sprintf("at most %d are allowed", most))
	}
	return v.text
}

// fields checks that a map has only known keys and calls take for each of those.
func (c *checker) fields(n *node, what string, known []string, take func(p *pair)) {
	for i := range n.pairs {
		p := &n.pairs[i]
		c.push(p.key)
		if slices.Contains(known, p.key) {
			take(p)
		} else {
			c.key(p).error("unknown-key", fmt.Sprintf("%s has no key %s", what, quote(p.key)), c.meant(p.key, known, ""))
		}
		c.pop()
	}
}

func (c *checker) mappings(pairs []pair) {
	c.scope = inMappings
	if len(pairs) > maxMappings {
		c.key(&pairs[maxMappings]).error("too-many", fmt.Sprintf("there are %d mappings", len(pairs)), fmt.Sprintf("at most %d are allowed", maxMappings))
	}
	for i := range pairs {
		c.mappingLevel(&pairs[i], 0)
	}
}

// mappingLevel checks a map, then its objects, then their properties.
func (c *checker) mappingLevel(p *pair, level int) {
	c.push(p.key)
	defer c.pop()
	c.name(p, nameRule{what: [...]string{"mapping", "object", "property"}[level], strict: letterNameRE, allowed: "letters, digits or hyphens", most: 64})
	switch {
	case p.value.call != noCall:
		c.noFunction(p.value)
	case level == 2 && p.value.scalar() && p.value.kind != kindNull:
	case level == 2:
		c.on(p.value).error("type", "the value in a mapping must be text or a number, not "+p.value.kind.String(), "mappings have three levels: MAP: {OBJECT: {PROPERTY: VALUE}}")
	case p.value.kind != kindMap || len(p.value.pairs) == 0:
		c.on(p.value).error("type", fmt.Sprintf("%s must be a map with entries, not %s", quote(p.key), p.value.kind), "mappings have three levels: MAP: {OBJECT: {PROPERTY: VALUE}}")
	default:
		for i := range p.value.pairs {
			c.mappingLevel(&p.value.pairs[i], level+1)
		}
	}
}

func (c *checker) conditions(pairs []pair) {
	c.scope = inConditions
	order := graph.New[string]()
	for i := range pairs {
		p := &pairs[i]
		c.push(p.key)
		c.name(p, nameRule{what: "condition", strict: letterNameRE, allowed: "letters, digits or hyphens", most: 64})
		order.Add(p.key)
		if p.value.call == noCall {
			c.on(p.value).error("condition", fmt.Sprintf("condition %s must be a condition function, not %s", quote(p.key), p.value.kind), "such as {cond_eq: [{get_input: size}, large]}")
		} else {
			c.condition(p.value, func(name string) { order.Edge(p.key, name) })
		}
		c.pop()
	}
	for _, cycle := range order.Cycles() {
		p := c.root.get("conditions").pair(cycle.Path[0])
		c.push(p.key)
		c.key(p).error("cycle", "conditions need each other in a circle: "+circle(cycle.Path), "decide one of them by inputs only")
		c.pop()
	}
}

func (c *checker) outputs(pairs []pair) {
	c.scope = inOutputs
	for i := range pairs {
		p := &pairs[i]
		c.push(p.key)
		c.output(p)
		c.pop()
	}
}

func (c *checker) output(p *pair) {
	c.name(p, nameRule{what: "output", strict: plainNameRE, allowed: "lower-case letters, digits or hyphens", most: 20, tolerated: 64})
	if p.value.kind != kindMap {
		c.on(p.value).error("type", fmt.Sprintf("output %s must be a map, not %s", quote(p.key), p.value.kind), "write NAME: {value: ..., description: ...}")
		return
	}
	out := output{name: p.key}
	c.fields(p.value, "an output", []string{"description", "value"}, func(f *pair) {
		if f.key == "description" {
			out.description = c.shortText(f, "description", 255)
			return
		}
		out.value = f.value
		c.value(f.value)
	})
	if out.value == nil {
		c.key(p).error("missing-key", fmt.Sprintf("output %s has no value", quote(p.key)), "such as value: {get_attribute: [web, refName]}")
		return
	}
	c.t.outputs = append(c.t.outputs, out)
}

// cycles reports every circle of elements, at the place where its first element needs the second.
func (c *checker) cycles() {
	for _, el := range c.t.elements {
		for _, r := range el.refs {
			c.t.graph.Edge(el.name, r.to)
		}
	}
	for _, cycle := range c.t.graph.Cycles() {
		var links []string
		for i, name := range cycle.Path[:len(cycle.Path)-1] {
			if i == 10 {
				links = append(links, "and so on")
				break
			}
			r := c.refTo(name, cycle.Path[i+1])
			links = append(links, fmt.Sprintf("%s needs %s in line %d", name, r.to, r.line))
		}
		first := c.refTo(cycle.Path[0], cycle.Path[1])
		c.path = []step{{key: "node_templates"}, {key: cycle.Path[0]}}
		c.at(first.line, first.col).error("cycle", "elements need each other in a circle: "+circle(cycle.Path),
			strings.Join(links, ", ")+"; remove one of these")
		c.path = nil
	}
}

// circle prints a path; the middle of a very long one is left out.
func circle(path []string) string {
	if len(path) > 100 {
		left := fmt.Sprintf("... %d more ...", len(path)-100)
		path = slices.Concat(path[:50], []string{left}, path[len(path)-50:])
	}
	return strings.Join(path, " -> ")
}

func (c *checker) refTo(from, to string) ref {
	refs := c.t.byName[from].refs
	return refs[slices.IndexFunc(refs, func(r ref) bool { return r.to == to })]
}
