-- when the credentials were last given anew; null when never.
ALTER TABLE targets ADD COLUMN renewed_at TEXT;
