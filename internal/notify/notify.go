// Package notify sends messages to the outside: webhooks, e-mail and text messages. A message is stored, with the job that
// sends it, in the transaction of whoever has something to say; it is tried five times, with longer and longer pauses, and
// every attempt is written down. A message can arrive twice when a server dies between sending and writing that down; its id
// is the same then.
//
// The package does not know what pipelines are: it gets requests that are ready to be sent.
package notify

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// The kinds of messages.
const (
	Webhook = "webhook"
	Email   = "email"
	SMS     = "sms"
)

const (
	maxTries = 5
	// tryTime bounds one attempt.
	tryTime = 30 * time.Second
	// maxAnswer bounds what is read and kept of an answer.
	maxAnswer = 512
)

// pauses are between the attempts.
func pauses() [maxTries - 1]time.Duration {
	return [...]time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute}
}

// Config is what a [Service] works with. DB is required.
type Config struct {
	DB *store.DB
	// AllowPrivate lets webhooks call private, loopback, link-local and other addresses that are not public.
	AllowPrivate bool
	// Mail is the mail server; without it nobody gets e-mail.
	Mail *MailServer
	// SMS is the gateway of text messages; without it nobody gets any.
	SMS *SMSGateway
	// Log receives what went wrong inside. Default: discarded.
	Log *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Service sends messages. Safe for concurrent use.
type Service struct {
	db   *store.DB
	mail *MailServer
	sms  *SMSGateway
	log  *slog.Logger
	now  func() time.Time
	// guarded calls addresses of users, trusted those of the administrator.
	guarded, trusted *http.Client
}

// New returns a Service. Register its worker before the jobs start.
func New(cfg Config) *Service {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{db: cfg.DB, mail: cfg.Mail, sms: cfg.SMS, log: cfg.Log, now: cfg.Now, guarded: newClient(!cfg.AllowPrivate), trusted: newClient(false)}
}

// Register adds the worker that sends.
func (s *Service) Register(workers *river.Workers) { river.AddWorker(workers, &sendWorker{service: s}) }

// Request is what is sent. It is kept sealed.
type Request struct {
	Method  string            `json:"method,omitempty"`
	URL     string            `json:"url,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	To      string            `json:"to,omitempty"` // of an e-mail
	Subject string            `json:"subject,omitempty"`
	// Secret names headers that are secret besides those whose names say so.
	Secret []string `json:"secret,omitempty"`
	// Chat says that the receiver is a chat, which can refuse a message with a 200.
	Chat bool `json:"chat,omitempty"`
	// Problem is why the message cannot be sent at all. It is written down as an attempt that failed.
	Problem string `json:"problem,omitempty"`
}

// Send stores a message with the job that sends it. n has its run, stage, outcome, kind and recipient.
func (s *Service) Send(ctx context.Context, tx *store.Tx, n *fairlead.SentNotification, r Request) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	n.ID, n.State, n.Request = id.String(), fairlead.NotificationPending, r.shown()
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := tx.CreateNotification(ctx, n, b); err != nil {
		return err
	}
	if r.Problem != "" {
		return tx.NotificationTried(ctx, n.ID, fairlead.NotificationFailed, fairlead.NotificationAttempt{Attempt: 1, At: tx.Now, Message: r.Problem})
	}
	return tx.Enqueue(ctx, sendJob{n.ID, 1}, nil)
}

// Resend sends a message of a run again, as a message of its own. One that is still being tried is a Conflict.
func (s *Service) Resend(ctx context.Context, actor fairlead.Actor, run, id string) (n fairlead.SentNotification, err error) {
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		old, err := tx.Notification(ctx, id)
		if err == nil && old.Run != run {
			err = fairlead.Errorf(fairlead.NotFound, "run %s has no notification %q", run, id)
		}
		if err != nil {
			return err
		}
		if old.State == fairlead.NotificationPending {
			return fairlead.Errorf(fairlead.Conflict, "notification %s is still being sent: %d of %d attempts are made", id, len(old.Attempts), maxTries)
		}
		b, err := tx.NotificationRequest(ctx, id)
		if err != nil {
			return err
		}
		var r Request
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		if r.Problem != "" {
			return fairlead.Errorf(fairlead.Conflict, "notification %s could not be made, so there is nothing to send again: %s", id, r.Problem)
		}
		n = fairlead.SentNotification{Run: old.Run, Stage: old.Stage, Outcome: old.Outcome, Kind: old.Kind, To: old.To, ResendOf: old.ID, By: actor.String()}
		if err := s.Send(ctx, tx, &n, r); err != nil {
			return err
		}
		n, err = tx.Notification(ctx, n.ID)
		return err
	})
	return n, err
}

// sendJob is the job that makes one attempt.
type sendJob struct {
	Notification string `json:"notification_id"`
	Attempt      int    `json:"attempt"`
}

func (sendJob) Kind() string { return "notification_send" }

type sendWorker struct {
	river.WorkerDefaults[sendJob]
	service *Service
}

// Work makes an attempt. What came of it and the next attempt are one transaction.
func (w *sendWorker) Work(ctx context.Context, job *river.Job[sendJob]) error {
	s, at := w.service, job.Args
	var n fairlead.SentNotification
	var sealed []byte
	err := s.db.Read(ctx, func(tx *store.Tx) (err error) {
		if n, err = tx.Notification(ctx, at.Notification); err != nil {
			return err
		}
		sealed, err = tx.NotificationRequest(ctx, at.Notification)
		return err
	})
	if fairlead.ErrorCode(err) == fairlead.NotFound || (err == nil && (n.State != fairlead.NotificationPending || len(n.Attempts) >= at.Attempt)) {
		return nil
	}
	if err != nil {
		return err
	}
	var r Request
	if err := json.Unmarshal(sealed, &r); err != nil {
		return err
	}
	began := s.now()
	status, err := s.deliver(ctx, n, r)
	if ctx.Err() != nil {
		return ctx.Err() // the server stops: this was no attempt
	}
	tried := fairlead.NotificationAttempt{Attempt: at.Attempt, At: began, Took: fairlead.Duration(s.now().Sub(began)), Status: status}
	state := fairlead.NotificationDelivered
	if err != nil {
		tried.Message = err.Error()
		state = fairlead.NotificationPending
		if at.Attempt >= maxTries || fairlead.ErrorCode(err) == fairlead.Denied {
			state = fairlead.NotificationFailed
			s.log.Warn("a notification was not delivered", "run", n.Run, "notification", n.ID, "kind", n.Kind, "attempts", at.Attempt)
		}
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if err := tx.NotificationTried(ctx, n.ID, state, tried); err != nil {
			return err
		}
		if state == fairlead.NotificationPending {
			when := tx.Now.Add(pauses()[at.Attempt-1])
			if err := tx.Enqueue(ctx, sendJob{n.ID, at.Attempt + 1}, &river.InsertOpts{ScheduledAt: when}); err != nil {
				return err
			}
		}
		return store.CompleteJob(ctx, tx, job)
	})
}

func (s *Service) deliver(ctx context.Context, n fairlead.SentNotification, r Request) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	id := n.ID
	if n.ResendOf != "" {
		id = n.ResendOf
	}
	switch n.Kind {
	case Email:
		return 0, s.mail.send(ctx, id, r)
	case SMS:
		return s.call(ctx, s.trusted, id, r)
	}
	return s.call(ctx, s.guarded, id, r)
}
