package template

import (
	"fmt"
	"slices"

	"github.com/fairlead/fairlead"
)

// Policy is one entry of the section policies, evaluated for one stack. No provider carries policies out yet.
type Policy struct {
	Name string
	// Type is the canonical short type, such as "AntiDDos.Service".
	Type       string
	Properties map[string]any
	// Targets are the elements that it is for, without those that are left out.
	Targets []string
}

// policy is one entry of the section policies.
type policy struct {
	name       string
	node       *node
	info       *elementType // nil when it is not known
	properties *node        // nil when there are none
	targets    []string
}

// Policies evaluates the section policies in the author's order. Each comes with a warning that it is not carried out.
func (t *Template) Policies(env Env) ([]Policy, fairlead.Diagnostics) {
	e := t.evaluator(env)
	return e.policies(), e.result()
}

func (e *evaluator) policies() (list []Policy) {
	for _, p := range e.t.policies {
		if p.info == nil {
			continue // reported when it was parsed
		}
		out := Policy{Name: p.name, Type: p.info.name, Properties: map[string]any{}}
		e.path = []step{{key: "policies"}, {key: p.name}}
		if p.properties != nil {
			e.push("properties")
			out.Properties, _ = e.mapping(p.properties, receiver{}).(map[string]any)
			e.pop()
		}
		for _, name := range p.targets {
			if _, el := e.made(name); el != nil && e.deployed(el) {
				out.Targets = append(out.Targets, name)
			}
		}
		e.on(p.node).warn("policy", fmt.Sprintf("policy %s is known and not carried out", quote(p.name)), fmt.Sprintf("%s needs %s", p.info.name, p.info.provider))
		list = append(list, out)
		e.path = nil
	}
	return list
}

func (c *checker) policies(pairs []pair) {
	c.scope = inProperties
	for i := range pairs {
		p := &pairs[i]
		c.push(p.key)
		c.policy(p)
		c.pop()
	}
}

func (c *checker) policy(p *pair) {
	c.name(p, nameRule{what: "policy", strict: plainNameRE, allowed: "lower-case letters, digits or hyphens", most: 48})
	if p.value.kind != kindMap {
		c.on(p.value).error("type", fmt.Sprintf("policy %s must be a map, not %s", quote(p.key), p.value.kind), "write NAME: {type: ..., targets: [...]}")
		return
	}
	out := &policy{name: p.key, node: p.value}
	c.t.policies = append(c.t.policies, out)
	c.fields(p.value, "a policy", []string{"type", "properties", "targets"}, func(f *pair) {
		switch f.key {
		case "type":
			out.info = c.policyType(f.value)
		case "properties":
			switch {
			case f.value.kind == kindNull:
			case f.value.kind != kindMap || f.value.call != noCall:
				c.on(f.value).error("type", "properties must be a map, not "+f.value.kind.String(), "")
			default:
				out.properties = f.value
				c.value(f.value)
			}
		case "targets":
			out.targets = c.targets(f)
		}
	})
	for _, key := range []string{"type", "targets"} {
		if p.value.get(key) == nil {
			c.key(p).error("missing-key", fmt.Sprintf("policy %s has no %s", quote(p.key), key), "")
		}
	}
	if out.info != nil {
		c.properties(p, out.info)
	}
}

func (c *checker) policyType(n *node) *elementType {
	t := c.typeOf(n)
	if t == nil || t.policy {
		return t
	}
	c.on(n).error("type-name", fmt.Sprintf("%s is not a type of policies", t.name), "policies are HuaweiCloud.AntiDDos.Service and HuaweiCloud.APM.PinPoint")
	return nil
}

func (c *checker) targets(p *pair) (names []string) {
	if p.value.kind != kindList || len(p.value.items) == 0 {
		c.on(p.value).error("type", "targets must be a list of element names", "a policy without a target has no effect")
		return nil
	}
	for i, item := range p.value.items {
		c.pushIndex(i)
		switch el := c.t.byName[item.text]; {
		case item.kind != kindString || el == nil && c.t.repetition(item.text) == nil:
			c.on(item).error("unknown-element", fmt.Sprintf("there is no element %s", quote(item.text)), c.meant(item.text, c.elementNames, "define it in node_templates"))
		case slices.Contains(names, item.text):
			c.on(item).warn("policy", fmt.Sprintf("target %s is named twice", quote(item.text)), "once is enough")
		default:
			names = append(names, item.text)
		}
		c.pop()
	}
	return names
}
