package pipeline

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// object is a map of the file that is read key by key.
type object struct {
	r    *report
	node *yaml.Node
	path string
	keys map[string]*yaml.Node
	vals map[string]*yaml.Node
}

// object reads a map. known are the keys it may have; later are those that are described but not available yet. It returns
// nil when the node is no map.
func (r *report) object(n *yaml.Node, path, what string, known, later []string) *object {
	if n.Kind != yaml.MappingNode {
		r.on(n, path).errorf("wrong-type", "%s must be a map, not %s", what, kindName(n))
		return nil
	}
	o := &object{r: r, node: n, path: path, keys: map[string]*yaml.Node{}, vals: map[string]*yaml.Node{}}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := r.on(key, o.sub(key.Value))
		switch first := o.keys[key.Value]; {
		case first != nil:
			at.errorf("duplicate-key", "key %s stands here again; it is already in line %d", quote(key.Value), first.Line)
			continue
		case slices.Contains(later, key.Value):
			at.error("not-available", quote(key.Value)+" is known but not available yet in this version", "remove it for now")
		case !slices.Contains(known, key.Value):
			at.error("unknown-key", what+" has no key "+quote(key.Value), meant(key.Value, slices.Concat(known, later)))
		}
		o.keys[key.Value], o.vals[key.Value] = key, n.Content[i+1]
	}
	return o
}

func (o *object) sub(key string) string {
	if o.path == "" {
		return key
	}
	return o.path + "." + key
}

func item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// at is the place of a key's value, or of the whole map when the key is absent.
func (o *object) at(key string) place {
	if n := o.vals[key]; n != nil {
		return o.r.on(n, o.sub(key))
	}
	return o.r.on(o.node, o.path)
}

// get returns the value of a key, nil when it is absent or empty.
func (o *object) get(key string) *yaml.Node {
	if n := o.vals[key]; n != nil && !(n.Kind == yaml.ScalarNode && n.Tag == "!!null") {
		return n
	}
	return nil
}

// require reports a key that is absent or empty.
func (o *object) require(what string, keys ...string) {
	for _, key := range keys {
		if o.get(key) == nil {
			o.at(key).error("missing-key", what+" needs "+quote(key), "")
		}
	}
}

// str reads an optional text.
func (o *object) str(key string) string {
	n := o.get(key)
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || kindName(n) != "text" {
		detail := ""
		if n.Kind == yaml.ScalarNode {
			detail = "quote it: " + strconv.Quote(n.Value)
		}
		o.at(key).error("wrong-type", quote(key)+" must be text, not "+kindName(n), detail)
		return ""
	}
	return n.Value
}

// value reads an optional scalar as it is written, so that 3, true and "3" are all fine.
func (o *object) value(key string) string {
	n := o.get(key)
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		o.at(key).error("wrong-type", quote(key)+" must be a single value, not "+kindName(n), "quote it when it is meant as text")
		return ""
	}
	return n.Value
}

func (o *object) bool(key string) bool {
	n := o.get(key)
	if n == nil {
		return false
	}
	if kindName(n) != "a boolean" {
		o.at(key).error("wrong-type", quote(key)+" must be true or false, not "+kindName(n), "")
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

// list reads an optional list of at most limit items.
func (o *object) list(key string, limit int) []*yaml.Node {
	n := o.get(key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		o.at(key).errorf("wrong-type", "%s must be a list, not %s", quote(key), kindName(n))
		return nil
	}
	if len(n.Content) > limit {
		o.at(key).errorf("too-many", "%s has %d items; at most %d are allowed", quote(key), len(n.Content), limit)
		return n.Content[:limit]
	}
	return n.Content
}

// choice reads an optional text out of a set. later are values that are described but not available yet.
func (o *object) choice(key, fallback string, known, later []string) string {
	if o.get(key) == nil {
		return fallback
	}
	s := o.str(key)
	switch {
	case s == "" && o.get(key).Value != "": // not a text: reported
	case slices.Contains(later, s):
		o.at(key).error("not-available", quote(key)+" "+quote(s)+" is known but not available yet in this version", "available: "+strings.Join(known, ", "))
	case !slices.Contains(known, s):
		o.at(key).error("wrong-value", quote(key)+" cannot be "+quote(s), meant(s, slices.Concat(known, later)))
	}
	return s
}

// unique reports a name that was there before.
func (r *report) unique(seen map[string]bool, at place, what, name string) {
	if name != "" && seen[name] {
		at.errorf("duplicate-name", "%s %s is there twice; names are unique", what, quote(name))
	}
	seen[name] = true
}
