package e2e_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/web"
)

// TestConsole lets a real browser go through the whole procedure of a user, in both languages: web/e2e says what it does.
func TestConsole(t *testing.T) {
	mustEngine(t)
	if web.Files() == nil {
		missing(t, "the console is not built in; run make web")
	}
	for _, program := range []string{"npx", "chromium"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, program+" is not installed")
		}
	}
	template, err := filepath.Abs("../../examples/demo/web.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := newServerAt(t, freeAddress(t), nil, "--allow-private-webhooks") // the browser's test is called by notifications
	image := filepath.Join(t.TempDir(), "image")
	if path, err := layout.Write(image, empty.Index); err != nil {
		t.Fatal(err)
	} else if err := path.AppendImage(demoImage(t, "1.0")); err != nil {
		t.Fatal(err)
	}
	chromium, _ := exec.LookPath("chromium") // looked up above
	cmd := exec.CommandContext(t.Context(), "npx", "--no-install", "vitest", "run", "--config", "e2e/vitest.config.ts")
	cmd.Dir = "../../web"
	cmd.Env = append(os.Environ(), "FAIRLEAD_URL="+s.url(""), "FAIRLEAD_PASSWORD="+adminPassword, "FAIRLEAD_TEMPLATE="+template, "FAIRLEAD_IMAGE="+image, "CHROMIUM="+chromium, "NO_COLOR=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestScreenshots writes pictures of every page into the folder that FAIRLEAD_SHOTS names, which make screenshots does: from a server
// that web/e2e/furnish.ts fills, in both languages, themes and sizes.
func TestScreenshots(t *testing.T) {
	if os.Getenv("FAIRLEAD_SHOTS") == "" {
		t.Skip("FAIRLEAD_SHOTS names no folder")
	}
	mustEngine(t)
	s := newServerAt(t, freeAddress(t), nil, "--allow-private-webhooks")
	s.pushImage("1.0", "1.1")
	t.Cleanup(func() { // what is protected or at work would stay on the engine
		s.mustRun("stack", "update", "shop-production", "--unprotect")
		for _, run := range mustJSON[[]fairlead.Run](s, "pipeline", "runs", "load-east") {
			s.mustRun("run", "stop", run.ID)
			s.eventually("the run has stopped", func() error {
				if got := mustJSON[fairlead.Run](s, "run", "show", run.ID); got.State != fairlead.RunCanceled {
					return errors.New(string(got.State))
				}
				return nil
			})
		}
	})
	template, err := filepath.Abs("../../examples/demo/web.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "npx", "--no-install", "vitest", "run", "--config", "e2e/vitest.config.ts")
	cmd.Dir = "../../web"
	cmd.Env = append(os.Environ(), "FAIRLEAD_URL="+s.url(""), "FAIRLEAD_PASSWORD="+adminPassword, "FAIRLEAD_TEMPLATE="+template, "NO_COLOR=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// missing fails where everything must be there, and skips elsewhere.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("FAIRLEAD_TEST_REQUIRE") != "" {
		t.Fatalf("%s, and FAIRLEAD_TEST_REQUIRE is set", what)
	}
	t.Skip(what)
}

// TestConsoleFirstLoad bounds what a browser loads before it shows the sign-in: the page and the files that it names.
func TestConsoleFirstLoad(t *testing.T) {
	if web.Files() == nil {
		missing(t, "the console is not built in; run make web")
	}
	s := newServer(t)
	fetch := func(path string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "gzip")
		r.Header.Set("Accept", "text/html,*/*")
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close() //nolint:errcheck // it was read
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", path, res.Status, err)
		}
		return string(body)
	}
	total := 0
	for _, part := range strings.Split(fetch("/"), `"`) {
		if strings.HasPrefix(part, "/assets/") {
			total += len(fetch(part))
		}
	}
	t.Logf("first load: %d bytes", total)
	if limit := 400_000; total == 0 || total > limit {
		t.Errorf("the first load has %d bytes; want at most %d", total, limit)
	}
}
