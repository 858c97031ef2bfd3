package store

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/fairlead/fairlead"
)

// CreateOrganization stores an organization. A taken name is a Conflict. CreatedAt is set here.
func (tx *Tx) CreateOrganization(ctx context.Context, o *fairlead.Organization) error {
	o.CreatedAt = tx.Now
	const q = `INSERT INTO organizations (name, public, created_at, created_by) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING`
	res, err := tx.Exec(ctx, q, o.Name, o.Public, Time(tx.Now), o.CreatedBy)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fairlead.Errorf(fairlead.Conflict, "organization %q exists already", o.Name)
}

// UpdateOrganization changes who may pull from an organization.
func (tx *Tx) UpdateOrganization(ctx context.Context, name string, public bool) error {
	if _, err := tx.Organization(ctx, name); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE organizations SET public = $1 WHERE name = $2`, public, name)
	return err
}

const selectOrganizations = `SELECT o.name, o.public, o.created_at, o.created_by,
(SELECT count(*) FROM repositories r WHERE r.organization = o.name) FROM organizations o`

func scanOrganization(row Row) (o fairlead.Organization, err error) {
	return o, row.Scan(&o.Name, &o.Public, ScanTime(&o.CreatedAt), &o.CreatedBy, &o.Repositories)
}

// Organization returns one organization.
func (tx *Tx) Organization(ctx context.Context, name string) (fairlead.Organization, error) {
	o, err := scanOrganization(tx.QueryRow(ctx, selectOrganizations+` WHERE o.name = $1`, name))
	return o, NotFound(err, "organization %q does not exist; create it with: fairlead image create-org %s", name, name)
}

// Organizations lists organizations by name. cursor is the last name of the page before.
func (tx *Tx) Organizations(ctx context.Context, limit int, cursor string) ([]fairlead.Organization, string, error) {
	rows, err := tx.Query(ctx, selectOrganizations+` WHERE o.name > $1 ORDER BY o.name LIMIT $2`, cursor, limit+1)
	list, err := Collect(rows, err, scanOrganization)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(o fairlead.Organization) string { return o.Name })
	return list, next, nil
}

// DeleteOrganization removes an empty organization; one with repositories is a Conflict.
func (tx *Tx) DeleteOrganization(ctx context.Context, name string) error {
	o, err := tx.Organization(ctx, name)
	if err != nil {
		return err
	}
	if o.Repositories > 0 {
		return fairlead.Errorf(fairlead.Conflict, "organization %q holds %d repositories; delete them first", name, o.Repositories)
	}
	_, err = tx.Exec(ctx, `DELETE FROM organizations WHERE name = $1`, name)
	return err
}

// PutRepository stores a repository of an existing organization, or marks one that is there as updated.
func (tx *Tx) PutRepository(ctx context.Context, organization, name string) error {
	const q = `INSERT INTO repositories (organization, name, created_at, updated_at) VALUES ($1, $2, $3, $3)
ON CONFLICT (organization, name) DO UPDATE SET updated_at = excluded.updated_at`
	_, err := tx.Exec(ctx, q, organization, name, Time(tx.Now))
	return err
}

const selectRepositories = `SELECT r.organization, r.name, count(t.name), coalesce(sum(t.size), 0), r.updated_at
FROM repositories r LEFT JOIN tags t ON t.organization = r.organization AND t.repository = r.name`

const groupRepositories = ` GROUP BY r.organization, r.name, r.updated_at`

func scanRepository(row Row) (r fairlead.Repository, err error) {
	return r, row.Scan(&r.Organization, &r.Name, &r.Tags, &r.Size, ScanTime(&r.UpdatedAt))
}

// Repository returns one repository.
func (tx *Tx) Repository(ctx context.Context, organization, name string) (fairlead.Repository, error) {
	const q = selectRepositories + ` WHERE r.organization = $1 AND r.name = $2` + groupRepositories
	r, err := scanRepository(tx.QueryRow(ctx, q, organization, name))
	return r, NotFound(err, "repository %s/%s does not exist; the first push of an image makes it", organization, name)
}

// Repositories lists the repositories of one organization, or of all when it is empty, by organization and name. cursor is
// organization/name of the last one of the page before.
func (tx *Tx) Repositories(ctx context.Context, organization string, limit int, cursor string) ([]fairlead.Repository, string, error) {
	const q = selectRepositories + ` WHERE ($1 = '' OR r.organization = $1) AND (r.organization, r.name) > ($2, $3)` +
		groupRepositories + ` ORDER BY r.organization, r.name LIMIT $4`
	afterOrganization, afterName, _ := strings.Cut(cursor, "/")
	rows, err := tx.Query(ctx, q, organization, afterOrganization, afterName, limit+1)
	list, err := Collect(rows, err, scanRepository)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(r fairlead.Repository) string { return r.Organization + "/" + r.Name })
	return list, next, nil
}

// DeleteRepository removes a repository and its tags from the catalogue.
func (tx *Tx) DeleteRepository(ctx context.Context, organization, name string) error {
	if _, err := tx.Repository(ctx, organization, name); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM repositories WHERE organization = $1 AND name = $2`, organization, name)
	return err
}

// PutTag stores a tag with its repository, or moves it to another digest. PushedAt is the time of the transaction unless set.
func (tx *Tx) PutTag(ctx context.Context, t *fairlead.Tag) error {
	if t.PushedAt.IsZero() {
		t.PushedAt = tx.Now
	}
	platforms, err := json.Marshal(t.Platforms)
	if err != nil {
		return err
	}
	if err := tx.PutRepository(ctx, t.Organization, t.Repository); err != nil {
		return err
	}
	const q = `INSERT INTO tags (organization, repository, name, digest, media_type, size, platforms, pushed_by, pushed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (organization, repository, name) DO UPDATE SET digest = excluded.digest,
media_type = excluded.media_type, size = excluded.size, platforms = excluded.platforms, pushed_by = excluded.pushed_by, pushed_at = excluded.pushed_at`
	_, err = tx.Exec(ctx, q, t.Organization, t.Repository, t.Name, t.Digest, t.MediaType, t.Size, string(platforms), t.PushedBy, Time(t.PushedAt))
	return err
}

const selectTags = `SELECT organization, repository, name, digest, media_type, size, platforms, pushed_by, pushed_at FROM tags`

func scanTag(row Row) (t fairlead.Tag, err error) {
	var platforms []byte
	err = row.Scan(&t.Organization, &t.Repository, &t.Name, &t.Digest, &t.MediaType, &t.Size, &platforms, &t.PushedBy, ScanTime(&t.PushedAt))
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(platforms, &t.Platforms)
}

// Tag returns one tag.
func (tx *Tx) Tag(ctx context.Context, organization, repository, name string) (fairlead.Tag, error) {
	const q = selectTags + ` WHERE organization = $1 AND repository = $2 AND name = $3`
	t, err := scanTag(tx.QueryRow(ctx, q, organization, repository, name))
	return t, NotFound(err, "image %s/%s:%s does not exist; see: fairlead image tags %s/%s", organization, repository, name, organization, repository)
}

// Tags lists the tags of a repository by name. cursor is the last name of the page before.
func (tx *Tx) Tags(ctx context.Context, organization, repository string, limit int, cursor string) ([]fairlead.Tag, string, error) {
	const q = selectTags + ` WHERE organization = $1 AND repository = $2 AND name > $3 ORDER BY name LIMIT $4`
	rows, err := tx.Query(ctx, q, organization, repository, cursor, limit+1)
	list, err := Collect(rows, err, scanTag)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(t fairlead.Tag) string { return t.Name })
	return list, next, nil
}

// TagsOfDigest lists the tags of a repository that point at a digest, by name.
func (tx *Tx) TagsOfDigest(ctx context.Context, organization, repository, digest string) ([]fairlead.Tag, error) {
	const q = selectTags + ` WHERE organization = $1 AND repository = $2 AND digest = $3 ORDER BY name`
	rows, err := tx.Query(ctx, q, organization, repository, digest)
	return Collect(rows, err, scanTag)
}

// DeleteTag removes a tag.
func (tx *Tx) DeleteTag(ctx context.Context, organization, repository, name string) error {
	if _, err := tx.Tag(ctx, organization, repository, name); err != nil {
		return err
	}
	const q = `DELETE FROM tags WHERE organization = $1 AND repository = $2 AND name = $3`
	_, err := tx.Exec(ctx, q, organization, repository, name)
	return err
}
