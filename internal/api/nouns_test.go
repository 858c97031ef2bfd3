package api_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/api"
)

// templateText is a template with one element and a secret input.
const templateText = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  text: {type: string, default: hello, description: text}
  size: {type: integer, default: 1, description: size}
  key: {type: password, default: hunter22, description: key}
node_templates:
  conf:
    type: HuaweiCloud.CCE.ConfigMap
    properties:
      k8sManifest:
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: conf}
        data: {text: {get_input: text}, key: {get_input: key}}
outputs:
  text: {value: {get_input: text}, description: text}
`

const pipelineText = `name: shop
variables:
  - {name: text, value: hello}
start:
  conditions:
    - webhook: {}
      params: [{name: text, variable: text}]
stages:
  - name: deploy
    type: template-deploy
    deploy: {tool: aos, stack: shop, create: true, template: shop, version: "1.0", parameters: {text: "${text}"}}
`

func (s *server) push(version, text string) {
	s.t.Helper()
	s.must(http.StatusCreated, request{method: "PUT", path: "/api/v1/templates/shop/versions/" + version + "?filename=shop.yaml", user: "alice", body: text})
}

func (s *server) apply(text string) fairlead.Pipeline {
	s.t.Helper()
	return into[fairlead.Pipeline](s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/pipelines/shop?file=shop.yaml", user: "alice", body: text}))
}

func TestSessions(t *testing.T) {
	s := mustServe(t)
	login := into[api.Login](s.must(http.StatusOK, request{method: "POST", path: "/api/v1/login", body: map[string]string{"user": "alice", "password": "alice-password"}}))
	bearer := map[string]string{"Authorization": "Bearer " + login.Token}
	if login.User.Name != "alice" || login.ExpiresAt == "" {
		t.Fatalf("login = %+v", login)
	}
	if u := into[fairlead.User](s.must(http.StatusOK, request{method: "GET", path: "/api/v1/whoami", header: bearer})); u.Name != "alice" {
		t.Fatalf("whoami = %+v", u)
	}
	s.must(http.StatusNoContent, request{method: "POST", path: "/api/v1/logout", header: bearer})
	s.must(http.StatusUnauthorized, request{method: "GET", path: "/api/v1/whoami", header: bearer})
	for range 10 {
		s.must(http.StatusUnauthorized, request{method: "POST", path: "/api/v1/login", body: map[string]string{"user": "alice", "password": "wrong-password"}})
	}
	p := problem(s.must(http.StatusTooManyRequests, request{method: "POST", path: "/api/v1/login", body: map[string]string{"user": "alice", "password": "wrong-password"}}))
	if p.Code != fairlead.TooMany || !strings.Contains(p.Detail, "try again in") {
		t.Fatalf("problem = %+v", p)
	}
}

func TestUsersAndTokens(t *testing.T) {
	s := mustServe(t)
	u := into[fairlead.User](s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/users", user: "boss",
		body: map[string]any{"name": "carol", "password": "carol-password", "email": "carol@example.com", "locale": "zh-CN", "phone": "+86 10 1234 5678"}}))
	if u.Name != "carol" || u.Locale != "zh-CN" || u.Admin || u.CreatedAt.IsZero() {
		t.Fatalf("user = %+v", u)
	}
	t.Run("lists come in pages", func(t *testing.T) {
		var names []string
		for path := "/api/v1/users?limit=2"; ; {
			l := into[api.List[fairlead.User]](s.get(path))
			for _, u := range l.Items {
				names = append(names, u.Name)
			}
			if l.Next == "" {
				break
			}
			path = "/api/v1/users?limit=2&cursor=" + l.Next
		}
		if got := strings.Join(names, " "); got != "alice boss carol" {
			t.Fatalf("users = %s", got)
		}
	})
	t.Run("a user works with what is his own", func(t *testing.T) {
		s.must(http.StatusOK, request{method: "GET", path: "/api/v1/users/carol", user: "carol"})
		s.must(http.StatusForbidden, request{method: "GET", path: "/api/v1/users/boss", user: "carol"})
		s.must(http.StatusForbidden, request{method: "GET", path: "/api/v1/users", user: "carol"})
		s.must(http.StatusForbidden, request{method: "DELETE", path: "/api/v1/users/alice", user: "carol"})
		s.must(http.StatusForbidden, request{method: "PUT", path: "/api/v1/users/alice/password", user: "carol", body: map[string]string{"password": "new-password"}})
		s.must(http.StatusForbidden, request{method: "PUT", path: "/api/v1/users/carol/password", user: "carol", body: map[string]string{"password": "new-password", "old_password": "wrong-one"}})
		s.must(http.StatusForbidden, request{method: "POST", path: "/api/v1/targets", user: "carol", body: map[string]string{"name": "x", "kind": "engine"}})
	})
	t.Run("tokens are shown once, listed without their text, and revoked", func(t *testing.T) {
		tok := into[api.NewToken](s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/tokens", user: "carol", body: map[string]string{"name": "ci", "expires_in": "720h"}}))
		bearer := map[string]string{"Authorization": "Bearer " + tok.Secret}
		s.must(http.StatusOK, request{method: "GET", path: "/api/v1/whoami", header: bearer})
		list := s.must(http.StatusOK, request{method: "GET", path: "/api/v1/tokens", user: "carol"})
		if l := into[api.List[fairlead.Token]](list); len(l.Items) != 1 || l.Items[0].Name != "ci" || l.Items[0].ExpiresAt == nil || strings.Contains(string(list.body), tok.Secret) {
			t.Fatalf("tokens = %s", list.body)
		}
		s.must(http.StatusNotFound, request{method: "DELETE", path: "/api/v1/tokens/" + tok.ID, user: "alice"})
		s.must(http.StatusNoContent, request{method: "DELETE", path: "/api/v1/tokens/" + tok.ID, user: "carol"})
		s.must(http.StatusUnauthorized, request{method: "GET", path: "/api/v1/whoami", header: bearer})
	})
	t.Run("a password changes, and a user goes", func(t *testing.T) {
		s.must(http.StatusNoContent, request{method: "PUT", path: "/api/v1/users/carol/password", user: "carol", body: map[string]string{"password": "newer-password", "old_password": "carol-password"}})
		s.must(http.StatusUnauthorized, request{method: "GET", path: "/api/v1/whoami", user: "carol"})
		s.must(http.StatusNoContent, request{method: "PUT", path: "/api/v1/users/carol/password", user: "boss", body: map[string]string{"password": "carol-password"}})
		s.must(http.StatusOK, request{method: "GET", path: "/api/v1/whoami", user: "carol"})
		s.must(http.StatusConflict, request{method: "DELETE", path: "/api/v1/users/boss", user: "boss"})
		s.must(http.StatusNoContent, request{method: "DELETE", path: "/api/v1/users/carol", user: "boss"})
		s.must(http.StatusUnauthorized, request{method: "GET", path: "/api/v1/whoami", user: "carol"})
	})
}

func zipOf(t *testing.T, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(name)
	if err == nil {
		_, err = f.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTemplates(t *testing.T) {
	s := mustServe(t)
	path := "/api/v1/templates/shop/versions/1.0"
	pushed := into[api.PushedTemplate](s.must(http.StatusCreated, request{method: "PUT", path: path + "?filename=shop.yaml", user: "alice", body: templateText}))
	if pushed.Version != "1.0" || pushed.Elements != 1 || len(pushed.Inputs) != 3 || pushed.CreatedBy != "alice" || pushed.Digest == "" {
		t.Fatalf("pushed = %+v", pushed)
	}
	if got := s.get(path + "/source"); string(got.body) != templateText {
		t.Fatalf("source = %q", got.body)
	}
	if strings.Contains(string(s.get(path).body), "hunter22") {
		t.Fatal("the default of a secret input is shown")
	}
	s.must(http.StatusCreated, request{method: "PUT", path: path, user: "alice", body: templateText})
	s.must(http.StatusConflict, request{method: "PUT", path: path, user: "alice", body: templateText + "# changed\n"})
	s.must(http.StatusCreated, request{method: "PUT", path: "/api/v1/templates/shop/versions/2.0?filename=shop.zip", user: "alice", body: zipOf(t, "blueprint.yaml", templateText)})
	if l := into[api.List[fairlead.Template]](s.get("/api/v1/templates")); len(l.Items) != 1 || len(l.Items[0].Versions) != 2 {
		t.Fatalf("templates = %+v", l)
	}
	check := into[api.TemplateCheck](s.must(http.StatusOK, request{method: "POST", path: "/api/v1/templates/validate?filename=x.yaml", user: "alice", body: "tosca_definitions_version: nothing\nmoon: 1\n"}))
	if len(check.Diagnostics) < 2 || check.Diagnostics[0].File != "x.yaml" || check.Diagnostics[0].Line == 0 {
		t.Fatalf("check = %+v", check)
	}
	s.must(http.StatusNoContent, request{method: "DELETE", path: path, user: "alice"})
	s.must(http.StatusNotFound, request{method: "GET", path: path, user: "alice"})
}

func TestStackLife(t *testing.T) {
	s := mustServe(t)
	s.push("1.0", templateText)
	create := map[string]any{"name": "shop", "template": "shop", "version": "1.0", "inputs": map[string]any{"text": "first", "size": 3}, "timeout": "5m"}

	plan := into[api.Preview](s.must(http.StatusOK, request{method: "POST", path: "/api/v1/stacks/preview", user: "alice", body: create}))
	if len(plan.Plan.Operations) != 1 || plan.Plan.Operations[0].Verb != fairlead.OpCreate {
		t.Fatalf("plan = %+v", plan)
	}
	s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/stacks/shop", user: "alice"})

	begun := into[api.Begun](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/stacks", user: "alice", body: create}))
	s.ended(begun.Action.ID)
	got := s.get("/api/v1/stacks/shop")
	st := into[fairlead.Stack](got)
	if st.Status != fairlead.StackRunning || st.Inputs["text"] != "first" || st.Inputs["size"] != 3.0 || strings.Contains(string(got.body), "hunter22") {
		t.Fatalf("stack = %s", got.body)
	}
	tag := got.header.Get("ETag")
	if tag != fmt.Sprintf("%q", fmt.Sprint(st.Revision)) {
		t.Fatalf("ETag = %q, revision %d", tag, st.Revision)
	}
	s.must(http.StatusConflict, request{method: "POST", path: "/api/v1/stacks", user: "alice", body: create})
	s.must(http.StatusConflict, request{method: "DELETE", path: "/api/v1/templates/shop/versions/1.0", user: "alice"})
	s.must(http.StatusConflict, request{method: "DELETE", path: "/api/v1/targets/local", user: "boss"})
	s.must(http.StatusConflict, request{method: "POST", path: "/api/v1/stacks/shop/cancel", user: "alice"})

	upgrade := request{method: "POST", path: "/api/v1/stacks/shop/upgrade", user: "alice", body: map[string]any{"inputs": map[string]any{"text": "second"}}, header: map[string]string{"If-Match": `"1"`}}
	if p := problem(s.must(http.StatusPreconditionFailed, upgrade)); p.Code != fairlead.Conflict {
		t.Fatalf("problem = %+v", p)
	}
	upgrade.header["If-Match"] = tag
	s.ended(into[api.Begun](s.must(http.StatusAccepted, upgrade)).Action.ID)
	if out := into[api.List[fairlead.Output]](s.get("/api/v1/stacks/shop/outputs")); len(out.Items) != 1 || out.Items[0].Value != "second" {
		t.Fatalf("outputs = %+v", out)
	}
	s.ended(into[api.Begun](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/stacks/shop/rollback", user: "alice"})).Action.ID)
	if out := into[api.List[fairlead.Output]](s.get("/api/v1/stacks/shop/outputs")); out.Items[0].Value != "first" {
		t.Fatalf("outputs after the rollback = %+v", out)
	}
	if l := into[api.List[fairlead.Record]](s.get("/api/v1/stacks/shop/elements")); len(l.Items) != 1 || l.Items[0].Element != "conf" {
		t.Fatalf("elements = %+v", l)
	}
	if l := into[api.List[fairlead.Action]](s.get("/api/v1/stacks/shop/actions?limit=2")); len(l.Items) != 2 || l.Next == "" || l.Items[0].Verb != fairlead.VerbRollback {
		t.Fatalf("actions = %+v", l)
	}
	events := s.get("/api/v1/stacks/shop/events?limit=500")
	if l := into[api.List[fairlead.Event]](events); len(l.Items) < 6 || strings.Contains(string(events.body), "hunter22") {
		t.Fatalf("events = %s", events.body)
	}
	s.ended(into[api.Begun](s.must(http.StatusAccepted, request{method: "DELETE", path: "/api/v1/stacks/shop", user: "alice"})).Action.ID)
	s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/stacks/shop", user: "alice"})
	s.get("/api/v1/stacks/shop/actions")
}

// ended waits, on the event stream, until an action has succeeded.
func (s *server) ended(action string) {
	s.t.Helper()
	stream := s.follow("/api/v1/events?action="+action, nil)
	defer stream.close()
	for stream.next() {
		a := into[fairlead.Action](s.get("/api/v1/actions/" + action))
		if fairlead.ActionMoves.Final(a.State) {
			if a.State != fairlead.ActionSucceeded {
				s.t.Fatalf("action %s is %s: %s", action, a.State, a.Message)
			}
			return
		}
	}
	s.t.Fatalf("the stream ended before the action: %v", stream.lines.Err())
}

func TestPipelineLife(t *testing.T) {
	s := mustServe(t)
	s.push("1.0", templateText)
	p := s.apply(pipelineText)
	if p.Name != "shop" || p.Revision != 1 || len(p.Webhooks) != 1 || p.Webhooks[0].URL != "http://fairlead.test"+p.Webhooks[0].Path {
		t.Fatalf("pipeline = %+v", p)
	}
	t.Run("If-Match guards a change", func(t *testing.T) {
		change := request{method: "PUT", path: "/api/v1/pipelines/shop", user: "alice", body: pipelineText + "# two\n", header: map[string]string{"If-Match": `"7"`}}
		s.must(http.StatusPreconditionFailed, change)
		change.header["If-Match"] = s.get("/api/v1/pipelines/shop").header.Get("ETag")
		if got := s.must(http.StatusOK, change).header.Get("ETag"); got != `"2"` {
			t.Fatalf("ETag = %s", got)
		}
		fresh := request{method: "PUT", path: "/api/v1/pipelines/fresh", user: "alice", body: strings.Replace(pipelineText, "name: shop", "name: fresh", 1), header: map[string]string{"If-Match": `"1"`}}
		s.must(http.StatusPreconditionFailed, fresh)
	})
	call := request{method: "POST", path: p.Webhooks[0].Path + "?text=from-query", header: map[string]string{"Idempotency-Key": "k1"}}
	first := into[api.HookAnswer](s.must(http.StatusAccepted, call))
	again := into[api.HookAnswer](s.must(http.StatusAccepted, call))
	if first.ID == "" || first.Run == "" || first != again {
		t.Fatalf("answers %+v and %+v", first, again)
	}
	t.Run("the log is followed to its end", func(t *testing.T) {
		stream := s.follow("/api/v1/runs/"+first.Run+"/logs", map[string]string{"Accept": "text/event-stream"})
		defer stream.close()
		lines := 0
		for stream.next() {
			if stream.event == "end" {
				break
			}
			lines++
		}
		if stream.event != "end" || lines < 3 {
			t.Fatalf("%d lines, last event %q", lines, stream.event)
		}
		all := into[api.List[fairlead.LogLine]](s.get("/api/v1/runs/" + first.Run + "/logs?limit=500"))
		back := into[api.List[fairlead.LogLine]](s.get("/api/v1/runs/" + first.Run + "/logs?limit=2&order=desc"))
		older := into[api.List[fairlead.LogLine]](s.get("/api/v1/runs/" + first.Run + "/logs?limit=2&order=desc&cursor=" + back.Next))
		if n := len(all.Items); len(back.Items) != 2 || back.Items[0] != all.Items[n-1] || len(older.Items) != 2 || older.Items[0] != all.Items[n-3] {
			t.Errorf("backwards: %+v, then %+v", back, older)
		}
		found := into[api.List[fairlead.LogLine]](s.get("/api/v1/runs/" + first.Run + "/logs?q=SUCCEEDED"))
		if len(found.Items) == 0 || !strings.Contains(found.Items[0].Text, "succeeded") {
			t.Errorf("search: %+v", found)
		}
		text := string(s.get("/api/v1/runs/" + first.Run + "/log.txt").body)
		if strings.Count(text, "\n") != len(all.Items) || !strings.Contains(text, all.Items[1].Text) {
			t.Errorf("as text:\n%s", text)
		}
		ofStage := slices.DeleteFunc(slices.Clone(all.Items), func(l fairlead.LogLine) bool { return l.Stage != "deploy" })
		text = string(s.get("/api/v1/runs/" + first.Run + "/log.txt?stage=deploy").body)
		if n := len(ofStage); n == 0 || n == len(all.Items) || strings.Count(text, "\n") != n || !strings.Contains(text, ofStage[n-1].Text) {
			t.Errorf("%d of %d lines are of the stage; as text:\n%s", n, len(all.Items), text)
		}
		if len(all.Items) != lines {
			t.Errorf("the list has %d lines, the stream had %d", len(all.Items), lines)
		}
	})
	run := into[fairlead.Run](s.get("/api/v1/runs/" + first.Run))
	if run.State != fairlead.RunSucceeded || run.Variables["text"] != "from-query" || run.Cause != "webhook" {
		t.Fatalf("run = %+v", run)
	}
	s.must(http.StatusConflict, request{method: "POST", path: "/api/v1/runs/" + run.ID + "/stop", user: "alice"})
	manual := into[fairlead.Run](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/pipelines/shop/runs", user: "alice", body: map[string]any{"variables": map[string]string{"text": "by hand"}}}))
	if manual.By != "alice" || manual.Variables["text"] != "by hand" {
		t.Fatalf("run = %+v", manual)
	}
	if l := into[api.List[fairlead.Run]](s.get("/api/v1/pipelines/shop/runs")); len(l.Items) != 2 || l.Items[0].ID != manual.ID {
		t.Fatalf("runs = %+v", l)
	}
	s.runEnded(manual.ID)
	s.must(http.StatusNoContent, request{method: "DELETE", path: "/api/v1/pipelines/shop", user: "alice"})
	s.must(http.StatusNotFound, call)
}

func (s *server) runEnded(id string) {
	s.t.Helper()
	stream := s.follow("/api/v1/runs/"+id+"/logs", nil)
	defer stream.close()
	for stream.next() {
		if stream.event == "end" {
			return
		}
	}
	s.t.Fatalf("the log of run %s did not end: %v", id, stream.lines.Err())
}

func TestImages(t *testing.T) {
	s := mustServe(t)
	org := into[fairlead.Organization](s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/organizations", user: "alice", body: map[string]any{"name": "team", "public": true}}))
	if org.Name != "team" || !org.Public || org.CreatedBy != "alice" {
		t.Fatalf("organization = %+v", org)
	}
	if l := into[api.List[fairlead.Repository]](s.get("/api/v1/organizations/team/repositories")); len(l.Items) != 0 {
		t.Fatalf("repositories = %+v", l)
	}
	s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/organizations/moon/repositories", user: "alice"})
	s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/tags?image=team/shop", user: "alice"})
	s.must(http.StatusNotFound, request{method: "DELETE", path: "/api/v1/tags?image=team/shop:1.0", user: "alice"})
	s.must(http.StatusNoContent, request{method: "DELETE", path: "/api/v1/organizations/team", user: "alice"})
}

func TestTargets(t *testing.T) {
	s := mustServe(t)
	s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/targets", user: "boss", body: map[string]string{"name": "second", "kind": "engine", "host": "unix:///x"}})
	if l := into[api.List[fairlead.Target]](s.get("/api/v1/targets?limit=1")); len(l.Items) != 1 || l.Next != "local" {
		t.Fatalf("targets = %+v", l)
	}
	if c := into[fairlead.TargetCheck](s.must(http.StatusOK, request{method: "POST", path: "/api/v1/targets/second/check", user: "alice"})); !c.OK {
		t.Fatalf("check = %+v", c)
	}
	s.must(http.StatusNoContent, request{method: "DELETE", path: "/api/v1/targets/second", user: "boss"})
	s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/targets/second", user: "boss"})
}
