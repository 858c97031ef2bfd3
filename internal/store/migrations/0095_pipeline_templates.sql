-- Pipeline templates that somebody stored. head is everything but the source, as JSON.
CREATE TABLE pipeline_templates (
  name       TEXT PRIMARY KEY,
  head       TEXT NOT NULL,
  source     TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL
);
