package engine_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/engine"
	"github.com/fairlead/fairlead/internal/template"
)

// binaries are built once for all tests, by TestMain.
var binaries struct{ app, forwarder string }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "fairlead-engine-test")
	if err != nil {
		panic(err)
	}
	binaries.app, binaries.forwarder = filepath.Join(dir, "app"), filepath.Join(dir, "forwarder")
	for _, out := range []string{binaries.app, binaries.forwarder} {
		cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", out, "./testdata/"+filepath.Base(out))
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if b, err := cmd.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("%v\n%s", err, b))
		}
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// engineHost finds the engine for tests or skips the test.
func engineHost(t *testing.T) string {
	t.Helper()
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		if os.Getenv("FAIRLEAD_TEST_REQUIRE") == "1" {
			t.Fatal("DOCKER_HOST is not set; scripts/engine.sh ensure prints one")
		}
		t.Skip("DOCKER_HOST is not set; scripts/engine.sh ensure prints one")
	}
	return host
}

// shelf is an image source in memory.
type shelf struct {
	mu     sync.Mutex
	images map[string]v1.Image // by org/repo:tag and by org/repo@digest
}

const shelfHost = "registry.test/"

func (s *shelf) Own(image string) (string, bool) { return strings.CutPrefix(image, shelfHost) }

func (s *shelf) Resolve(_ context.Context, ref string) (fairlead.Tag, error) {
	img, err := s.get(ref)
	if err != nil {
		return fairlead.Tag{}, err
	}
	d, err := img.Digest()
	return fairlead.Tag{Digest: d.String()}, err
}

func (s *shelf) Image(_ context.Context, ref string, _ v1.Platform) (v1.Image, error) {
	return s.get(ref)
}

func (s *shelf) get(ref string) (v1.Image, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if img := s.images[ref]; img != nil {
		return img, nil
	}
	return nil, fairlead.Errorf(fairlead.NotFound, "image %s does not exist", ref)
}

// push puts the test application on the shelf with variables of its own.
func (s *shelf) push(t *testing.T, ref string, env ...string) {
	t.Helper()
	content, err := os.ReadFile(binaries.app)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: "app", Mode: 0o755, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	w.Write(content)
	w.Close()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", "amd64"
	cfg.Config = v1.Config{Entrypoint: []string{"/app"}, Env: env}
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatal(err)
	}
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images[ref] = img
	s.images[ref[:strings.LastIndexByte(ref, ':')]+"@"+d.String()] = img
}

// world is one stack on a real engine, with what a server would keep about it.
type world struct {
	t        *testing.T
	host     string
	instance string
	stackID  string
	stack    string
	ns       string
	images   *shelf
	api      *client.Client
	provider *engine.Provider

	mu      sync.Mutex
	records map[string]fairlead.Record
	others  []*engine.Provider
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, host: engineHost(t), instance: "test-" + random(), stackID: random(), ns: "default",
		images: &shelf{images: map[string]v1.Image{}}, records: map[string]fairlead.Record{}}
	w.stack = "t" + w.stackID[:6]
	var err error
	if w.api, err = client.New(client.WithHost(w.host)); err != nil {
		t.Fatal(err)
	}
	w.provider = w.newProvider()
	w.images.push(t, "demo/web:1", "VERSION=one")
	w.images.push(t, "demo/web:2", "VERSION=two")
	t.Cleanup(w.clean)
	return w
}

func random() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func (w *world) newProvider() *engine.Provider {
	w.t.Helper()
	p, err := engine.New(engine.Config{Host: w.host, Images: w.images, Lookup: w.lookup, Forwarder: binaries.forwarder, InstanceID: w.instance,
		Log: slog.New(slog.NewTextHandler(testWriter{w.t}, nil))})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// another is one more provider, closed when the world ends.
func (w *world) another() *engine.Provider {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.newProvider()
	w.others = append(w.others, p)
	return p
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(b))
	return len(b), nil
}

// run starts the supervisor for the rest of the test.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	p := w.provider
	go func() { defer close(done); p.Run(ctx) }()
	w.t.Cleanup(func() { cancel(); <-done })
}

func (w *world) lookup(_ context.Context, stackID, ns, kind, name string) (map[string][]byte, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.records {
		if k, rns, n, data, ok := engine.Data(r); ok && r.StackID == stackID && rns == ns && k == kind && n == name {
			return data, true, nil
		}
	}
	return nil, false, nil
}

func (w *world) element(name, typ string, manifest map[string]any) template.Element {
	return template.Element{Name: name, Type: typ, Stack: w.stack, StackID: w.stackID, Target: "local", Namespace: w.ns,
		Properties: map[string]any{"k8sManifest": manifest}}
}

func (w *world) plan(el template.Element) fairlead.Change {
	w.t.Helper()
	c, err := w.provider.Plan(w.t.Context(), el, w.prior(el.Name))
	if err != nil {
		w.t.Fatalf("plan %s: %v", el.Name, err)
	}
	return c
}

func (w *world) prior(name string) *fairlead.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r, ok := w.records[name]; ok {
		return &r
	}
	return nil
}

func (w *world) record(r fairlead.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records[r.Element] = r
}

// pass applies a change once, and writes down before what it will make.
func (w *world) pass(c fairlead.Change) (fairlead.Record, error) {
	if w.prior(c.Record.Element) == nil {
		w.record(c.Record)
	}
	r, err := w.provider.Apply(w.t.Context(), c)
	if err == nil {
		w.record(r)
	}
	return r, err
}

// settle applies a change until its health is final and returns that.
func (w *world) settle(c fairlead.Change) fairlead.Health {
	w.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		r, err := w.pass(c)
		if err != nil {
			w.t.Fatalf("apply %s: %v", c.Record.Element, err)
		}
		h, err := w.provider.Health(w.t.Context(), r)
		if err != nil {
			w.t.Fatalf("health %s: %v", c.Record.Element, err)
		}
		if h.Attributes != nil {
			r.Attributes = h.Attributes
			w.record(r)
		}
		if h.State != fairlead.HealthProgressing {
			return h
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s does not settle: %+v", c.Record.Element, h)
		}
		tick(100 * time.Millisecond)
	}
}

func tick(d time.Duration) { <-time.After(d) }

// make plans and applies an element and expects it to become healthy.
func (w *world) make(el template.Element) fairlead.Change {
	w.t.Helper()
	c := w.plan(el)
	if h := w.settle(c); h.State != fairlead.Healthy {
		w.t.Fatalf("%s is %s: %s", el.Name, h.State, h.Reason)
	}
	return c
}

// delete removes an element and waits until nothing of it is left.
func (w *world) delete(name string) {
	w.t.Helper()
	r := w.prior(name)
	if r == nil {
		return
	}
	deadline := time.Now().Add(60 * time.Second)
	for {
		err := w.provider.Delete(context.Background(), *r)
		if err == nil {
			break
		}
		if !errors.Is(err, fairlead.ErrDeleting) || time.Now().After(deadline) {
			w.t.Errorf("delete %s: %v", name, err)
			return
		}
		tick(50 * time.Millisecond)
	}
	w.mu.Lock()
	delete(w.records, name)
	w.mu.Unlock()
}

// clean removes all elements, checks that nothing is left, and removes what is left anyway.
func (w *world) clean() {
	w.mu.Lock()
	var names []string
	for n := range w.records {
		names = append(names, n)
	}
	w.mu.Unlock()
	for _, n := range names {
		w.delete(n)
	}
	for _, p := range append(w.others, w.provider) {
		p.Close()
	}
	for _, left := range w.left() {
		w.t.Errorf("left on the engine: %s", left)
	}
	w.force()
	w.api.Close()
}

func (w *world) filter() client.Filters {
	return client.Filters{}.Add("label", "fairlead.instance="+w.instance)
}

// left lists what carries our label.
func (w *world) left() []string {
	ctx := context.Background()
	var out []string
	cs, err := w.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: w.filter()})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range cs.Items {
		out = append(out, "container "+strings.Join(c.Names, ","))
	}
	ns, err := w.api.NetworkList(ctx, client.NetworkListOptions{Filters: w.filter()})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, n := range ns.Items {
		out = append(out, "network "+n.Name)
	}
	vs, err := w.api.VolumeList(ctx, client.VolumeListOptions{Filters: w.filter()})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, v := range vs.Items {
		if v.Labels["fairlead.role"] != "claim" {
			out = append(out, "volume "+v.Name)
		}
	}
	return out
}

func (w *world) force() {
	ctx := context.Background()
	cs, _ := w.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: w.filter()})
	for _, c := range cs.Items {
		w.api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	}
	ns, _ := w.api.NetworkList(ctx, client.NetworkListOptions{Filters: w.filter()})
	for _, n := range ns.Items {
		w.api.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
	}
	vs, _ := w.api.VolumeList(ctx, client.VolumeListOptions{Filters: w.filter()})
	for _, v := range vs.Items {
		w.api.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true})
	}
}

// containers are the names of running containers of a role.
func (w *world) containers(role string) []string {
	w.t.Helper()
	cs, err := w.api.ContainerList(w.t.Context(), client.ContainerListOptions{Filters: w.filter().Add("label", "fairlead.role="+role)})
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, c := range cs.Items {
		out = append(out, strings.TrimPrefix(c.Names[0], "/"))
	}
	return out
}

// url is where a Service is published.
func (w *world) url(service string) string {
	w.t.Helper()
	u, _ := w.prior(service).Attributes["url"].(string)
	if u == "" {
		w.t.Fatalf("Service %s has no url: %v", service, w.prior(service).Attributes)
	}
	return "http://" + u
}

// get asks once, on a connection of its own.
func get(url string) (string, error) {
	c := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", res.Status, bytes.TrimSpace(b))
	}
	return string(b), err
}

func mustGet(t *testing.T, url string) string {
	t.Helper()
	s, err := get(url)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	return s
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(45 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		tick(50 * time.Millisecond)
	}
}

type object = map[string]any
type array = []any

func deployment(name string, replicas int, container object, spec ...object) object {
	pod := object{"containers": array{container}, "terminationGracePeriodSeconds": int64(5)}
	out := object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": name, "labels": object{"app": name}},
		"spec": object{"replicas": int64(replicas), "selector": object{"matchLabels": object{"app": name}},
			"template": object{"metadata": object{"labels": object{"app": name}}, "spec": pod}}}
	for _, s := range spec {
		for k, v := range s {
			pod[k] = v
		}
	}
	return out
}

func webContainer(image string, more ...object) object {
	c := object{"name": "web", "image": shelfHost + image, "ports": array{object{"name": "http", "containerPort": int64(8080)}},
		"readinessProbe": object{"httpGet": object{"path": "/ready", "port": "http"}, "periodSeconds": int64(1), "failureThreshold": int64(1)}}
	for _, m := range more {
		for k, v := range m {
			c[k] = v
		}
	}
	return c
}

func nodePort(name, app string) object {
	return object{"apiVersion": "v1", "kind": "Service", "metadata": object{"name": name}, "spec": object{"type": "NodePort",
		"selector": object{"app": app}, "ports": array{object{"port": int64(80), "targetPort": "http"}}}}
}

type inspected = container.InspectResponse

// execIn runs a command in a container and expects success.
func execIn(t *testing.T, w *world, name string, cmd ...string) {
	t.Helper()
	if code := execCode(t, w, name, cmd...); code != 0 {
		t.Fatalf("%v in %s exited with %d", cmd, name, code)
	}
}

func execCode(t *testing.T, w *world, name string, cmd ...string) int {
	t.Helper()
	res, err := w.api.ExecCreate(t.Context(), name, client.ExecCreateOptions{Cmd: cmd, AttachStdout: true})
	if err != nil {
		t.Fatal(err)
	}
	att, err := w.api.ExecAttach(t.Context(), res.ID, client.ExecAttachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, att.Reader)
	att.Close()
	st, err := w.api.ExecInspect(t.Context(), res.ID, client.ExecInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return st.ExitCode
}

// logs are the last lines that a container wrote.
func logs(t *testing.T, w *world, name string) string {
	t.Helper()
	r, err := w.api.ContainerLogs(t.Context(), name, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "20", Timestamps: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, _ := io.ReadAll(r)
	return string(b)
}
