package store_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

func TestImages(t *testing.T) { storetest.Each(t, testImages) }

func testImages(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	ctx := t.Context()
	write := func(t *testing.T, fn func(tx *store.Tx) error) error { t.Helper(); return db.Write(ctx, fn) }
	must := func(t *testing.T, fn func(tx *store.Tx) error) {
		t.Helper()
		if err := write(t, fn); err != nil {
			t.Fatal(err)
		}
	}
	wantCode := func(t *testing.T, err error, want fairlead.Code) {
		t.Helper()
		if got := fairlead.ErrorCode(err); got != want {
			t.Fatalf("code = %q (%v), want %q", got, err, want)
		}
	}
	create := func(tx *store.Tx) error {
		return tx.CreateOrganization(ctx, &fairlead.Organization{Name: "team", CreatedBy: "admin"})
	}

	t.Run("an organization is made once", func(t *testing.T) {
		must(t, create)
		wantCode(t, write(t, create), fairlead.Conflict)
	})

	t.Run("an organization can become public", func(t *testing.T) {
		must(t, func(tx *store.Tx) error { return tx.UpdateOrganization(ctx, "team", true) })
		must(t, func(tx *store.Tx) error {
			o, err := tx.Organization(ctx, "team")
			if !o.Public || o.CreatedBy != "admin" {
				t.Errorf("organization = %+v", o)
			}
			return err
		})
		wantCode(t, write(t, func(tx *store.Tx) error { return tx.UpdateOrganization(ctx, "nobody", true) }), fairlead.NotFound)
	})

	tag := fairlead.Tag{Organization: "team", Repository: "a/web", Name: "1.0", Digest: "sha256:aa", MediaType: "m", Size: 7,
		Platforms: []string{"linux/amd64"}, PushedBy: "alice"}
	t.Run("a tag makes its repository", func(t *testing.T) {
		must(t, func(tx *store.Tx) error { return tx.PutTag(ctx, &tag) })
		must(t, func(tx *store.Tx) error {
			got, err := tx.Tag(ctx, "team", "a/web", "1.0")
			if !reflect.DeepEqual(got, tag) {
				t.Errorf("tag = %+v, want %+v", got, tag)
			}
			return err
		})
	})

	t.Run("a push moves a tag", func(t *testing.T) {
		moved := tag
		moved.Digest, moved.Size = "sha256:bb", 9
		must(t, func(tx *store.Tx) error { return tx.PutTag(ctx, &moved) })
		must(t, func(tx *store.Tx) error {
			r, err := tx.Repository(ctx, "team", "a/web")
			if r.Tags != 1 || r.Size != 9 {
				t.Errorf("repository = %+v, want 1 tag of 9 bytes", r)
			}
			old, err2 := tx.TagsOfDigest(ctx, "team", "a/web", "sha256:aa")
			if len(old) != 0 {
				t.Errorf("tags of the old digest = %v", old)
			}
			return errors.Join(err, err2)
		})
	})

	t.Run("an organization with repositories stays", func(t *testing.T) {
		wantCode(t, write(t, func(tx *store.Tx) error { return tx.DeleteOrganization(ctx, "team") }), fairlead.Conflict)
	})

	t.Run("a tag of an unknown organization is refused", func(t *testing.T) {
		err := write(t, func(tx *store.Tx) error {
			return tx.PutTag(ctx, &fairlead.Tag{Organization: "nobody", Repository: "x", Name: "1"})
		})
		if err == nil {
			t.Fatal("the tag was stored")
		}
	})

	t.Run("lists come in pages", func(t *testing.T) {
		must(t, func(tx *store.Tx) error {
			for _, name := range []string{"b", "c/d", "c"} {
				if err := tx.PutRepository(ctx, "team", name); err != nil {
					return err
				}
			}
			return nil
		})
		var names []string
		must(t, func(tx *store.Tx) error {
			for cursor := ""; ; {
				list, next, err := tx.Repositories(ctx, "", 1, cursor)
				if err != nil {
					return err
				}
				for _, r := range list {
					names = append(names, r.Name)
				}
				if cursor = next; next == "" {
					return nil
				}
			}
		})
		if want := []string{"a/web", "b", "c", "c/d"}; !reflect.DeepEqual(names, want) {
			t.Fatalf("repositories = %v, want %v", names, want)
		}
	})

	t.Run("everything can be deleted", func(t *testing.T) {
		must(t, func(tx *store.Tx) error { return tx.DeleteTag(ctx, "team", "a/web", "1.0") })
		wantCode(t, write(t, func(tx *store.Tx) error { return tx.DeleteTag(ctx, "team", "a/web", "1.0") }), fairlead.NotFound)
		for _, name := range []string{"a/web", "b", "c", "c/d"} {
			must(t, func(tx *store.Tx) error { return tx.DeleteRepository(ctx, "team", name) })
		}
		must(t, func(tx *store.Tx) error { return tx.DeleteOrganization(ctx, "team") })
	})
}
