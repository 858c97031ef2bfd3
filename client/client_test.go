package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

// The servers here are written by hand because they do what a good server never does on purpose: break connections, come
// from a proxy, speak something else. Everything else is tested against the real server, through the command line.

func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	c, err := New(Config{URL: srv.URL + "/", Token: "flt_x"})
	if err != nil {
		t.Fatal(err)
	}
	c.retry = retry{first: time.Millisecond, most: time.Millisecond, attempts: 3, silence: 10 * time.Second}
	return c
}

func TestNewRefusesAddresses(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:8080", "ftp://x", "http://", "http://u:p@x", "http://x?y=z"} {
		if _, err := New(Config{URL: address}); fairlead.ErrorCode(err) != fairlead.Invalid {
			t.Errorf("New(%q): error %v, want invalid", address, err)
		}
	}
}

func TestRequest(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"name":%q}`, r.Method+" "+r.URL.EscapedPath()+" "+r.Header.Get("Authorization"))
	})
	got, err := c.Target(t.Context(), "a/b c")
	if err != nil {
		t.Fatal(err)
	}
	if want := "GET /api/v1/targets/a%2Fb%20c Bearer flt_x"; got.Name != want {
		t.Errorf("request %q, want %q", got.Name, want)
	}
	for _, name := range []string{"", ".", ".."} {
		if err := c.DeleteTarget(t.Context(), name); fairlead.ErrorCode(err) != fairlead.Invalid {
			t.Errorf("delete target %q: error %v, want invalid", name, err)
		}
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name, contentType, body string
		status                  int
		code                    fairlead.Code
		message                 string
		problems                int
	}{
		{"problem details", "application/problem+json", `{"status":409,"title":"Conflict","detail":"stack web is busy","code":"conflict"}`, 409, fairlead.Conflict, "stack web is busy", 0},
		{"with findings", "application/problem+json; charset=utf-8", `{"detail":"a.yaml has 2 errors","code":"invalid","errors":[{"severity":"error","summary":"x","line":3,"column":1},{"severity":"error","summary":"y"}]}`, 422, fairlead.Invalid, "a.yaml has 2 errors", 2},
		{"without code", "application/problem+json", `{"title":"Not Found"}`, 404, fairlead.NotFound, "404 Not Found", 0},
		{"from a proxy", "text/html", `<h1>Bad Gateway</h1>`, 502, fairlead.Unavailable, "the server answered 502 Bad Gateway", 0},
		{"broken", "application/problem+json", `{"deta`, 500, fairlead.Internal, "the server answered 500 Internal Server Error", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			_, err := c.WhoAmI(t.Context())
			e, ok := errors.AsType[*fairlead.Error](err)
			if !ok {
				t.Fatalf("error %v, want a *fairlead.Error", err)
			}
			if e.Code != tt.code || !strings.Contains(e.Message, tt.message) || len(e.Problems) != tt.problems {
				t.Errorf("got code %s, message %q, %d problems; want %s, %q, %d", e.Code, e.Message, len(e.Problems), tt.code, tt.message, tt.problems)
			}
		})
	}
}

func TestAnswerOfSomethingElse(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") })
	if _, err := c.WhoAmI(t.Context()); fairlead.ErrorCode(err) != fairlead.Unavailable {
		t.Errorf("error %v, want unavailable", err)
	}
}

func TestNoAnswer(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	c, err := New(Config{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.WhoAmI(t.Context())
	if fairlead.ErrorCode(err) != fairlead.Unavailable || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("error %v, want unavailable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = c.WhoAmI(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the end of the context, want it", err)
	}
}

func TestPages(t *testing.T) {
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("cursor"))
		switch r.URL.Query().Get("cursor") {
		case "":
			io.WriteString(w, `{"items":[{"name":"a"},{"name":"b"}],"next":"b"}`)
		case "b":
			io.WriteString(w, `{"items":[{"name":"c"}],"next":"c"}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	var names string
	var last error
	for stack, err := range c.Stacks(t.Context()) {
		names += stack.Name
		last = err
	}
	if names != "abc" || fairlead.ErrorCode(last) != fairlead.NotFound {
		t.Errorf("got %q and then %v, want abc and then not-found", names, last)
	}
	asked = nil
	for range c.Stacks(t.Context()) {
		break
	}
	if len(asked) != 1 {
		t.Errorf("pages %q were asked for, want only the first", asked)
	}
}
