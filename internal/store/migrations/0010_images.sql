-- The catalogue of the embedded registry. The blobs are files; a scan at start repairs these tables from them.
CREATE TABLE organizations (
  name       TEXT PRIMARY KEY,
  public     BOOLEAN NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL
);

CREATE TABLE repositories (
  organization TEXT NOT NULL REFERENCES organizations (name),
  name         TEXT NOT NULL,
  created_at   TEXT NOT NULL,
  updated_at   TEXT NOT NULL,
  PRIMARY KEY (organization, name)
);

CREATE TABLE tags (
  organization TEXT NOT NULL,
  repository   TEXT NOT NULL,
  name         TEXT NOT NULL,
  digest       TEXT NOT NULL,
  media_type   TEXT NOT NULL,
  size         BIGINT NOT NULL,
  platforms    TEXT NOT NULL,
  pushed_by    TEXT NOT NULL,
  pushed_at    TEXT NOT NULL,
  PRIMARY KEY (organization, repository, name),
  FOREIGN KEY (organization, repository) REFERENCES repositories (organization, name) ON DELETE CASCADE
);
CREATE INDEX tags_by_digest ON tags (organization, repository, digest);
