package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/fairlead/fairlead"
)

// Channels lists the channels.
func (c *Client) Channels(ctx context.Context) iter.Seq2[fairlead.Channel, error] {
	return list[fairlead.Channel](ctx, c, nil, "channels")
}

// Channel returns one channel with its publishers and listeners.
func (c *Client) Channel(ctx context.Context, name string) (fairlead.Channel, error) {
	return get[fairlead.Channel](ctx, c, "channels", name)
}

// SetChannel makes a channel, or changes the description and limits of one.
func (c *Client) SetChannel(ctx context.Context, ch fairlead.Channel) (fairlead.Channel, error) {
	in := map[string]any{"description": ch.Description, "keep": ch.Keep}
	return fetch[fairlead.Channel](ctx, c, call{method: http.MethodPut, path: []string{"channels", ch.Name}, in: in})
}

// DeleteChannel removes a channel that nobody uses.
func (c *Client) DeleteChannel(ctx context.Context, name string) error {
	return c.delete(ctx, "channels", name)
}

// Publish puts a message on a channel. The same key counts once; empty is none.
func (c *Client) Publish(ctx context.Context, channel string, params map[string]string, key string) (fairlead.ChannelMessage, error) {
	header := http.Header{}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	if params == nil {
		params = map[string]string{}
	}
	return fetch[fairlead.ChannelMessage](ctx, c, call{
		method: http.MethodPost, path: []string{"channels", channel, "messages"}, header: header, in: map[string]any{"params": params},
	})
}

// ChannelMessages lists the messages of a channel, newest first.
func (c *Client) ChannelMessages(ctx context.Context, channel string) iter.Seq2[fairlead.ChannelMessage, error] {
	return list[fairlead.ChannelMessage](ctx, c, nil, "channels", channel, "messages")
}

// FollowChannel yields the messages after a seq and then those that come, until the context ends. -1 begins with what comes.
func (c *Client) FollowChannel(ctx context.Context, channel string, after int64) iter.Seq2[fairlead.ChannelMessage, error] {
	query := set()
	if after < 0 {
		query.Set("after", "-1")
	}
	return follow(ctx, c, "message", after, func(m fairlead.ChannelMessage) int64 { return m.Seq }, query, "channels", channel, "messages")
}

// ChannelMessage returns a message with what it did.
func (c *Client) ChannelMessage(ctx context.Context, channel, id string) (fairlead.ChannelMessage, error) {
	return get[fairlead.ChannelMessage](ctx, c, "channels", channel, "messages", id)
}

// ReplayMessage publishes the content of a message again.
func (c *Client) ReplayMessage(ctx context.Context, channel, id string) (fairlead.ChannelMessage, error) {
	return post[fairlead.ChannelMessage](ctx, c, nil, "channels", channel, "messages", id, "replay")
}
