package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

// lines gathers the texts of a followed log.
func lines(t *testing.T, c *Client, f LogFilter) (texts []string, err error) {
	t.Helper()
	for line, err := range c.FollowLogs(t.Context(), "r1", f) {
		if err != nil {
			return texts, err
		}
		texts = append(texts, line.Text)
	}
	return texts, nil
}

func send(w io.Writer, from, to int) {
	for i := from; i <= to; i++ {
		fmt.Fprintf(w, "id: %d\nevent: line\ndata: {\"seq\":%d,\ndata: \"text\":\"l%d\"}\n\n", i, i, i)
	}
	w.(http.Flusher).Flush()
}

func TestFollowReconnects(t *testing.T) {
	var connections []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		connections = append(connections, r.Header.Get("Last-Event-ID")+"/"+r.URL.Query().Get("after"))
		switch len(connections) {
		case 1:
			send(w, 3, 4)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3: // a server that repeats
			io.WriteString(w, ": heartbeat\n\n")
			send(w, 4, 5)
			fmt.Fprint(w, "event: line\ndata: {\"seq\":6") // torn
		case 4:
			send(w, 6, 6)
			io.WriteString(w, "event: end\ndata: {}\n\n")
		}
	})
	got, err := lines(t, c, LogFilter{After: 2})
	if want := []string{"l3", "l4", "l5", "l6"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if want := []string{"/2", "4/4", "4/4", "5/5"}; !slices.Equal(connections, want) {
		t.Errorf("connections %q, want %q", connections, want)
	}
}

func TestFollowEndsWhenRefused(t *testing.T) {
	n := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n == 1 {
			send(w, 1, 1)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	})
	if got, err := lines(t, c, LogFilter{}); len(got) != 1 || fairlead.ErrorCode(err) != fairlead.Unauthenticated || n != 2 {
		t.Errorf("got %q, %v after %d connections, want one line, unauthenticated, 2", got, err, n)
	}
}

func TestFollowGivesUp(t *testing.T) {
	n := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n == 1 {
			send(w, 1, 1)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	})
	if _, err := lines(t, c, LogFilter{}); fairlead.ErrorCode(err) != fairlead.Unavailable || n != 1+c.retry.attempts {
		t.Errorf("got %v after %d connections, want unavailable after %d", err, n, 1+c.retry.attempts)
	}
	n = 1
	if _, err := lines(t, c, LogFilter{}); fairlead.ErrorCode(err) != fairlead.Unavailable || n != 2 {
		t.Errorf("got %v after %d connections, want unavailable at once when there never was one", err, n-1)
	}
}

func TestFollowNoticesSilence(t *testing.T) {
	n := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			send(w, 1, 1)
			<-r.Context().Done() // the client hangs up
			return
		}
		io.WriteString(w, "event: end\ndata: {}\n\n")
	})
	c.retry.silence = 20 * time.Millisecond
	if got, err := lines(t, c, LogFilter{}); len(got) != 1 || err != nil || n != 2 {
		t.Errorf("got %q, %v after %d connections, want one line and a second connection", got, err, n)
	}
}

func TestFollowStops(t *testing.T) {
	gone := make(chan struct{}, 2)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "id: 7\nevent: event\ndata: {\"seq\":7,\"name\":\"web\"}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		gone <- struct{}{}
	})
	for event, err := range c.FollowEvents(t.Context(), EventFilter{Kind: "stack"}) {
		if err != nil || event.Name != "web" {
			t.Fatalf("got %+v, %v", event, err)
		}
		break
	}
	<-gone
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, last = range c.FollowEvents(ctx, EventFilter{}) {
		cancel()
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("got %v after the end of the context, want it", last)
	}
	<-gone
}
