package store_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

func TestPipelineTemplates(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		db := mustOpen(t, cfg)
		put := func(name, source string) (p fairlead.PipelineTemplate) {
			mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
				p = fairlead.PipelineTemplate{Name: name, Kind: fairlead.OwnTemplate, Category: fairlead.GrayRelease, Title: fairlead.LocalText{En: "Title", Zh: "标题"}, By: "alice", Source: source,
					Placeholders: []fairlead.Placeholder{{Name: "name", Required: true}}}
				return tx.PutPipelineTemplate(ctx, &p)
			})
			return p
		}
		put("b", "old")
		want := put("b", "new")
		put("a", "other")
		mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
			got, err := tx.PipelineTemplate(ctx, "b")
			if err != nil {
				return err
			}
			if got.CreatedAt == nil || !got.CreatedAt.Equal(*want.CreatedAt) {
				t.Errorf("stored at %v, want %v", got.CreatedAt, want.CreatedAt)
			}
			got.CreatedAt, want.CreatedAt = nil, nil
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			list, err := tx.PipelineTemplates(ctx)
			if len(list) != 2 || list[0].Name != "a" || list[1].Source != "" || list[1].Title.Zh != "标题" {
				t.Errorf("list %+v", list)
			}
			return err
		})
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.DeletePipelineTemplate(ctx, "a") })
		err := db.Write(t.Context(), func(tx *store.Tx) error { return tx.DeletePipelineTemplate(t.Context(), "a") })
		if fairlead.ErrorCode(err) != fairlead.NotFound {
			t.Errorf("deleted twice: %v", err)
		}
	})
}
