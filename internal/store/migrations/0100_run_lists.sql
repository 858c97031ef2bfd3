-- Lists of runs with a filter read what they show, however many runs there are; runs_by_state is there already.
CREATE INDEX runs_by_cause ON runs (pipeline, cause, number);
CREATE INDEX runs_by_starter ON runs (pipeline, started_by, number);
-- What is old is found by its age: to list it, and to remove it.
CREATE INDEX runs_by_time ON runs (pipeline, created_at, number);
CREATE INDEX messages_by_time ON messages (pipeline, received_at);
