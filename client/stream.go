package client

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/fairlead/fairlead"
)

// retry says how a broken stream is taken up again. The server sends a comment every 15 seconds, so that silence tells
// of a dead connection.
type retry struct {
	first, most time.Duration // the pause doubles from first up to most
	attempts    int           // without a sign of life; then the stream ends with its error
	silence     time.Duration
}

var errSilent = errors.New("no sign of life on the stream")

// defaultRetry goes on for about two minutes: longer than a server needs for a restart.
var defaultRetry = retry{first: 100 * time.Millisecond, most: 5 * time.Second, attempts: 30, silence: time.Minute}

// message is one server-sent event.
type message struct {
	id, event string
	data      []byte
}

// stream is a sequence of server-sent events over as many connections as it takes.
type stream struct {
	client *Client
	path   []string
	query  url.Values
	last   string // id of the last message; where the next connection goes on
	alive  bool   // something arrived on the present connection
}

// errStop ends a stream because the consumer wants no more, or the server said that nothing will follow.
var errStop = errors.New("end of the stream")

// run yields the messages until the server sends an "end", the consumer stops, the context ends, or the server refuses.
// A connection that breaks after the first one stood is taken up again behind the last message. The consumer sees no
// message twice and none is lost.
func (s *stream) run(ctx context.Context, yield func(message) bool) error {
	var failures int
	var connected bool
	pause := s.client.retry.first
	for {
		s.alive = false
		err := s.connect(ctx, yield)
		connected = connected || s.alive
		switch {
		case errors.Is(err, errStop):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !connected || !temporary(err):
			return err
		case s.alive:
			failures, pause = 0, s.client.retry.first
		case failures >= s.client.retry.attempts:
			return err
		}
		failures++
		if err := wait(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, s.client.retry.most)
	}
}

// temporary reports whether another attempt can help.
func temporary(err error) bool {
	switch fairlead.ErrorCode(err) {
	case fairlead.Unavailable, fairlead.TooMany, fairlead.Internal:
		return true
	}
	return false
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// connect makes one connection and reads it to its end.
func (s *stream) connect(ctx context.Context, yield func(message) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	header := http.Header{"Accept": {"text/event-stream"}}
	if s.last != "" {
		header.Set("Last-Event-ID", s.last)
	}
	res, err := s.client.send(ctx, call{method: http.MethodGet, path: s.path, query: s.query, header: header})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	s.alive = true
	watch := time.AfterFunc(s.client.retry.silence, func() { cancel(errSilent) })
	defer watch.Stop()
	return s.read(&watched{res.Body, watch, s.client.retry.silence}, yield)
}

// watched puts the timer off with everything that arrives.
type watched struct {
	io.Reader
	timer   *time.Timer
	silence time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.timer.Reset(w.silence)
	}
	return n, err
}

// read parses server-sent events as the HTML standard describes them, one line at a time.
func (s *stream) read(r io.Reader, yield func(message) bool) error {
	const longest = 16 << 20
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longest)
	var m message
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) == 0 {
			if err := s.dispatch(m, yield); err != nil {
				return err
			}
			m = message{}
			continue
		}
		key, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(key) {
		case "id":
			m.id = string(value)
		case "event":
			m.event = string(value)
		case "data":
			if m.data != nil {
				m.data = append(m.data, '\n')
			}
			m.data = append(m.data, value...)
		}
	}
	err := lines.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return fairlead.Errorf(fairlead.Unavailable, "server %s: the stream broke: %w", s.client.base, err)
}

func (s *stream) dispatch(m message, yield func(message) bool) error {
	if m.id != "" {
		s.last = m.id
	}
	switch {
	case m.event == "end":
		return errStop
	case m.data != nil && !yield(m):
		return errStop
	}
	return nil
}

// follow yields the values of a stream's messages of one kind. seq numbers them: a number that was seen is not yielded
// again.
func follow[T any](ctx context.Context, c *Client, kind string, after int64, seq func(T) int64, query url.Values, path ...string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := maps.Clone(query)
		q.Set("follow", "true")
		s := &stream{client: c, path: path, query: q}
		if after > 0 {
			q.Set("after", strconv.FormatInt(after, 10))
		}
		var none T
		var broken error
		err := s.run(ctx, func(m message) bool {
			if m.event != kind {
				return true
			}
			var v T
			if err := json.Unmarshal(m.data, &v); err != nil {
				broken = fmt.Errorf("server %s: message %s on the stream: %w", c.base, m.id, err)
				return false
			}
			if seq(v) <= after {
				return true
			}
			after = seq(v)
			q.Set("after", strconv.FormatInt(after, 10))
			return yield(v, nil)
		})
		if err = cmp.Or(broken, err); err != nil {
			yield(none, err)
		}
	}
}
