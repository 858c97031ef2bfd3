package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/api"
)

// What the original documents as errors of its interface itself is refused here too; docs/errors.md has the list. What it finds in
// a template or in the life of a stack is tested there.
func TestErrorsOfTheOriginal(t *testing.T) {
	s := mustServe(t)
	s.push("1.0", templateText)
	create := map[string]any{"name": "shop", "template": "shop", "version": "1.0"}
	s.ended(into[api.Begun](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/stacks", user: "alice", body: create})).Action.ID)
	const version = "/api/v1/templates/shop/versions/"
	put := func(path, body string) request {
		return request{method: "PUT", path: path, user: "alice", body: body}
	}
	post := func(path string, body any) request {
		return request{method: "POST", path: path, user: "alice", body: body}
	}
	tests := []struct {
		original string
		request  request
		status   int
		code     fairlead.Code
		says     string
	}{
		{"4001001 no template source", put(version+"2.0", ""), http.StatusBadRequest, fairlead.Invalid, "body is required"},
		{"4001007 template file empty", put(version+"2.0", " \n"), http.StatusUnprocessableEntity, fairlead.Invalid, "empty"},
		{"4001101 request body too large", put(version+"2.0", strings.Repeat("#", 11<<20)), http.StatusRequestEntityTooLarge, fairlead.TooLarge, "too large"},
		{"4001104 template name invalid", put("/api/v1/templates/-Shop/versions/1.0", templateText), http.StatusUnprocessableEntity, fairlead.Invalid, "want 1 to 64"},
		{"4001106 version invalid", put(version+"1..0", templateText), http.StatusUnprocessableEntity, fairlead.Invalid, "want 1 to 24"},
		{"4001110 template name used", put(version+"1.0", templateText+"# another\n"), http.StatusConflict, fairlead.Conflict, "another text"},
		{"4091010 a stack was made from it", request{method: "DELETE", path: version + "1.0", user: "alice"}, http.StatusConflict, fairlead.Conflict, "shop"},
		{"4040012 template does not exist", request{method: "GET", path: version + "9", user: "alice"}, http.StatusNotFound, fairlead.NotFound, "9"},
		{"4040013 stack does not exist", request{method: "GET", path: "/api/v1/stacks/none", user: "alice"}, http.StatusNotFound, fairlead.NotFound, "none"},
		{"4002500 request body illegal", post("/api/v1/stacks", "{"), http.StatusBadRequest, fairlead.Invalid, "not the JSON that is wanted"},
		{"4002400 request parameter wrong", post("/api/v1/stacks", map[string]any{"name": "x", "colour": "red"}), http.StatusUnprocessableEntity, fairlead.Invalid, "colour"},
		{"4002507 failure strategy invalid", post("/api/v1/stacks/shop/upgrade", map[string]any{"on_failure": "DoNothing"}), http.StatusUnprocessableEntity, fairlead.Invalid, "on_failure"},
		{"4000326 cluster unavailable", post("/api/v1/stacks", map[string]any{"name": "x", "template": "shop", "version": "1.0", "target": "moon"}), http.StatusNotFound, fairlead.NotFound, "moon"},
		{"4002574 cannot be canceled", post("/api/v1/stacks/shop/cancel", nil), http.StatusConflict, fairlead.Conflict, "nothing to cancel"},
		{"4010002 not authorised", request{method: "GET", path: "/api/v1/stacks"}, http.StatusUnauthorized, "", ""},
		{"4000007 path not found", request{method: "GET", path: "/api/v1/nowhere", user: "alice"}, http.StatusNotFound, fairlead.NotFound, ""},
	}
	for _, tt := range tests {
		t.Run(tt.original, func(t *testing.T) {
			got := s.do(tt.request)
			if got.status != tt.status || !strings.Contains(string(got.body), tt.says) {
				t.Fatalf("%d: %s; want %d with %q", got.status, got.body, tt.status, tt.says)
			}
			if p := problem(got); tt.code != "" && p.Code != tt.code {
				t.Errorf("code %s, want %s: %s", p.Code, tt.code, got.body)
			}
		})
	}
}
