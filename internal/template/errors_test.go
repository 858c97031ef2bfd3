package template_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

const errorHead = "tosca_definitions_version: huaweicloud_tosca_version_1_0\n"

// What the original documents as an error of templates and inputs is one here too, with our code and words; docs/errors.md has
// both.
func TestErrorsOfTheOriginal(t *testing.T) {
	doc := errorRows(t)
	one := func(typ, properties string) string {
		return errorHead + "node_templates: {a: {type: " + typ + ", properties: " + properties + "}}"
	}
	inputs := func(def string) string {
		return errorHead + "inputs: {a: " + def + "}\nnode_templates: {a: {type: VPC.VPC, properties: {name: {get_input: a}}}}"
	}
	tests := []struct {
		original string // codes
		src      string
		given    map[string]any
		code     string
		message  string
	}{
		{"4001004 4001119 4001801", errorHead + "node_templates: {a: {type: VPC.VPC}", nil, "syntax", "not valid YAML"},
		{"4001005 4000104", errorHead + strings.Repeat("#", template.MaxSize), nil, "too-large", "the template has"},
		{"4001007 4001014 4040115", " \n", nil, "empty", "the template is empty"},
		{"4001105", errorHead + "description: " + strings.Repeat("a", 1025) + "\nnode_templates: {a: {type: VPC.VPC}}", nil, "too-long", "description has 1025 characters"},
		{"4001117", "tosca_definitions_version: tosca_simple_yaml_1_3\nnode_templates: {a: {type: VPC.VPC}}", nil, "version", `version "tosca_simple_yaml_1_3" is not known`},
		{"4001118 4000201", "\x7fELF", nil, "control-character", "is not text"},
		{"4001122", "a: \xff\xfe", nil, "encoding", "not UTF-8"},
		{"4001900 5000207", errorHead + "node_templates: {a: {type: VPC.VPC, requirements: [{dependency: b}]}, b: {type: VPC.VPC, requirements: [{dependency: a}]}}", nil, "cycle", "in a circle"},
		{"4002008 4002009 4002013", inputs("{type: integer}"), map[string]any{"a": "x"}, "input-value", `input "a" must be an integer`},
		{"4002008 4002009 4002013", inputs("{}"), map[string]any{"a": "x", "b": 1}, "unknown-input", `the template has no input "b"`},
		{"4002008 4002009 4002013", inputs("{}"), nil, "missing-input", `input "a" has no value`},
		{"4002010", inputs("{type: integer, default: x}"), nil, "default", `the default of input "a" must be an integer`},
		{"4002010", inputs("{type: number}"), nil, "input-type", `there is no input type "number"`},
		{"4002010", inputs("{constraints: {in_range: [2, 1]}}"), nil, "constraint", "needs the smaller number first"},
		{"4002011", inputs("{constraints: {max_length: 3}}"), map[string]any{"a": "long"}, "input-value", "at most 3 characters"},
		{"4002029", errorHead + "inputs: {a: {}}\nmappings: {m: {x: {y: 1}}}\nnode_templates: {a: {type: VPC.VPC, properties: {name: {get_in_map: [m, {get_input: a}, y]}}}}", map[string]any{"a": "z"}, "unknown-mapping", `mapping "m" has no value for "z" -> "y"`},
		{"4002030", errorHead + "node_templates: {a: {type: AOS.Stack, properties: {templateId: a@1, deploy: false}}, b: {type: AOS.Stack, properties: {templateId: a@1}, requirements: [{dependency: a}]}}", nil, "left-out", `element "a" is left out, because deploy is false`},
		{"4002505", one("ECS.CloudServer", "{instances: 0}"), nil, "property-value", "property instances must be a number from 1 to 500, not 0"},
		{"4002507", one("AOS.Stack", "{templateId: a@1, failureStrategy: Explode}"), nil, "property-value", "must be one of DoNothing, Rollback"},
		{"5002518 5002519", one("CCE.HelmRelease", "{name: a}"), nil, "missing-property", "needs property chart"},
		{"4002562", errorHead + "node_templates: {a/b: {type: VPC.VPC}}", nil, "name", "has characters that are not allowed"},
		{"4000319", one("VPC.VPCs", "{}"), nil, "unknown-type", `did you mean "VPC.VPC"?`},
		{"4003600", errorHead + "node_templates: {a: {type: VPC.VPC}}\npolicies: {p: {type: VPC.VPC, targets: [a]}}", nil, "type-name", "is not a type of policies"},
		{"4004601", inputs("{type: [a]}"), nil, "type", "must be text, not a list"},
		{"5003901", one("CCE.Deployment", "{k8sManifest: [a]}"), nil, "property-type", "must be of type dict"},
		{"5003901", one("CCE.Deployment", "{k8sManifest: {a: b}, replica: 1}"), nil, "unknown-property", "has no property"},
		{"5003917", one("VPC.VPC", "{name: {get_input: b}}"), nil, "unknown-input", `there is no input "b"`},
	}
	for _, tt := range tests {
		t.Run(tt.original+" "+tt.code, func(t *testing.T) {
			diags := findings(tt.src, tt.given)
			found := false
			for _, d := range diags {
				if d.Code == tt.code && d.Severity == fairlead.SeverityError && strings.Contains(d.Summary+"; "+d.Detail, tt.message) {
					found = true
				}
			}
			if !found {
				t.Errorf("want [%s] %s, got %v", tt.code, tt.message, diags)
			}
			for code := range strings.FieldsSeq(tt.original) {
				if !strings.Contains(doc[code], "`"+tt.code+"`") {
					t.Errorf("docs/errors.md does not say %s of %s: %s", tt.code, code, doc[code])
				}
			}
		})
	}
	for code, err := range map[string]error{
		"4001104": fairlead.CheckName("template", "Shop"), "4001106": fairlead.CheckVersion("1 0"), "4001500": fairlead.CheckTemplateID("a b"),
		"4001115": second(template.Open("a.zip", "../a.yaml", nil)), "4001103": second(template.Open("a.zip", "", []byte("PK\x03\x04"))),
		"4000133": second(template.Open("a.zip", "", zipOf(t, []entry{{name: "other.txt"}}))),
		"4001101": second(template.Open("a.zip", "", make([]byte, template.MaxPackage+1))),
	} {
		if err == nil || doc[code] == "" {
			t.Errorf("%s: error %v, in the document %q", code, err, doc[code])
		}
	}
}

func second[T any](_ T, err error) error { return err }

// findings are all that a template and its inputs lead to.
func findings(src string, given map[string]any) fairlead.Diagnostics {
	tmpl, diags := template.Parse("a.yaml", []byte(src))
	if diags.HasErrors() || tmpl == nil {
		return diags
	}
	effective, _, wrong := tmpl.CheckInputs(given)
	_, problems := tmpl.Evaluate(template.Env{Inputs: effective})
	return append(append(diags, wrong...), problems...)
}

// errorRows are the rows of docs/errors.md by the code of the original.
func errorRows(t *testing.T) map[string]string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	number := regexp.MustCompile(`\b[2345]\d{6}\b`)
	rows := map[string]string{}
	for line := range strings.Lines(string(doc)) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		first, _, _ := strings.Cut(line[2:], "|")
		for _, code := range number.FindAllString(first, -1) {
			if rows[code] != "" {
				t.Errorf("docs/errors.md has %s twice", code)
			}
			rows[code] = line
		}
	}
	if len(rows) < 190 {
		t.Errorf("docs/errors.md has %d codes", len(rows))
	}
	return rows
}
