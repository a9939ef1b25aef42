-- The action log: what galproc was asked to do, what it tried, what came of it. Rows are added and never changed
-- (schema/triggers), and each is chained in the ledger in the transaction that adds it.

CREATE TABLE signal_name (
  number INTEGER PRIMARY KEY,  -- number of a signal, as Linux counts on most machines
  name   TEXT NOT NULL UNIQUE  -- its name
) STRICT;
INSERT INTO signal_name VALUES (1, 'SIGHUP'), (2, 'SIGINT'), (3, 'SIGQUIT'), (4, 'SIGILL'), (5, 'SIGTRAP'),
  (6, 'SIGABRT'), (7, 'SIGBUS'), (8, 'SIGFPE'), (9, 'SIGKILL'), (10, 'SIGUSR1'), (11, 'SIGSEGV'), (12, 'SIGUSR2'),
  (13, 'SIGPIPE'), (14, 'SIGALRM'), (15, 'SIGTERM'), (16, 'SIGSTKFLT'), (17, 'SIGCHLD'), (18, 'SIGCONT'),
  (19, 'SIGSTOP'), (20, 'SIGTSTP'), (21, 'SIGTTIN'), (22, 'SIGTTOU'), (23, 'SIGURG'), (24, 'SIGXCPU'), (25, 'SIGXFSZ'),
  (26, 'SIGVTALRM'), (27, 'SIGPROF'), (28, 'SIGWINCH'), (29, 'SIGIO'), (30, 'SIGPWR'), (31, 'SIGSYS');

CREATE TABLE origin (
  origin_id        INTEGER PRIMARY KEY CHECK (origin_id = 1),  -- 1: there is one row
  database_id      TEXT    NOT NULL,  -- 32 random hex digits: no other file begins its ledger like this one
  made_us          INTEGER NOT NULL,  -- instant at which the action log was made
  predecessor_name TEXT,  -- name of the corrupt file that was moved aside for this one; NULL: none was
  predecessor_head TEXT   -- the newest hash of that one's ledger; NULL: it could not be read
) STRICT;
INSERT INTO origin (origin_id, database_id, made_us)
VALUES (1, lower(hex(randomblob(16))), CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000);

CREATE TABLE action (
  action_id         INTEGER PRIMARY KEY AUTOINCREMENT CHECK (action_id > 0),  -- one command that acts, in the order of logging
  boot_id           INTEGER NOT NULL REFERENCES boot,  -- the boot in which it was given
  at_us             INTEGER NOT NULL,  -- instant at which it was logged
  verb              TEXT    NOT NULL CHECK (verb IN ('kill', 'start', 'stop', 'prune')),  -- what was asked for; prune: that this log forgets its oldest
  actor_pid         INTEGER NOT NULL,  -- pid of the galproc that was asked
  actor_start_token INTEGER NOT NULL,  -- tells it from others of that pid
  actor_upid        INTEGER REFERENCES process,  -- the same as a process; NULL: it has no row
  actor_name        TEXT    NOT NULL,  -- its name
  uid               INTEGER,  -- effective user id of whoever asked
  user              TEXT,     -- name of that user
  login_uid         INTEGER,  -- user who had logged in, kept across su and sudo; Linux: /proc/self/loginuid
  sudo_user         TEXT,     -- SUDO_USER: a claim, not a proof
  tty               TEXT,     -- terminal it was typed at; NULL: none
  cwd               TEXT,     -- working directory
  command_line      TEXT    NOT NULL,  -- arguments, shell-quoted, joined by one blank, secrets redacted
  host              TEXT    NOT NULL,  -- name of the machine
  reason            TEXT      -- --reason, secrets redacted; NULL: none was given
) STRICT;
CREATE INDEX action_by_time ON action (at_us);
CREATE INDEX action_by_actor ON action (actor_upid) WHERE actor_upid IS NOT NULL;

CREATE TABLE action_outcome (
  action_id INTEGER PRIMARY KEY REFERENCES action,  -- the action that is over
  at_us     INTEGER NOT NULL,  -- instant of its end
  outcome   TEXT    NOT NULL CHECK (outcome IN
    ('done', 'failed', 'not_found', 'refused', 'not_logged', 'still_there', 'interrupted')),  -- its exit code in a word
  exit_code INTEGER NOT NULL   -- what galproc returned
) STRICT;

CREATE TABLE attempt (
  attempt_id         INTEGER PRIMARY KEY AUTOINCREMENT CHECK (attempt_id > 0),  -- one try to end one process; logged before it is made
  action_id          INTEGER NOT NULL REFERENCES action,  -- the action that it belongs to
  at_us              INTEGER NOT NULL,  -- instant at which it was logged
  target_upid        INTEGER REFERENCES process,  -- whom it is for; NULL: nothing is known but a number
  boot_id            INTEGER NOT NULL REFERENCES boot,  -- the boot and the numbering that the pid belongs to
  target_pid         INTEGER NOT NULL,  -- the target's pid
  target_start_token INTEGER,  -- tells it from others of that pid; NULL: unknown
  target_name        TEXT,     -- its name; this and the next three are copies, since process rows stand outside the ledger
  target_executable  TEXT,     -- path of its program; NULL: not readable
  target_uid         INTEGER,  -- its effective user id
  target_user        TEXT,     -- name of that user
  method             TEXT    NOT NULL CHECK (method IN ('polite', 'forced', 'cgroup')),  -- a request, a kill, a kill of its whole control group
  signal             INTEGER,  -- number of the signal; NULL where the system has none
  why                TEXT    NOT NULL  -- why it is a target: pid, port, name, child, ancestry, session, marker, cgroup
) STRICT;
CREATE INDEX attempt_by_time ON attempt (at_us);
CREATE INDEX attempt_by_action ON attempt (action_id);
CREATE INDEX attempt_by_target ON attempt (target_upid) WHERE target_upid IS NOT NULL;

CREATE TABLE attempt_outcome (
  attempt_id  INTEGER PRIMARY KEY REFERENCES attempt,  -- the attempt; one without a row here: galproc ended in between
  at_us       INTEGER NOT NULL,  -- instant at which it was known
  outcome     TEXT    NOT NULL CHECK (outcome IN ('exited', 'survived', 'already_gone', 'denied', 'refused',
    'identity_changed', 'unsupported', 'failed')),  -- what came of it
  error       TEXT,     -- why not, in words, secrets redacted
  ended_us    INTEGER,  -- instant of the target's end; NULL: unknown, or it lives
  exit_code   INTEGER,  -- status that it returned; NULL: unknown, or it died of a signal
  exit_signal INTEGER   -- number of the signal that it died of; NULL: unknown, or none
) STRICT;

CREATE TABLE service (
  service_id        INTEGER PRIMARY KEY AUTOINCREMENT CHECK (service_id > 0),  -- one program that galproc started
  action_id         INTEGER NOT NULL REFERENCES action,  -- the action that did
  at_us             INTEGER NOT NULL,  -- instant at which it was logged
  name              TEXT    NOT NULL,  -- name of the service
  marker            TEXT    NOT NULL,  -- value of GALPROC_SERVICE in its environment, which its children inherit
  upid              INTEGER NOT NULL REFERENCES process,  -- its first process
  venv              TEXT,              -- folder of the Python virtual environment it was started in
  command_line      TEXT    NOT NULL,  -- arguments, shell-quoted, joined by one blank, secrets redacted
  working_directory TEXT    NOT NULL,  -- where it was started
  log_path          TEXT    NOT NULL,  -- file that takes its output
  cgroup            TEXT               -- control group that was made for it; NULL: none could be
) STRICT;
CREATE INDEX service_by_process ON service (upid);
CREATE INDEX service_by_action ON service (action_id);

CREATE TABLE ledger (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT CHECK (seq > 0),  -- place in the chain
  format     INTEGER NOT NULL CHECK (format > 0),  -- which columns of the row are in the hash, and in which order
  table_name TEXT    NOT NULL,  -- table of the row: action, action_outcome, attempt, attempt_outcome, service, prune, action_prune; later schemas may chain more
  row_id     INTEGER NOT NULL,  -- key of the row
  hash       TEXT    NOT NULL CHECK (length(hash) = 64),  -- SHA-256 of prev_hash and the row, in hex
  prev_hash  TEXT    NOT NULL UNIQUE CHECK (length(prev_hash) = 64),  -- hash of the ledger row before; of the first: of origin, or what action_prune says
  UNIQUE (table_name, row_id)
) STRICT;
