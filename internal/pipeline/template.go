package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead"
)

// Limits of a pipeline template.
const (
	maxPlaceholders     = 100
	maxTitle            = 200
	maxPlaceholderValue = 16 << 10
)

// The placeholders that every template has: the name and the group of the pipeline that is made of it.
const (
	placeName  = "name"
	placeGroup = "group"
)

// placeholderRE finds what looks like a placeholder. Only names that the template declares are any.
var placeholderRE = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_-]{0,63})\}`)

// Template is a pipeline template that was read: the head, and the text of a pipeline file in which placeholders stand.
type Template struct {
	fairlead.PipelineTemplate
	body []byte // the pipeline file
	skip int    // lines of the template file before it
}

// ParseTemplate reads a pipeline template: a document that says what it is, a line of three dashes, and a pipeline file with
// {placeholders}. It finds everything that is wrong in one run; positions are those of the template file. With the defaults (and
// something in the place of what must be given) the pipeline file must be right. Name, Kind, By and CreatedAt are not set.
// The template is nil when there are errors; warnings may come with one.
func ParseTemplate(file string, src []byte) (*Template, fairlead.Diagnostics) {
	r := &report{file: file}
	head, body := readTemplate(r, src)
	if head == nil || body == nil {
		return nil, r.result()
	}
	t := &Template{PipelineTemplate: fairlead.PipelineTemplate{Kind: fairlead.OwnTemplate, Source: string(src)}}
	p := parser{report: r}
	p.templateHead(head, t)
	t.cut(r, src, body)
	if r.failed() {
		return nil, r.result()
	}
	t.checkBody(r)
	diags := r.result()
	if diags.HasErrors() {
		return nil, diags
	}
	return t, diags
}

// readTemplate reads the two documents of a template: the head without aliases, the pipeline file as it stands.
func readTemplate(r *report, src []byte) (head, body *yaml.Node) {
	if len(src) > maxSize {
		r.at(0, 0, "").error("too-large", fmt.Sprintf("the file has %d bytes", len(src)), fmt.Sprintf("a pipeline template has at most %d bytes", maxSize))
		return nil, nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	var docs [3]yaml.Node
	for i := range docs {
		if err == nil {
			err = loader.Load(&docs[i])
		}
	}
	switch {
	case err == nil:
		r.at(docs[2].Line, docs[2].Column, "").error("several-documents", "a third document starts here", "a pipeline template has two: what it is, and the pipeline file")
		return nil, nil
	case !errors.Is(err, io.EOF):
		syntaxError(r, err)
		r.diags[len(r.diags)-1].Detail = "a text with a placeholder stands in double quotes, such as \"{name}-prod\""
		return nil, nil
	case len(docs[0].Content) == 0 || len(docs[1].Content) == 0:
		r.at(1, 1, "").error("no-template", "the file has one document; a pipeline template has two",
			"write what the template is (category, title, description, placeholders), a line of three dashes (---), and the pipeline file")
		return nil, nil
	}
	for i := range 2 { // the limits hold for both, and for copies by aliases
		c := converter{r: r, open: map[*yaml.Node]bool{}}
		root := c.convert(docs[i].Content[0], 1)
		if c.failed {
			return nil, nil
		}
		if i == 0 {
			head = root
		}
	}
	return head, docs[1].Content[0]
}

// cut takes the pipeline file out of the text.
func (t *Template) cut(r *report, src []byte, body *yaml.Node) {
	lines := bytes.SplitAfter(src, []byte("\n"))
	for i := min(body.Line, len(lines)) - 1; i >= 0; i-- {
		if !bytes.HasPrefix(lines[i], []byte("---")) {
			continue
		}
		if strings.TrimSpace(string(lines[i][3:])) != "" {
			r.at(i+1, 4, "").error("no-template", "the line of dashes has something behind them", "begin the pipeline file on the next line")
		}
		t.skip, t.body = i+1, bytes.Join(lines[i+1:], nil)
		return
	}
	r.on(body, "").error("no-template", "there is no line of three dashes (---) before the pipeline file", "")
}

func (p *parser) templateHead(n *yaml.Node, t *Template) {
	o := p.object(n, "", "a pipeline template", []string{"category", "title", "description", "placeholders"}, nil)
	if o == nil {
		return
	}
	o.require("a pipeline template", "title")
	var known []string
	for _, c := range fairlead.TemplateCategories() {
		known = append(known, string(c))
	}
	t.Category = fairlead.TemplateCategory(o.choice("category", string(fairlead.OtherCategory), known, nil))
	t.Title, t.Description = p.localText(o, "title", maxTitle), p.localText(o, "description", maxDescription)
	t.Placeholders = standardPlaceholders()
	seen := map[string]bool{}
	for i, n := range o.list("placeholders", maxPlaceholders) {
		h, ok := p.placeholder(n, item("placeholders", i), seen)
		at := slices.IndexFunc(t.Placeholders, func(old fairlead.Placeholder) bool { return old.Name == h.Name })
		switch {
		case !ok:
		case at >= 0: // its own words for name or group
			h.Required = h.Name == placeName
			t.Placeholders[at] = h
		default:
			t.Placeholders = append(t.Placeholders, h)
		}
	}
}

func standardPlaceholders() []fairlead.Placeholder {
	return []fairlead.Placeholder{
		{Name: placeName, Required: true, Description: fairlead.LocalText{En: "Name of the new pipeline", Zh: "新流水线的名称"}},
		{Name: placeGroup, Default: fairlead.DefaultGroup, Description: fairlead.LocalText{En: "Pipeline group", Zh: "流水线组"}},
	}
}

func (p *parser) placeholder(n *yaml.Node, path string, seen map[string]bool) (h fairlead.Placeholder, ok bool) {
	o := p.object(n, path, "a placeholder", []string{"name", "description", "default", "required", "secret"}, nil)
	if o == nil {
		return h, false
	}
	o.require("a placeholder", "name")
	h = fairlead.Placeholder{Name: o.str("name"), Description: p.localText(o, "description", maxDescription), Default: o.value("default"),
		Required: o.bool("required"), Secret: o.bool("secret")}
	switch {
	case h.Name == "":
	case !nameRE.MatchString(h.Name):
		o.at("name").error("bad-name", "placeholder name "+quote(h.Name)+": want letters, digits, underscores or hyphens, first a letter or underscore, at most 64", "")
	default:
		p.unique(seen, o.at("name"), "placeholder", h.Name)
	}
	if what := checkPlaceholderValue(h.Default); what != "" {
		o.at("default").error("wrong-value", "the default of placeholder "+quote(h.Name)+" "+what, "")
	}
	switch {
	case h.Required && h.Default != "":
		o.at("default").error("wrong-value", "placeholder "+quote(h.Name)+" is required and has a default", "remove one of the two")
	case h.Secret && h.Default != "":
		o.at("default").error("wrong-value", "a secret placeholder has no default", "remove it; the secret is asked when a pipeline is made")
	}
	return h, h.Name != ""
}

// localText reads a text: {en, zh}, or one text for all languages.
func (p *parser) localText(o *object, key string, most int) (t fairlead.LocalText) {
	switch n := o.get(key); {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		m := p.object(n, o.sub(key), key, []string{"en", "zh"}, nil)
		m.require(key, "en")
		t = fairlead.LocalText{En: m.str("en"), Zh: m.str("zh")}
	default:
		t.En = o.str(key)
	}
	for _, s := range []string{t.En, t.Zh} {
		if utf8.RuneCountInString(s) > most {
			o.at(key).errorf("too-long", "%s has %d characters; at most %d are allowed", key, utf8.RuneCountInString(s), most)
		}
	}
	return t
}

// checkPlaceholderValue says what is wrong with a value, "" when nothing is.
func checkPlaceholderValue(s string) string {
	switch {
	case len(s) > maxPlaceholderValue:
		return fmt.Sprintf("has %d bytes; at most %d are allowed", len(s), maxPlaceholderValue)
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) || r == '\uFEFF' }):
		return "has a control character"
	}
	return ""
}

// checkBody looks whether the placeholders stand where they can, and whether the pipeline file is right with something in them.
func (t *Template) checkBody(r *report) {
	values, required := map[string]string{}, map[string]bool{}
	for i, h := range t.Placeholders {
		values[h.Name] = h.Default
		if h.Required {
			values[h.Name], required[h.Name] = fmt.Sprintf("x%d", i), true
		}
	}
	f := t.fill(r, values)
	for _, h := range t.Placeholders {
		if !f.used[h.Name] && h.Name != placeName && h.Name != placeGroup {
			r.at(1, 1, "").error("unused-placeholder", "placeholder {"+h.Name+"} is declared and stands nowhere in the pipeline file", "use it, or remove it")
		}
	}
	t.checkNameAndGroup(r)
	if r.failed() {
		return
	}
	out, err := f.text()
	if err != nil {
		r.at(0, 0, "").invalid("no-template", err, "")
		return
	}
	_, _, diags := parse(r.file, out)
	open := f.open(required)
	for _, d := range diags {
		shape := slices.Contains([]string{"missing-key", "unknown-key", "duplicate-key", "wrong-type", "too-many"}, d.Code)
		if open[[2]int{d.Line, d.Column}] && !shape { // what must be given is checked when it is
			continue
		}
		d.Line += t.skip
		r.diags = append(r.diags, d)
	}
	if !r.failed() {
		r.diags = append(r.diags, t.nearPlaceholders(r, f)...)
	}
}

// checkNameAndGroup: the new pipeline's name and group are asked, so the file must take them.
func (t *Template) checkNameAndGroup(r *report) {
	root, _ := loadBody(t.body)
	if root == nil || root.Kind != yaml.MappingNode {
		r.at(t.skip+1, 1, "").error("wrong-type", "the pipeline file must be a map", "")
		return
	}
	for _, key := range []string{placeName, placeGroup} {
		n := valueOf(root, key)
		if n == nil || n.Value != "{"+key+"}" {
			line, col := t.skip+1, 1
			if n != nil {
				line, col = n.Line+t.skip, n.Column
			}
			r.at(line, col, key).error("wrong-value", "the pipeline file of a template takes its "+key+" from the one who makes a pipeline of it", fmt.Sprintf("write %s: \"{%s}\"", key, key))
		}
	}
}

// nearPlaceholders warns of texts that are nearly a placeholder.
func (t *Template) nearPlaceholders(r *report, f *filling) (diags fairlead.Diagnostics) {
	known := make([]string, 0, len(t.Placeholders))
	for _, h := range t.Placeholders {
		known = append(known, h.Name)
	}
	for _, s := range f.others {
		if near := fairlead.Nearest(s.name, known); near != "" {
			diags = append(diags, fairlead.Diagnostic{Severity: fairlead.SeverityWarning, Code: "unknown-placeholder", File: r.file, Line: s.line, Column: s.column,
				Summary: "{" + s.name + "} is not declared and stays as it is", Detail: "did you mean {" + near + "}?"})
		}
	}
	return diags
}

// valueOf returns the value of a key of a map, nil when it is absent.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func loadBody(src []byte) (*yaml.Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := loader.Load(&doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return doc.Content[0], nil
}
