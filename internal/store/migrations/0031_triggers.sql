-- What few runs have, as JSON, and the one sentence that says what a run waits for.
ALTER TABLE runs ADD COLUMN waiting_for TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN more TEXT NOT NULL DEFAULT '{}';
CREATE INDEX runs_by_state ON runs (pipeline, state, number);

-- id stays when the address is changed. spec is the condition; stage is -1 for conditions of the start.
ALTER TABLE webhooks ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE webhooks ADD COLUMN stage BIGINT NOT NULL DEFAULT -1;
ALTER TABLE webhooks ADD COLUMN spec TEXT NOT NULL DEFAULT '{}';
ALTER TABLE webhooks ADD COLUMN secret BYTEA;
ALTER TABLE webhooks ADD COLUMN disabled BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE webhooks SET id = hash;

-- Everything that arrived for a trigger condition, with what it did. once is there for what may count only once.
CREATE TABLE messages (
  id          TEXT PRIMARY KEY,
  pipeline    TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
  condition   TEXT NOT NULL,
  kind        TEXT NOT NULL,
  source      TEXT NOT NULL,
  once        TEXT UNIQUE,
  message_key TEXT NOT NULL,
  params      TEXT NOT NULL,
  result      TEXT NOT NULL,
  reason      TEXT NOT NULL,
  run_id      TEXT NOT NULL,
  origin      TEXT NOT NULL,
  received_at TEXT NOT NULL
);
INSERT INTO messages (id, pipeline, condition, kind, source, once, message_key, params, result, reason, run_id, origin, received_at)
SELECT id, pipeline, condition, 'webhook', '', hook || '/' || message_key, coalesce(message_key, ''), params, 'started', '', run_id, '', received_at FROM hook_messages;
DROP TABLE hook_messages;
CREATE INDEX messages_by_pipeline ON messages (pipeline, id);
CREATE INDEX messages_by_origin ON messages (origin, id) WHERE origin <> '';

-- The conditions of the present revisions that listen to channels, images and schedules.
CREATE TABLE listeners (
  pipeline  TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
  condition TEXT NOT NULL,
  kind      TEXT NOT NULL,
  source    TEXT NOT NULL,
  PRIMARY KEY (pipeline, condition)
);
CREATE INDEX listeners_by_source ON listeners (kind, source);

-- What the conditions of stages of runs that have begun listen to, whatever the revision of the run.
CREATE TABLE run_listens (
  kind   TEXT NOT NULL,
  source TEXT NOT NULL,
  run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  PRIMARY KEY (kind, source, run_id)
);
CREATE INDEX run_listens_by_run ON run_listens (run_id);

-- Conditions of a start with mode all that are met while others are waited for.
CREATE TABLE start_gates (
  pipeline    TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
  condition   TEXT NOT NULL,
  message     TEXT NOT NULL,
  variables   TEXT NOT NULL,
  pins        TEXT NOT NULL,
  received_at TEXT NOT NULL,
  PRIMARY KEY (pipeline, condition)
);

-- When a schedule is due; its job knows the same time.
CREATE TABLE schedules (
  pipeline  TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
  condition TEXT NOT NULL,
  next_at   TEXT NOT NULL,
  PRIMARY KEY (pipeline, condition)
);
