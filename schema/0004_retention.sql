-- What was deleted to make room. Its row comes first: what is deleted is older than a row here says.

CREATE TABLE prune (
  prune_id       INTEGER PRIMARY KEY AUTOINCREMENT,  -- one decision to delete the oldest ticks
  at_us          INTEGER NOT NULL,  -- instant of the decision
  reason         TEXT    NOT NULL CHECK (reason IN
    ('retain', 'max_size', 'min_free', 'asked')),  -- too old; the file or the disk too full; by galproc db prune
  before_tick_id INTEGER NOT NULL,  -- ticks before this one go, and what belongs to them alone; it is a keyframe
  from_us        INTEGER NOT NULL,  -- instant of the oldest tick until then
  until_us       INTEGER NOT NULL   -- instant of the oldest tick that is kept
) STRICT;
