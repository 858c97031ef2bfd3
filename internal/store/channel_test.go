package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

func TestPrunedChannels(t *testing.T) { storetest.Each(t, testPrunedChannels) }

func testPrunedChannels(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	c := fairlead.Channel{Name: "built", Keep: fairlead.Retention{Count: 2}}
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.EnsureChannel(ctx, &c); err != nil {
			return err
		}
		for i := range 5 { // the first was not delivered
			m := fairlead.ChannelMessage{ID: fmt.Sprint(i), Channel: "built", Delivered: i > 0, Params: map[string]string{}}
			if err := tx.CreateChannelMessage(ctx, &m, ""); err != nil {
				return err
			}
		}
		return tx.PruneChannel(ctx, c)
	})
	left := func() (ids string) {
		mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
			list, _, err := tx.ChannelMessages(ctx, store.Everything, "built", 10, "")
			for _, m := range list {
				ids += m.ID
			}
			return err
		})
		return ids
	}
	if got := left(); got != "430" {
		t.Errorf("by count, %s are left, want 430", got)
	}
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		tx.Now = tx.Now.Add(2 * time.Hour)
		return tx.PruneChannel(ctx, fairlead.Channel{Name: "built", Keep: fairlead.Retention{Age: fairlead.Duration(time.Hour)}})
	})
	if got := left(); got != "0" {
		t.Errorf("by age, %s are left, want 0", got)
	}
}

// TestPublishersThatAreHidden tells that messages do not name the pipelines that published them to those who do not see these.
func TestPublishersThatAreHidden(t *testing.T) { storetest.Each(t, testHiddenPublishers) }

func testHiddenPublishers(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	mustPipeline(t, db, "shop")
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		for _, name := range []string{"ann", "eve"} {
			if err := tx.CreateUser(ctx, &fairlead.User{Name: name}, "x"); err != nil {
				return err
			}
		}
		if err := tx.SetRole(ctx, fairlead.DefaultGroup, "ann", fairlead.RoleRead, ""); err != nil {
			return err
		}
		if _, err := tx.EnsureChannel(ctx, &fairlead.Channel{Name: "built", CreatedBy: "pipeline shop"}); err != nil {
			return err
		}
		for i, by := range []string{"pipeline shop, run 1, stage \"a\"", "bob"} {
			if err := tx.CreateChannelMessage(ctx, &fairlead.ChannelMessage{ID: fmt.Sprint(i), Channel: "built", By: by}, ""); err != nil {
				return err
			}
		}
		return nil
	})
	for v, want := range map[store.Viewer]string{"eve": "a pipeline", "ann": "pipeline shop", store.Everything: "pipeline shop"} {
		mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
			c, err := tx.Channel(ctx, v, "built")
			if err != nil {
				return err
			}
			one, err := tx.ChannelMessage(ctx, v, "0")
			if err != nil {
				return err
			}
			list, _, err := tx.ChannelMessages(ctx, v, "built", 10, "")
			if err != nil {
				return err
			}
			after, err := tx.ChannelMessagesAfter(ctx, v, "built", 0, 10)
			if err != nil {
				return err
			}
			stage := want
			if want != "a pipeline" {
				stage += ", run 1, stage \"a\""
			}
			if c.CreatedBy != want || one.By != stage || list[1].By != stage || list[0].By != "bob" || after[0].By != stage || after[1].By != "bob" {
				t.Errorf("%q sees %q, %q, %+v, %+v", v, c.CreatedBy, one.By, list, after)
			}
			return nil
		})
	}
}
