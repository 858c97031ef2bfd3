package template

import "strconv"

// Place is what stands at a place of a text, for editors.
type Place struct {
	// Path are the keys from the top of the document; an item of a list is its index in brackets, such as [0].
	Path []string
	// OnKey tells that the place is on the last key of the path, not on its value.
	OnKey bool
	// Kind says what the value is: nothing, a boolean, an integer, a number, text, a list, a map.
	Kind string
	// Text is the value when it is a scalar. Call is the name of the function that the value calls.
	Text, Call string
	// Line and Column are where the key or, without one, the value begins.
	Line, Column int
}

// At finds what stands at a line and column (in characters, both from 1) of a template text. ok is false when the text cannot
// be read or the place is before its start.
func At(file string, src []byte, line, col int) (p Place, ok bool) {
	roots := read(newReport(file), src)
	if len(roots) == 0 {
		return p, false
	}
	n := roots[0]
	at := func(l, c int32) bool { return int(l) < line || int(l) == line && int(c) <= col }
	if !at(n.line, n.col) {
		return p, false
	}
	for n != nil {
		p.Kind, p.Text, p.Call = n.kind.String(), n.text, n.call.String()
		if !p.OnKey && len(p.Path) == 0 {
			p.Line, p.Column = int(n.line), int(n.col)
		}
		n = p.inner(n, at)
	}
	return p, true
}

// inner steps to the last entry that begins before the place; nil when the place is on a key or on the value itself.
func (p *Place) inner(n *node, at func(l, c int32) bool) *node {
	var value *node
	for i := range n.pairs {
		q := &n.pairs[i]
		if !at(q.line, q.col) {
			continue
		}
		if value != nil { // a later entry: take the last one back
			p.Path = p.Path[:len(p.Path)-1]
		}
		p.Path = append(p.Path, q.key)
		p.Line, p.Column, value = int(q.line), int(q.col), q.value
	}
	for i, item := range n.items {
		if !at(item.line, item.col) {
			continue
		}
		if value != nil {
			p.Path = p.Path[:len(p.Path)-1]
		}
		p.Path = append(p.Path, "["+strconv.Itoa(i)+"]")
		p.Line, p.Column, value = int(item.line), int(item.col), item
	}
	if value == nil {
		return nil
	}
	if len(n.pairs) > 0 && !at(value.line, value.col) {
		p.OnKey, p.Kind, p.Text, p.Call = true, value.kind.String(), value.text, value.call.String()
		return nil
	}
	return value
}
