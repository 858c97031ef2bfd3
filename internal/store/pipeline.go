package store

import (
	"context"
	"encoding/json"

	"github.com/fairlead/fairlead"
)

// CreatePipeline stores a pipeline with its first revision. CreatedAt, UpdatedAt and Revision are set here.
func (tx *Tx) CreatePipeline(ctx context.Context, p *fairlead.Pipeline) error {
	p.CreatedAt, p.UpdatedAt, p.Revision = tx.Now, tx.Now, 1
	const q = `INSERT INTO pipelines (name, id, group_name, revision, runs, created_at, updated_at, updated_by, max_runs) VALUES ($1, $2, $3, $4, 0, $5, $5, $6, $7)`
	if _, err := tx.Exec(ctx, q, p.Name, p.ID, p.Group, p.Revision, Time(tx.Now), p.UpdatedBy, max(p.Spec.MaxRuns, 1)); err != nil {
		return err
	}
	return tx.addRevision(ctx, p)
}

// UpdatePipeline stores a new revision. UpdatedAt and Revision are set here.
func (tx *Tx) UpdatePipeline(ctx context.Context, p *fairlead.Pipeline) error {
	p.UpdatedAt = tx.Now
	p.Revision++
	const q = `UPDATE pipelines SET group_name = $1, revision = $2, updated_at = $3, updated_by = $4, max_runs = $5 WHERE name = $6`
	if _, err := tx.Exec(ctx, q, p.Group, p.Revision, Time(tx.Now), p.UpdatedBy, max(p.Spec.MaxRuns, 1), p.Name); err != nil {
		return err
	}
	return tx.addRevision(ctx, p)
}

func (tx *Tx) addRevision(ctx context.Context, p *fairlead.Pipeline) error {
	spec, err := json.Marshal(p.Spec)
	if err != nil {
		return err
	}
	tx.Changed()
	const q = `INSERT INTO pipeline_revisions (pipeline, revision, spec, source, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6)`
	_, err = tx.Exec(ctx, q, p.Name, p.Revision, string(spec), p.Source, Time(tx.Now), p.UpdatedBy)
	return err
}

const selectPipelines = `SELECT p.name, p.id, p.group_name, p.revision, p.runs, p.created_at, p.updated_at, p.updated_by, p.deleting, r.spec, r.source
FROM pipelines p JOIN pipeline_revisions r ON r.pipeline = p.name AND r.revision = p.revision`

func scanPipeline(row Row) (p fairlead.Pipeline, err error) {
	var spec []byte
	if err := row.Scan(&p.Name, &p.ID, &p.Group, &p.Revision, &p.Runs, ScanTime(&p.CreatedAt), ScanTime(&p.UpdatedAt), &p.UpdatedBy, &p.DeletedBy, &spec, &p.Source); err != nil {
		return p, err
	}
	err = json.Unmarshal(spec, &p.Spec)
	p.Description = p.Spec.Description
	return p, err
}

// PipelineHead returns one pipeline without its webhooks and its last run.
func (tx *Tx) PipelineHead(ctx context.Context, name string) (fairlead.Pipeline, error) {
	p, err := scanPipeline(tx.QueryRow(ctx, selectPipelines+` WHERE p.name = $1`, name))
	return p, NotFound(err, noPipeline, name)
}

const noPipeline = "pipeline %q does not exist; see: fairlead pipeline list"

// NoPipeline is the answer about a pipeline that does not exist, or that somebody may not see.
func NoPipeline(name string) error { return fairlead.Errorf(fairlead.NotFound, noPipeline, name) }

// PipelineGroup returns the group of a pipeline.
func (tx *Tx) PipelineGroup(ctx context.Context, name string) (group string, err error) {
	err = tx.QueryRow(ctx, `SELECT group_name FROM pipelines WHERE name = $1`, name).Scan(&group)
	return group, NotFound(err, noPipeline, name)
}

// Pipeline returns one pipeline with its webhooks and its last run. The paths of the webhooks are secrets of those who may
// edit the pipeline.
func (tx *Tx) Pipeline(ctx context.Context, name string) (fairlead.Pipeline, error) {
	p, err := tx.PipelineHead(ctx, name)
	if err != nil {
		return p, err
	}
	hooks, err := tx.PipelineWebhooks(ctx, name)
	if err != nil {
		return p, err
	}
	for _, h := range hooks {
		p.Webhooks = append(p.Webhooks, h.Webhook())
	}
	p.LastRun, err = tx.lastRun(ctx, name)
	return p, err
}

// Pipelines lists the pipelines that the viewer sees, by name with their last runs, without webhooks. group selects one group
// when not empty; cursor is the last name of the page before.
func (tx *Tx) Pipelines(ctx context.Context, v Viewer, group string, limit int, cursor string) ([]fairlead.Pipeline, string, error) {
	const q = selectPipelines + ` WHERE p.name > $1 AND ($2 = '' OR p.group_name = $2)
AND ($3 = '*' OR EXISTS (SELECT 1 FROM group_roles v WHERE v.user_name = $3 AND v.group_name = p.group_name)) ORDER BY p.name LIMIT $4`
	rows, err := tx.Query(ctx, q, cursor, group, string(v), limit+1)
	list, err := Collect(rows, err, scanPipeline)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(p fairlead.Pipeline) string { return p.Name })
	for i := range list {
		if list[i].LastRun, err = tx.lastRun(ctx, list[i].Name); err != nil {
			return nil, "", err
		}
	}
	return list, next, nil
}

// PipelineSpec returns the content of one revision of a pipeline, which is what a run executes.
func (tx *Tx) PipelineSpec(ctx context.Context, name string, revision int64) (spec fairlead.PipelineSpec, err error) {
	var b []byte
	const q = `SELECT spec FROM pipeline_revisions WHERE pipeline = $1 AND revision = $2`
	if err := tx.QueryRow(ctx, q, name, revision).Scan(&b); err != nil {
		return spec, NotFound(err, "pipeline %q has no revision %d", name, revision)
	}
	return spec, json.Unmarshal(b, &spec)
}

// MarkDeleting tells that somebody deletes a pipeline, whose history takes a while to remove.
func (tx *Tx) MarkDeleting(ctx context.Context, name, by string) error {
	tx.Changed()
	_, err := tx.Exec(ctx, `UPDATE pipelines SET deleting = $1 WHERE name = $2`, by, name)
	return err
}

// DeletePipeline removes a pipeline with its runs, their logs, its webhooks and their messages. The caller has checked that no
// run is active.
func (tx *Tx) DeletePipeline(ctx context.Context, name string) error {
	tx.Changed()
	if err := tx.keepLastSeq(ctx); err != nil {
		return err
	}
	const logs = `DELETE FROM events WHERE kind = 'run' AND name IN (SELECT id FROM runs WHERE pipeline = $1)`
	if _, err := tx.Exec(ctx, logs, name); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM pipelines WHERE name = $1`, name)
	return err
}
