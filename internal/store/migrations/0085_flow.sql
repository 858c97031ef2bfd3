-- How many runs of a pipeline go on at once, as its present revision has it.
ALTER TABLE pipelines ADD COLUMN max_runs BIGINT NOT NULL DEFAULT 1;

-- Limits of groups and targets, and freezes, have no row where nothing was said: whoever has none of them pays nothing.
CREATE TABLE group_limits (
  group_name TEXT PRIMARY KEY REFERENCES pipeline_groups (name) ON DELETE CASCADE,
  runs       BIGINT NOT NULL
);
CREATE TABLE target_rules (
  target  TEXT PRIMARY KEY REFERENCES targets (name) ON DELETE CASCADE,
  stages  BIGINT NOT NULL,
  windows TEXT NOT NULL
);
CREATE TABLE freezes (
  id         TEXT PRIMARY KEY,
  scope      TEXT NOT NULL,
  name       TEXT NOT NULL,
  from_at    TEXT NOT NULL,
  until_at   TEXT NOT NULL,
  reason     TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  lifted_at  TEXT,
  lifted_by  TEXT NOT NULL,
  open       BOOLEAN NOT NULL
);
CREATE INDEX freezes_open ON freezes (until_at) WHERE open;

-- What stages hold and wait for: "lock NAME", "target NAME", or "time" for a window or the end of a freeze. asked orders those
-- that wait.
CREATE TABLE turns (
  run_id   TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  stage    BIGINT NOT NULL,
  resource TEXT NOT NULL,
  held     BOOLEAN NOT NULL,
  asked    BIGINT NOT NULL,
  since    TEXT NOT NULL,
  PRIMARY KEY (run_id, stage, resource)
);
CREATE INDEX turns_by_resource ON turns (resource, held, asked);
CREATE INDEX turns_by_asked ON turns (asked);
