package kubernetes

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden reads each manifest of testdata as an element and compares what is applied, and what is said about it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".in.yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var manifest map[string]any
			if err := yaml.Unmarshal(text, &manifest); err != nil {
				t.Fatal(err)
			}
			o, r := understand(template.Element{Name: "it", Type: "Kubernetes.Object", Namespace: "shop", Properties: map[string]any{"k8sManifest": manifest}})
			var out strings.Builder
			for _, d := range r.diags {
				out.WriteString("# " + d.Path + ": " + d.String() + "\n")
			}
			if o != nil && !r.diags.HasErrors() {
				b, err := yaml.Marshal(o.Object)
				if err != nil {
					t.Fatal(err)
				}
				out.Write(b)
			}
			golden := strings.TrimSuffix(file, ".in.yaml") + ".out.yaml"
			if *update {
				if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", &out, want)
			}
		})
	}
}

// TestUnderstandIsStable: whatever a manifest holds, nothing panics, the properties stay as they were, what comes out can be
// written as JSON and copied, and reading it again changes nothing more.
func TestUnderstandIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		manifest := manifests().Draw(t, "manifest")
		before := copied(manifest)
		el := template.Element{Name: "it", Type: "Kubernetes.Object", Namespace: "shop", Properties: map[string]any{"k8sManifest": manifest}}
		o, _ := understand(el)
		if !reflect.DeepEqual(before, any(manifest)) {
			t.Fatalf("the properties were changed: %v, then %v", before, manifest)
		}
		if o == nil {
			return
		}
		if _, err := json.Marshal(o.Object); err != nil {
			t.Fatal(err)
		}
		again := template.Element{Name: "it", Type: "Kubernetes.Object", Namespace: "shop", Properties: map[string]any{"k8sManifest": o.DeepCopy().Object}}
		twice, r := understand(again)
		for _, d := range r.diags {
			if d.Severity == fairlead.SeverityWarning {
				t.Fatalf("reading it again warns: %s", d)
			}
		}
		if !reflect.DeepEqual(o.Object, twice.Object) {
			t.Fatalf("%v, read again %v", o.Object, twice.Object)
		}
		if ds := differences(o.Unstructured, twice.Unstructured); len(ds) > 0 {
			t.Fatalf("it differs from itself: %v", ds)
		}
		_, _, _ = attributesOf(o.Unstructured), o.podSpec(), namesPullSecret(o)
		inTermsOf(el.Properties, o, []difference{{path: "spec.a[0].b"}, {path: "metadata"}, {path: "data.x", live: "y"}})
	})
}

// manifests are made of the words that matter, in and out of their places.
func manifests() *rapid.Generator[map[string]any] {
	words := []string{"metadata", "spec", "name", "labels", "annotations", "namespace", "template", "selector", "matchLabels", "containers", "ports", "port", "backend",
		"serviceName", "servicePort", "rules", "http", "paths", "path", "metrics", "resource", "target", "targetAverageValue", "object", "metricName", "data", "stringData",
		"resources", "requests", "cpu", "status", "uid", "generateName", "property", "image", "env", "value", "volumeClaimTemplates", "jobTemplate", "rollbackTo", "replicas"}
	var value *rapid.Generator[any]
	scalar := rapid.OneOf(rapid.Just[any](nil), rapid.Just[any](template.Unknown{Element: "other"}), rapid.Just[any]("text"), rapid.Just[any]("80"), rapid.Just[any]("a b"),
		rapid.Just[any](int64(7)), rapid.Just[any](7), rapid.Just[any](0.5), rapid.Just[any](true), rapid.Just[any]("1000m"), rapid.Just[any]("aGk="))
	value = rapid.Deferred(func() *rapid.Generator[any] {
		return rapid.OneOf(scalar, rapid.Map(rapid.SliceOfN(value, 0, 2), func(l []any) any { return l }),
			rapid.Map(rapid.MapOfN(rapid.SampledFrom(words), value, 0, 4), func(m map[string]any) any { return m }))
	})
	kinds := [][2]string{{"v1", "ConfigMap"}, {"v1", "Secret"}, {"v1", "Service"}, {"v1", "Pod"}, {"apps/v1", "Deployment"}, {"extensions/v1beta1", "Deployment"}, {"extensions/v1beta1", "Ingress"},
		{"networking.k8s.io/v1beta1", "Ingress"}, {"batch/v1beta1", "CronJob"}, {"autoscaling/v2beta1", "HorizontalPodAutoscaler"}, {"apps/v1beta1", "StatefulSet"},
		{"example.com/v1", "Thing"}, {"", "Deployment"}, {"a/b/c", "Thing"}, {"v1", ""}, {"policy/v1beta1", "PodSecurityPolicy"}}
	return rapid.Custom(func(t *rapid.T) map[string]any {
		m := rapid.MapOfN(rapid.SampledFrom(words), value, 0, 6).Draw(t, "fields")
		k := rapid.SampledFrom(kinds).Draw(t, "kind")
		m["apiVersion"], m["kind"] = k[0], k[1]
		if rapid.Bool().Draw(t, "likely") {
			m["metadata"] = map[string]any{"name": "it"}
			m["spec"] = map[string]any{"backend": value.Draw(t, "backend"), "rules": []any{map[string]any{"http": map[string]any{"paths": []any{value.Draw(t, "path")}}}},
				"template": value.Draw(t, "template"), "metrics": []any{map[string]any{"object": value.Draw(t, "object")}}}
		}
		return m
	})
}
