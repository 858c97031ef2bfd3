package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/fairlead/fairlead/client"
)

// neverReady is a template of one container that starts and never becomes ready.
const neverReady = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  image: {type: string}
node_templates:
  web:
    type: HuaweiCloud.CCE.Pod
    properties:
      k8sManifest:
        apiVersion: v1
        kind: Pod
        metadata: {name: web, labels: {app: web}}
        spec:
          containers:
            - name: web
              image: {get_input: image}
              ports: [{name: http, containerPort: 8080}]
              readinessProbe: {httpGet: {path: /nothing-is-here, port: 8081}, periodSeconds: 1}
`

// terminal is an app whose commands run in this process, signed in to a server.
type terminal struct {
	*app
	t   *testing.T
	env map[string]string
}

func newTerminal(t *testing.T, url, token string) *terminal {
	env := map[string]string{"FAIRLEAD_URL": url, "FAIRLEAD_TOKEN": token}
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard, env: func(k string) string { return env[k] }, now: time.Now}
	return &terminal{a, t, env}
}

func (term *terminal) run(args ...string) (code int, out, err string) {
	var stdout, stderr bytes.Buffer
	a := *term.app
	a.out, a.err = &stdout, &stderr
	code = a.execute(term.t.Context(), args)
	return code, stdout.String(), stderr.String()
}

func (term *terminal) must(args ...string) string {
	term.t.Helper()
	code, out, err := term.run(args...)
	if code != exitDone {
		term.t.Fatalf("fairlead %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, err)
	}
	return out
}

// until is a writer that calls a function once when a text was written.
type until struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	text string
	call func()
}

func (u *until) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n, err := u.buf.Write(p)
	if u.call != nil && strings.Contains(u.buf.String(), u.text) {
		u.call()
		u.call = nil
	}
	return n, err
}

// pushDemoImage pushes an image of this program, which serves on port 8080.
func pushDemoImage(t *testing.T, server, ref, token string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "fairlead")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	img, err := demoImage(binary, "1.0")
	if err != nil {
		t.Fatal(err)
	}
	full, err := name.ParseReference(server+"/"+ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(full, img, remote.WithAuth(&authn.Basic{Username: adminUser, Password: token}), remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// Ctrl-C stops a server in good order.
func TestServeStops(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out bytes.Buffer
	a := newTerminal(t, "", "").app
	log := &until{text: "the server is ready", call: interrupt}
	a.out, a.err = &out, log
	code := a.execute(ctx, []string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0"})
	if code != exitDone || !strings.Contains(out.String(), "First start: user admin has the password ") {
		t.Errorf("exit code %d, output %q, log %s", code, out.String(), log.buf.String())
	}
}

// Ctrl-C ends the waiting and not the work.
func TestWaitInterrupted(t *testing.T) {
	if !haveEngine(t) {
		if os.Getenv("FAIRLEAD_TEST_REQUIRE") == "1" {
			t.Fatal("no container engine answers, and FAIRLEAD_TEST_REQUIRE says that one is there")
		}
		t.Skip("no container engine answers")
	}
	t.Parallel()
	s := mustRunServer(t, ServerConfig{Data: t.TempDir(), AdminPassword: scriptPassword})
	c, err := client.New(client.Config{URL: s.URL(), User: adminUser, Password: scriptPassword})
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.CreateToken(t.Context(), "test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	term := newTerminal(t, s.URL(), token.Secret)
	term.must("image", "create-org", "team")
	pushDemoImage(t, s.Addr(), "team/web:1.0", token.Secret)
	file := filepath.Join(t.TempDir(), "web.yaml")
	if err := os.WriteFile(file, []byte(neverReady), 0o600); err != nil {
		t.Fatal(err)
	}
	term.must("template", "push", "web", "1.0", file)

	defer func() { // also when the test ends early: nothing may be left on the engine
		term.run("stack", "cancel", "web", "--wait")
		if code, _, err := term.run("stack", "delete", "web", "--wait"); code != exitDone && code != exitNotFound {
			t.Errorf("delete: exit code %d, %s", code, err)
		}
	}()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stderr bytes.Buffer
	a := *term.app
	a.out, a.err = &until{text: "creating web", call: interrupt}, &stderr
	code := a.execute(ctx, []string{"stack", "create", "web", "--template", "web", "--set", "image=" + s.Addr() + "/team/web:1.0", "--wait"})
	want := "fairlead: stopped waiting; stack web: create goes on\nsee: fairlead stack show web\nsee: fairlead stack events web -f\n"
	if code != exitInterrupted || stderr.String() != want {
		t.Errorf("exit code %d, %q; want %d, %q", code, stderr.String(), exitInterrupted, want)
	}
	if out := term.must("stack", "show", "web"); !strings.Contains(out, "processing") {
		t.Errorf("the stack is not being made:\n%s", out)
	}

	// A follower without waiting ends silently.
	ctx, interrupt = context.WithCancel(t.Context())
	defer interrupt()
	stderr.Reset()
	a.out = &until{text: "creating web", call: interrupt}
	if code := a.execute(ctx, []string{"stack", "events", "web", "-f"}); code != exitInterrupted || stderr.Len() > 0 {
		t.Errorf("exit code %d, %q; want %d and nothing", code, stderr.String(), exitInterrupted)
	}

	out := term.must("stack", "cancel", "web", "--wait")
	if !strings.Contains(out, "stack web: create canceled after ") {
		t.Errorf("cancel says %q", out)
	}
}
