package lsp

import (
	"strings"
	"unicode/utf16"

	"github.com/fairlead/fairlead"
)

type language int

const (
	languageNone language = iota
	languageTemplate
	languagePipeline
)

// document is one open text.
type document struct {
	file     string
	text     string
	lines    []string
	language language
}

func newDocument(file, text string) *document {
	d := &document{file: file, text: text, lines: strings.Split(text, "\n")}
	for i, line := range d.lines {
		d.lines[i] = strings.TrimSuffix(line, "\r")
	}
	d.language = d.guess()
	return d
}

// guess tells the language by the sections that stand at the left margin, else by the name of the file. Other YAML files are
// left in peace.
func (d *document) guess() language {
	for _, line := range d.lines {
		key, _, ok := strings.Cut(strings.TrimLeft(line, `{" `), ":")
		switch key = strings.TrimRight(key, `" `); {
		case !ok || len(line) > 0 && line[0] == ' ':
		case key == "tosca_definitions_version" || key == "node_templates":
			return languageTemplate
		case key == "stages":
			return languagePipeline
		}
	}
	switch name := strings.ToLower(d.file); {
	case strings.Contains(name, "blueprint"), strings.Contains(name, "template"):
		return languageTemplate
	case strings.Contains(name, "pipeline"):
		return languagePipeline
	}
	return languageNone
}

func (d *document) line(n int) string {
	if n < 0 || n >= len(d.lines) {
		return ""
	}
	return d.lines[n]
}

// diagnostic shows a finding from its place to the end of what stands there.
func (d *document) diagnostic(f fairlead.Diagnostic) diagnostic {
	line := max(f.Line-1, 0)
	text := []rune(d.line(line))
	from := min(max(f.Column-1, 0), len(text))
	to := from
	for to < len(text) && !strings.ContainsRune(" ,]}#", text[to]) {
		to++
	}
	if to == from {
		to = len(text)
	}
	message := f.Summary
	if f.Detail != "" {
		message += "\n" + f.Detail
	}
	severity := 1
	if f.Severity == fairlead.SeverityWarning {
		severity = 2
	}
	return diagnostic{
		Range:    span{position{line, units(text[:from])}, position{line, units(text[:to])}},
		Severity: severity, Code: f.Code, Source: "fairlead", Message: message,
	}
}

// units counts UTF-16 units.
func units(text []rune) int { return len(utf16.Encode(text)) }

// before is the part of a line that stands before a character, and after what follows it.
func (d *document) cut(at position) (before, after string) {
	text := utf16.Encode([]rune(d.line(at.Line)))
	n := min(max(at.Character, 0), len(text))
	return string(utf16.Decode(text[:n])), string(utf16.Decode(text[n:]))
}

// word is the name that stands around a place.
func (d *document) word(at position) string {
	before, after := d.cut(at)
	const stop = " \t\"',:{}[]#$"
	from := strings.LastIndexAny(before, stop) + 1
	to := strings.IndexAny(after, stop)
	if to < 0 {
		to = len(after)
	}
	return before[from:] + after[:to]
}
