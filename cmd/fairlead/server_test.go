package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/internal/store"
)

// running is a server that a test started.
type running struct {
	*Server
	t    *testing.T
	stop func() error // stops and waits
}

func mustRunServer(t *testing.T, cfg ServerConfig) running {
	t.Helper()
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	s, err := NewServer(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stopped := false
	r := running{Server: s, t: t, stop: func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Minute):
			t.Fatal("the server does not stop")
			return nil
		}
	}}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r running) get(path, password string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.URL()+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if password != "" {
		req.SetBasicAuth(adminUser, password)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (r running) mustGet(path, password string) string {
	r.t.Helper()
	status, body := r.get(path, password)
	if status != http.StatusOK {
		r.t.Fatalf("GET %s: status %d: %s", path, status, body)
	}
	return body
}

func TestServerFirstStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out bytes.Buffer
	s := mustRunServer(t, ServerConfig{Data: dir, Out: &out})
	m := regexp.MustCompile(`user admin has the password (\S+)\n`).FindStringSubmatch(out.String())
	if m == nil {
		t.Fatalf("output = %q, want a password", out.String())
	}
	password := m[1]
	if body := s.mustGet("/api/v1/whoami", password); !strings.Contains(body, `"admin":true`) {
		t.Fatalf("whoami = %s", body)
	}
	if body := s.mustGet("/api/v1/groups", password); !strings.Contains(body, `"default"`) {
		t.Fatalf("groups = %s", body)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	s = mustRunServer(t, ServerConfig{Data: dir, Out: &out, AdminPassword: "another password"})
	if out.Len() > 0 {
		t.Fatalf("the second start says %q", out.String())
	}
	s.mustGet("/api/v1/whoami", password)
	if status, _ := s.get("/api/v1/whoami", "another password"); status != http.StatusUnauthorized {
		t.Fatalf("status %d, want 401: the password of an old server must not change", status)
	}
}

// TestLostPassword sets the administrator's password in the data directory of a server that is stopped.
func TestLostPassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var first bytes.Buffer
	s := mustRunServer(t, ServerConfig{Data: dir, Out: &first})
	generated := regexp.MustCompile(`password (\S+)\n`).FindStringSubmatch(first.String())[1]
	if body := s.mustGet("/api/v1/whoami", generated); !strings.Contains(body, `"must_change":true`) {
		t.Fatalf("whoami = %s", body)
	}
	passwd := func(password string) error {
		a := &app{in: strings.NewReader(password + "\n"), out: io.Discard, err: io.Discard, env: func(string) string { return "" }, now: time.Now}
		root := newRootCommand(a)
		root.SetArgs([]string{"user", "passwd", "admin", "--data", dir, "--password-stdin"})
		return root.ExecuteContext(t.Context())
	}
	if err := passwd("found again"); fairlead.ErrorCode(err) != fairlead.Conflict {
		t.Fatalf("while the server runs: %v, want conflict", err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if err := passwd("short"); fairlead.ErrorCode(err) != fairlead.Invalid {
		t.Fatalf("a short one: %v, want invalid", err)
	}
	if err := passwd("found again"); err != nil {
		t.Fatal(err)
	}
	s = mustRunServer(t, ServerConfig{Data: dir})
	if body := s.mustGet("/api/v1/whoami", "found again"); !strings.Contains(body, `"must_change":false`) {
		t.Fatalf("whoami = %s", body)
	}
	if status, _ := s.get("/api/v1/whoami", generated); status != http.StatusUnauthorized {
		t.Fatalf("the old password: status %d, want 401", status)
	}
	if body := s.mustGet("/api/v1/audit?kind=users&name=admin", "found again"); !strings.Contains(body, `"via":"offline"`) {
		t.Fatalf("audit = %s", body)
	}
}

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	got, err := trustedProxies(" 10.0.0.0/8, 192.0.2.1,::1 ")
	if err != nil || fmt.Sprint(got) != "[10.0.0.0/8 192.0.2.1/32 ::1/128]" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := trustedProxies(""); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := trustedProxies("10.0.0.0/8,proxy"); fairlead.ErrorCode(err) != fairlead.Invalid {
		t.Errorf("%v, want invalid", err)
	}
}

func TestServerRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := mustRunServer(t, ServerConfig{Data: dir, AdminPassword: "correct horse"})
	tests := []struct {
		name    string
		cfg     ServerConfig
		code    fairlead.Code
		message string
	}{
		{"a second server on the same data", ServerConfig{Data: dir}, fairlead.Conflict, "in use by another server (process "},
		{"an address that is taken", ServerConfig{Data: t.TempDir(), Listen: first.Addr()}, fairlead.Failed, "--listen"},
		{"an address that is none", ServerConfig{Data: t.TempDir(), Listen: "nowhere"}, fairlead.Failed, "nowhere"},
		{"a publish address that is none", ServerConfig{Data: t.TempDir(), PublishAddress: "everywhere"}, fairlead.Invalid, "publish address"},
		{"a database that does not answer", ServerConfig{Data: t.TempDir(), DatabaseURL: "postgres://user:secret@127.0.0.1:1/db"}, fairlead.Unavailable, "the database does not answer"},
		{"another database", ServerConfig{Data: t.TempDir(), DatabaseURL: "mysql://host/db"}, fairlead.Invalid, "database URL"},
		{"a weak first password", ServerConfig{Data: t.TempDir(), AdminPassword: "short"}, fairlead.Invalid, "too short"},
		{"a public URL that is none", ServerConfig{Data: t.TempDir(), PublicURL: "fairlead.example.com"}, fairlead.Invalid, "public URL"},
		{"a data directory that is a file", ServerConfig{Data: "server_test.go"}, fairlead.Failed, "data directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.cfg.Listen == "" {
				tt.cfg.Listen = "127.0.0.1:0"
			}
			_, err := NewServer(t.Context(), tt.cfg)
			if got := fairlead.ErrorCode(err); got != tt.code || !strings.Contains(err.Error(), tt.message) || strings.Contains(err.Error(), "secret") {
				t.Fatalf("err = %v (%q), want %q with %q", err, got, tt.code, tt.message)
			}
		})
	}
	first.mustGet("/readyz", "")
}

func TestServerStopEndsStreams(t *testing.T) {
	t.Parallel()
	s := mustRunServer(t, ServerConfig{Data: t.TempDir(), AdminPassword: "correct horse"})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/api/v1/events?follow=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(adminUser, "correct horse")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() {
		t.Fatalf("the stream says nothing: %v", lines.Err())
	}
	begun := time.Now()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > stopTime {
		t.Errorf("the stop took %s", took)
	}
	for lines.Scan() { // ends because the server ended the stream
	}
}

func TestServerMetrics(t *testing.T) {
	t.Parallel()
	s := mustRunServer(t, ServerConfig{Data: t.TempDir(), AdminPassword: "correct horse"})
	s.mustGet("/api/v1/stacks", "correct horse")
	s.get("/some/thing/else", "")
	body := s.mustGet("/metrics", "")
	for _, want := range []string{
		`fairlead_http_requests_total{route="GET /api/v1/stacks",status="200"} 1`, `fairlead_http_requests_total{route="none",status="404"} 1`,
		"fairlead_http_request_duration_seconds_bucket", "fairlead_build_info{", "go_goroutines", "process_resident_memory_bytes",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("metrics have no %s", want)
		}
	}
	if s.mustGet("/readyz", "") == "" {
		t.Error("not ready")
	}
	if status, body := s.get("/v2/", ""); status != http.StatusUnauthorized {
		t.Errorf("the registry answers %d: %s", status, body)
	}
	if status, body := s.get("/v2/", "correct horse"); status != http.StatusOK {
		t.Errorf("the registry answers %d: %s", status, body)
	}
}

func TestDefaultData(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"XDG_DATA_HOME": "/x", "HOME": "/h"}, "/x/fairlead"},
		{map[string]string{"XDG_DATA_HOME": "relative", "HOME": "/h"}, "/h/.local/share/fairlead"},
		{map[string]string{"HOME": "/h"}, "/h/.local/share/fairlead"},
		{nil, ""},
	} {
		got, err := defaultData(func(k string) string { return tt.env[k] })
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%v: %q, %v; want %q", tt.env, got, err, tt.want)
		}
	}
}

func TestUnreachableEngine(t *testing.T) {
	t.Parallel()
	s := mustRunServer(t, ServerConfig{Data: t.TempDir(), AdminPassword: "correct horse"})
	ctx := t.Context()
	if err := s.db.Write(ctx, func(tx *store.Tx) error {
		return tx.CreateTarget(ctx, &fairlead.Target{Name: "gone", Kind: fairlead.TargetEngine, Host: "unix:///nonexistent/engine.sock"})
	}); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{URL: s.URL(), User: adminUser, Password: "correct horse"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../examples/templates/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PushTemplate(ctx, client.TemplateUpload{Name: "config", Version: "1.0", Filename: "config.yaml", Source: text}); err != nil {
		t.Fatal(err)
	}
	t.Run("a check says so", func(t *testing.T) {
		check, err := c.CheckTarget(ctx, "gone")
		if err != nil || check.OK || !strings.Contains(check.Message, "does not answer") {
			t.Fatalf("check = %+v, %v", check, err)
		}
	})
	t.Run("a target there is not added", func(t *testing.T) {
		_, err := c.CreateTarget(ctx, client.NewTarget{Name: "too", Kind: fairlead.TargetEngine, Host: "unix:///nonexistent/engine.sock"})
		if fairlead.ErrorCode(err) != fairlead.Unavailable {
			t.Fatalf("err = %v, want unavailable", err)
		}
		if _, err := c.Target(ctx, "too"); fairlead.ErrorCode(err) != fairlead.NotFound {
			t.Fatalf("err = %v, want not-found", err)
		}
	})
	t.Run("a stack there is not made", func(t *testing.T) {
		_, err := c.CreateStack(ctx, client.StackRequest{Name: "new", Target: "gone", Template: "config", Version: "1.0", Inputs: map[string]any{"image": "x:1", "password": "12345678"}})
		if fairlead.ErrorCode(err) != fairlead.Unavailable {
			t.Fatalf("err = %v, want unavailable", err)
		}
		if _, err := c.Stack(ctx, "new"); fairlead.ErrorCode(err) != fairlead.NotFound {
			t.Fatalf("err = %v, want not-found", err)
		}
	})
}

func TestConfigFile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		args       []string
		want       string // listen, public URL, anonymous; or part of the error
		code       fairlead.Code
	}{
		{"sets flags", "listen: 127.0.0.1:1\npublic_url: https://x # ours\nanonymous_pull: true\n", nil, "127.0.0.1:1 https://x true", ""},
		{"yields to the command line", "listen: 127.0.0.1:1\n", []string{"--listen", "127.0.0.1:2"}, "127.0.0.1:2  false", ""},
		{"may be empty", "# nothing\n", nil, "127.0.0.1:8080  false", ""},
		{"has an unknown key", "listen: x\nmoon: 1\n", nil, ":2:1: error: unknown key \"moon\"", fairlead.Invalid},
		{"has a value of a wrong type", "anonymous_pull: perhaps\nlisten: [1]\n", nil, "has 2 errors", fairlead.Invalid},
		{"names another file", "config: x\n", nil, "unknown key", fairlead.Invalid},
		{"is no YAML", "listen: [\n", nil, "configuration file", fairlead.Invalid},
		{"is a list", "- listen\n", nil, "want keys with values", fairlead.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "fairlead.yaml")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			flags := newServeCommand(&app{}).Flags()
			if err := flags.Parse(tt.args); err != nil {
				t.Fatal(err)
			}
			err := applyConfig(flags, file)
			got := fmt.Sprint(flags.Lookup("listen").Value, " ", flags.Lookup("public-url").Value, " ", flags.Lookup("anonymous-pull").Value)
			if err != nil {
				e, _ := errors.AsType[*fairlead.Error](err)
				got = e.Message + "\n" + e.Problems.Error()
			}
			if code := fairlead.ErrorCode(err); code != tt.code || !strings.Contains(got, tt.want) {
				t.Fatalf("got %q (%q), want %q (%q)", got, code, tt.want, tt.code)
			}
		})
	}
}
