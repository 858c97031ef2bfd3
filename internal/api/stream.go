package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/fairlead/fairlead"
)

const (
	streamType = "text/event-stream"
	streamKey  = "stream"
	// streamPage is how much of a backlog is read and written at once.
	streamPage = 500
	// writeTimeout is how long a client may take to read what was written before it is cut off.
	writeTimeout = 10 * time.Second
)

// Follow are the parameters of a list that can be followed.
type Follow struct {
	After       int64  `query:"after" minimum:"-1" doc:"only what has a greater seq; -1 follows from now on"`
	Follow      bool   `query:"follow" doc:"answer with server-sent events that go on; so does Accept: text/event-stream"`
	Accept      string `header:"Accept" hidden:"true"`
	LastEventID string `header:"Last-Event-ID" doc:"seq of the last event that a stream gave; it goes on after that"`
}

func (f Follow) wanted() bool { return f.Follow || strings.Contains(f.Accept, streamType) }

// start is where the list or stream begins.
func (f Follow) start() int64 {
	if last, err := strconv.ParseInt(f.LastEventID, 10, 64); err == nil && last > f.After {
		return last
	}
	return f.After
}

// streamed is how a route with a stream is documented: the list, and the name of the events.
type streamed struct {
	list  reflect.Type
	event string
}

func (a *API) streamResponse(s streamed) *huma.Response {
	schemas := a.huma.OpenAPI().Components.Schemas
	return &huma.Response{
		Description: "A page of the list or, with follow, a stream: each event has seq as its id, the name " + s.event +
			" and one item as JSON. A comment every 15 seconds says that it is alive. A stream that will never give anything again ends with the event end.",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemas.Schema(s.list, true, "List")},
			streamType:         {Schema: &huma.Schema{Type: "string"}},
		},
	}
}

// message is one server-sent event.
type message struct {
	seq  int64
	data any
}

// source reads what is new after a seq, at most streamPage of it. final tells that nothing will follow.
type source func(ctx context.Context, after int64) (news []message, final bool, err error)

// stream answers with server-sent events: what is there after a seq, then whatever comes, until the client goes, cannot
// keep up, the server stops or the source is final. Who follows is looked at again before each read and with each sign of life:
// a stream shows what its user may see now, and ends when that is nothing any more.
func (a *API) stream(event string, after int64, read source) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		r, w := humago.Unwrap(hctx)
		h := w.Header()
		h.Set("Content-Type", streamType)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no") // proxies must not collect it
		s := sse{w: w, control: http.NewResponseController(w), event: event}
		if err := a.pump(r.Context(), &s, after, read); err != nil && r.Context().Err() == nil {
			a.Log.WarnContext(r.Context(), "an event stream broke", "id", requestID(r.Context()), "error", err)
		}
	}}
}

func (a *API) pump(ctx context.Context, s *sse, after int64, read source) error {
	// Watching starts before the first read, so that nothing is missed between them.
	changed, cancel := a.DB.Watch()
	defer cancel()
	// The connection may serve other requests after a stream that came to its end.
	defer s.control.SetWriteDeadline(time.Time{}) //nolint:errcheck // then it is broken anyway
	if err := s.comment("stream"); err != nil {
		return nil // the client is gone
	}
	beat := time.NewTicker(a.Heartbeat)
	defer beat.Stop()
	for {
		news, final, err := a.look(ctx, after, read)
		switch code := fairlead.ErrorCode(err); {
		case code == fairlead.Unauthenticated || code == fairlead.Denied || code == fairlead.NotFound:
			return nil // whoever asks again is told why
		case err != nil:
			return err
		}
		for _, m := range news {
			if err := s.send(m); err != nil {
				return nil // the client is gone or too slow
			}
			after = m.seq
		}
		if len(news) > 0 && s.flush() != nil {
			return nil
		}
		switch {
		case len(news) == streamPage:
			continue
		case final:
			_ = s.end() // the client is gone: nobody to tell
			return nil
		}
		if !a.await(ctx, s, changed, beat.C) {
			return nil
		}
	}
}

// look reads what is new with the rights that the actor of the request has now.
func (a *API) look(ctx context.Context, after int64, read source) (news []message, final bool, err error) {
	v := *visitOf(ctx)
	if v.actor, err = a.Auth.AgainBy(ctx, v.actor, v.token); err != nil {
		return nil, false, err
	}
	return read(context.WithValue(ctx, visitKey, &v), after)
}

// await returns true when it is time to read again, false when the stream has to end.
func (a *API) await(ctx context.Context, s *sse, changed <-chan struct{}, beat <-chan time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-a.closing:
		return false
	case <-changed:
		return true
	case <-beat:
		return s.comment("alive") == nil
	}
}

// sse writes server-sent events. Every write has a deadline.
type sse struct {
	w       http.ResponseWriter
	control *http.ResponseController
	event   string
}

func (s *sse) write(format string, args ...any) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.w, format, args...)
	return err
}

func (s *sse) flush() error { return s.control.Flush() }

func (s *sse) send(m message) error {
	data, err := json.Marshal(m.data)
	if err != nil {
		return err
	}
	return s.write("id: %d\nevent: %s\ndata: %s\n\n", m.seq, s.event, data)
}

func (s *sse) comment(text string) error {
	if err := s.write(": %s\n\n", text); err != nil {
		return err
	}
	return s.flush()
}

func (s *sse) end() error {
	if err := s.write("event: end\ndata: {}\n\n"); err != nil {
		return err
	}
	return s.flush()
}

// page answers a list that could also be followed with one page as JSON.
func page[T any](items []T, next string) *huma.StreamResponse {
	if items == nil {
		items = []T{}
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "application/json")
		_ = jsonFormat().Marshal(ctx.BodyWriter(), List[T]{items, next}) // the client is gone: nobody to tell
	}}
}
