-- server is the address of a cluster's API; credentials are sealed.
ALTER TABLE targets ADD COLUMN server TEXT NOT NULL DEFAULT '';
ALTER TABLE targets ADD COLUMN context TEXT NOT NULL DEFAULT '';
ALTER TABLE targets ADD COLUMN in_cluster BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE targets ADD COLUMN credentials BYTEA;
