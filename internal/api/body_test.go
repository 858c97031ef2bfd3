package api_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/internal/api"
)

// TestStalledBodyIsCutOff sends the head of a request and no more than the beginning of its body, without credentials. No
// address may wait for the rest for ever, whether it wants a body or not.
func TestStalledBodyIsCutOff(t *testing.T) {
	s := mustServeWith(t, func(cfg *api.Config) { cfg.BodyTimeout = 100 * time.Millisecond })
	hook := s.apply(pipelineText).Webhooks[0].Path
	for _, tt := range []struct {
		name, request string
		length        int
		body          string
	}{
		{"a webhook", "POST " + hook, 1000, "{"},
		{"a webhook over the limit", "POST " + hook, 100_000, strings.Repeat(" ", 64<<10+1)},
		{"a sign-in", "POST /api/v1/login", 1000, "{"},
		{"a route for users", "POST /api/v1/users", 1000, "{"},
		{"a route without a body", "GET /healthz", 1000, "{"},
		{"a page", "GET /", 1000, "{"},
		{"nothing", "POST /moon", 1000, "{"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close() //nolint:errcheck // the server closes it
			if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", tt.request, tt.length, tt.body); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) { // a reset is as good as an end
				t.Error("the connection is still open")
			}
		})
	}
}

// TestWorkAfterBodyHasTime takes longer over a request than its body may take to arrive.
func TestWorkAfterBodyHasTime(t *testing.T) {
	s := mustServeWith(t, func(cfg *api.Config) { cfg.BodyTimeout = 100 * time.Millisecond })
	s.api.Handle("/slow/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
			err = errors.Join(err, r.Context().Err())
		case <-time.After(300 * time.Millisecond):
		}
		_, _ = fmt.Fprintf(w, "%v", err)
	}))
	res, err := http.Post(s.http.URL+"/slow/", "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	if text, err := io.ReadAll(res.Body); err != nil || string(text) != "<nil>" {
		t.Fatalf("the request was ended: %s, %v", text, err)
	}
}
