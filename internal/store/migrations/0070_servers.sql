-- The servers on this database. beat counts up while a server lives; the others watch it by their own clocks.
CREATE TABLE servers (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  started_at TEXT NOT NULL,
  beat       BIGINT NOT NULL
);

-- What only one server does at a time, and which one. A lease ends with its server.
CREATE TABLE leases (
  name   TEXT PRIMARY KEY,
  server TEXT NOT NULL REFERENCES servers (id) ON DELETE CASCADE
);
CREATE INDEX leases_by_server ON leases (server);
