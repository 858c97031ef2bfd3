-- Who changed or started what, when and from where. Each index gives the newest first without sorting.
CREATE TABLE audit (
  id         TEXT NOT NULL,
  time       TEXT NOT NULL,
  user_name  TEXT NOT NULL,
  via        TEXT NOT NULL,
  address    TEXT NOT NULL,
  operation  TEXT NOT NULL,
  verb       TEXT NOT NULL,
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  group_name TEXT NOT NULL,
  result     TEXT NOT NULL,
  detail     TEXT NOT NULL,
  PRIMARY KEY (time, id)
);
CREATE INDEX audit_by_user ON audit (user_name, time, id);
CREATE INDEX audit_by_name ON audit (kind, name, time, id);
CREATE INDEX audit_by_kind ON audit (kind, time, id);
CREATE INDEX audit_by_verb ON audit (verb, time, id);
CREATE INDEX audit_by_group ON audit (group_name, time, id);
