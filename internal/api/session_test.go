package api_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestBrowserSessions(t *testing.T) {
	s := mustServe(t)
	login := s.must(http.StatusOK, request{method: "POST", path: "/api/v1/login", body: map[string]any{"user": "alice", "password": "alice-password", "cookie": true}})
	if entries := s.audited("login"); len(entries) != 1 || entries[0].User != "alice" || entries[0].Via != "password" {
		t.Errorf("the sign-in left %+v", entries)
	}
	cookie, attributes, _ := strings.Cut(login.header.Get("Set-Cookie"), ";")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(attributes, want) {
			t.Errorf("cookie attributes %q lack %s", attributes, want)
		}
	}
	if strings.Contains(string(login.body), `"token"`) {
		t.Errorf("the answer shows the token: %s", login.body)
	}
	with := func(status int, r request, header ...string) reply {
		t.Helper()
		r.header = map[string]string{"Cookie": cookie}
		for i := 0; i < len(header); i += 2 {
			r.header[header[i]] = header[i+1]
		}
		return s.must(status, r)
	}
	who := request{method: "GET", path: "/api/v1/whoami"}
	create := request{method: "POST", path: "/api/v1/tokens", body: map[string]any{"name": "ci"}}
	with(http.StatusOK, who)
	with(http.StatusCreated, create, "Sec-Fetch-Site", "same-origin")
	with(http.StatusForbidden, create, "Sec-Fetch-Site", "cross-site")
	with(http.StatusForbidden, create, "Origin", "https://evil.example")

	out := with(http.StatusNoContent, request{method: "POST", path: "/api/v1/logout"})
	if !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("the cookie stays: %q", out.header.Get("Set-Cookie"))
	}
	with(http.StatusUnauthorized, who)
}
