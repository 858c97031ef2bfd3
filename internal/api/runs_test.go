package api_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/api"
)

// TestRunsOfAll asks for runs of all pipelines: what is at work, what waits, what waits for oneself, and what failed.
func TestRunsOfAll(t *testing.T) {
	s := mustServe(t)
	fill := s.scene()
	run, second := fill.Replace("{run}"), fill.Replace("{second}")
	see := func(user, of string, want ...string) {
		t.Helper()
		path := "/api/v1/runs?limit=1&of=" + of
		if of == "" {
			path = "/api/v1/runs?limit=1"
		}
		var ids []string
		for cursor := ""; ; {
			list := into[api.List[fairlead.Run]](s.must(http.StatusOK, request{method: "GET", path: path + "&cursor=" + cursor, user: user}))
			for _, r := range list.Items {
				ids = append(ids, r.ID)
			}
			if cursor = list.Next; cursor == "" {
				break
			}
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s sees of %q %q, want %q", user, of, ids, want)
		}
	}
	// The message on the channel built has started a third run, which stands behind the other two.
	var all []fairlead.Run
	s.until(func() bool {
		all = into[api.List[fairlead.Run]](s.must(http.StatusOK, request{method: "GET", path: "/api/v1/pipelines/shop/runs", user: "boss"})).Items
		return len(all) == 3
	})
	third := all[0].ID
	see("reader", "", third, second, run)
	see("reader", "running", third, second)
	see("reader", "waiting", run)
	see("reader", "failed")
	see("reader", "me")
	see("manager", "me", run)
	for _, of := range []string{"", "running", "waiting", "failed", "me"} {
		see("outsider", of)
	}
	s.must(http.StatusUnprocessableEntity, request{method: "GET", path: "/api/v1/runs?of=nobody", user: "reader"})

	s.must(http.StatusOK, request{method: "POST", path: "/api/v1/runs/" + run + "/review", user: "manager", body: object{"stage": "look", "approve": false}})
	s.until(func() bool {
		return into[fairlead.Run](s.must(http.StatusOK, request{method: "GET", path: "/api/v1/runs/" + second, user: "boss"})).State == fairlead.RunWaiting
	})
	see("reader", "failed", run)
	see("manager", "me", second)

	messages := into[api.List[fairlead.ChannelMessage]](s.must(http.StatusOK, request{method: "GET", path: "/api/v1/channels/built/messages", user: "reader"})).Items
	if len(messages) != 1 || len(messages[0].Deliveries) != 1 || messages[0].Deliveries[0].Run != third || messages[0].Deliveries[0].Result != fairlead.MessageStarted {
		t.Errorf("messages with what they did: %+v", messages)
	}
	messages = into[api.List[fairlead.ChannelMessage]](s.must(http.StatusOK, request{method: "GET", path: "/api/v1/channels/built/messages", user: "outsider"})).Items
	if len(messages) != 1 || len(messages[0].Deliveries) != 0 {
		t.Errorf("somebody without a role sees %+v", messages)
	}
}

// until follows the events of the server until something is so.
func (s *server) until(so func() bool) {
	s.t.Helper()
	stream := s.follow("/api/v1/events?after=0", nil)
	defer stream.close()
	for !so() {
		if !stream.next() {
			s.t.Fatalf("the events ended: %v", stream.lines.Err())
		}
	}
}
