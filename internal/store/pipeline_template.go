package store

import (
	"context"
	"encoding/json"

	"github.com/fairlead/fairlead"
)

// PutPipelineTemplate stores a pipeline template, in the place of the one with its name if there is one. CreatedAt is set here.
func (tx *Tx) PutPipelineTemplate(ctx context.Context, t *fairlead.PipelineTemplate) error {
	t.CreatedAt = &tx.Now
	head := *t
	head.Source = ""
	text, err := json.Marshal(head)
	if err != nil {
		return err
	}
	const q = `INSERT INTO pipeline_templates (name, head, source, created_at, created_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE SET head = excluded.head, source = excluded.source, created_at = excluded.created_at, created_by = excluded.created_by`
	_, err = tx.Exec(ctx, q, t.Name, string(text), t.Source, Time(tx.Now), t.By)
	return err
}

// PipelineTemplate returns one stored pipeline template with its source.
func (tx *Tx) PipelineTemplate(ctx context.Context, name string) (t fairlead.PipelineTemplate, err error) {
	var head []byte
	var source string
	if err := tx.QueryRow(ctx, `SELECT head, source FROM pipeline_templates WHERE name = $1`, name).Scan(&head, &source); err != nil {
		return t, NotFound(err, "pipeline template %q does not exist; see: fairlead pipeline-template list", name)
	}
	err = json.Unmarshal(head, &t)
	t.Source = source
	return t, err
}

// PipelineTemplates lists all stored pipeline templates by name, without their sources.
func (tx *Tx) PipelineTemplates(ctx context.Context) ([]fairlead.PipelineTemplate, error) {
	rows, err := tx.Query(ctx, `SELECT head FROM pipeline_templates ORDER BY name`)
	return Collect(rows, err, func(row Row) (t fairlead.PipelineTemplate, err error) {
		var head []byte
		if err := row.Scan(&head); err != nil {
			return t, err
		}
		return t, json.Unmarshal(head, &t)
	})
}

// DeletePipelineTemplate removes a stored pipeline template.
func (tx *Tx) DeletePipelineTemplate(ctx context.Context, name string) error {
	if _, err := tx.PipelineTemplate(ctx, name); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM pipeline_templates WHERE name = $1`, name)
	return err
}
