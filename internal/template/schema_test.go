package template_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead/internal/template"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(template.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("template.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("template.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func load(t *testing.T, src []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(src, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// The schema takes every example and every complete published sample, and every golden file without errors.
func TestSchemaTakesTemplates(t *testing.T) {
	s := schema(t)
	var files []string
	for _, pattern := range []string{"../../examples/templates/*", "../../examples/demo/web.yaml", "testdata/samples/*.yaml", "testdata/*.txt"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("nothing in %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	taken := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text, _, _ := strings.Cut(string(src), dashes)
		if _, diags := template.Parse(file, []byte(text)); diags.HasErrors() {
			continue
		}
		taken++
		if err := s.Validate(load(t, []byte(text))); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if taken < 16 {
		t.Errorf("only %d templates were looked at", taken)
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := schema(t)
	const head = "tosca_definitions_version: cloud_tosca_version_1_0\n"
	element := func(typ, properties string) string {
		return head + "node_templates: {a: {type: " + typ + ", properties: " + properties + "}}"
	}
	tests := map[string]string{
		"no elements":                head,
		"no version":                 "node_templates: {a: {type: VPC.VPC}}",
		"an unknown section":         head + "node_templates: {a: {type: VPC.VPC}}\ngroups: {}",
		"an unknown type":            element("CCE.Deploymnet", "{}"),
		"a missing property":         element("CCE.Deployment", "{}"),
		"an unknown property":        element("HuaweiCloud.CCE.Deployment", "{k8sManifest: {}, k8s: {}}"),
		"a property of a wrong type": element("Cloud.CCE.Deployment", "{k8sManifest: [a]}"),
		"neither alternative":        element("CCE.ConfigMap", "{name: a}"),
		"a value out of a list":      element("AOS.Stack", "{templateId: a, failureStrategy: Explode}"),
		"a number out of range":      element("AOS.Batch", "{items: [{element: a, properties: b}], limit: 501}"),
		"a missing field":            element("AOS.Batch", "{items: [{element: a}], limit: 1}"),
		"a condition of no call":     head + "node_templates: {a: {type: VPC.VPC}}\nconditions: {a: {x: 1}}",
		"an output without value":    head + "node_templates: {a: {type: VPC.VPC}}\noutputs: {a: {}}",
		"an input of no type":        head + "node_templates: {a: {type: VPC.VPC}}\ninputs: {a: {type: strin}}",
		"two keys in a requirement":  head + "node_templates: {a: {type: VPC.VPC, requirements: [{a: b, c: d}]}}",
	}
	for name, src := range tests {
		if err := s.Validate(load(t, []byte(src))); err == nil {
			t.Errorf("%s is taken", name)
		}
		if _, diags := template.Parse("a.yaml", []byte(src)); !diags.HasErrors() {
			t.Errorf("%s: the checker takes it", name)
		}
	}
}

func TestAt(t *testing.T) {
	src := []byte(`tosca_definitions_version: cloud_tosca_version_1_0
node_templates:
  web:
    type: CCE.Deployment
    properties:
      k8sManifest: {kind: Deployment, image: {get_input: image}}
    requirements:
      - dependency: {node: db}
      - dependency: {node: cache}
`)
	tests := []struct {
		line, col int
		path      string
		key       bool
		text      string
	}{
		{1, 3, "tosca_definitions_version", true, "cloud_tosca_version_1_0"},
		{1, 40, "tosca_definitions_version", false, "cloud_tosca_version_1_0"},
		{3, 4, "node_templates web", true, ""},
		{4, 12, "node_templates web type", false, "CCE.Deployment"},
		{6, 8, "node_templates web properties k8sManifest", true, ""},
		{6, 29, "node_templates web properties k8sManifest kind", false, "Deployment"},
		{6, 60, "node_templates web properties k8sManifest image get_input", false, "image"},
		{9, 30, "node_templates web requirements [1] dependency node", false, "cache"},
	}
	for _, tt := range tests {
		p, ok := template.At("a.yaml", src, tt.line, tt.col)
		if !ok || !slices.Equal(p.Path, strings.Fields(tt.path)) || p.OnKey != tt.key || p.Text != tt.text {
			t.Errorf("%d:%d: got %+v, %v; want %s, key %v, text %q", tt.line, tt.col, p, ok, tt.path, tt.key, tt.text)
		}
	}
	if _, ok := template.At("a.yaml", []byte("{"), 1, 1); ok {
		t.Error("a broken text has a place")
	}
}
