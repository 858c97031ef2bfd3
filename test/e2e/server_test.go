// Package e2e_test drives the built program as a user does: the binary, its command line, its HTTP addresses, a real
// container engine. It imports none of the engines of the program.
package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// binary is the program under test, built by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fairlead-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system cleans its temporary folder
	binary = filepath.Join(dir, "fairlead")
	build := exec.Command("go", "build", "-o", binary, "github.com/fairlead/fairlead/cmd/fairlead")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// mustEngine returns a client of the container engine that DOCKER_HOST names.
func mustEngine(t *testing.T) *client.Client {
	t.Helper()
	docker, err := client.New(client.FromEnv)
	if err == nil {
		_, err = docker.Ping(t.Context(), client.PingOptions{})
	}
	if err != nil && os.Getenv("FAIRLEAD_TEST_REQUIRE") != "" {
		t.Fatalf("no container engine answers, and FAIRLEAD_TEST_REQUIRE is set: %v", err)
	}
	if err != nil {
		t.Skipf("no container engine answers; `make test` finds or installs one: %v", err)
	}
	t.Cleanup(func() { _ = docker.Close() })
	return docker
}

const adminPassword = "correct horse battery staple"

// server is one `fairlead serve` with a data directory that outlives its process.
type server struct {
	t       *testing.T
	data    string
	address string
	config  string
	args    []string // more of them for serve
	env     []string // more of it for serve
	cmd     *exec.Cmd
	log     *bytes.Buffer
}

// newServer starts a server on a free port and signs the command line in.
func newServer(t *testing.T) *server {
	t.Helper()
	return newServerAt(t, freeAddress(t), nil)
}

// newServerAt is newServer at an address and with more environment and arguments.
func newServerAt(t *testing.T, address string, env []string, args ...string) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{t: t, data: filepath.Join(dir, "data"), address: address, config: filepath.Join(dir, "config.json"), env: env, args: args}
	s.start()
	t.Cleanup(s.end)
	s.mustRunInput(adminPassword, "login", s.url(""), "--user", "admin", "--password-stdin")
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only its number is wanted
	return l.Addr().String()
}

func (s *server) url(path string) string { return "http://" + s.address + path }

// start runs the program and waits until it is ready.
func (s *server) start() {
	s.t.Helper()
	s.log = &bytes.Buffer{}
	s.cmd = exec.Command(binary, append([]string{"serve", "--data", s.data, "--listen", s.address}, s.args...)...)
	s.cmd.Env = append(append(os.Environ(), "FAIRLEAD_ADMIN_PASSWORD="+adminPassword), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the server is ready", func() error {
		res, err := http.Get(s.url("/readyz"))
		if err != nil {
			return err
		}
		defer res.Body.Close() //nolint:errcheck // only the status counts
		if res.StatusCode != http.StatusOK {
			return errors.New(res.Status)
		}
		return nil
	})
}

// kill ends the process as a power failure would: kill -9.
func (s *server) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	_ = s.cmd.Wait() // it was killed: that is the error
	s.cmd = nil
}

// end deletes the stacks that are left and stops the server.
func (s *server) end() {
	if s.cmd == nil {
		s.start()
	}
	var stacks []struct{ Name string }
	out, err := s.run("", "stack", "list", "-o", "json")
	if err := errors.Join(err, json.Unmarshal([]byte(out), &stacks)); err != nil {
		s.t.Error(err)
	}
	for _, stack := range stacks {
		if _, err := s.run("", "stack", "delete", stack.Name, "--wait"); err != nil {
			s.t.Error(err)
		}
	}
	_ = s.cmd.Process.Signal(os.Interrupt)
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the server did not stop cleanly: %v", err)
	}
	if s.t.Failed() {
		s.t.Logf("log of the server:\n%s", s.log)
	}
}

// run runs the command line and returns its standard output; the error holds its standard error.
func (s *server) run(input string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "FAIRLEAD_CONFIG="+s.config)
	cmd.Stdin = strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("fairlead %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

func (s *server) mustRun(args ...string) string { s.t.Helper(); return s.mustRunInput("", args...) }

func (s *server) mustRunInput(input string, args ...string) string {
	s.t.Helper()
	out, err := s.run(input, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// mustJSON runs a command with -o json and reads its answer.
func mustJSON[T any](s *server, args ...string) T {
	s.t.Helper()
	var v T
	out := s.mustRun(append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		s.t.Fatalf("fairlead %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return v
}

// eventually asks again every 50 ms until fn returns nil, for at most 90 seconds.
func (s *server) eventually(what string, fn func() error) {
	s.t.Helper()
	s.eventuallyWithin(90*time.Second, what, fn)
}

func (s *server) eventuallyWithin(limit time.Duration, what string, fn func() error) {
	s.t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := fn()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("%s: not within %s: %v\nlog of the server:\n%s", what, limit, err, s.log)
		}
	}
}

// post sends a request without a body and returns status and text of the answer.
func (s *server) post(path string, header ...string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url(path), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// writeFile writes a file for the command line and returns its path.
func (s *server) writeFile(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// page fetches a page of an application.
func (s *server) page(url string) string {
	s.t.Helper()
	res, err := http.Get(url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s: %s, %v\n%s", url, res.Status, err, text)
	}
	return string(text)
}
