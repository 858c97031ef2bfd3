package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	batchType = "AOS.Batch"
	stackType = "AOS.Stack"

	maxRepetitions = 500
)

// batch is an element of type AOS.Batch: it repeats other elements.
type batch struct {
	el                  *element
	items               []*batchItem
	limit, step, values *node // nil when not written
}

// batchItem is one element that a batch repeats.
type batchItem struct {
	index   int // among the items as they are written
	base    *element
	text    *node    // YAML with {{...}} in it, which replaces properties of the base
	pattern *pattern // nil when the text is wrong
	values  *node    // nil when not written
}

func (b *batch) item(base *element) *batchItem {
	i := slices.IndexFunc(b.items, func(item *batchItem) bool { return item.base == base })
	if i < 0 {
		return nil
	}
	return b.items[i]
}

var variableRE = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// repeated is the name of one repetition of an element.
func repeated(base string, n int64) string { return base + "-" + strconv.FormatInt(n, 10) }

// repetitionOf takes the name of a repetition apart.
func repetitionOf(name string) (base string, n int64, ok bool) {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 || i+1 == len(name) || name[i+1] == '0' || name[i+1] == '+' {
		return "", 0, false
	}
	n, err := strconv.ParseInt(name[i+1:], 10, 32)
	return name[:i], n, err == nil && n > 0
}

// batches reads and checks the elements that repeat others, once all elements are known.
func (c *checker) batches() {
	for _, el := range c.t.elements {
		if el.typ == batchType && el.properties != nil {
			el.repeats = &batch{el: el, limit: el.properties.get("limit"), step: el.properties.get("step"), values: el.properties.get("values")}
			c.t.batches = append(c.t.batches, el.repeats)
		}
	}
	path := c.path
	for _, b := range c.t.batches {
		c.element = b.el
		c.path = []step{{key: "node_templates"}, {key: b.el.name}, {key: "properties"}}
		c.variables(b.values)
		if items := b.el.properties.get("items"); items != nil && items.kind == kindList {
			c.push("items")
			for i, item := range items.items {
				c.pushIndex(i)
				c.batchItem(b, i, item)
				c.pop()
			}
			c.pop()
		}
	}
	c.element, c.path = nil, path
	if len(c.t.batches) > 0 {
		c.dryRun()
		c.patterns()
	}
	c.path = path
}

// variables checks the names in values.
func (c *checker) variables(n *node) {
	if n == nil || n.call != noCall {
		return
	}
	for i := range n.pairs {
		p := &n.pairs[i]
		if !variableRE.MatchString(p.key) {
			c.push("values")
			c.push(p.key)
			c.key(p).error("batch", fmt.Sprintf("%s cannot be the name of a variable", quote(p.key)), "want letters, digits and underscores, first no digit")
			c.pop()
			c.pop()
		}
	}
}

func (c *checker) batchItem(b *batch, index int, n *node) {
	item := &batchItem{index: index, text: n.get("properties"), values: n.get("values")}
	name := n.get("element")
	if name == nil || name.kind != kindString || item.text == nil || item.text.kind != kindString {
		return // reported with the property
	}
	c.variables(item.values)
	c.push("element")
	item.base = c.t.byName[name.text]
	switch base := item.base; {
	case base == nil:
		c.on(name).error("unknown-element", fmt.Sprintf("there is no element %s", quote(name.text)), c.meant(name.text, c.elementNames, "define it in node_templates"))
	case base.typ == batchType:
		c.on(name).error("batch", fmt.Sprintf("batch %s cannot be repeated by a batch", quote(name.text)), "repeat its items here")
	case base.batch != nil:
		c.on(name).error("batch", fmt.Sprintf("element %s is repeated twice", quote(name.text)), fmt.Sprintf("batch %s repeats it already; define another element for this one", quote(base.batch.el.name)))
	default:
		if !slices.Contains([]string{"CCE.Job", "CCE.Deployment", stackType}, base.typ) {
			c.on(name).warn("batch", fmt.Sprintf("%s is not listed as something that a batch can repeat", base.typ), "the original repeats CCE.Job, CCE.Deployment and AOS.Stack; here it works with any type")
		}
		base.batch = b
		b.items = append(b.items, item)
		if !slices.ContainsFunc(b.el.refs, func(r ref) bool { return r.to == base.name }) {
			b.el.refs = append(b.el.refs, ref{base.name, name.line, name.col, repeats})
		}
	}
	c.pop()
	c.push("properties")
	var problem *patternError
	if item.pattern, problem = parsePattern(item.text.text); problem != nil {
		c.patternProblem(item.text, problem)
	}
	c.pop()
}

func (r *report) patternProblem(text *node, problem *patternError) {
	r.inside = text
	r.at(int32(problem.line), max(int32(problem.col), 1)).error("pattern", problem.summary, problem.detail)
	r.inside = nil
}

// patterns checks that nothing but its batch needs an element that is only a pattern, and that no name is taken.
func (c *checker) patterns() {
	for _, el := range c.t.elements {
		c.path = []step{{key: "node_templates"}, {key: el.name}}
		if base, n, ok := repetitionOf(el.name); ok && n <= maxRepetitions && c.t.byName[base] != nil && c.t.byName[base].batch != nil {
			c.on(el.node).error("batch", fmt.Sprintf("the name %s is taken", quote(el.name)), fmt.Sprintf("batch %s makes an element of that name; choose another one", quote(c.t.byName[base].batch.el.name)))
		}
		for _, r := range el.refs {
			to := c.t.byName[r.to]
			switch {
			case r.how == repeats && el.repeats == nil:
				c.at(r.line, r.col).error("batch", "item is a requirement of batches", "write dependency: {node: ELEMENT}")
			case r.how == repeats && to.batch != el.repeats:
				c.at(r.line, r.col).error("batch", fmt.Sprintf("element %s is no item of the batch", quote(r.to)), "write it in items, with its properties")
			case to.batch != nil && el.repeats != to.batch && el.batch != to.batch:
				c.at(r.line, r.col).error("batch", fmt.Sprintf("element %s is only a pattern: batch %s repeats it", quote(r.to), quote(to.batch.el.name)), fmt.Sprintf("require %s instead, which is done when all repetitions are", to.batch.el.name))
			}
		}
	}
}

// dryRun works out the first repetition of every item, so that mistakes in the texts are found before there are inputs. What
// the values read is not known then.
func (c *checker) dryRun() {
	for _, b := range c.t.batches {
		limit, ok := int64(1), false
		if b.limit != nil {
			limit, ok = parseInt(b.limit.text)
		}
		var vars map[string]any
		if ok && b.limit.kind == kindInt {
			vars = variablesOf(1, limit)
		} else {
			vars = variablesOf(1, 1)
			vars["limit"] = Unknown{Element: b.el.name}
		}
		for _, item := range b.items {
			if item.pattern == nil {
				continue
			}
			own := maps.Clone(vars)
			open := c.literals(own, b.values)
			open = c.literals(own, item.values) || open
			if open {
				continue // the values are a whole that is not known
			}
			c.path = []step{{key: "node_templates"}, {key: b.el.name}, {key: "properties"}, {key: "items"}, {index: item.index}, {key: "properties"}}
			c.element = item.base
			c.overlay(item, own)
			c.element = nil
		}
	}
}

// literals adds the values that can be known without inputs; it reports whether there can be more names than those.
func (c *checker) literals(vars map[string]any, n *node) (open bool) {
	switch {
	case n == nil || n.kind == kindNull:
		return false
	case n.call != noCall || n.kind != kindMap:
		return true
	}
	for _, p := range n.pairs {
		if findCall(p.value) != nil {
			vars[p.key] = Unknown{Element: c.t.batches[0].el.name}
		} else {
			vars[p.key] = p.value.value()
		}
	}
	return false
}

// variablesOf are the built-in variables of the n-th repetition, counted from 1.
func variablesOf(n, limit int64) map[string]any {
	return map[string]any{"item": n, "limit": limit, "offset": int64(0)}
}

// overlay works a text out and checks it as properties of the element in hand. The root is nil when that does not work, or
// cannot be done yet: then unknown is not nil.
func (c *checker) overlay(item *batchItem, vars map[string]any) (root *node, unknown *Unknown) {
	text, unknown, undecided, problem := item.pattern.render(vars, &c.steps)
	if problem != nil {
		c.patternProblem(item.text, problem)
		return nil, nil
	}
	if undecided {
		return nil, unknown
	}
	c.inside = item.text
	defer func() { c.inside = nil }()
	own := newReport(c.file)
	roots := []*node{}
	if acceptable(own, []byte(text)) {
		roots = readYAML(own, []byte(text))
	}
	for _, d := range own.diags {
		c.at(int32(d.Line), int32(d.Column)).add(d.Severity, d.Code, d.Summary, d.Detail)
	}
	switch {
	case own.failed():
		return nil, nil
	case len(roots) == 0:
		return &node{kind: kindMap}, unknown
	case roots[0].kind != kindMap || roots[0].call != noCall:
		c.on(roots[0]).error("pattern", "the text gives "+roots[0].kind.String()+", not properties", "write each as NAME: VALUE")
		return nil, nil
	}
	root = roots[0]
	c.value(root)
	if c.element.info != nil {
		for i := range root.pairs {
			q := &root.pairs[i]
			c.push(q.key)
			if !holdsMark(q.value) {
				c.property(q, c.element.info)
			}
			c.pop()
		}
	}
	return root, unknown
}

// holdsMark reports whether a value stands for one that is not known.
func holdsMark(n *node) bool { return n.scalar() && strings.Contains(n.text, unknownMark) }
