package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/fairlead/fairlead"
)

// NewFreeze is a freeze to make. From zero is now.
type NewFreeze struct {
	Scope  fairlead.FreezeScope `json:"scope"`
	Name   string               `json:"name,omitempty"` // of the group, target or pipeline
	From   time.Time            `json:"from,omitzero"`
	Until  time.Time            `json:"until"`
	Reason string               `json:"reason"`
}

// CreateFreeze keeps deploying stages from beginning for some time.
func (c *Client) CreateFreeze(ctx context.Context, f NewFreeze) (fairlead.Freeze, error) {
	return post[fairlead.Freeze](ctx, c, f, "freezes")
}

// Freezes lists the freezes that go on or will come, newest first; with past those that are over, too.
func (c *Client) Freezes(ctx context.Context, past bool) iter.Seq2[fairlead.Freeze, error] {
	which := ""
	if past {
		which = "true"
	}
	return list[fairlead.Freeze](ctx, c, set("past", which), "freezes")
}

// Freeze returns one freeze.
func (c *Client) Freeze(ctx context.Context, id string) (fairlead.Freeze, error) {
	return get[fairlead.Freeze](ctx, c, "freezes", id)
}

// LiftFreeze ends a freeze before its time.
func (c *Client) LiftFreeze(ctx context.Context, id string) (fairlead.Freeze, error) {
	return fetch[fairlead.Freeze](ctx, c, call{method: http.MethodDelete, path: []string{"freezes", id}})
}

// Locks lists the named locks that stages hold or wait for.
func (c *Client) Locks(ctx context.Context) iter.Seq2[fairlead.Lock, error] {
	return list[fairlead.Lock](ctx, c, nil, "locks")
}

// TargetChange says what to change of a target; nil stays as it is.
type TargetChange struct {
	Limits  *fairlead.TargetLimits `json:"limits,omitempty"`
	Windows *[]fairlead.Window     `json:"windows,omitempty"` // an empty list: deploying stages may begin at any time
}

// UpdateTarget changes how much may go on on a target at once, and when.
func (c *Client) UpdateTarget(ctx context.Context, name string, change TargetChange) (fairlead.Target, error) {
	return fetch[fairlead.Target](ctx, c, call{method: http.MethodPatch, path: []string{"targets", name}, in: change})
}
