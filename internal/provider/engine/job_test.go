package engine_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/pipeline/jobtest"
	"github.com/fairlead/fairlead/internal/provider/engine"
)

func TestRunnerConformance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	jobtest.Exercise(t, jobtest.Suite{
		New: func(*testing.T) pipeline.Runner { return w.another() },
		Container: func(_ *testing.T, s jobtest.Script) fairlead.Container {
			return fairlead.Container{Image: shelfHost + "demo/web:1", Target: "local", Namespace: "default",
				Args: []string{"script", fmt.Sprint(s.Lines), fmt.Sprint(s.Exit), fmt.Sprint(s.Stay)}}
		},
		Missing: shelfHost + "demo/none:1",
	})
}

// runJob makes, starts and waits for a container.
func (w *world) runJob(c fairlead.Container) (fairlead.ContainerStatus, []string, error) {
	w.t.Helper()
	ctx := w.t.Context()
	defer func() {
		if err := w.provider.RemoveContainer(context.WithoutCancel(ctx), c); err != nil {
			w.t.Error(err)
		}
	}()
	for {
		id, waits, err := w.provider.MakeContainer(ctx, c)
		if err != nil {
			return fairlead.ContainerStatus{}, nil, err
		}
		if c.ID = id; waits == "" {
			break
		}
	}
	if err := w.provider.StartContainer(ctx, c); err != nil {
		return fairlead.ContainerStatus{}, nil, err
	}
	var lines []string
	err := w.provider.ContainerOutput(ctx, c, time.Time{}, func(l fairlead.OutputLine) error {
		lines = append(lines, l.Text)
		return nil
	})
	if err != nil {
		return fairlead.ContainerStatus{}, lines, err
	}
	status, err := w.provider.ContainerStatus(ctx, c)
	return status, lines, err
}

func TestJobContainers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer func() { w.t = t }()
	container := func(name string, args ...string) fairlead.Container {
		return fairlead.Container{Name: "job-" + name + "-" + random(), For: "a test", Image: shelfHost + "demo/web:1", Target: "local", Namespace: w.ns, Args: args}
	}
	t.Run("a program that is not there", func(t *testing.T) {
		w.t = t
		c := container("none")
		c.Command = []string{"/nothing"}
		if _, _, err := w.runJob(c); fairlead.ErrorCode(err) != fairlead.Failed || !strings.Contains(err.Error(), "cannot start") || !strings.Contains(err.Error(), "/nothing") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("too little memory", func(t *testing.T) {
		w.t = t
		c := container("memory", "eat")
		c.Memory = "24Mi"
		status, _, err := w.runJob(c)
		if err != nil || status.ExitCode == nil || *status.ExitCode == 0 || !strings.Contains(status.Reason, "ran out of memory, of which it may have 24Mi") {
			t.Errorf("status %+v, %v", status, err)
		}
	})
	t.Run("a long line is one", func(t *testing.T) {
		w.t = t
		_, lines, err := w.runJob(container("long", "long", "40000"))
		if err != nil || len(lines) != 2 || len(lines[0]) != 40000 || lines[1] != "end" {
			t.Errorf("%d lines, %v", len(lines), err)
		}
	})
	t.Run("variables and the network of a stack", func(t *testing.T) {
		w.t = t
		w.make(w.element("web", "CCE.Deployment", deployment("web", 1, webContainer("demo/web:1"))))
		w.make(w.element("service", "CCE.Service", nodePort("web", "web")))
		c := container("net", "get", "http://web:80/")
		c.Stack, c.StackID, c.Env = w.stack, w.stackID, map[string]string{"GREETING": "hello $(NAME)"}
		status, lines, err := w.runJob(c)
		if err != nil || *status.ExitCode != 0 || len(lines) != 2 || !strings.HasPrefix(lines[0], "one ") || lines[1] != "hello $(NAME)" {
			t.Errorf("status %+v, %q, %v", status, lines, err)
		}
	})
	t.Run("an image that somebody takes away before the container is made", func(t *testing.T) {
		w.t = t
		c := container("robbed", "exit", "0")
		p, err := engine.New(engine.Config{Host: w.robber(c.Name), Images: w.images, InstanceID: w.instance})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		waited := 0
		for waits := "x"; waits != ""; waited++ {
			if _, waits, err = p.MakeContainer(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if status, _, err := w.runJob(c); err != nil || *status.ExitCode != 0 || waited < 2 {
			t.Errorf("status %+v, %v after %d calls", status, err, waited)
		}
	})
	t.Run("a stranger's container is not touched", func(t *testing.T) {
		w.t = t
		c := container("stranger", "wait")
		other, err := engine.New(engine.Config{Host: w.host, Images: w.images, InstanceID: "other-" + random()})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		ctx := t.Context()
		for waits := "x"; waits != ""; {
			if _, waits, err = other.MakeContainer(ctx, c); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := w.provider.MakeContainer(ctx, c); fairlead.ErrorCode(err) != fairlead.Failed {
			t.Errorf("make: %v", err)
		}
		if err := w.provider.RemoveContainer(ctx, c); fairlead.ErrorCode(err) != fairlead.Failed {
			t.Errorf("remove: %v", err)
		}
		if err := other.RemoveContainer(ctx, c); err != nil {
			t.Error(err)
		}
	})
}

// robber is the address of an engine on which, before a container is made for the first time, its image vanishes.
func (w *world) robber(name string) (host string) {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "engine.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		w.t.Fatal(err)
	}
	network, address, _ := strings.Cut(w.host, "://")
	engine := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine" },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}},
	}
	var once sync.Once
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/containers/create") && r.URL.Query().Get("name") == name {
			once.Do(func() {
				body, err := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				var config struct{ Image string }
				if err = errors.Join(err, json.Unmarshal(body, &config)); err == nil {
					_, err = w.api.ImageRemove(r.Context(), config.Image, client.ImageRemoveOptions{Force: true})
				}
				if err != nil {
					w.t.Errorf("image %q: %v", config.Image, err)
				}
			})
		}
		engine.ServeHTTP(out, r)
	}))
	server.Listener.Close() //nolint:errcheck // it has another one
	server.Listener = l
	server.Start()
	w.t.Cleanup(server.Close)
	return "unix://" + path
}

func TestReadFrames(t *testing.T) {
	var in bytes.Buffer
	frame := func(stream byte, text string) {
		header := [8]byte{stream}
		binary.BigEndian.PutUint32(header[4:], uint32(len(text)))
		in.Write(header[:])
		in.WriteString(text)
	}
	frame(1, "2026-11-26T10:00:00.000000001Z one\n")
	frame(1, "2026-11-26T10:00:00.000000002Z begin ")
	frame(2, "2026-11-26T10:00:00.000000003Z other\n")
	frame(1, "2026-11-26T10:00:00.000000004Z end\n2026-11-26T10:00:00.000000005Z \n")
	frame(2, "2026-11-26T10:00:00.000000006Z last")
	var got []string
	err := engine.ReadFrames(&in, func(l fairlead.OutputLine) error {
		got = append(got, fmt.Sprintf("%d %s %q", l.Time.Nanosecond(), l.Stream, l.Text))
		return nil
	})
	want := `1 stdout "one", 3 stderr "other", 2 stdout "begin end", 5 stdout "", 6 stderr "last"`
	if text := strings.Join(got, ", "); text != want || err != nil {
		t.Errorf("got  %s\nwant %s, %v", text, want, err)
	}
	if err := engine.ReadFrames(strings.NewReader("\x01\x00\x00\x00\x00\x00\x00\x09x"), func(fairlead.OutputLine) error { return nil }); err == nil {
		t.Error("a stream that broke off has no error")
	}
}
