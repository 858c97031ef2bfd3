package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

func TestUsersAndTokens(t *testing.T) { storetest.Each(t, testUsersAndTokens) }

func testUsersAndTokens(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	ctx := t.Context()
	write := func(fn func(tx *store.Tx) error) error { return db.Write(ctx, fn) }
	ann := fairlead.User{Name: "ann", Email: "ann@example.com", Locale: "zh-CN", Admin: true}
	if err := write(func(tx *store.Tx) error {
		return errors.Join(tx.CreateUser(ctx, &ann, "hash"), tx.CreateUser(ctx, &fairlead.User{Name: "bob", Admin: true, Disabled: true}, "hash"))
	}); err != nil {
		t.Fatal(err)
	}

	t.Run("a user is read as it was stored", func(t *testing.T) {
		err := db.Read(ctx, func(tx *store.Tx) error {
			got, err := tx.User(ctx, "ann")
			if !got.CreatedAt.Equal(ann.CreatedAt) {
				t.Errorf("created at %v, want %v", got.CreatedAt, ann.CreatedAt)
			}
			got.CreatedAt = ann.CreatedAt
			if got != ann {
				t.Errorf("got %+v, want %+v", got, ann)
			}
			all, admins, err2 := tx.CountUsers(ctx)
			if all != 2 || admins != 1 {
				t.Errorf("%d users, %d administrators; want 2, 1", all, admins)
			}
			return errors.Join(err, err2)
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	t.Run("what is not there is not found, what is there is taken", func(t *testing.T) {
		for name, fn := range map[string]func(tx *store.Tx) error{
			"user":         func(tx *store.Tx) error { _, err := tx.User(ctx, "nobody"); return err },
			"hash":         func(tx *store.Tx) error { _, err := tx.Password(ctx, "nobody"); return err },
			"set password": func(tx *store.Tx) error { return tx.SetPassword(ctx, "nobody", "x") },
			"delete":       func(tx *store.Tx) error { return tx.DeleteUser(ctx, "nobody") },
			"token":        func(tx *store.Tx) error { _, _, err := tx.TokenByHash(ctx, "x"); return err },
			"setting":      func(tx *store.Tx) error { _, err := tx.Setting(ctx, "x"); return err },
		} {
			if err := write(fn); fairlead.ErrorCode(err) != fairlead.NotFound {
				t.Errorf("%s: %v, want not-found", name, err)
			}
		}
		err := write(func(tx *store.Tx) error { return tx.CreateUser(ctx, &fairlead.User{Name: "ann"}, "x") })
		if fairlead.ErrorCode(err) != fairlead.Conflict {
			t.Errorf("err = %v, want conflict", err)
		}
	})
	t.Run("expired sessions go with the next sign-in, and all tokens with their user", func(t *testing.T) {
		past := time.Now().Add(-time.Hour)
		token := fairlead.Token{User: "ann", Name: "ci"}
		if err := write(func(tx *store.Tx) error {
			return errors.Join(tx.CreateToken(ctx, &token, "h1"), tx.CreateSession(ctx, &fairlead.Token{User: "ann", ExpiresAt: &past}, "h2"))
		}); err != nil {
			t.Fatal(err)
		}
		later := time.Now().Add(time.Hour)
		has := func(hash string) bool {
			err := db.Read(ctx, func(tx *store.Tx) error { _, _, err := tx.TokenByHash(ctx, hash); return err })
			return err == nil
		}
		if err := write(func(tx *store.Tx) error {
			return tx.CreateSession(ctx, &fairlead.Token{User: "ann", ExpiresAt: &later}, "h3")
		}); err != nil {
			t.Fatal(err)
		}
		if !has("h1") || has("h2") || !has("h3") {
			t.Fatalf("token %v, expired session %v, session %v; want true, false, true", has("h1"), has("h2"), has("h3"))
		}
		if err := write(func(tx *store.Tx) error {
			return errors.Join(tx.UpdateUser(ctx, fairlead.User{Name: "bob", Admin: true}), tx.DeleteUser(ctx, "ann"))
		}); err != nil {
			t.Fatal(err)
		}
		if has("h1") || has("h3") {
			t.Fatal("tokens of a deleted user are left")
		}
	})
}

func TestSettingsAndCounts(t *testing.T) { storetest.Each(t, testSettingsAndCounts) }

func testSettingsAndCounts(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	ctx := t.Context()
	err := db.Write(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.SetSetting(ctx, "instance", "one"), tx.SetSetting(ctx, "instance", "two"))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Read(ctx, func(tx *store.Tx) error {
		got, err := tx.Setting(ctx, "instance")
		if got != "two" {
			t.Errorf("setting = %q, want two", got)
		}
		counts, err2 := tx.CountStates(ctx)
		if counts.Runs == nil || counts.Actions == nil || counts.Jobs == nil {
			t.Errorf("counts = %+v", counts)
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
}
