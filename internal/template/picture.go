package template

import (
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strings"
)

// DOT draws the element graph in the language of Graphviz. An arrow goes from an element to one that it needs.
func (t *Template) DOT() string {
	var b strings.Builder
	b.WriteString("digraph template {\n  rankdir=RL;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n")
	for _, el := range t.elements {
		style := ""
		if el.condition != "" {
			style = ", style=\"rounded,dashed\""
		}
		fmt.Fprintf(&b, "  %s [label=%s%s];\n", dotQuote(el.name), dotQuote(el.name+"\n"+el.typ), style)
	}
	for _, el := range t.elements {
		for _, need := range t.graph.Needs(el.name) {
			fmt.Fprintf(&b, "  %s -> %s;\n", dotQuote(el.name), dotQuote(need))
		}
	}
	b.WriteString("}\n")
	return b.String()
}

func dotQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// GraphJSON is the element graph as JSON: {"elements": [{"name", "type", "condition", "needs"}]} in the author's order.
func (t *Template) GraphJSON() []byte {
	type jsonElement struct {
		Name      string   `json:"name"`
		Type      string   `json:"type"`
		Condition string   `json:"condition,omitempty"`
		Needs     []string `json:"needs"`
	}
	elements := make([]jsonElement, len(t.elements))
	for i, el := range t.elements {
		needs := t.graph.Needs(el.name)
		if needs == nil {
			needs = []string{}
		}
		elements[i] = jsonElement{el.name, el.typ, el.condition, needs}
	}
	b, _ := json.MarshalIndent(map[string]any{"elements": elements}, "", "  ") // cannot fail: plain strings
	return append(b, '\n')
}

// Sizes of the drawing, in pixels.
const (
	boxWidth, boxHeight = 190, 46
	gapX, gapY          = 90, 18
	margin              = 24
	labelLength         = 26
)

// SVG draws the element graph: what is made first stands left, an arrow goes from an element to one that it needs, and
// elements that depend on a condition have a dashed border.
func (t *Template) SVG() string {
	layers := t.layers()
	at := t.layout(layers)
	width, height := 2*margin, 2*margin
	for _, p := range at {
		width = max(width, p[0]+boxWidth+margin)
		height = max(height, p[1]+boxHeight+margin)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">
  <defs><marker id="needs" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#64748b"/></marker></defs>
  <rect width="100%%" height="100%%" fill="#fff"/>
`, width, height, width, height)
	for _, el := range t.elements {
		for _, need := range t.graph.Needs(el.name) {
			drawArrow(&b, at[el.name], at[need])
		}
	}
	for _, el := range t.elements {
		drawBox(&b, el, at[el.name])
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// layers are the columns of the drawing; a graph with a circle is one column.
func (t *Template) layers() [][]string {
	layers, err := t.graph.Layers()
	if err != nil {
		return [][]string{t.graph.Nodes()}
	}
	return layers
}

// layout places every element. Within its column an element stands beside what it needs, as far as there is room; equals
// keep the author's order.
func (t *Template) layout(layers [][]string) map[string][2]int {
	at := make(map[string][2]int, len(t.elements))
	for x, layer := range layers {
		centre := make(map[string]int, len(layer))
		for i, name := range layer {
			centre[name] = t.middle(name, at, margin+i*(boxHeight+gapY))
		}
		slices.SortStableFunc(layer, func(a, b string) int { return centre[a] - centre[b] })
		y := margin
		for _, name := range layer {
			y = max(y, centre[name])
			at[name] = [2]int{margin + x*(boxWidth+gapX), y}
			y += boxHeight + gapY
		}
	}
	return at
}

// middle is the mean height of what an element needs.
func (t *Template) middle(name string, at map[string][2]int, otherwise int) int {
	sum, n := 0, 0
	for _, need := range t.graph.Needs(name) {
		if p, ok := at[need]; ok {
			sum += p[1]
			n++
		}
	}
	if n == 0 {
		return otherwise
	}
	return sum / n
}

func drawArrow(b *strings.Builder, from, to [2]int) {
	x1, y1 := from[0], from[1]+boxHeight/2
	x2, y2 := to[0]+boxWidth, to[1]+boxHeight/2
	bend := max((x1-x2)/2, gapX/2)
	fmt.Fprintf(b, `  <path d="M%d %dC%d %d %d %d %d %d" fill="none" stroke="#94a3b8" stroke-width="1.5" marker-end="url(#needs)"/>`+"\n",
		x1, y1, x1-bend, y1, x2+bend, y2, x2, y2)
}

func drawBox(b *strings.Builder, el *element, p [2]int) {
	dash := ""
	if el.condition != "" {
		dash = ` stroke-dasharray="5 3"`
	}
	fmt.Fprintf(b, `  <g><title>%s (%s)</title><rect x="%d" y="%d" width="%d" height="%d" rx="8" fill="#f8fafc" stroke="#334155"%s/>`,
		html.EscapeString(el.name), html.EscapeString(el.typ), p[0], p[1], boxWidth, boxHeight, dash)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle" font-weight="600" fill="#0f172a">%s</text>`, p[0]+boxWidth/2, p[1]+20, html.EscapeString(cutLabel(el.name)))
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle" font-size="11" fill="#475569">%s</text></g>`+"\n", p[0]+boxWidth/2, p[1]+36, html.EscapeString(cutLabel(el.typ)))
}

func cutLabel(s string) string {
	if r := []rune(s); len(r) > labelLength {
		return string(r[:labelLength-1]) + "…"
	}
	return s
}
