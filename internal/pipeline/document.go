package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Limits of a pipeline file. No text can cost more than them.
const (
	maxSize  = 256 << 10
	maxDepth = 20
	maxNodes = 20_000 // values, each use of an alias counted as a copy
)

// readDocument reads the one YAML (or JSON) document of a pipeline file. nil means that there is nothing to check.
func readDocument(r *report, src []byte) *yaml.Node {
	if len(src) > maxSize {
		r.at(0, 0, "").error("too-large", fmt.Sprintf("the file has %d bytes", len(src)), fmt.Sprintf("a pipeline file has at most %d bytes", maxSize))
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	if err != nil {
		syntaxError(r, err)
		return nil
	}
	var doc, second yaml.Node
	if err := loader.Load(&doc); err != nil && !errors.Is(err, io.EOF) {
		syntaxError(r, err)
		return nil
	}
	if len(doc.Content) == 0 {
		r.at(1, 1, "").error("empty", "the file is empty", "a pipeline file starts with its name and has stages")
		return nil
	}
	if err := loader.Load(&second); err == nil {
		r.at(second.Line, second.Column, "").error("several-documents", "a second document starts here", "keep each pipeline in a file of its own")
		return nil
	} else if !errors.Is(err, io.EOF) {
		syntaxError(r, err)
		return nil
	}
	c := converter{r: r, open: map[*yaml.Node]bool{}}
	root := c.convert(doc.Content[0], 1)
	if c.failed {
		return nil
	}
	return root
}

// syntaxError reports what the YAML parser could not read, at its place.
func syntaxError(r *report, err error) {
	line, col, message := 0, 0, strings.TrimPrefix(err.Error(), "yaml: ")
	if le, ok := errors.AsType[*yaml.LoadError](err); ok {
		line, col, message = le.Mark.Line, le.Mark.Column, le.Message
	}
	r.at(line, col, "").error("syntax", "not valid YAML: "+message, "check the indentation: blanks only, no tabs, the same for all keys of a map")
}

// converter makes a tree without aliases and merge keys, within the limits.
type converter struct {
	r      *report
	nodes  int
	open   map[*yaml.Node]bool // anchors whose content is being read
	failed bool
}

func (c *converter) fail(n *yaml.Node, code, summary, detail string) *yaml.Node {
	if !c.failed {
		c.r.on(n, "").error(code, summary, detail)
	}
	c.failed = true
	return n
}

func (c *converter) convert(n *yaml.Node, depth int) *yaml.Node {
	if c.failed {
		return n
	}
	if c.nodes++; c.nodes > maxNodes {
		return c.fail(n, "too-large", fmt.Sprintf("the file has more than %d values", maxNodes), "each use of an alias counts as a copy")
	}
	if depth > maxDepth {
		return c.fail(n, "too-deep", fmt.Sprintf("lists and maps are nested deeper than %d", maxDepth), "")
	}
	switch n.Kind {
	case yaml.AliasNode:
		if n.Alias == nil || c.open[n.Alias] {
			return c.fail(n, "alias-loop", fmt.Sprintf("alias *%s stands for something that contains it", n.Value), "")
		}
		return c.convert(n.Alias, depth)
	case yaml.MappingNode:
		c.open[n] = true
		defer delete(c.open, n)
		return c.mapping(n, depth)
	case yaml.SequenceNode:
		c.open[n] = true
		defer delete(c.open, n)
		out := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Line: n.Line, Column: n.Column}
		for _, item := range n.Content {
			out.Content = append(out.Content, c.convert(item, depth+1))
		}
		return out
	}
	return n
}

// mapping converts a map. Keys of merged maps stand behind its own.
func (c *converter) mapping(n *yaml.Node, depth int) *yaml.Node {
	out := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Line: n.Line, Column: n.Column}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], c.convert(n.Content[i+1], depth+1)
		if key.Kind == yaml.AliasNode && key.Alias != nil {
			key = key.Alias
		}
		switch {
		case key.Kind != yaml.ScalarNode:
			c.r.on(key, "").error("key-type", "a key must be text, not a list or map", "quote it if it is meant as text")
		case key.Tag == "!!merge":
			merged = append(merged, value)
		default:
			out.Content = append(out.Content, key, value)
		}
	}
	for _, m := range merged {
		c.merge(out, m)
	}
	return out
}

// merge lays the keys of a merge key (<<) under those that are there.
func (c *converter) merge(into, from *yaml.Node) {
	switch from.Kind {
	case yaml.SequenceNode:
		for _, item := range from.Content {
			c.merge(into, item)
		}
	case yaml.MappingNode:
		have := map[string]bool{}
		for i := 0; i < len(into.Content); i += 2 {
			have[into.Content[i].Value] = true
		}
		for i := 0; i < len(from.Content); i += 2 {
			if !have[from.Content[i].Value] {
				into.Content = append(into.Content, from.Content[i], from.Content[i+1])
			}
		}
	default:
		c.r.on(from, "").error("merge", "a merge key (<<) takes a map or a list of maps, not "+kindName(from), "")
	}
}

// kindName says what a node is, for messages.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	}
	return "text"
}
