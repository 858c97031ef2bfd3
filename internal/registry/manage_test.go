package registry_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/registry"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

func TestDelete(t *testing.T) {
	e := start(t, nil)
	img, other := randomImage(t, 2), randomImage(t, 1)
	digest := digestOf(t, img)
	for _, tag := range []string{"1", "2", "3"} {
		e.push(t, "team/web:"+tag, img)
	}
	e.push(t, "team/web:other", other)
	gone := func(t *testing.T, images ...string) {
		t.Helper()
		for _, image := range images {
			_, err := e.Resolve(t.Context(), image)
			wantCode(t, err, fairlead.NotFound)
			if _, err := remote.Head(e.ref(t, image), as("alice")); err == nil {
				t.Fatalf("%s is still on disk", image)
			}
		}
	}

	t.Run("by tag over HTTP the digest stays", func(t *testing.T) {
		if err := remote.Delete(e.ref(t, "team/web:1"), as("alice")); err != nil {
			t.Fatal(err)
		}
		gone(t, "team/web:1")
		if _, err := e.Resolve(t.Context(), "team/web@"+digest); err != nil {
			t.Fatal(err)
		}
		if status, _, _ := e.do(t, "DELETE", "/v2/team/web/manifests/1", nil, basic("alice")); status != http.StatusNotFound {
			t.Fatalf("twice: status %d, want 404", status)
		}
	})

	t.Run("by digest over HTTP its tags go", func(t *testing.T) {
		if err := remote.Delete(e.ref(t, "team/web@"+digest), as("alice")); err != nil {
			t.Fatal(err)
		}
		gone(t, "team/web:2", "team/web:3", "team/web@"+digest)
		if status, _, _ := e.do(t, "DELETE", "/v2/team/web/manifests/"+digest, nil, basic("alice")); status != http.StatusNotFound {
			t.Fatalf("twice: status %d, want 404", status)
		}
		if n := e.events(t)["image-deleted team/web:2"]; n != 1 {
			t.Fatalf("events = %v", e.events(t))
		}
	})

	t.Run("a tag by the server", func(t *testing.T) {
		if err := e.DeleteTag(t.Context(), "team/web:other"); err != nil {
			t.Fatal(err)
		}
		gone(t, "team/web:other", "team/web@"+digestOf(t, other))
		wantCode(t, e.DeleteTag(t.Context(), "team/web:other"), fairlead.NotFound)
		wantCode(t, e.DeleteTag(t.Context(), "team/web@"+digest), fairlead.Invalid)
	})

	t.Run("a repository leaves those below its name", func(t *testing.T) {
		e.push(t, "team/web:1", img)
		e.push(t, "team/web/sub:1", img)
		if err := e.DeleteRepository(t.Context(), fairlead.Actor{User: "alice"}, "team", "web"); err != nil {
			t.Fatal(err)
		}
		gone(t, "team/web:1")
		if _, err := remote.Image(e.ref(t, "team/web/sub:1"), as("bob")); err != nil {
			t.Fatal(err)
		}
		wantCode(t, e.DeleteRepository(t.Context(), fairlead.Actor{}, "team", "web"), fairlead.NotFound)
	})

	t.Run("an organization when it is empty", func(t *testing.T) {
		wantCode(t, e.DeleteOrganization(t.Context(), "team"), fairlead.Conflict)
		if err := e.DeleteRepository(t.Context(), fairlead.Actor{}, "team", "web/sub"); err != nil {
			t.Fatal(err)
		}
		if err := e.DeleteOrganization(t.Context(), "team"); err != nil {
			t.Fatal(err)
		}
		wantCode(t, e.DeleteOrganization(t.Context(), "team"), fairlead.NotFound)
	})

	t.Run("what was deleted does not come back", func(t *testing.T) {
		if err := e.Scan(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := e.catalogue(t); len(got) != 0 {
			t.Fatalf("catalogue = %v, want nothing", got)
		}
	})
}

// catalogue is every tag with its digest, size and platforms, without who and when.
func (e *env) catalogue(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	ctx := t.Context()
	err := e.db.Read(ctx, func(tx *store.Tx) error {
		repositories, _, err := tx.Repositories(ctx, "", 1000, "")
		if err != nil {
			return err
		}
		for _, r := range repositories {
			tags, _, err := tx.Tags(ctx, r.Organization, r.Name, 1000, "")
			if err != nil {
				return err
			}
			for _, tag := range tags {
				all[r.Organization+"/"+r.Name+":"+tag.Name] = tag.Digest + " " + tag.MediaType + " " + strings.Join(tag.Platforms, ",")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOrganizationNames(t *testing.T) {
	e := start(t, nil)
	actor := fairlead.Actor{User: "admin"}
	for name, want := range map[string]fairlead.Code{
		"a": "", "a1.b_c__d-e": "", strings.Repeat("a", 64): "", "team": fairlead.Conflict,
		"": fairlead.Invalid, "1a": fairlead.Invalid, "a-": fairlead.Invalid, "a--b": fairlead.Invalid, "a___b": fairlead.Invalid,
		"a._b": fairlead.Invalid, "A": fairlead.Invalid, "a/b": fairlead.Invalid, strings.Repeat("a", 65): fairlead.Invalid,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := e.CreateOrganization(t.Context(), actor, name, false)
			wantCode(t, err, want)
		})
	}
}

func TestScan(t *testing.T) {
	e := start(t, nil)
	scan := func(t *testing.T) {
		t.Helper()
		if err := e.Scan(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("an empty registry", scan)

	img := randomImage(t, 2)
	e.push(t, "team/web:1", img)
	e.push(t, "team/web:2", randomImage(t, 1))
	e.push(t, "team/a/b:1", randomImage(t, 1))
	want := e.catalogue(t)

	t.Run("nothing to repair", func(t *testing.T) {
		before := len(e.events(t))
		scan(t)
		if got := len(e.events(t)); got != before {
			t.Fatalf("%d events, want %d", got, before)
		}
	})

	t.Run("lost rows come back", func(t *testing.T) {
		for _, q := range []string{`DELETE FROM tags WHERE name = '1'`, `UPDATE tags SET digest = 'sha256:old'`, `DELETE FROM repositories WHERE name = 'a/b'`,
			`DELETE FROM repositories`, `DELETE FROM organizations`} {
			err := e.db.Write(t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(t.Context(), q); return err })
			if err != nil {
				t.Fatal(err)
			}
			if q == `DELETE FROM repositories` {
				continue // together with the organizations
			}
			scan(t)
			sameCatalogue(t, e.catalogue(t), want)
		}
	})

	t.Run("a push that was not recorded before the server died", func(t *testing.T) {
		server := httptest.NewServer(e.Inner())
		defer server.Close()
		ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://")+"/team/web:3", name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, img); err != nil {
			t.Fatal(err)
		}
		_, err = e.Resolve(t.Context(), "team/web:3")
		wantCode(t, err, fairlead.NotFound)
		scan(t)
		tag, err := e.Resolve(t.Context(), "team/web:3")
		if err != nil || tag.Digest != digestOf(t, img) || tag.PushedBy != "" || tag.PushedAt.IsZero() {
			t.Fatalf("tag = %+v, %v", tag, err)
		}
		if e.events(t)["image-found team/web:3"] != 1 {
			t.Fatalf("events = %v", e.events(t))
		}
	})

	t.Run("what is gone from disk is forgotten", func(t *testing.T) {
		root := filepath.Join(e.cfg.Dir, "blobs/docker/registry/v2/repositories/team")
		for _, dir := range []string{"web/_manifests/tags/3", "a"} {
			if err := os.RemoveAll(filepath.Join(root, dir)); err != nil {
				t.Fatal(err)
			}
		}
		scan(t)
		delete(want, "team/a/b:1")
		sameCatalogue(t, e.catalogue(t), want)
		if e.events(t)["image-lost team/web:3"] != 1 {
			t.Fatalf("events = %v", e.events(t))
		}
	})
}

func sameCatalogue(t testing.TB, got, want map[string]string) {
	t.Helper()
	for image, tag := range want {
		if got[image] != tag {
			t.Errorf("%s = %q, want %q", image, got[image], tag)
		}
	}
	for image := range got {
		if _, ok := want[image]; !ok {
			t.Errorf("%s is too much", image)
		}
	}
}

func TestCollect(t *testing.T) {
	now := time.Now()
	e := start(t, func(cfg *registry.Config) { cfg.Now = func() time.Time { return now } })
	collect := func(t *testing.T) {
		t.Helper()
		if err := e.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("an empty registry", collect)

	kept, dropped := randomImage(t, 2), randomImage(t, 3)
	e.push(t, "team/web:kept", kept)
	e.push(t, "team/web:moved", dropped)
	e.push(t, "team/web:moved", kept)
	e.push(t, "team/gone:1", randomImage(t, 3))
	if err := e.DeleteTag(t.Context(), "team/gone:1"); err != nil {
		t.Fatal(err)
	}
	all := e.blobs(t)

	t.Run("young blobs stay", func(t *testing.T) {
		collect(t)
		if got := e.blobs(t); got != all {
			t.Fatalf("%d blobs, want %d", got, all)
		}
	})
	t.Run("old unused ones go", func(t *testing.T) {
		now = now.Add(2 * time.Hour)
		collect(t)
		if got := e.blobs(t); got != all-5 {
			t.Fatalf("%d blobs, want %d: without manifest, config and three layers", got, all-5)
		}
	})
	t.Run("what has lost its tag but not its manifest stays", func(t *testing.T) {
		got, err := e.Image(t.Context(), "team/web@"+digestOf(t, dropped), v1.Platform{})
		if err != nil {
			t.Fatal(err)
		}
		sameImage(t, got, dropped)
	})
}

func (e *env) blobs(t testing.TB) (n int) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(e.cfg.Dir, "blobs/docker/registry/v2/blobs"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "data" {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAddresses(t *testing.T) {
	cfg := start(t, nil).cfg
	for _, tt := range []struct{ public, image, want string }{
		{"http://127.0.0.1:8080", "127.0.0.1:8080/team/web:1.0", "team/web:1.0"},
		{"http://127.0.0.1:8080", "localhost:8080/team/a/b", "team/a/b:latest"},
		{"http://localhost:8080", "[::1]:8080/team/web:1.0", "team/web:1.0"},
		{"http://[::1]:8080", "127.0.0.1:8080/team/web:1.0", "team/web:1.0"},
		{"http://127.0.0.1:8080", "127.0.0.1:8081/team/web:1.0", ""},
		{"http://127.0.0.1:8080", "127.0.0.1/team/web:1.0", ""},
		{"http://127.0.0.1", "localhost/team/web:1.0", "team/web:1.0"},
		{"https://Fairlead.example.com", "fairlead.example.com/team/web:1.0", "team/web:1.0"},
		{"https://fairlead.example.com", "fairlead.example.com:443/team/web:1.0", "team/web:1.0"},
		{"https://fairlead.example.com", "fairlead.example.com:80/team/web:1.0", ""},
		{"https://fairlead.example.com", "example.com/team/web:1.0", ""},
		{"https://fairlead.example.com", "team/web:1.0", ""},
		{"https://fairlead.example.com", "nginx", ""},
		{"https://fairlead.example.com", "fairlead.example.com/web:1.0", ""},
		{"https://fairlead.example.com", "fairlead.example.com/team/web:1.0@sha256:" + sixtyFour, "team/web@sha256:" + sixtyFour},
		{"", "127.0.0.1:8080/team/web:1.0", ""},
	} {
		t.Run(tt.public+" "+tt.image, func(t *testing.T) {
			cfg := cfg
			cfg.PublicURL = tt.public
			e, err := registry.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close() //nolint:errcheck // nothing runs
			ref, ok := e.Own(tt.image)
			if ref != tt.want || ok != (tt.want != "") {
				t.Fatalf("own = %q, %v, want %q", ref, ok, tt.want)
			}
			if !ok {
				return
			}
			if back, ok := e.Own(e.Address(ref)); !ok || back != ref {
				t.Fatalf("address %q is not our own: %q", e.Address(ref), back)
			}
		})
	}
}

const sixtyFour = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// TestServersShareTheirImages opens the directory of the images, and another one, for the same database.
func TestServersShareTheirImages(t *testing.T) {
	db, err := store.Open(t.Context(), storetest.Postgres(t, store.Config{Dir: t.TempDir()}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	cfg := registry.Config{DB: db, Dir: t.TempDir(), Auth: login, Can: can}
	for range 2 {
		r, err := registry.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	other := cfg
	other.Dir = t.TempDir()
	if _, err := registry.New(other); err == nil || !strings.Contains(err.Error(), "is not the one") {
		t.Fatalf("err = %v", err)
	}
	mark, err := os.ReadFile(filepath.Join(cfg.Dir, "shared"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other.Dir, "shared"), mark, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := registry.New(other)
	if err != nil {
		t.Fatal(err)
	}
	// While one server ends a push, another one does not collect.
	unlock, err := db.Lock(t.Context(), store.Together("registry"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Collect(t.Context()); fairlead.ErrorCode(err) != fairlead.Conflict {
		t.Errorf("collected while a push ends: %v", err)
	}
	unlock()
	if err := errors.Join(r.Collect(t.Context()), r.Close()); err != nil {
		t.Error(err)
	}
}
