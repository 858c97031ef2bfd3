package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/fairlead/fairlead"
)

// PipelineWebhook is the generated address of one trigger condition with its secrets.
type PipelineWebhook struct {
	// ID stays when the address changes. It is set when the webhook is stored first.
	ID        string
	Token     string
	Pipeline  string
	Position  int
	Stage     int // -1: a condition of the start
	Condition string
	Spec      fairlead.WebhookCondition
	Params    []fairlead.ParamMap
	Secret    string
	Disabled  bool
}

// Webhook is what those who may edit the pipeline see.
func (h PipelineWebhook) Webhook() fairlead.Webhook {
	return fairlead.Webhook{Condition: h.Condition, Path: "/hooks/" + h.Token, Signature: h.Spec.Signature, Secret: h.Secret, Disabled: h.Disabled}
}

func hookHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

const selectWebhooks = `SELECT id, token, pipeline, position, stage, condition, spec, params, secret, disabled FROM webhooks`

// PipelineWebhooks lists the webhooks of a pipeline in the order of the file.
func (tx *Tx) PipelineWebhooks(ctx context.Context, pipeline string) ([]PipelineWebhook, error) {
	rows, err := tx.Query(ctx, selectWebhooks+` WHERE pipeline = $1 ORDER BY position`, pipeline)
	return Collect(rows, err, tx.scanWebhook)
}

func (tx *Tx) scanWebhook(row Row) (h PipelineWebhook, err error) {
	var token, spec, params, secret []byte
	if err := row.Scan(&h.ID, &token, &h.Pipeline, &h.Position, &h.Stage, &h.Condition, &spec, &params, &secret, &h.Disabled); err != nil {
		return h, err
	}
	if token, err = tx.Unseal(token); err != nil {
		return h, err
	}
	if len(secret) > 0 {
		if secret, err = tx.Unseal(secret); err != nil {
			return h, err
		}
	}
	h.Token, h.Secret = string(token), string(secret)
	if err := json.Unmarshal(spec, &h.Spec); err != nil {
		return h, err
	}
	return h, json.Unmarshal(params, &h.Params)
}

// PipelineWebhook returns the webhook with a token.
func (tx *Tx) PipelineWebhook(ctx context.Context, token string) (PipelineWebhook, error) {
	h, err := tx.scanWebhook(tx.QueryRow(ctx, selectWebhooks+` WHERE hash = $1`, hookHash(token)))
	return h, NotFound(err, "there is no such webhook; see its address with: fairlead pipeline get")
}

// SetPipelineWebhooks makes the webhooks of a pipeline exactly those given.
func (tx *Tx) SetPipelineWebhooks(ctx context.Context, pipeline string, hooks []PipelineWebhook) error {
	if _, err := tx.Exec(ctx, `DELETE FROM webhooks WHERE pipeline = $1`, pipeline); err != nil {
		return err
	}
	for _, h := range hooks {
		if err := tx.createWebhook(ctx, pipeline, h); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) createWebhook(ctx context.Context, pipeline string, h PipelineWebhook) error {
	hash := hookHash(h.Token)
	if h.ID == "" {
		h.ID = hash
	}
	token, err := tx.Seal([]byte(h.Token))
	if err != nil {
		return err
	}
	var secret any
	if h.Secret != "" {
		if secret, err = tx.Seal([]byte(h.Secret)); err != nil {
			return err
		}
	}
	spec, err := json.Marshal(h.Spec)
	if err != nil {
		return err
	}
	params, err := json.Marshal(h.Params)
	if err != nil {
		return err
	}
	const q = `INSERT INTO webhooks (hash, id, token, pipeline, position, stage, condition, spec, params, secret, disabled, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	_, err = tx.Exec(ctx, q, hash, h.ID, token, pipeline, h.Position, h.Stage, h.Condition, string(spec), string(params), secret, h.Disabled, Time(tx.Now))
	return err
}
