package lsp

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/internal/template"
)

// complete lists what can stand at a place.
func (d *document) complete(at position) any {
	var list []completion
	switch p := d.placeAt(at); d.language {
	case languageTemplate:
		list = d.completeTemplate(p)
	case languagePipeline:
		list = d.completePipeline(p)
	}
	if list == nil {
		list = []completion{}
	}
	return list
}

// hover says what the word at a place is.
func (d *document) hover(at position) any {
	text := ""
	switch p, word := d.placeAt(at), d.word(at); d.language {
	case languageTemplate:
		text = d.hoverTemplate(p, word)
	case languagePipeline:
		text = hoverPipeline(p, word)
	}
	if text == "" {
		return nil
	}
	return hover{markup{"markdown", text}}
}

const (
	inputs     = "inputs"
	elements   = "node_templates"
	properties = "properties"
)

func (d *document) completeTemplate(p place) []completion {
	words := template.Vocabulary()
	switch {
	case p.key == "type" && p.in(elements, "*"):
		return types(false)
	case p.key == "type" && p.in("policies", "*"):
		return types(true)
	case p.key == "type" && p.in(inputs, "*"):
		return labels(words.InputTypes, kindValue, "type of an input")
	case p.key == "get_input":
		return d.inputNames(words)
	case p.key == "get_attribute", p.key == "get_reference", p.key == "node", strings.HasSuffix(strings.Join(p.path, "."), "get_attribute"):
		return d.elementNames()
	case p.key == "targets" || len(p.path) > 0 && p.path[len(p.path)-1] == "targets":
		return d.elementNames()
	case p.key == "condition", p.key == "cond_if":
		return labels(slices.Sorted(maps.Keys(d.names("conditions"))), kindVariable, "condition")
	case p.key == "relationship":
		return labels(words.Relationships, kindValue, "relationship")
	case p.key != "" && (p.below(elements, "*", properties) || p.below("outputs", "*")):
		return functions("{", "}")
	case p.key != "":
		return nil
	case len(p.path) == 0:
		return labels(words.Sections, kindProperty, "section")
	case p.in(inputs, "*"):
		return labels(words.InputKeys, kindProperty, "")
	case p.in(inputs, "*", "constraints"), p.in(inputs, "*", "constraints", "[]"):
		return labels(words.Constraints, kindProperty, "constraint")
	case p.in("outputs", "*"):
		return labels(words.OutputKeys, kindProperty, "")
	case p.in("policies", "*"):
		return labels(words.PolicyKeys, kindProperty, "")
	case p.in(elements, "*"):
		return labels(words.ElementKeys, kindProperty, "")
	case p.below(elements, "*", properties):
		return append(d.propertiesAt(p), functions("", "")...)
	case p.below("conditions", "*"):
		return functions("", "")
	}
	return nil
}

func labels(names []string, kind int, detail string) []completion {
	list := make([]completion, len(names))
	for i, name := range names {
		list[i] = completion{Label: name, Kind: kind, Detail: detail}
		if kind == kindProperty {
			list[i].InsertText = name + ": "
		}
	}
	return list
}

func types(policies bool) (list []completion) {
	for _, t := range template.Catalogue() {
		if t.Policy == policies && !strings.HasSuffix(t.Name, "*") {
			list = append(list, completion{Label: "HuaweiCloud." + t.Name, Kind: kindClass, Detail: t.English, Documentation: t.Chinese})
		}
	}
	return list
}

func functions(before, after string) (list []completion) {
	for _, f := range template.Functions() {
		list = append(list, completion{Label: f.Name, Kind: kindFunction, Detail: f.Usage, InsertText: before + f.Name + ": " + after})
	}
	return list
}

func (d *document) inputNames(words template.Words) (list []completion) {
	names := d.names(inputs)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		list = append(list, completion{Label: name, Kind: kindVariable, Detail: d.value(names[name], "type"), Documentation: d.value(names[name], "description")})
	}
	for _, name := range words.PseudoInputs {
		list = append(list, completion{Label: "HuaweiCloud." + name, Kind: kindVariable, Detail: "known without a declaration"})
	}
	return list
}

func (d *document) elementNames() (list []completion) {
	names := d.names(elements)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		list = append(list, completion{Label: name, Kind: kindVariable, Detail: d.value(names[name], "type")})
	}
	return list
}

// propertiesAt lists what the type of the element has at the place.
func (d *document) propertiesAt(p place) (list []completion) {
	for _, q := range d.fields(p.path) {
		detail := q.Type
		if q.Required {
			detail += ", required"
		}
		list = append(list, completion{Label: q.Name, Kind: kindProperty, Detail: detail, Documentation: both(q.English, q.Chinese), InsertText: q.Name + ": "})
	}
	return list
}

// fields are the properties that are possible at a path below an element's properties.
func (d *document) fields(path []string) []template.Property {
	if len(path) < 3 {
		return nil
	}
	t, ok := template.Describe(d.value(d.names(elements)[path[1]], "type"))
	if !ok {
		return nil
	}
	list := t.Properties
	for _, name := range path[3:] {
		if name == "[]" {
			continue
		}
		i := slices.IndexFunc(list, func(q template.Property) bool { return q.Name == name })
		if i < 0 {
			return nil
		}
		list = list[i].Fields
	}
	return list
}

func (d *document) hoverTemplate(p place, word string) string {
	if word == "" {
		return ""
	}
	if t, ok := template.Describe(word); ok && strings.Contains(word, ".") {
		return aboutType(t)
	}
	for _, f := range template.Functions() {
		if f.Name == word {
			return "**" + f.Name + "**: `" + f.Usage + "`"
		}
	}
	if n, ok := d.names(inputs)[word]; ok && p.key == "get_input" {
		return strings.TrimRight(fmt.Sprintf("**%s**: input, %s\n\n%s", word, orString(d.value(n, "type")), d.value(n, "description")), "\n")
	}
	if p.below(elements, "*", properties) {
		for _, q := range d.fields(p.path) {
			if q.Name == word {
				return aboutProperty(q)
			}
		}
	}
	if n, ok := d.names(elements)[word]; ok {
		return "**" + word + "**: element of type " + d.value(n, "type")
	}
	return ""
}

func orString(kind string) string {
	if kind == "" {
		return "string"
	}
	return kind
}

func both(english, chinese string) string {
	return strings.Trim(english+"\n"+chinese, "\n")
}

func aboutType(t template.ElementType) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n\n%s\n", t.Name, strings.ReplaceAll(both(t.English, t.Chinese), "\n", "\n\n"))
	for _, q := range t.Properties {
		required := ""
		if q.Required {
			required = ", required"
		}
		fmt.Fprintf(&b, "\n- `%s` (%s%s) %s", q.Name, q.Type, required, q.English)
	}
	if len(t.Attributes) > 0 {
		names := make([]string, len(t.Attributes))
		for i, a := range t.Attributes {
			names[i] = "`" + a.Name + "`"
		}
		fmt.Fprintf(&b, "\n\nAttributes: %s", strings.Join(names, ", "))
	}
	return b.String()
}

func aboutProperty(q template.Property) string {
	text := "**" + q.Name + "**: " + q.Type
	if q.Required {
		text += ", required"
	}
	if q.HasDefault {
		text += fmt.Sprintf(", default `%v`", q.Default)
	}
	for _, keyword := range slices.Sorted(maps.Keys(q.Constraints)) {
		text += fmt.Sprintf("\n\n`%s: %v`", keyword, q.Constraints[keyword])
	}
	return text + "\n\n" + strings.ReplaceAll(both(q.English, q.Chinese), "\n", "\n\n")
}
