package client

import (
	"context"
	"iter"

	"github.com/fairlead/fairlead"
)

// Notifications lists what a run has sent to the outside, in order, with the record of the delivery.
func (c *Client) Notifications(ctx context.Context, run string) iter.Seq2[fairlead.SentNotification, error] {
	return list[fairlead.SentNotification](ctx, c, nil, "runs", run, "notifications")
}

// ResendNotification sends a notification of a run again, as one of its own.
func (c *Client) ResendNotification(ctx context.Context, run, id string) (fairlead.SentNotification, error) {
	return post[fairlead.SentNotification](ctx, c, nil, "runs", run, "notifications", id, "resend")
}
