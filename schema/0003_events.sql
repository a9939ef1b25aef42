-- What the kernel tells while it happens: signals. Births, images and ends of processes stand with those of the other
-- witnesses.

CREATE TABLE signal_event (
  signal_id          INTEGER PRIMARY KEY AUTOINCREMENT,  -- one signal to one process, or a call that was to send one and failed
  recording_id       INTEGER NOT NULL,  -- the run that saw it
  at_us              INTEGER NOT NULL,  -- instant at which it was sent
  signal             INTEGER NOT NULL,  -- number of the signal
  code               INTEGER,           -- si_code as the kernel set it; NULL: the call failed
  origin             INTEGER NOT NULL CHECK (origin BETWEEN 0 AND 2),  -- what came along: 0 no sender, 1 the kernel or a timer, 2 a sender
  to_group           INTEGER NOT NULL CHECK (to_group IN (0, 1)),  -- 1: to the process; 0: to one thread of it
  result             INTEGER NOT NULL CHECK (result BETWEEN 0 AND 5),  -- 0 delivered, 1 ignored, 2 already pending, 3 no room,
                                        -- 4 delivered without its information, 5 the call failed
  disposition        INTEGER CHECK (disposition BETWEEN 0 AND 2),  -- what the target does with it: 0 the default, 1 ignores, 2 handles
  oom_victim         INTEGER NOT NULL CHECK (oom_victim IN (0, 1)),  -- 1: the OOM killer marked the target right after it
  errno              INTEGER,           -- of a call that failed
  sender_upid        INTEGER,           -- who ran when it was sent, for what the kernel sends by itself anybody; no foreign key:
                                        -- a delete of a process would scan this table
  sender_pid         INTEGER NOT NULL,  -- its pid
  sender_start_token INTEGER NOT NULL,  -- and start token
  sender_name        TEXT    NOT NULL,  -- short name of its thread
  sender_uid         INTEGER,           -- its effective user id
  sender_user        TEXT,              -- that user's name
  sender_state       INTEGER NOT NULL CHECK (sender_state BETWEEN 0 AND 7),  -- sum of 1 a kernel thread, 2 on its way out, 4 the
                                        -- first process of a pid namespace
  target_upid        INTEGER,           -- whom it was for; NULL: the call named nobody who is known
  target_pid         INTEGER,           -- its pid, or what the call named: below 0 a group; NULL: a handle or thread of nobody knows whom
  target_start_token INTEGER,           -- and start token
  target_name        TEXT               -- short name
) STRICT;
CREATE INDEX signal_event_by_time ON signal_event (at_us);
CREATE INDEX signal_event_by_target ON signal_event (target_upid, at_us) WHERE target_upid IS NOT NULL;

-- The one row that is rewritten: it says how far the recorder has come, and is no fact about the machine.
CREATE TABLE recorder_status (
  status_id       INTEGER PRIMARY KEY CHECK (status_id = 1),  -- 1: there is one row
  recording_id    INTEGER NOT NULL,  -- the run that has come so far
  events_until_us INTEGER NOT NULL   -- instant up to which every event that it was told is in the file
) STRICT;
