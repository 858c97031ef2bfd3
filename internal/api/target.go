package api

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

func (a *API) listTargets(ctx context.Context, in *Page) (*Body[List[fairlead.Target]], error) {
	if err := can(ctx, auth.View, auth.Targets, ""); err != nil {
		return nil, err
	}
	var targets []fairlead.Target
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) { targets, err = tx.Targets(ctx); return err })
	after := []fairlead.Target{}
	for _, t := range targets {
		if t.Name > in.Cursor {
			after = append(after, t)
		}
	}
	after, next := store.Page(after, in.Limit, func(t fairlead.Target) string { return t.Name })
	return list(after, next, err)
}

func (a *API) getTarget(ctx context.Context, in *Named) (*Body[fairlead.Target], error) {
	if err := can(ctx, auth.View, auth.Targets, in.Name); err != nil {
		return nil, err
	}
	return answer(a.target(ctx, in.Name))
}

func (a *API) target(ctx context.Context, name string) (t fairlead.Target, err error) {
	err = a.DB.Read(ctx, func(tx *store.Tx) error { t, err = tx.Target(ctx, name); return err })
	return t, err
}

// NewTarget is a target to add.
type NewTarget struct {
	Body struct {
		Name string              `json:"name" doc:"1 to 64 lower-case letters, digits or hyphens"`
		Kind fairlead.TargetKind `json:"kind" enum:"engine,kubernetes"`
		Host string              `json:"host,omitempty" maxLength:"1000" doc:"address of an engine, such as unix:///var/run/docker.sock; absent: looked for where Docker and Podman listen"`
	}
}

func (a *API) createTarget(ctx context.Context, in *NewTarget) (*Body[fairlead.Target], error) {
	t := fairlead.Target{Name: in.Body.Name, Kind: in.Body.Kind, Host: in.Body.Host}
	if err := can(ctx, auth.Change, auth.Targets, t.Name); err != nil {
		return nil, err
	}
	if err := appendFinding(nil, "name", fairlead.CheckName("target", t.Name)).Err("the target"); err != nil {
		return nil, err
	}
	t, err := a.PrepareTarget(ctx, t)
	if err != nil {
		return nil, err
	}
	err = a.DB.Write(ctx, func(tx *store.Tx) error { return tx.CreateTarget(ctx, &t) })
	return answer(t, err)
}

func (a *API) deleteTarget(ctx context.Context, in *Named) (*None, error) {
	if err := can(ctx, auth.Remove, auth.Targets, in.Name); err != nil {
		return nil, err
	}
	err := a.DB.Write(ctx, func(tx *store.Tx) error {
		stacks, err := tx.StacksOn(ctx, in.Name)
		if err != nil {
			return err
		}
		if len(stacks) > 0 {
			return fairlead.Errorf(fairlead.Conflict, "target %q holds stacks: %s; delete them first", in.Name, some(stacks))
		}
		return tx.DeleteTarget(ctx, in.Name)
	})
	if err == nil {
		a.ForgetTarget(in.Name)
	}
	return &None{}, err
}

func (a *API) checkTarget(ctx context.Context, in *Named) (*Body[fairlead.TargetCheck], error) {
	if err := can(ctx, auth.View, auth.Targets, in.Name); err != nil {
		return nil, err
	}
	t, err := a.target(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return answer(a.CheckTarget(ctx, t), nil)
}
