package template_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

const updateBase = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs: {name: {default: a}}
node_templates:
  db: {type: CCE.Service, properties: {k8sManifest: {kind: Service, metadata: {name: db, labels: {a: b}}}}}
  web:
    type: CCE.Deployment
    properties: {k8sManifest: {kind: Deployment, metadata: {name: {get_input: name}}}}
    requirements: [{dependency: db}]
  net: {type: VPC.VPC}
  scaler: {type: nodes.AutoScaler, properties: {a: 1}}
policies:
  tracing: {type: APM.PinPoint, targets: [web]}
`

// What an update of the original refuses is told with its code, and that it is done here.
func TestUpdateFindings(t *testing.T) {
	tests := []struct {
		name     string
		from, to string // replaced in the template
		more     string // added to the elements
		want     []string
	}{
		{"nothing", "", "", "", nil},
		{"the image", "kind: Deployment,", "kind: Deployment, spec: {image: b},", "", nil},
		{"properties in another order", "{kind: Service, metadata: {name: db, labels: {a: b}}}", "{metadata: {labels: {a: b}, name: db}, kind: Service}", "", nil},
		{"the version", "huaweicloud_tosca", "cloud_tosca", "", []string{"4002571 the version"}},
		{"a type", "{type: VPC.VPC}", "{type: VPC.EIP}", "", []string{`4002563 the type of element "net" changes from VPC.VPC to VPC.EIP`}},
		{"a relation more", "{type: VPC.VPC}", "{type: VPC.VPC, requirements: [{dependency: db}]}", "", []string{`4002564 element "net" requires "db" now`}},
		{"a relation less", "    requirements: [{dependency: db}]\n", "", "", []string{`4002564 element "web" does not require "db" any more`}},
		{"the name of an object", "metadata: {name: db,", "metadata: {name: database,", "", []string{`4002566 metadata.name of element "db" changes`}},
		{"labels of an object", "labels: {a: b}", "labels: {a: c}", "", []string{`4002567 metadata.labels of element "db" changes`}},
		{"what does not change later", "{a: 1}", "{a: 2}", "", []string{`4002566 properties of element "scaler" change`}},
		{"a new element", "", "", "  job: {type: CCE.Job, properties: {k8sManifest: {kind: Job}}}\n", nil},
		{"a new element of another type", "", "", "  eip: {type: VPC.EIP}\n", []string{`4002572 element "eip" is new, and of type VPC.EIP`}},
		{"a new element and an old one", "", "", "  job: {type: CCE.Job, properties: {k8sManifest: {kind: Job}}, requirements: [{dependency: web}]}\n",
			[]string{`4002573 new element "job" requires "web", which exists`}},
		{"one element less", "  net: {type: VPC.VPC}\n", "", "", []string{`4002570 element "net" of type VPC.VPC goes`}},
		{"one element less with a relation", "    requirements: [{dependency: db}]\n", "", "-db", []string{`4002569 element "db" goes, but "web", which requires it, stays`}},
		{"a policy", "targets: [web]", "targets: [db]", "", []string{"4002551 policies change: tracing"}},
		{"a policy less", "policies:\n  tracing: {type: APM.PinPoint, targets: [web]}\n", "", "", []string{"4002551 policies change: tracing"}},
	}
	before, diags := template.Parse("a.yaml", []byte(updateBase))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := strings.Replace(updateBase, tt.from, tt.to, 1)
			if tt.more == "-db" {
				src = strings.Replace(src, src[strings.Index(src, "  db:"):strings.Index(src, "  web:")], "", 1)
			} else {
				src = strings.Replace(src, "policies:", tt.more+"policies:", 1)
			}
			after, diags := template.Parse("b.yaml", []byte(src))
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			var got []string
			for _, d := range template.UpdateFindings(before, after) {
				var code int
				if _, err := fmt.Sscanf(d.Detail[strings.LastIndex(d.Detail, "(")+1:], "%d", &code); err != nil || d.Code != "update" || d.Severity != fairlead.SeverityWarning || !strings.HasSuffix(d.Detail, "Fairlead does it") {
					t.Errorf("odd finding %+v", d)
				}
				got = append(got, fmt.Sprintf("%d %s", code, d.Summary))
			}
			if !slices.EqualFunc(got, tt.want, func(g, w string) bool { return strings.HasPrefix(g, w) }) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("only what is recorded exists", func(t *testing.T) {
		after, _ := template.Parse("b.yaml", []byte(strings.Replace(updateBase, "  net: {type: VPC.VPC}\n", "", 1)))
		if ds := template.UpdateFindings(before, after, fairlead.Record{Element: "db"}, fairlead.Record{Element: "web"}, fairlead.Record{Element: "scaler"}); ds != nil {
			t.Errorf("an element that was left out goes: %v", ds)
		}
		if ds := template.UpdateFindings(nil, after); ds != nil {
			t.Error(ds)
		}
	})
}
