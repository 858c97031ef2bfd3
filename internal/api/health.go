package api

import (
	"context"

	"github.com/fairlead/fairlead"
)

// Health says how the server is.
type Health struct {
	Status string `json:"status" enum:"ok"`
}

// healthy answers as long as the process serves at all.
func (a *API) healthy(context.Context, *struct{}) (*Body[Health], error) {
	return &Body[Health]{Health{"ok"}}, nil
}

// ready answers ok once everything was started and while the database answers.
func (a *API) ready(ctx context.Context, _ *struct{}) (*Body[Health], error) {
	if err := a.Ready(); err != nil {
		return nil, fairlead.Errorf(fairlead.Unavailable, "the server is not ready: %w", err)
	}
	if err := a.DB.Ping(ctx); err != nil {
		return nil, err
	}
	return a.healthy(ctx, nil)
}
