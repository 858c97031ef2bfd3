-- Who deletes a pipeline whose history is being removed. It starts nothing any more.
ALTER TABLE pipelines ADD COLUMN deleting TEXT NOT NULL DEFAULT '';
