package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// CreateTemplateVersion stores a version, and its template when that is new. A version is immutable: storing the same text
// again is fine, another text under the same version is a Conflict; an id can be given later, and never changed. The id
// belongs to one version of all templates. Digest (of a text), Size and CreatedAt are set here.
func (tx *Tx) CreateTemplateVersion(ctx context.Context, v *fairlead.TemplateVersion) error {
	if v.Package == "" {
		sum := sha256.Sum256(v.Source)
		v.Digest = "sha256:" + hex.EncodeToString(sum[:])
	}
	v.Size, v.CreatedAt = len(v.Source), tx.Now
	switch old, err := tx.TemplateVersion(ctx, v.Template, v.Version); {
	case err == nil && old.Digest != v.Digest:
		return fairlead.Errorf(fairlead.Conflict, "template %s has a version %s with another text; a version never changes, so push the new text as a new version", v.Template, v.Version)
	case err == nil:
		return tx.sameVersion(ctx, v, old)
	case fairlead.ErrorCode(err) != fairlead.NotFound:
		return err
	}
	if err := tx.freeAlias(ctx, v.ID); err != nil {
		return err
	}
	if err := tx.insertVersion(ctx, v); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, fairlead.Event{Kind: "template", Name: v.Template, Type: "template-pushed", Message: "template " + v.Template + "@" + v.Version + " was pushed"})
}

func (tx *Tx) insertVersion(ctx context.Context, v *fairlead.TemplateVersion) error {
	inputs, err := json.Marshal(v.Inputs)
	if err != nil {
		return err
	}
	files, err := json.Marshal(append([]string{}, v.Files...))
	if err != nil {
		return err
	}
	const template = `INSERT INTO templates (name, description, created_at, updated_at) VALUES ($1, $2, $3, $3)
ON CONFLICT (name) DO UPDATE SET description = excluded.description, updated_at = excluded.updated_at`
	if _, err := tx.Exec(ctx, template, v.Template, v.Description, Time(tx.Now)); err != nil {
		return err
	}
	const version = `INSERT INTO template_versions
(template, version, description, filename, digest, source, inputs, elements, created_at, created_by, alias, package, archive, files)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
	_, err = tx.Exec(ctx, version, v.Template, v.Version, v.Description, v.Filename, v.Digest, v.Source, string(inputs), v.Elements,
		Time(tx.Now), v.CreatedBy, alias(v.ID), v.Package, v.Archive, string(files))
	return err
}

// alias is how an id is stored: none is NULL, because it must be unique otherwise.
func alias(id string) sql.NullString { return sql.NullString{String: id, Valid: id != ""} }

// sameVersion answers a version that is stored already; the first id that is given stays.
func (tx *Tx) sameVersion(ctx context.Context, v *fairlead.TemplateVersion, old fairlead.TemplateVersion) error {
	id := v.ID
	*v = old
	switch {
	case id == "" || id == old.ID:
		return nil
	case old.ID != "":
		return fairlead.Errorf(fairlead.Conflict, "template %s@%s has the id %s already; an id never changes", old.Template, old.Version, old.ID)
	}
	if err := tx.freeAlias(ctx, id); err != nil {
		return err
	}
	v.ID = id
	_, err := tx.Exec(ctx, `UPDATE template_versions SET alias = $1 WHERE template = $2 AND version = $3`, id, old.Template, old.Version)
	return err
}

// freeAlias returns a Conflict when a version has the id.
func (tx *Tx) freeAlias(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	name, version, err := tx.aliased(ctx, id)
	switch {
	case err == nil:
		return fairlead.Errorf(fairlead.Conflict, "id %s belongs to template %s@%s; an id names one version", id, name, version)
	case fairlead.ErrorCode(err) == fairlead.NotFound:
		return nil
	}
	return err
}

func (tx *Tx) aliased(ctx context.Context, id string) (name, version string, err error) {
	err = tx.QueryRow(ctx, `SELECT template, version FROM template_versions WHERE alias = $1`, id).Scan(&name, &version)
	return name, version, NotFound(err, "no template has the id %q; write NAME@VERSION, or push the template with that --id", id)
}

// TemplateByRef returns the version that NAME@VERSION or an id names.
func (tx *Tx) TemplateByRef(ctx context.Context, ref string) (fairlead.TemplateVersion, error) {
	if name, version, ok := strings.Cut(ref, "@"); ok {
		return tx.TemplateVersion(ctx, name, version)
	}
	name, version, err := tx.aliased(ctx, ref)
	if err != nil {
		return fairlead.TemplateVersion{}, err
	}
	return tx.TemplateVersion(ctx, name, version)
}

// TemplateVersion returns one version with its text, without the package that it came in.
func (tx *Tx) TemplateVersion(ctx context.Context, name, version string) (fairlead.TemplateVersion, error) {
	v := fairlead.TemplateVersion{Template: name, Version: version}
	const q = `SELECT description, filename, digest, source, inputs, elements, created_at, created_by, alias, package, files
FROM template_versions WHERE template = $1 AND version = $2`
	var inputs, files []byte
	var id sql.NullString
	err := tx.QueryRow(ctx, q, name, version).Scan(&v.Description, &v.Filename, &v.Digest, &v.Source, &inputs, &v.Elements, ScanTime(&v.CreatedAt), &v.CreatedBy, &id, &v.Package, &files)
	if err != nil {
		return v, NotFound(err, "template %s has no version %q; see: fairlead template list", name, version)
	}
	v.Size, v.ID = len(v.Source), id.String
	if err := json.Unmarshal(files, &v.Files); err != nil {
		return v, err
	}
	return v, json.Unmarshal(inputs, &v.Inputs)
}

// TemplatePackage returns the package that a version came in as it was uploaded. NotFound when it is a text alone.
func (tx *Tx) TemplatePackage(ctx context.Context, name, version string) (filename string, archive []byte, err error) {
	const q = `SELECT package, archive FROM template_versions WHERE template = $1 AND version = $2`
	err = tx.QueryRow(ctx, q, name, version).Scan(&filename, &archive)
	if err != nil {
		return "", nil, NotFound(err, "template %s has no version %q; see: fairlead template list", name, version)
	}
	if filename == "" {
		return "", nil, fairlead.Errorf(fairlead.NotFound, "template %s@%s is a text, not a package", name, version)
	}
	return filename, archive, nil
}

// TemplateContents returns all files of the package that a version came in by their paths, the main file among them. It unpacks
// once what [Tx.TemplateFile] unpacks for each file. NotFound when the version is a text alone.
func (tx *Tx) TemplateContents(ctx context.Context, name, version string) (map[string][]byte, error) {
	filename, archive, err := tx.TemplatePackage(ctx, name, version)
	if err != nil {
		return nil, err
	}
	return template.ReadFiles(filename, archive)
}

// TemplateFile returns a file of the package that a version came in, NotFound when there is none.
func (tx *Tx) TemplateFile(ctx context.Context, name, version, path string) ([]byte, error) {
	filename, archive, err := tx.TemplatePackage(ctx, name, version)
	if err != nil {
		return nil, err
	}
	content, ok, err := template.ReadFile(filename, archive, path)
	if err == nil && !ok {
		err = fairlead.Errorf(fairlead.NotFound, "the package of template %s@%s has no file %q", name, version, path)
	}
	return content, err
}

// TemplateFiles lists the files of the package that a version came in, beside its main file; none for a text.
func (tx *Tx) TemplateFiles(ctx context.Context, name, version string) (list []string, err error) {
	var files []byte
	err = tx.QueryRow(ctx, `SELECT files FROM template_versions WHERE template = $1 AND version = $2`, name, version).Scan(&files)
	if err != nil {
		return nil, NotFound(err, "template %s has no version %q; see: fairlead template list", name, version)
	}
	return list, json.Unmarshal(files, &list)
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
