package api

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

// FreezePage selects a page of freezes.
type FreezePage struct {
	Past bool `query:"past" doc:"those that are over, too"`
	Page
}

func (a *API) listFreezes(ctx context.Context, in *FreezePage) (*Body[List[fairlead.Freeze]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Freezes}); err != nil {
		return nil, err
	}
	var freezes []fairlead.Freeze
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		freezes, next, err = tx.Freezes(ctx, auth.Sees(actorOf(ctx)), in.Past, in.Limit, in.Cursor)
		return err
	})
	return list(freezes, next, err)
}

// NewFreeze is a freeze to make.
type NewFreeze struct {
	Body struct {
		Scope  fairlead.FreezeScope `json:"scope" enum:"all,group,target,pipeline"`
		Name   string               `json:"name,omitempty" maxLength:"128" doc:"of the group, target or pipeline"`
		From   time.Time            `json:"from,omitzero" doc:"absent: now"`
		Until  time.Time            `json:"until"`
		Reason string               `json:"reason" maxLength:"2000" doc:"people who wait read it"`
	}
}

func (a *API) createFreeze(ctx context.Context, in *NewFreeze) (*Body[fairlead.Freeze], error) {
	b := in.Body
	if err := a.canFreeze(ctx, auth.Change, b.Scope, b.Name); err != nil {
		return nil, err
	}
	return answer(a.Pipelines.CreateFreeze(ctx, actorOf(ctx), fairlead.Freeze{Scope: b.Scope, Name: b.Name, From: b.From, Until: b.Until, Reason: b.Reason}))
}

// canFreeze asks for the right to freeze: of a pipeline it is that to change it, of a group that to manage it; the rest is for
// administrators.
func (a *API) canFreeze(ctx context.Context, verb auth.Verb, scope fairlead.FreezeScope, name string) error {
	switch {
	case scope == fairlead.FreezePipeline:
		return a.canPipeline(ctx, auth.Change, name)
	case scope == fairlead.FreezeGroup:
		return canGroup(ctx, auth.Change, name)
	}
	return can(ctx, verb, auth.Object{Kind: auth.Freezes, Name: name})
}

// FreezeID names a freeze.
type FreezeID struct {
	ID string `path:"id" maxLength:"80"`
}

func (a *API) getFreeze(ctx context.Context, in *FreezeID) (*Body[fairlead.Freeze], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Freezes}); err != nil {
		return nil, err
	}
	return answer(a.freeze(ctx, auth.Sees(actorOf(ctx)), in.ID))
}

func (a *API) freeze(ctx context.Context, v store.Viewer, id string) (f fairlead.Freeze, err error) {
	err = a.DB.Read(ctx, func(tx *store.Tx) error { f, err = tx.Freeze(ctx, v, id); return err })
	return f, err
}

func (a *API) liftFreeze(ctx context.Context, in *FreezeID) (*Body[fairlead.Freeze], error) {
	f, err := a.freeze(ctx, store.Everything, in.ID)
	if err != nil {
		return nil, err
	}
	err = a.canFreeze(ctx, auth.Remove, f.Scope, f.Name)
	if fairlead.ErrorCode(err) == fairlead.NotFound {
		err = store.NoFreeze(in.ID)
		if actorOf(ctx).Admin { // what was frozen is gone; the freeze can go too
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	return answer(a.Pipelines.LiftFreeze(ctx, actorOf(ctx), in.ID))
}

// listLocks shows stages of pipelines that the actor may not see without their names.
func (a *API) listLocks(ctx context.Context, _ *struct{}) (*Body[List[fairlead.Lock]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Locks}); err != nil {
		return nil, err
	}
	locks, err := a.Pipelines.Locks(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	hide := func(s *fairlead.LockStage) error {
		may, known := seen[s.Pipeline]
		if !known {
			err := a.canPipeline(ctx, auth.View, s.Pipeline)
			if code := fairlead.ErrorCode(err); err != nil && code != fairlead.NotFound && code != fairlead.Denied {
				return err
			}
			may = err == nil
			seen[s.Pipeline] = may
		}
		if !may {
			*s = fairlead.LockStage{Since: s.Since}
		}
		return nil
	}
	for i := range locks {
		if locks[i].Holder != nil {
			if err := hide(locks[i].Holder); err != nil {
				return nil, err
			}
		}
		for n := range locks[i].Waiting {
			if err := hide(&locks[i].Waiting[n]); err != nil {
				return nil, err
			}
		}
	}
	return list(locks, "", nil)
}

// TargetChange changes what may go on on a target; what is left out stays.
type TargetChange struct {
	Named
	Body struct {
		Limits  *fairlead.TargetLimits `json:"limits,omitempty"`
		Windows *[]fairlead.Window     `json:"windows,omitempty" doc:"when deploying stages may begin; an empty list: always"`
	}
}

func (a *API) updateTarget(ctx context.Context, in *TargetChange) (*Body[fairlead.Target], error) {
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Targets, Name: in.Name}); err != nil {
		return nil, err
	}
	var t fairlead.Target
	err := a.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if t, err = tx.Target(ctx, in.Name); err != nil {
			return err
		}
		limits, windows := t.Limits, t.Windows
		if in.Body.Limits != nil {
			limits = *in.Body.Limits
		}
		if in.Body.Windows != nil {
			windows = *in.Body.Windows
		}
		if err := a.Pipelines.SetTargetRules(ctx, tx, in.Name, limits, windows); err != nil {
			return err
		}
		t, err = tx.Target(ctx, in.Name)
		return err
	})
	return answer(t, err)
}
