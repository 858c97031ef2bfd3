package template_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/internal/template"
)

// seed adds every template of the tests.
func seed(f *testing.F, add func(src []byte)) {
	f.Helper()
	for _, pattern := range []string{"testdata/*.txt", "testdata/samples/*.yaml", "../../examples/templates/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds in %s: %v", pattern, err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			text, _, _ := strings.Cut(string(src), dashes)
			for doc := range strings.SplitSeq(text, "\n---\n") {
				add([]byte(doc))
			}
		}
	}
}

// slow is far more than any input of a fuzzer needs; what takes longer does not grow with the input.
const slow = 5 * time.Second

// FuzzParse: no text makes the parser fail, and whatever it returns can be looked at.
func FuzzParse(f *testing.F) {
	seed(f, func(src []byte) { f.Add(src) })
	f.Fuzz(func(t *testing.T, src []byte) {
		start := time.Now()
		tmpl, diags := template.Parse("fuzz", src)
		if tmpl == nil && !diags.HasErrors() {
			t.Fatal("neither a template nor an error")
		}
		for _, d := range diags {
			if d.Code == "" || d.Summary == "" || d.File != "fuzz" || d.Line > 0 && d.Column < 1 {
				t.Fatalf("incomplete finding %+v", d)
			}
		}
		if tmpl == nil {
			return
		}
		if _, err := json.Marshal(tmpl.Inputs()); err != nil {
			t.Fatal(err)
		}
		tmpl.Elements()
		tmpl.DOT()
		tmpl.GraphJSON()
		if err := wellFormed(tmpl.SVG()); err != nil && json.Valid(tmpl.GraphJSON()) && !strings.ContainsAny(string(src), "\ufffe\uffff") {
			t.Fatal(err)
		}
		if took := time.Since(start); took > slow {
			t.Fatalf("took %v", took)
		}
	})
}

// FuzzBatch: no text of a batch makes the parser or the evaluation fail or run on.
func FuzzBatch(f *testing.F) {
	for _, text := range []string{
		"k8sManifest: {kind: Job, name: \"{{ name | upper }}-{{ \"%03d\" | format(item) }}\"}", "{% for a in range(item) %}x{{ a }}: {{ loop.index ** 2 }}\n{% endfor %}",
		"{% if item is even and name in [\"a\"] %}a: 1{% elif not item %}b: {{ -item // 2 }}{% else %}{{ {\"a\": (1, 2)} | tojson }}{% endif %}",
		"{{ name[0] if name is defined else [3, 1] | sort | join(\", \") }}", "{# note #}{% raw %}{{ x }}{% endraw %}", "a: {{ sizes.b[1:2] }}", "{{ (", "{% for %}", "{{ sizes | length ~ 1.5 | round(1) }}",
		"{%- if unknown == 1 -%} a {%- endif -%}", "{{ unknown | default(1) }}: {{ nobody | default(\"b\") }}",
	} {
		f.Add(text, int64(3))
	}
	f.Fuzz(func(t *testing.T, text string, limit int64) {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Skip()
		}
		src := fmt.Sprintf(`{"tosca_definitions_version": "cloud_tosca_version_1_0", "node_templates": {
"db": {"type": "CCE.Service", "properties": {"k8sManifest": {"kind": "Service"}}}, "job": {"type": "CCE.Job", "properties": {"k8sManifest": {"kind": "Job"}}},
"all": {"type": "AOS.Batch", "properties": {"limit": %d, "values": {"name": "web", "sizes": {"a": 1, "b": [1, 2]}, "unknown": {"get_attribute": ["db", "refID"]}},
"items": [{"element": "job", "properties": %s}]}}}}`, limit, quoted)
		start := time.Now()
		tmpl, _ := template.Parse("fuzz.json", []byte(src))
		if tmpl == nil {
			return
		}
		elements, _ := tmpl.Evaluate(template.Env{})
		if len(elements) > 502 {
			t.Fatalf("%d elements", len(elements))
		}
		for _, el := range elements {
			if _, err := json.Marshal(el.Properties); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > slow {
			t.Fatalf("took %v", took)
		}
	})
}

// FuzzEvaluate: no template makes the evaluation fail, also one with errors; a template without errors evaluates to values
// that JSON can hold.
func FuzzEvaluate(f *testing.F) {
	seed(f, func(src []byte) { f.Add(src, "a", `{"refID": "x", "list": [1, {"a": null}]}`, true) })
	f.Fuzz(func(t *testing.T, src []byte, input, attributes string, made bool) {
		start := time.Now()
		tmpl, diags := template.ParseWith("fuzz", src, template.ParseOptions{ExtraTypes: []string{"Fake"}})
		if tmpl == nil {
			return
		}
		given := map[string]any{}
		for _, in := range tmpl.Inputs() {
			given[in.Name] = input
		}
		effective, _, wrong := tmpl.CheckInputs(given)
		var attrs map[string]any
		if err := json.Unmarshal([]byte(attributes), &attrs); err != nil {
			attrs = nil
		}
		env := template.Env{Inputs: effective, Attributes: func(string) (map[string]any, bool) { return attrs, made }}
		elements, problems := tmpl.Evaluate(env)
		for _, el := range elements {
			if _, err := json.Marshal(el.Properties); err != nil {
				t.Fatal(err)
			}
			if !diags.HasErrors() && !wrong.HasErrors() && !problems.HasErrors() && made && template.HasUnknown(el.Properties) {
				t.Fatal("unknown values although everything is made")
			}
		}
		outputs, _ := tmpl.Outputs(env)
		if _, err := json.Marshal(outputs); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > slow {
			t.Fatalf("took %v", took)
		}
	})
}
