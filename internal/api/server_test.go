package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

// contract is every route that clients rely on.
const contract = `
POST /api/v1/login
POST /api/v1/logout
GET /api/v1/whoami
GET /api/v1/users
POST /api/v1/users
GET /api/v1/users/{name}
PATCH /api/v1/users/{name}
PUT /api/v1/users/{name}/password
DELETE /api/v1/users/{name}
GET /api/v1/tokens
POST /api/v1/tokens
DELETE /api/v1/tokens/{id}
GET /api/v1/templates
GET /api/v1/templates/{name}
GET /api/v1/templates/{name}/versions/{version}
GET /api/v1/templates/{name}/versions/{version}/source
PUT /api/v1/templates/{name}/versions/{version}
DELETE /api/v1/templates/{name}/versions/{version}
POST /api/v1/templates/validate
GET /api/v1/templates/{name}/versions/{version}/package
GET /api/v1/targets
POST /api/v1/targets
GET /api/v1/targets/{name}
PUT /api/v1/targets/{name}/credentials
DELETE /api/v1/targets/{name}
POST /api/v1/targets/{name}/check
GET /api/v1/stacks
GET /api/v1/stacks/{name}
POST /api/v1/stacks/preview
POST /api/v1/stacks
POST /api/v1/stacks/{name}/upgrade
POST /api/v1/stacks/{name}/rollback
POST /api/v1/stacks/{name}/retry
POST /api/v1/stacks/{name}/cancel
PATCH /api/v1/stacks/{name}
DELETE /api/v1/stacks/{name}
POST /api/v1/stacks/{name}/copy
POST /api/v1/stacks/{name}/export
GET /api/v1/stacks/{name}/history
GET /api/v1/stacks/{name}/drift
GET /api/v1/stacks/{name}/elements
GET /api/v1/stacks/{name}/outputs
GET /api/v1/stacks/{name}/actions
GET /api/v1/stacks/{name}/events
GET /api/v1/actions/{id}
GET /api/v1/groups
POST /api/v1/groups
GET /api/v1/groups/{name}
PATCH /api/v1/groups/{name}
DELETE /api/v1/groups/{name}
GET /api/v1/groups/{name}/members
PUT /api/v1/groups/{name}/members/{user}
DELETE /api/v1/groups/{name}/members/{user}
GET /api/v1/pipelines
POST /api/v1/pipelines/validate
PUT /api/v1/pipelines/{name}
GET /api/v1/pipelines/{name}
DELETE /api/v1/pipelines/{name}
GET /api/v1/pipelines/{name}/messages
POST /api/v1/pipelines/{name}/webhooks
POST /api/v1/pipelines/{name}/export
GET /api/v1/pipeline-templates
GET /api/v1/pipeline-templates/{name}
PUT /api/v1/pipeline-templates/{name}
DELETE /api/v1/pipeline-templates/{name}
POST /api/v1/pipeline-templates/{name}/render
POST /api/v1/runs/{id}/retry
POST /api/v1/runs/{id}/rollback
POST /api/v1/runs/{id}/review
GET /api/v1/runs/{id}/diff/{other}
GET /api/v1/runs/{id}/notifications
POST /api/v1/runs/{id}/notifications/{nid}/resend
GET /api/v1/channels
GET /api/v1/channels/{name}
PUT /api/v1/channels/{name}
DELETE /api/v1/channels/{name}
POST /api/v1/channels/{name}/messages
GET /api/v1/channels/{name}/messages
GET /api/v1/channels/{name}/messages/{id}
POST /api/v1/channels/{name}/messages/{id}/replay
POST /api/v1/pipelines/{name}/runs
GET /api/v1/pipelines/{name}/runs
GET /api/v1/runs
GET /api/v1/runs/{id}
POST /api/v1/runs/{id}/stop
GET /api/v1/runs/{id}/logs
GET /api/v1/runs/{id}/log.txt
GET /api/v1/freezes
POST /api/v1/freezes
GET /api/v1/freezes/{id}
DELETE /api/v1/freezes/{id}
GET /api/v1/locks
PATCH /api/v1/targets/{name}
GET /api/v1/organizations
POST /api/v1/organizations
DELETE /api/v1/organizations/{org}
GET /api/v1/organizations/{org}/repositories
GET /api/v1/tags
DELETE /api/v1/tags
GET /api/v1/events
GET /api/v1/audit
POST /hooks/{token}
GET /api/v1/settings
POST /api/v1/settings/test
GET /healthz
GET /readyz
GET /metrics
GET /api/openapi.json
GET /api/docs
`

type document struct {
	OpenAPI    string                          `json:"openapi"`
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]any `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	OperationID string                `json:"operationId"`
	Summary     string                `json:"summary"`
	Security    []map[string][]string `json:"security"`
	Responses   map[string]any        `json:"responses"`
}

// routes are the routes of a document as "METHOD /path".
func (d document) routes() (list []string) {
	for path, methods := range d.Paths {
		for method := range methods {
			list = append(list, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(list)
	return list
}

func TestOpenAPI(t *testing.T) {
	s := mustServe(t)
	raw := s.must(http.StatusOK, request{method: "GET", path: "/api/openapi.json"})
	doc := into[document](raw)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("openapi = %q, want 3.1.0", doc.OpenAPI)
	}
	t.Run("has exactly the routes of the contract", func(t *testing.T) {
		want := strings.Split(strings.TrimSpace(contract), "\n")
		slices.Sort(want)
		got := doc.routes()
		for _, r := range want {
			if !slices.Contains(got, r) {
				t.Errorf("%s is not in the document", r)
			}
		}
		for _, r := range got {
			if !slices.Contains(want, r) {
				t.Errorf("%s is in the document and not in the contract", r)
			}
		}
	})
	t.Run("names every operation once and says what it does", func(t *testing.T) {
		seen := map[string]bool{}
		for path, methods := range doc.Paths {
			for method, op := range methods {
				if op.OperationID == "" || seen[op.OperationID] || op.Summary == "" || len(op.Responses) == 0 {
					t.Errorf("%s %s: %+v", method, path, op)
				}
				seen[op.OperationID] = true
			}
		}
	})
	t.Run("has no reference into nothing", func(t *testing.T) {
		for _, m := range regexp.MustCompile(`"\$ref": "([^"]+)"`).FindAllStringSubmatch(string(raw.body), -1) {
			name, ok := strings.CutPrefix(m[1], "#/components/schemas/")
			if _, there := doc.Components.Schemas[name]; !ok || !there {
				t.Errorf("%s leads nowhere", m[1])
			}
		}
	})
	t.Run("shows durations as text and errors as problems", func(t *testing.T) {
		for _, gone := range []string{"ErrorModel", "ErrorDetail"} {
			if doc.Components.Schemas[gone] != nil {
				t.Errorf("schema %s is still there", gone)
			}
		}
		action, _ := json.Marshal(doc.Components.Schemas["Action"])
		var schema struct {
			Properties map[string]struct{ Type any } `json:"properties"`
		}
		if err := json.Unmarshal(action, &schema); err != nil || schema.Properties["timeout"].Type != "string" {
			t.Errorf("timeout = %+v, %v; want a string", schema.Properties["timeout"], err)
		}
	})
}

// TestEveryRouteAsksWhoYouAre calls each route of the document without credentials, and with wrong ones.
func TestEveryRouteAsksWhoYouAre(t *testing.T) {
	s := mustServe(t)
	doc := into[document](s.must(http.StatusOK, request{method: "GET", path: "/api/openapi.json"}))
	public := []string{"GET /api/docs", "GET /api/openapi.json", "GET /healthz", "GET /metrics", "GET /readyz", "POST /api/v1/login", "POST /hooks/{token}"}
	param := regexp.MustCompile(`\{[a-z]+\}`)
	for _, route := range doc.routes() {
		method, path, _ := strings.Cut(route, " ")
		open := len(doc.Paths[path][strings.ToLower(method)].Security) == 0
		if open != slices.Contains(public, route) {
			t.Errorf("%s: public = %v", route, open)
		}
		if open {
			continue
		}
		for name, header := range map[string]string{"nothing": "", "a wrong token": "Bearer flt_wrong", "an unknown scheme": "Digest x"} {
			r := s.do(request{method: method, path: param.ReplaceAllString(path, "x"), header: map[string]string{"Authorization": header}})
			if r.status != http.StatusUnauthorized || r.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %s: status %d, challenge %q; want 401 with one", route, name, r.status, r.header.Get("WWW-Authenticate"))
				continue
			}
			if p := problem(r); p.Code != fairlead.Unauthenticated {
				t.Errorf("%s with %s: code %q", route, name, p.Code)
			}
		}
	}
}

// TestDocumentedCodes holds the table of docs/api.md to the code.
func TestDocumentedCodes(t *testing.T) {
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := into[document](mustServe(t).must(http.StatusOK, request{method: "GET", path: "/api/openapi.json"}))
	schema, _ := json.Marshal(doc.Components.Schemas["Problem"])
	var problem struct {
		Properties map[string]struct{ Enum []string } `json:"properties"`
	}
	if err := json.Unmarshal(schema, &problem); err != nil {
		t.Fatal(err)
	}
	codes := problem.Properties["code"].Enum
	if len(codes) < 10 {
		t.Fatalf("codes = %v", codes)
	}
	for _, code := range codes {
		if row := fmt.Sprintf("| `%s` | ", code); !strings.Contains(string(text), row) {
			t.Errorf("docs/api.md has no row for %s", code)
		}
	}
}

func TestPages(t *testing.T) {
	s := mustServe(t)
	outside := regexp.MustCompile(`(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//`)
	for path, want := range map[string]string{
		"/": "Fairlead", "/api/docs": "docs.js", "/api/docs/docs.js": "openapi.json", "/api/docs/style.css": "color-scheme",
	} {
		r := s.must(http.StatusOK, request{method: "GET", path: path})
		if !strings.Contains(string(r.body), want) || !strings.Contains(r.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: headers %v, body %.200s", path, r.header, r.body)
		}
		if m := outside.Find(r.body); m != nil {
			t.Errorf("%s asks another host: %s", path, m)
		}
	}
	if r := s.must(http.StatusOK, request{method: "GET", path: "/"}); !strings.Contains(string(r.body), "镜像仓库") {
		t.Error("the first page is not in Chinese as well")
	}
}

func TestUnknownAddresses(t *testing.T) {
	s := mustServe(t)
	tests := []struct {
		name, method, path string
		status             int
	}{
		{"a path that is not there", "GET", "/api/v1/moons", http.StatusNotFound},
		{"another path that is not there", "GET", "/moon", http.StatusNotFound},
		{"a method that is not there", "PATCH", "/api/v1/stacks", http.StatusMethodNotAllowed},
		{"a webhook by GET", "GET", "/hooks/secret-token", http.StatusMethodNotAllowed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := s.must(tt.status, request{method: tt.method, path: tt.path, user: "boss"})
			if p := problem(r); p.Code != fairlead.NotFound || strings.Contains(p.Detail, "secret-token") {
				t.Fatalf("problem = %+v", p)
			}
			if allow := r.header.Get("Allow"); (allow != "") != (tt.status == http.StatusMethodNotAllowed) {
				t.Fatalf("Allow = %q", allow)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	s := mustServe(t)
	s.must(http.StatusOK, request{method: "GET", path: "/healthz"})
	s.must(http.StatusOK, request{method: "GET", path: "/readyz"})
	s.ready = errors.New("still starting")
	s.must(http.StatusOK, request{method: "GET", path: "/healthz"})
	if p := problem(s.must(http.StatusServiceUnavailable, request{method: "GET", path: "/readyz"})); p.Code != fairlead.Unavailable {
		t.Fatalf("problem = %+v", p)
	}
}

func TestSecretsAreNotLogged(t *testing.T) {
	s := mustServe(t)
	s.must(http.StatusUnauthorized, request{method: "POST", path: "/api/v1/login", body: map[string]string{"user": "alice", "password": "hunter2-hunter2"}})
	login := into[struct{ Token string }](s.must(http.StatusOK, request{method: "POST", path: "/api/v1/login", body: map[string]string{"user": "alice", "password": "alice-password"}}))
	s.must(http.StatusOK, request{method: "GET", path: "/api/v1/whoami", header: map[string]string{"Authorization": "Bearer " + login.Token}})
	s.must(http.StatusNotFound, request{method: "POST", path: "/hooks/very-secret-hook?tag=1"})
	s.must(http.StatusUnprocessableEntity, request{method: "POST", path: "/api/v1/users", user: "boss", body: map[string]any{"name": 5, "password": "sesame-sesame"}})
	log := s.log.String()
	for _, secret := range []string{"hunter2-hunter2", "alice-password", login.Token, "very-secret-hook", "sesame-sesame"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
	if !strings.Contains(log, `"path":"/hooks/…"`) {
		t.Error("the webhook call is not in the log")
	}
}
