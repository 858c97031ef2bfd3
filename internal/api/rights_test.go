package api_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/api"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

// right is what a route answers to those who ask, in the order of askers: a status, "ok" for anything but 401, 403 and 404, or
// "may" for anything but 401 and 403. path and body may hold {me}, the name of the asker, and what the scene has made.
type right struct {
	route, path, want string
	body              any
	silent            bool // it cannot be brought to succeed here, so the audit log of its success is not looked at
}

// askers have no role, read, edit and manage in group team; boss is administrator.
var askers = []string{"outsider", "reader", "editor", "manager", "boss"}

const (
	all     = "ok ok ok ok ok"
	allMay  = "may may may may may"
	change  = "403 403 ok ok ok"
	remove  = "403 403 403 ok ok"
	admin   = "403 403 403 403 ok"
	reads   = "404 ok ok ok ok"
	edits   = "404 403 ok ok ok"
	manages = "404 403 403 ok ok"
)

type object map[string]any

// rights has a row for every route that needs credentials; those that delete come last. A route without a row fails the test.
var rights = []right{
	{route: "GET /api/v1/whoami", want: all},
	{route: "GET /api/v1/users", want: admin},
	{route: "POST /api/v1/users", want: admin, body: object{"name": "new-{me}", "password": "new-password"}},
	{route: "GET /api/v1/users/{name}", path: "/api/v1/users/reader", want: "403 ok 403 403 ok"},
	{route: "PATCH /api/v1/users/{name}", path: "/api/v1/users/reader", want: "403 ok 403 403 ok", body: object{"email": "reader@example.com"}},
	{route: "PUT /api/v1/users/{name}/password", path: "/api/v1/users/bystander/password", want: admin, body: object{"password": "other-password"}},
	{route: "GET /api/v1/tokens", want: all},
	{route: "POST /api/v1/tokens", want: all, body: object{"name": "ci"}},
	{route: "DELETE /api/v1/tokens/{id}", path: "/api/v1/tokens/{token-{me}}", want: all},

	{route: "GET /api/v1/groups", want: all},
	{route: "POST /api/v1/groups", want: "403 403 403 ok ok", body: object{"name": "new-{me}"}},
	{route: "GET /api/v1/groups/{name}", path: "/api/v1/groups/team", want: reads},
	{route: "PATCH /api/v1/groups/{name}", path: "/api/v1/groups/team", want: manages, body: object{"description": "by {me}"}},
	{route: "GET /api/v1/groups/{name}/members", path: "/api/v1/groups/team/members", want: reads},
	{route: "PUT /api/v1/groups/{name}/members/{user}", path: "/api/v1/groups/team/members/bystander", want: manages, body: object{"role": "read"}},
	{route: "DELETE /api/v1/groups/{name}/members/{user}", path: "/api/v1/groups/team/members/{member-{me}}", want: manages},

	{route: "GET /api/v1/pipelines", want: all},
	{route: "POST /api/v1/pipelines/validate", want: all, body: "name: x"},
	{route: "GET /api/v1/pipelines/{name}", path: "/api/v1/pipelines/shop", want: reads},
	{route: "PUT /api/v1/pipelines/{name}", path: "/api/v1/pipelines/new-{me}", want: edits, body: strings.Replace(heldText, "name: shop", "name: new-{me}", 1)},
	{route: "POST /api/v1/pipelines/{name}/webhooks", path: "/api/v1/pipelines/shop/webhooks", want: edits, body: object{"condition": "start.conditions[0]", "rotate": true}},
	{route: "GET /api/v1/pipelines/{name}/messages", path: "/api/v1/pipelines/shop/messages", want: reads},
	{route: "POST /api/v1/pipelines/{name}/runs", path: "/api/v1/pipelines/shop/runs", want: reads, body: object{}},
	{route: "GET /api/v1/pipelines/{name}/runs", path: "/api/v1/pipelines/shop/runs", want: reads},
	{route: "GET /api/v1/runs", want: all},
	{route: "GET /api/v1/runs/{id}", path: "/api/v1/runs/{run}", want: reads},
	{route: "GET /api/v1/runs/{id}/logs", path: "/api/v1/runs/{run}/logs", want: reads},
	{route: "GET /api/v1/runs/{id}/log.txt", path: "/api/v1/runs/{run}/log.txt", want: reads},
	{route: "GET /api/v1/runs/{id}/diff/{other}", path: "/api/v1/runs/{run}/diff/{run}", want: reads},
	{route: "GET /api/v1/runs/{id}/notifications", path: "/api/v1/runs/{run}/notifications", want: reads},
	{route: "POST /api/v1/runs/{id}/notifications/{nid}/resend", path: "/api/v1/runs/{run}/notifications/x/resend", want: "404 may may may may", silent: true},
	{route: "POST /api/v1/runs/{id}/rollback", path: "/api/v1/runs/{run}/rollback", want: reads, body: object{"stage": "look"}, silent: true},
	{route: "POST /api/v1/runs/{id}/review", path: "/api/v1/runs/{run}/review", want: "404 403 403 ok 409", body: object{"stage": "look", "approve": false}},
	{route: "POST /api/v1/runs/{id}/retry", path: "/api/v1/runs/{run}/retry", want: reads, body: object{"stage": "look"}},
	{route: "POST /api/v1/runs/{id}/stop", path: "/api/v1/runs/{second}/stop", want: reads},

	{route: "POST /api/v1/pipelines/{name}/export", path: "/api/v1/pipelines/shop/export", want: edits, body: object{"template": "export-{me}"}},
	{route: "GET /api/v1/pipeline-templates", want: all},
	{route: "GET /api/v1/pipeline-templates/{name}", path: "/api/v1/pipeline-templates/ours", want: all},
	{route: "PUT /api/v1/pipeline-templates/{name}", path: "/api/v1/pipeline-templates/new-{me}", want: change, body: object{"source": "{source}"}},
	{route: "POST /api/v1/pipeline-templates/{name}/render", path: "/api/v1/pipeline-templates/ours/render", want: all, body: object{"values": object{"name": "x"}}},
	{route: "DELETE /api/v1/pipeline-templates/{name}", path: "/api/v1/pipeline-templates/new-{me}", want: "403 403 403 ok ok"},

	{route: "GET /api/v1/templates", want: all},
	{route: "POST /api/v1/templates/validate", want: all, body: templateText},
	{route: "GET /api/v1/templates/{name}", path: "/api/v1/templates/shop", want: all},
	{route: "GET /api/v1/templates/{name}/versions/{version}", path: "/api/v1/templates/shop/versions/1.0", want: all},
	{route: "GET /api/v1/templates/{name}/versions/{version}/source", path: "/api/v1/templates/shop/versions/1.0/source", want: all},
	{route: "GET /api/v1/templates/{name}/versions/{version}/package", path: "/api/v1/templates/shop/versions/1.0/package", want: allMay},
	{route: "PUT /api/v1/templates/{name}/versions/{version}", path: "/api/v1/templates/new-{me}/versions/1.0", want: change, body: templateText},
	{route: "DELETE /api/v1/templates/{name}/versions/{version}", path: "/api/v1/templates/new-{me}/versions/1.0", want: "403 403 403 may may"},

	{route: "GET /api/v1/targets", want: all},
	{route: "POST /api/v1/targets", want: admin, body: object{"name": "cluster-{me}", "kind": "kubernetes", "kubeconfig": "x"}},
	{route: "GET /api/v1/targets/{name}", path: "/api/v1/targets/local", want: all},
	{route: "PUT /api/v1/targets/{name}/credentials", path: "/api/v1/targets/cluster-boss/credentials", want: admin, body: object{"kubeconfig": "y"}},
	{route: "PATCH /api/v1/targets/{name}", path: "/api/v1/targets/local", want: admin, body: object{"limits": object{"stages": 9}}},
	{route: "POST /api/v1/targets/{name}/check", path: "/api/v1/targets/local/check", want: all},
	{route: "DELETE /api/v1/targets/{name}", path: "/api/v1/targets/cluster-boss", want: admin},

	{route: "GET /api/v1/stacks", want: all},
	{route: "POST /api/v1/stacks", want: change, body: object{"name": "new-{me}", "template": "shop", "version": "1.0"}},
	{route: "POST /api/v1/stacks/preview", want: all, body: object{"name": "x", "template": "shop", "version": "1.0"}},
	{route: "GET /api/v1/stacks/{name}", path: "/api/v1/stacks/app", want: all},
	{route: "PATCH /api/v1/stacks/{name}", path: "/api/v1/stacks/app", want: change, body: object{"description": "by {me}"}},
	{route: "POST /api/v1/stacks/{name}/upgrade", path: "/api/v1/stacks/app/upgrade", want: change, body: object{"inputs": object{"text": "{me}"}}},
	{route: "POST /api/v1/stacks/{name}/rollback", path: "/api/v1/stacks/app/rollback", want: "403 403 may may may", silent: true},
	{route: "POST /api/v1/stacks/{name}/retry", path: "/api/v1/stacks/app/retry", want: change, silent: true},
	{route: "POST /api/v1/stacks/{name}/cancel", path: "/api/v1/stacks/app/cancel", want: change, silent: true},
	{route: "POST /api/v1/stacks/{name}/copy", path: "/api/v1/stacks/app/copy", want: change, body: object{"name": "copy-{me}", "namespace": "copy-{me}"}, silent: true},
	{route: "POST /api/v1/stacks/{name}/export", path: "/api/v1/stacks/app/export", want: all},
	{route: "GET /api/v1/stacks/{name}/history", path: "/api/v1/stacks/app/history", want: all},
	{route: "GET /api/v1/stacks/{name}/drift", path: "/api/v1/stacks/app/drift", want: all},
	{route: "GET /api/v1/stacks/{name}/elements", path: "/api/v1/stacks/app/elements", want: all},
	{route: "GET /api/v1/stacks/{name}/outputs", path: "/api/v1/stacks/app/outputs", want: all},
	{route: "GET /api/v1/stacks/{name}/actions", path: "/api/v1/stacks/app/actions", want: all},
	{route: "GET /api/v1/stacks/{name}/events", path: "/api/v1/stacks/app/events", want: all},
	{route: "GET /api/v1/actions/{id}", path: "/api/v1/actions/{action}", want: all},
	{route: "DELETE /api/v1/stacks/{name}", path: "/api/v1/stacks/gone", want: "403 403 403 may may"},

	{route: "GET /api/v1/locks", want: all},
	{route: "GET /api/v1/freezes", want: all},
	{route: "POST /api/v1/freezes", want: edits, body: object{"scope": "pipeline", "name": "shop", "until": soon(), "reason": "by {me}"}},
	{route: "GET /api/v1/freezes/{id}", path: "/api/v1/freezes/{freeze-boss}", want: reads},
	{route: "DELETE /api/v1/freezes/{id}", path: "/api/v1/freezes/{freeze-{me}}", want: edits},

	{route: "GET /api/v1/channels", want: all},
	{route: "PUT /api/v1/channels/{name}", path: "/api/v1/channels/new-{me}", want: change, body: object{}},
	{route: "GET /api/v1/channels/{name}", path: "/api/v1/channels/built", want: all},
	{route: "POST /api/v1/channels/{name}/messages", path: "/api/v1/channels/built/messages", want: change, body: object{}},
	{route: "GET /api/v1/channels/{name}/messages", path: "/api/v1/channels/built/messages", want: all},
	{route: "GET /api/v1/channels/{name}/messages/{id}", path: "/api/v1/channels/built/messages/{message}", want: all},
	{route: "POST /api/v1/channels/{name}/messages/{id}/replay", path: "/api/v1/channels/built/messages/{message}/replay", want: change},
	{route: "DELETE /api/v1/channels/{name}", path: "/api/v1/channels/new-{me}", want: "403 403 403 may may"},

	{route: "GET /api/v1/organizations", want: all},
	{route: "POST /api/v1/organizations", want: change, body: object{"name": "new-{me}"}},
	{route: "GET /api/v1/organizations/{org}/repositories", path: "/api/v1/organizations/images/repositories", want: all},
	{route: "DELETE /api/v1/organizations/{org}", path: "/api/v1/organizations/new-{me}", want: "403 403 403 may may"},
	{route: "GET /api/v1/tags", path: "/api/v1/tags?image=images/none", want: allMay},
	{route: "DELETE /api/v1/tags", path: "/api/v1/tags?image=images/none:1.0", want: "403 403 403 may may", silent: true},

	{route: "GET /api/v1/settings", want: admin},
	{route: "POST /api/v1/settings/test", want: admin, body: object{"by": "email"}},
	{route: "GET /api/v1/events", want: all},
	{route: "GET /api/v1/audit", want: all},

	{route: "DELETE /api/v1/pipelines/{name}", path: "/api/v1/pipelines/idle", want: "404 403 403 ok may"},
	{route: "DELETE /api/v1/groups/{name}", path: "/api/v1/groups/empty", want: "404 403 403 ok may"},
	{route: "DELETE /api/v1/users/{name}", path: "/api/v1/users/bystander", want: admin},
	{route: "POST /api/v1/logout", want: all},
}

// soon is a time to come.
func soon() string { return time.Now().Add(time.Hour).UTC().Format(time.RFC3339) }

// heldText is a pipeline whose runs wait for manager.
const heldText = `name: shop
group: team
start:
  conditions:
    - webhook: {}
    - channel: {name: built}
stages:
  - {name: look, type: review, review: {mode: one, users: [manager]}}
`

// scene makes what the rows of rights are about, and returns what stands for the names in braces.
func (s *server) scene() *strings.Replacer {
	s.t.Helper()
	for _, group := range []string{"team", "empty"} {
		s.write(func(tx *store.Tx) error { return tx.CreateGroup(s.t.Context(), &fairlead.Group{Name: group}) })
	}
	s.user(fairlead.User{Name: "bystander"})
	names := []string{}
	for i, name := range askers[:4] {
		s.user(fairlead.User{Name: name})
		if i > 0 {
			s.grant("team", name, []fairlead.Role{"", "read", "edit", "manage"}[i])
			s.grant("empty", name, []fairlead.Role{"", "read", "edit", "manage"}[i])
		}
	}
	for _, name := range askers {
		member := "member-" + name
		s.user(fairlead.User{Name: member})
		s.grant("team", member, fairlead.RoleRead)
		token := into[api.NewToken](s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/tokens", user: name, body: object{"name": "scene"}}))
		names = append(names, "{member-"+name+"}", member, "{token-"+name+"}", token.ID)
	}
	s.push("1.0", templateText)
	begun := into[api.Begun](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/stacks", user: "boss", body: object{"name": "app", "template": "shop", "version": "1.0"}}))
	s.ended(begun.Action.ID)
	gone := into[api.Begun](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/stacks", user: "boss", body: object{"name": "gone", "template": "shop", "version": "1.0", "namespace": "gone"}}))
	s.ended(gone.Action.ID)
	for name, text := range map[string]string{"shop": heldText, "idle": strings.NewReplacer("name: shop", "name: idle", "    - channel: {name: built}\n", "").Replace(heldText)} {
		s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/pipelines/" + name, user: "boss", body: text})
	}
	s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/organizations", user: "boss", body: object{"name": "images"}})
	start := func() string {
		return into[fairlead.Run](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/pipelines/shop/runs", user: "boss"})).ID
	}
	run, second := start(), start()
	for _, name := range askers {
		freeze := into[fairlead.Freeze](s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/freezes", user: "boss",
			body: object{"scope": "pipeline", "name": "shop", "until": soon(), "reason": "for " + name}}))
		names = append(names, "{freeze-"+name+"}", freeze.ID)
	}
	s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/channels/quiet", user: "boss", body: object{}})
	message := into[fairlead.ChannelMessage](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/channels/built/messages", user: "boss", body: object{}}))
	ours := into[fairlead.PipelineTemplate](s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/pipelines/shop/export", user: "boss", body: object{"template": "ours"}}))
	return strings.NewReplacer(append(names, "{source}", ours.Source, "{run}", run, "{second}", second, "{action}", begun.Action.ID, "{message}", message.ID)...)
}

// TestRightsOfEveryRoute walks all routes of the document with everybody who may ask, and looks at the answers and at the audit
// log: what changed something and what was refused leaves one entry, what only reads leaves none.
func TestRightsOfEveryRoute(t *testing.T) {
	s := mustServeWith(t, func(cfg *api.Config) {
		cfg.SendTest = func(context.Context, string, fairlead.User) error { return nil }
	})
	fill := s.scene()
	doc := into[document](s.get("/api/openapi.json"))
	rows := map[string]bool{}
	for _, r := range rights {
		rows[r.route] = true
		method, path, _ := strings.Cut(r.route, " ")
		op, ok := doc.Paths[path][strings.ToLower(method)]
		if !ok {
			t.Errorf("%s is not in the document", r.route)
			continue
		}
		succeeded := false
		for i, want := range strings.Fields(r.want) {
			succeeded = s.ask(r, op.OperationID, askers[i], want, fill) || succeeded
		}
		if !succeeded && !r.silent && method != "GET" {
			t.Errorf("%s: nobody succeeded, so nothing is known about its entry in the audit log", r.route)
		}
	}
	for _, route := range doc.routes() {
		method, path, _ := strings.Cut(route, " ")
		if !rows[route] && len(doc.Paths[path][strings.ToLower(method)].Security) > 0 {
			t.Errorf("%s has no row in rights", route)
		}
	}
}

// onlyReads are the operations that change nothing although their method is not GET.
var onlyReads = []string{"validateTemplate", "validatePipeline", "renderPipelineTemplate", "previewStack", "checkTarget"}

// ask calls a route as somebody and reports whether that succeeded.
func (s *server) ask(r right, operation, me, want string, fill *strings.Replacer) bool {
	s.t.Helper()
	method, path, _ := strings.Cut(r.route, " ")
	if r.path != "" {
		path = r.path
	}
	put := func(text string) string { return fill.Replace(strings.ReplaceAll(text, "{me}", me)) }
	body := r.body
	switch b := body.(type) {
	case string:
		body = put(b)
	case object:
		body = b.with(put)
	}
	before := s.audited(operation)
	got := s.do(request{method: method, path: put(path), user: me, body: body})
	if ok := want == fmt.Sprint(got.status) || want == "ok" && !slices.Contains([]int{401, 403, 404, 422, 500}, got.status) ||
		want == "may" && !slices.Contains([]int{401, 403, 422, 500}, got.status); !ok {
		s.t.Errorf("%s as %s: status %d, want %s: %s", r.route, me, got.status, want, got.body)
		return false
	}
	news := s.audited(operation)[len(before):]
	switch {
	case method == "GET" || slices.Contains(onlyReads, operation):
		if len(news) != 0 {
			s.t.Errorf("%s as %s: it only reads and left %+v", r.route, me, news)
		}
	case got.status < 300:
		if len(news) != 1 || news[0].Result != fairlead.AuditDone || news[0].User != me || news[0].Via != "password" || news[0].Address != "127.0.0.1" ||
			news[0].Verb == "" || news[0].Kind == "" || news[0].Time.IsZero() || news[0].Name == "" {
			s.t.Errorf("%s as %s: status %d left %+v", r.route, me, got.status, news)
		}
	case want == "403" || want == "404":
		if len(news) != 1 || news[0].Result != fairlead.AuditRefused || news[0].User != me || news[0].Detail == "" {
			s.t.Errorf("%s as %s: the refusal left %+v", r.route, me, news)
		}
	}
	return got.status < 300
}

// with puts values into the texts of an object.
func (o object) with(put func(string) string) object {
	out := object{}
	for key, value := range o {
		switch v := value.(type) {
		case string:
			value = put(v)
		case object:
			value = v.with(put)
		}
		out[key] = value
	}
	return out
}

// audited reads the entries of one operation, oldest first.
func (s *server) audited(operation string) (list []fairlead.AuditEntry) {
	s.t.Helper()
	err := s.db.Read(s.t.Context(), func(tx *store.Tx) error {
		all, _, err := tx.AuditLog(s.t.Context(), store.Everything, store.AuditFilter{}, 10_000, "")
		for _, e := range all {
			if e.Operation == operation {
				list = append(list, e)
			}
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Reverse(list)
	return list
}

// TestHiddenLooksLikeGone compares the answers about what one may not see with those about what is not there.
func TestHiddenLooksLikeGone(t *testing.T) {
	s := mustServe(t)
	fill := s.scene()
	for _, r := range rights {
		if !strings.HasPrefix(r.want, "404") || r.path == "" || strings.Contains(r.path, "new-") {
			continue
		}
		t.Run(r.route, func(t *testing.T) {
			method, _, _ := strings.Cut(r.route, " ")
			path := fill.Replace(strings.ReplaceAll(r.path, "{me}", "outsider"))
			there := strings.Split(path, "/")[4]
			hidden := s.must(http.StatusNotFound, request{method: method, path: path, user: "outsider", body: r.body})
			gone := s.must(http.StatusNotFound, request{method: method, path: strings.ReplaceAll(path, there, "nowhere"), user: "outsider", body: r.body})
			if h, g := strings.ReplaceAll(string(hidden.body), there, "nowhere"), string(gone.body); h != g {
				t.Errorf("hidden: %s\ngone: %s", h, g)
			}
		})
	}
}

// TestListsShowWhatOneMaySee looks at what lists show to people with roles in different groups: shop and idle are pipelines of
// team, mine is one of the default group, which alice manages.
func TestListsShowWhatOneMaySee(t *testing.T) {
	s := mustServe(t)
	s.scene()
	mine := strings.NewReplacer("name: shop", "name: mine", "group: team", "group: default").Replace(heldText)
	s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/pipelines/mine", user: "alice", body: mine})
	run := into[fairlead.Run](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/pipelines/mine/runs", user: "alice"}))
	s.must(http.StatusNoContent, request{method: "DELETE", path: "/api/v1/pipelines/idle", user: "manager"})
	read := func(user, path string) reply {
		t.Helper()
		return s.must(http.StatusOK, request{method: "GET", path: path, user: user})
	}
	t.Run("pipelines, page by page", func(t *testing.T) {
		for user, want := range map[string]string{"outsider": "", "reader": "shop", "alice": "mine", "boss": "mine shop"} {
			var names []string
			for path := "/api/v1/pipelines?limit=1"; path != ""; {
				l := into[api.List[fairlead.Pipeline]](read(user, path))
				path = ""
				for _, p := range l.Items {
					names = append(names, p.Name)
				}
				if l.Next != "" {
					path = "/api/v1/pipelines?limit=1&cursor=" + l.Next
				}
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("%s sees %q, want %q", user, got, want)
			}
		}
	})
	t.Run("events, also of what is no more", func(t *testing.T) {
		for user, want := range map[string]string{"outsider": "", "reader": "idle shop", "alice": "mine", "boss": "idle mine shop"} {
			names := map[string]bool{}
			for _, e := range into[api.List[fairlead.Event]](read(user, "/api/v1/events?kind=pipeline&limit=500")).Items {
				names[e.Name] = true
			}
			if got := strings.Join(slices.Sorted(maps.Keys(names)), " "); got != want {
				t.Errorf("%s sees events of %q, want %q", user, got, want)
			}
			own := false
			for _, e := range into[api.List[fairlead.Event]](read(user, "/api/v1/events?kind=run&limit=500")).Items {
				own = own || e.Name == run.ID
			}
			if want := user == "alice" || user == "boss"; own != want {
				t.Errorf("%s sees events of the run of mine: %v, want %v", user, own, want)
			}
		}
	})
	t.Run("freezes and their events", func(t *testing.T) {
		for _, body := range []object{{"scope": "all"}, {"scope": "target", "name": "local"}, {"scope": "group", "name": "empty"}, {"scope": "group", "name": "default"}} {
			body["until"], body["reason"] = soon(), "a release"
			s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/freezes", user: "boss", body: body})
		}
		for user, want := range map[string]string{"outsider": "all,target local", "reader": "all,group empty,pipeline shop,target local",
			"alice": "all,group default,target local", "boss": "all,group default,group empty,pipeline shop,target local"} {
			names, ids, said := map[string]bool{}, map[string]bool{}, map[string]bool{}
			for _, f := range into[api.List[fairlead.Freeze]](read(user, "/api/v1/freezes?limit=500")).Items {
				names[strings.TrimSpace(string(f.Scope)+" "+f.Name)] = true
				ids[f.ID] = true
			}
			if got := strings.Join(slices.Sorted(maps.Keys(names)), ","); got != want {
				t.Errorf("%s sees %q, want %q", user, got, want)
			}
			for _, e := range into[api.List[fairlead.Event]](read(user, "/api/v1/events?kind=freeze&limit=500")).Items {
				said[e.Name] = true
			}
			if !maps.Equal(ids, said) {
				t.Errorf("%s sees events of %v, want those of %v", user, said, ids)
			}
		}
	})
	t.Run("listeners of a channel", func(t *testing.T) {
		for user, want := range map[string]string{"outsider": "", "reader": "shop/start.conditions[1]", "alice": "mine/start.conditions[1]",
			"boss": "mine/start.conditions[1] shop/start.conditions[1]"} {
			if got := strings.Join(into[fairlead.Channel](read(user, "/api/v1/channels/built")).Listeners, " "); got != want {
				t.Errorf("%s sees %q, want %q", user, got, want)
			}
		}
	})
	t.Run("the audit log, to those who manage", func(t *testing.T) {
		for user, want := range map[string]string{"outsider": "", "reader": "", "editor": "", "manager": "empty team", "alice": "default"} {
			entries := into[api.List[fairlead.AuditEntry]](read(user, "/api/v1/audit?limit=500")).Items
			groups := map[string]bool{}
			for _, e := range entries {
				groups[e.Group] = true
			}
			if got := strings.Join(slices.Sorted(maps.Keys(groups)), " "); got != want {
				t.Errorf("%s sees entries of %q, want %q", user, got, want)
			}
		}
	})
	t.Run("addresses of webhooks, to those who may change the pipeline", func(t *testing.T) {
		for user, want := range map[string]bool{"reader": false, "editor": true, "boss": true} {
			hook := into[fairlead.Pipeline](read(user, "/api/v1/pipelines/shop")).Webhooks[0]
			if got := hook.Path != "" && hook.URL != ""; got != want {
				t.Errorf("%s sees the address: %v, want %v", user, got, want)
			}
		}
	})
}

// TestStacksDoNotNamePipelines: a stack is seen by everybody, and a pipeline that works on it only by those of its group.
func TestStacksDoNotNamePipelines(t *testing.T) {
	s := mustServe(t)
	s.scene()
	const text = `name: secret-plan
group: team
stages:
  - {name: deploy, type: template-deploy, deploy: {tool: aos, stack: made, namespace: made, create: true, template: shop, version: "1.0"}}
`
	s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/pipelines/secret-plan", user: "boss", body: text})
	run := into[fairlead.Run](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/pipelines/secret-plan/runs", user: "boss"})).ID
	stream := s.follow("/api/v1/runs/"+run+"/logs", nil)
	for stream.next() { // it ends with the run
	}
	stream.close()
	// The next action stays at work.
	s.world.Set("conf", stacktest.Behaviour{Steps: 1_000_000})
	s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/pipelines/secret-plan", user: "boss", body: strings.Replace(text, `version: "1.0"`, `version: "1.0", parameters: {text: other}`, 1)})
	run = into[fairlead.Run](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/pipelines/secret-plan/runs", user: "boss"})).ID
	events := s.follow("/api/v1/stacks/made/events", nil)
	for n := 0; n < 2 && events.next(); {
		if strings.Contains(events.data, `"type":"action-begun"`) {
			n++
		}
	}
	events.close()
	action := into[fairlead.Stack](s.get("/api/v1/stacks/made")).Action
	for user, sees := range map[string]bool{"outsider": false, "alice": false, "reader": true, "boss": true} {
		named := 0
		for _, path := range []string{"/api/v1/stacks", "/api/v1/stacks/made", "/api/v1/stacks/made/actions", "/api/v1/stacks/made/history", "/api/v1/stacks/made/events", "/api/v1/actions/" + action} {
			body := string(s.must(http.StatusOK, request{method: "GET", path: path, user: user}).body)
			if strings.Contains(body, "secret-plan") {
				named++
			}
			if !sees && strings.Contains(body, run) {
				t.Errorf("%s: %s tells the id of the run: %s", user, path, body)
			}
		}
		if want := map[bool]int{true: 6}[sees]; named != want {
			t.Errorf("%s reads the name of the pipeline at %d places, want %d", user, named, want)
		}
	}
	p := problem(s.must(http.StatusConflict, request{method: "POST", path: "/api/v1/stacks/made/upgrade", user: "alice", body: object{"inputs": object{"text": "x"}}}))
	if !strings.Contains(p.Detail, "by a pipeline since") {
		t.Errorf("alice is told: %s", p.Detail)
	}
	p = problem(s.must(http.StatusConflict, request{method: "POST", path: "/api/v1/stacks/made/upgrade", user: "editor", body: object{"inputs": object{"text": "x"}}}))
	if !strings.Contains(p.Detail, "by pipeline secret-plan, run 2 in run "+run) {
		t.Errorf("editor is told: %s", p.Detail)
	}
	// A pipeline of another group waits for the stack.
	s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/pipelines/other", user: "alice", body: strings.NewReplacer("secret-plan", "other", "group: team", "group: default").Replace(text)})
	other := into[fairlead.Run](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/pipelines/other/runs", user: "alice"})).ID
	log := s.follow("/api/v1/runs/"+other+"/logs", nil)
	defer log.close()
	for log.next() {
		if strings.Contains(log.data, "secret-plan") {
			t.Fatalf("the log of another group says: %s", log.data)
		}
		if strings.Contains(log.data, "is busy") {
			break
		}
	}
	got := into[fairlead.Run](s.must(http.StatusOK, request{method: "GET", path: "/api/v1/runs/" + other, user: "alice"}))
	if !strings.Contains(got.WaitingFor, `stack "made" is busy: upgrade to shop@1.0 by a pipeline since`) {
		t.Errorf("waits for %q", got.WaitingFor)
	}
}

func TestReviewersSeeTheirRun(t *testing.T) {
	s := mustServe(t)
	s.scene()
	text := strings.NewReplacer("name: shop", "name: idle", "    - channel: {name: built}\n", "", "users: [manager]", "users: [bystander], groups: [{group: default, role: manage}]").Replace(heldText)
	s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/pipelines/idle", user: "editor", body: text})
	run := into[fairlead.Run](s.must(http.StatusAccepted, request{method: "POST", path: "/api/v1/pipelines/idle/runs", user: "reader"}))
	for _, user := range []string{"bystander", "alice"} { // alice manages the default group; both see the run and no more
		s.must(http.StatusOK, request{method: "GET", path: "/api/v1/runs/" + run.ID, user: user})
		s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/pipelines/idle", user: user})
		s.must(http.StatusForbidden, request{method: "POST", path: "/api/v1/runs/" + run.ID + "/stop", user: user})
	}
	s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/runs/" + run.ID, user: "outsider"})
	s.must(http.StatusForbidden, request{method: "POST", path: "/api/v1/runs/" + run.ID + "/review", user: "reader", body: object{"stage": "look", "approve": true}})
	s.must(http.StatusOK, request{method: "POST", path: "/api/v1/runs/" + run.ID + "/review", user: "alice", body: object{"stage": "look", "approve": false}})
}

// TestMovingAPipeline tells that a file takes a pipeline to another group only with the right in both.
func TestMovingAPipeline(t *testing.T) {
	s := mustServe(t)
	s.scene()
	s.grant("default", "editor", fairlead.RoleRead)
	moved := strings.Replace(heldText, "group: team", "group: default", 1)
	to := func(status int, user, text string) {
		t.Helper()
		s.must(status, request{method: "PUT", path: "/api/v1/pipelines/shop", user: user, body: text})
	}
	to(http.StatusForbidden, "editor", moved) // reads where it would go
	to(http.StatusConflict, "alice", moved)   // edits where it would go, and does not see where it is
	to(http.StatusNotFound, "editor", strings.Replace(heldText, "group: team", "group: secret", 1))
	s.grant("default", "editor", fairlead.RoleEdit)
	before := len(s.audited("applyPipeline"))
	to(http.StatusOK, "editor", moved)
	var told []string
	for _, e := range s.audited("applyPipeline")[before:] {
		told = append(told, strings.TrimSpace(strings.Join([]string{e.User, e.Verb, e.Kind, e.Name, e.Group, e.Result, e.Detail}, " ")))
	}
	slices.Sort(told)
	if want := []string{"editor change pipelines shop default done", "editor change pipelines shop team done moved to group default"}; !slices.Equal(told, want) {
		t.Errorf("the move left %q, want %q", told, want)
	}
	s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/pipelines/shop", user: "reader"})
	s.must(http.StatusOK, request{method: "GET", path: "/api/v1/pipelines/shop", user: "alice"})
}

// TestAuditOfWhatFailsHalfWay deletes a pipeline with so many runs that it takes several transactions, one of which fails.
func TestAuditOfWhatFailsHalfWay(t *testing.T) {
	s := mustServe(t)
	s.must(http.StatusOK, request{method: "PUT", path: "/api/v1/pipelines/shop", user: "boss", body: strings.Replace(heldText, "group: team\n", "", 1)})
	s.write(func(tx *store.Tx) error {
		for n := int64(1); n <= 300; n++ {
			ended := tx.Now
			r := fairlead.Run{ID: fmt.Sprintf("run-%d", n), Pipeline: "shop", Number: n, Revision: 1, State: fairlead.RunSucceeded, EndedAt: &ended}
			if err := tx.CreateRun(t.Context(), &r); err != nil {
				return err
			}
		}
		breaks := []string{`CREATE TRIGGER breaks BEFORE DELETE ON runs WHEN old.number = 250 BEGIN SELECT RAISE(ABORT, 'the disk is broken'); END`}
		if os.Getenv("FAIRLEAD_TEST_DATABASE") == "postgres" {
			breaks = []string{`CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is broken'; END $$`,
				`CREATE TRIGGER breaks BEFORE DELETE ON runs FOR EACH ROW WHEN (old.number = 250) EXECUTE FUNCTION breaks()`}
		}
		for _, q := range breaks {
			if _, err := tx.Exec(t.Context(), q); err != nil {
				return err
			}
		}
		return nil
	})
	got := s.must(http.StatusInternalServerError, request{method: "DELETE", path: "/api/v1/pipelines/shop", user: "boss"})
	entries := s.audited("deletePipeline")
	if len(entries) != 1 || entries[0].Result != fairlead.AuditFailed || !strings.HasPrefix(entries[0].Detail, "not to its end: ") {
		t.Errorf("%s left %+v", got.body, entries)
	}
}

func TestAuditOfTheSystem(t *testing.T) {
	s := mustServeWith(t, func(cfg *api.Config) {
		cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	s.scene()
	t.Run("a webhook", func(t *testing.T) {
		path := into[fairlead.Pipeline](s.get("/api/v1/pipelines/shop")).Webhooks[0].Path
		s.must(http.StatusAccepted, request{method: "POST", path: path, header: map[string]string{"X-Forwarded-For": "6.6.6.6, 192.0.2.7, 10.1.2.3"}})
		list := s.audited("callHook")
		if len(list) != 1 || list[0].Via != "webhook" || list[0].User != "" || list[0].Name != "shop" || list[0].Group != "team" ||
			list[0].Kind != "runs" || list[0].Address != "192.0.2.7" || !strings.Contains(list[0].Detail, "started by webhook start.conditions[0]") {
			t.Fatalf("entries %+v", list)
		}
		s.must(http.StatusNotFound, request{method: "POST", path: "/hooks/unknown"})
		if again := s.audited("callHook"); len(again) != 1 {
			t.Fatalf("entries %+v", again)
		}
	})
	t.Run("a message on a channel", func(t *testing.T) {
		stream := s.follow("/api/v1/events?kind=run", nil)
		defer stream.close()
		for len(s.audited("startRun")) < 1 { // of the scene: shop listens
			if !stream.next() {
				t.Fatalf("entries %+v", s.audited("startRun"))
			}
		}
		for _, e := range s.audited("startRun") {
			if e.Via != "channel" || e.Group != "team" || e.Verb != "start" || e.Kind != "runs" || e.Address != "" {
				t.Errorf("entry %+v", e)
			}
		}
	})
	t.Run("a sign-in", func(t *testing.T) {
		for user, want := range map[string]int{"reader": 1, "nobody": 0} {
			var before, after int64
			s.read(func(tx *store.Tx) (err error) { before, err = tx.LastEvent(t.Context()); return err })
			s.must(http.StatusUnauthorized, request{method: "POST", path: "/api/v1/login", body: object{"user": user, "password": "wrong-password"}})
			s.read(func(tx *store.Tx) (err error) { after, err = tx.LastEvent(t.Context()); return err })
			if after != before+1 {
				t.Errorf("%s: event %d came after %d; one commit, whoever it is", user, after, before)
			}
			refused := 0
			for _, e := range s.audited("login") {
				if e.User == user && e.Result == fairlead.AuditRefused && e.Kind == "sessions" {
					refused++
				}
			}
			if refused != want {
				t.Errorf("%s has %d refused entries, want %d", user, refused, want)
			}
		}
		s.must(http.StatusOK, request{method: "POST", path: "/api/v1/login", body: object{"user": "reader", "password": "reader-password"}})
		if list := s.audited("login"); list[len(list)-1].Result != fairlead.AuditDone || list[len(list)-1].User != "reader" {
			t.Errorf("entries %+v", list)
		}
	})
	t.Run("what was refused for other reasons is not there", func(t *testing.T) {
		before := len(s.audited("createUser"))
		s.must(http.StatusConflict, request{method: "POST", path: "/api/v1/users", user: "boss", body: object{"name": "reader", "password": "some-password"}})
		s.must(http.StatusUnprocessableEntity, request{method: "POST", path: "/api/v1/users", user: "boss", body: object{"name": "x", "password": "short"}})
		if got := len(s.audited("createUser")); got != before {
			t.Errorf("%d new entries", got-before)
		}
	})
	t.Run("no secret is in it", func(t *testing.T) {
		s.must(http.StatusNoContent, request{method: "PUT", path: "/api/v1/users/reader/password", user: "boss", body: object{"password": "sesame-sesame"}})
		if got := string(s.get("/api/v1/audit?limit=500").body); strings.Contains(got, "sesame") || strings.Contains(got, "/hooks/") {
			t.Error("the audit log shows a secret")
		}
	})
}

// TestForwardedForNeedsTrust tells that whoever connects cannot choose his address.
func TestForwardedForNeedsTrust(t *testing.T) {
	s := mustServe(t)
	s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/tokens", user: "boss", body: object{"name": "ci"}, header: map[string]string{"X-Forwarded-For": "192.0.2.7"}})
	if list := s.audited("createToken"); len(list) != 1 || list[0].Address != "127.0.0.1" {
		t.Errorf("entries %+v", list)
	}
}
