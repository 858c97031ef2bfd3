package template

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead"
)

// Locate completes findings of a provider about one element. Their paths start at the element's properties, such as
// k8sManifest.spec.containers[0].image; they get the full path and the file, line and column of the deepest part of it
// that the template has. Findings about a repetition point to the text of the batch's item.
func (t *Template) Locate(diags fairlead.Diagnostics, name string) fairlead.Diagnostics {
	el := t.byName[name]
	if el == nil {
		return t.locateRepetition(diags, name)
	}
	if el.node == nil {
		return diags
	}
	out := make(fairlead.Diagnostics, len(diags))
	for i, d := range diags {
		d.File = t.file
		line, col := el.node.line, el.node.col
		if el.properties != nil {
			line, col = el.properties.line, el.properties.col
		}
		if found, l, c := find(el.properties, d.Path); found {
			line, col = l, c
		}
		d.Line, d.Column = int(line), int(col)
		full := "node_templates." + name
		if d.Path != "" {
			full += ".properties." + d.Path
		}
		d.Path = full
		out[i] = d
	}
	return out
}

func (t *Template) locateRepetition(diags fairlead.Diagnostics, name string) fairlead.Diagnostics {
	el := t.repetition(name)
	if el == nil {
		return diags
	}
	item := el.batch.item(el)
	out := make(fairlead.Diagnostics, len(diags))
	for i, d := range diags {
		d.File, d.Line, d.Column = t.file, int(item.text.line), int(item.text.col)
		d.Path = strings.TrimSuffix(fmt.Sprintf("node_templates.%s.properties.items[%d].properties.%s", el.batch.el.name, item.index, d.Path), ".")
		d.Summary = name + ": " + d.Summary
		out[i] = d
	}
	return out
}

// find walks a path as far as it goes. Keys can contain dots themselves, so the longest key that fits is taken.
func find(n *node, path string) (found bool, line, col int32) {
	for n != nil && path != "" {
		var next *node
		switch {
		case path[0] == '[' && n.kind == kindList:
			index, rest, _ := strings.Cut(path[1:], "]")
			if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < len(n.items) {
				next, path = n.items[i], strings.TrimPrefix(rest, ".")
				line, col = next.line, next.col
			}
		case n.kind == kindMap && n.call == noCall:
			if p := longestKey(n, path); p != nil {
				next, path = p.value, strings.TrimPrefix(path[len(p.key):], ".")
				line, col = p.line, p.col
				if path == "" {
					line, col = next.line, next.col
				}
			}
		}
		found = found || next != nil
		n = next
	}
	return found, line, col
}

func longestKey(n *node, path string) *pair {
	var best *pair
	for i := range n.pairs {
		p := &n.pairs[i]
		rest, ok := strings.CutPrefix(path, p.key)
		if ok && p.key != "" && (rest == "" || rest[0] == '.' || rest[0] == '[') && (best == nil || len(p.key) > len(best.key)) {
			best = p
		}
	}
	return best
}
