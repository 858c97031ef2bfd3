package store

import (
	"context"

	"github.com/fairlead/fairlead"
)

// CreateTarget stores a target. A taken name is a Conflict.
func (tx *Tx) CreateTarget(ctx context.Context, t *fairlead.Target) error {
	t.CreatedAt = tx.Now
	const q = `INSERT INTO targets (name, kind, host, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING`
	res, err := tx.Exec(ctx, q, t.Name, string(t.Kind), t.Host, Time(tx.Now))
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

// Target returns one target.
func (tx *Tx) Target(ctx context.Context, name string) (fairlead.Target, error) {
	t, err := scanTarget(tx.QueryRow(ctx, `SELECT name, kind, host, created_at FROM targets WHERE name = $1`, name))
	return t, NotFound(err, "target %q does not exist; see: fairlead target list", name)
}

// Targets lists all targets by name; there are few.
func (tx *Tx) Targets(ctx context.Context) ([]fairlead.Target, error) {
	rows, err := tx.Query(ctx, `SELECT name, kind, host, created_at FROM targets ORDER BY name`)
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
	return t, row.Scan(&t.Name, &t.Kind, &t.Host, ScanTime(&t.CreatedAt))
}
