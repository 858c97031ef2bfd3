-- inputs are masked for showing; want holds the true ones, sealed.
CREATE TABLE stacks (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  target      TEXT NOT NULL,
  namespace   TEXT NOT NULL,
  template    TEXT NOT NULL,
  version     TEXT NOT NULL,
  inputs      TEXT NOT NULL,
  want        BYTEA NOT NULL,
  outputs     TEXT NOT NULL,
  status      TEXT NOT NULL,
  health      TEXT NOT NULL,
  reason      TEXT NOT NULL,
  revision    BIGINT NOT NULL,
  action      TEXT NOT NULL,
  description TEXT NOT NULL,
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL,
  created_by  TEXT NOT NULL
);

-- The good states of a stack, newest with the highest n; a rollback removes those it leaves behind.
CREATE TABLE stack_states (
  stack_id   TEXT NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
  n          BIGINT NOT NULL,
  template   TEXT NOT NULL,
  version    TEXT NOT NULL,
  want       BYTEA NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (stack_id, n)
);

-- Actions outlive their stack.
CREATE TABLE stack_actions (
  id            TEXT PRIMARY KEY,
  stack_id      TEXT NOT NULL,
  stack         TEXT NOT NULL,
  verb          TEXT NOT NULL,
  state         TEXT NOT NULL,
  on_failure    TEXT NOT NULL,
  template      TEXT NOT NULL,
  version       TEXT NOT NULL,
  plan          TEXT NOT NULL,
  message       TEXT NOT NULL,
  rolling_back  BOOLEAN NOT NULL,
  canceling     BOOLEAN NOT NULL,
  forced        BOOLEAN NOT NULL,
  timeout       BIGINT NOT NULL,
  created_at    TEXT NOT NULL,
  started_at    TEXT,
  ended_at      TEXT,
  created_by    TEXT NOT NULL,
  want          BYTEA NOT NULL,
  slice         BIGINT NOT NULL,
  cause_state   TEXT NOT NULL,
  rollback_from BIGINT NOT NULL,
  rollback_at   TEXT,
  restores      BIGINT NOT NULL,
  then_kind     TEXT NOT NULL,
  then_args     TEXT NOT NULL
);
CREATE INDEX stack_actions_by_stack ON stack_actions (stack_id, id);
CREATE INDEX stack_actions_by_name ON stack_actions (stack, id);
CREATE INDEX stack_actions_open ON stack_actions (id) WHERE ended_at IS NULL;

-- One row for each operation that has something to remember beyond the plan.
CREATE TABLE stack_operations (
  action_id         TEXT NOT NULL REFERENCES stack_actions (id) ON DELETE CASCADE,
  n                 BIGINT NOT NULL,
  verb              TEXT NOT NULL,
  reason            TEXT NOT NULL,
  state             TEXT NOT NULL,
  message           TEXT NOT NULL,
  started_at        TEXT,
  ended_at          TEXT,
  unavailable_since TEXT,
  change            BYTEA,
  PRIMARY KEY (action_id, n)
);

CREATE TABLE stack_records (
  stack_id   TEXT NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
  element    TEXT NOT NULL,
  stack      TEXT NOT NULL,
  type       TEXT NOT NULL,
  target     TEXT NOT NULL,
  namespace  TEXT NOT NULL,
  identity   TEXT NOT NULL,
  state      TEXT NOT NULL,
  properties BYTEA NOT NULL,
  attributes TEXT NOT NULL,
  requires   TEXT NOT NULL,
  position   BIGINT NOT NULL,
  health     TEXT NOT NULL,
  reason     TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (stack_id, element)
);
