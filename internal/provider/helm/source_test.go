package helm_test

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"helm.sh/helm/v4/pkg/registry"
	repo "helm.sh/helm/v4/pkg/repo/v1"

	"github.com/fairlead/fairlead"
	ours "github.com/fairlead/fairlead/internal/registry"
	"github.com/fairlead/fairlead/internal/store"
)

// TestChartsOfPackages has what can be wrong with a chart of the template's package.
func TestChartsOfPackages(t *testing.T) {
	w := newWorld(t)
	p := w.provider()
	web := chart("1.0.0", nil)
	archive := string(pack(t, in("web", web)))
	both := in("web", web)
	maps.Copy(both, in("shop", web))
	w.files["shop@1"] = map[string]string{"web.tgz": archive, "old/web-0.9.0.tgz": archive, "charts/api-1.0.0.tgz": archive, "charts/api-2.0.0.tgz": archive,
		"two.tgz": string(pack(t, both)), "none.tgz": string(pack(t, map[string]string{"readme": "x"})), "broken.tgz": "text",
		"lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n", "bad/Chart.yaml": "name: 1\n",
		"needy/Chart.yaml": "apiVersion: v2\nname: needy\nversion: 1.0.0\ndependencies: [{name: redis, version: 1.0.0, repository: https://example.com}]\n",
		"blueprint.yaml":   "x", "values/prod.yaml": "greeting: prod\nextra: {b: 3}\n", "values/bad.yaml": "- a\n"}
	maps.Copy(w.files["shop@1"], in("charts/web", web))
	plan := func(properties map[string]any) error {
		properties["name"] = "web"
		_, err := p.Plan(t.Context(), w.element(properties), nil)
		return err
	}
	named := func(name, version string) map[string]any {
		return map[string]any{"chart": map[string]any{"name": name, "version": version}}
	}
	for _, ok := range []map[string]any{named("charts/web", ""), named("./charts/web/", "1.0.0"), named("web.tgz", "1.0.0"), named("old/web-0.9.0.tgz", ""), named("api", "2.0.0")} {
		if err := plan(ok); err != nil && !strings.Contains(err.Error(), "has version 1.0.0") {
			t.Errorf("%v: %v", ok["chart"], err)
		}
	}
	tests := []struct {
		name       string
		properties map[string]any
		want       string
	}{
		{"4000503 chart count", named("two.tgz", ""), "two.tgz in the package of template shop@1 holds 2 charts (shop, web); want one"},
		{"no chart in the archive", named("none.tgz", ""), "none.tgz in the package of template shop@1 holds 0 charts"},
		{"4000505 chart not found", named("charts/nope", ""), "chart charts/nope is neither in the package of template shop@1 nor in the registry"},
		{"4000506 not unique", named("api", ""), "chart api is not unique in the package of template shop@1: charts/api-1.0.0.tgz, charts/api-2.0.0.tgz"},
		{"another version", named("charts/web", "2.0.0"), "charts/web in the package of template shop@1 has version 1.0.0"},
		{"no archive", named("broken.tgz", ""), "broken.tgz in the package of template shop@1 cannot be unpacked"},
		{"library", named("lib", ""), "lib in the package of template shop@1 is a library chart, which cannot be installed"},
		{"no chart", named("bad", ""), "bad in the package of template shop@1 is no usable chart"},
		{"dependency", named("needy", ""), "needy in the package of template shop@1 needs charts that are not in its charts folder: redis"},
		{"values file missing", map[string]any{"chart": map[string]any{"name": "charts/web"}, "valuesFile": "values/none.yaml"}, "template shop@1 has no file values/none.yaml"},
		{"values file wrong", map[string]any{"chart": map[string]any{"name": "charts/web"}, "valuesFile": "values/bad.yaml"}, "valuesFile values/bad.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := plan(tt.properties)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v; want it to say %q", err, tt.want)
			}
		})
	}
}

// embedded starts the embedded registry with organization team.
func embedded(t *testing.T) (reg *ours.Registry, host string) {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) }))
	t.Cleanup(server.Close)
	reg, err = ours.New(ours.Config{DB: db, Dir: t.TempDir(), PublicURL: server.URL,
		Auth: func(_ context.Context, user, _ string) (fairlead.Actor, error) {
			return fairlead.Actor{User: user, Admin: true}, nil
		},
		Can: func(actor fairlead.Actor, _, _ string) bool { return actor.Admin }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reg.Close() })
	handler = reg
	if _, err := reg.CreateOrganization(t.Context(), fairlead.Actor{User: "admin"}, "team", true); err != nil {
		t.Fatal(err)
	}
	return reg, strings.TrimPrefix(server.URL, "http://")
}

// push pushes a chart as helm push does.
func push(t *testing.T, host, ref string, data []byte) {
	t.Helper()
	c, err := registry.NewClient(registry.ClientOptPlainHTTP(), registry.ClientOptBasicAuth("admin", "secret"),
		registry.ClientOptCredentialsFile(filepath.Join(t.TempDir(), "config.json")), registry.ClientOptWriter(&bytes.Buffer{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Push(data, host+"/"+ref); err != nil {
		t.Fatalf("push %s: %v", ref, err)
	}
}

func TestChartOfEmbeddedRegistry(t *testing.T) {
	w := newWorld(t)
	reg, host := embedded(t)
	push(t, host, "team/charts/web:1.0.0", pack(t, in("web", chart("1.0.0", nil))))
	push(t, host, "team/charts/web:1.1.0", pack(t, in("web", chart("1.1.0", nil))))
	w.images = reg
	p := w.provider()
	element := func(version string) map[string]any {
		return map[string]any{"name": "web", "chart": map[string]any{"url": "oci://" + host + "/team/charts/web", "version": version}}
	}
	r := w.make(p, w.element(element("1.0.0")), nil)
	if r.Attributes["version"] != "1.0.0" || r.Identity["chart_manifest"] == "" {
		t.Errorf("attributes %v, identity %v", r.Attributes, r.Identity)
	}
	first := r.Identity["chart_digest"]
	c := w.plan(p, w.element(element("1.1.0")), &r, fairlead.OpUpdate)
	if c.Reason != "chart web 1.0.0 -> 1.1.0" {
		t.Errorf("reason %q", c.Reason)
	}
	r = w.settle(p, c)

	t.Run("by name alone", func(t *testing.T) {
		el := w.element(map[string]any{"name": "web", "chart": map[string]any{"name": "team/charts/web", "version": "1.1.0"}})
		w.plan(p, el, &r, fairlead.OpUpdate) // same chart; it is asked for in another way
	})
	t.Run("the same tag with other content, and back", func(t *testing.T) {
		push(t, host, "team/charts/web:1.1.0", pack(t, in("web", chart("1.1.0", map[string]string{"templates/more.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"}))))
		c := w.plan(p, w.element(element("1.1.0")), &r, fairlead.OpUpdate)
		if c.Reason != "chart web 1.1.0 has other content; adds ConfigMap more" {
			t.Errorf("reason %q", c.Reason)
		}
		r = w.settle(p, c)
		push(t, host, "team/charts/web:1.0.0", pack(t, in("web", chart("1.0.0", map[string]string{"templates/less.yaml": "\n"}))))
		back := w.plan(p, w.element(element("1.0.0")), &r, fairlead.OpUpdate)
		if back.Record.Identity["chart_digest"] != first {
			t.Errorf("going back takes chart %s, want that of then, %s, although its tag was pushed again", back.Record.Identity["chart_digest"], first)
		}
		r = w.settle(p, back)
	})
	t.Run("missing, and no chart", func(t *testing.T) {
		_, err := p.Plan(t.Context(), w.element(element("9.9.9")), &r)
		wantError(t, err, fairlead.Invalid, "is not in the registry")
		img, err := random.Image(100, 1)
		if err != nil {
			t.Fatal(err)
		}
		tag, err := name.NewTag(host + "/team/charts/web:2.0.0")
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(tag, img, remote.WithAuth(&authn.Basic{Username: "admin", Password: "secret"})); err != nil {
			t.Fatal(err)
		}
		_, err = p.Plan(t.Context(), w.element(element("2.0.0")), &r)
		wantError(t, err, fairlead.Invalid, "it is an image, not a chart")
	})
	t.Run("from a registry that is not ours", func(t *testing.T) {
		w.images = nil
		el := w.element(element("1.0.0"))
		elsewhere := w.provider()
		_, err := elsewhere.Plan(t.Context(), el, nil)
		wantError(t, err, fairlead.Invalid, "may not be read without credentials")
	})
	w.delete(p, r)
}

// repository serves a folder with archives and their index.
func repository(t *testing.T, archives map[string][]byte) (url, dir string) {
	t.Helper()
	dir = t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	for name, data := range archives {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	index(t, dir, server.URL)
	return server.URL, dir
}

func index(t *testing.T, dir, url string) {
	t.Helper()
	i, err := repo.IndexDirectory(dir, url)
	if err != nil {
		t.Fatal(err)
	}
	i.SortEntries()
	if err := i.WriteFile(filepath.Join(dir, "index.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestChartOfRepository(t *testing.T) {
	w := newWorld(t)
	p := w.provider()
	url, dir := repository(t, map[string][]byte{
		"web-1.0.0.tgz": pack(t, in("web", chart("1.0.0", nil))), "web-1.1.0.tgz": pack(t, in("web", chart("1.1.0", nil))),
	})
	element := func(name, version string) map[string]any {
		return map[string]any{"name": "web", "chart": map[string]any{"url": url, "name": name, "version": version}}
	}
	first := w.make(p, w.element(element("web", "~1.0")), nil)
	if first.Attributes["version"] != "1.0.0" {
		t.Errorf("attributes %v", first.Attributes)
	}
	w.plan(p, w.element(element("web", "~1.0")), &first, fairlead.OpNone)
	r := w.make(p, w.element(element("web", "1.1.0")), &first)

	t.Run("going back takes the chart of then", func(t *testing.T) {
		name := filepath.Join(dir, "web-1.0.1.tgz")
		if err := os.WriteFile(name, pack(t, in("web", chart("1.0.1", nil))), 0o600); err != nil {
			t.Fatal(err)
		}
		index(t, dir, url)
		c := w.plan(p, w.element(element("web", "~1.0")), &r, fairlead.OpUpdate)
		if c.Record.Identity["chart_version"] != "1.0.0" {
			t.Errorf("it takes version %s, want 1.0.0 although 1.0.1 is out", c.Record.Identity["chart_version"])
		}
		r = w.settle(p, c)
	})
	t.Run("the chart of then is gone", func(t *testing.T) {
		r = w.make(p, w.element(element("web", "1.1.0")), &r)
		if err := os.Remove(filepath.Join(dir, "web-1.0.0.tgz")); err != nil {
			t.Fatal(err)
		}
		index(t, dir, url)
		_, err := p.Plan(t.Context(), w.element(element("web", "~1.0")), &r)
		wantError(t, err, fairlead.Invalid, "chart web 1.0.0 of "+url+" does not exist")
	})
	t.Run("mistakes", func(t *testing.T) {
		_, err := p.Plan(t.Context(), w.element(element("nope", "")), &r)
		wantError(t, err, fairlead.Invalid, "chart nope of "+url+" does not exist")
		_, err = p.Plan(t.Context(), w.element(map[string]any{"name": "web", "chart": map[string]any{"url": url + "/none", "name": "web"}}), &r)
		wantError(t, err, fairlead.Invalid, url+"/none/index.yaml does not exist")
		if err := os.WriteFile(filepath.Join(dir, "web-1.0.1.tgz"), []byte("other"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = p.Plan(t.Context(), w.element(element("web", "1.0.1")), &r)
		wantError(t, err, fairlead.Invalid, "its repository says")
	})
	t.Run("by the archive's address", func(t *testing.T) {
		el := w.element(map[string]any{"name": "web", "chart": map[string]any{"url": url + "/web-1.1.0.tgz"}})
		w.plan(p, el, &r, fairlead.OpUpdate)
	})
	w.delete(p, r)
}
