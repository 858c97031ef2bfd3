package lsp

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"
)

// keysText has a line for each key of a pipeline file: where it stands, its name, and what it is. Values that can be chosen
// from stand in brackets.
//
//go:embed pipeline_keys.txt
var keysText string

// pipelineKey is one key of a pipeline file.
type pipelineKey struct {
	place, name, about string
	values             []string
}

func pipelineKeys() (list []pipelineKey) {
	for line := range strings.Lines(keysText) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(fields) < 3 || fields[0] == "#" {
			continue
		}
		k := pipelineKey{place: strings.TrimPrefix(fields[0], "."), name: fields[1], about: fields[2]}
		if values, about, ok := strings.Cut(strings.TrimPrefix(k.about, "["), "] "); ok && strings.HasPrefix(k.about, "[") {
			k.values, k.about = strings.Split(values, "|"), about
		}
		list = append(list, k)
	}
	return list
}

// pipelinePlace is a path as the table writes it: tasks have the keys of stages, and list items are part of their list.
func pipelinePlace(path []string) string {
	path = slices.DeleteFunc(slices.Clone(path), func(part string) bool { return part == "[]" })
	if len(path) >= 2 && path[0] == "stages" && path[1] == "tasks" {
		path = slices.Delete(path, 1, 2)
	}
	if len(path) >= 2 && path[0] == "stages" && path[1] == "triggers" {
		path = slices.Replace(path, 0, 2, "start")
	}
	return strings.Join(path, ".")
}

func (d *document) completePipeline(p place) (list []completion) {
	at := pipelinePlace(p.path)
	for _, k := range pipelineKeys() {
		switch {
		case k.place != at:
		case p.key == "":
			list = append(list, completion{Label: k.name, Kind: kindProperty, Documentation: k.about, InsertText: k.name + ": "})
		case p.key == k.name:
			list = append(list, labels(k.values, kindValue, k.about)...)
		}
	}
	if p.key == "variable" {
		list = append(list, labels(d.variables(), kindVariable, "variable of the pipeline")...)
	}
	return list
}

// variables are the names below variables, and those that always exist.
func (d *document) variables() (names []string) {
	within := false
	for _, line := range d.lines {
		trimmed := strings.TrimLeft(line, " ")
		key, _, ok := cutKey(trimmed)
		if len(trimmed) == len(line) && ok {
			within = key == "variables"
		}
		if _, after, found := strings.Cut(trimmed, "name:"); within && found {
			name, _, _ := strings.Cut(after, ",")
			names = append(names, strings.Trim(name, ` "'}`))
		}
	}
	return append(names, "SYS_TIMESTAMP", "SYS_INCREMENT")
}

func hoverPipeline(p place, word string) string {
	at := pipelinePlace(p.path)
	best := pipelineKey{}
	for _, k := range pipelineKeys() {
		if k.name == word && (k.place == at || best.name == "" && cmp.Or(p.key, word) == word) {
			best = k
		}
	}
	if best.name == "" {
		return ""
	}
	text := "**" + best.name + "**: " + best.about
	if best.values != nil {
		text += "\n\nOne of: `" + strings.Join(best.values, "`, `") + "`"
	}
	return text
}
