-- parent is the name of the stack whose template holds the stack as an element; cause is the parent's action that began one.
ALTER TABLE stacks ADD COLUMN parent TEXT NOT NULL DEFAULT '';
CREATE INDEX stacks_by_parent ON stacks (parent) WHERE parent <> '';
ALTER TABLE stack_actions ADD COLUMN cause TEXT NOT NULL DEFAULT '';
