package registry_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/registry"
	"github.com/fairlead/fairlead/internal/store"
)

func basic(user string) func(*http.Request) {
	return func(req *http.Request) { req.SetBasicAuth(user, "secret") }
}

func bearer(token string) func(*http.Request) {
	return func(req *http.Request) { req.Header.Set("Authorization", "Bearer "+token) }
}

func TestAnswers(t *testing.T) {
	e := start(t, nil)
	e.push(t, "team/web:1.0", randomImage(t, 1))
	long := strings.Repeat("a", 129)
	for _, tt := range []struct {
		name, method, path string
		as                 func(*http.Request)
		status             int
		code, message      string
	}{
		{"nobody is asked to sign in", "GET", "/v2/", nil, 401, "UNAUTHORIZED", "sign in"},
		{"nobody may pull", "GET", "/v2/team/web/manifests/1.0", nil, 401, "UNAUTHORIZED", "sign in"},
		{"nobody learns which organizations exist", "GET", "/v2/nobody/web/manifests/1.0", nil, 401, "UNAUTHORIZED", "sign in"},
		{"nobody may pull what is public when anonymous pulls are off", "GET", "/v2/open/web/tags/list", nil, 401, "UNAUTHORIZED", "sign in"},
		{"a wrong password", "GET", "/v2/", func(r *http.Request) { r.SetBasicAuth("alice", "wrong") }, 401, "UNAUTHORIZED", `user "alice": wrong`},
		{"a made-up token", "GET", "/v2/", bearer("e30.e30"), 401, "UNAUTHORIZED", "not one of this registry"},
		{"another kind of credentials", "GET", "/v2/", func(r *http.Request) { r.Header.Set("Authorization", "Digest x") }, 401, "UNAUTHORIZED", "neither Basic nor Bearer"},
		{"the right password", "GET", "/v2/", basic("bob"), 200, "", ""},
		{"a reader may pull", "GET", "/v2/team/web/tags/list", basic("bob"), 200, "", ""},
		{"a reader may not push", "POST", "/v2/team/web/blobs/uploads/", basic("bob"), 403, "DENIED", `bob may not push in organization "team"`},
		{"a reader may not delete", "DELETE", "/v2/team/web/manifests/1.0", basic("bob"), 403, "DENIED", "may not delete"},
		{"a stranger may not pull", "GET", "/v2/open/web/tags/list", basic("bob"), 403, "DENIED", "may not pull"},
		{"a missing organization", "POST", "/v2/nobody/web/blobs/uploads/", basic("alice"), 404, "NAME_UNKNOWN", `organization "nobody" does not exist; create it with: fairlead`},
		{"a missing tag", "GET", "/v2/team/web/manifests/2.0", basic("bob"), 404, "MANIFEST_UNKNOWN", ""},
		{"a missing repository", "GET", "/v2/team/none/tags/list", basic("bob"), 404, "NAME_UNKNOWN", ""},
		{"an image without an organization", "POST", "/v2/web/blobs/uploads/", basic("alice"), 400, "NAME_INVALID", "repository name \"\""},
		{"an organization that starts with a digit", "POST", "/v2/1team/web/blobs/uploads/", basic("alice"), 400, "NAME_INVALID", "first a letter"},
		{"an organization with upper case", "POST", "/v2/Team/web/blobs/uploads/", basic("alice"), 400, "NAME_INVALID", "lower-case"},
		{"a repository with three underscores", "POST", "/v2/team/a___b/blobs/uploads/", basic("alice"), 400, "NAME_INVALID", "repository name"},
		{"a repository with two dots", "POST", "/v2/team/a..b/blobs/uploads/", basic("alice"), 400, "NAME_INVALID", "repository name"},
		{"a repository that is too long", "POST", "/v2/team/" + long + "/blobs/uploads/", basic("alice"), 400, "NAME_INVALID", "1 to 128"},
		{"a path that climbs", "GET", "/v2/team/%2e%2e/open/manifests/1.0", basic("alice"), 400, "NAME_INVALID", ""},
		{"a tag that is too long", "PUT", "/v2/team/web/manifests/" + long, basic("alice"), 400, "TAG_INVALID", "1 to 128"},
		{"a tag that starts with a dot", "PUT", "/v2/team/web/manifests/.x", basic("alice"), 400, "TAG_INVALID", "first neither"},
		{"a broken digest", "DELETE", "/v2/team/web/manifests/sha256:12", basic("alice"), 400, "DIGEST_INVALID", "64 hexadecimal"},
		{"a digest of another algorithm", "POST", "/v2/team/web/blobs/uploads/?digest=sha512:" + sixtyFour + sixtyFour, basic("alice"), 400, "DIGEST_INVALID", "sha256 digests only"},
		{"a single blob stays", "DELETE", "/v2/team/web/blobs/sha256:" + strings.Repeat("0", 64), basic("alice"), 405, "UNSUPPORTED", "no image uses"},
		{"no endpoint", "GET", "/v2/team/web", basic("alice"), 404, "UNSUPPORTED", "not an endpoint"},
		{"referrers are not kept", "GET", "/v2/team/web/referrers/sha256:" + strings.Repeat("0", 64), basic("alice"), 404, "UNSUPPORTED", ""},
		{"a catalogue page of nothing", "GET", "/v2/_catalog?n=0", basic("bob"), 400, "PAGINATION_NUMBER_INVALID", "from 1 to 1000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body, header := e.do(t, tt.method, tt.path, nil, tt.as)
			if status != tt.status {
				t.Fatalf("status = %d, want %d; body %s", status, tt.status, body)
			}
			if status == http.StatusUnauthorized {
				want := `Bearer realm="http://` + e.host + `/v2/token",service="fairlead"`
				if got := header.Get("WWW-Authenticate"); !strings.HasPrefix(got, want) {
					t.Fatalf("challenge = %q, want %q", got, want)
				}
			}
			if tt.code == "" {
				return
			}
			if code, message := ociError(t, body); code != tt.code || !strings.Contains(message, tt.message) {
				t.Fatalf("error = %s %q, want %s with %q", code, message, tt.code, tt.message)
			}
		})
	}
	t.Run("nothing came of it", func(t *testing.T) {
		if got := e.events(t); len(got) != 1 {
			t.Fatalf("events = %v, want only the one push", got)
		}
	})
}

func TestLimits(t *testing.T) {
	e := start(t, nil)
	t.Run("a manifest", func(t *testing.T) {
		status, body, _ := e.do(t, "PUT", "/v2/team/web/manifests/1", strings.NewReader(strings.Repeat(" ", 4<<20+1)), basic("alice"))
		if code, message := ociError(t, body); status != 413 || code != "MANIFEST_INVALID" || !strings.Contains(message, "4 MiB") {
			t.Fatalf("%d %s %s", status, code, message)
		}
	})
	t.Run("a layer", func(t *testing.T) {
		status, body, _ := e.do(t, "PATCH", "/v2/team/web/blobs/uploads/x", strings.NewReader("x"), func(req *http.Request) {
			req.SetBasicAuth("alice", "secret")
			req.Header.Set("Content-Range", "10737418240-10737418240")
		})
		if code, message := ociError(t, body); status != 413 || code != "SIZE_INVALID" || !strings.Contains(message, "10 GiB") {
			t.Fatalf("%d %s %s", status, code, message)
		}
	})
	t.Run("a manifest that is none", func(t *testing.T) {
		for _, text := range []string{"", "{}", "[", `{"schemaVersion":2}`, `{"schemaVersion":1}`} {
			status, body, _ := e.do(t, "PUT", "/v2/team/web/manifests/1", strings.NewReader(text), func(req *http.Request) {
				req.SetBasicAuth("alice", "secret")
				req.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			})
			if status != 400 {
				t.Errorf("%q: status %d, body %s", text, status, body)
			}
		}
	})
}

// token is the answer of the token endpoint.
type token struct {
	Token     string `json:"token"`
	Access    string `json:"access_token"`
	ExpiresIn int    `json:"expires_in"`
	Scope     string `json:"scope"`
}

func (e *env) token(t testing.TB, query string, as func(*http.Request)) token {
	t.Helper()
	status, body, _ := e.do(t, "GET", "/v2/token?"+query, nil, as)
	return readToken(t, status, body)
}

func readToken(t testing.TB, status int, body string) (tk token) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &tk); status != http.StatusOK || err != nil || tk.Token == "" || tk.Access != tk.Token {
		t.Fatalf("token: status %d, body %s, %v", status, body, err)
	}
	return tk
}

func TestTokens(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	e := start(t, func(cfg *registry.Config) { cfg.Now = func() time.Time { return now } })
	e.push(t, "team/web:1.0", randomImage(t, 1))
	const tags = "/v2/team/web/tags/list"

	t.Run("the scope is what is allowed of what was asked", func(t *testing.T) {
		tk := e.token(t, "service=fairlead&scope=repository:team/web:pull,push,delete&scope=repository:open/x:pull", basic("bob"))
		if tk.Scope != "repository:team/web:pull" || tk.ExpiresIn != 600 {
			t.Fatalf("token = %+v", tk)
		}
		if status, body, _ := e.do(t, "GET", tags, nil, bearer(tk.Token)); status != 200 {
			t.Fatalf("status %d, body %s", status, body)
		}
		status, _, _ := e.do(t, "POST", "/v2/team/web/blobs/uploads/", nil, bearer(tk.Token))
		if status != http.StatusForbidden {
			t.Fatalf("push with a reader's token: status %d, want 403", status)
		}
	})

	t.Run("a token without the scope is sent for another", func(t *testing.T) {
		tk := e.token(t, "scope=repository:team/web:pull", basic("alice"))
		status, _, header := e.do(t, "POST", "/v2/team/web/blobs/uploads/", nil, bearer(tk.Token))
		if got := header.Get("WWW-Authenticate"); status != 401 || !strings.Contains(got, `scope="repository:team/web:pull,push",error="insufficient_scope"`) {
			t.Fatalf("status %d, challenge %q", status, got)
		}
		if status, _, _ = e.do(t, "GET", "/v2/team/other/tags/list", nil, bearer(tk.Token)); status != 401 {
			t.Fatalf("another repository: status %d, want 401", status)
		}
	})

	t.Run("a form works like Basic", func(t *testing.T) {
		form := url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"secret"}, "scope": {"repository:team/web:pull,push repository:team/b:pull"}}
		post := func(form url.Values) (int, string) {
			status, body, _ := e.do(t, "POST", "/v2/token", strings.NewReader(form.Encode()), func(req *http.Request) {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			})
			return status, body
		}
		status, body := post(form)
		if tk := readToken(t, status, body); tk.Scope != "repository:team/web:pull,push repository:team/b:pull" {
			t.Fatalf("token = %+v", tk)
		}
		form.Set("password", "wrong")
		if status, body = post(form); status != 401 {
			t.Fatalf("wrong password: status %d, body %s", status, body)
		}
		form.Set("grant_type", "refresh_token")
		if status, body = post(form); status != 400 {
			t.Fatalf("refresh token: status %d, body %s", status, body)
		}
	})

	t.Run("a wrong password gets none", func(t *testing.T) {
		status, body, header := e.do(t, "GET", "/v2/token?scope=repository:team/web:pull", nil, func(r *http.Request) { r.SetBasicAuth("alice", "wrong") })
		if code, _ := ociError(t, body); status != 401 || code != "UNAUTHORIZED" || !strings.HasPrefix(header.Get("WWW-Authenticate"), "Basic") {
			t.Fatalf("status %d, body %s", status, body)
		}
		if status, _, _ = e.do(t, "GET", "/v2/token", nil, nil); status != 401 {
			t.Fatalf("without credentials: status %d, want 401", status)
		}
	})

	parent := t
	t.Run("it survives a restart and then expires", func(t *testing.T) {
		tk := e.token(t, "scope=repository:team/web:pull", basic("alice"))
		e.open(parent)
		if status, body, _ := e.do(t, "GET", tags, nil, bearer(tk.Token)); status != 200 {
			t.Fatalf("after a restart: status %d, body %s", status, body)
		}
		now = now.Add(10 * time.Minute)
		status, body, _ := e.do(t, "GET", tags, nil, bearer(tk.Token))
		if _, message := ociError(t, body); status != 401 || !strings.Contains(message, "expired") {
			t.Fatalf("after ten minutes: status %d, body %s", status, body)
		}
	})

	t.Run("a changed one is refused", func(t *testing.T) {
		tk := e.token(t, "", basic("bob"))
		if status, _, _ := e.do(t, "GET", "/v2/", nil, bearer("x"+tk.Token)); status != 401 {
			t.Fatalf("status %d, want 401", status)
		}
	})
}

func TestRealm(t *testing.T) {
	for _, tt := range []struct{ name, public, proto, want string }{
		{"the request's host", "", "", "http://HOST/v2/token"},
		{"a proxy with TLS in front", "", "https", "https://HOST/v2/token"},
		{"the public URL", "https://fairlead.example.com", "", "https://fairlead.example.com/v2/token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := start(t, func(cfg *registry.Config) { cfg.PublicURL = tt.public })
			_, _, header := e.do(t, "GET", "/v2/", nil, func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", tt.proto) })
			want := `Bearer realm="` + strings.Replace(tt.want, "HOST", e.host, 1) + `",service="fairlead"`
			if got := header.Get("WWW-Authenticate"); got != want {
				t.Fatalf("challenge = %q, want %q", got, want)
			}
		})
	}
}

func TestAnonymous(t *testing.T) {
	e := start(t, func(cfg *registry.Config) { cfg.Anonymous = true })
	img := randomImage(t, 2)
	for _, image := range []string{"open/web:1", "team/web:1"} {
		if err := remote.Write(e.ref(t, image), img, as("admin")); err != nil {
			t.Fatal(err)
		}
	}
	nobody := remote.WithAuth(authn.Anonymous)

	t.Run("everybody may pull what is public", func(t *testing.T) {
		got, err := remote.Image(e.ref(t, "open/web:1"), nobody)
		if err != nil {
			t.Fatal(err)
		}
		sameImage(t, got, img)
		if _, err := remote.Image(e.ref(t, "open/web:1"), as("bob")); err != nil {
			t.Fatalf("bob: %v", err)
		}
		if status, _, _ := e.do(t, "GET", "/v2/open/web/tags/list", nil, nil); status != 200 {
			t.Fatalf("without a token: status %d", status)
		}
	})
	t.Run("and nothing else", func(t *testing.T) {
		if _, err := remote.Image(e.ref(t, "team/web:1"), nobody); err == nil {
			t.Fatal("a private image was pulled")
		}
		if err := remote.Write(e.ref(t, "open/web:2"), img, nobody); err == nil {
			t.Fatal("anybody may push")
		}
		if status, _, _ := e.do(t, "DELETE", "/v2/open/web/manifests/1", nil, nil); status != 401 {
			t.Fatalf("delete: status %d, want 401", status)
		}
		if status, _, _ := e.do(t, "GET", "/v2/_catalog", nil, nil); status != 401 {
			t.Fatalf("catalogue: status %d, want 401", status)
		}
	})
	t.Run("until it is private", func(t *testing.T) {
		if err := e.SetPublic(t.Context(), "open", false); err != nil {
			t.Fatal(err)
		}
		if _, err := remote.Image(e.ref(t, "open/web:1"), nobody); err == nil {
			t.Fatal("a private image was pulled")
		}
	})
}

func TestMountNeedsTheRightToPull(t *testing.T) {
	e := start(t, nil)
	img := randomImage(t, 1)
	if err := remote.Write(e.ref(t, "open/private:1"), img, as("admin")); err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	path := "/v2/team/web/blobs/uploads/?mount=" + digestOf(t, layers[0]) + "&from=open/private"
	if status, _, _ := e.do(t, "POST", path, nil, basic("alice")); status != http.StatusAccepted {
		t.Fatalf("a stranger: status %d, want 202, an ordinary upload", status)
	}
	if status, _, _ := e.do(t, "POST", path, nil, basic("admin")); status != http.StatusCreated {
		t.Fatalf("an administrator: status %d, want 201, the blob mounted", status)
	}
}

func TestCatalog(t *testing.T) {
	e := start(t, nil)
	img := randomImage(t, 1)
	for _, image := range []string{"open/x:1", "team/a:1", "team/b/c:1", "team/b:1"} {
		if err := remote.Write(e.ref(t, image), img, as("admin")); err != nil {
			t.Fatal(err)
		}
	}
	_, body, header := e.do(t, "GET", "/v2/_catalog?n=2", nil, basic("bob"))
	if want := `{"repositories":["team/a","team/b"]}`; strings.TrimSpace(body) != want {
		t.Fatalf("catalogue = %s, want %s", body, want)
	}
	next, _, _ := strings.Cut(strings.TrimPrefix(header.Get("Link"), "<"), ">")
	_, body, header = e.do(t, "GET", next, nil, basic("bob"))
	if want := `{"repositories":["team/b/c"]}`; strings.TrimSpace(body) != want || header.Get("Link") != "" {
		t.Fatalf("second page = %s, link %q, want %s", body, header.Get("Link"), want)
	}
}

func TestConfig(t *testing.T) {
	e := start(t, nil)
	t.Run("what is required", func(t *testing.T) {
		if _, err := registry.New(registry.Config{}); err == nil {
			t.Fatal("an empty configuration works")
		}
	})
	t.Run("a directory that is a file", func(t *testing.T) {
		cfg := e.cfg
		cfg.Dir = filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(cfg.Dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := registry.New(cfg); err == nil {
			t.Fatal("a file works as a directory")
		}
	})
	t.Run("a secret that was cut", func(t *testing.T) {
		cfg := e.cfg
		cfg.Dir = t.TempDir()
		if err := os.WriteFile(filepath.Join(cfg.Dir, "secret"), []byte("short"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := registry.New(cfg); err == nil || !strings.Contains(err.Error(), "want 32") {
			t.Fatalf("err = %v", err)
		}
	})
	t.Run("a public URL without a scheme", func(t *testing.T) {
		cfg := e.cfg
		cfg.PublicURL = "fairlead.example.com"
		_, err := registry.New(cfg)
		wantCode(t, err, fairlead.Invalid)
	})
}

func TestTokensFollowTheirUser(t *testing.T) {
	var now fairlead.Actor
	var gone error
	e := start(t, func(cfg *registry.Config) {
		cfg.Again = func(_ context.Context, actor fairlead.Actor) (fairlead.Actor, error) { return now, gone }
	})
	push := func(tk token) int {
		status, _, _ := e.do(t, "POST", "/v2/team/web/blobs/uploads/", nil, bearer(tk.Token))
		return status
	}
	now = fairlead.Actor{User: "alice"}
	tk := e.token(t, "scope=repository:team/web:pull,push", basic("alice"))
	if got := push(tk); got != http.StatusAccepted {
		t.Fatalf("status %d, want 202", got)
	}
	now = fairlead.Actor{User: "bob"} // who may pull only
	if got := push(tk); got != http.StatusForbidden {
		t.Fatalf("without the right any more: status %d, want 403", got)
	}
	gone = fairlead.Errorf(fairlead.Unauthenticated, "user alice was removed or disabled")
	if got := push(tk); got != http.StatusUnauthorized {
		t.Fatalf("removed: status %d, want 401", got)
	}
}

// TestAudit looks at what pushes, removals and refusals leave in the audit log.
func TestAudit(t *testing.T) {
	e := start(t, nil)
	e.push(t, "team/web:1.0", randomImage(t, 1))
	if status, body, _ := e.do(t, "POST", "/v2/team/web/blobs/uploads/", nil, basic("bob")); status != http.StatusForbidden {
		t.Fatalf("status %d, %s", status, body)
	}
	if status, body, _ := e.do(t, "GET", "/v2/open/web/tags/list", nil, basic("bob")); status != http.StatusForbidden {
		t.Fatalf("status %d, %s", status, body)
	}
	if status, body, _ := e.do(t, "DELETE", "/v2/team/web/manifests/1.0", nil, basic("alice")); status != http.StatusAccepted {
		t.Fatalf("status %d, %s", status, body)
	}
	var got []string
	err := e.db.Read(t.Context(), func(tx *store.Tx) error {
		list, _, err := tx.AuditLog(t.Context(), store.Everything, store.AuditFilter{}, 10, "")
		for _, a := range list {
			got = append(got, strings.Join([]string{a.User, a.Via, a.Operation, a.Verb, a.Kind, a.Name, a.Result}, " "))
		}
		return err
	})
	want := []string{
		"alice registry deleteImage delete images team/web:1.0 done",
		"bob registry pushImage change images team/web refused",
		"alice registry pushImage change images team/web:1.0 done",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\ngot\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
