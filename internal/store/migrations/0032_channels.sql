-- keep_count 0 and keep_age 0 (seconds) are no limit.
CREATE TABLE channels (
  name        TEXT PRIMARY KEY,
  description TEXT NOT NULL,
  keep_count  BIGINT NOT NULL,
  keep_age    BIGINT NOT NULL,
  created_at  TEXT NOT NULL,
  created_by  TEXT NOT NULL
);

CREATE TABLE channel_messages (
  seq          BIGINT PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  channel      TEXT NOT NULL REFERENCES channels (name) ON DELETE CASCADE,
  once         TEXT UNIQUE,
  message_key  TEXT NOT NULL,
  params       TEXT NOT NULL,
  published_by TEXT NOT NULL,
  replay_of    TEXT NOT NULL,
  published_at TEXT NOT NULL,
  delivered    BOOLEAN NOT NULL
);
CREATE INDEX channel_messages_by_channel ON channel_messages (channel, seq);

-- The stages of the present revisions that publish.
CREATE TABLE publishers (
  pipeline TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
  stage    TEXT NOT NULL,
  channel  TEXT NOT NULL,
  PRIMARY KEY (pipeline, stage, channel)
);
CREATE INDEX publishers_by_channel ON publishers (channel);
