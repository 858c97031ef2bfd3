-- Numbers of events and lines of output only grow, so that a follower misses nothing; what was removed counts, too. The one row
-- is the highest number when something was last removed.
CREATE TABLE removed_numbers (
  seq BIGINT PRIMARY KEY
);
INSERT INTO removed_numbers (seq) VALUES (0);
