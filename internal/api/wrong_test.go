package api_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// TestWrongInput sends what is wrong everywhere: the answer is a problem with the right status and code that says what is
// wrong, and nothing is stored.
func TestWrongInput(t *testing.T) {
	s := mustServe(t)
	s.push("1.0", templateText)
	hook := s.apply(pipelineText).Webhooks[0].Path
	signed := into[fairlead.Pipeline](s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/pipelines/signed", user: "alice",
		body: strings.Replace(strings.Replace(pipelineText, "name: shop", "name: signed", 1), "webhook: {}", "webhook: {signature: github}", 1)})).Webhooks[0].Path
	const (
		users    = "/api/v1/users"
		version  = "/api/v1/templates/new/versions/1.0"
		stacks   = "/api/v1/stacks"
		pipes    = "/api/v1/pipelines/shop"
		twoFinds = "has 2 errors"
	)
	type m = map[string]any
	create := func(more m) m {
		base := m{"name": "new", "template": "shop", "version": "1.0"}
		maps.Copy(base, more)
		return base
	}
	tests := []struct {
		name                 string
		method, path         string
		body                 any
		status               int
		code                 fairlead.Code
		message, field, find string // part of the detail; path and part of the summary of one finding
	}{
		{"no body", "POST", users, nil, 400, fairlead.Invalid, "body is required", "", ""},
		{"a body that is not JSON", "POST", users, "{name", 400, fairlead.Invalid, "JSON", "body", "not the JSON"},
		{"text after the JSON", "POST", users, `{"name":"new","password":"12345678"} x`, 400, fairlead.Invalid, "JSON", "body", ""},
		{"a key twice", "POST", users, `{"name":"new","name":"newer","password":"12345678"}`, 400, fairlead.Invalid, "twice", "body", "\"name\" stands there twice"},
		{"a key twice in a nested object", "POST", stacks, `{"name":"new","template":"shop","version":"1.0","inputs":{"a":[{"b":1},{"b":2,"c":{},"b":3}]}}`, 400, fairlead.Invalid, "twice", "body", "\"b\""},
		{"an unknown key", "POST", users, m{"name": "new", "password": "12345678", "moon": 1}, 422, fairlead.Invalid, "moon", "moon", "unexpected property"},
		{"a wrong type", "POST", users, m{"name": 5, "password": "12345678"}, 422, fairlead.Invalid, "name", "name", "string"},
		{"a missing key", "POST", users, m{"name": "new"}, 422, fairlead.Invalid, "password", "body", "password"},
		{"several mistakes at once", "POST", users, m{"name": 5, "password": 6}, 422, fairlead.Invalid, twoFinds, "password", "string"},
		{"a bad name and a weak password", "POST", users, m{"name": "New User", "password": "short"}, 422, fairlead.Invalid, twoFinds, "name", "lower-case"},
		{"an e-mail that is none", "POST", users, m{"name": "new", "password": "12345678", "email": "nobody"}, 422, fairlead.Invalid, "email", "email", ""},
		{"a name that is taken", "POST", users, m{"name": "alice", "password": "12345678"}, 409, fairlead.Conflict, "exists already", "", ""},
		{"a body over the limit", "POST", users, strings.Repeat(" ", 1<<20+1), 413, fairlead.TooLarge, "too large", "", ""},
		{"a limit that is too high", "GET", users + "?limit=501", nil, 422, fairlead.Invalid, "limit", "query.limit", "500"},
		{"a limit that is no number", "GET", users + "?limit=x", nil, 422, fairlead.Invalid, "limit", "query.limit", ""},
		{"an unknown parameter", "GET", users + "?limt=5", nil, 422, fairlead.Invalid, "limt", "query.limt", "unknown"},
		{"a duration that is none", "POST", "/api/v1/tokens", m{"name": "x", "expires_in": "soon"}, 422, fairlead.Invalid, "soon", "", "want a number with a unit"},
		{"a duration in the past", "POST", "/api/v1/tokens", m{"name": "x", "expires_in": "-1h"}, 422, fairlead.Invalid, "", "expires_in", "more than 0"},
		{"an empty token name", "POST", "/api/v1/tokens", m{"name": " "}, 422, fairlead.Invalid, "", "name", "1 to 64"},
		{"an unknown token", "DELETE", "/api/v1/tokens/x", nil, 404, fairlead.NotFound, "does not exist", "", ""},
		{"an unknown user", "GET", users + "/nobody", nil, 404, fairlead.NotFound, "nobody", "", ""},

		{"a template that is none", "PUT", version, "moon: 1\n", 422, fairlead.Invalid, "template new", "", ""},
		{"an empty template", "PUT", version, nil, 400, fairlead.Invalid, "body is required", "", ""},
		{"a template version that cannot be", "PUT", "/api/v1/templates/New/versions/1..0", templateText, 422, fairlead.Invalid, twoFinds, "version", "dots"},
		{"a file name with a folder", "PUT", version + "?filename=..%2Fx.yaml", templateText, 422, fairlead.Invalid, "without a folder", "", ""},
		{"an archive that leads out", "PUT", version + "?filename=x.zip", zipOf(t, "../blueprint.yaml", templateText), 422, fairlead.Invalid, `"../blueprint.yaml"`, "", ""},
		{"a template over the limit", "PUT", version, strings.Repeat("#", template.MaxPackage+1), 413, fairlead.TooLarge, "too large", "", ""},
		{"an unknown template", "GET", "/api/v1/templates/moon", nil, 404, fairlead.NotFound, "moon", "", ""},

		{"a target of an unknown kind", "POST", "/api/v1/targets", m{"name": "x", "kind": "moon"}, 422, fairlead.Invalid, "kind", "kind", ""},
		{"an unknown target", "POST", "/api/v1/targets/moon/check", nil, 404, fairlead.NotFound, "moon", "", ""},

		{"a stack of an unknown template", "POST", stacks, create(m{"template": "moon"}), 404, fairlead.NotFound, "moon", "", ""},
		{"a stack on an unknown target", "POST", stacks, create(m{"target": "moon"}), 404, fairlead.NotFound, "moon", "", ""},
		{"an unknown input and one of a wrong type", "POST", stacks, create(m{"inputs": m{"moon": 1, "size": "many"}}), 422, fairlead.Invalid, "2 errors", "inputs.size", "many"},
		{"a timeout out of range", "POST", stacks, create(m{"timeout": "25h"}), 422, fairlead.Invalid, "", "timeout", "24h"},
		{"an on_failure that is none", "POST", stacks, create(m{"on_failure": "explode"}), 422, fairlead.Invalid, "on_failure", "on_failure", ""},
		{"an upgrade of nothing", "POST", stacks + "/moon/upgrade", m{}, 404, fairlead.NotFound, "moon", "", ""},
		{"a deletion of nothing", "DELETE", stacks + "/moon", nil, 404, fairlead.NotFound, "moon", "", ""},
		{"events of a wrong cursor", "GET", "/api/v1/events?cursor=x", nil, 422, fairlead.Invalid, "cursor", "", ""},
		{"an unknown action", "GET", "/api/v1/actions/x", nil, 404, fairlead.NotFound, "does not exist", "", ""},

		{"a group that cannot be", "POST", "/api/v1/groups", m{"name": "A b"}, 422, fairlead.Invalid, "", "name", "group"},
		{"a pipeline with unknown keys", "PUT", pipes + "?file=p.yaml", pipelineText + "moon: 1\nsun: 2\n", 422, fairlead.Invalid, "2 errors", "moon", ""},
		{"a pipeline under another name", "PUT", "/api/v1/pipelines/other", pipelineText, 422, fairlead.Invalid, "same name", "", ""},
		{"an unknown pipeline", "POST", "/api/v1/pipelines/moon/runs", m{}, 404, fairlead.NotFound, "moon", "", ""},
		{"an unknown variable", "POST", pipes + "/runs", m{"variables": m{"moon": "1"}}, 422, fairlead.Invalid, "moon", "", ""},
		{"a variable of a wrong type", "POST", pipes + "/runs", m{"variables": m{"text": 1}}, 422, fairlead.Invalid, "text", "variables.text", "string"},
		{"an unknown run", "GET", "/api/v1/runs/x/logs?follow=true", nil, 404, fairlead.NotFound, "does not exist", "", ""},

		{"an unknown webhook", "POST", "/hooks/moon", nil, 404, fairlead.NotFound, "webhook", "", ""},
		{"a webhook with nested parameters", "POST", hook, m{"text": m{"a": 1}, "list": []int{1}}, 422, fairlead.Invalid, twoFinds, "text", "nested"},
		{"a webhook with null", "POST", hook, m{"text": nil}, 422, fairlead.Invalid, "null", "text", "null"},
		{"a webhook with a list", "POST", hook, "[1]", 422, fairlead.Invalid, "one JSON object", "", ""},
		{"a webhook with half a body", "POST", hook, `{"text": "a`, 422, fairlead.Invalid, "it ends early, after byte 11", "", ""},
		{"a webhook with more than a body", "POST", hook, `{"text": "a"} {}`, 422, fairlead.Invalid, "text follows", "", ""},
		{"a webhook with two values for a parameter", "POST", hook + "?text=a", m{"text": "b"}, 422, fairlead.Invalid, "twice", "text", "twice"},
		{"a webhook with a key twice", "POST", hook, `{"text": "a", "text": "b"}`, 422, fairlead.Invalid, "twice", "text", "twice"},
		{"a webhook with an unknown parameter", "POST", hook + "?txt=a", nil, 422, fairlead.Invalid, "txt", "txt", "not known"},
		{"a webhook that is not signed", "POST", signed + "?text=a", nil, 401, fairlead.Unauthenticated, "signature", "", ""},
		{"a cron expression that is none", "PUT", pipes, pipelineText + "windows: [{cron: \"every day\", duration: 1h}]\n", 422, fairlead.Invalid, "cron", "windows[0].cron", "every day"},
		{"a schedule that is none", "PUT", pipes, strings.Replace(pipelineText, "- webhook: {}\n      params: [{name: text, variable: text}]", "- schedule: {cron: \"61 * * * *\"}", 1), 422, fairlead.Invalid, "cron", "start.conditions[0].schedule.cron", "61"},
		{"stages that need each other", "PUT", pipes, strings.Replace(pipelineText, "    deploy:", "    needs: [next]\n    deploy:", 1) + "  - {name: next, needs: [deploy], type: review, review: {users: [alice]}}\n", 422, fairlead.Invalid, "need", "", "deploy"},
		{"a stage that needs itself", "PUT", pipes, strings.Replace(pipelineText, "    deploy:", "    needs: [deploy]\n    deploy:", 1), 422, fairlead.Invalid, "", "", "deploy"},
		{"a variable of itself", "PUT", pipes, strings.Replace(pipelineText, "value: hello", "value: \"a ${text}\"", 1), 422, fairlead.Invalid, "${text}", "variables[0].value", "does not exist"},
		{"variables of each other", "PUT", pipes, strings.Replace(pipelineText, "value: hello}", "value: \"${two}\"}\n  - {name: two, value: \"${text}\"}", 1), 422, fairlead.Invalid, "${two}", "variables[0].value", "does not exist"},
		{"an unknown channel", "POST", "/api/v1/channels/moon/messages", m{"params": m{}}, 404, fairlead.NotFound, "channel create moon", "", ""},
		{"a decision about nothing", "POST", "/api/v1/runs/x/review", m{"stage": "deploy", "approve": true}, 404, fairlead.NotFound, "does not exist", "", ""},
		{"a pipeline template that is none", "PUT", "/api/v1/pipeline-templates/new", m{"source": pipelineText}, 422, fairlead.Invalid, "one document", "", "one document"},
		{"values that a pipeline template does not have", "POST", "/api/v1/pipeline-templates/canary/render", m{"values": m{"name": "x", "image": "a/b", "template": "t", "moon": "1"}}, 422, fairlead.Invalid, "{moon}", "values.moon", ""},
		{"a pipeline template that came with the program", "DELETE", "/api/v1/pipeline-templates/canary", nil, 409, fairlead.Conflict, "came with the program", "", ""},
		{"a webhook over the limit", "POST", hook, `{"text": "` + strings.Repeat("x", 64<<10) + `"}`, 413, fairlead.TooLarge, "65536", "", ""},

		{"an organization that cannot be", "POST", "/api/v1/organizations", m{"name": "A"}, 422, fairlead.Invalid, "A", "", ""},
		{"an image with a tag where none goes", "GET", "/api/v1/tags?image=a/b:c", nil, 422, fairlead.Invalid, "without a tag", "", ""},
		{"no image", "GET", "/api/v1/tags", nil, 422, fairlead.Invalid, "image", "query.image", "missing"},
	}
	before := s.total()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := *s
			s.t = t
			p := problem(s.must(tt.status, request{method: tt.method, path: tt.path, user: "boss", body: tt.body}))
			if p.Code != tt.code || !strings.Contains(p.Detail, tt.message) {
				t.Errorf("code %q, detail %q; want %q with %q", p.Code, p.Detail, tt.code, tt.message)
			}
			found := tt.field == "" && tt.find == ""
			for _, d := range p.Errors {
				if d.Summary == "" || d.Severity != fairlead.SeverityError && d.Severity != fairlead.SeverityWarning {
					t.Errorf("finding = %+v", d)
				}
				found = found || (tt.field == "" || d.Path == tt.field) && strings.Contains(d.Summary, tt.find)
			}
			if !found {
				t.Errorf("no finding at %q with %q: %+v", tt.field, tt.find, p.Errors)
			}
			if after := s.total(); !maps.Equal(before, after) {
				t.Errorf("something was stored: %v before, %v after", before, after)
			}
		})
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	s := mustServe(t)
	s.api.Handle("/boom/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/boom/late" {
			fmt.Fprint(w, "half an ans")
		}
		panic("the secret of the machine")
	}))
	p := problem(s.must(http.StatusInternalServerError, request{method: "GET", path: "/boom/now"}))
	if p.Code != fairlead.Internal || strings.Contains(p.Detail, "secret") {
		t.Fatalf("problem = %+v", p)
	}
	id := p.Detail[strings.LastIndex(p.Detail, " ")+1:]
	if log := s.log.String(); !strings.Contains(log, "the secret of the machine") || !strings.Contains(log, id) {
		t.Fatalf("the log does not tell: %s", log)
	}
	res, err := http.Get(s.http.URL + "/boom/late")
	if err == nil {
		defer res.Body.Close()
		_, err = io.ReadAll(res.Body)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		t.Fatalf("err = %v, want a broken answer", err)
	}
	s.must(http.StatusOK, request{method: "GET", path: "/healthz"})
}
