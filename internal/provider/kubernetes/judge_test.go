package kubernetes

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
)

// TestJudge shows states that a test cluster passes too fast to be seen.
func TestJudge(t *testing.T) {
	t.Parallel()
	p, err := New(Config{Kubeconfig: kubetest.Kubeconfig(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	object := func(apiVersion, kind string, spec, status map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind,
			"metadata": map[string]any{"name": "it", "namespace": "default", "uid": "none", "generation": int64(1)}, "spec": spec, "status": status}}
	}
	type m = map[string]any
	tests := []struct {
		name   string
		object *unstructured.Unstructured
		state  fairlead.HealthState
		reason string
	}{
		{"load balancer without address", object("v1", "Service", m{"type": "LoadBalancer", "clusterIP": "10.0.0.1"}, m{"loadBalancer": m{}}), fairlead.HealthProgressing,
			"the load balancer has no address yet: nothing on the cluster has given it one"},
		{"cluster service", object("v1", "Service", m{"type": "ClusterIP"}, m{}), fairlead.Healthy, ""},
		{"lost claim", object("v1", "PersistentVolumeClaim", m{}, m{"phase": "Lost"}), fairlead.Unhealthy, "its volume is lost"},
		{"pending claim", object("v1", "PersistentVolumeClaim", m{}, m{"phase": "Pending"}), fairlead.HealthProgressing, "no volume is bound to it"},
		{"bound claim", object("v1", "PersistentVolumeClaim", m{}, m{"phase": "Bound"}), fairlead.Healthy, ""},
		{"running job", object("batch/v1", "Job", m{"completions": int64(2)}, m{"succeeded": int64(1), "startTime": "2026-01-01T00:00:00Z"}), fairlead.HealthProgressing, "1 of 2 pods succeeded"},
		{"suspended job", object("batch/v1", "Job", m{"suspend": true}, m{}), fairlead.Healthy, "suspended"},
		{"ingress", object("networking.k8s.io/v1", "Ingress", m{}, m{"loadBalancer": m{}}), fairlead.Healthy, ""},
		{"not seen by its controller yet", object("example.com/v1", "Thing", m{}, m{"observedGeneration": int64(0)}), fairlead.HealthProgressing, "generation"},
		{"stalled", object("example.com/v1", "Thing", m{}, m{"conditions": []any{m{"type": "Stalled", "status": "True", "reason": "NoFlour", "message": "no flour left"}}}),
			fairlead.Unhealthy, "no flour left"},
		{"a status of another shape", object("example.com/v1", "Thing", m{}, m{"conditions": "none"}), fairlead.Healthy, "cannot be read"},
	}
	for _, tt := range tests {
		h, err := p.judge(t.Context(), tt.object)
		if err != nil || h.State != tt.state || !strings.Contains(h.Reason, tt.reason) || tt.reason == "" && h.Reason != "" {
			t.Errorf("%s: %+v, %v; want %s, %q", tt.name, h, err, tt.state, tt.reason)
		}
	}
}
