package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/fairlead/fairlead"
)

// CreateTemplateVersion stores a version, and its template when that is new. A version is immutable: storing the same text
// again is fine, another text under the same version is a Conflict. Digest, Size and CreatedAt are set here.
func (tx *Tx) CreateTemplateVersion(ctx context.Context, v *fairlead.TemplateVersion) error {
	sum := sha256.Sum256(v.Source)
	v.Digest, v.Size, v.CreatedAt = "sha256:"+hex.EncodeToString(sum[:]), len(v.Source), tx.Now
	switch old, err := tx.TemplateVersion(ctx, v.Template, v.Version); {
	case err == nil && old.Digest == v.Digest:
		*v = old
		return nil
	case err == nil:
		return fairlead.Errorf(fairlead.Conflict, "template %s has a version %s with another text; a version never changes, so push the new text as a new version", v.Template, v.Version)
	case fairlead.ErrorCode(err) != fairlead.NotFound:
		return err
	}
	inputs, err := json.Marshal(v.Inputs)
	if err != nil {
		return err
	}
	const template = `INSERT INTO templates (name, description, created_at, updated_at) VALUES ($1, $2, $3, $3)
ON CONFLICT (name) DO UPDATE SET description = excluded.description, updated_at = excluded.updated_at`
	if _, err := tx.Exec(ctx, template, v.Template, v.Description, Time(tx.Now)); err != nil {
		return err
	}
	const version = `INSERT INTO template_versions (template, version, description, filename, digest, source, inputs, elements, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	_, err = tx.Exec(ctx, version, v.Template, v.Version, v.Description, v.Filename, v.Digest, v.Source, string(inputs), v.Elements, Time(tx.Now), v.CreatedBy)
	if err != nil {
		return err
	}
	return tx.AppendEvent(ctx, fairlead.Event{Kind: "template", Name: v.Template, Type: "template-pushed", Message: "template " + v.Template + "@" + v.Version + " was pushed"})
}

// TemplateVersion returns one version with its text.
func (tx *Tx) TemplateVersion(ctx context.Context, name, version string) (fairlead.TemplateVersion, error) {
	v := fairlead.TemplateVersion{Template: name, Version: version}
	const q = `SELECT description, filename, digest, source, inputs, elements, created_at, created_by FROM template_versions WHERE template = $1 AND version = $2`
	var inputs []byte
	err := tx.QueryRow(ctx, q, name, version).Scan(&v.Description, &v.Filename, &v.Digest, &v.Source, &inputs, &v.Elements, ScanTime(&v.CreatedAt), &v.CreatedBy)
	if err != nil {
		return v, NotFound(err, "template %s has no version %q; see: fairlead template list", name, version)
	}
	v.Size = len(v.Source)
	return v, json.Unmarshal(inputs, &v.Inputs)
}

// TemplateDigest returns the digest of a version's text without reading the text.
func (tx *Tx) TemplateDigest(ctx context.Context, name, version string) (digest string, err error) {
	const q = `SELECT digest FROM template_versions WHERE template = $1 AND version = $2`
	err = tx.QueryRow(ctx, q, name, version).Scan(&digest)
	return digest, NotFound(err, "template %s has no version %q; see: fairlead template list", name, version)
}

// Template returns one template with its versions, newest first.
func (tx *Tx) Template(ctx context.Context, name string) (fairlead.Template, error) {
	t := fairlead.Template{Name: name}
	const q = `SELECT description, created_at, updated_at FROM templates WHERE name = $1`
	if err := tx.QueryRow(ctx, q, name).Scan(&t.Description, ScanTime(&t.CreatedAt), ScanTime(&t.UpdatedAt)); err != nil {
		return t, NotFound(err, "template %q does not exist; push it with: fairlead template push", name)
	}
	var err error
	t.Versions, err = tx.versions(ctx, name)
	return t, err
}

func (tx *Tx) versions(ctx context.Context, name string) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT version FROM template_versions WHERE template = $1 ORDER BY created_at DESC, version DESC`, name)
	return Collect(rows, err, func(row Row) (v string, err error) { return v, row.Scan(&v) })
}

// Templates lists templates by name. cursor is the last name of the page before.
func (tx *Tx) Templates(ctx context.Context, limit int, cursor string) ([]fairlead.Template, string, error) {
	const q = `SELECT name, description, created_at, updated_at FROM templates WHERE name > $1 ORDER BY name LIMIT $2`
	rows, err := tx.Query(ctx, q, cursor, limit+1)
	list, err := Collect(rows, err, func(row Row) (t fairlead.Template, err error) {
		return t, row.Scan(&t.Name, &t.Description, ScanTime(&t.CreatedAt), ScanTime(&t.UpdatedAt))
	})
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(t fairlead.Template) string { return t.Name })
	for i := range list {
		if list[i].Versions, err = tx.versions(ctx, list[i].Name); err != nil {
			return nil, "", err
		}
	}
	return list, next, nil
}

// DeleteTemplateVersion removes a version, and the template with its last one. The caller has checked that no stack uses it.
func (tx *Tx) DeleteTemplateVersion(ctx context.Context, name, version string) error {
	if _, err := tx.TemplateVersion(ctx, name, version); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM template_versions WHERE template = $1 AND version = $2`, name, version); err != nil {
		return err
	}
	const empty = `DELETE FROM templates WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM template_versions WHERE template = $1)`
	_, err := tx.Exec(ctx, empty, name)
	return err
}
