package template

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxDocuments is how many documents of a file are looked at when there are several by mistake.
const maxDocuments = 50

// readYAML reads a YAML document, the plain ones by a short cut.
func readYAML(r *report, src []byte) []*node {
	if root, ok := readPlain(src); ok {
		return []*node{root}
	}
	return readFull(r, src)
}

// readFull reads all YAML documents of a text; more than one is an error. The parser is go.yaml.in/yaml because its nodes
// and its errors carry line and column, and because it needs a quarter of the time and a ninth of the memory that
// goccy/go-yaml needs for large templates.
func readFull(r *report, src []byte) []*node {
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	if err != nil {
		syntaxError(r, src, err)
		return nil
	}
	var roots []*node
	c := yamlConverter{builder: builder{r: r}, src: src, aliases: map[*yaml.Node]*aliased{}}
	for n := 0; n < maxDocuments; n++ {
		var doc yaml.Node
		if err := loader.Load(&doc); err != nil {
			if !errors.Is(err, io.EOF) {
				syntaxError(r, src, err)
				return nil
			}
			break
		}
		if n == 1 {
			r.at(int32(doc.Line), int32(doc.Column)).error("several-documents", "a second document starts here", "a template is one YAML document; keep each template in a file of its own")
		}
		if root := c.root(&doc); root != nil {
			roots = append(roots, root)
		}
		if c.full {
			return nil
		}
	}
	return roots
}

// root converts a document, nil when it is empty.
func (c *yamlConverter) root(doc *yaml.Node) *node {
	if len(doc.Content) == 0 {
		return nil
	}
	root := c.convert(doc.Content[0], 1, false)
	if root == nil || root.kind == kindNull {
		return nil
	}
	return root
}

// syntaxError reports what the parser could not read, at its place, and names tabs as the cause when they are.
func syntaxError(r *report, src []byte, err error) {
	line, col, message := int32(0), int32(0), err.Error()
	if le, ok := errors.AsType[*yaml.LoadError](err); ok {
		line, col, message = int32(le.Mark.Line), int32(le.Mark.Column), le.Message
		if le.ContextMsg != "" {
			message = le.ContextMsg + ": " + message
		}
	}
	if tabLine, tabCol := tabIndent(src, int(line)); tabLine > 0 {
		r.at(tabLine, tabCol).error("tab-indentation", "a tab is used for indentation", "YAML indents with blanks only; replace each tab by two blanks")
		return
	}
	r.at(line, col).error("syntax", "not valid YAML: "+strings.TrimPrefix(message, "yaml: "), "")
}

// tabIndent finds a tab in the indentation of the line of an error, or of the lines beside it: the parser can notice it late.
func tabIndent(src []byte, errorLine int) (line, col int32) {
	n := 0
	for text := range bytes.Lines(src) {
		n++
		if n < errorLine-1 {
			continue
		}
		if n > errorLine+1 {
			break
		}
		indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
		if i := bytes.IndexByte(indent, '\t'); i >= 0 && len(bytes.TrimSpace(text)) > 0 {
			return int32(n), int32(i + 1)
		}
	}
	return 0, 0
}

// aliased is what an anchor stands for: converted once, shared by all its uses, with the number and nesting of its values.
type aliased struct {
	node         *node
	size, height int
	open         bool
}

type yamlConverter struct {
	builder
	src     []byte
	lines   []int // where they start, once that is asked for
	aliases map[*yaml.Node]*aliased
}

// indent is how far the line after a given one is indented.
func (c *yamlConverter) indent(line int) int32 {
	if c.lines == nil {
		c.lines = []int{0}
		for i, b := range c.src {
			if b == '\n' {
				c.lines = append(c.lines, i+1)
			}
		}
	}
	if line >= len(c.lines) {
		return 0
	}
	text := c.src[c.lines[line]:]
	return int32(len(text) - len(bytes.TrimLeft(text, " ")))
}

// convert makes a node; nil only when the tree is too large.
func (c *yamlConverter) convert(y *yaml.Node, depth int, inputs bool) *node {
	line, col := int32(y.Line), int32(y.Column)
	if y.Kind == yaml.AliasNode {
		return c.alias(y, depth)
	}
	if !c.grow(1, depth, line, col) {
		return nil
	}
	if y.Anchor != "" {
		return c.anchored(y, depth, inputs)
	}
	return c.content(y, depth, inputs)
}

func (c *yamlConverter) anchored(y *yaml.Node, depth int, inputs bool) *node {
	a := &aliased{open: true}
	c.aliases[y] = a
	before := c.nodes
	a.node = c.content(y, depth, inputs)
	a.size, a.open = c.nodes-before+1, false
	if a.node != nil {
		a.height = height(a.node)
	}
	return a.node
}

func (c *yamlConverter) alias(y *yaml.Node, depth int) *node {
	line, col := int32(y.Line), int32(y.Column)
	null := &node{line: line, col: col}
	a := c.aliases[y.Alias]
	if a == nil || a.open {
		c.r.at(line, col).error("alias-loop", fmt.Sprintf("alias *%s stands for something that contains it", y.Value), "")
		return null
	}
	if a.node == nil || !c.grow(a.size, depth+a.height, line, col) {
		return nil
	}
	return a.node
}

// height is the nesting below a node. It visits shared nodes again, which costs no more than the size that was counted.
func height(n *node) int {
	if n.scalar() {
		return 0
	}
	h := 0
	for _, item := range n.items {
		h = max(h, height(item))
	}
	for i := range n.pairs {
		h = max(h, height(n.pairs[i].value))
	}
	return h + 1
}

func (c *yamlConverter) content(y *yaml.Node, depth int, inputs bool) *node {
	switch y.Kind {
	case yaml.MappingNode:
		return c.mapping(y, depth, inputs)
	case yaml.SequenceNode:
		n := &node{kind: kindList, line: int32(y.Line), col: int32(y.Column), items: make([]*node, 0, len(y.Content))}
		for _, item := range y.Content {
			child := c.convert(item, depth+1, false)
			if child == nil {
				return nil
			}
			n.items = append(n.items, child)
		}
		return n
	}
	return c.scalar(y)
}

func (c *yamlConverter) mapping(y *yaml.Node, depth int, inputs bool) *node {
	n := &node{kind: kindMap, line: int32(y.Line), col: int32(y.Column), pairs: make([]pair, 0, len(y.Content)/2)}
	var merged []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		line, col := int32(k.Line), int32(k.Column)
		key := k
		if k.Kind == yaml.AliasNode {
			key = k.Alias
		}
		if key.Kind != yaml.ScalarNode {
			c.r.at(line, col).error("key-type", "a key must be text, not a list or map", "quote it if it is meant as text; {{...}} of other template languages is not supported here")
			continue
		}
		value := c.convert(y.Content[i+1], depth+1, depth == 1 && key.Value == "inputs")
		if value == nil {
			return nil
		}
		if key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		n.pairs = append(n.pairs, pair{key: key.Value, line: line, col: col, value: value})
	}
	n.pairs = c.unique(n.pairs, inputs)
	for _, m := range merged {
		c.merge(n, m)
	}
	n.call = functionOf(n)
	return n
}

// merge lays the keys of a merge key (<<) under those that are there.
func (c *yamlConverter) merge(n, from *node) {
	switch from.kind {
	case kindMap:
		have := make(map[string]bool, len(n.pairs))
		for _, p := range n.pairs {
			have[p.key] = true
		}
		for _, p := range from.pairs {
			if !have[p.key] {
				n.pairs = append(n.pairs, p)
			}
		}
	case kindList:
		for _, item := range from.items {
			if item.kind == kindMap {
				c.merge(n, item)
				continue
			}
			c.r.at(item.line, item.col).error("merge", "a merge key (<<) takes a map or a list of maps, not "+item.kind.String(), "")
		}
	default:
		c.r.at(from.line, from.col).error("merge", "a merge key (<<) takes a map or a list of maps, not "+from.kind.String(), "")
	}
}

func (c *yamlConverter) scalar(y *yaml.Node) *node {
	n := &node{line: int32(y.Line), col: int32(y.Column), text: y.Value}
	if y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		n.indent = c.indent(y.Line)
	}
	switch y.Tag {
	case "!!null":
		n.kind, n.text = kindNull, ""
	case "!!bool":
		n.kind, n.text = kindBool, strings.ToLower(y.Value)
	case "!!int":
		n.kind = kindInt
		if _, ok := parseInt(y.Value); !ok {
			n.kind = kindFloat
		}
	case "!!float":
		n.kind = kindFloat
	case "!!str", "!!timestamp", "!!merge", "!", "":
		n.kind = kindString
	default:
		c.r.at(n.line, n.col).error("tag", fmt.Sprintf("YAML tag %s is not supported", y.Tag), "write the value without a tag; the built-in functions are written as maps, such as {get_input: name}")
		n.kind = kindString
	}
	if n.kind == kindFloat {
		if _, ok := parseFloat(y.Value); !ok {
			c.r.at(n.line, n.col).error("number", fmt.Sprintf("%s is not a number that can be held", shorten(y.Value)), "quote it if it is meant as text")
			n.kind = kindString
		}
	}
	return n
}
