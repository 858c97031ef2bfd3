-- What the containers of job stages wrote: some lines that were stored together, as JSON. Lines have numbers out of the same
-- sequence as events; last_seq is that of the last one, and the lines of a row have consecutive numbers.
CREATE TABLE run_output (
  last_seq BIGINT PRIMARY KEY,
  run_id   TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  stage    TEXT NOT NULL,
  lines    TEXT NOT NULL
);
CREATE INDEX run_output_by_run ON run_output (run_id, last_seq);
CREATE INDEX run_output_by_stage ON run_output (run_id, stage, last_seq);

-- The containers of job stages that are at work, each decided before it is made. container is sealed, because it can hold
-- secrets. slice and worker say who may write: the job of that slice, at no earlier attempt than that.
CREATE TABLE stage_jobs (
  run_id    TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  stage     BIGINT NOT NULL,
  attempt   BIGINT NOT NULL,
  target    TEXT NOT NULL,
  container BYTEA NOT NULL,
  progress  TEXT NOT NULL,
  slice     BIGINT NOT NULL,
  worker    BIGINT NOT NULL,
  PRIMARY KEY (run_id, stage, attempt)
);
CREATE INDEX stage_jobs_by_target ON stage_jobs (target);
