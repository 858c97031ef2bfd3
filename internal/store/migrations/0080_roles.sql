-- What a user may do in a pipeline group: read, edit or manage.
CREATE TABLE group_roles (
  user_name  TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
  group_name TEXT NOT NULL REFERENCES pipeline_groups (name) ON DELETE CASCADE,
  role       TEXT NOT NULL,
  granted_by TEXT NOT NULL,
  granted_at TEXT NOT NULL,
  PRIMARY KEY (user_name, group_name)
);
CREATE INDEX group_roles_by_group ON group_roles (group_name, user_name);

-- Until now every user could do everything with every pipeline.
INSERT INTO group_roles (user_name, group_name, role, granted_by, granted_at)
SELECT u.name, g.name, 'manage', 'upgrade', CASE WHEN u.created_at > g.created_at THEN u.created_at ELSE g.created_at END
FROM users u CROSS JOIN pipeline_groups g;

-- The password that the first start generated is still in use.
ALTER TABLE users ADD COLUMN must_change BOOLEAN NOT NULL DEFAULT FALSE;

-- The group of a pipeline that is no more: who could see the pipeline hears of its end.
ALTER TABLE events ADD COLUMN group_name TEXT NOT NULL DEFAULT '';
