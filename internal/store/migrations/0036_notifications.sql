-- request and shown are the same request: sealed as it is sent, and as people may see it. state is pending, delivered or failed.
CREATE TABLE notifications (
  id         TEXT PRIMARY KEY,
  run        TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  stage      TEXT NOT NULL,
  outcome    TEXT NOT NULL,
  kind       TEXT NOT NULL,
  recipient  TEXT NOT NULL,
  request    BYTEA NOT NULL,
  shown      TEXT NOT NULL,
  state      TEXT NOT NULL,
  resend_of  TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL
);
CREATE INDEX notifications_by_run ON notifications (run, id);

CREATE TABLE notification_attempts (
  notification TEXT NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
  attempt      BIGINT NOT NULL,
  at           TEXT NOT NULL,
  took         BIGINT NOT NULL,
  status       BIGINT NOT NULL,
  message      TEXT NOT NULL,
  PRIMARY KEY (notification, attempt)
);

-- The values of secret headers, which are not in the files of pipelines as they are kept.
CREATE TABLE pipeline_secrets (
  pipeline TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
  place    TEXT NOT NULL,
  value    BYTEA NOT NULL,
  PRIMARY KEY (pipeline, place)
);
