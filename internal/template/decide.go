package template

import "fmt"

// decide works out a named condition, once per evaluation.
func (e *evaluator) decide(name string) bool {
	if holds, ok := e.decisions[name]; ok {
		return holds
	}
	n := e.t.conditions[name]
	if n == nil {
		return false // reported when it was parsed
	}
	e.decisions[name] = false // what a circle reads; it was reported when it was parsed
	path := e.path
	e.path = []step{{key: "conditions"}, {key: name}}
	holds := e.truth(n)
	e.path = path
	e.decisions[name] = holds
	return holds
}

// truth works out a part of a condition: a function, the name of a condition, or a boolean.
func (e *evaluator) truth(n *node) bool {
	switch {
	case n.call.condition():
		return e.holds(n)
	case n.call == noCall && n.kind == kindString:
		return e.decide(n.text)
	}
	v, ok := toBoolean(e.value(n, receiver{}))
	if !ok {
		e.on(n).error("condition", "a condition is wanted here, which is true or false", "")
		return false
	}
	return v.(bool)
}

func (e *evaluator) holds(n *node) bool {
	args := n.args()
	switch n.call {
	case condEq:
		if len(args) != 2 {
			return false // reported when it was parsed
		}
		return e.equal(args[0], args[1])
	case condNot:
		return len(args) == 1 && !e.truth(args[0])
	}
	// All members are worked out, so that all problems are found.
	all, some := true, false
	for _, arg := range args {
		holds := e.truth(arg)
		all, some = all && holds, some || holds
	}
	if n.call == condAnd {
		return all
	}
	return some
}

func (e *evaluator) equal(a, b *node) bool {
	x, y := e.comparable(a), e.comparable(b)
	return same(x, y)
}

func (e *evaluator) comparable(n *node) any {
	switch v := e.value(n, receiver{}).(type) {
	case noValue:
		return ""
	case Unknown:
		e.on(n).error("condition", fmt.Sprintf("the condition needs an attribute of element %s", quote(v.Element)), "conditions are decided before any element is made; use inputs")
		return nil
	default:
		return v
	}
}
