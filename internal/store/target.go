package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/fairlead/fairlead"
)

const targetColumns = `name, kind, host, server, context, in_cluster, created_at, renewed_at`

const selectTargets = `SELECT ` + targetColumns + `, coalesce((SELECT r.stages FROM target_rules r WHERE r.target = name), 0),
coalesce((SELECT r.windows FROM target_rules r WHERE r.target = name), '[]') FROM targets`

// CreateTarget stores a target. A taken name is a Conflict.
func (tx *Tx) CreateTarget(ctx context.Context, t *fairlead.Target) error {
	t.CreatedAt = tx.Now
	const q = `INSERT INTO targets (` + targetColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, NULL) ON CONFLICT (name) DO NOTHING`
	res, err := tx.Exec(ctx, q, t.Name, string(t.Kind), t.Host, t.Server, t.Context, t.InCluster, Time(tx.Now))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fairlead.Errorf(fairlead.Conflict, "target %q exists already", t.Name)
}

// SetTargetHost changes the address of a target.
func (tx *Tx) SetTargetHost(ctx context.Context, name, host string) error {
	_, err := tx.Exec(ctx, `UPDATE targets SET host = $1 WHERE name = $2`, host, name)
	return err
}

// TargetCredentials are the secrets of a target. They are kept sealed and are never part of an answer.
type TargetCredentials struct {
	// Kubeconfig is what the server signs in to a cluster with: one context, no references to files. Empty in-cluster.
	Kubeconfig []byte `json:"kubeconfig,omitempty"`
	// PullKey is the password with which the cluster's nodes pull images from the server's registry, and can do nothing else.
	PullKey string `json:"pull_key,omitempty"`
}

// SetTargetCredentials stores the secrets of a target.
func (tx *Tx) SetTargetCredentials(ctx context.Context, name string, c TargetCredentials) error {
	sealed, err := tx.sealJSON(c)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE targets SET credentials = $1 WHERE name = $2`, sealed, name)
	return err
}

// RenewTarget replaces how a cluster is reached and signed in to. The pull key stays what it was: the cluster's nodes have it.
func (tx *Tx) RenewTarget(ctx context.Context, t *fairlead.Target, kubeconfig []byte) error {
	c, err := tx.TargetCredentials(ctx, t.Name)
	if err != nil {
		return err
	}
	c.Kubeconfig, t.RenewedAt = kubeconfig, &tx.Now
	if err := tx.SetTargetCredentials(ctx, t.Name, c); err != nil {
		return err
	}
	const q = `UPDATE targets SET server = $1, context = $2, in_cluster = $3, renewed_at = $4 WHERE name = $5`
	_, err = tx.Exec(ctx, q, t.Server, t.Context, t.InCluster, Time(tx.Now), t.Name)
	return err
}

// TargetCredentials returns the secrets of a target; a target may have none.
func (tx *Tx) TargetCredentials(ctx context.Context, name string) (c TargetCredentials, err error) {
	var sealed []byte
	err = tx.QueryRow(ctx, `SELECT credentials FROM targets WHERE name = $1`, name).Scan(&sealed)
	if err := NotFound(err, "target %q does not exist; see: fairlead target list", name); err != nil || len(sealed) == 0 {
		return c, err
	}
	if err := tx.unsealJSON(sealed, &c); err != nil {
		return c, fmt.Errorf("target %s: %w", name, err)
	}
	return c, nil
}

// Target returns one target.
func (tx *Tx) Target(ctx context.Context, name string) (fairlead.Target, error) {
	t, err := scanTarget(tx.QueryRow(ctx, selectTargets+` WHERE name = $1`, name))
	return t, NotFound(err, "target %q does not exist; see: fairlead target list", name)
}

// Targets lists all targets by name; there are few.
func (tx *Tx) Targets(ctx context.Context) ([]fairlead.Target, error) {
	rows, err := tx.Query(ctx, selectTargets+` ORDER BY name`)
	return Collect(rows, err, scanTarget)
}

// DeleteTarget removes a target. The caller has checked that no stack uses it.
func (tx *Tx) DeleteTarget(ctx context.Context, name string) error {
	if _, err := tx.Target(ctx, name); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM targets WHERE name = $1`, name)
	return err
}

func scanTarget(row Row) (t fairlead.Target, err error) {
	var windows []byte
	err = row.Scan(&t.Name, &t.Kind, &t.Host, &t.Server, &t.Context, &t.InCluster, ScanTime(&t.CreatedAt), ScanNullTime(&t.RenewedAt), &t.Limits.Stages, &windows)
	if err == nil && string(windows) != "[]" {
		err = json.Unmarshal(windows, &t.Windows)
	}
	return t, err
}
