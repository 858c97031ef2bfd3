package template_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

var update = flag.Bool("update", false, "write the golden files anew")

const dashes = "----------\n"

// Each golden file is a template, a line of dashes, and what comes out: the findings, and when none is an error the inputs,
// elements and outputs as JSON. Comments in the template steer it:
//
//	# file: NAME           name of the file, testdata.yaml without it
//	# set: INPUT=VALUE     gives an input, as a command line does
//	# made: ELEMENT JSON   the element is made and has these attributes
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			src, want, _ := strings.Cut(string(content), dashes)
			got := outcome(t, src)
			if *update {
				if err := os.WriteFile(file, []byte(src+dashes+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
			}
		})
	}
}

// outcome runs a template through everything that the package does and tells the result as text.
func outcome(t *testing.T, src string) string {
	t.Helper()
	file, given, made := directives(t, src)
	var b strings.Builder
	tmpl, diags := template.ParseWith(file, []byte(src), template.ParseOptions{ExtraTypes: []string{"Fake"}})
	list(&b, diags)
	if diags.HasErrors() {
		return b.String()
	}
	effective, _, diags := tmpl.CheckInputs(given)
	list(&b, diags)
	if diags.HasErrors() {
		return b.String()
	}
	env := template.Env{Inputs: effective, Pseudo: template.Pseudo{StackName: "shop", UserID: "u1", ProjectID: "p1", DomainID: "d1", Region: "cn-north-1"}}
	env.Attributes = func(element string) (map[string]any, bool) {
		attrs, ok := made[element]
		return attrs, ok
	}
	elements, diags := tmpl.Evaluate(env)
	list(&b, diags)
	outputs, diags := tmpl.Outputs(env)
	list(&b, diags)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, el := range elements {
		if one, diags := tmpl.EvaluateElement(el.Name, env); !reflect.DeepEqual(one, el) {
			t.Errorf("element %s alone is %+v, with the others %+v: %v", el.Name, one, el, diags)
		}
		fmt.Fprintf(&out, "%s: %s, requires %v\n", el.Name, el.Type, el.Requires)
		if err := enc.Encode(el.Properties); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range outputs {
		fmt.Fprintf(&out, "output %s: ", o.Name)
		if err := enc.Encode(o.Value); err != nil {
			t.Fatal(err)
		}
	}
	return b.String() + out.String()
}

func directives(t *testing.T, src string) (file string, given map[string]any, made map[string]map[string]any) {
	file, given, made = "testdata.yaml", map[string]any{}, map[string]map[string]any{}
	for line := range strings.Lines(src) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# file: "); ok {
			file = name
		}
		if set, ok := strings.CutPrefix(line, "# set: "); ok {
			name, value, _ := strings.Cut(set, "=")
			given[name] = value
		}
		if m, ok := strings.CutPrefix(line, "# made: "); ok {
			name, attrs, _ := strings.Cut(m, " ")
			var v map[string]any
			if err := json.Unmarshal([]byte(attrs), &v); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			made[name] = v
		}
	}
	return file, given, made
}

func list(b *strings.Builder, diags fairlead.Diagnostics) {
	for _, d := range diags {
		fmt.Fprintf(b, "%d:%d %s [%s] %s\n", d.Line, d.Column, d.Severity, d.Code, d.Summary)
		if d.Detail != "" {
			fmt.Fprintf(b, "    %s\n", d.Detail)
		}
		if d.Path != "" {
			fmt.Fprintf(b, "    at %s\n", d.Path)
		}
	}
}
