package store

import (
	"context"
	"encoding/json"

	"github.com/fairlead/fairlead"
)

// PutRecord stores the record of one element, new or changed.
func (tx *Tx) PutRecord(ctx context.Context, r fairlead.Record) error {
	properties, err := tx.sealJSON(r.Properties)
	if err != nil {
		return err
	}
	identity, err := json.Marshal(r.Identity)
	if err != nil {
		return err
	}
	attributes, err := json.Marshal(r.Attributes)
	if err != nil {
		return err
	}
	requires, err := json.Marshal(r.Requires)
	if err != nil {
		return err
	}
	const q = `INSERT INTO stack_records (stack_id, element, stack, type, target, namespace, identity, state, properties, attributes,
requires, position, health, reason, updated_at, retain) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (stack_id, element) DO UPDATE SET type = excluded.type, target = excluded.target, namespace = excluded.namespace,
identity = excluded.identity, state = excluded.state, properties = excluded.properties, attributes = excluded.attributes,
requires = excluded.requires, position = excluded.position, health = excluded.health, reason = excluded.reason,
updated_at = excluded.updated_at, retain = excluded.retain`
	_, err = tx.Exec(ctx, q, r.StackID, r.Element, r.Stack, r.Type, r.Target, r.Namespace, string(identity), string(r.State),
		properties, string(attributes), string(requires), r.Position, string(r.Health), r.Reason, Time(tx.Now), r.Retain)
	return err
}

// SetRecordHealth stores what was seen of a settled resource. attributes nil leaves them as they are.
func (tx *Tx) SetRecordHealth(ctx context.Context, r fairlead.Record) error {
	attributes, err := json.Marshal(r.Attributes)
	if err != nil {
		return err
	}
	const q = `UPDATE stack_records SET health = $1, reason = $2, attributes = $3, updated_at = $4 WHERE stack_id = $5 AND element = $6`
	_, err = tx.Exec(ctx, q, string(r.Health), r.Reason, string(attributes), Time(tx.Now), r.StackID, r.Element)
	return err
}

// DeleteRecord forgets an element: nothing of it is left on the target.
func (tx *Tx) DeleteRecord(ctx context.Context, stackID, element string) error {
	_, err := tx.Exec(ctx, `DELETE FROM stack_records WHERE stack_id = $1 AND element = $2`, stackID, element)
	return err
}

// Records lists the records of a stack in the template author's order.
func (tx *Tx) Records(ctx context.Context, stackID string) ([]fairlead.Record, error) {
	const q = `SELECT stack_id, element, stack, type, target, namespace, identity, state, properties, attributes, requires, position,
health, reason, updated_at, retain FROM stack_records WHERE stack_id = $1 ORDER BY position, element`
	rows, err := tx.Query(ctx, q, stackID)
	return Collect(rows, err, tx.scanRecord)
}

func (tx *Tx) scanRecord(row Row) (r fairlead.Record, err error) {
	var identity, properties, attributes, requires []byte
	if err := row.Scan(&r.StackID, &r.Element, &r.Stack, &r.Type, &r.Target, &r.Namespace, &identity, &r.State, &properties,
		&attributes, &requires, &r.Position, &r.Health, &r.Reason, ScanTime(&r.UpdatedAt), &r.Retain); err != nil {
		return r, err
	}
	if err := tx.unsealJSON(properties, &r.Properties); err != nil {
		return r, err
	}
	plainNumbers(r.Properties)
	if err := decodeJSON(attributes, &r.Attributes); err != nil {
		return r, err
	}
	plainNumbers(r.Attributes)
	if err := json.Unmarshal(identity, &r.Identity); err != nil {
		return r, err
	}
	return r, json.Unmarshal(requires, &r.Requires)
}

// sealedRecord is a record with its properties, which a record never shows in JSON.
type sealedRecord struct {
	fairlead.Record
	Props map[string]any `json:"props"`
}

func sealRecord(r fairlead.Record) sealedRecord { return sealedRecord{r, r.Properties} }

func (s sealedRecord) open() fairlead.Record {
	r := s.Record
	r.Properties = s.Props
	plainNumbers(r.Properties)
	plainNumbers(r.Attributes)
	return r
}

// sealedChange is a change as it is kept with its operation.
type sealedChange struct {
	Verb   fairlead.OperationVerb `json:"verb"`
	Reason string                 `json:"reason,omitempty"`
	Record sealedRecord           `json:"record"`
	Prior  *sealedRecord          `json:"prior,omitempty"`
}

func (tx *Tx) sealChange(c *fairlead.Change) ([]byte, error) {
	if c == nil {
		return nil, nil
	}
	s := sealedChange{Verb: c.Verb, Reason: c.Reason, Record: sealRecord(c.Record)}
	if c.Prior != nil {
		prior := sealRecord(*c.Prior)
		s.Prior = &prior
	}
	return tx.sealJSON(s)
}

func (tx *Tx) unsealChange(sealed []byte) (*fairlead.Change, error) {
	if sealed == nil {
		return nil, nil
	}
	var s sealedChange
	if err := tx.unsealJSON(sealed, &s); err != nil {
		return nil, err
	}
	c := &fairlead.Change{Verb: s.Verb, Reason: s.Reason, Record: s.Record.open()}
	if s.Prior != nil {
		prior := s.Prior.open()
		c.Prior = &prior
	}
	return c, nil
}
