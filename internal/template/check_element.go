package template

import (
	"fmt"
	"slices"
	"strconv"
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
		case "capabilities", "interfaces", "artifacts", "depends_on":
			c.key(f).error("unknown-key", fmt.Sprintf("an element has no key %s", quote(f.key)), "this part of TOSCA is not in the language; an element has type, properties, requirements, condition and metadata")
		default:
			known := []string{"type", "properties", "requirements", "condition", "metadata"}
			c.key(f).error("unknown-key", fmt.Sprintf("an element has no key %s", quote(f.key)), c.meant(f.key, known, ""))
		}
		c.pop()
	}
	if p.value.get("type") == nil {
		c.key(p).error("missing-key", fmt.Sprintf("element %s has no type", quote(p.key)), "such as type: HuaweiCloud.CCE.Deployment")
	}
	if typ != nil {
		c.properties(p, typ)
	}
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

// properties checks what is known about the properties of a type.
func (c *checker) properties(p *pair, t *elementType) {
	c.push("properties")
	defer c.pop()
	props := p.value.get("properties")
	if props != nil && (props.call != noCall || props.kind != kindMap && props.kind != kindNull) {
		return // reported as a whole
	}
	if props == nil || props.kind == kindNull {
		props = &node{kind: kindMap, line: p.line, col: p.col}
	}
	for i := range props.pairs {
		q := &props.pairs[i]
		c.push(q.key)
		c.property(q, t)
		c.pop()
	}
	for _, want := range t.properties {
		if want.required && missing(props, want.name) {
			c.on(props).error("missing-property", fmt.Sprintf("%s needs property %s", t.name, want.name), "it is of type "+want.typ)
		}
	}
	for _, group := range t.instead {
		if missing(props, group[0]) && slices.ContainsFunc(group[1:], func(name string) bool { return missing(props, name) }) {
			c.on(props).error("missing-property", fmt.Sprintf("%s needs property %s", t.name, group[0]), "or else "+strings.Join(group[1:], " and "))
		}
	}
}

func missing(props *node, name string) bool {
	v := props.get(name)
	return v == nil || v.kind == kindNull
}

func (c *checker) property(q *pair, t *elementType) {
	want := t.property(q.key)
	switch {
	case want != nil:
		c.propertyType(q, want.typ)
	case t.checked():
		c.key(q).error("unknown-property", fmt.Sprintf("%s has no property %s", t.name, quote(q.key)), c.meant(q.key, t.propertyNames(), "it has: "+strings.Join(t.propertyNames(), ", ")))
	case len(t.properties) > 0:
		if best := c.nearest(q.key, t.propertyNames()); best != "" {
			c.key(q).warn("unknown-property", fmt.Sprintf("%s may not have a property %s", t.name, quote(q.key)), "did you mean "+quote(best)+"?")
		}
	}
	if q.key == "k8sManifest" && q.value.kind == kindMap && q.value.call == noCall {
		c.manifest(q.value, t)
	}
}

// propertyType checks a literal against the type of its property. What a call gives is the provider's to check.
func (c *checker) propertyType(q *pair, typ string) {
	v := q.value
	if v.call != noCall || v.kind == kindNull {
		return
	}
	ok := true
	switch typ {
	case "string":
		ok = v.kind == kindString
	case "integer":
		_, err := strconv.ParseInt(v.text, 10, 64)
		ok = v.kind == kindInt || v.kind == kindString && err == nil
	case "number":
		ok = v.kind == kindInt || v.kind == kindFloat
	case "boolean":
		ok = v.kind == kindBool || v.kind == kindString && (v.text == "true" || v.text == "false")
	case "list":
		ok = v.kind == kindList
	case "dict":
		ok = v.kind == kindMap
	}
	if ok {
		return
	}
	detail := ""
	if typ == "string" && v.scalar() {
		detail = fmt.Sprintf("quote it: %q", v.text)
	}
	c.on(v).error("property-type", fmt.Sprintf("property %s must be of type %s, not %s", q.key, typ, v.kind), detail)
}

// manifest checks what every Kubernetes object of this type has in common.
func (c *checker) manifest(m *node, t *elementType) {
	if len(m.pairs) == 0 {
		c.on(m).error("manifest", "k8sManifest is empty", "write the Kubernetes object: apiVersion, kind, metadata and so on")
		return
	}
	if k, ok := m.get("kind").plain(); ok && len(t.manifests) > 0 && !slices.Contains(t.manifests, k) {
		c.push("kind")
		c.on(m.get("kind")).error("manifest", fmt.Sprintf("an element of type %s cannot hold a %s", t.name, shorten(k)), "want kind: "+strings.Join(t.manifests, " or "))
		c.pop()
	}
	spec := m.get("spec")
	if spec == nil || spec.kind != kindMap {
		return
	}
	if replicas := spec.get("replicas"); replicas != nil && replicas.call == getInput {
		c.replicas(replicas)
	}
}

// replicas reports an input that would make the number of replicas a text.
func (c *checker) replicas(call *node) {
	args := call.args()
	if len(args) != 1 {
		return // reported with the call
	}
	in := c.t.inputNamed[args[0].text]
	if in == nil || in.natural() == typeInteger {
		return
	}
	c.push("spec")
	c.push("replicas")
	c.on(call).error("manifest", fmt.Sprintf("replicas must be an integer, but input %s is of type %s", quote(in.name), in.natural()), "give the input type: integer")
	c.pop()
	c.pop()
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
		c.needs(p.value)
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
			c.needs(f.value)
		default:
			c.relationship(f.value)
		}
	})
	if p.value.get("node") == nil {
		c.key(p).error("requirement", "the requirement names no node", "write node: ELEMENT")
	}
}

func (c *checker) relationship(n *node) {
	prefix, rest := short(n.text)
	known := []string{"Root", "DependsOn", "ContainedIn", "Contains", "ConnectedTo", "Connected"}
	name, ok := strings.CutPrefix(rest, "Relationships.")
	if !ok || !slices.Contains(known, name) {
		if prefix == "" {
			prefix = "HuaweiCloud."
		}
		c.on(n).warn("relationship", fmt.Sprintf("relationship %s is not known", quote(n.text)), fmt.Sprintf("known are %sRelationships.DependsOn, .ContainedIn, .Contains and .ConnectedTo; it is treated as DependsOn", prefix))
	}
}

// needs notes that the element in hand needs the one that a node names. It does nothing outside of elements.
func (c *checker) needs(n *node) {
	if c.t.byName[n.text] == nil {
		c.on(n).error("unknown-element", fmt.Sprintf("there is no element %s", quote(n.text)), c.meant(n.text, c.elementNames, "define it in node_templates"))
		return
	}
	el := c.element
	if el == nil {
		return
	}
	if n.text == el.name {
		c.on(n).error("self", fmt.Sprintf("element %s needs itself", quote(el.name)), "name another element")
		return
	}
	el.refs = append(el.refs, ref{n.text, n.line, n.col})
}
