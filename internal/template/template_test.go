package template_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

const head = "tosca_definitions_version: huaweicloud_tosca_version_1_0\n"

// parse reads a template that must be free of errors.
func parse(t *testing.T, body string) *template.Template {
	t.Helper()
	tmpl, diags := template.ParseWith("test.yaml", []byte(head+body), template.ParseOptions{ExtraTypes: []string{"Fake", "Test.Fake"}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return tmpl
}

// The examples are what the documents point at: not even a warning, and evaluated with the defaults.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/templates/*")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %d examples: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tmpl, diags := template.Parse(file, src)
			if diags != nil {
				t.Fatal(diags)
			}
			given := map[string]any{}
			for _, in := range tmpl.Inputs() {
				if in.Required {
					given[in.Name] = "something"
				}
				if in.Description == "" {
					t.Errorf("input %s has no description", in.Name)
				}
			}
			effective, _, diags := tmpl.CheckInputs(given)
			if diags != nil {
				t.Fatal(diags)
			}
			env := template.Env{Inputs: effective}
			if _, diags := tmpl.Evaluate(env); diags != nil {
				t.Error(diags)
			}
			if _, diags := tmpl.Outputs(env); diags != nil {
				t.Error(diags)
			}
		})
	}
}

func TestInputsDescribe(t *testing.T) {
	tmpl := parse(t, `
inputs:
  image: {type: string, description: what to run, label: app}
  replicas: {type: integer, default: "2", constraints: {greater_or_equal: 0}}
  untyped: {default: 1.5}
  hidden: {default: visible, invisible: true}
  password: {type: password, default: secret123, immutable: true}
  extra: {default: [a], advanced: true}
  maybe: {type: integer, required: false}
  cluster: {type: HuaweiCloud.CCE.Cluster.Id}
node_templates:
  web: {type: Fake, properties: {image: {get_input: image}, again: {get_input: image}}}
  app: {type: Fake, properties: {image: {get_input: image}}}
`)
	b, err := json.Marshal(tmpl.Inputs())
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"name":"image","type":"string","description":"what to run","label":"app","required":true,"used_by":["app","web"]},` +
		`{"name":"replicas","type":"integer","default":2,"required":false,"constraints":{"greater_or_equal":0}},` +
		`{"name":"untyped","type":"float","default":1.5,"required":false},` +
		`{"name":"hidden","type":"string","default":"******","required":false,"secret":true},` +
		`{"name":"password","type":"password","default":"******","required":false,"secret":true,"immutable":true},` +
		`{"name":"extra","type":"list","default":["a"],"required":false,"advanced":true},` +
		`{"name":"maybe","type":"integer","required":false},` +
		`{"name":"cluster","type":"HuaweiCloud.CCE.Cluster.Id","required":true}]`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

func TestCheckInputs(t *testing.T) {
	tests := []struct {
		name, definition string
		given            any
		want             any
		problem          string
	}{
		{"text stays text", "{type: string}", "3", "3", ""},
		{"number to text", "{type: string}", 1.5, "1.5", ""},
		{"default as written", "{type: string, default: 1.10}", nil, "1.10", ""},
		{"list is no text", "{type: string}", []any{"a"}, nil, "must be text, not a list"},
		{"text to integer", "{type: integer}", "3", int64(3), ""},
		{"JSON number to integer", "{type: integer}", 3.0, int64(3), ""},
		{"int to integer", "{type: integer}", 3, int64(3), ""},
		{"fraction is no integer", "{type: integer}", "3.5", nil, `must be an integer, not "3.5"`},
		{"boolean is no integer", "{type: integer}", true, nil, "must be an integer, not true"},
		{"text to float", "{type: float}", "3", 3.0, ""},
		{"infinity is no float", "{type: float}", "Inf", nil, `must be a number, not "Inf"`},
		{"text to boolean", "{type: boolean}", "True", true, ""},
		{"yes is no boolean", "{type: boolean}", "yes", nil, `must be true or false, not "yes"`},
		{"address", "{type: ip}", "fe80::1", "fe80::1", ""},
		{"no address", "{type: ip}", "1.2.3", nil, `must be an IP address, not "1.2.3"`},
		{"reference", "{type: HuaweiCloud.CCE.Cluster.Id}", "abc", "abc", ""},
		{"enum takes the listed value", "{type: enum, constraints: {valid_values: [1, 2]}}", "2", int64(2), ""},
		{"enum", "{type: enum, constraints: {valid_values: [a, b]}}", "c", nil, `must be one of a, b, not "c"`},
		{"untyped follows the default", "{default: 1}", "3", int64(3), ""},
		{"untyped that does not fit", "{default: 1}", "many", "many", ""},
		{"untyped boolean", "{default: true}", "false", false, ""},
		{"untyped float", "{default: 1.5}", "2", 2.0, ""},
		{"untyped list as JSON", "{default: [a]}", `["b", 1]`, []any{"b", int64(1)}, ""},
		{"untyped list", "{default: [a]}", "b", nil, `must be a list, as JSON text on a command line, not "b"`},
		{"missing", "{type: integer}", nil, nil, "has no value"},
		{"empty default", "{default: }", nil, "", ""},
		{"not required", "{required: false}", nil, nil, ""},
		{"required and empty", "{required: true}", "", nil, "is empty"},
		{"equal", "{constraints: {equal: a}}", "b", nil, `must be a, not "b"`},
		{"greater_than", "{type: integer, constraints: {greater_than: 3}}", "3", nil, "must be a number greater than 3, not 3"},
		{"greater_or_equal", "{type: integer, constraints: {greater_or_equal: 3}}", "3", int64(3), ""},
		{"less_than", "{type: float, constraints: {less_than: 0.5}}", "0.5", nil, "must be a number less than 0.5, not 0.5"},
		{"less_or_equal", "{type: integer, constraints: {less_or_equal: 3}}", "4", nil, "must be a number of at most 3, not 4"},
		{"in_range", "{type: integer, constraints: {in_range: [1, 3]}}", "3", int64(3), ""},
		{"in_range, list form", "{type: integer, constraints: [{in_range: [1, 3]}]}", "4", nil, "must be a number from 1 to 3, not 4"},
		{"range of a text", "{constraints: {in_range: [1, 3]}}", "x", nil, `must be a number from 1 to 3, not "x"`},
		{"regex searches", "{constraints: {regex: b+}}", "abbc", "abbc", ""},
		{"regex", "{constraints: {regex: ^b+$}}", "abbc", nil, `must match ^b+$, not "abbc"`},
		{"min_length counts characters", "{constraints: {min_length: 3}}", "中文", nil, `must have at least 3 characters, not "中文"`},
		{"max_length", "{constraints: {max_length: 2}}", "中文", "中文", ""},
		{"a secret is not repeated", "{type: password, constraints: {min_length: 9}}", "hunter2", nil, "must have at least 9 characters"},
		{"a secret of the wrong kind", "{type: secret}", []any{"hunter2"}, nil, "must be text, not a list"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tmpl := parse(t, "inputs: {in: "+tt.definition+"}\nnode_templates: {web: {type: Fake}}")
			given := map[string]any{}
			if tt.given != nil {
				given["in"] = tt.given
			}
			effective, _, diags := tmpl.CheckInputs(given)
			if tt.problem == "" {
				if diags != nil || fmt.Sprintf("%T %v", effective["in"], effective["in"]) != fmt.Sprintf("%T %v", tt.want, tt.want) {
					t.Errorf("got %T %v, %v; want %T %v", effective["in"], effective["in"], diags, tt.want, tt.want)
				}
				return
			}
			if len(diags) != 1 || diags[0].Summary != `input "in" `+tt.problem || diags[0].Path != "inputs.in" {
				t.Errorf("got %+v, want one finding: %s", diags, tt.problem)
			}
			if _, ok := effective["in"]; ok {
				t.Error("a wrong value is among the effective ones")
			}
		})
	}
}

func TestCheckInputsAllAtOnce(t *testing.T) {
	tmpl := parse(t, `
inputs:
  image: {type: string}
  replicas: {type: integer, default: 1}
  password: {type: password, default: hunter2}
  token: {invisible: true}
node_templates: {web: {type: Fake}}
`)
	_, _, diags := tmpl.CheckInputs(map[string]any{"replica": 1, "replicas": "x", "zzz": 1})
	var got []string
	for _, d := range diags {
		got = append(got, d.Path+" "+d.Code+" "+d.Detail)
	}
	want := []string{
		"inputs.image missing-input it has no default, so a value of type string must be given", "inputs.replicas input-value ",
		"inputs.token missing-input it has no default, so a value of type string must be given",
		`inputs.replica unknown-input did you mean "replicas"?`, "inputs.zzz unknown-input known are: image, replicas, password, token",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	effective, secrets, diags := tmpl.CheckInputs(map[string]any{"image": "nginx", "token": "abc"})
	if diags != nil || !slices.Equal(secrets, []string{"hunter2", "abc"}) {
		t.Errorf("secrets %q, findings %v", secrets, diags)
	}
	if len(effective) != 4 || effective["replicas"] != int64(1) {
		t.Errorf("effective %v", effective)
	}
}

func TestEvaluateElement(t *testing.T) {
	tmpl := parse(t, `
conditions: {never: {cond_eq: [a, b]}}
node_templates:
  db: {type: Test.Fake}
  off: {type: Fake, condition: never}
  web: {type: Fake, properties: {ip: {get_attribute: [db, ip]}}, requirements: [dependency: db]}
`)
	el, diags := tmpl.EvaluateElement("web", template.Env{})
	if diags != nil || el.Position != 2 || el.Properties["ip"] != (template.Unknown{Element: "db"}) || !template.HasUnknown(el.Properties["ip"]) {
		t.Errorf("got %+v, %v", el, diags)
	}
	env := template.Env{Attributes: func(string) (map[string]any, bool) { return map[string]any{"ip": "10.0.0.1"}, true }}
	if el, _ := tmpl.EvaluateElement("web", env); el.Properties["ip"] != "10.0.0.1" || !slices.Equal(el.Requires, []string{"db"}) {
		t.Errorf("got %+v", el)
	}
	for name, code := range map[string]string{"nobody": "unknown-element", "off": "not-deployed"} {
		if _, diags := tmpl.EvaluateElement(name, env); len(diags) != 1 || diags[0].Code != code {
			t.Errorf("element %s: got %v, want %s", name, diags, code)
		}
	}
	if tmpl.ElementType("db") != "Test.Fake" || tmpl.ElementType("nobody") != "" {
		t.Error("wrong type of an element")
	}
}

// A change of one element's evaluated properties must not show in another element or in the inputs.
func TestEvaluateSharesNothing(t *testing.T) {
	tmpl := parse(t, `
inputs: {list: {default: [{a: 1}]}}
node_templates:
  one: {type: Fake, properties: {list: {get_input: list}}}
  two: {type: Fake, properties: {list: {get_input: list}}}
`)
	inputs, _, _ := tmpl.CheckInputs(nil)
	elements, _ := tmpl.Evaluate(template.Env{Inputs: inputs})
	elements[0].Properties["list"].([]any)[0].(map[string]any)["a"] = "changed"
	if got := fmt.Sprint(elements[1].Properties, inputs); strings.Contains(got, "changed") {
		t.Error(got)
	}
}

func TestLocate(t *testing.T) {
	tmpl := parse(t, `node_templates:
  web:
    type: CCE.Deployment
    properties:
      k8sManifest:
        metadata:
          annotations:
            example.com/a: x
            example.com/a.b: y
        spec:
          containers:
            - name: app
              image: {get_input: HuaweiCloud.Region}
`)
	tests := []struct{ path, want string }{
		{"k8sManifest.spec.containers[0].image", "14:22 node_templates.web.properties.k8sManifest.spec.containers[0].image"},
		{"k8sManifest.spec.containers[0]", "13:15 node_templates.web.properties.k8sManifest.spec.containers[0]"},
		{"k8sManifest.spec.containers[1].image", "12:11 node_templates.web.properties.k8sManifest.spec.containers[1].image"},
		{"k8sManifest.spec.replicas", "11:9 node_templates.web.properties.k8sManifest.spec.replicas"},
		{"k8sManifest.metadata.annotations.example.com/a.b", "10:30 node_templates.web.properties.k8sManifest.metadata.annotations.example.com/a.b"},
		{"namespace", "6:7 node_templates.web.properties.namespace"},
		{"", "6:7 node_templates.web"},
	}
	for _, tt := range tests {
		got := tmpl.Locate(fairlead.Diagnostics{{Summary: "no", Path: tt.path}}, "web")[0]
		if text := fmt.Sprintf("%d:%d %s", got.Line, got.Column, got.Path); text != tt.want || got.File != "test.yaml" || got.Summary != "no" {
			t.Errorf("%s: got %s, want %s", tt.path, text, tt.want)
		}
	}
}

// What cannot be read at all gets one clear answer, with its place.
func TestHopeless(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	tests := []struct{ name, file, src, want string }{
		{"empty", "a.yaml", "", "1:1 empty"},
		{"only a comment", "a.yaml", "# nothing\n", "1:1 empty"},
		{"null", "a.yaml", "~", "1:1 empty"},
		{"text", "a.yaml", "hello", "1:1 type"},
		{"a list", "a.yaml", "- a\n", "1:1 type"},
		{"tab", "a.yaml", "a:\n  b:\n\tc: 1\n", "3:1 tab-indentation"},
		{"tab after blanks", "a.yaml", "a:\n  - x\n \t- y\n", "3:2 tab-indentation"},
		{"syntax", "a.yaml", "a: b: c\n", "1:5 syntax"},
		{"open quote", "a.yaml", "a: 'x\nb: 1\n", "3:1 syntax"},
		{"open list", "a.yaml", "a: [1, 2\nb: c\n", "2:2 syntax"},
		{"not UTF-8", "a.yaml", "a: 1\nb: \xff\n", "2:4 encoding"},
		{"Latin 1", "a.yaml", "name: caf\xe9\n", "1:10 encoding"},
		{"control character", "a.yaml", "a: \x00\n", "1:4 control-character"},
		{"too deep", "a.yaml", strings.Repeat("[", 300) + strings.Repeat("]", 300), "1:101 too-deep"},
		{"far too deep", "a.yaml", strings.Repeat("[", 1<<20), "1:10001 syntax"},
		{"alias bomb", "a.yaml", bomb, "6:32 too-large"},
		{"alias of itself", "a.yaml", "a: &a [*a]\n", "1:8 alias-loop"},
		{"too large", "a.yaml", strings.Repeat("#", template.MaxSize+1), "0:0 too-large"},
		{"too many values", "a.yaml", "[" + strings.Repeat("a,", 2*template.MaxNodes+1) + "]", "0:0 too-large"},
		{"key that is a list", "a.yaml", "? [a]\n: b\n", "1:3 key-type"},
		{"tag", "a.yaml", "a: !custom x\n", "1:4 tag"},
		{"infinity", "a.yaml", "a: .inf\n", "1:4 number"},
		{"merge of text", "a.yaml", "<<: x\n", "1:5 merge"},
		{"JSON syntax", "a.json", "{\"a\": 1,\n \"b\" 2}", "2:6 syntax"},
		{"JSON cut off", "a.json", "{\"a\": [1,\n", "2:1 syntax"},
		{"JSON with a tail", "a.json", "{} {}", "1:5 syntax"},
		{"JSON too deep", "a.json", strings.Repeat("[", 300) + strings.Repeat("]", 300), "1:101 too-deep"},
		{"JSON duplicate key", "a.json", "{\"a\": 1, \"a\": 2}", "1:10 duplicate-key"},
		{"duplicate key", "a.yaml", "a: 1\nb: 2\na: 3\n", "3:1 duplicate-key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, diags := template.Parse(tt.file, []byte(tt.src))
			var got []string
			for _, d := range diags {
				got = append(got, fmt.Sprintf("%d:%d %s", d.Line, d.Column, d.Code))
			}
			if !slices.Contains(got, tt.want) || !diags.HasErrors() {
				t.Errorf("got %v, want %s", diags, tt.want)
			}
		})
	}
}

// Problems beyond the limit are counted, not shown.
func TestManyProblems(t *testing.T) {
	var b strings.Builder
	b.WriteString(head + "node_templates:\n  web:\n    type: CCE.Pod\n    properties:\n      k8sManifest: {kind: Pod}\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "      p%d: {get_input: i%d}\n", i, i)
	}
	_, diags := template.Parse("a.yaml", []byte(b.String()))
	last := diags[len(diags)-1]
	if len(diags) != 1001 || last.Code != "too-many-problems" || last.Summary != "9000 more problems are not shown" || !diags.HasErrors() {
		t.Errorf("%d findings, the last %+v", len(diags), last)
	}
}

// Small templates that would build huge values are stopped.
func TestBuiltTextIsLimited(t *testing.T) {
	nested := "{get_input: text}"
	for range 60 {
		nested = "{base64_encode: " + nested + "}"
	}
	items := strings.Repeat("{get_input: text}, ", 2000)
	for name, value := range map[string]string{"nested": nested, "wide": "{concat: [" + items + "x]}", "split": "{get_list_length: {split: [a, {get_input: text}]}}", "list": "[" + strings.Repeat("{split: [a, {get_input: text}]}, ", 100) + "]"} {
		t.Run(name, func(t *testing.T) {
			tmpl := parse(t, "inputs: {text: {}}\nnode_templates: {web: {type: Fake, properties: {x: "+value+"}}}")
			_, diags := tmpl.Evaluate(template.Env{Inputs: map[string]any{"text": strings.Repeat("a", 10<<20)}})
			if len(diags) != 1 || diags[0].Code != "too-large" {
				t.Errorf("got %v", diags)
			}
		})
	}
}

func TestPictures(t *testing.T) {
	tmpl := parse(t, `
conditions: {big: {cond_eq: [a, a]}}
node_templates:
  web: {type: CCE.Deployment, properties: {k8sManifest: {name: {get_reference: config}}}, requirements: [dependency: db]}
  config: {type: CCE.ConfigMap, properties: {name: a, data: {}}}
  db: {type: Fake, condition: big, requirements: [dependency: config]}
`)
	wantDOT := `digraph template {
  rankdir=RL;
  node [shape=box, style=rounded, fontname="sans-serif"];
  "web" [label="web\nCCE.Deployment"];
  "config" [label="config\nCCE.ConfigMap"];
  "db" [label="db\nFake", style="rounded,dashed"];
  "web" -> "config";
  "web" -> "db";
  "db" -> "config";
}
`
	if got := tmpl.DOT(); got != wantDOT {
		t.Errorf("DOT: got\n%s\nwant\n%s", got, wantDOT)
	}
	var g struct {
		Elements []struct {
			Name, Type, Condition string
			Needs                 []string
		}
	}
	if err := json.Unmarshal(tmpl.GraphJSON(), &g); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(g.Elements); got != "[{web CCE.Deployment  [config db]} {config CCE.ConfigMap  []} {db Fake big [config]}]" {
		t.Errorf("JSON: %s", got)
	}
	svg := tmpl.SVG()
	if err := wellFormed(svg); err != nil {
		t.Errorf("SVG: %v\n%s", err, svg)
	}
	if strings.Count(svg, "<rect x=") != 3 || strings.Count(svg, "marker-end") != 3 || strings.Count(svg, "dasharray") != 1 || svg != tmpl.SVG() {
		t.Errorf("SVG: wrong drawing\n%s", svg)
	}
	// Names with markup, and a circle, are drawn all the same.
	odd, _ := template.Parse("a.yaml", []byte(head+"node_templates:\n  '<&\"\\>': {type: x, requirements: [a: b]}\n  b: {requirements: [c: '<&\"\\>']}\n"))
	if err := wellFormed(odd.SVG()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(odd.DOT(), `"<&\"\\>" -> "b"`) {
		t.Error(odd.DOT())
	}
}

func wellFormed(doc string) error {
	dec := xml.NewDecoder(strings.NewReader(doc))
	for {
		if _, err := dec.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// A template is read by many at once.
func TestConcurrentUse(t *testing.T) {
	tmpl := parse(t, "inputs: {list: {default: [a, b]}}\nnode_templates: {web: {type: Fake, properties: {x: {get_input: list}}}, app: {type: Fake, requirements: [d: web]}}")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			inputs, _, _ := tmpl.CheckInputs(nil)
			elements, diags := tmpl.Evaluate(template.Env{Inputs: maps.Clone(inputs)})
			if len(elements) != 2 || diags != nil {
				t.Error(diags)
			}
			tmpl.SVG()
			tmpl.Inputs()
		})
	}
	wg.Wait()
}

// What grows with the square of the input would take minutes here: one very long line, as YAML and as JSON, and one element
// that needs very many, last one first.
func TestLargeIsLinear(t *testing.T) {
	var needs, elements, list strings.Builder
	const n = 30_000
	for i := range n {
		fmt.Fprintf(&elements, `"e%d": {"type": "VPC.EIP"}, `, i)
		fmt.Fprintf(&needs, `{"get_reference": "e%d"}, `, n-1-i)
		list.WriteString(`"x", `)
	}
	src := `{"tosca_definitions_version": "huaweicloud_tosca_version_1_0", "node_templates": {` + elements.String() +
		`"all": {"type": "VPC.EIP", "properties": {"needs": [` + needs.String() + `1], "list": [` + list.String() + `1]}}}}`
	yaml := head + "node_templates: " + src[strings.Index(src, `{"e0"`):len(src)-1]
	for file, src := range map[string]string{"a.json": src, "a.yaml": yaml} {
		tmpl, diags := template.Parse(file, []byte(src))
		if diags != nil {
			t.Fatal(diags)
		}
		elements, diags := tmpl.Evaluate(template.Env{})
		if diags != nil || len(elements) != n+1 || len(elements[n].Requires) != n || elements[n].Requires[0] != "e0" {
			t.Errorf("%s: %d elements, %v", file, len(elements), diags)
		}
	}
}
