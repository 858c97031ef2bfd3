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
			list, _, err := tx.ChannelMessages(ctx, "built", 10, "")
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
