package template_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// Findings of a provider about a repetition lead to the text that it comes from.
func TestLocateRepetition(t *testing.T) {
	src, err := os.ReadFile("../../examples/templates/batch.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tmpl, diags := template.Parse("batch.yaml", src)
	if diags != nil {
		t.Fatal(diags)
	}
	lines := strings.Split(string(src), "\n")
	want := slices.IndexFunc(lines, func(line string) bool { return strings.HasSuffix(line, "properties: |") }) + 1
	got := tmpl.Locate(fairlead.Diagnostics{{Summary: "bad image", Path: "k8sManifest.spec"}}, "part-3")[0]
	if got.Line != want || got.File != "batch.yaml" || got.Path != "node_templates.work.properties.items[0].properties.k8sManifest.spec" || got.Summary != "part-3: bad image" {
		t.Errorf("got %+v, want line %d", got, want)
	}
	if tmpl.ElementType("part-3") != "CCE.Job" || tmpl.ElementType("part-501") != "" || tmpl.ElementType("part-03") != "" {
		t.Error("types of repetitions")
	}
}

// A batch is made step by step, and the whole of it before what requires it.
func TestBatchOrder(t *testing.T) {
	src, err := os.ReadFile("../../examples/templates/batch.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tmpl, _ := template.Parse("batch.yaml", src)
	requires := func(inputs map[string]any) map[string][]string {
		elements, diags := tmpl.Evaluate(template.Env{Inputs: inputs})
		if diags != nil {
			t.Fatal(diags)
		}
		all := map[string][]string{}
		for i, el := range elements {
			if el.Position != i {
				t.Errorf("%s stands at %d, not %d", el.Name, el.Position, i)
			}
			all[el.Name] = el.Requires
		}
		return all
	}
	got := requires(map[string]any{"image": "a", "parts": int64(5)})
	for name, want := range map[string][]string{"part-1": nil, "part-2": nil, "part-3": {"part-1"}, "part-5": {"part-3"}, "work": {"part-1", "part-2", "part-3", "part-4", "part-5"}, "report": {"work"}} {
		if !slices.Equal(got[name], want) {
			t.Errorf("%s requires %v, want %v", name, got[name], want)
		}
	}
	for _, bad := range []any{int64(0), int64(501), "many", nil} {
		if _, diags := tmpl.Evaluate(template.Env{Inputs: map[string]any{"image": "a", "parts": bad}}); !diags.HasErrors() {
			t.Errorf("a limit of %v is taken", bad)
		}
	}
	if _, diags := tmpl.EvaluateElement("part", template.Env{Inputs: map[string]any{"image": "a"}}); !diags.HasErrors() || diags[0].Code != "not-deployed" {
		t.Errorf("the pattern is an element: %v", diags)
	}
	if _, diags := tmpl.EvaluateElement("part-7", template.Env{Inputs: map[string]any{"image": "a"}}); !diags.HasErrors() || diags[0].Code != "unknown-element" {
		t.Errorf("a repetition beyond the limit: %v", diags)
	}
}

// No text costs much: neither long loops nor texts that grow, also not many of them.
func TestPatternsAreBounded(t *testing.T) {
	nine := strings.Repeat("{% for a in range(900) %}", 4) + "x" + strings.Repeat("{% endfor %}", 4)
	for name, text := range map[string]string{
		"loops":    nine,
		"growth":   `{{ "a" | replace("a", "` + strings.Repeat("a", 2000) + `") | replace("a", "` + strings.Repeat("b", 2000) + `") }}`,
		"range":    "{{ range(1000000000) | length }}",
		"brackets": "{{ " + strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000) + " }}",
		"length":   strings.Repeat("a", 70_000),
		"zero":     "{{ 1 % 0 }}",
		"include":  `{% include "/etc/passwd" %}`,
		"import":   `{% import "a" as b %}`,
		"extends":  `{% extends "a" %}`,
		"set":      `{% set a = 1 %}`,
		"call":     `{{ item.__class__() }}`,
		"method":   `{{ "a".upper() }}`,
	} {
		src := "tosca_definitions_version: cloud_tosca_version_1_0\nnode_templates:\n  a: {type: CCE.Job, properties: {k8sManifest: {kind: Job}}}\n" +
			"  b:\n    type: AOS.Batch\n    properties:\n      limit: 500\n      items:\n        - element: a\n          properties: |\n            k8sManifest: {kind: Job, a: '" + text + "'}\n"
		_, diags := template.Parse("a.yaml", []byte(src))
		if !slices.ContainsFunc(diags, func(d fairlead.Diagnostic) bool { return d.Code == "pattern" && d.Severity == fairlead.SeverityError }) {
			t.Errorf("%s: %v", name, diags)
		}
	}
}
