package kubernetes_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// TestPublishedSamples makes the complete samples of the original service as they are.
func TestPublishedSamples(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sample   string
		inputs   func(namespace string) map[string]any
		warnings []string // paths, below the manifest
	}{
		{"cce-ingress.yaml", func(ns string) map[string]any { return map[string]any{"namespace": ns} },
			[]string{"apiVersion", "metadata.uid", "metadata.selfLink", "spec.rules[0].http.paths[0].property"}},
		{"cce-statefulset.yaml", func(string) map[string]any { return nil }, []string{"spec.template.spec.containers[0].ports[0].protocal"}},
		{"cci-configmap.yaml", func(ns string) map[string]any { return map[string]any{"namespace": ns} }, nil},
		{"cci-service.yaml", func(ns string) map[string]any { return map[string]any{"ns": ns} }, []string{"spec.ports[0].nodeport"}},
	}
	for _, tt := range tests {
		t.Run(tt.sample, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			text, err := os.ReadFile("../../template/testdata/samples/" + tt.sample)
			if err != nil {
				t.Fatal(err)
			}
			parsed, diags := template.Parse(tt.sample, text)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			inputs, _, diags := parsed.CheckInputs(tt.inputs(w.namespace))
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			elements, diags := parsed.Evaluate(template.Env{Inputs: inputs})
			if diags.HasErrors() || len(elements) != 1 {
				t.Fatal(diags, elements)
			}
			el := w.element(elements[0].Name, elements[0].Type, nil)
			el.Properties, el.Requires = elements[0].Properties, elements[0].Requires
			var warned []string
			for _, d := range w.provider.Check(el) {
				if d.Severity != fairlead.SeverityWarning {
					t.Errorf("check: %s", d)
				}
				warned = append(warned, strings.TrimPrefix(d.Path, "k8sManifest."))
			}
			if fmt.Sprint(warned) != fmt.Sprint(tt.warnings) {
				t.Errorf("warnings at %v, want %v", warned, tt.warnings)
			}
			r := w.made(el)
			w.plan(el, &r, fairlead.OpNone)
			if l, err := w.provider.Read(t.Context(), r); err != nil || !l.Exists || l.Reason != "" {
				t.Errorf("read: %+v, %v", l, err)
			}
			w.deleted(r)
		})
	}
}
