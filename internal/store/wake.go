package store

import (
	"context"
	"fmt"
	"sync"

	"github.com/riverqueue/river/riverdriver"
)

// insertTopic is the topic on which River's fetchers wait for new jobs.
const insertTopic = "river_insert"

// wakeHub carries the news "this queue has new jobs" from commits to River's fetchers within the process.
type wakeHub struct {
	mu     sync.Mutex
	queues map[string]struct{} // news that was not fetched yet
	ready  chan struct{}       // holds one token while queues is not empty
}

func newWakeHub() *wakeHub {
	return &wakeHub{queues: map[string]struct{}{}, ready: make(chan struct{}, 1)}
}

func (h *wakeHub) signal(queue string) {
	h.mu.Lock()
	h.queues[queue] = struct{}{}
	h.mu.Unlock()
	select {
	case h.ready <- struct{}{}:
	default:
	}
}

// next waits for news and takes one queue's.
func (h *wakeHub) next(ctx context.Context) (string, error) {
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-h.ready:
		}
		h.mu.Lock()
		queue, ok := h.take()
		h.mu.Unlock()
		if ok {
			return queue, nil
		}
	}
}

// take removes one queue; when others are left it puts the token back. The caller holds the lock.
func (h *wakeHub) take() (string, bool) {
	for queue := range h.queues {
		delete(h.queues, queue)
		if len(h.queues) > 0 {
			select {
			case h.ready <- struct{}{}:
			default:
			}
		}
		return queue, true
	}
	return "", false
}

// wakeListener is the hub as River sees it. There is one working client per database, so one listener at a time.
type wakeListener struct{ hub *wakeHub }

func (l *wakeListener) Close(context.Context) error            { return nil }
func (l *wakeListener) Connect(context.Context) error          { return nil }
func (l *wakeListener) Listen(context.Context, string) error   { return nil }
func (l *wakeListener) Ping(context.Context) error             { return nil }
func (l *wakeListener) Schema() string                         { return "" }
func (l *wakeListener) SetAfterConnectExec(string)             {}
func (l *wakeListener) Unlisten(context.Context, string) error { return nil }

func (l *wakeListener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	queue, err := l.hub.next(ctx)
	if err != nil {
		return nil, err
	}
	return &riverdriver.Notification{Topic: insertTopic, Payload: fmt.Sprintf(`{"queue": %q}`, queue)}, nil
}
