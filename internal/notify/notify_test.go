package notify_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/notify"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// bench is a database with one run, whose jobs are worked.
type bench struct {
	testing.TB
	db      *store.DB
	service *notify.Service
	run     string
}

func newBench(t *testing.T, dbCfg store.Config, cfg notify.Config) *bench {
	t.Helper()
	db, err := store.Open(t.Context(), dbCfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DB = db
	b := &bench{t, db, notify.New(cfg), uuid.NewString()}
	b.write(func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(
			tx.CreateGroup(ctx, &fairlead.Group{Name: fairlead.DefaultGroup}),
			tx.CreatePipeline(ctx, &fairlead.Pipeline{ID: uuid.NewString(), Name: "web", Group: fairlead.DefaultGroup, Spec: fairlead.PipelineSpec{Name: "web"}}),
			tx.CreateRun(ctx, &fairlead.Run{ID: b.run, Pipeline: "web", Number: 1, State: fairlead.RunSucceeded}))
	})
	workers := river.NewWorkers()
	b.service.Register(workers)
	if err := db.StartJobs(t.Context(), workers); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(db.StopJobs(context.WithoutCancel(t.Context())), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) write(fn func(ctx context.Context, tx *store.Tx) error) {
	b.Helper()
	if err := b.db.Write(b.Context(), func(tx *store.Tx) error { return fn(b.Context(), tx) }); err != nil {
		b.Fatal(err)
	}
}

// send sends a message and waits until it has a number of attempts, or is not tried any more.
func (b *bench) send(kind string, r notify.Request, attempts int) fairlead.SentNotification {
	b.Helper()
	n := fairlead.SentNotification{Run: b.run, Outcome: "success", Kind: kind, To: "alice"}
	b.write(func(ctx context.Context, tx *store.Tx) error { return b.service.Send(ctx, tx, &n, r) })
	return b.until(n.ID, attempts)
}

func (b *bench) until(id string, attempts int) (n fairlead.SentNotification) {
	b.Helper()
	changed, cancel := b.db.Watch()
	defer cancel()
	deadline := time.After(30 * time.Second)
	for {
		err := b.db.Read(b.Context(), func(tx *store.Tx) (err error) { n, err = tx.Notification(b.Context(), id); return err })
		if err != nil {
			b.Fatal(err)
		}
		if n.State != fairlead.NotificationPending || len(n.Attempts) >= attempts {
			return n
		}
		select {
		case <-changed:
		case <-deadline:
			b.Fatalf("after 30 s: %+v", n)
		}
	}
}

func (b *bench) due() {
	b.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE river_job SET scheduled_at = created_at, state = 'available' WHERE state = 'scheduled'`)
		return err
	})
}

// A message that nobody takes is tried five times, each attempt is on record, and it can be sent again.
func TestFiveAttempts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		b := newBench(t, cfg, notify.Config{AllowPrivate: true})
		broken := true
		var mu sync.Mutex
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if broken {
				http.Error(w, "out of order", http.StatusServiceUnavailable)
			}
		}))
		t.Cleanup(s.Close)
		n := b.send(notify.Webhook, notify.Request{Method: "GET", URL: s.URL}, 1)
		_, err := b.service.Resend(t.Context(), fairlead.Actor{User: "bob"}, b.run, n.ID)
		if fairlead.ErrorCode(err) != fairlead.Conflict {
			t.Errorf("sent again while it is tried: %v", err)
		}
		for want := 2; want <= 5; want++ {
			b.due()
			n = b.until(n.ID, want)
		}
		if n.State != fairlead.NotificationFailed || len(n.Attempts) != 5 || n.Attempts[4].Attempt != 5 || n.Attempts[4].Status != 503 || !strings.Contains(n.Attempts[4].Message, "out of order") {
			t.Errorf("%+v", n)
		}
		mu.Lock()
		broken = false
		mu.Unlock()
		again, err := b.service.Resend(t.Context(), fairlead.Actor{User: "bob"}, b.run, n.ID)
		if err != nil {
			t.Fatal(err)
		}
		if again = b.until(again.ID, 1); again.State != fairlead.NotificationDelivered || again.ResendOf != n.ID || again.By != "bob" {
			t.Errorf("%+v", again)
		}
	})
}

// What is not public is not called, whatever its name is, and no redirect is followed.
func TestPrivateAddressesAreRefused(t *testing.T) {
	calls := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls <- r.URL.Path
		http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, storetest.Config(t, store.Config{Dir: t.TempDir()}), notify.Config{})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "2130706433"} {
		n := b.send(notify.Webhook, notify.Request{Method: "POST", URL: "http://" + host + ":" + port + "/"}, 1)
		if n.State == fairlead.NotificationDelivered || len(n.Attempts) != 1 || n.Attempts[0].Status != 0 {
			t.Errorf("%s: %+v", host, n)
		}
		if host != "2130706433" && (n.State != fairlead.NotificationFailed || !strings.Contains(n.Attempts[0].Message, "--allow-private-webhooks")) {
			t.Errorf("%s: %+v", host, n)
		}
	}
	if len(calls) != 0 {
		t.Errorf("%s was called", <-calls)
	}
	open := newBench(t, storetest.Config(t, store.Config{Dir: t.TempDir()}), notify.Config{AllowPrivate: true})
	if n := open.send(notify.Webhook, notify.Request{Method: "POST", URL: s.URL + "/hook"}, 1); n.Attempts[0].Status != 307 || n.State != fairlead.NotificationPending {
		t.Errorf("%+v", n)
	}
	if path := <-calls; path != "/hook" || len(calls) != 0 {
		t.Errorf("called %s and %d more", path, len(calls))
	}
}

// A chat can refuse a message with a 200.
func TestChatRefuses(t *testing.T) {
	b := newBench(t, storetest.Config(t, store.Config{Dir: t.TempDir()}), notify.Config{AllowPrivate: true})
	for answer, want := range map[string]string{`ok`: "", ``: "", `{"errcode":0,"errmsg":"ok"}`: "", `{"code":0}`: "", `{"errcode":310000,"errmsg":"keywords not in content"}`: "310000 keywords not in content", `{"code":19001,"msg":"param invalid"}`: "19001 param invalid"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, err := io.WriteString(w, answer); err != nil {
				t.Error(err)
			}
		}))
		n := b.send(notify.Webhook, notify.Request{Method: "POST", URL: s.URL, Chat: true}, 1)
		s.Close()
		if (n.State == fairlead.NotificationDelivered) != (want == "") || !strings.Contains(n.Attempts[0].Message, want) {
			t.Errorf("%s: %+v", answer, n)
		}
	}
}

func TestSMS(t *testing.T) {
	got := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.Header.Get("Authorization") + " " + r.URL.Query().Get("to") + " " + string(body)
	}))
	t.Cleanup(s.Close)
	gateway := &notify.SMSGateway{URL: s.URL + "/?to=${phone}", Body: `{"text": "${text}"}`, Headers: map[string]string{"Authorization": "Bearer s3cr3t"}}
	if err := gateway.Check(); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, storetest.Config(t, store.Config{Dir: t.TempDir()}), notify.Config{SMS: gateway}) // the gateway's address is the administrator's
	r := b.service.ToUser(notify.SMS, fairlead.User{Name: "alice", Phone: "+86 10"}, "", "a \"b\"\n成功\n")
	n := b.send(notify.SMS, r, 1)
	if text := <-got; n.State != fairlead.NotificationDelivered || text != `Bearer s3cr3t +86 10 {"text": "a \"b\"\n成功"}` {
		t.Errorf("%s, %+v", text, n)
	}
	if shown, _ := json.Marshal(n); strings.Contains(string(shown), "s3cr3t") {
		t.Errorf("shown %s", shown)
	}
	for _, bad := range []notify.SMSGateway{{URL: "sms.example.com/${phone}/${text}"}, {URL: "http://sms.example.com/${phone}"}} {
		if err := bad.Check(); fairlead.ErrorCode(err) != fairlead.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if r := b.service.ToUser(notify.SMS, fairlead.User{Name: "bob"}, "", "a"); !strings.Contains(r.Problem, "no phone number") {
		t.Errorf("%+v", r)
	}
}

// letter is what a mail server got.
type letter struct {
	user, from string
	to         []string
	text       string
	tls        bool
}

// postOffice is a mail server with TLS that wants a password.
type postOffice struct{ letters chan letter }

func (p *postOffice) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secure := c.TLSConnectionState()
	return &session{office: p, letter: letter{tls: secure}}, nil
}

type session struct {
	office *postOffice
	letter letter
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "p@ss" {
			return smtp.ErrAuthFailed
		}
		s.letter.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.letter.user == "" {
		return smtp.ErrAuthRequired
	}
	s.letter.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.letter.to = append(s.letter.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.letter.text = string(b)
	s.office.letters <- s.letter
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// certificate borrows the one of httptest, which is for 127.0.0.1.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s.TLS.Certificates[0], roots
}

func TestEmail(t *testing.T) {
	cert, roots := certificate(t)
	for scheme, direct := range map[string]bool{"smtp": false, "smtps": true} {
		t.Run(scheme, func(t *testing.T) {
			office := &postOffice{make(chan letter, 1)}
			server := smtp.NewServer(office)
			server.Domain, server.TLSConfig = "mail.test", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := l
			if direct {
				served = tls.NewListener(l, server.TLSConfig)
			}
			var wg sync.WaitGroup
			wg.Go(func() { _ = server.Serve(served) }) // it ends with the server
			t.Cleanup(func() {
				if err := server.Close(); err != nil {
					t.Error(err)
				}
				wg.Wait()
			})
			box, err := notify.NewMailServer(scheme+"://robot:p%40ss@"+l.Addr().String(), "Fairlead <fairlead@example.com>", roots)
			if err != nil {
				t.Fatal(err)
			}
			b := newBench(t, storetest.Config(t, store.Config{Dir: t.TempDir()}), notify.Config{Mail: box})
			r := b.service.ToUser(notify.Email, fairlead.User{Name: "alice", Email: "alice@example.com"}, "流水线 web\r\nBcc: eve@example.com", "成功\nhttp://fairlead.test/runs/1\n")
			n := b.send(notify.Email, r, 1)
			if n.State != fairlead.NotificationDelivered {
				t.Fatalf("%+v", n)
			}
			got := <-office.letters
			m, err := mail.ReadMessage(bufio.NewReader(strings.NewReader(got.text)))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil || !strings.HasPrefix(subject, "流水线 web") || m.Header.Get("Bcc") != "" || len(got.to) != 1 || got.to[0] != "alice@example.com" {
				t.Errorf("subject %q, %v, to %v", subject, err, got.to)
			}
			if !got.tls || got.user != "robot" || got.from != "fairlead@example.com" || !strings.Contains(m.Header.Get("Message-ID"), n.ID) {
				t.Errorf("letter %+v", got)
			}
		})
	}
	t.Run("an unknown certificate", func(t *testing.T) {
		s := httptest.NewUnstartedServer(nil)
		l := tls.NewListener(s.Listener, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
		office := smtp.NewServer(&postOffice{})
		var wg sync.WaitGroup
		wg.Go(func() { _ = office.Serve(l) })
		t.Cleanup(func() { _ = office.Close(); wg.Wait() })
		box, err := notify.NewMailServer("smtps://robot:p%40ss@"+l.Addr().String(), "fairlead@example.com", nil)
		if err != nil {
			t.Fatal(err)
		}
		b := newBench(t, storetest.Config(t, store.Config{Dir: t.TempDir()}), notify.Config{Mail: box})
		if n := b.send(notify.Email, notify.Request{To: "alice@example.com", Subject: "a", Body: "b"}, 1); n.State != fairlead.NotificationPending || !strings.Contains(n.Attempts[0].Message, "certificate") {
			t.Errorf("%+v", n)
		}
	})
}

func TestMailServerRefuses(t *testing.T) {
	for _, tt := range [][2]string{{"mail.example.com", "a@b.c"}, {"http://mail.example.com", "a@b.c"}, {"smtp://mail.example.com:0", "a@b.c"}, {"smtp://mail.example.com", "nobody"}, {"smtp://", "a@b.c"}} {
		if _, err := notify.NewMailServer(tt[0], tt[1], nil); fairlead.ErrorCode(err) != fairlead.Invalid {
			t.Errorf("%v: %v", tt, err)
		}
	}
}

func TestSettings(t *testing.T) {
	box, err := notify.NewMailServer("smtp://robot:p%40ss@mail.test:2525", "Fairlead <fairlead@example.com>", nil)
	if err != nil {
		t.Fatal(err)
	}
	gateway := &notify.SMSGateway{URL: "https://key:hush@sms.test/send/t0ken?to=${phone}&text=${text}", Headers: map[string]string{"Authorization": "hush"}}
	mail, sms := notify.New(notify.Config{Mail: box, SMS: gateway}).Settings()
	if mail == nil || *mail != (fairlead.MailSettings{Server: "mail.test:2525", Encrypted: true, User: "robot", From: "Fairlead <fairlead@example.com>"}) {
		t.Errorf("mail %+v", mail)
	}
	if sms == nil || *sms != (fairlead.SMSSettings{Gateway: "https://sms.test", Method: "GET"}) {
		t.Errorf("text messages %+v; want no more than the host", sms)
	}
	if mail, sms := notify.New(notify.Config{}).Settings(); mail != nil || sms != nil {
		t.Errorf("%v and %v where nothing is set", mail, sms)
	}
}

func TestTry(t *testing.T) {
	var got atomic.Value
	status := http.StatusOK
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.URL.Query().Get("to") + ": " + r.URL.Query().Get("text"))
		w.WriteHeader(status)
	}))
	t.Cleanup(gateway.Close)
	s := notify.New(notify.Config{SMS: &notify.SMSGateway{URL: gateway.URL + "?to=${phone}&text=${text}"}})
	alice := fairlead.User{Name: "alice", Phone: "+86 10"}
	if err := s.Try(t.Context(), notify.SMS, alice, "subject", "body"); err != nil || got.Load() != "+86 10: body" {
		t.Errorf("%v, %v", err, got.Load())
	}
	if err := s.Try(t.Context(), notify.Email, alice, "subject", "body"); fairlead.ErrorCode(err) != fairlead.Invalid {
		t.Errorf("%v; want that alice has no e-mail address", err)
	}
	status = http.StatusForbidden
	if err := s.Try(t.Context(), notify.SMS, alice, "subject", "body"); fairlead.ErrorCode(err) != fairlead.Failed {
		t.Errorf("%v; want that the gateway refused", err)
	}
}
