-- Actions are counted by their state without reading them.
CREATE INDEX stack_actions_by_state ON stack_actions (state);
