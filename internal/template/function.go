package template

// function is one of the built-in functions. A call is a map of one key, the function's name, to its arguments.
type function uint8

const (
	noCall function = iota
	getInput
	getAttribute
	getReference
	getInMap
	condEq
	condNot
	condAnd
	condOr
	condIf
	base64Encode
	concat
	split
	selectItem
	getListLength
)

func functionNames() []string {
	return []string{"get_input", "get_attribute", "get_reference", "get_in_map", "cond_eq", "cond_not", "cond_and", "cond_or", "cond_if",
		"base64_encode", "concat", "split", "select", "get_list_length"}
}

func (f function) String() string {
	if f == noCall {
		return ""
	}
	return functionNames()[f-1]
}

// usage shows how a call is written.
func (f function) usage() string {
	return [...]string{"",
		"{get_input: NAME}",
		"{get_attribute: [ELEMENT, ATTRIBUTE]}",
		"{get_reference: ELEMENT}",
		"{get_in_map: [MAP, OBJECT, PROPERTY]}",
		"{cond_eq: [A, B]}",
		"{cond_not: CONDITION}",
		"{cond_and: [CONDITION, CONDITION]}",
		"{cond_or: [CONDITION, CONDITION]}",
		"{cond_if: [CONDITION, VALUE IF TRUE, VALUE IF FALSE]}",
		"{base64_encode: TEXT}",
		"{concat: [A, B]}",
		"{split: [DELIMITER, TEXT]}",
		"{select: [INDEX, LIST]}",
		"{get_list_length: LIST}",
	}[f]
}

// arity is how many arguments a function takes; most is 0 when there is no upper limit.
func (f function) arity() (least, most int) {
	switch f {
	case getInput, getReference, condNot, base64Encode:
		return 1, 1
	case getAttribute:
		return 2, 0
	case getInMap, condIf:
		return 3, 3
	case condEq, split, selectItem:
		return 2, 2
	case condAnd, condOr:
		return 2, 10
	}
	return 1, 0
}

// condition reports whether the function decides something, so that it belongs into the section conditions.
func (f function) condition() bool { return f >= condEq && f <= condOr }

// args are the arguments of a call. The documented short forms without a list count as a list of one; the argument of
// get_list_length is itself a list.
func (n *node) args() []*node {
	arg := n.pairs[0].value
	if arg.kind == kindList && n.call != getListLength {
		return arg.items
	}
	return []*node{arg}
}

// functionOf names the function that a map calls.
func functionOf(n *node) function {
	if len(n.pairs) != 1 {
		return noCall
	}
	return functionNamed(n.pairs[0].key)
}

func functionNamed(name string) function {
	switch name {
	case "get_input":
		return getInput
	case "get_attribute":
		return getAttribute
	case "get_reference":
		return getReference
	case "get_in_map":
		return getInMap
	case "cond_eq":
		return condEq
	case "cond_not":
		return condNot
	case "cond_and":
		return condAnd
	case "cond_or":
		return condOr
	case "cond_if":
		return condIf
	case "base64_encode":
		return base64Encode
	case "concat":
		return concat
	case "split":
		return split
	case "select":
		return selectItem
	case "get_list_length":
		return getListLength
	}
	return noCall
}
