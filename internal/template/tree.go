package template

import (
	"math"
	"strconv"
	"strings"
)

// Limits of a template text. They are checked before or while it is read, so that no text can cost more than them.
const (
	// MaxSize is the largest template text in bytes.
	MaxSize = 8 << 20
	// MaxDepth is the deepest nesting of maps and lists.
	MaxDepth = 100
	// MaxNodes is the largest number of values in a template, each use of an alias counted as a copy.
	MaxNodes = 1 << 19

	maxInputs   = 60
	maxMappings = 10
	// maxProblems is how many findings are shown; the rest is counted.
	maxProblems = 1000
)

// kind says what a node of the document is.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindInt
	kindFloat
	kindString
	kindList
	kindMap
)

func (k kind) String() string {
	return [...]string{"nothing", "a boolean", "an integer", "a number", "text", "a list", "a map"}[k]
}

// node is one value of the document with its place. Aliases are resolved: a node can have several parents. The tree is
// not changed after reading.
type node struct {
	kind      kind
	call      function // the built-in function that this map calls, none for plain values
	line, col int32
	indent    int32   // text over several lines: how far they are indented, 0 for other values
	text      string  // scalars: the value as text
	pairs     []pair  // maps, in the author's order
	items     []*node // lists
}

// pair is one key of a map with the place of the key.
type pair struct {
	key       string
	line, col int32
	value     *node
}

// get returns the value of a key, nil when there is none.
func (n *node) get(key string) *node {
	if p := n.pair(key); p != nil {
		return p.value
	}
	return nil
}

func (n *node) pair(key string) *pair {
	if n == nil {
		return nil
	}
	for i := range n.pairs {
		if n.pairs[i].key == key {
			return &n.pairs[i]
		}
	}
	return nil
}

func (n *node) scalar() bool { return n.kind < kindList }

// plain returns the text of a text literal.
func (n *node) plain() (string, bool) {
	if n == nil || n.kind != kindString {
		return "", false
	}
	return n.text, true
}

// value builds the Go value of a literal; calls are not evaluated but returned as the maps they are written as.
func (n *node) value() any {
	switch n.kind {
	case kindList:
		list := make([]any, len(n.items))
		for i, item := range n.items {
			list[i] = item.value()
		}
		return list
	case kindMap:
		m := make(map[string]any, len(n.pairs))
		for i := range n.pairs {
			m[n.pairs[i].key] = n.pairs[i].value.value()
		}
		return m
	}
	return n.scalarValue()
}

func (n *node) scalarValue() any {
	switch n.kind {
	case kindBool:
		return len(n.text) == len("true")
	case kindInt:
		i, _ := parseInt(n.text)
		return i
	case kindFloat:
		f, _ := parseFloat(n.text)
		return f
	case kindString:
		return n.text
	}
	return nil
}

// parseInt reads an integer as YAML writes it: 0x1f, 0o17, 0644 (octal, as Kubernetes reads file modes), 1_000.
func parseInt(s string) (int64, bool) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil && (len(s) < 2 || s[0] != '0') {
		return i, true
	}
	i, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 0, 64)
	return i, err == nil
}

// parseFloat reads a number. Infinity and not-a-number are refused: JSON, and so every target, cannot hold them.
func parseFloat(s string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}
