package template

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead"
)

// value checks a value anywhere: calls, and what looks like a call and is none.
func (c *checker) value(n *node) {
	switch {
	case n.call != noCall:
		c.callAnywhere(n)
	case n.kind == kindMap:
		c.lookalike(n)
		for i := range n.pairs {
			c.push(n.pairs[i].key)
			c.value(n.pairs[i].value)
			c.pop()
		}
	case n.kind == kindList:
		for i, item := range n.items {
			c.pushIndex(i)
			c.value(item)
			c.pop()
		}
	}
}

// lookalike reports a call with a misspelt name, and a call that does not stand alone. Other maps of one key are plain
// data: Kubernetes objects are full of them.
func (c *checker) lookalike(n *node) {
	for i := range n.pairs {
		p := &n.pairs[i]
		if !strings.HasPrefix(p.key, "get_") && !strings.HasPrefix(p.key, "cond_") {
			continue
		}
		if functionNamed(p.key) != noCall {
			c.key(p).error("function", p.key+" must stand alone in its map", "a function call is a map of one key: "+functionNamed(p.key).usage())
			continue
		}
		if len(n.pairs) > 1 {
			continue
		}
		best, limit := "", 3
		for _, name := range functionNames() {
			if d := fairlead.Distance(p.key, name, limit); d < limit {
				best, limit = name, d
			}
		}
		if best != "" {
			c.key(p).error("function", fmt.Sprintf("there is no function %s", quote(p.key)), "did you mean "+quote(best)+"?")
		}
	}
}

func (c *checker) noFunction(n *node) {
	c.on(n).error("function", fmt.Sprintf("%s cannot be used in %s", n.call, c.scope), "write the value itself")
}

// callAnywhere checks a call where a value is wanted.
func (c *checker) callAnywhere(n *node) {
	switch {
	case c.scope == inInputs || c.scope == inMappings:
		c.noFunction(n)
		return
	case n.call.condition() && c.scope != inConditions:
		c.on(n).error("function", fmt.Sprintf("%s can be used in conditions only", n.call), "define a condition and choose with {cond_if: [CONDITION, VALUE IF TRUE, VALUE IF FALSE]}")
		return
	case c.scope == inConditions && (n.call == getAttribute || n.call == getReference):
		c.on(n).error("function", fmt.Sprintf("%s cannot be used in conditions", n.call), "conditions are decided before any element is made; use inputs")
		return
	}
	c.push(n.call.String())
	c.call(n)
	c.pop()
}

func (c *checker) call(n *node) {
	args := n.args()
	if least, most := n.call.arity(); len(args) < least || most > 0 && len(args) > most {
		want := count(least, "argument")
		switch {
		case most == 0:
			want = "at least " + want
		case most > least:
			want = fmt.Sprintf("%d to %s", least, count(most, "argument"))
		}
		c.on(n).error("arguments", fmt.Sprintf("%s takes %s, not %d", n.call, want, len(args)), "write "+n.call.usage())
		return
	}
	switch n.call {
	case getInput:
		c.getInput(args[0])
	case getAttribute:
		c.getAttribute(n, args)
	case getReference:
		c.elementArg(n, args[0])
	case getInMap:
		c.getInMap(args)
	case condIf:
		c.pushIndex(0)
		c.conditionArg(args[0], func(string) {})
		c.pop()
		c.arguments(args[1:], 1)
	case condEq:
		c.arguments(args, 0)
	case condNot, condAnd, condOr:
		c.condition(n, func(string) {})
	case selectItem:
		c.selectItem(args)
	case split:
		c.split(args)
	case getListLength:
		c.listArg(args[0])
	default:
		c.textArgs(n, args)
	}
}

// arguments checks the arguments from a position on as values.
func (c *checker) arguments(args []*node, from int) {
	for i, arg := range args {
		c.pushIndex(i + from)
		c.value(arg)
		c.pop()
	}
}

func (c *checker) getInput(arg *node) {
	name, ok := arg.plain()
	if !ok {
		if !arg.scalar() || arg.kind == kindNull {
			c.on(arg).error("arguments", "get_input takes the name of an input, not "+arg.kind.String(), "write "+getInput.usage())
			return
		}
		name = arg.text
	}
	if in := c.t.inputNamed[name]; in != nil {
		if c.element != nil && !c.evaluating && !(len(in.usedBy) > 0 && in.usedBy[len(in.usedBy)-1] == c.element.name) {
			in.usedBy = append(in.usedBy, c.element.name)
		}
		return
	}
	prefix, rest := short(name)
	switch {
	case prefix != "" && slices.Contains(pseudoNames(), rest):
		if c.prefix != "" && prefix != c.prefix {
			c.on(arg).warn("edition", fmt.Sprintf("pseudo input %s belongs to the other edition of the language", name), fmt.Sprintf("write %s%s in this one", c.prefix, rest))
		}
	case prefix != "":
		names := pseudoNames()
		for i := range names {
			names[i] = prefix + names[i]
		}
		c.on(arg).error("unknown-input", fmt.Sprintf("there is no pseudo input %s", quote(name)), c.meant(name, names, ""))
	case !c.inputDefined[name]: // a defined input with a broken definition is reported there
		detail := c.meant(name, c.inputNames, "define it in the section inputs")
		c.on(arg).error("unknown-input", fmt.Sprintf("there is no input %s", quote(name)), detail)
	}
}

func (c *checker) getAttribute(n *node, args []*node) {
	c.elementArg(n, args[0])
	for i, arg := range args[1:] {
		c.pushIndex(i + 1)
		switch {
		case arg.call != noCall:
			c.value(arg)
		case arg.kind != kindString && arg.kind != kindInt || arg.text == "":
			c.on(arg).error("arguments", "an attribute is named by text, or by a number in a list, not by "+arg.kind.String(), "write "+n.call.usage())
		case i == 0:
			at := c.on(arg)
			c.attributes = append(c.attributes, attributeRead{by: c.element, of: args[0].text, name: arg.text, line: at.line, col: at.col})
		}
		c.pop()
	}
}

// attributeRead is one place where an attribute is read, by an element or by outputs.
type attributeRead struct {
	by        *element
	of, name  string
	line, col int32
}

// attributeNames warns of attributes that look like known ones, once all elements are known. Others are possible: fields of the
// live object, and what a target adds.
func (c *checker) attributeNames() {
	for _, read := range c.attributes {
		el := c.t.byName[read.of]
		if el == nil || el.info == nil || el.info.open {
			continue
		}
		known := make([]string, len(el.info.attributes))
		for i, a := range el.info.attributes {
			known[i] = a.name
		}
		if len(known) == 0 || slices.Contains(known, read.name) {
			continue
		}
		best := c.nearest(read.name, known)
		if best == "" {
			continue
		}
		c.path = []step{{key: "outputs"}}
		if read.by != nil {
			c.path = []step{{key: "node_templates"}, {key: read.by.name}}
		}
		c.at(read.line, read.col).warn("unknown-attribute", fmt.Sprintf("%s may not have an attribute %s", el.info.name, quote(read.name)), "did you mean "+quote(best)+"? What is not there is empty")
		c.path = nil
	}
}

func (c *checker) elementArg(n, arg *node) {
	if _, ok := arg.plain(); !ok {
		c.on(arg).error("arguments", fmt.Sprintf("%s takes the name of an element, not %s", n.call, arg.kind), "write "+n.call.usage()+"; the name cannot be computed, because it decides the order of work")
		return
	}
	c.needs(arg, reads)
}

func (c *checker) getInMap(args []*node) {
	for i, arg := range args {
		c.pushIndex(i)
		if arg.call != noCall {
			c.value(arg)
		} else if !arg.scalar() || arg.kind == kindNull {
			c.on(arg).error("arguments", "get_in_map takes names, not "+arg.kind.String(), "write "+getInMap.usage())
		}
		c.pop()
	}
	literal := func(i int) bool { return args[i].call == noCall && args[i].scalar() }
	if !literal(0) {
		return
	}
	objects, ok := lookUp(c, c.t.mappings, args[0], "mapping")
	if !ok || !literal(1) {
		return
	}
	if properties, ok := lookUp(c, objects, args[1], "object in mapping "+quote(args[0].text)+" with the name"); ok && literal(2) {
		lookUp(c, properties, args[2], fmt.Sprintf("property in mapping %s, object %s, with the name", quote(args[0].text), quote(args[1].text)))
	}
}

// lookUp finds an entry on one level of the mappings and reports when there is none.
func lookUp[V any](c *checker, level map[string]V, arg *node, what string) (V, bool) {
	v, ok := level[arg.text]
	if !ok {
		detail := ""
		if len(level) <= c.looks {
			detail = c.meant(arg.text, slices.Sorted(maps.Keys(level)), "")
		}
		c.on(arg).error("unknown-mapping", fmt.Sprintf("there is no %s %s", what, quote(arg.text)), detail)
	}
	return v, ok
}

func (c *checker) selectItem(args []*node) {
	index, list := args[0], args[1]
	if index.call != noCall {
		c.value(index)
	} else if i, err := strconv.Atoi(index.text); !index.scalar() || err != nil || i < 0 {
		c.on(index).error("arguments", "the index of select must be a whole number from 0", "write "+selectItem.usage())
	} else if list.kind == kindList && i >= len(list.items) {
		c.on(index).error("arguments", fmt.Sprintf("select wants item %d of a list of %d", i, len(list.items)), "items count from 0")
	}
	c.pushIndex(1)
	c.listArg(list)
	c.pop()
}

func (c *checker) split(args []*node) {
	if d := args[0]; d.call == noCall && (!d.scalar() || d.text == "") {
		c.on(d).error("arguments", "the delimiter of split must be text of at least one character", "write "+split.usage())
	}
	if s := args[1]; s.call == noCall && !s.scalar() {
		c.on(s).error("arguments", "split takes text, not "+s.kind.String(), "write "+split.usage())
	}
	c.arguments(args, 0)
}

// listArg checks an argument that must be a list.
func (c *checker) listArg(arg *node) {
	if arg.kind != kindList && arg.call == noCall {
		c.on(arg).error("arguments", "a list is wanted here, not "+arg.kind.String(), "write [a, b] or {split: [\",\", TEXT]}")
		return
	}
	c.value(arg)
}

// textArgs checks arguments that are put together to a text.
func (c *checker) textArgs(n *node, args []*node) {
	for i, arg := range args {
		c.pushIndex(i)
		if arg.call == noCall && !arg.scalar() {
			c.on(arg).error("arguments", fmt.Sprintf("%s takes text, numbers and booleans, not %s", n.call, arg.kind), "write "+n.call.usage())
		}
		c.value(arg)
		c.pop()
	}
}

// condition checks a call that decides something. uses is told the names of conditions that it refers to.
func (c *checker) condition(n *node, uses func(name string)) {
	switch n.call {
	case condEq, getInput:
		c.callAnywhere(n)
	case condNot, condAnd, condOr:
		args := n.args()
		if least, most := n.call.arity(); len(args) < least || len(args) > most {
			c.call(n) // reports it
			return
		}
		for _, arg := range args {
			c.conditionArg(arg, uses)
		}
	default:
		c.on(n).error("condition", fmt.Sprintf("%s decides nothing", n.call), "a condition is made of cond_eq, cond_not, cond_and and cond_or")
	}
}

// conditionArg checks a part of a condition: a condition function, the name of a condition, or a boolean input.
func (c *checker) conditionArg(n *node, uses func(name string)) {
	switch {
	case n.call != noCall && (c.scope == inConditions || n.call == getInput):
		c.condition(n, uses)
	case n.call != noCall:
		c.on(n).error("condition", "the first argument of cond_if must be the name of a condition, not a call of "+n.call.String(), "define it in the section conditions")
	case n.kind == kindString:
		c.conditionName(n, n.text)
		uses(n.text)
	case n.kind == kindBool:
	default:
		c.on(n).error("condition", "a condition is wanted here, not "+n.kind.String(), "write its name, or inside conditions a function such as {cond_eq: [{get_input: size}, large]}")
	}
}

func (c *checker) conditionName(n *node, name string) {
	if _, ok := c.t.conditions[name]; !ok {
		detail := c.meant(name, c.conditionNames, "define it in the section conditions")
		c.on(n).error("unknown-condition", fmt.Sprintf("there is no condition %s", quote(name)), detail)
	}
}
