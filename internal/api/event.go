package api

import (
	"context"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

// EventQuery selects events.
type EventQuery struct {
	Kind   string `query:"kind" maxLength:"40" doc:"stack, run, image, template, pipeline, pipeline-template, freeze, group, user, target, channel, organization or audit"`
	Name   string `query:"name" maxLength:"300" doc:"the stack's name, the run's id, the image; of audit the group"`
	Action string `query:"action" maxLength:"80" doc:"id of a stack action"`
	Page
	Follow
}

func (a *API) events(ctx context.Context, in *EventQuery) (*huma.StreamResponse, error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Events}); err != nil {
		return nil, err
	}
	return a.eventList(ctx, in)
}

func (a *API) eventList(ctx context.Context, in *EventQuery) (*huma.StreamResponse, error) {
	f := store.EventFilter{Kind: in.Kind, Name: in.Name, Action: in.Action}
	after := in.start()
	if after < 0 {
		if err := a.DB.Read(ctx, func(tx *store.Tx) (err error) { after, err = tx.LastEvent(ctx); return err }); err != nil {
			return nil, err
		}
	}
	if in.wanted() {
		return a.stream("event", after, func(ctx context.Context, after int64) ([]message, bool, error) {
			events, err := a.readEvents(ctx, f, after, streamPage)
			news := make([]message, len(events))
			for i, e := range events {
				news[i] = message{e.Seq, e}
			}
			return news, false, err
		}), nil
	}
	after, err := seqCursor(in.Cursor, after)
	if err != nil {
		return nil, err
	}
	events, err := a.readEvents(ctx, f, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	events, next := store.Page(events, in.Limit, func(e fairlead.Event) string { return strconv.FormatInt(e.Seq, 10) })
	return page(events, next), nil
}

func (a *API) readEvents(ctx context.Context, f store.EventFilter, after int64, limit int) (events []fairlead.Event, err error) {
	f.After, f.Limit, f.Viewer = after, limit, auth.Sees(actorOf(ctx))
	err = a.DB.Read(ctx, func(tx *store.Tx) error { events, err = tx.Events(ctx, f); return err })
	return events, err
}

// seqCursor reads the cursor of a list that is ordered by seq.
func seqCursor(cursor string, after int64) (int64, error) {
	if cursor == "" {
		return after, nil
	}
	seq, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || seq < 0 {
		return 0, fairlead.Errorf(fairlead.Invalid, "cursor %q: want the next of the page before", cursor)
	}
	return max(seq, after), nil
}
