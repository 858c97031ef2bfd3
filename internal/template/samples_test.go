package template_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// What the published samples must answer, and why. Complete samples must be usable as they are, so whatever rule they
// break can only be a warning; fragments must say which part is missing. want lists "severity code line" in the order of the file.
func TestPublishedSamples(t *testing.T) {
	tests := []struct {
		sample, why string
		want        []string
	}{
		{"aos-stack-nested.yaml", "complete", nil},
		{"cce-ingress.yaml", "complete; four inputs have capitals in their names, which the documented name rule forbids", []string{
			"warning name 4", "warning name 13", "warning name 16", "warning name 19"}},
		{"cce-statefulset.yaml", "complete; an input name has 22 characters, the documented rule allows 20", []string{"warning name 4"}},
		{"cci-configmap.yaml", "complete", nil},
		{"cci-service.yaml", "complete; misspelt nodeport is inside a Kubernetes object, which the target judges", nil},
		{"conditions-vm-deploy.yaml", "complete enough to deploy; underscores in the names of a condition and an input", []string{
			"warning name 4", "warning name 17"}},
		{"template-structure-ecs-mappings.yaml", "complete; image_id in a mapping has an underscore", []string{
			"warning name 19", "warning name 22", "warning name 25"}},
		{"fn-fragments.yaml#1", "get_input: a complete document", nil},
		{"fn-fragments.yaml#2", "get_attribute: complete; property ciddr is misspelt and the output name has an underscore", []string{
			"warning unknown-property 14", "warning name 16"}},
		{"fn-fragments.yaml#3", "get_attribute: no version, no inputs, and the requirement names an element that is not there", []string{
			"error missing-section 3", "error unknown-input 7", "error unknown-input 8", "error unknown-input 9", "error unknown-input 10",
			"error unknown-input 12", "error unknown-element 15", "error unknown-input 20", "error unknown-input 21"}},
		{"fn-fragments.yaml#4", "get_reference: no version, no inputs; ciddr is misspelt", []string{
			"error missing-section 3", "error unknown-input 7", "warning unknown-property 8", "error unknown-input 8"}},
		{"fn-fragments.yaml#5", "concat: the properties of an element without anything around them", []string{
			"error missing-section 3", "error missing-section 3", "error unknown-key 3"}},
		{"fn-fragments.yaml#6", "select, split, get_list_length: only the version is missing; the element name has a capital", []string{
			"error missing-section 3", "warning name 7"}},
		{"fn-fragments.yaml#7", "cond_eq: no version, no elements; the default of a text is the number 10", []string{
			"error missing-section 3", "error missing-section 3", "warning default-type 6"}},
		{"fn-fragments.yaml#8", "cond_not: no version, no elements", []string{
			"error missing-section 3", "error missing-section 3"}},
		{"fn-fragments.yaml#9", "cond_or: no version, no elements", []string{
			"error missing-section 3", "error missing-section 3"}},
		{"fn-fragments.yaml", "a template is one document; what is wrong with each of the nine is told all the same", []string{
			"error several-documents 16", "warning unknown-property 29", "warning name 31", "error missing-section 35",
			"error unknown-input 39", "error unknown-input 40", "error unknown-input 41", "error unknown-input 42", "error unknown-input 44",
			"error unknown-element 47", "error unknown-input 52", "error unknown-input 53", "error missing-section 56", "error unknown-input 60",
			"warning unknown-property 61", "error unknown-input 61", "error missing-section 68", "error missing-section 68", "error unknown-key 68",
			"error missing-section 93", "warning name 97", "error missing-section 108", "error missing-section 108", "warning default-type 111",
			"error missing-section 117", "error missing-section 117", "error missing-section 126", "error missing-section 126"}},
	}
	for _, tt := range tests {
		t.Run(tt.sample, func(t *testing.T) {
			_, diags := template.Parse(tt.sample, sample(t, tt.sample))
			var got []string
			for _, d := range diags {
				got = append(got, fmt.Sprintf("%s %s %d", d.Severity, d.Code, d.Line))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s: got\n  %s\nwant\n  %s\n(%s)\nfindings:\n%v", tt.sample, strings.Join(got, "\n  "), strings.Join(tt.want, "\n  "), tt.why, diags)
			}
		})
	}
}

// sample reads a published sample; #n is its n-th document from 1.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	file, number, part := strings.Cut(name, "#")
	src, err := os.ReadFile("testdata/samples/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if !part {
		return src
	}
	var n int
	if _, err := fmt.Sscan(number, &n); err != nil {
		t.Fatal(err)
	}
	return []byte("---\n" + strings.Split(string(src), "\n---\n")[n])
}

// The complete samples are evaluated too, with inputs where they have no default.
func TestPublishedSamplesEvaluate(t *testing.T) {
	given := map[string]any{"namespace": "ns1", "ns": "ns1", "image": "i", "subnet": "s", "vpc": "v"}
	for _, name := range []string{"aos-stack-nested.yaml", "cce-ingress.yaml", "cce-statefulset.yaml", "cci-configmap.yaml", "cci-service.yaml",
		"conditions-vm-deploy.yaml", "template-structure-ecs-mappings.yaml"} {
		t.Run(name, func(t *testing.T) {
			tmpl, _ := template.Parse(name, sample(t, name))
			known := map[string]any{}
			for _, in := range tmpl.Inputs() {
				if v, ok := given[in.Name]; ok && in.Required {
					known[in.Name] = v
				}
			}
			effective, _, diags := tmpl.CheckInputs(known)
			if diags != nil {
				t.Fatal(diags)
			}
			env := template.Env{Inputs: effective, Pseudo: template.Pseudo{Region: "cn-north-1"}}
			elements, diags := tmpl.Evaluate(env)
			want := len(tmpl.Elements())
			if name == "aos-stack-nested.yaml" {
				want-- // the first of its stacks is not deployed by default
			}
			if diags != nil || len(elements) != want {
				t.Errorf("evaluated %d of %d elements: %v", len(elements), len(tmpl.Elements()), diags)
			}
			if _, diags := tmpl.Outputs(env); diags != nil {
				t.Error(diags)
			}
		})
	}
}

// A file of 20 elements with three kinds of mistakes shows every one, with its place, in one run.
func TestAllProblemsInOneRun(t *testing.T) {
	var b strings.Builder
	b.WriteString("tosca_definitions_version: huaweicloud_tosca_version_1_0\ninputs: {image: {default: nginx}}\nnode_templates:\n")
	var want []string
	line := 4
	place := func(offset, column int, code string) {
		want = append(want, fmt.Sprintf("%d:%d %s", line+offset, column, code))
	}
	for i := range 20 {
		typ, image, needs := "HuaweiCloud.CCE.Deployment", "image", fmt.Sprintf("web-%d", max(i-1, 0))
		if i == 0 {
			needs = "web-19"
		}
		switch i % 5 {
		case 1:
			typ = "HuaweiCloud.CCE.Deploymnet"
			place(1, 11, "unknown-type")
		case 2:
			image = "imgae"
			place(5, 28, "unknown-input")
		case 3:
			needs = "wbe"
			place(7, 28, "unknown-element")
		}
		fmt.Fprintf(&b, `  web-%d:
    type: %s
    properties:
      k8sManifest:
        kind: Deployment
        image: {get_input: %s}
    requirements:
      - dependency: {node: %s}
`, i, typ, image, needs)
		line += 8
	}
	_, diags := template.Parse("big.yaml", []byte(b.String()))
	var got []string
	for _, d := range diags {
		got = append(got, fmt.Sprintf("%d:%d %s", d.Line, d.Column, d.Code))
		if d.File != "big.yaml" || d.Severity != fairlead.SeverityError || d.Detail == "" {
			t.Errorf("finding without file, or not an error, or without help: %+v", d)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
