package api

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func packedFiles(t *testing.T, files map[string]string) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	for name, text := range files {
		var b bytes.Buffer
		gz := gzip.NewWriter(&b)
		if _, err := io.WriteString(gz, text); err != nil {
			t.Fatal(err)
		}
		if err := gz.Close(); err != nil {
			t.Fatal(err)
		}
		out[name+".gz"] = &fstest.MapFile{Data: b.Bytes()}
	}
	return out
}

func TestConsoleFiles(t *testing.T) {
	c, err := newConsole(packedFiles(t, map[string]string{
		"index.html": `<meta name="nonce" content="__NONCE__">`, "assets/app-1.js": "let a",
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the page has a nonce of its own, which the policy names", func(t *testing.T) {
		seen := map[string]bool{}
		for range 2 {
			w := httptest.NewRecorder()
			c.servePage(w)
			m := regexp.MustCompile(`content="(\w+)"`).FindStringSubmatch(w.Body.String())
			if m == nil || !strings.Contains(w.Header().Get("Content-Security-Policy"), "'nonce-"+m[1]+"'") {
				t.Fatalf("page %s with policy %s", w.Body, w.Header().Get("Content-Security-Policy"))
			}
			seen[m[1]] = true
		}
		if len(seen) != 2 {
			t.Error("two answers share a nonce")
		}
	})
	t.Run("a file goes out compressed only to clients that understand it", func(t *testing.T) {
		for _, encoding := range []string{"gzip", ""} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/assets/app-1.js", nil)
			r.Header.Set("Accept-Encoding", encoding)
			c.asset(w, r)
			if got := w.Header().Get("Content-Encoding"); w.Code != http.StatusOK || got != encoding {
				t.Errorf("status %d, encoding %q; want %q", w.Code, got, encoding)
			}
			if encoding == "" && w.Body.String() != "let a" {
				t.Errorf("body %q", w.Body)
			}
		}
	})
	t.Run("a file that is not there is not found", func(t *testing.T) {
		w := httptest.NewRecorder()
		c.asset(w, httptest.NewRequest(http.MethodGet, "/assets/../../etc/passwd", nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("status %d", w.Code)
		}
	})
	t.Run("only browsers that open a page get it", func(t *testing.T) {
		for path, want := range map[string]bool{"/pipelines/shop": true, "/": true, "/api/v1/nothing": false, "/v2/x": false, "/hooks/x": false, "/assets/x.js": false} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			if c.serves(r) {
				t.Errorf("%s is served to a client that did not ask for a page", path)
			}
			r.Header.Set("Accept", "text/html,*/*")
			if c.serves(r) != want {
				t.Errorf("%s: want %t", path, want)
			}
		}
	})
}
