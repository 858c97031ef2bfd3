package api_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/api"
	"github.com/fairlead/fairlead/internal/store"
)

// eventStream reads server-sent events.
type eventStream struct {
	res   *http.Response
	lines *bufio.Scanner

	id, event, data string
	comments        int
}

func (s *server) follow(path string, header map[string]string) *eventStream {
	s.t.Helper()
	if header == nil {
		path += "?follow=true"
		if strings.Count(path, "?") > 1 {
			path = strings.Replace(path, "?follow=true", "&follow=true", 1)
		}
	}
	res := s.open(request{method: "GET", path: path, user: "boss", header: header})
	if got := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || got != "text/event-stream" {
		s.t.Fatalf("GET %s: status %d, content type %q", path, res.StatusCode, got)
	}
	return &eventStream{res: res, lines: bufio.NewScanner(res.Body)}
}

func (e *eventStream) close() { e.res.Body.Close() }

// next reads one event; false when the stream has ended.
func (e *eventStream) next() bool {
	e.id, e.event, e.data = "", "", ""
	for e.lines.Scan() {
		name, value, _ := strings.Cut(e.lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.event = value
		case "data":
			e.data = value
		case "":
			if e.event != "" {
				return true
			}
			e.comments++
		}
	}
	return false
}

func (s *server) event(name string, n int) {
	s.t.Helper()
	s.write(func(tx *store.Tx) error {
		for i := range n {
			if err := tx.AppendEvent(s.t.Context(), fairlead.Event{Kind: "test", Name: name, Type: "tick", Message: fmt.Sprint(i)}); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestEvents(t *testing.T) {
	s := mustServe(t)
	s.event("one", 3)
	s.event("two", 2)

	t.Run("are listed in pages", func(t *testing.T) {
		var seqs []int64
		path := "/api/v1/events?kind=test&limit=2"
		for cursor := ""; ; {
			l := into[api.List[fairlead.Event]](s.get(path + cursor))
			for _, e := range l.Items {
				seqs = append(seqs, e.Seq)
			}
			if l.Next == "" {
				break
			}
			cursor = "&cursor=" + l.Next
		}
		if got := fmt.Sprint(seqs); got != "[1 2 3 4 5]" {
			t.Fatalf("seqs = %s", got)
		}
	})
	t.Run("are followed from where one was", func(t *testing.T) {
		for name, follow := range map[string]func() *eventStream{
			"after": func() *eventStream { return s.follow("/api/v1/events?kind=test&after=3", nil) },
			"Last-Event-ID": func() *eventStream {
				return s.follow("/api/v1/events?kind=test", map[string]string{"Accept": "text/event-stream", "Last-Event-ID": "3"})
			},
		} {
			stream := follow()
			for _, want := range []string{"4", "5"} {
				if !stream.next() || stream.id != want || stream.event != "event" {
					t.Fatalf("%s: got id %q event %q, want %s", name, stream.id, stream.event, want)
				}
				var e fairlead.Event
				if err := json.Unmarshal([]byte(stream.data), &e); err != nil || fmt.Sprint(e.Seq) != want {
					t.Fatalf("%s: data %q, %v", name, stream.data, err)
				}
			}
			stream.close()
		}
	})
	t.Run("come as they are stored, only those that are wanted", func(t *testing.T) {
		stream := s.follow("/api/v1/events?kind=test&name=one&after=-1", nil)
		defer stream.close()
		s.event("two", 1)
		s.event("one", 1)
		if !stream.next() || stream.id != "7" {
			t.Fatalf("id = %q, want 7", stream.id)
		}
	})
	t.Run("a backlog of more than a page arrives whole", func(t *testing.T) {
		s.event("many", 1234)
		stream := s.follow("/api/v1/events?name=many", nil)
		defer stream.close()
		for i := range 1234 {
			if !stream.next() || !strings.Contains(stream.data, fmt.Sprintf(`"message":"%d"`, i)) {
				t.Fatalf("event %d: %q", i, stream.data)
			}
		}
	})
	t.Run("a silent stream says that it is alive", func(t *testing.T) {
		stream := s.follow("/api/v1/events?name=nothing", nil)
		defer stream.close()
		for range 3 * 2 { // a comment and an empty line each
			if !stream.lines.Scan() {
				t.Fatalf("the stream ended: %v", stream.lines.Err())
			}
		}
	})
	t.Run("a stream ends when the server stops", func(t *testing.T) {
		stream := s.follow("/api/v1/events?name=nothing", nil)
		defer stream.close()
		s.api.EndStreams()
		if stream.next() || stream.lines.Err() != nil {
			t.Fatalf("got %q, %v", stream.event, stream.lines.Err())
		}
	})
}

// stuckWriter is the connection of a client that stopped reading: after the head, writes run into their deadline.
type stuckWriter struct {
	header   http.Header
	deadline time.Time
	writes   int
}

func (w *stuckWriter) Header() http.Header { return w.header }
func (w *stuckWriter) WriteHeader(int)     {}
func (w *stuckWriter) Flush()              {}

func (w *stuckWriter) SetWriteDeadline(t time.Time) error { w.deadline = t; return nil }
func (w *stuckWriter) SetReadDeadline(time.Time) error    { return nil }

func (w *stuckWriter) Write(b []byte) (int, error) {
	w.writes++
	if w.writes > 1 {
		if w.deadline.IsZero() {
			panic("a write without a deadline would wait for ever")
		}
		return 0, os.ErrDeadlineExceeded
	}
	return len(b), nil
}

// TestStreamsLookAgain tells that an open stream has no older eyes than a new request.
func TestStreamsLookAgain(t *testing.T) {
	s := mustServe(t)
	fill := s.scene()
	s.user(fairlead.User{Name: "second", Admin: true})
	follow := func(user, path string) *eventStream {
		res := s.open(request{method: "GET", path: path, user: user, header: map[string]string{"Accept": "text/event-stream"}})
		if res.StatusCode != http.StatusOK {
			t.Fatalf("GET %s: status %d", path, res.StatusCode)
		}
		t.Cleanup(func() { res.Body.Close() })
		return &eventStream{res: res, lines: bufio.NewScanner(res.Body)}
	}
	wants := func(stream *eventStream, kind, name string) {
		t.Helper()
		for stream.next() {
			var e fairlead.Event
			if err := json.Unmarshal([]byte(stream.data), &e); err != nil {
				t.Fatal(err)
			}
			if e.Type != "tick" { // the scene goes on by itself
				continue
			}
			if e.Kind != kind || e.Name != name {
				t.Fatalf("got %+v, want the event of %s %s", e, kind, name)
			}
			return
		}
		t.Fatalf("the stream ended, want the event of %s %s", kind, name)
	}
	hidden := func() {
		s.write(func(tx *store.Tx) error {
			return tx.AppendEvent(t.Context(), fairlead.Event{Kind: "pipeline", Name: "shop", Type: "tick"})
		})
	}
	events := follow("second", "/api/v1/events?after=-1")
	hidden()
	wants(events, "pipeline", "shop")
	s.write(func(tx *store.Tx) error { return tx.UpdateUser(t.Context(), fairlead.User{Name: "second"}) })
	s.event("one", 1)
	wants(events, "test", "one")
	hidden()
	s.event("two", 1)
	wants(events, "test", "two")

	stops := map[string]*eventStream{}
	for how, header := range map[string]func(token string) string{
		"as a bearer":   func(token string) string { return "Bearer " + token },
		"as a password": func(token string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte("boss:"+token)) },
	} {
		token := into[api.NewToken](s.must(http.StatusCreated, request{method: "POST", path: "/api/v1/tokens", user: "boss", body: object{"name": how}}))
		res := s.open(request{method: "GET", path: "/api/v1/events?follow=true&after=-1", header: map[string]string{"Authorization": header(token.Secret)}})
		if res.StatusCode != http.StatusOK {
			t.Fatalf("status %d", res.StatusCode)
		}
		t.Cleanup(func() { res.Body.Close() })
		stops["the events of a token that was revoked, "+how] = &eventStream{res: res, lines: bufio.NewScanner(res.Body)}
		s.must(http.StatusNoContent, request{method: "DELETE", path: "/api/v1/tokens/" + token.ID, user: "boss"})
	}
	logs := follow("reader", fill.Replace("/api/v1/runs/{run}/logs"))
	s.write(func(tx *store.Tx) error { return tx.DropRole(t.Context(), "team", "reader") })
	s.write(func(tx *store.Tx) error { return tx.DeleteUser(t.Context(), "second") })
	stops["the log of a run that one does not see any more"], stops["the events of a user who is gone"] = logs, events
	for name, stream := range stops {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for stream.next() {
			}
		}()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Errorf("%s: the stream goes on", name)
		}
	}
}

// TestEventsTellWhatChanged changes what pages show, and looks who hears of it.
func TestEventsTellWhatChanged(t *testing.T) {
	s := mustServe(t)
	fill := s.scene()
	const everybody = "outsider reader editor manager boss"
	tests := []struct {
		name, method, path string
		body               object
		kind, typ, of      string // the event
		hear               string
	}{
		{"a group is described", "PATCH", "/api/v1/groups/team", object{"description": "new"}, "group", "group-changed", "team", "reader editor manager boss"},
		{"somebody gets a role", "PUT", "/api/v1/groups/team/members/outsider", object{"role": "read"}, "user", "roles-changed", "outsider", "outsider boss"},
		{"and loses it", "DELETE", "/api/v1/groups/team/members/outsider", nil, "user", "roles-changed", "outsider", "outsider boss"},
		{"the audit log has something new of a group", "PATCH", "/api/v1/groups/team", object{"description": "newer"}, "audit", "audit-entry", "team", "manager boss"},
		{"the audit log has something new of no group", "PATCH", "/api/v1/targets/local", object{"limits": object{"stages": 3}}, "audit", "audit-entry", "", "boss"},
		{"a target is changed", "PATCH", "/api/v1/targets/local", object{"limits": object{"stages": 4}}, "target", "target-changed", "local", everybody},
		{"a user is changed", "PATCH", "/api/v1/users/reader", object{"email": "reader@example.com"}, "user", "user-changed", "reader", "reader boss"},
		{"a channel is made", "PUT", "/api/v1/channels/fresh", object{}, "channel", "channel-changed", "fresh", everybody},
		{"a channel is removed", "DELETE", "/api/v1/channels/fresh", nil, "channel", "channel-deleted", "fresh", everybody},
		{"an organization is made", "POST", "/api/v1/organizations", object{"name": "fresh"}, "organization", "organization-changed", "fresh", everybody},
		{"a freeze is lifted", "DELETE", "/api/v1/freezes/{freeze-boss}", nil, "freeze", "freeze-lifted", "{freeze-boss}", "reader editor manager boss"},
		{"a group is removed", "DELETE", "/api/v1/groups/team", nil, "group", "group-deleted", "team", "boss"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := *s
			s.t = t
			var before int64
			s.read(func(tx *store.Tx) (err error) { before, err = tx.LastEvent(t.Context()); return err })
			if tt.typ == "group-deleted" {
				s.write(func(tx *store.Tx) error { _, err := tx.Exec(t.Context(), `DELETE FROM pipelines`); return err })
			}
			r := request{method: tt.method, path: fill.Replace(tt.path), user: "boss"}
			if tt.body != nil {
				r.body = tt.body
			}
			if got := s.do(r); got.status >= 300 {
				t.Fatalf("status %d: %s", got.status, got.body)
			}
			var hear []string
			for _, name := range askers {
				list := into[api.List[fairlead.Event]](s.must(http.StatusOK, request{method: "GET", path: fmt.Sprintf("/api/v1/events?kind=%s&after=%d", tt.kind, before), user: name}))
				if slices.ContainsFunc(list.Items, func(e fairlead.Event) bool { return e.Type == tt.typ && e.Name == fill.Replace(tt.of) }) {
					hear = append(hear, name)
				}
			}
			if got := strings.Join(hear, " "); got != tt.hear {
				t.Errorf("%s hear of it, want %s", got, tt.hear)
			}
		})
	}
	var news []fairlead.Event
	s.read(func(tx *store.Tx) (err error) {
		news, err = tx.Events(t.Context(), store.EventFilter{Kind: "audit", Viewer: store.Everything})
		return err
	})
	if len(news) > 4 {
		t.Errorf("%d events of the audit log: one for each group is enough", len(news))
	}
}

func TestClientThatDoesNotReadIsCutOff(t *testing.T) {
	s := mustServe(t)
	s.event("one", 3)
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/events?follow=true", nil)
	r.SetBasicAuth("boss", "boss-password")
	w := &stuckWriter{header: http.Header{}}
	s.api.ServeHTTP(w, r) // returns, or the test times out
	if w.writes != 2 || w.header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d writes, headers %v", w.writes, w.header)
	}
}
