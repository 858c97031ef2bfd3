-- Which attempt at the action's current slice works it: one that was given up, because its server seemed dead, stores nothing any more.
ALTER TABLE stack_actions ADD COLUMN attempt BIGINT NOT NULL DEFAULT 0;
