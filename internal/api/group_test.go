package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/api"
)

func TestGroupsAndMembers(t *testing.T) {
	s := mustServe(t)
	s.user(fairlead.User{Name: "carol"})
	members := func() string {
		t.Helper()
		var list []string
		for _, m := range into[api.List[fairlead.Member]](s.get("/api/v1/groups/team/members")).Items {
			list = append(list, fmt.Sprintf("%s:%s by %s", m.User, m.Role, m.GrantedBy))
		}
		return strings.Join(list, ", ")
	}
	g := into[fairlead.Group](s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/groups", user: "alice", body: map[string]string{"name": "team", "description": "a team"}}))
	if g.Role != fairlead.RoleManage || g.Members != 1 || members() != "alice:manage by alice" {
		t.Fatalf("group %+v, members %s", g, members())
	}
	t.Run("a role counts from the next request on", func(t *testing.T) {
		problem(s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/groups/team", user: "carol"}))
		s.must(http.StatusNoContent, request{method: "PUT", path: "/api/v1/groups/team/members/carol", user: "alice", body: map[string]string{"role": "read"}})
		got := into[fairlead.Group](s.must(http.StatusOK, request{method: "GET", path: "/api/v1/groups/team", user: "carol"}))
		if got.Role != fairlead.RoleRead || got.Members != 2 {
			t.Fatalf("group %+v", got)
		}
		me := into[fairlead.Me](s.must(http.StatusOK, request{method: "GET", path: "/api/v1/whoami", user: "carol"}))
		if me.Name != "carol" || len(me.Groups) != 1 || me.Groups[0] != (fairlead.GroupRole{Group: "team", Role: "read"}) || me.MustChange {
			t.Fatalf("whoami %+v", me)
		}
		p := problem(s.must(http.StatusForbidden, request{method: "PUT", path: "/api/v1/groups/team/members/carol", user: "carol", body: map[string]string{"role": "manage"}}))
		if !strings.Contains(p.Detail, "role manage in pipeline group team") {
			t.Fatalf("problem %+v", p)
		}
		s.must(http.StatusNoContent, request{method: "DELETE", path: "/api/v1/groups/team/members/carol", user: "alice"})
		s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/groups/team", user: "carol"})
		s.must(http.StatusNotFound, request{method: "DELETE", path: "/api/v1/groups/team/members/carol", user: "alice"})
	})
	t.Run("a group that one may not see answers like one that is not there", func(t *testing.T) {
		hidden := problem(s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/groups/team", user: "carol"}))
		gone := problem(s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/groups/none", user: "carol"}))
		if strings.ReplaceAll(hidden.Detail, "team", "none") != gone.Detail {
			t.Fatalf("%q and %q", hidden.Detail, gone.Detail)
		}
	})
	t.Run("changing and deleting", func(t *testing.T) {
		got := into[fairlead.Group](s.must(http.StatusOK, request{method: "PATCH", path: "/api/v1/groups/team", user: "alice", body: map[string]string{"description": "new"}}))
		if got.Description != "new" {
			t.Fatalf("group %+v", got)
		}
		s.must(http.StatusConflict, request{method: "DELETE", path: "/api/v1/groups/default", user: "boss"})
		s.must(http.StatusNotFound, request{method: "PATCH", path: "/api/v1/groups/none", user: "boss", body: map[string]string{"description": "new"}})
		s.must(http.StatusNotFound, request{method: "PUT", path: "/api/v1/groups/team/members/nobody", user: "boss", body: map[string]string{"role": "read"}})
		s.must(http.StatusUnprocessableEntity, request{method: "PUT", path: "/api/v1/groups/team/members/carol", user: "boss", body: map[string]string{"role": "king"}})
		s.must(http.StatusNoContent, request{method: "DELETE", path: "/api/v1/groups/team", user: "alice"})
		s.must(http.StatusNotFound, request{method: "GET", path: "/api/v1/groups/team", user: "boss"})
	})
}

func TestUserChanges(t *testing.T) {
	s := mustServe(t)
	s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/users", user: "boss", body: map[string]any{"name": "carol", "password": "carol-password", "role": "edit"}})
	change := func(status int, user, of string, body map[string]any) reply {
		t.Helper()
		return s.must(status, request{method: "PATCH", path: "/api/v1/users/" + of, user: user, body: body})
	}
	t.Run("a new user has the role that was said, in the default group", func(t *testing.T) {
		me := into[fairlead.Me](s.must(http.StatusOK, request{method: "GET", path: "/api/v1/whoami", user: "carol"}))
		if len(me.Groups) != 1 || me.Groups[0] != (fairlead.GroupRole{Group: "default", Role: "edit"}) {
			t.Fatalf("whoami %+v", me)
		}
	})
	t.Run("one changes what is one's own, and nobody's rights", func(t *testing.T) {
		u := into[fairlead.User](change(http.StatusOK, "carol", "carol", map[string]any{"email": "carol@example.com", "phone": "+86 10 1234 5678", "locale": "zh-CN"}))
		if u.Email != "carol@example.com" || u.Locale != "zh-CN" || u.Admin {
			t.Fatalf("user %+v", u)
		}
		if u := into[fairlead.User](change(http.StatusOK, "carol", "carol", map[string]any{"email": "", "phone": ""})); u.Email != "" || u.Phone != "" || u.Locale != "zh-CN" {
			t.Fatalf("user %+v", u)
		}
		change(http.StatusForbidden, "carol", "carol", map[string]any{"admin": true})
		change(http.StatusForbidden, "carol", "carol", map[string]any{"disabled": false})
		change(http.StatusForbidden, "carol", "alice", map[string]any{"email": "x@example.com"})
		change(http.StatusUnprocessableEntity, "carol", "carol", map[string]any{"email": "nonsense"})
		change(http.StatusUnprocessableEntity, "carol", "carol", map[string]any{"phone": "call me"})
		change(http.StatusNotFound, "boss", "nobody", map[string]any{"email": "x@example.com"})
	})
	t.Run("a disabled user is out at once and comes back", func(t *testing.T) {
		login := into[api.Login](s.must(http.StatusOK, request{method: "POST", path: "/api/v1/login", body: map[string]string{"user": "carol", "password": "carol-password"}}))
		bearer := map[string]string{"Authorization": "Bearer " + login.Token}
		token := into[api.NewToken](s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/tokens", header: bearer, body: map[string]string{"name": "ci"}}))
		change(http.StatusOK, "boss", "carol", map[string]any{"disabled": true})
		s.must(http.StatusUnauthorized, request{method: "GET", path: "/api/v1/whoami", header: bearer})
		s.must(http.StatusUnauthorized, request{method: "GET", path: "/api/v1/whoami", user: "carol"})
		s.must(http.StatusUnauthorized, request{method: "GET", path: "/api/v1/whoami", header: map[string]string{"Authorization": "Bearer " + token.Secret}})
		change(http.StatusOK, "boss", "carol", map[string]any{"disabled": false})
		s.must(http.StatusUnauthorized, request{method: "GET", path: "/api/v1/whoami", header: bearer}) // the session has ended
		s.must(http.StatusOK, request{method: "GET", path: "/api/v1/whoami", header: map[string]string{"Authorization": "Bearer " + token.Secret}})
	})
	t.Run("an administrator stays", func(t *testing.T) {
		change(http.StatusConflict, "boss", "boss", map[string]any{"admin": false})
		change(http.StatusConflict, "boss", "boss", map[string]any{"disabled": true})
		change(http.StatusOK, "boss", "alice", map[string]any{"admin": true})
		change(http.StatusOK, "alice", "boss", map[string]any{"admin": false})
		s.must(http.StatusForbidden, request{method: "GET", path: "/api/v1/users", user: "boss"})
	})
}
