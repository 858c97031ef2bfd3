package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// Export says which template is made of a pipeline, and what of it becomes placeholders.
type Export struct {
	Template     string                    `json:"template" doc:"name of the new template"`
	Category     fairlead.TemplateCategory `json:"category,omitempty" enum:"image-deployment,gray-release,multi-environment,chart-deployment,chain,test,other"`
	Title        *fairlead.LocalText       `json:"title,omitempty" doc:"default: the pipeline's name"`
	Description  *fairlead.LocalText       `json:"description,omitempty" doc:"default: the pipeline's"`
	Placeholders []ExportPlaceholder       `json:"placeholders,omitempty" maxItems:"100"`
}

// ExportPlaceholder makes a placeholder of the value of a variable, or of a text wherever the file has it as a word of its own.
type ExportPlaceholder struct {
	Name        string              `json:"name"`
	Variable    string              `json:"variable,omitempty" doc:"the variable whose value it takes the place of"`
	Value       string              `json:"value,omitempty" doc:"the text that it takes the place of"`
	Description *fairlead.LocalText `json:"description,omitempty"`
	Required    bool                `json:"required,omitempty" doc:"must be given; otherwise what stands there now is the default"`
}

// ExportTemplate makes a template of a pipeline and stores it. Name and group become placeholders; so does every secret of the
// file (values of secret headers, addresses of chat rooms, what has a name such as token), without its value. A template
// with that name is a Conflict, a text that the file does not have Invalid.
func (e *Engine) ExportTemplate(ctx context.Context, actor fairlead.Actor, pipeline string, x Export) (fairlead.PipelineTemplate, error) {
	var p fairlead.Pipeline
	err := e.db.Read(ctx, func(tx *store.Tx) (err error) { p, err = tx.PipelineHead(ctx, pipeline); return err })
	if err != nil {
		return fairlead.PipelineTemplate{}, err
	}
	src, err := exportSource(p, x)
	if err != nil {
		return fairlead.PipelineTemplate{}, err
	}
	t, _, err := e.PutTemplate(ctx, actor, x.Template, src, false)
	return t, err
}

// exporter turns one pipeline file into a template.
type exporter struct {
	subject string
	src     []byte
	root    *yaml.Node
	private map[[2]int]string // placeholders of secrets by line and column
	asked   []*wish
	known   map[string]bool // names of all placeholders
	head    []fairlead.Placeholder
	values  map[string]string // what stands in their places now
	spots   []spot
	diags   fairlead.Diagnostics
}

// wish is a placeholder that was asked for.
type wish struct {
	ExportPlaceholder
	node  [2]int // of the variable's value
	found bool
}

func exportSource(p fairlead.Pipeline, x Export) ([]byte, error) {
	file, diags := read(p.Name+".yaml", []byte(p.Source))
	if err := diags.Err("pipeline " + p.Name); err != nil { // stored by an older version with other rules
		return nil, err
	}
	w := &exporter{subject: "pipeline " + p.Name, src: withoutMarker([]byte(p.Source)), private: map[[2]int]string{},
		known: map[string]bool{placeName: true, placeGroup: true}, values: map[string]string{placeName: p.Name, placeGroup: p.Group}}
	root, err := loadBody(w.src)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "%s: its file cannot be made a template: %w", w.subject, err)
	}
	w.root = root
	w.wishes(x.Placeholders, root)
	w.secrets(file)
	w.nameAndGroup()
	w.walk(root, "", false)
	for _, a := range w.asked {
		if !a.found {
			w.refuse(a.Name, fmt.Sprintf("placeholder {%s}: the file has %s nowhere as a text of its own", a.Name, quote(a.Value)), "")
		}
	}
	w.diags.Sort()
	if err := w.diags.Err("the template of " + w.subject); err != nil {
		return nil, err
	}
	out := w.text(p, x)
	return out, w.check(file.spec, out)
}

// withoutMarker takes away the line of dashes that may stand before a document, and keeps the numbers of the lines.
func withoutMarker(src []byte) []byte {
	lines := bytes.SplitAfter(src, []byte("\n"))
	for i, line := range lines {
		switch text := strings.TrimSpace(string(line)); {
		case text == "---" && bytes.HasPrefix(line, []byte("---")):
			lines[i] = []byte("\n")
			return bytes.Join(lines, nil)
		case text != "" && text[0] != '#':
			return src
		}
	}
	return src
}

func (w *exporter) refuse(name, summary, detail string) {
	w.diags = append(w.diags, fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: "bad-placeholder", Path: "placeholders." + name, Summary: summary, Detail: detail})
}

// wishes checks what was asked for.
func (w *exporter) wishes(list []ExportPlaceholder, root *yaml.Node) {
	for _, p := range list {
		a := &wish{ExportPlaceholder: p}
		switch standard := p.Name == placeName || p.Name == placeGroup; {
		case !nameRE.MatchString(p.Name):
			w.refuse(p.Name, "placeholder name "+quote(p.Name)+": want letters, digits, underscores or hyphens, first a letter or underscore, at most 64", "")
			continue
		case w.known[p.Name] && !standard || slices.ContainsFunc(w.asked, func(b *wish) bool { return b.Name == p.Name && b.Value == p.Value }):
			w.refuse(p.Name, "placeholder {"+p.Name+"} is there twice", "")
			continue
		case (p.Variable == "") == (p.Value == ""):
			w.refuse(p.Name, "placeholder {"+p.Name+"} takes the place of exactly one thing", "say either variable or value")
			continue
		case standard && p.Value != w.values[p.Name]:
			w.refuse(p.Name, "placeholder {"+p.Name+"} is the "+p.Name+" of the new pipeline", "it can take the place of "+quote(w.values[p.Name])+" in other texts; choose another name for other things")
			continue
		}
		if p.Variable != "" {
			n := variableNode(root, p.Variable)
			if n == nil {
				w.refuse(p.Name, "the pipeline has no variable "+quote(p.Variable)+" with a value", "")
				continue
			}
			a.node, a.Value = [2]int{n.Line, n.Column}, n.Value
		}
		w.asked = append(w.asked, a)
		if w.known[p.Name] {
			continue
		}
		w.known[p.Name], w.values[p.Name] = true, a.Value
		h := fairlead.Placeholder{Name: p.Name, Default: a.Value, Required: p.Required}
		if p.Required {
			h.Default = ""
		}
		if p.Description != nil {
			h.Description = *p.Description
		}
		w.head = append(w.head, h)
	}
	slices.SortStableFunc(w.asked, func(a, b *wish) int { return cmp.Compare(len(b.Value), len(a.Value)) })
}

func variableNode(root *yaml.Node, name string) *yaml.Node {
	list := valueOf(root, "variables")
	for list != nil && list.Kind == yaml.AliasNode {
		list = list.Alias
	}
	for i := 0; list != nil && i < len(list.Content); i++ {
		if n := valueOf(list.Content[i], "name"); n != nil && n.Value == name {
			if v := valueOf(list.Content[i], "value"); v != nil && v.Kind == yaml.ScalarNode {
				return v
			}
		}
	}
	return nil
}

// secrets makes a placeholder of everything that must not leave.
func (w *exporter) secrets(file *parser) {
	add := func(n *yaml.Node, what string, value string) {
		if _, done := w.private[[2]int{n.Line, n.Column}]; done {
			return
		}
		name := "secret_" + strings.Map(func(r rune) rune {
			if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
				return unicode.ToLower(r)
			}
			return '_'
		}, what[:min(len(what), 40)])
		for base, i := name, 2; w.known[name]; i++ {
			name = fmt.Sprintf("%s_%d", base, i)
		}
		w.private[[2]int{n.Line, n.Column}] = name
		w.known[name], w.values[name] = true, value
		w.head = append(w.head, fairlead.Placeholder{Name: name, Required: true, Secret: true,
			Description: fairlead.LocalText{En: "Secret that was not taken along: " + what, Zh: "未导出的机密：" + what}})
	}
	for _, s := range file.secrets {
		if s.node != nil {
			name, _, _ := strings.Cut(s.place, " ")
			add(s.node, strings.TrimPrefix(name, envPrefix), s.shown)
		}
	}
	for _, p := range file.private {
		add(p.node, p.name, p.node.Value)
	}
}

// nameAndGroup puts their placeholders into the file.
func (w *exporter) nameAndGroup() {
	name := valueOf(w.root, placeName)
	w.put(name, "{"+placeName+"}", false)
	if group := valueOf(w.root, placeGroup); group != nil {
		w.put(group, "{"+placeGroup+"}", false)
		return
	}
	_, end := propertiesEnd(w.src, name)
	line := "\n" + strings.Repeat(" ", max(0, w.root.Content[0].Column-1)) + `group: "{group}"`
	if w.root.Style&yaml.FlowStyle != 0 {
		line = `, "group": "{group}"`
	}
	w.spots = append(w.spots, spot{from: end, to: end, filled: line})
}

// put replaces a scalar.
func (w *exporter) put(n *yaml.Node, text string, typed bool) {
	from, to := propertiesEnd(w.src, n)
	if to < 0 {
		w.refuse("", fmt.Sprintf("line %d: a text of several lines cannot take a placeholder", n.Line), "give a variable the placeholder and use the variable in the text")
		return
	}
	filled := quoteYAML(text)
	if tag := n.ShortTag(); n.Style&yaml.TaggedStyle != 0 || tag == "!!bool" || typed && (tag == "!!int" || tag == "!!float") {
		filled = tag + " " + filled
	}
	w.spots = append(w.spots, spot{from: from, to: to, filled: filled})
}

// walk looks at all values. typed is for those whose type counts, which are the values of a chart.
func (w *exporter) walk(n *yaml.Node, key string, typed bool) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			if n == w.root && (name == placeName || name == placeGroup) {
				continue
			}
			w.walk(n.Content[i+1], name, typed || key == "deploy" && name == "values")
		}
	case yaml.SequenceNode:
		for _, c := range n.Content {
			w.walk(c, key, typed)
		}
	case yaml.ScalarNode:
		w.scalar(n, typed)
	}
}

func (w *exporter) scalar(n *yaml.Node, typed bool) {
	for _, m := range placeholderRE.FindAllStringSubmatchIndex(n.Value, -1) {
		if name := n.Value[m[2]:m[3]]; w.known[name] && (m[0] == 0 || n.Value[m[0]-1] != '$') {
			w.refuse(name, fmt.Sprintf("line %d has the text {%s} already", n.Line, name), "choose another name for the placeholder")
		}
	}
	if name, ok := w.private[[2]int{n.Line, n.Column}]; ok {
		w.put(n, "{"+name+"}", false)
		return
	}
	text := ""
	for _, a := range w.asked {
		if a.node == [2]int{n.Line, n.Column} {
			a.found = true
			text = "{" + a.Name + "}"
		}
	}
	if text == "" {
		text = w.replace(n.Value)
	}
	if text != n.Value {
		whole := placeholderRE.FindString(text) == text
		w.put(n, text, typed && whole)
	}
}

// referenceRE finds variables, whose names stay, and what stands for a literal ${.
var referenceRE = regexp.MustCompile(`\$?\$\{[^}]*\}?`)

// replace puts placeholders into a text, outside of its variables.
func (w *exporter) replace(text string) string {
	var out strings.Builder
	for text != "" {
		at := referenceRE.FindStringIndex(text)
		if at == nil {
			at = []int{len(text), len(text)}
		}
		out.WriteString(w.words(text[:at[0]]))
		out.WriteString(text[at[0]:at[1]])
		text = text[at[1]:]
	}
	return out.String()
}

// words replaces the texts that were asked for where they are words of their own; the longest first.
func (w *exporter) words(text string) string {
	for _, a := range w.asked {
		if a.node != [2]int{} {
			continue
		}
		for from := 0; ; {
			i := strings.Index(text[from:], a.Value)
			if i < 0 {
				break
			}
			i += from
			end := i + len(a.Value)
			if wordEnds(text, i) && wordEnds(text, end) {
				a.found = true
				return w.words(text[:i]) + "{" + a.Name + "}" + w.words(text[end:])
			}
			from = i + 1
		}
	}
	return text
}

// wordEnds reports whether no word goes on across a place of a text.
func wordEnds(text string, at int) bool {
	if at == 0 || at == len(text) {
		return true
	}
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at:])
	return !word(before) || !word(after)
}

// text is the template file.
func (w *exporter) text(p fairlead.Pipeline, x Export) []byte {
	title := fairlead.LocalText{En: p.Name}
	if x.Title != nil {
		title = *x.Title
	}
	description := fairlead.LocalText{En: p.Description}
	if x.Description != nil {
		description = *x.Description
	}
	words := func(t fairlead.LocalText) string {
		if t.Zh == "" {
			return quoteYAML(t.En)
		}
		return fmt.Sprintf("{en: %s, zh: %s}", quoteYAML(t.En), quoteYAML(t.Zh))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "category: %s\ntitle: %s\ndescription: %s\n", cmp.Or(x.Category, fairlead.OtherCategory), words(title), words(description))
	if len(w.head) > 0 {
		b.WriteString("placeholders:\n")
	}
	for _, h := range w.head {
		fmt.Fprintf(&b, "  - {name: %s, description: %s", quoteYAML(h.Name), words(h.Description))
		switch {
		case h.Secret:
			b.WriteString(", required: true, secret: true")
		case h.Required:
			b.WriteString(", required: true")
		default:
			b.WriteString(", default: " + quoteYAML(h.Default))
		}
		b.WriteString("}\n")
	}
	out := w.src
	slices.SortStableFunc(w.spots, func(a, b spot) int { return cmp.Compare(b.from, a.from) })
	for _, s := range w.spots {
		out = slices.Concat(out[:s.from], []byte(s.filled), out[s.to:])
	}
	return slices.Concat([]byte(b.String()+"---\n"), out)
}

// check makes the pipeline of its template again: it must say what it said.
func (w *exporter) check(want *fairlead.PipelineSpec, out []byte) error {
	t, diags := ParseTemplate("template", out)
	if err := diags.Err("the template of " + w.subject); err != nil {
		return err
	}
	src, err := t.Render(w.values)
	if err != nil {
		return err
	}
	if got, _ := Parse("", src); !reflect.DeepEqual(got, want) {
		return fairlead.Errorf(fairlead.Invalid, "%s: its file cannot be made a template: what was made of it says something else; write values on one line in double quotes", w.subject)
	}
	return nil
}
