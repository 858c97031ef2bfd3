package registry_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/registry"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// env is a registry with organization "team", which alice may do everything in and bob may pull from, and the public
// organization "open".
type env struct {
	*registry.Registry
	db   *store.DB
	host string
	cfg  registry.Config
}

func login(_ context.Context, user, password string) (fairlead.Actor, error) {
	if password != "secret" || !slices.Contains([]string{"admin", "alice", "bob"}, user) {
		return fairlead.Actor{}, fairlead.Errorf(fairlead.Unauthenticated, "user %q: wrong name, password or token", user)
	}
	return fairlead.Actor{User: user, Admin: user == "admin"}, nil
}

func can(actor fairlead.Actor, verb, org string) bool {
	return actor.Admin || org == "team" && (actor.User == "alice" || actor.User == "bob" && verb == registry.Pull)
}

func start(t testing.TB, change func(*registry.Config)) *env {
	t.Helper()
	db, err := store.Open(t.Context(), storetest.Config(t, store.Config{Dir: t.TempDir()}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	e := &env{db: db, cfg: registry.Config{DB: db, Dir: t.TempDir(), Auth: login, Can: can}}
	if change != nil {
		change(&e.cfg)
	}
	e.open(t)
	for _, org := range []string{"team", "open"} {
		if _, err := e.CreateOrganization(t.Context(), fairlead.Actor{User: "admin"}, org, org == "open"); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// open starts the registry on what is there, as after a restart.
func (e *env) open(t testing.TB) {
	t.Helper()
	r, err := registry.New(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	t.Cleanup(func() { server.Close(); _ = r.Close() })
	e.Registry, e.host = r, strings.TrimPrefix(server.URL, "http://")
}

func (e *env) ref(t testing.TB, image string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(e.host+"/"+image, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func as(user string) remote.Option {
	return remote.WithAuth(&authn.Basic{Username: user, Password: "secret"})
}

func (e *env) push(t testing.TB, image string, img v1.Image) {
	t.Helper()
	if err := remote.Write(e.ref(t, image), img, as("alice"), remote.WithContext(t.Context())); err != nil {
		t.Fatalf("push %s: %v", image, err)
	}
}

func randomImage(t testing.TB, layers int64) v1.Image {
	t.Helper()
	img, err := random.Image(3000, layers)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", "amd64"
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatal(err)
	}
	return img
}

func digestOf(t testing.TB, img interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	h, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func wantCode(t testing.TB, err error, want fairlead.Code) {
	t.Helper()
	if got := fairlead.ErrorCode(err); got != want {
		t.Fatalf("code = %q (%v), want %q", got, err, want)
	}
}

// sameImage compares manifest, config and all layers byte by byte.
func sameImage(t testing.TB, got, want v1.Image) {
	t.Helper()
	read := func(img v1.Image) [][]byte {
		manifest, err1 := img.RawManifest()
		config, err2 := img.RawConfigFile()
		layers, err3 := img.Layers()
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		parts := [][]byte{manifest, config}
		for _, l := range layers {
			rc, err := l.Compressed()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(rc)
			if err := errors.Join(err, rc.Close()); err != nil {
				t.Fatal(err)
			}
			parts = append(parts, b)
		}
		return parts
	}
	if g, w := read(got), read(want); !reflect.DeepEqual(g, w) {
		t.Fatalf("the image changed: %d parts, want %d", len(g), len(w))
	}
}

func TestPushAndPull(t *testing.T) {
	var pushed []fairlead.Tag
	e := start(t, func(cfg *registry.Config) {
		cfg.OnPush = func(_ context.Context, _ *store.Tx, tag fairlead.Tag) error {
			pushed = append(pushed, tag)
			return nil
		}
	})
	img := randomImage(t, 6)
	e.push(t, "team/shop/web:1.0", img)
	digest := digestOf(t, img)

	t.Run("by tag and by digest it is the same bytes", func(t *testing.T) {
		for _, image := range []string{"team/shop/web:1.0", "team/shop/web@" + digest} {
			got, err := remote.Image(e.ref(t, image), as("bob"))
			if err != nil {
				t.Fatal(err)
			}
			sameImage(t, got, img)
		}
	})

	t.Run("the catalogue has it", func(t *testing.T) {
		tag, err := e.Resolve(t.Context(), "team/shop/web:1.0")
		if err != nil {
			t.Fatal(err)
		}
		m, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := img.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		size := int64(len(raw)) + m.Config.Size
		for _, l := range m.Layers {
			size += l.Size
		}
		want := fairlead.Tag{Organization: "team", Repository: "shop/web", Name: "1.0", Digest: digest, MediaType: string(m.MediaType),
			Size: size, Platforms: []string{"linux/amd64"}, PushedBy: "alice", PushedAt: tag.PushedAt}
		if !reflect.DeepEqual(tag, want) || tag.PushedAt.IsZero() {
			t.Fatalf("tag = %+v, want %+v", tag, want)
		}
		if len(pushed) != 1 || !reflect.DeepEqual(pushed[0], want) {
			t.Fatalf("OnPush saw %+v", pushed)
		}
		if e.events(t)["image-pushed team/shop/web:1.0"] != 1 {
			t.Fatalf("events = %v", e.events(t))
		}
	})

	t.Run("by digest it can be resolved", func(t *testing.T) {
		tag, err := e.Resolve(t.Context(), "team/shop/web@"+digest)
		if err != nil || tag.Name != "1.0" || tag.Digest != digest {
			t.Fatalf("tag = %+v, %v", tag, err)
		}
	})

	t.Run("the server reads it without a network", func(t *testing.T) {
		got, err := e.Image(t.Context(), "team/shop/web:1.0", v1.Platform{})
		if err != nil {
			t.Fatal(err)
		}
		sameImage(t, got, img)
	})

	t.Run("a push by digest makes no tag", func(t *testing.T) {
		other := randomImage(t, 1)
		e.push(t, "team/loose@"+digestOf(t, other), other)
		tag, err := e.Resolve(t.Context(), "team/loose@"+digestOf(t, other))
		if err != nil || tag.Name != "" || tag.Size == 0 {
			t.Fatalf("tag = %+v, %v", tag, err)
		}
		if len(pushed) != 1 {
			t.Fatalf("OnPush saw %d pushes, want 1", len(pushed))
		}
	})

	t.Run("what does not exist is not found", func(t *testing.T) {
		for _, image := range []string{"team/shop/web:2.0", "team/none:1", "nobody/none:1", "team/shop/web@sha256:" + strings.Repeat("0", 64)} {
			_, err := e.Resolve(t.Context(), image)
			wantCode(t, err, fairlead.NotFound)
			_, err = e.Image(t.Context(), image, v1.Platform{})
			wantCode(t, err, fairlead.NotFound)
		}
	})

	t.Run("what is no image name is invalid", func(t *testing.T) {
		for _, image := range []string{"", "web", "web:1", "team/web", "Team/web:1", "team/../x:1", "team/web:", "team/web:-1", "team/web@sha256:12", "team//web:1"} {
			_, err := e.Resolve(t.Context(), image)
			wantCode(t, err, fairlead.Invalid)
		}
	})
}

// events counts "type name".
func (e *env) events(t testing.TB) map[string]int {
	t.Helper()
	counts := map[string]int{}
	err := e.db.Read(t.Context(), func(tx *store.Tx) error {
		list, err := tx.Events(t.Context(), store.EventFilter{Kind: "image", Limit: 1000})
		for _, ev := range list {
			counts[ev.Type+" "+ev.Name]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

func TestIndex(t *testing.T) {
	e := start(t, nil)
	arm := v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
	amd := v1.Platform{OS: "linux", Architecture: "amd64"}
	images := map[string]v1.Image{"amd64": randomImage(t, 2), "arm64": randomImage(t, 3)}
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: images["amd64"], Descriptor: v1.Descriptor{Platform: &amd}},
		mutate.IndexAddendum{Add: images["arm64"], Descriptor: v1.Descriptor{Platform: &arm}},
		mutate.IndexAddendum{Add: randomImage(t, 1), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}},
	)
	if err := remote.WriteIndex(e.ref(t, "team/multi:1"), index, as("alice")); err != nil {
		t.Fatal(err)
	}

	t.Run("the catalogue has all platforms", func(t *testing.T) {
		tag, err := e.Resolve(t.Context(), "team/multi:1")
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"linux/amd64", "linux/arm64/v8"}; !slices.Equal(tag.Platforms, want) || tag.Digest != digestOf(t, index) {
			t.Fatalf("tag = %+v, want platforms %v", tag, want)
		}
		if tag.Size < 6*3000 {
			t.Fatalf("size = %d, want at least that of six layers", tag.Size)
		}
	})

	t.Run("the platform decides what is read", func(t *testing.T) {
		for arch, want := range images {
			got, err := e.Image(t.Context(), "team/multi:1", v1.Platform{OS: "linux", Architecture: arch})
			if err != nil {
				t.Fatal(err)
			}
			sameImage(t, got, want)
		}
		_, err := e.Image(t.Context(), "team/multi:1", v1.Platform{OS: "windows", Architecture: "amd64"})
		wantCode(t, err, fairlead.NotFound)
		if !strings.Contains(err.Error(), "it has linux/amd64, linux/arm64/v8") {
			t.Fatalf("message = %q", err)
		}
	})

	t.Run("a thorough delete takes the children along", func(t *testing.T) {
		e.push(t, "team/multi:amd", images["amd64"])
		if err := e.DeleteTag(t.Context(), "team/multi:1"); err != nil {
			t.Fatal(err)
		}
		_, err := e.Resolve(t.Context(), "team/multi@"+digestOf(t, images["arm64"]))
		wantCode(t, err, fairlead.NotFound)
		if _, err := e.Resolve(t.Context(), "team/multi@"+digestOf(t, images["amd64"])); err != nil {
			t.Fatalf("the child with a tag of its own: %v", err)
		}
	})
}

func TestPushFails(t *testing.T) {
	boom := true
	e := start(t, func(cfg *registry.Config) {
		cfg.OnPush = func(context.Context, *store.Tx, fairlead.Tag) error {
			if boom {
				return errors.New("the disk is on fire")
			}
			return nil
		}
	})
	img := randomImage(t, 1)
	raw, err := img.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	boom = false
	e.push(t, "team/web:blobs", img)
	boom = true
	status, body, _ := e.do(t, http.MethodPut, "/v2/team/web/manifests/1.0", bytes.NewReader(raw), func(req *http.Request) {
		req.SetBasicAuth("alice", "secret")
		req.Header.Set("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
	})
	if status != http.StatusInternalServerError || strings.Contains(body, "fire") {
		t.Fatalf("status %d, body %s; want 500 without the cause", status, body)
	}
	_, err = e.Resolve(t.Context(), "team/web:1.0")
	wantCode(t, err, fairlead.NotFound)

	t.Run("pushing again brings it in", func(t *testing.T) {
		boom = false
		e.push(t, "team/web:1.0", img)
		if _, err := e.Resolve(t.Context(), "team/web:1.0"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPushesOfOneTagKeepTheirOrder(t *testing.T) {
	e := start(t, nil)
	var wg sync.WaitGroup
	for range 8 {
		img := randomImage(t, 1)
		wg.Go(func() {
			if err := remote.Write(e.ref(t, "team/web:latest"), img, as("alice")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	recorded, err := e.Resolve(t.Context(), "team/web:latest")
	if err != nil {
		t.Fatal(err)
	}
	onDisk, err := remote.Head(e.ref(t, "team/web:latest"), as("bob"))
	if err != nil || onDisk.Digest.String() != recorded.Digest {
		t.Fatalf("catalogue has %s, the files have %v (%v)", recorded.Digest, onDisk, err)
	}
}

// do sends one request and returns the status, the body and the header.
func (e *env) do(t testing.TB, method, path string, body io.Reader, change func(*http.Request)) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+e.host+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

// ociError is the code and message of an error answer.
func ociError(t testing.TB, body string) (code, message string) {
	t.Helper()
	var answer struct {
		Errors []struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Errors) == 0 {
		t.Fatalf("body %q is not an OCI error: %v", body, err)
	}
	return answer.Errors[0].Code, answer.Errors[0].Message
}

func TestAnUploadGoesOnAfterARestart(t *testing.T) {
	e := start(t, nil)
	_, _, header := e.do(t, "POST", "/v2/team/web/blobs/uploads/", nil, basic("alice"))
	status, body, header := e.do(t, "PATCH", header.Get("Location"), strings.NewReader("half "), basic("alice"))
	if status != http.StatusAccepted {
		t.Fatalf("first half: status %d, body %s", status, body)
	}
	e.open(t)
	digest := "sha256:" + hex.EncodeToString(sum("half and half"))
	status, body, _ = e.do(t, "PUT", header.Get("Location")+"&digest="+digest, strings.NewReader("and half"), basic("alice"))
	if status != http.StatusCreated {
		t.Fatalf("second half: status %d, body %s", status, body)
	}
	if _, body, _ = e.do(t, "GET", "/v2/team/web/blobs/"+digest, nil, basic("bob")); body != "half and half" {
		t.Fatalf("blob = %q", body)
	}
}

func sum(text string) []byte {
	s := sha256.Sum256([]byte(text))
	return s[:]
}

func TestADamagedBlobIsAnError(t *testing.T) {
	e := start(t, nil)
	img := randomImage(t, 1)
	e.push(t, "team/web:1", img)
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	h := strings.TrimPrefix(digestOf(t, layers[0]), "sha256:")
	file := filepath.Join(e.cfg.Dir, "blobs/docker/registry/v2/blobs/sha256", h[:2], h, "data")
	if err := os.WriteFile(file, []byte("rot"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := e.Image(t.Context(), "team/web:1", v1.Platform{OS: "linux", Architecture: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	if layers, err = got.Layers(); err != nil {
		t.Fatal(err)
	}
	rc, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(rc); err == nil || !strings.Contains(err.Error(), "damaged on disk") {
		t.Fatalf("err = %v, want that the blob is damaged", err)
	}
}

// TestLog holds the way in which distribution is given our logger, which a new version of it could break.
func TestLog(t *testing.T) {
	var mu sync.Mutex
	var log bytes.Buffer
	e := start(t, func(cfg *registry.Config) {
		cfg.Log = slog.New(slog.NewTextHandler(lockedWriter{&mu, &log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	e.do(t, "GET", "/v2/team/web/manifests/none", nil, basic("bob"))
	mu.Lock()
	defer mu.Unlock()
	if got := log.String(); !strings.Contains(got, "level=DEBUG") || !strings.Contains(got, "manifest unknown") || strings.Contains(got, "level=ERROR") {
		t.Fatalf("log = %q, want the missing manifest for debugging only", got)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
