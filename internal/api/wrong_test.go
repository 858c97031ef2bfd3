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
	"github.com/fairlead/fairlead/internal/api"
	"github.com/fairlead/fairlead/internal/template"
)

// signedBody is a body with the headers of its signature.
type signedBody struct {
	body   string
	header map[string]string
}

// TestWrongInput sends what is wrong everywhere: the answer is a problem with the right status and code that says what is
// wrong, and nothing is stored.
func TestWrongInput(t *testing.T) {
	s := mustServe(t)
	s.push("1.0", templateText)
	hook := s.apply(pipelineText).Webhooks[0].Path
	signed := into[fairlead.Pipeline](s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/pipelines/signed", user: "alice",
		body: strings.Replace(strings.Replace(pipelineText, "name: shop", "name: signed", 1), "webhook: {}", "webhook: {signature: github}", 1)})).Webhooks[0].Path
	dated := into[fairlead.Pipeline](s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/pipelines/dated", user: "alice",
		body: strings.Replace(strings.Replace(pipelineText, "name: shop", "name: dated", 1), "webhook: {}", "webhook: {signature: standard}", 1)})).Webhooks[0].Path
	late := s.late()
	circle := strings.Replace(pipelineText, "    deploy:", "    needs: [last]\n    deploy:", 1) +
		"  - {name: next, needs: [deploy], type: review, review: {users: [alice]}}\n  - {name: last, needs: [next], type: review, review: {users: [alice]}}\n"
	aliases := "name: shop\nx0: &x0 [a, a, a, a, a, a, a, a, a, a]\n"
	for i := range 9 {
		aliases += fmt.Sprintf("x%d: &x%d [%s*x%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*x%d, ", i), 9), i)
	}
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
		message, field, find string // part of the detail; path of one finding and part of what it says
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
		{"a webhook with a wrong signature", "POST", signed, signedBody{`{"text": "a"}`, map[string]string{"X-Hub-Signature-256": "sha256=" + strings.Repeat("00", 32)}}, 401, fairlead.Unauthenticated, "X-Hub-Signature-256 does not fit the message and the secret", "", ""},
		{"a webhook with a signature that is none", "POST", signed, signedBody{`{"text": "a"}`, map[string]string{"X-Hub-Signature-256": "moon"}}, 401, fairlead.Unauthenticated, "X-Hub-Signature-256", "", ""},
		{"a webhook with an old message", "POST", dated, signedBody{`{"text": "a"}`, map[string]string{"Webhook-Id": "m", "Webhook-Timestamp": "1700000000", "Webhook-Signature": "v1,AAAA"}}, 401, fairlead.Unauthenticated, "look at the sender's clock", "", ""},
		{"a webhook with a key that is too long", "POST", hook + "?text=a", signedBody{"", map[string]string{"Idempotency-Key": strings.Repeat("k", 256)}}, 413, fairlead.TooLarge, "an Idempotency-Key of 255 bytes", "", ""},
		{"a webhook with too many parameters", "POST", hook, m(many(201)), 413, fairlead.TooLarge, "at most 200", "", ""},
		{"a secret of a webhook that is too short", "POST", pipes + "/webhooks", m{"condition": "start.conditions[0]", "secret": "short"}, 409, fairlead.Conflict, "webhook: {signature: standard}", "", ""},
		{"a webhook that is not there", "POST", pipes + "/webhooks", m{"condition": "start.conditions[7]", "rotate": true}, 404, fairlead.NotFound, "it has: start.conditions[0]", "", ""},
		{"an answer to a review that expired", "POST", "/api/v1/runs/" + late + "/review", m{"stage": "ask", "approve": true}, 409, fairlead.Conflict, "to ask again: fairlead run retry " + late + ` "ask"`, "", ""},
		{"an answer to a stage that asks nothing", "POST", "/api/v1/runs/" + late + "/review", m{"stage": "deploy", "approve": true}, 409, fairlead.Conflict, `stage 2 ("deploy") is no review`, "", ""},
		{"a retry with an unknown variable", "POST", "/api/v1/runs/" + late + "/retry", m{"stage": "deploy", "variables": m{"txt": "a"}}, 422, fairlead.Invalid, "txt", "", "did you mean \"text\"?"},
		{"a retry of an unknown stage", "POST", "/api/v1/runs/" + late + "/retry", m{"stage": "deplot"}, 404, fairlead.NotFound, `did you mean "deploy"`, "", ""},
		{"a rollback of what touched nothing", "POST", "/api/v1/runs/" + late + "/rollback", m{"stage": "deploy"}, 409, fairlead.Conflict, "deploy", "", ""},
		{"a run that is stopped twice", "POST", "/api/v1/runs/" + late + "/stop", nil, 409, fairlead.Conflict, "failed", "", ""},
		{"a value that a variable may not set", "POST", pipes + "/runs", m{"variables": m{"SYS_INCREMENT": "7"}}, 422, fairlead.Invalid, "SYS_INCREMENT", "", ""},
		{"a freeze without end", "POST", "/api/v1/freezes", m{"scope": "all", "until": "9999-12-31T00:00:00Z", "reason": "never"}, 422, fairlead.Invalid, "", "until", "days are allowed"},
		{"a freeze of yesterday", "POST", "/api/v1/freezes", m{"scope": "all", "until": "2020-01-01T00:00:00Z", "reason": "gone"}, 422, fairlead.Invalid, "", "until", "not after its beginning"},
		{"a freeze of nothing", "POST", "/api/v1/freezes", m{"scope": "target", "name": "moon", "until": soon(), "reason": "x"}, 404, fairlead.NotFound, "moon", "", ""},
		{"a time zone that is a file", "PUT", pipes, strings.Replace(pipelineText, "- webhook: {}\n      params: [{name: text, variable: text}]", "- schedule: {cron: \"0 3 * * *\", timezone: ../../etc/passwd}", 1), 422, fairlead.Invalid, "time zone", "start.conditions[0].schedule.timezone", "../../etc/passwd"},
		{"a cron expression with a time zone of its own", "PUT", pipes, strings.Replace(pipelineText, "- webhook: {}\n      params: [{name: text, variable: text}]", "- schedule: {cron: \"TZ=Moon/Sea 0 3 * * *\"}", 1), 422, fairlead.Invalid, "cron", "start.conditions[0].schedule.cron", "TZ"},
		{"a cron expression for each moment", "PUT", pipes, strings.Replace(pipelineText, "- webhook: {}\n      params: [{name: text, variable: text}]", "- schedule: {cron: \"@every 1ns\"}", 1), 422, fairlead.Invalid, "cron", "start.conditions[0].schedule.cron", "@every"},
		{"a day that never comes", "PUT", pipes, strings.Replace(pipelineText, "- webhook: {}\n      params: [{name: text, variable: text}]", "- schedule: {cron: \"0 0 30 2 *\"}", 1), 422, fairlead.Invalid, "cron", "start.conditions[0].schedule.cron", "there is no such time"},
		{"an expression of tags that is none", "PUT", pipes, strings.Replace(pipelineText, "- webhook: {}\n      params: [{name: text, variable: text}]", "- image: {repository: a/b, regexp: \"v(\"}", 1), 422, fairlead.Invalid, "", "start.conditions[0].image.regexp", "v("},
		{"a range of versions that is none", "PUT", pipes, strings.Replace(pipelineText, "- webhook: {}\n      params: [{name: text, variable: text}]", "- image: {repository: a/b, semver: \"newest\"}", 1), 422, fairlead.Invalid, "", "start.conditions[0].image.semver", "newest"},
		{"a circle of three stages", "PUT", pipes, circle, 422, fairlead.Invalid, "", "", "deploy"},
		{"a file of aliases of aliases", "PUT", pipes, aliases, 422, fairlead.Invalid, "", "", "each use of an alias counts"},
		{"a file that is nested without end", "PUT", pipes, "name: " + strings.Repeat("[", 20_000), 422, fairlead.Invalid, "", "", "max depth"},
		{"a secret that nobody stored", "PUT", pipes, pipelineText + "    notifications: [{webhook: {url: \"https://example.com/\", headers: {X-Key: {secret: \"******\"}}}}]\n", 422, fairlead.Invalid, "", "stages[0].notifications[0].webhook.headers.X-Key", ""},
		{"a value that would end its place in a pipeline template", "POST", "/api/v1/pipeline-templates/canary/render", m{"values": m{"name": "x\nstages: []", "image": "a/b", "template": "t"}}, 422, fairlead.Invalid, "", "", "name"},
		{"a cron expression that is none", "PUT", pipes, pipelineText + "windows: [{cron: \"every day\", duration: 1h}]\n", 422, fairlead.Invalid, "cron", "windows[0].cron", "every day"},
		{"a schedule that is none", "PUT", pipes, strings.Replace(pipelineText, "- webhook: {}\n      params: [{name: text, variable: text}]", "- schedule: {cron: \"61 * * * *\"}", 1), 422, fairlead.Invalid, "cron", "start.conditions[0].schedule.cron", "61"},
		{"stages that need each other", "PUT", pipes, strings.Replace(pipelineText, "    deploy:", "    needs: [next]\n    deploy:", 1) + "  - {name: next, needs: [deploy], type: review, review: {users: [alice]}}\n", 422, fairlead.Invalid, "need", "", "deploy"},
		{"a stage that needs itself", "PUT", pipes, strings.Replace(pipelineText, "    deploy:", "    needs: [deploy]\n    deploy:", 1), 422, fairlead.Invalid, "", "", "deploy"},
		{"a variable of itself", "PUT", pipes, strings.Replace(pipelineText, "value: hello", "value: \"a ${text}\"", 1), 422, fairlead.Invalid, "${text}", "variables[0].value", "does not exist"},
		{"variables of each other", "PUT", pipes, strings.Replace(pipelineText, "value: hello}", "value: \"${two}\"}\n  - {name: two, value: \"${text}\"}", 1), 422, fairlead.Invalid, "${two}", "variables[0].value", "does not exist"},
		{"a message for a channel that has no name", "POST", "/api/v1/channels/%20/messages", m{"params": m{}}, 404, fairlead.NotFound, "", "", ""},
		{"a message that is nested", "POST", "/api/v1/channels/moon/messages", m{"params": m{"a": m{"b": 1}}}, 422, fairlead.Invalid, "params.a", "params.a", "string"},
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
	before := s.rows()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := *s
			s.t = t
			r := request{method: tt.method, path: tt.path, user: "boss", body: tt.body}
			if sent, ok := tt.body.(signedBody); ok {
				r.body, r.header = sent.body, sent.header
			}
			p := problem(s.must(tt.status, r))
			if p.Code != tt.code || !strings.Contains(p.Detail, tt.message) {
				t.Errorf("code %q, detail %q; want %q with %q", p.Code, p.Detail, tt.code, tt.message)
			}
			found := tt.field == "" && tt.find == ""
			for _, d := range p.Errors {
				if d.Summary == "" || d.Severity != fairlead.SeverityError && d.Severity != fairlead.SeverityWarning {
					t.Errorf("finding = %+v", d)
				}
				found = found || (tt.field == "" || d.Path == tt.field) && strings.Contains(d.Summary+"; "+d.Detail, tt.find)
			}
			if !found {
				t.Errorf("no finding at %q with %q: %+v", tt.field, tt.find, p.Errors)
			}
			if after := s.rows(); !maps.Equal(before, after) {
				t.Errorf("something was stored: %v before, %v after", before, after)
			}
		})
	}
}

// late runs a pipeline whose review nobody answers in time, and returns the run.
func (s *server) late() string {
	s.t.Helper()
	const text = `name: late
variables: [{name: text, value: hello}]
stages:
  - {name: ask, type: review, review: {users: [boss], expires: 1s}}
  - {name: deploy, type: template-deploy, deploy: {tool: aos, stack: shop}}
`
	s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/pipelines/late", user: "alice", body: text})
	run := into[fairlead.Run](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/pipelines/late/runs", user: "alice"}))
	stream := s.follow("/api/v1/runs/"+run.ID+"/logs", nil)
	defer stream.close()
	for stream.next() { // it ends with the run
	}
	if run = into[fairlead.Run](s.get("/api/v1/runs/" + run.ID)); run.State != fairlead.RunFailed {
		s.t.Fatalf("run %+v", run)
	}
	return run.ID
}

// TestParametersOfWebhooksAreData: a value that reads like the language of templates or pipelines reaches the application as that
// text, and opens no secret.
func TestParametersOfWebhooksAreData(t *testing.T) {
	s := mustServe(t)
	s.push("1.0", templateText)
	hook := s.apply(pipelineText).Webhooks[0].Path
	for _, value := range []string{"{get_input: key}", `{"get_input": "key"}`, "${SYS_INCREMENT}", "{{ key }}", "x\n  key: {get_input: key}", "!!binary aGk=", "*key"} {
		hooked := into[api.HookAnswer](s.must(http.StatusAccepted, request{method: "POST", path: hook, body: object{"text": value}}))
		stream := s.follow("/api/v1/runs/"+hooked.Run+"/logs", nil)
		for stream.next() {
			if strings.Contains(stream.data, "hunter22") {
				t.Errorf("%q: the log shows the secret: %s", value, stream.data)
			}
		}
		stream.close()
		if out := into[api.List[fairlead.Output]](s.get("/api/v1/stacks/shop/outputs")); len(out.Items) != 1 || out.Items[0].Value != value {
			t.Errorf("outputs %+v, want %q", out.Items, value)
		}
	}
}

// many are so many parameters.
func many(n int) map[string]any {
	params := map[string]any{}
	for i := range n {
		params[fmt.Sprint("p", i)] = "x"
	}
	return params
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
