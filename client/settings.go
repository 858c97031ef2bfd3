package client

import (
	"context"
	"net/http"

	"github.com/fairlead/fairlead"
)

// Settings are how the server was started, without secrets. For administrators.
func (c *Client) Settings(ctx context.Context) (fairlead.Settings, error) {
	return get[fairlead.Settings](ctx, c, "settings")
}

// SendTest sends the user a message by "email" or "sms", to see whether it arrives. For administrators.
func (c *Client) SendTest(ctx context.Context, by string) error {
	return c.do(ctx, call{method: http.MethodPost, path: []string{"settings", "test"}, in: map[string]string{"by": by}})
}
