-- labels is a JSON object of texts.
ALTER TABLE stacks ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';
ALTER TABLE stacks ADD COLUMN protected BOOLEAN NOT NULL DEFAULT FALSE;

-- Which action reached a good state, and which earlier one it is a return to; 0 when it is a new one.
ALTER TABLE stack_states ADD COLUMN action TEXT NOT NULL DEFAULT '';
ALTER TABLE stack_states ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE stack_states ADD COLUMN restores BIGINT NOT NULL DEFAULT 0;

-- adopt is a JSON list of elements; comment is why somebody did it, run the pipeline run that it was done by.
ALTER TABLE stack_actions ADD COLUMN adopt TEXT NOT NULL DEFAULT '[]';
ALTER TABLE stack_actions ADD COLUMN comment TEXT NOT NULL DEFAULT '';
ALTER TABLE stack_actions ADD COLUMN run TEXT NOT NULL DEFAULT '';

ALTER TABLE stack_records ADD COLUMN retain BOOLEAN NOT NULL DEFAULT FALSE;
