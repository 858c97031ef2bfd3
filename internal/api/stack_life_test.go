package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/api"
)

func TestStackAbout(t *testing.T) {
	s := mustServe(t)
	s.push("1.0", templateText)
	create := map[string]any{"name": "shop", "template": "shop", "version": "1.0", "labels": map[string]string{"team": "web"}, "protected": true,
		"inputs": map[string]any{"key": "open-sesame", "text": "dev"}, "comment": "first"}
	plan := into[api.Preview](s.must(http.StatusOK, request{method: "POST", path: "/api/v1/stacks/preview", user: "alice", body: create})).Plan
	create["preview"] = plan.Hash
	begun := into[api.Begun](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/stacks", user: "alice", body: create}))
	s.ended(begun.Action.ID)
	if begun.Action.Comment != "first" || begun.Action.By != "alice" {
		t.Errorf("action = %+v", begun.Action)
	}
	stale := map[string]any{"preview": plan.Hash, "inputs": map[string]any{"text": "x"}}
	s.must(http.StatusConflict, request{method: "POST", path: "/api/v1/stacks/shop/upgrade", user: "alice", body: stale})

	for query, n := range map[string]int{"label=team=web": 1, "label=team": 1, "label=team=db": 0, "label=team&label=tier": 0, "status=running&q=ho": 1, "target=far": 0} {
		if l := into[api.List[fairlead.Stack]](s.get("/api/v1/stacks?" + query)); len(l.Items) != n {
			t.Errorf("%s finds %d stacks, want %d", query, len(l.Items), n)
		}
	}
	if p := problem(s.must(http.StatusConflict, request{method: "DELETE", path: "/api/v1/stacks/shop?force=true", user: "alice"})); !strings.Contains(p.Detail, "is protected") {
		t.Errorf("problem = %+v", p)
	}

	patch := request{method: "PATCH", path: "/api/v1/stacks/shop", user: "alice", header: map[string]string{"If-Match": `"1"`},
		body: map[string]any{"labels": map[string]any{"team": nil, "tier": "2"}, "protected": false, "description": "the shop"}}
	s.must(http.StatusPreconditionFailed, patch)
	patch.header["If-Match"] = s.get("/api/v1/stacks/shop").header.Get("ETag")
	got := s.must(http.StatusOK, patch)
	if st := into[fairlead.Stack](got); st.Labels["tier"] != "2" || len(st.Labels) != 1 || st.Protected || st.Description != "the shop" || got.header.Get("ETag") == patch.header["If-Match"] {
		t.Errorf("stack = %+v", st)
	}

	if d := into[fairlead.Drift](s.get("/api/v1/stacks/shop/drift")); d.Drifted || len(d.Elements) != 1 {
		t.Errorf("drift = %+v", d)
	}
	s.world.Change("default/conf", "theirs", "k8sManifest", "data", "text")
	if d := into[fairlead.Drift](s.get("/api/v1/stacks/shop/drift")); !d.Drifted || d.Elements[0].Fields[0].Live != "theirs" {
		t.Errorf("drift = %+v", d)
	}
	if h := into[api.List[fairlead.GoodState]](s.get("/api/v1/stacks/shop/history")); len(h.Items) != 1 || !h.Items[0].Current || h.Items[0].Inputs["key"] != fairlead.Masked {
		t.Errorf("history = %+v", h)
	}
	s.must(http.StatusNotFound, request{method: "POST", path: "/api/v1/stacks/shop/rollback", user: "alice", body: map[string]any{"to": 5}})

	copied := into[api.Begun](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/stacks/shop/copy", user: "alice",
		body: map[string]any{"name": "shop2", "namespace": "two", "map": map[string]string{"dev": "prod"}}}))
	s.ended(copied.Action.ID)
	if st := into[fairlead.Stack](s.get("/api/v1/stacks/shop2")); st.Inputs["text"] != "prod" || st.Namespace != "two" || st.Status != fairlead.StackRunning {
		t.Errorf("copy = %+v", st)
	}

	export := request{method: "POST", path: "/api/v1/stacks/shop/export", user: "alice"}
	if x := into[fairlead.StackExport](s.must(http.StatusOK, export)); x.Template.Text != templateText || len(x.Omitted) != 1 || x.Sealed != nil {
		t.Errorf("export = %+v", x)
	}
	export.body = map[string]any{"passphrase": "long enough for that"}
	s.must(http.StatusForbidden, export)
	export.user = "boss"
	if x := into[fairlead.StackExport](s.must(http.StatusOK, export)); x.Sealed == nil {
		t.Errorf("export = %+v", x)
	}
}
