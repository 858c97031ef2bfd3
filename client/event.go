package client

import (
	"context"
	"iter"

	"github.com/fairlead/fairlead"
)

// EventFilter selects events. Empty fields select everything.
type EventFilter struct {
	Kind   string // stack, run, image, template, pipeline
	Name   string
	Action string // id of a stack action
	After  int64  // only events with a greater Seq
}

// FollowEvents yields the events that are stored and then those that come, until the context ends. It reconnects by itself.
func (c *Client) FollowEvents(ctx context.Context, f EventFilter) iter.Seq2[fairlead.Event, error] {
	query := set("kind", f.Kind, "name", f.Name, "action", f.Action)
	return follow(ctx, c, "event", f.After, func(e fairlead.Event) int64 { return e.Seq }, query, "events")
}

// Events lists the events that are stored, oldest first.
func (c *Client) Events(ctx context.Context, f EventFilter) iter.Seq2[fairlead.Event, error] {
	query := set("kind", f.Kind, "name", f.Name, "action", f.Action, "after", number(f.After))
	return list[fairlead.Event](ctx, c, query, "events")
}
