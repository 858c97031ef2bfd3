package pipeline_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// receiver is an HTTP server that remembers what it gets and answers with the next of its statuses, then with 204.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	requests []received
}

type received struct {
	*http.Request
	body string
}

func newReceiver(t *testing.T, statuses ...int) *receiver {
	r := &receiver{statuses: statuses}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.requests = append(r.requests, received{req, string(b)})
		status := http.StatusNoContent
		if len(r.statuses) > 0 {
			status, r.statuses = r.statuses[0], r.statuses[1:]
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

// sent waits until what a run has sent is as the test wants it.
func (b *bench) sent(run string, want func(list []fairlead.SentNotification) bool) (list []fairlead.SentNotification) {
	b.Helper()
	changed, cancel := b.db.Watch()
	defer cancel()
	deadline := time.After(30 * time.Second)
	for {
		b.read(func(ctx context.Context, tx *store.Tx) (err error) {
			list, _, err = tx.Notifications(ctx, run, 100, "")
			return err
		})
		if want(list) {
			return list
		}
		select {
		case <-changed:
		case <-deadline:
			b.Fatalf("after 30 s the run has sent %+v", list)
		}
	}
}

// done wants n notifications, none of which is being tried.
func done(n int) func(list []fairlead.SentNotification) bool {
	return func(list []fairlead.SentNotification) bool {
		return len(list) == n && !slices.ContainsFunc(list, func(s fairlead.SentNotification) bool { return s.State == fairlead.NotificationPending })
	}
}

func TestWebhookNotification(t *testing.T) {
	b := newBench(t)
	r := newReceiver(t)
	file := strings.Replace(webPipeline, "variables: [", `variables: [{name: odd, value: "a\"b&c=d\r\nX-Evil: 1"}, `, 1) + `    notifications:
      - webhook:
          url: "` + r.URL + `/hook/${odd}"
          headers: {X-Odd: "${odd}", Authorization: "Bearer s3cr3t-${tag}", X-Mine: own-s3cr3t}
          secret_headers: [x-mine]
          query: {q: "${odd}"}
          body: '{"odd": "${odd}", "number": ${run.number}, "text": ${odd}, "outcome": "${stage.outcome}"}'
        outcomes: [success]
      - {webhook: {url: "` + r.URL + `/never"}, outcomes: [failure]}
`
	p := b.apply(file)
	if strings.Contains(p.Source, "s3cr3t") || p.Spec.Stages[0].Notifications[0].Webhook.Headers["Authorization"] != fairlead.Masked {
		t.Errorf("the secret is shown: %s, %+v", p.Source, p.Spec.Stages[0].Notifications[0].Webhook)
	}
	again := b.apply(p.Source)
	if again.Revision != 1 {
		t.Errorf("the masked file is revision %d", again.Revision)
	}
	run := b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
	list := b.sent(run.ID, done(1))
	got := r.all()
	if len(got) != 1 || list[0].State != fairlead.NotificationDelivered || list[0].Attempts[0].Status != http.StatusNoContent {
		t.Fatalf("%d requests, %+v", len(got), list)
	}
	odd := "a\"b&c=d\r\nX-Evil: 1"
	req := got[0]
	var body struct {
		Odd, Text, Outcome string
		Number             int
	}
	b.must(json.Unmarshal([]byte(req.body), &body))
	if req.URL.Path != "/hook/"+odd || req.URL.Query().Get("q") != odd || len(req.URL.Query()) != 1 || body.Odd != odd || body.Text != odd || body.Number != 1 || body.Outcome != "success" {
		t.Errorf("path %q, query %q, body %+v", req.URL.Path, req.URL.Query(), body)
	}
	if req.Header.Get("X-Evil") != "" || req.Header.Get("X-Odd") != `a"b&c=d  X-Evil: 1` || req.Header.Get("Authorization") != "Bearer s3cr3t-1.0" || req.Header.Get("X-Mine") != "own-s3cr3t" {
		t.Errorf("headers %v", req.Header)
	}
	shown, err := json.Marshal([]any{list, run, p})
	b.must(err)
	if strings.Contains(string(shown), "s3cr3t") || strings.Contains(b.log(run.ID, ""), "s3cr3t") {
		t.Errorf("the secret is shown: %s", shown)
	}

	n, err := b.engine.Resend(t.Context(), fairlead.Actor{User: "alice"}, run.ID, list[0].ID)
	b.must(err)
	list = b.sent(run.ID, done(2))
	if got = r.all(); list[1].ID != n.ID || list[1].ResendOf != list[0].ID || len(got) != 2 || got[1].body != got[0].body || got[1].Header.Get("Webhook-Id") != got[0].Header.Get("Webhook-Id") {
		t.Errorf("sent again: %+v", list[1])
	}
	if _, err := b.engine.Resend(t.Context(), fairlead.Actor{}, "another", list[0].ID); fairlead.ErrorCode(err) != fairlead.NotFound {
		t.Errorf("of another run: %v", err)
	}
}

// A kept secret never goes to another address.
func TestMaskedSecretNeedsItsAddress(t *testing.T) {
	b := newBench(t)
	hook := `    notifications: [{webhook: {url: "https://one.example/", headers: {Authorization: 'it''s'}}}]` + "\n"
	p := b.apply(webPipeline + hook)
	if !strings.Contains(p.Source, `Authorization: "******"`) {
		t.Fatalf("source %s", p.Source)
	}
	moved := strings.Replace(p.Source, "one.example", "two.example", 1)
	_, err := b.engine.Apply(t.Context(), fairlead.Actor{User: "alice"}, "", []byte(moved), nil)
	wantText(t, err.Error(), "no value for that address is kept")
	_, err = b.engine.Apply(t.Context(), fairlead.Actor{User: "alice"}, "", []byte(webPipeline+"    notifications:\n      - webhook:\n          url: https://a.example/\n          headers:\n            Authorization: |\n              abc\n"), nil)
	if fairlead.ErrorCode(err) != fairlead.Invalid {
		t.Errorf("a secret of several lines: %v", err)
	}
}

func TestNotificationIsTriedAgain(t *testing.T) {
	b := newBench(t)
	r := newReceiver(t, http.StatusBadGateway, http.StatusFound)
	b.apply(webPipeline + `    notifications: [{webhook: {kind: slack, url: "` + r.URL + `", body: "<${stage.name}>"}}]` + "\n")
	run := b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
	for want := 1; want < 3; want++ {
		b.sent(run.ID, func(list []fairlead.SentNotification) bool { return len(list) == 1 && len(list[0].Attempts) == want })
		b.clock.add(2 * time.Minute)
		b.due()
	}
	list := b.sent(run.ID, done(1))
	if at := list[0].Attempts; len(at) != 3 || at[0].Status != 502 || at[1].Status != 302 || at[2].Status != 204 || list[0].State != fairlead.NotificationDelivered {
		t.Errorf("attempts %+v", list)
	}
	if got := r.all()[2].body; got != `{"text":"\u0026lt;deploy\u0026gt;"}` {
		t.Errorf("body %s", got)
	}
}

func TestNobodyToTell(t *testing.T) {
	b := newBench(t)
	b.apply(strings.Replace(webPipeline, "stages:", "notify: [{user: nobody, by: [email, sms]}]\nstages:", 1))
	run := b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
	for _, s := range b.sent(run.ID, done(2)) {
		if s.State != fairlead.NotificationFailed || s.To != "nobody" || len(s.Attempts) != 1 || !strings.Contains(s.Attempts[0].Message, "does not exist") {
			t.Errorf("sent %+v", s)
		}
	}
}

// A held run tells people that it waits for them, and tells them again how it ends.
func TestHeldRunTells(t *testing.T) {
	b := newBench(t)
	b.apply(strings.Replace(simple("x", "", "    on_error: {action: stop, hold: 1h}\n"), "stages:", "notify: [{user: bob, outcomes: [failure]}]\nstages:", 1))
	run := b.until(b.start("x", map[string]string{"tag": "9.9"}).ID, "held", held)
	b.sent(run.ID, done(1))
	b.clock.add(61 * time.Minute)
	b.due()
	run = b.ended(run.ID, fairlead.RunTimedOut)
	b.sent(run.ID, done(2))
	stopped := b.until(b.start("x", map[string]string{"tag": "9.9"}).ID, "held", held)
	if _, err := b.engine.Stop(t.Context(), alice(), stopped.ID); err != nil {
		t.Fatal(err)
	}
	b.ended(stopped.ID, fairlead.RunCanceled)
	b.sent(stopped.ID, done(1))
}
