package api

import (
	"context"
	"fmt"
	"math"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

func (a *API) listGroups(ctx context.Context, in *Page) (*Body[List[fairlead.Group]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Groups}); err != nil {
		return nil, err
	}
	var groups []fairlead.Group
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		groups, next, err = tx.Groups(ctx, auth.Sees(actorOf(ctx)), in.Limit, in.Cursor)
		return err
	})
	return list(groups, next, err)
}

// NewGroup is a pipeline group to make.
type NewGroup struct {
	Body struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty" maxLength:"1000"`
	}
}

// createGroup makes a group that its maker manages.
func (a *API) createGroup(ctx context.Context, in *NewGroup) (*Body[fairlead.Group], error) {
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Groups}); err != nil {
		return nil, err
	}
	g := fairlead.Group{Name: in.Body.Name, Description: in.Body.Description}
	if err := appendFinding(nil, "name", fairlead.CheckGroupName("pipeline group", g.Name)).Err("the group"); err != nil {
		return nil, err
	}
	actor := actorOf(ctx)
	note(ctx, auth.Change, auth.Object{Kind: auth.Groups, Name: g.Name, Group: g.Name})
	err := a.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if err := tx.CreateGroup(ctx, &g); err != nil {
			return err
		}
		if err := tx.SetRole(ctx, g.Name, actor.User, fairlead.RoleManage, actor.User); err != nil {
			return err
		}
		g, err = tx.Group(ctx, auth.Sees(actor), g.Name)
		return err
	})
	return answer(g, err)
}

func (a *API) getGroup(ctx context.Context, in *Named) (*Body[fairlead.Group], error) {
	if err := canGroup(ctx, auth.View, in.Name); err != nil {
		return nil, err
	}
	var g fairlead.Group
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) { g, err = tx.Group(ctx, auth.Sees(actorOf(ctx)), in.Name); return err })
	return answer(g, err)
}

// GroupChange changes a pipeline group; what is left out stays.
type GroupChange struct {
	Named
	Body struct {
		Description *string               `json:"description,omitempty" maxLength:"1000"`
		Limits      *fairlead.GroupLimits `json:"limits,omitempty"`
	}
}

func (a *API) updateGroup(ctx context.Context, in *GroupChange) (*Body[fairlead.Group], error) {
	if err := canGroup(ctx, auth.Change, in.Name); err != nil {
		return nil, err
	}
	var g fairlead.Group
	err := a.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if in.Body.Description != nil {
			if err := tx.DescribeGroup(ctx, in.Name, *in.Body.Description); err != nil {
				return err
			}
		}
		if in.Body.Limits != nil {
			if _, err := tx.Group(ctx, store.Everything, in.Name); err != nil {
				return err
			}
			if err := a.Pipelines.SetGroupLimits(ctx, tx, in.Name, *in.Body.Limits); err != nil {
				return err
			}
		}
		g, err = tx.Group(ctx, auth.Sees(actorOf(ctx)), in.Name)
		return err
	})
	return answer(g, err)
}

func (a *API) deleteGroup(ctx context.Context, in *Named) (*None, error) {
	if err := canGroup(ctx, auth.Remove, in.Name); err != nil {
		return nil, err
	}
	return &None{}, a.DB.Write(ctx, func(tx *store.Tx) error {
		members, _, err := tx.Members(ctx, in.Name, math.MaxInt32, "")
		if err != nil {
			return err
		}
		if err := tx.DeleteGroup(ctx, in.Name); err != nil {
			return err
		}
		for _, m := range members {
			if err := rolesChanged(ctx, tx, m.User, in.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

// rolesChanged tells a user that he may see and do more or less than before.
func rolesChanged(ctx context.Context, tx *store.Tx, user, group string) error {
	return tx.AppendEvent(ctx, fairlead.Event{Kind: "user", Name: user, Type: "roles-changed",
		Message: fmt.Sprintf("the role of user %s in pipeline group %s was changed by %s", user, group, actorOf(ctx))})
}

func (a *API) listMembers(ctx context.Context, in *NamedPage) (*Body[List[fairlead.Member]], error) {
	if err := canGroup(ctx, auth.View, in.Name); err != nil {
		return nil, err
	}
	var members []fairlead.Member
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.Group(ctx, store.Everything, in.Name)
		if err == nil {
			members, next, err = tx.Members(ctx, in.Name, in.Limit, in.Cursor)
		}
		return err
	})
	return list(members, next, err)
}

// MemberName names a user in a pipeline group.
type MemberName struct {
	Named
	User string `path:"user" maxLength:"128"`
}

// MemberRole gives a user a role.
type MemberRole struct {
	MemberName
	Body struct {
		Role fairlead.Role `json:"role" enum:"read,edit,manage"`
	}
}

func (a *API) grantRole(ctx context.Context, in *MemberRole) (*None, error) {
	if err := canGroup(ctx, auth.Grant, in.Name); err != nil {
		return nil, err
	}
	detail(ctx, "user %s gets the role %s", in.User, in.Body.Role)
	return &None{}, a.DB.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SetRole(ctx, in.Name, in.User, in.Body.Role, actorOf(ctx).User); err != nil {
			return err
		}
		return rolesChanged(ctx, tx, in.User, in.Name)
	})
}

func (a *API) revokeRole(ctx context.Context, in *MemberName) (*None, error) {
	if err := canGroup(ctx, auth.Grant, in.Name); err != nil {
		return nil, err
	}
	detail(ctx, "user %s loses the role", in.User)
	return &None{}, a.DB.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Group(ctx, store.Everything, in.Name); err != nil {
			return err
		}
		if err := tx.DropRole(ctx, in.Name, in.User); err != nil {
			return err
		}
		return rolesChanged(ctx, tx, in.User, in.Name)
	})
}
