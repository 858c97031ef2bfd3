package template

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

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
	for i := range t.properties {
		want := &t.properties[i]
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
		c.propertyValue(q, want)
	case t.checked():
		c.key(q).error("unknown-property", fmt.Sprintf("%s has no property %s", t.name, quote(q.key)), c.meant(q.key, propertyNames(t.properties), "it has: "+strings.Join(propertyNames(t.properties), ", ")))
	case q.key == "deploy" && t.trimmed:
	default:
		c.oddProperty(q, t.name, t.properties)
	}
	if q.key == "k8sManifest" && q.value.kind == kindMap && q.value.call == noCall {
		c.manifest(q.value, t)
	}
}

// oddProperty warns of a name that looks like that of a known one, where others are possible.
func (c *checker) oddProperty(q *pair, where string, known []property) {
	if len(known) == 0 {
		return
	}
	if best := c.nearest(q.key, propertyNames(known)); best != "" {
		c.key(q).warn("unknown-property", fmt.Sprintf("%s may not have a property %s", where, quote(q.key)), "did you mean "+quote(best)+"?")
	}
}

// propertyValue checks a literal against what is known of its property.
func (c *checker) propertyValue(q *pair, want *property) {
	if !c.propertyType(q, want.typ) {
		return
	}
	v := q.value
	if v.call != noCall || v.kind == kindNull {
		return
	}
	if len(want.rules.constraints) > 0 && (v.scalar() || findCall(v) == nil) {
		value := v.value()
		if want.typ == "string" {
			value = v.text
		}
		for _, problem := range want.rules.violations(value) {
			c.on(v).error("property-value", fmt.Sprintf("property %s %s", q.key, problem), want.en)
		}
	}
	if want.fields == nil {
		return
	}
	if v.kind == kindMap {
		c.fieldsOf(v, want)
	}
	for i, item := range v.items {
		c.pushIndex(i)
		if item.kind == kindMap && item.call == noCall {
			c.fieldsOf(item, want)
		} else if item.call == noCall {
			c.on(item).error("property-type", fmt.Sprintf("an item of %s must be a map, not %s", q.key, item.kind), "it has: "+strings.Join(propertyNames(want.fields), ", "))
		}
		c.pop()
	}
}

// fieldsOf checks a map within a property.
func (c *checker) fieldsOf(n *node, of *property) {
	for i := range n.pairs {
		q := &n.pairs[i]
		c.push(q.key)
		if want := propertyNamed(of.fields, q.key); want != nil {
			c.propertyValue(q, want)
		} else {
			c.oddProperty(q, of.name, of.fields)
		}
		c.pop()
	}
	for i := range of.fields {
		if want := &of.fields[i]; want.required && missing(n, want.name) {
			c.on(n).error("missing-property", fmt.Sprintf("%s needs %s", of.name, want.name), want.en)
		}
	}
}

// propertyType checks a literal against the type of its property. What a call gives is checked when it is evaluated.
func (c *checker) propertyType(q *pair, typ string) bool {
	v := q.value
	if v.call != noCall || v.kind == kindNull {
		return true
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
		return true
	}
	detail := ""
	if typ == "string" && v.scalar() {
		detail = fmt.Sprintf("quote it: %q", v.text)
	}
	c.on(v).error("property-type", fmt.Sprintf("property %s must be of type %s, not %s", q.key, typ, v.kind), detail)
	return false
}

// relations warns of requirements that the original does not list for a type.
func (c *checker) relations() {
	path := c.path
	defer func() { c.path = path }()
	for _, el := range c.t.elements {
		if el.info == nil || el.info.related == nil {
			continue
		}
		for i, r := range el.refs {
			to := c.t.byName[r.to]
			if r.how == reads || to.info == nil || to.info.extension || el.info.related[to.typ] || slices.ContainsFunc(el.refs[:i], func(o ref) bool { return o.how != reads && o.to == r.to }) {
				continue
			}
			c.path = []step{{key: "node_templates"}, {key: el.name}, {key: "requirements"}}
			c.at(r.line, r.col).warn("relation", fmt.Sprintf("%s is not listed as something that %s can require", to.typ, el.typ), "the original refuses it; it works here and orders the two")
		}
	}
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
