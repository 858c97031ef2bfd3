-- Types are those that SQLite and PostgreSQL both understand. Times are text of fixed width in UTC.
CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE events (
  seq     BIGINT PRIMARY KEY,
  time    TEXT NOT NULL,
  kind    TEXT NOT NULL,
  name    TEXT NOT NULL,
  action  TEXT NOT NULL,
  part    TEXT NOT NULL,
  type    TEXT NOT NULL,
  message TEXT NOT NULL
);
CREATE INDEX events_by_name ON events (kind, name, seq);

CREATE TABLE users (
  name       TEXT PRIMARY KEY,
  email      TEXT NOT NULL,
  phone      TEXT NOT NULL,
  locale     TEXT NOT NULL,
  admin      BOOLEAN NOT NULL,
  disabled   BOOLEAN NOT NULL,
  password   TEXT NOT NULL,
  created_at TEXT NOT NULL
);

CREATE TABLE tokens (
  id           TEXT PRIMARY KEY,
  user_name    TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  hash         TEXT NOT NULL UNIQUE,
  created_at   TEXT NOT NULL,
  expires_at   TEXT,
  last_used_at TEXT,
  UNIQUE (user_name, name)
);

CREATE TABLE targets (
  name       TEXT PRIMARY KEY,
  kind       TEXT NOT NULL,
  host       TEXT NOT NULL,
  created_at TEXT NOT NULL
);

CREATE TABLE templates (
  name        TEXT PRIMARY KEY,
  description TEXT NOT NULL,
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL
);

CREATE TABLE template_versions (
  template    TEXT NOT NULL REFERENCES templates (name) ON DELETE CASCADE,
  version     TEXT NOT NULL,
  description TEXT NOT NULL,
  filename    TEXT NOT NULL,
  digest      TEXT NOT NULL,
  source      BYTEA NOT NULL,
  inputs      TEXT NOT NULL,
  elements    BIGINT NOT NULL,
  created_at  TEXT NOT NULL,
  created_by  TEXT NOT NULL,
  PRIMARY KEY (template, version)
);
