package store_test

import (
	"context"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

func TestRoles(t *testing.T) { storetest.Each(t, testRoles) }

func testRoles(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	ctx := t.Context()
	mustPipeline(t, db, "shop")
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		for _, name := range []string{"ann", "bob", "eve"} {
			if err := tx.CreateUser(ctx, &fairlead.User{Name: name, Admin: name == "ann"}, "x"); err != nil {
				return err
			}
		}
		if err := tx.CreateGroup(ctx, &fairlead.Group{Name: "team", Description: "a team"}); err != nil {
			return err
		}
		p := fairlead.Pipeline{ID: "id-web", Name: "web", Group: "team", Spec: fairlead.PipelineSpec{Name: "web"}}
		if err := tx.CreatePipeline(ctx, &p); err != nil {
			return err
		}
		if err := tx.SetRole(ctx, "team", "bob", fairlead.RoleRead, "ann"); err != nil {
			return err
		}
		return tx.SetRole(ctx, "team", "bob", fairlead.RoleEdit, "ann")
	})
	groups := func(v store.Viewer) (list []fairlead.Group) {
		mustRead(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
			list, _, err = tx.Groups(ctx, v, 10, "")
			return err
		})
		return list
	}
	pipelines := func(v store.Viewer) (names []string) {
		mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
			for cursor := ""; ; {
				list, next, err := tx.Pipelines(ctx, v, "", 1, cursor)
				for _, p := range list {
					names = append(names, p.Name)
				}
				if cursor = next; err != nil || next == "" {
					return err
				}
			}
		})
		return names
	}

	t.Run("a viewer sees the groups of his roles, with the role", func(t *testing.T) {
		got := groups("bob")
		if len(got) != 1 || got[0].Name != "team" || got[0].Role != fairlead.RoleEdit || got[0].Pipelines != 1 || got[0].Members != 1 || got[0].Description != "a team" {
			t.Errorf("bob sees %+v", got)
		}
		if got := groups(store.Everything); len(got) != 2 || got[1].Role != fairlead.RoleManage {
			t.Errorf("all groups: %+v", got)
		}
		if got := groups("eve"); len(got) != 0 {
			t.Errorf("eve sees %+v", got)
		}
		if got := groups(""); len(got) != 0 {
			t.Errorf("nobody sees %+v", got)
		}
	})
	t.Run("pages of pipelines are cut after what is not seen is left out", func(t *testing.T) {
		for v, want := range map[store.Viewer]int{"bob": 1, store.Everything: 2, "eve": 0, "": 0} {
			if got := pipelines(v); len(got) != want {
				t.Errorf("%q sees %v, want %d", v, got, want)
			}
		}
	})
	t.Run("members are listed with who gave the role", func(t *testing.T) {
		mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
			list, _, err := tx.Members(ctx, "team", 10, "")
			if len(list) != 1 || list[0].User != "bob" || list[0].Role != fairlead.RoleEdit || list[0].GrantedBy != "ann" || list[0].GrantedAt.IsZero() {
				t.Errorf("members %+v", list)
			}
			return err
		})
	})
	for _, tt := range []struct {
		name string
		do   func(tx *store.Tx) error
		want fairlead.Code
	}{
		{"a role of an unknown user", func(tx *store.Tx) error { return tx.SetRole(ctx, "team", "nobody", fairlead.RoleRead, "ann") }, fairlead.NotFound},
		{"a role in an unknown group", func(tx *store.Tx) error { return tx.SetRole(ctx, "nope", "bob", fairlead.RoleRead, "ann") }, fairlead.NotFound},
		{"taking a role that is not there", func(tx *store.Tx) error { return tx.DropRole(ctx, "team", "eve") }, fairlead.NotFound},
		{"deleting a full group", func(tx *store.Tx) error { return tx.DeleteGroup(ctx, "team") }, fairlead.Conflict},
		{"deleting the last administrator", func(tx *store.Tx) error { return tx.DeleteUser(ctx, "ann") }, fairlead.Conflict},
		{"disabling the last administrator", func(tx *store.Tx) error {
			return tx.UpdateUser(ctx, fairlead.User{Name: "ann", Admin: true, Disabled: true})
		}, fairlead.Conflict},
		{"making the last administrator a user", func(tx *store.Tx) error { return tx.UpdateUser(ctx, fairlead.User{Name: "ann"}) }, fairlead.Conflict},
		{"making somebody else administrator first", func(tx *store.Tx) error {
			if err := tx.UpdateUser(ctx, fairlead.User{Name: "bob", Admin: true, Email: "bob@example.com"}); err != nil {
				return err
			}
			return tx.UpdateUser(ctx, fairlead.User{Name: "ann", Disabled: true})
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fairlead.ErrorCode(db.Write(ctx, tt.do)); got != tt.want {
				t.Errorf("code %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("roles go with the user", func(t *testing.T) {
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.UpdateUser(ctx, fairlead.User{Name: "ann", Admin: true}); err != nil {
				return err
			}
			return tx.DeleteUser(ctx, "bob")
		})
		if got := groups(store.Everything); got[1].Members != 0 {
			t.Errorf("group %+v", got[1])
		}
	})
}

func TestUpgradeGrantsWhatUsersCouldDo(t *testing.T) { storetest.Each(t, testUpgradeGrants) }

// testUpgradeGrants runs the statement of the migration that gives roles on users and groups of before.
func testUpgradeGrants(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	mustPipeline(t, db, "shop")
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateUser(ctx, &fairlead.User{Name: "old"}, "x"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, store.MigrationStatement("0080_roles.sql", "INSERT INTO group_roles"))
		return err
	})
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		roles, err := tx.Roles(ctx, "old")
		if len(roles) != 1 || roles[fairlead.DefaultGroup] != fairlead.RoleManage {
			t.Errorf("roles %v", roles)
		}
		list, _, err2 := tx.Members(ctx, fairlead.DefaultGroup, 10, "")
		if err2 != nil || len(list) != 1 || list[0].GrantedBy != "upgrade" || list[0].GrantedAt.IsZero() {
			t.Errorf("members %+v, %v", list, err2)
		}
		return err
	})
}
