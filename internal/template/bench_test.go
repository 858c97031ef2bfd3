package template_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/internal/template"
)

// largeTemplate has n Deployments that need each other along a tree, about 400 bytes each.
func largeTemplate(n int) []byte {
	var b strings.Builder
	b.WriteString("tosca_definitions_version: huaweicloud_tosca_version_1_0\ninputs:\n  image: {default: nginx}\nnode_templates:\n")
	for i := range n {
		fmt.Fprintf(&b, `  web-%d:
    type: HuaweiCloud.CCE.Deployment
    properties:
      k8sManifest:
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: web-%d
        spec:
          replicas: 1
          template:
            spec:
              containers:
                - name: app
                  image: {get_input: image}
`, i, i)
		if i > 0 {
			fmt.Fprintf(&b, "    requirements:\n      - dependency: {node: web-%d}\n", i/2)
		}
	}
	return []byte(b.String())
}

// Parse, check and graph of 10,000 elements. Besides the time it reports how much memory the heap needed at the most.
func BenchmarkTemplate10k(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			src := largeTemplate(n)
			b.ReportAllocs()
			b.SetBytes(int64(len(src)))
			var tmpl *template.Template
			for b.Loop() {
				t, diags := template.Parse("large.yaml", src)
				if diags != nil {
					b.Fatal(diags)
				}
				if _, err := t.Graph().Order(); err != nil {
					b.Fatal(err)
				}
				tmpl = t
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.Sys)/(1<<20), "MB-from-system")
			runtime.KeepAlive(tmpl)
		})
	}
}

func BenchmarkEvaluate10k(b *testing.B) {
	tmpl, diags := template.Parse("large.yaml", largeTemplate(10_000))
	if diags != nil {
		b.Fatal(diags)
	}
	b.ReportAllocs()
	for b.Loop() {
		elements, diags := tmpl.Evaluate(template.Env{Inputs: map[string]any{"image": "nginx"}})
		if diags != nil || len(elements) != 10_000 {
			b.Fatal(diags)
		}
	}
}
