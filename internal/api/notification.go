package api

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

// RunPage selects a page of what belongs to a run.
type RunPage struct {
	RunID
	Page
}

func (a *API) listNotifications(ctx context.Context, in *RunPage) (*Body[List[fairlead.SentNotification]], error) {
	run, err := a.run(ctx, auth.View, in.ID)
	if err != nil {
		return nil, err
	}
	var sent []fairlead.SentNotification
	var next string
	err = a.DB.Read(ctx, func(tx *store.Tx) error {
		sent, next, err = tx.Notifications(ctx, run.ID, in.Limit, in.Cursor)
		return err
	})
	return list(sent, next, err)
}

// NotificationID names a notification of a run.
type NotificationID struct {
	RunID
	Notification string `path:"nid" maxLength:"80"`
}

func (a *API) resendNotification(ctx context.Context, in *NotificationID) (*Body[fairlead.SentNotification], error) {
	if _, err := a.run(ctx, auth.Start, in.ID); err != nil {
		return nil, err
	}
	detail(ctx, "run %s, notification %s", in.ID, in.Notification)
	return answer(a.Pipelines.Resend(ctx, actorOf(ctx), in.ID, in.Notification))
}
