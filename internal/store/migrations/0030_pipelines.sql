CREATE TABLE pipeline_groups (
  name        TEXT PRIMARY KEY,
  description TEXT NOT NULL,
  created_at  TEXT NOT NULL
);

CREATE TABLE pipelines (
  name       TEXT PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  group_name TEXT NOT NULL REFERENCES pipeline_groups (name),
  revision   BIGINT NOT NULL,
  runs       BIGINT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  updated_by TEXT NOT NULL
);
CREATE INDEX pipelines_by_group ON pipelines (group_name, name);

-- A run keeps to the revision that it started with.
CREATE TABLE pipeline_revisions (
  pipeline   TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
  revision   BIGINT NOT NULL,
  spec       TEXT NOT NULL,
  source     TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (pipeline, revision)
);

-- Tokens are looked up by their hash and kept sealed, because the address can be shown again.
CREATE TABLE webhooks (
  hash       TEXT PRIMARY KEY,
  token      BYTEA NOT NULL,
  pipeline   TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
  position   BIGINT NOT NULL,
  condition  TEXT NOT NULL,
  params     TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX webhooks_by_pipeline ON webhooks (pipeline, position);

CREATE TABLE hook_messages (
  id          TEXT PRIMARY KEY,
  pipeline    TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
  hook        TEXT NOT NULL,
  condition   TEXT NOT NULL,
  message_key TEXT,
  params      TEXT NOT NULL,
  run_id      TEXT NOT NULL,
  received_at TEXT NOT NULL,
  UNIQUE (hook, message_key)
);
CREATE INDEX hook_messages_by_pipeline ON hook_messages (pipeline, id);

-- stages is the list of stage runs: a run changes as a whole, in one row.
CREATE TABLE runs (
  id          TEXT PRIMARY KEY,
  pipeline    TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
  number      BIGINT NOT NULL,
  revision    BIGINT NOT NULL,
  state       TEXT NOT NULL,
  cause       TEXT NOT NULL,
  started_by  TEXT NOT NULL,
  variables   TEXT NOT NULL,
  stages      TEXT NOT NULL,
  message     TEXT NOT NULL,
  stopping    BOOLEAN NOT NULL,
  created_at  TEXT NOT NULL,
  started_at  TEXT,
  ended_at    TEXT,
  UNIQUE (pipeline, number)
);
CREATE INDEX runs_active ON runs (pipeline, number) WHERE ended_at IS NULL;

-- The log of a run shows the events of its stages' stack actions.
CREATE INDEX events_by_action ON events (action, seq) WHERE action <> '';
