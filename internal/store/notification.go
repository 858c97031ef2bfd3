package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/fairlead/fairlead"
)

// CreateNotification stores a notification with its request, which is sealed. At is set here.
func (tx *Tx) CreateNotification(ctx context.Context, n *fairlead.SentNotification, request []byte) error {
	n.At = tx.Now
	sealed, err := tx.Seal(request)
	if err != nil {
		return err
	}
	shown, err := json.Marshal(n.Request)
	if err != nil {
		return err
	}
	const q = `INSERT INTO notifications (id, run, stage, outcome, kind, recipient, request, shown, state, resend_of, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	_, err = tx.Exec(ctx, q, n.ID, n.Run, n.Stage, n.Outcome, n.Kind, n.To, sealed, string(shown), string(n.State), n.ResendOf, Time(n.At), n.By)
	return err
}

const selectNotifications = `SELECT id, run, stage, outcome, kind, recipient, shown, state, resend_of, created_at, created_by FROM notifications`

func scanNotification(row Row) (n fairlead.SentNotification, err error) {
	var shown []byte
	if err := row.Scan(&n.ID, &n.Run, &n.Stage, &n.Outcome, &n.Kind, &n.To, &shown, &n.State, &n.ResendOf, ScanTime(&n.At), &n.By); err != nil {
		return n, err
	}
	return n, json.Unmarshal(shown, &n.Request)
}

// Notification returns a notification of a run with its attempts.
func (tx *Tx) Notification(ctx context.Context, id string) (fairlead.SentNotification, error) {
	n, err := scanNotification(tx.QueryRow(ctx, selectNotifications+` WHERE id = $1`, id))
	if err != nil {
		return n, NotFound(err, "notification %q does not exist; see: fairlead run notifications RUN", id)
	}
	return n, tx.notificationAttempts(ctx, &n)
}

func (tx *Tx) notificationAttempts(ctx context.Context, n *fairlead.SentNotification) error {
	rows, err := tx.Query(ctx, `SELECT attempt, at, took, status, message FROM notification_attempts WHERE notification = $1 ORDER BY attempt`, n.ID)
	list, err := Collect(rows, err, func(row Row) (a fairlead.NotificationAttempt, err error) {
		var took int64
		err = row.Scan(&a.Attempt, ScanTime(&a.At), &took, &a.Status, &a.Message)
		a.Took = fairlead.Duration(time.Duration(took) * time.Millisecond)
		return a, err
	})
	n.Attempts = append([]fairlead.NotificationAttempt{}, list...)
	return err
}

// Notifications lists what a run has sent, in order. cursor is the last id of the page before.
func (tx *Tx) Notifications(ctx context.Context, run string, limit int, cursor string) ([]fairlead.SentNotification, string, error) {
	rows, err := tx.Query(ctx, selectNotifications+` WHERE run = $1 AND id > $2 ORDER BY id LIMIT $3`, run, cursor, limit+1)
	list, err := Collect(rows, err, scanNotification)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(n fairlead.SentNotification) string { return n.ID })
	for i := range list {
		if err := tx.notificationAttempts(ctx, &list[i]); err != nil {
			return nil, "", err
		}
	}
	return list, next, nil
}

// NotificationRequest returns the request of a notification as it is sent.
func (tx *Tx) NotificationRequest(ctx context.Context, id string) ([]byte, error) {
	var sealed []byte
	if err := tx.QueryRow(ctx, `SELECT request FROM notifications WHERE id = $1`, id).Scan(&sealed); err != nil {
		return nil, NotFound(err, "notification %q does not exist", id)
	}
	return tx.Unseal(sealed)
}

// NotificationTried stores an attempt to deliver a notification and the state that it is in now.
func (tx *Tx) NotificationTried(ctx context.Context, id string, state fairlead.NotificationState, a fairlead.NotificationAttempt) error {
	const q = `INSERT INTO notification_attempts (notification, attempt, at, took, status, message) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (notification, attempt) DO NOTHING`
	if _, err := tx.Exec(ctx, q, id, a.Attempt, Time(a.At), time.Duration(a.Took).Milliseconds(), a.Status, a.Message); err != nil {
		return err
	}
	tx.Changed()
	_, err := tx.Exec(ctx, `UPDATE notifications SET state = $1 WHERE id = $2`, string(state), id)
	return err
}

// PipelineSecrets returns the secret values of a pipeline by their places.
func (tx *Tx) PipelineSecrets(ctx context.Context, pipeline string) (map[string]string, error) {
	rows, err := tx.Query(ctx, `SELECT place, value FROM pipeline_secrets WHERE pipeline = $1`, pipeline)
	type secret struct{ place, value string }
	list, err := Collect(rows, err, func(row Row) (s secret, err error) {
		var sealed []byte
		if err := row.Scan(&s.place, &sealed); err != nil {
			return s, err
		}
		value, err := tx.Unseal(sealed)
		s.value = string(value)
		return s, err
	})
	out := make(map[string]string, len(list))
	for _, s := range list {
		out[s.place] = s.value
	}
	return out, err
}

// SetPipelineSecrets makes the secret values of a pipeline exactly those given.
func (tx *Tx) SetPipelineSecrets(ctx context.Context, pipeline string, values map[string]string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM pipeline_secrets WHERE pipeline = $1`, pipeline); err != nil {
		return err
	}
	for place, value := range values {
		sealed, err := tx.Seal([]byte(value))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO pipeline_secrets (pipeline, place, value) VALUES ($1, $2, $3)`, pipeline, place, sealed); err != nil {
			return err
		}
	}
	return nil
}
