package api_test

import (
	"net/http"
	"testing"

	"github.com/fairlead/fairlead/internal/api"
)

func TestPipelineFilesAreChecked(t *testing.T) {
	s := mustServe(t)
	check := func(text string) api.PipelineCheck {
		return into[api.PipelineCheck](s.must(http.StatusOK, request{method: "POST", path: "/api/v1/pipelines/validate", user: "alice", body: text,
			header: map[string]string{"Content-Type": "application/yaml"}}))
	}
	bad := check("name: shop\nstage: []\n")
	if len(bad.Diagnostics) == 0 || bad.Diagnostics[0].Line == 0 {
		t.Errorf("findings %v; want some with a line", bad.Diagnostics)
	}
	good := check("name: shop\nstages:\n  - {name: deploy, type: template-deploy, deploy: {tool: aos, stack: shop}}\n")
	if len(good.Diagnostics) != 0 || good.Spec == nil || good.Spec.Name != "shop" {
		t.Errorf("findings %v, spec %v", good.Diagnostics, good.Spec)
	}
	s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/pipelines/shop", user: "boss"})
	s.must(http.StatusUnauthorized, request{method: "POST", path: "/api/v1/pipelines/validate", body: "x"})
}
