-- Lists over all pipelines, newest first, read what they show: of what did not end, and of what failed.
CREATE INDEX runs_open ON runs (id) WHERE ended_at IS NULL;
CREATE INDEX runs_failed ON runs (id) WHERE state IN ('failed', 'timed-out');
