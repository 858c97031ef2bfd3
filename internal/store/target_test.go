package store_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

func TestTargetCredentials(t *testing.T) { storetest.Each(t, testTargetCredentials) }

func testTargetCredentials(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	want := store.TargetCredentials{Kubeconfig: []byte("token: hunter22"), PullKey: "hunter33"}
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateTarget(ctx, &fairlead.Target{Name: "box", Kind: fairlead.TargetEngine, Host: "unix:///x"}); err != nil {
			return err
		}
		if err := tx.CreateTarget(ctx, &fairlead.Target{Name: "prod", Kind: fairlead.TargetKubernetes, Server: "https://x", Context: "blue", InCluster: true}); err != nil {
			return err
		}
		return tx.SetTargetCredentials(ctx, "prod", want)
	})
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		return tx.RenewTarget(ctx, &fairlead.Target{Name: "prod", Server: "https://y", Context: "green"}, []byte("token: hunter44"))
	})
	want.Kubeconfig = []byte("token: hunter44")
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Target(ctx, "prod")
		if err != nil {
			return err
		}
		if got.Server != "https://y" || got.Context != "green" || got.InCluster || got.Address() != "https://y" || got.RenewedAt == nil {
			t.Errorf("target %+v", got)
		}
		var raw []byte
		if err := tx.QueryRow(ctx, `SELECT credentials FROM targets WHERE name = $1`, "prod").Scan(&raw); err != nil {
			return err
		}
		if len(raw) == 0 || bytes.Contains(raw, []byte("hunter")) {
			t.Errorf("what is stored can be read: %q", raw)
		}
		c, err := tx.TargetCredentials(ctx, "prod")
		if !bytes.Equal(c.Kubeconfig, want.Kubeconfig) || c.PullKey != want.PullKey {
			t.Errorf("credentials %+v", c)
		}
		if c, err := tx.TargetCredentials(ctx, "box"); err != nil || c.Kubeconfig != nil || c.PullKey != "" {
			t.Errorf("credentials of an engine: %+v, %v", c, err)
		}
		if _, err := tx.TargetCredentials(ctx, "nobody"); fairlead.ErrorCode(err) != fairlead.NotFound {
			t.Errorf("credentials of no target: %v", err)
		}
		return err
	})
}
