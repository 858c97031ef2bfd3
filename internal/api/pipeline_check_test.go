package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
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

func TestPipelineTemplates(t *testing.T) {
	s := mustServe(t)
	type m = map[string]any
	const path = "/api/v1/pipeline-templates"
	list := into[api.List[fairlead.PipelineTemplate]](s.must(http.StatusOK, request{method: "GET", path: path + "?category=gray-release", user: "alice"}))
	if len(list.Items) < 2 || list.Items[0].Kind != fairlead.SampleTemplate || list.Items[0].Source != "" {
		t.Fatalf("list %+v", list)
	}
	render := func(status int, values m) reply {
		return s.must(status, request{method: "POST", path: path + "/deploy-on-push/render", user: "alice", body: m{"values": values}})
	}
	wrong := into[api.Problem](render(http.StatusUnprocessableEntity, m{"name": "shop", "image": "team/shop", "moon": "1"}))
	if len(wrong.Errors) != 2 || wrong.Errors[0].Path != "values.moon" || wrong.Errors[1].Path != "values.template" {
		t.Errorf("problem %+v", wrong)
	}
	file := into[api.RenderedPipeline](render(http.StatusOK, m{"name": "shop", "image": "team/shop", "template": "shop"}))
	if file.Name != "shop" || !strings.Contains(file.Source, `"team/shop:${tag}"`) {
		t.Errorf("file %+v", file)
	}
	put := func(status int) reply {
		return s.must(status, request{method: "PUT", path: "/api/v1/pipelines/shop", user: "alice", body: file.Source, header: map[string]string{"Content-Type": "application/yaml", "If-None-Match": "*"}})
	}
	put(http.StatusOK)
	put(http.StatusPreconditionFailed)
	own := into[fairlead.PipelineTemplate](s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/pipelines/shop/export", user: "alice",
		body: m{"template": "ours", "placeholders": []m{{"name": "image", "value": "team/shop"}}}}))
	if own.Kind != fairlead.OwnTemplate || own.By != "alice" || len(own.Placeholders) != 3 {
		t.Errorf("own %+v", own)
	}
	again := into[api.StoredPipelineTemplate](s.must(http.StatusOK, request{method: "PUT", path: path + "/theirs", user: "alice", body: m{"source": own.Source}}))
	if again.Name != "theirs" || again.Source != own.Source || len(again.Warnings) != 0 {
		t.Errorf("stored %+v", again)
	}
	s.must(http.StatusConflict, request{method: "PUT", path: path + "/canary", user: "alice", body: m{"source": own.Source}})
	s.must(http.StatusNoContent, request{method: "DELETE", path: path + "/theirs", user: "alice"})
	s.must(http.StatusNotFound, request{method: "GET", path: path + "/theirs", user: "alice"})
	s.must(http.StatusUnauthorized, request{method: "GET", path: path})
}
