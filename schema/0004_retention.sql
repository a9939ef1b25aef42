-- What was deleted: recorded ticks to make room, and actions because somebody said so. The row comes first: what is
-- deleted is older than a row here says.

CREATE TABLE prune (
  prune_id       INTEGER PRIMARY KEY AUTOINCREMENT,  -- one decision to delete the oldest ticks
  at_us          INTEGER NOT NULL,  -- instant of the decision
  reason         TEXT    NOT NULL CHECK (reason IN
    ('retain', 'max_size', 'min_free', 'asked')),  -- too old; the file or the disk too full; by galproc db prune
  before_tick_id INTEGER NOT NULL,  -- ticks before this one go, and what belongs to them alone; it is a keyframe
  from_us        INTEGER NOT NULL,  -- instant of the oldest tick until then
  until_us       INTEGER NOT NULL   -- instant of the oldest tick that is kept
) STRICT;

CREATE TABLE action_prune (
  action_id        INTEGER PRIMARY KEY REFERENCES action,  -- the action that asked for it, and says who did
  before_us        INTEGER NOT NULL,  -- actions that were logged before this instant went, but those still in use
  from_us          INTEGER NOT NULL,  -- instant of the oldest that went
  before_action_id INTEGER NOT NULL,  -- all that went have smaller numbers
  action_count     INTEGER NOT NULL,  -- how many went, with their attempts, outcomes and services
  attempt_count    INTEGER NOT NULL,  -- how many attempts went with them
  last_attempt_id  INTEGER NOT NULL,  -- the highest number of an attempt that ever went; 0: none
  last_service_id  INTEGER NOT NULL,  -- the highest number of a service that ever went; 0: none
  before_seq       INTEGER NOT NULL,  -- rows of the ledger before this one went; those whose rows stay were chained anew
  cut_hash         TEXT    NOT NULL CHECK (length(cut_hash) = 64)  -- the hash that the row before_seq follows
) STRICT;
