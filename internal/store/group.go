package store

import (
	"context"

	"github.com/fairlead/fairlead"
)

// Viewer is whose eyes a list is read with: the name of a user, who sees what belongs to the pipeline groups in which he has a
// role, or [Everything]. The zero value sees nothing of any group.
type Viewer string

// Everything is the viewer that sees all groups. No user can have this name.
const Everything Viewer = "*"

// CreateGroup stores a pipeline group. A taken name is a Conflict. CreatedAt is set here.
func (tx *Tx) CreateGroup(ctx context.Context, g *fairlead.Group) error {
	g.CreatedAt = tx.Now
	const q = `INSERT INTO pipeline_groups (name, description, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING`
	res, err := tx.Exec(ctx, q, g.Name, g.Description, Time(g.CreatedAt))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fairlead.Errorf(fairlead.Conflict, "pipeline group %q exists already", g.Name)
}

const selectGroups = `SELECT g.name, g.description, g.created_at,
  CASE WHEN $1 = '*' THEN 'manage' ELSE coalesce((SELECT r.role FROM group_roles r WHERE r.user_name = $1 AND r.group_name = g.name), '') END,
  (SELECT count(*) FROM pipelines p WHERE p.group_name = g.name), (SELECT count(*) FROM group_roles r WHERE r.group_name = g.name),
  coalesce((SELECT l.runs FROM group_limits l WHERE l.group_name = g.name), 0)
FROM pipeline_groups g`

func scanGroup(row Row) (g fairlead.Group, err error) {
	return g, row.Scan(&g.Name, &g.Description, ScanTime(&g.CreatedAt), &g.Role, &g.Pipelines, &g.Members, &g.Limits.Runs)
}

const noGroup = "pipeline group %q does not exist; see: fairlead group list"

// NoGroup is the answer about a pipeline group that does not exist, or that somebody may not see.
func NoGroup(name string) error { return fairlead.Errorf(fairlead.NotFound, noGroup, name) }

// Group returns one pipeline group, with the role that the viewer has in it.
func (tx *Tx) Group(ctx context.Context, v Viewer, name string) (fairlead.Group, error) {
	g, err := scanGroup(tx.QueryRow(ctx, selectGroups+` WHERE g.name = $2`, string(v), name))
	return g, NotFound(err, noGroup, name)
}

// Groups lists the pipeline groups that the viewer sees, by name. cursor is the last name of the page before.
func (tx *Tx) Groups(ctx context.Context, v Viewer, limit int, cursor string) ([]fairlead.Group, string, error) {
	const q = selectGroups + ` WHERE g.name > $2
AND ($1 = '*' OR EXISTS (SELECT 1 FROM group_roles r WHERE r.user_name = $1 AND r.group_name = g.name)) ORDER BY g.name LIMIT $3`
	rows, err := tx.Query(ctx, q, string(v), cursor, limit+1)
	list, err := Collect(rows, err, scanGroup)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(g fairlead.Group) string { return g.Name })
	return list, next, nil
}

// DescribeGroup changes the description of a pipeline group.
func (tx *Tx) DescribeGroup(ctx context.Context, name, description string) error {
	_, err := tx.Exec(ctx, `UPDATE pipeline_groups SET description = $1 WHERE name = $2`, description, name)
	return err
}

// DeleteGroup removes an empty pipeline group with the roles in it. One with pipelines, and the default group, is a Conflict.
func (tx *Tx) DeleteGroup(ctx context.Context, name string) error {
	g, err := tx.Group(ctx, Everything, name)
	if err != nil {
		return err
	}
	if name == fairlead.DefaultGroup {
		return fairlead.Errorf(fairlead.Conflict, "pipeline group %q cannot be deleted: pipelines that name no group belong to it", name)
	}
	if g.Pipelines > 0 {
		return fairlead.Errorf(fairlead.Conflict, "pipeline group %q holds %d pipelines; delete or move them first", name, g.Pipelines)
	}
	_, err = tx.Exec(ctx, `DELETE FROM pipeline_groups WHERE name = $1`, name)
	return err
}

// SetRole gives a user a role in a pipeline group, in place of the one that he had. Both must exist.
func (tx *Tx) SetRole(ctx context.Context, group, user string, role fairlead.Role, by string) error {
	if _, err := tx.Group(ctx, Everything, group); err != nil {
		return err
	}
	if _, err := tx.User(ctx, user); err != nil {
		return err
	}
	const q = `INSERT INTO group_roles (user_name, group_name, role, granted_by, granted_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (user_name, group_name) DO UPDATE SET role = excluded.role, granted_by = excluded.granted_by, granted_at = excluded.granted_at`
	_, err := tx.Exec(ctx, q, user, group, string(role), by, Time(tx.Now))
	return err
}

// DropRole takes a user's role in a pipeline group. One that is not there is NotFound.
func (tx *Tx) DropRole(ctx context.Context, group, user string) error {
	res, err := tx.Exec(ctx, `DELETE FROM group_roles WHERE user_name = $1 AND group_name = $2`, user, group)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fairlead.Errorf(fairlead.NotFound, "user %q has no role in pipeline group %q; see: fairlead group members %s", user, group, group)
}

// Roles returns the roles of a user in all pipeline groups.
func (tx *Tx) Roles(ctx context.Context, user string) (fairlead.Roles, error) {
	list, err := tx.RoleList(ctx, user)
	roles := make(fairlead.Roles, len(list))
	for _, r := range list {
		roles[r.Group] = r.Role
	}
	return roles, err
}

// RoleList returns the roles of a user in all pipeline groups, by group.
func (tx *Tx) RoleList(ctx context.Context, user string) ([]fairlead.GroupRole, error) {
	rows, err := tx.Query(ctx, `SELECT group_name, role FROM group_roles WHERE user_name = $1 ORDER BY group_name`, user)
	return Collect(rows, err, func(row Row) (r fairlead.GroupRole, err error) { return r, row.Scan(&r.Group, &r.Role) })
}

// Members lists the users with a role in a pipeline group, by name. cursor is the last name of the page before.
func (tx *Tx) Members(ctx context.Context, group string, limit int, cursor string) ([]fairlead.Member, string, error) {
	const q = `SELECT user_name, role, granted_by, granted_at FROM group_roles WHERE group_name = $1 AND user_name > $2 ORDER BY user_name LIMIT $3`
	rows, err := tx.Query(ctx, q, group, cursor, limit+1)
	list, err := Collect(rows, err, func(row Row) (m fairlead.Member, err error) {
		return m, row.Scan(&m.User, &m.Role, &m.GrantedBy, ScanTime(&m.GrantedAt))
	})
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(m fairlead.Member) string { return m.User })
	return list, next, nil
}
