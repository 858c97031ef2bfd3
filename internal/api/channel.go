package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

func (a *API) listChannels(ctx context.Context, in *Page) (*Body[List[fairlead.Channel]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Channels}); err != nil {
		return nil, err
	}
	var channels []fairlead.Channel
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		channels, next, err = tx.Channels(ctx, auth.Sees(actorOf(ctx)), in.Limit, in.Cursor)
		return err
	})
	return list(channels, next, err)
}

func (a *API) getChannel(ctx context.Context, in *Named) (*Body[fairlead.Channel], error) {
	return answer(a.channel(ctx, in.Name))
}

func (a *API) channel(ctx context.Context, name string) (c fairlead.Channel, err error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Channels, Name: name}); err != nil {
		return c, err
	}
	err = a.DB.Read(ctx, func(tx *store.Tx) error { c, err = tx.Channel(ctx, auth.Sees(actorOf(ctx)), name); return err })
	return c, err
}

// ChannelSettings are the settings of a channel.
type ChannelSettings struct {
	Named
	Body struct {
		Description string             `json:"description,omitempty" maxLength:"1000"`
		Keep        fairlead.Retention `json:"keep,omitempty" doc:"how many messages stay, and for how long; default: all"`
	}
}

func (a *API) setChannel(ctx context.Context, in *ChannelSettings) (*Body[fairlead.Channel], error) {
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Channels, Name: in.Name}); err != nil {
		return nil, err
	}
	if _, _, err := a.Pipelines.SetChannel(ctx, actorOf(ctx), fairlead.Channel{Name: in.Name, Description: in.Body.Description, Keep: in.Body.Keep}); err != nil {
		return nil, err
	}
	return answer(a.channel(ctx, in.Name)) // as the actor sees it
}

func (a *API) deleteChannel(ctx context.Context, in *Named) (*None, error) {
	if err := can(ctx, auth.Remove, auth.Object{Kind: auth.Channels, Name: in.Name}); err != nil {
		return nil, err
	}
	return &None{}, a.Pipelines.DeleteChannel(ctx, auth.Sees(actorOf(ctx)), in.Name)
}

// NewMessage is a message to publish.
type NewMessage struct {
	Named
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"the same key on the same channel counts once"`
	Body           *struct {
		Params map[string]string `json:"params,omitempty"`
	}
}

func (a *API) publish(ctx context.Context, in *NewMessage) (*Body[fairlead.ChannelMessage], error) {
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Channels, Name: in.Name}); err != nil {
		return nil, err
	}
	var params map[string]string
	if in.Body != nil {
		params = in.Body.Params
	}
	return answer(a.Pipelines.Publish(ctx, actorOf(ctx), in.Name, params, in.IdempotencyKey))
}

// ChannelQuery selects messages of a channel.
type ChannelQuery struct {
	NamedPage
	Follow
}

func (a *API) channelMessages(ctx context.Context, in *ChannelQuery) (*huma.StreamResponse, error) {
	if _, err := a.channel(ctx, in.Name); err != nil {
		return nil, err
	}
	if in.wanted() {
		return a.followChannel(ctx, in)
	}
	var messages []fairlead.ChannelMessage
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		messages, next, err = tx.ChannelMessages(ctx, auth.Sees(actorOf(ctx)), in.Name, in.Limit, in.Cursor)
		for i := range messages {
			if err == nil {
				messages[i].Deliveries, err = tx.Deliveries(ctx, auth.Sees(actorOf(ctx)), messages[i].ID)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return page(messages, next), nil
}

func (a *API) followChannel(ctx context.Context, in *ChannelQuery) (*huma.StreamResponse, error) {
	after := in.start()
	if after < 0 {
		err := a.DB.Read(ctx, func(tx *store.Tx) error {
			newest, _, err := tx.ChannelMessages(ctx, auth.Sees(actorOf(ctx)), in.Name, 1, "")
			after = 0
			if len(newest) > 0 {
				after = newest[0].Seq
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return a.stream("message", after, func(ctx context.Context, after int64) (news []message, final bool, err error) {
		err = a.DB.Read(ctx, func(tx *store.Tx) error {
			list, err := tx.ChannelMessagesAfter(ctx, auth.Sees(actorOf(ctx)), in.Name, after, streamPage)
			for _, m := range list {
				news = append(news, message{m.Seq, m})
			}
			return err
		})
		return news, false, err
	}), nil
}

// ChannelMessageID names a message of a channel.
type ChannelMessageID struct {
	Named
	ID string `path:"id" maxLength:"80"`
}

func (a *API) channelMessage(ctx context.Context, in *ChannelMessageID) (*Body[fairlead.ChannelMessage], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Channels, Name: in.Name}); err != nil {
		return nil, err
	}
	return answer(a.Pipelines.ChannelMessage(ctx, auth.Sees(actorOf(ctx)), in.Name, in.ID))
}

func (a *API) replayMessage(ctx context.Context, in *ChannelMessageID) (*Body[fairlead.ChannelMessage], error) {
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Channels, Name: in.Name}); err != nil {
		return nil, err
	}
	return answer(a.Pipelines.Replay(ctx, actorOf(ctx), in.Name, in.ID))
}
