package api

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

func (a *API) getSettings(ctx context.Context, _ *struct{}) (*Body[fairlead.Settings], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Settings}); err != nil {
		return nil, err
	}
	s := a.Settings
	s.Version = a.Version
	s.Limits = fairlead.SettingLimits{Template: template.MaxPackage, Pipeline: maxPipeline, Request: maxBody}
	return &Body[fairlead.Settings]{s}, nil
}

// TestMessage says how a message reaches whoever asks for it.
type TestMessage struct {
	Body struct {
		By string `json:"by" enum:"email,sms"`
	}
}

// sendTest sends whoever asks a message, to see whether the mail server or the gateway works.
func (a *API) sendTest(ctx context.Context, in *TestMessage) (*None, error) {
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Settings, Name: in.Body.By}); err != nil {
		return nil, err
	}
	if a.SendTest == nil {
		return nil, fairlead.Errorf(fairlead.Failed, "this server sends no messages")
	}
	var u fairlead.User
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) { u, err = tx.User(ctx, actorOf(ctx).User); return err })
	if err != nil {
		return nil, err
	}
	return &None{}, a.SendTest(ctx, in.Body.By, u)
}
