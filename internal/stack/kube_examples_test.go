package stack_test

import (
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
	"github.com/fairlead/fairlead/internal/stack"
)

// TestExamplesOnKubernetes makes the examples, each with all it needs, changes nothing, and deletes them: nothing is left.
func TestExamplesOnKubernetes(t *testing.T) {
	image := map[string]any{"image": "demo/web:1"}
	tests := []struct {
		file   string
		inputs map[string]any
		made   map[string]int // objects by resource
		url    any            // the output of that name
	}{
		{"ingress.yaml", image, map[string]int{"configmaps": 1, "deployments": 1, "services": 1, "ingresses": 1}, "http://shop.example.com/"},
		{"nested.yaml", map[string]any{"image": "demo/web:1", "password": "hunter22"}, map[string]int{"deployments": 2, "ingresses": 1}, "http://shop.example.com/"},
		{"batch.yaml", map[string]any{"image": "demo/web:1", "parts": 4}, map[string]int{"jobs": 5}, nil},
		{"job.json", image, map[string]int{"jobs": 1}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			b, namespace := newKubeBench(t)
			ctx := t.Context()
			for _, p := range [][2]string{{"config", "config.yaml"}, {"shop", "ingress.yaml"}, {"it", tt.file}} {
				text, err := os.ReadFile("../../examples/templates/" + p[1])
				if err != nil {
					t.Fatal(err)
				}
				b.push(p[0], "1.0", string(text))
			}
			r := stack.Request{Name: "it", Template: "it", Version: "1.0", Namespace: namespace, Inputs: tt.inputs, Timeout: 2 * time.Minute}
			b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))
			if s := b.stack("it"); s.Status != fairlead.StackRunning || s.Health != fairlead.Healthy {
				t.Errorf("the stack is %s, %s: %s", s.Status, s.Health, s.Reason)
			}
			for resource, want := range tt.made {
				if got := objectsOf(t, namespace, resource); len(got) != want {
					t.Errorf("%s: %q, want %d", resource, got, want)
				}
			}
			outputs, err := b.engine.Outputs(ctx, "it")
			if err != nil || tt.url != nil && (len(outputs) != 1 || outputs[0].Value != tt.url) {
				t.Errorf("outputs %+v, %v", outputs, err)
			}
			a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, r)))
			for _, op := range a.Plan.Operations {
				if op.Verb != fairlead.OpNone {
					t.Errorf("an upgrade without a change: %s", planText(a.Plan))
					break
				}
			}
			b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "it"})))
			for _, resource := range []string{"configmaps", "secrets", "deployments", "services", "ingresses", "jobs", "pods"} {
				if left := objectsOf(t, namespace, resource); len(left) > 0 {
					t.Errorf("left of %s: %q", resource, left)
				}
			}
		})
	}
}

// objectsOf lists a kind's objects that stacks made, or whose owners they made.
func objectsOf(t *testing.T, namespace, resource string) (names []string) {
	t.Helper()
	client, err := dynamic.NewForConfig(kubetest.Rest(t))
	if err != nil {
		t.Fatal(err)
	}
	gvr := schema.GroupVersionResource{Version: "v1", Resource: resource}
	switch resource {
	case "deployments":
		gvr.Group = "apps"
	case "jobs":
		gvr.Group = "batch"
	case "ingresses":
		gvr.Group = "networking.k8s.io"
	}
	list, err := client.Resource(gvr).Namespace(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Items {
		if resource == "pods" || strings.HasPrefix(o.GetLabels()["app.kubernetes.io/managed-by"], "fairlead") && o.GetLabels()["fairlead.io/role"] == "" {
			names = append(names, o.GetName())
		}
	}
	return names
}
