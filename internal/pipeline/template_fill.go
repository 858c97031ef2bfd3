package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead"
)

// What can stand in a file without quotes and is still a number for every reader.
var (
	integerRE = regexp.MustCompile(`^-?(?:0|[1-9][0-9]{0,17})$`)
	decimalRE = regexp.MustCompile(`^-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}$`)
)

// Render makes a pipeline file of the template. Every value is data: the file has exactly that text at the place, whatever the
// text is, and everything else stays as it was written, comments too. Values of variables' references (${name}) are not looked at.
// It is Invalid, with all that is wrong, when a placeholder that must be given is not, when a name is no placeholder, and when the
// pipeline file would be wrong with these values.
func (t *Template) Render(values map[string]string) ([]byte, error) {
	var diags fairlead.Diagnostics
	refuse := func(code, name, summary, detail string) {
		diags = append(diags, fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: code, Path: "values." + name, Summary: summary, Detail: detail})
	}
	all, known := map[string]string{}, []string{}
	for _, h := range t.Placeholders {
		known = append(known, h.Name)
		value, given := values[h.Name]
		switch what := checkPlaceholderValue(value); {
		case h.Required && value == "":
			refuse("missing-value", h.Name, "placeholder {"+h.Name+"} must be given", h.Description.En)
		case what != "":
			refuse("wrong-value", h.Name, "the value of placeholder {"+h.Name+"} "+what, "")
		case !given:
			value = h.Default
		}
		all[h.Name] = value
	}
	for name := range values {
		if !slices.Contains(known, name) {
			refuse("unknown-placeholder", name, "the template has no placeholder "+quote("{"+name+"}"), meant(name, known))
		}
	}
	subject := "pipeline template " + t.Name
	diags.Sort()
	if err := diags.Err(subject); err != nil {
		return nil, err
	}
	r := &report{}
	f := t.fill(r, all)
	if err := r.result().Err(subject); err != nil {
		return nil, err
	}
	out, err := f.text()
	if err != nil {
		return nil, err
	}
	_, _, diags = parse(all[placeName]+".yaml", out)
	return out, diags.Err("the pipeline file of " + subject)
}

// filling is a template's pipeline file with values in it.
type filling struct {
	body   []byte
	skip   int
	want   *yaml.Node              // what the file shall say
	marks  map[*yaml.Node][]string // placeholders by the scalar of want that they stand in
	got    *yaml.Node              // what the filled file says, once there is one
	spots  []spot
	used   map[string]bool
	others []other
}

// spot is a scalar with placeholders.
type spot struct {
	line   int // in the template file
	from   int // in the body
	to     int
	filled string
}

// other is what looks like a placeholder and is none.
type other struct {
	name         string
	line, column int
}

// fill puts values into the template. What cannot be done is reported.
func (t *Template) fill(r *report, values map[string]string) *filling {
	f := &filling{body: t.body, skip: t.skip, used: map[string]bool{}, marks: map[*yaml.Node][]string{}}
	root, err := loadBody(t.body)
	if err != nil {
		syntaxError(r, err)
		return f
	}
	f.want = root
	f.walk(r, root, values)
	return f
}

// walk fills in the scalars of a tree. Aliases stand for what was filled in at their anchor.
func (f *filling) walk(r *report, n *yaml.Node, values map[string]string) {
	if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && len(n.Content) == 2 && n.Content[1].Value == "" && n.Content[1].Tag == "!!null" {
		if _, ok := values[n.Content[0].Value]; ok {
			r.at(n.Line+f.skip, n.Column, "").error("not-quoted", "placeholder {"+n.Content[0].Value+"} stands without quotes, which is a map in YAML", fmt.Sprintf("write \"{%s}\"", n.Content[0].Value))
			return
		}
	}
	for _, child := range n.Content {
		f.walk(r, child, values)
	}
	if n.Kind == yaml.ScalarNode {
		f.scalar(r, n, values)
	}
}

func (f *filling) scalar(r *report, n *yaml.Node, values map[string]string) {
	at := r.at(n.Line+f.skip, n.Column, "")
	text, names := f.replace(n, values)
	if len(names) == 0 {
		return
	}
	tag := ""
	if n.Style&yaml.TaggedStyle != 0 {
		tag = n.Tag
	}
	from, to := propertiesEnd(f.body, n)
	if to < 0 {
		at.error("bad-place", "placeholder {"+names[0]+"} stands in a text of several lines", "write the text on one line in double quotes, or give a variable the placeholder and use the variable")
		return
	}
	s := spot{line: n.Line + f.skip, from: from, to: to, filled: quoteYAML(text)}
	if tag != "" {
		what, ok := plainOf(tag, text)
		if !ok {
			at.error("wrong-value", fmt.Sprintf("placeholder {%s} stands where %s is wanted, not %s", names[0], what, quote(text)), "")
			return
		}
		s.filled = text
		if what == "text" {
			s.filled = quoteYAML(text)
		}
	} else {
		n.Tag = "!!str"
	}
	n.Value, f.marks[n] = text, names
	f.spots = append(f.spots, s)
}

// plainOf says whether a text is what a tag wants, and what that is.
func plainOf(tag, text string) (what string, ok bool) {
	switch tag {
	case "!!int":
		return "a whole number", integerRE.MatchString(text)
	case "!!float":
		return "a number", decimalRE.MatchString(text)
	case "!!bool":
		return "true or false", text == "true" || text == "false"
	case "!!str":
		return "text", true
	}
	return "a value with the tag " + tag, false
}

// replace puts values into the text of a scalar, and says which names stood there. ${name} is a variable.
func (f *filling) replace(n *yaml.Node, values map[string]string) (text string, names []string) {
	var out strings.Builder
	rest := n.Value
	for {
		m := placeholderRE.FindStringSubmatchIndex(rest)
		if m == nil {
			out.WriteString(rest)
			return out.String(), names
		}
		name := rest[m[2]:m[3]]
		value, known := values[name]
		switch {
		case m[0] > 0 && rest[m[0]-1] == '$':
			known = false
		case !known:
			f.others = append(f.others, other{name, n.Line + f.skip, n.Column})
		}
		out.WriteString(rest[:m[0]])
		if known {
			f.used[name] = true
			names = append(names, name)
			out.WriteString(value)
			rest = rest[m[1]:]
			continue
		}
		out.WriteByte('{') // the rest can hold one that counts
		rest = rest[m[0]+1:]
	}
}

// open finds the places of the filled file, by line and column, where a placeholder out of a set stands, or a list or map with one.
func (f *filling) open(names map[string]bool) map[[2]int]bool {
	places := map[[2]int]bool{}
	var walk func(want, got *yaml.Node) bool
	walk = func(want, got *yaml.Node) bool {
		open := slices.ContainsFunc(f.marks[want], func(name string) bool { return names[name] })
		for i := range want.Content {
			open = walk(want.Content[i], got.Content[i]) || open
		}
		if open {
			places[[2]int{got.Line, got.Column}] = true
		}
		return open
	}
	if f.got != nil {
		walk(f.want, f.got)
	}
	return places
}

// text is the filled file. It is read again: unless it says exactly what it shall, there is an error.
func (f *filling) text() ([]byte, error) {
	spots := slices.Clone(f.spots)
	slices.SortFunc(spots, func(a, b spot) int { return b.from - a.from })
	out := f.body
	for _, s := range spots {
		out = slices.Concat(out[:s.from], []byte(s.filled), out[s.to:])
	}
	got, err := loadBody(out)
	if err != nil || !sameTree(f.want, got) {
		line := 0
		if len(f.spots) > 0 {
			line = f.spots[0].line
		}
		return nil, fairlead.Errorf(fairlead.Invalid, "the pipeline file of the template: a value could not be put in its place; write texts with placeholders in double quotes (the first is in line %d)", line)
	}
	f.got = got
	return out, nil
}

// sameTree compares what two trees say; quotes and places do not count.
func sameTree(a, b *yaml.Node) bool {
	same := a.Kind == b.Kind && a.ShortTag() == b.ShortTag() && a.Value == b.Value && a.Anchor == b.Anchor && len(a.Content) == len(b.Content)
	for i := 0; same && i < len(a.Content); i++ {
		same = sameTree(a.Content[i], b.Content[i])
	}
	return same
}

// propertiesEnd finds a scalar of one line in the text, with its tag and without its anchor; to is -1 when it cannot be found.
func propertiesEnd(src []byte, n *yaml.Node) (from, to int) {
	at := yaml.Node{Line: n.Line, Column: n.Column, Value: n.Value}
	from, to = scalarSpan(src, &at)
	if n.Style&yaml.TaggedStyle == 0 && n.Anchor == "" {
		return from, to
	}
	start := lineStart(src, n.Line)
	if start < 0 {
		return 0, -1
	}
	runes := []rune(string(src[start:]))
	i, begin := n.Column-1, -1
	for i < len(runes) && (runes[i] == '!' || runes[i] == '&') {
		if runes[i] == '!' && begin < 0 {
			begin = i
		}
		anchor := runes[i] == '&'
		for i < len(runes) && !unicode.IsSpace(runes[i]) {
			i++
		}
		for i < len(runes) && runes[i] == ' ' {
			i++
		}
		if anchor && begin >= 0 { // the anchor stays, so it must come first
			return 0, -1
		}
	}
	at.Column = i + 1
	from, to = scalarSpan(src, &at)
	if to >= 0 && begin >= 0 {
		from = start + len(string(runes[:begin]))
	}
	return from, to
}

// lineStart is where a line begins, -1 when there is none.
func lineStart(src []byte, line int) int {
	at := 0
	for range line - 1 {
		i := slices.Index(src[at:], '\n')
		if i < 0 {
			return -1
		}
		at += i + 1
	}
	return at
}

// quoteYAML is a text in double quotes, on one line.
func quoteYAML(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x7f || unicode.IsPrint(r) && r <= 0xffff:
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
