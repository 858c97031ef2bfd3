package template

import (
	"fmt"
	"slices"
	"strings"
)

func (c *checker) elements(pairs []pair) {
	c.scope = inProperties
	for i := range pairs {
		c.push(pairs[i].key)
		c.element = c.t.elements[i]
		c.checkElement(&pairs[i])
		c.pop()
	}
	c.element = nil
	c.batches()
	c.relations()
}

func elementKeys() []string {
	return []string{"type", "properties", "requirements", "condition", "metadata", "retain", "deploy"}
}

func (c *checker) checkElement(p *pair) {
	c.name(p, nameRule{what: "element", strict: plainNameRE, allowed: "lower-case letters, digits or hyphens", most: 48})
	el := c.element
	el.node = p.value
	if p.value.kind != kindMap {
		c.on(p.value).error("type", fmt.Sprintf("element %s must be a map, not %s", quote(p.key), p.value.kind), "write NAME: {type: ..., properties: {...}}")
		return
	}
	var typ *elementType
	for i := range p.value.pairs {
		f := &p.value.pairs[i]
		c.push(f.key)
		switch f.key {
		case "type":
			typ = c.elementType(f.value)
		case "properties":
			c.propertiesMap(f)
		case "requirements":
			c.requirements(f.value)
		case "condition":
			c.elementCondition(f.value)
		case "metadata":
		case "retain":
			el.retain = c.decision(f)
		case "deploy":
			el.deploy = c.decision(f)
			c.t.trims = true
		case "capabilities", "interfaces", "artifacts", "depends_on":
			c.key(f).error("unknown-key", fmt.Sprintf("an element has no key %s", quote(f.key)), "this part of TOSCA is not in the language; an element has "+strings.Join(elementKeys(), ", "))
		default:
			c.key(f).error("unknown-key", fmt.Sprintf("an element has no key %s", quote(f.key)), c.meant(f.key, elementKeys(), ""))
		}
		c.pop()
	}
	if p.value.get("type") == nil {
		c.key(p).error("missing-key", fmt.Sprintf("element %s has no type", quote(p.key)), "such as type: HuaweiCloud.CCE.Deployment")
	}
	if typ != nil {
		el.info = typ
		c.t.trims = c.t.trims || el.properties.pair("deploy") != nil
		c.properties(p, typ)
	}
}

// decision takes a value that is true or false, or reads an input that is.
func (c *checker) decision(f *pair) *node {
	switch v := f.value; {
	case v.call == getInput:
		c.value(v)
	case v.call != noCall:
		c.on(v).error("type", fmt.Sprintf("%s cannot be a call of %s", f.key, v.call), "it is true, false or {get_input: NAME}, because it is decided before any element is made")
		return nil
	case v.kind != kindBool && v.text != "true" && v.text != "false":
		c.on(v).error("type", f.key+" must be true or false, not "+v.kind.String(), "")
		return nil
	}
	return f.value
}

func (c *checker) propertiesMap(f *pair) {
	switch {
	case f.value.kind == kindNull:
	case f.value.kind != kindMap || f.value.call != noCall:
		what := f.value.kind.String()
		if f.value.call != noCall {
			what = "a call of " + f.value.call.String()
		}
		c.on(f.value).error("type", "properties must be a map, not "+what, "")
	default:
		c.element.properties = f.value
		c.value(f.value)
	}
}

// elementType notes the canonical type of the element in hand.
func (c *checker) elementType(n *node) *elementType {
	_, c.element.typ = short(n.text)
	t := c.typeOf(n)
	if t == nil {
		return nil
	}
	c.element.typ = t.name
	if t.policy {
		c.on(n).error("type-name", fmt.Sprintf("%s is a policy, not an element", t.name), "write it in the section policies, with targets")
		return nil
	}
	return t
}

// typeOf finds the type that a node names, nil when there is none.
func (c *checker) typeOf(n *node) *elementType {
	text, ok := n.plain()
	if !ok {
		c.on(n).error("type", "a type must be text, not "+n.kind.String(), "such as HuaweiCloud.CCE.Deployment")
		return nil
	}
	prefix, name := short(text)
	if prefix != "" && c.prefix != "" && prefix != c.prefix {
		c.on(n).warn("edition", fmt.Sprintf("prefix %s belongs to the other edition of the language", prefix), fmt.Sprintf("write %s%s in this one", c.prefix, name))
	}
	t, ok := c.types.find(name)
	if !ok {
		detail := "the full list of types is in the documentation of the language"
		if best := c.nearest(name, c.types.names); best != "" {
			detail = "did you mean " + quote(prefix+best) + "?"
		}
		c.on(n).error("unknown-type", fmt.Sprintf("there is no element type %s", quote(text)), detail)
		return nil
	}
	return t
}

func (c *checker) elementCondition(n *node) {
	name, ok := n.plain()
	if !ok {
		c.on(n).error("type", "condition must be the name of a condition, not "+n.kind.String(), "define it in the section conditions and write its name here")
		return
	}
	c.conditionName(n, name)
	if _, ok := c.t.conditions[name]; ok {
		c.element.condition = name
	}
}

func (c *checker) requirements(n *node) {
	if n.kind == kindNull {
		return
	}
	if n.kind != kindList {
		c.on(n).error("requirement", "requirements must be a list, not "+n.kind.String(), "write each as an item: - dependency: {node: ELEMENT}")
		return
	}
	for i, item := range n.items {
		c.pushIndex(i)
		if item.kind != kindMap || len(item.pairs) != 1 {
			c.on(item).error("requirement", "a requirement is a map of one key", "such as - dependency: {node: ELEMENT}")
		} else {
			c.requirement(&item.pairs[0])
		}
		c.pop()
	}
}

func (c *checker) requirement(p *pair) {
	c.push(p.key)
	defer c.pop()
	if p.value.kind == kindString {
		c.requires(p.value, p.key, "")
		return
	}
	if p.value.kind != kindMap {
		c.on(p.value).error("requirement", "a requirement names an element, not "+p.value.kind.String(), "write dependency: ELEMENT or dependency: {node: ELEMENT}")
		return
	}
	c.fields(p.value, "a requirement", []string{"node", "relationship"}, func(f *pair) {
		switch {
		case f.value.kind != kindString:
			c.on(f.value).error("requirement", f.key+" must be text, not "+f.value.kind.String(), "")
		case f.key == "node":
			c.requires(f.value, p.key, textAt(p.value, "relationship"))
		default:
			c.relationship(f.value)
		}
	})
	if p.value.get("node") == nil {
		c.key(p).error("requirement", "the requirement names no node", "write node: ELEMENT")
	}
}

func relationships() []string {
	return []string{"Root", "DependsOn", "ContainedIn", "Contains", "ConnectedTo", "Connected"}
}

func (c *checker) relationship(n *node) {
	prefix, rest := short(n.text)
	name, ok := strings.CutPrefix(rest, "Relationships.")
	if !ok || !slices.Contains(relationships(), name) {
		if prefix == "" {
			prefix = "HuaweiCloud."
		}
		c.on(n).warn("relationship", fmt.Sprintf("relationship %s is not known", quote(n.text)), fmt.Sprintf("known are %sRelationships.DependsOn, .ContainedIn, .Contains and .ConnectedTo; it is treated as DependsOn", prefix))
	}
}

// requires notes a requirement of the element in hand.
func (c *checker) requires(n *node, key, relationship string) {
	how := required
	switch {
	case key == "item":
		how = repeats
	case strings.HasSuffix(relationship, ".ContainedIn"):
		how = within
	}
	c.needs(n, how)
}

// needs notes that the element in hand needs the one that a node names. It does nothing outside of elements.
func (c *checker) needs(n *node, how link) {
	el, to := c.element, c.t.byName[n.text]
	switch {
	case to == nil && el == nil && c.t.repetition(n.text) != nil:
	case to == nil:
		c.on(n).error("unknown-element", fmt.Sprintf("there is no element %s", quote(n.text)), c.meant(n.text, c.elementNames, "define it in node_templates"))
	case el == nil && to.batch != nil:
		c.on(n).error("batch", fmt.Sprintf("element %s is only a pattern: batch %s repeats it", quote(n.text), quote(to.batch.el.name)), "name one of its repetitions, such as "+repeated(n.text, 1))
	case el == nil:
	case n.text == el.name:
		c.on(n).error("self", fmt.Sprintf("element %s needs itself", quote(el.name)), "name another element")
	default:
		at := c.on(n)
		el.refs = append(el.refs, ref{n.text, at.line, at.col, how})
	}
}
