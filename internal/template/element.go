package template

// Element is one node of a template with its properties evaluated for one stack. Providers work on elements; they never
// see the template.
type Element struct {
	Name string
	// Type is the canonical short type, such as "CCE.Deployment", whatever edition or prefix the template used.
	Type string
	// Stack, StackID, Target and Namespace say where the element is made. The stack engine fills them in.
	Stack     string
	StackID   string
	Target    string
	Namespace string
	// Template and Version say which text the element is from, to find files of its package. The stack engine fills them in.
	Template string
	Version  string
	// Properties are the evaluated properties: nil, bool, int64, float64, string, []any, map[string]any, and [Unknown]
	// where a value becomes known only when another element is made.
	Properties map[string]any
	// Requires are the names of the elements that must be healthy before this one is made, sorted by the author's order.
	Requires []string
	// Position counts the elements in the author's order from 0.
	Position int
	// Adopt lets the provider take over a resource of that name that exists already and belongs to no stack. Without it such
	// a resource is a Conflict. The stack engine fills it in.
	Adopt bool
	// AdoptAs is the element that a user names for that: Name, or in a nested stack the element of the outermost one.
	AdoptAs string
	// Retain keeps the resource on the target when the element or its stack is deleted.
	Retain bool
	// Pass is the making of the plan that the element is in; nil when it is planned alone. The stack engine fills it in.
	Pass *Pass
}

// Unknown stands for a value that is not known yet: it reads an attribute of an element that is not made.
type Unknown struct {
	// Element is whose attribute it waits for.
	Element string
}

// HasUnknown reports whether a value contains an [Unknown] anywhere.
func HasUnknown(v any) bool {
	_, has := firstUnknown(v)
	return has
}

func firstUnknown(v any) (u Unknown, ok bool) {
	switch v := v.(type) {
	case Unknown:
		return v, true
	case []any:
		for _, x := range v {
			if u, ok = firstUnknown(x); ok {
				return u, true
			}
		}
	case map[string]any:
		for _, x := range v {
			if u, ok = firstUnknown(x); ok {
				return u, true
			}
		}
	}
	return u, false
}
