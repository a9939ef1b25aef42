-- The recorder's file: who recorded, what lived, what it used, which ports it held, and what could not be seen.
--
-- Rules of every table: instants are INTEGER microseconds since the Unix epoch, UTC, named ..._us; lengths end in _us too
-- and are named for what they measure; sizes end in _bytes; NULL is "unknown", never 0 and never "". Facts are appended,
-- never rewritten; only what was concluded, not seen (the end of a process behind a gap), is taken back when it turns out
-- wrong. The views, not these tables, are the public interface.

CREATE TABLE witness (
  source INTEGER PRIMARY KEY,  -- who saw something; of several witnesses the lowest is the best
  name   TEXT NOT NULL UNIQUE  -- event: the kernel told; action: galproc did it; poll: a tick found it; gap: it was so when
                               -- recording went on; reboot: it cannot have outlived the boot
) STRICT;
INSERT INTO witness VALUES (1, 'event'), (2, 'action'), (3, 'poll'), (4, 'gap'), (5, 'reboot');

CREATE TABLE process_state (
  state INTEGER PRIMARY KEY,  -- what a process was doing
  name  TEXT NOT NULL UNIQUE  -- its name, as the views give it
) STRICT;
INSERT INTO process_state VALUES (0, 'sleeping'), (1, 'running'), (2, 'idle'), (3, 'disk_sleep'), (4, 'stopped'),
  (5, 'traced'), (6, 'zombie');

CREATE TABLE text (
  text_id INTEGER PRIMARY KEY,  -- stands for a text that many processes have in common
  value   TEXT NOT NULL UNIQUE  -- the text
) STRICT;

CREATE TABLE boot (
  boot_id       INTEGER PRIMARY KEY,  -- one boot of one pid numbering
  boot_uuid     TEXT    NOT NULL,     -- the kernel's own name of the boot; Linux: /proc/sys/kernel/random/boot_id
  pid_namespace INTEGER NOT NULL,     -- inode of the pid namespace in which pids are counted; 0 where there is none
  booted_us     INTEGER NOT NULL,     -- instant of the boot, as first seen (wall clock less boot clock)
  host_name     TEXT    NOT NULL,     -- name of the machine, as first seen
  system        TEXT    NOT NULL,     -- operating system: Linux, Windows, Darwin
  release       TEXT    NOT NULL,     -- its release; Linux: uname -r
  UNIQUE (boot_uuid, pid_namespace)
) STRICT;

CREATE TABLE recording (
  recording_id      INTEGER PRIMARY KEY AUTOINCREMENT,  -- one run of the recorder on this file
  boot_id           INTEGER NOT NULL REFERENCES boot,   -- the boot that it recorded
  started_us        INTEGER NOT NULL,  -- instant at which it began
  started_boot_us   INTEGER NOT NULL,  -- the same on the boot clock
  interval_us       INTEGER NOT NULL CHECK (interval_us > 0),  -- length from tick to tick, as asked for
  version           TEXT    NOT NULL,  -- galproc's version
  process_source    TEXT    NOT NULL,  -- where the process table came from: proc, bpf
  socket_source     TEXT    NOT NULL,  -- where the sockets came from: sock_diag, bpf
  event_source      TEXT    NOT NULL,  -- where births, ends and signals came from: none (polling only), netlink, bpf
  network_namespace INTEGER NOT NULL,  -- inode of the recorder's own network namespace; 0 where there is none
  recorder_pid      INTEGER NOT NULL,  -- pid of the recorder
  uid               INTEGER,           -- user id that it ran as: root sees more
  user              TEXT,              -- name of that user
  process_source_reason TEXT,  -- why no better process_source: 'bpf: why'; NULL: it is the best, or was asked for by name
  socket_source_reason  TEXT,  -- likewise for socket_source
  event_source_reason   TEXT,  -- likewise for event_source, of each better one in turn: 'bpf: why; netlink: why'
  limits                TEXT   -- sentences: what these sources and this user could not see; NULL: nothing that is known of
) STRICT;

CREATE TABLE recording_end (
  recording_id INTEGER PRIMARY KEY REFERENCES recording,  -- the run that ended
  ended_us     INTEGER NOT NULL,  -- instant of its end; of a crashed one: its last tick, or its start when it had none
  reason       TEXT    NOT NULL CHECK (reason IN
    ('stopped', 'crashed', 'file_moved', 'newer_schema'))  -- how; crashed is written by the next run
) STRICT;

CREATE TABLE tick (
  tick_id          INTEGER PRIMARY KEY,  -- one look at the machine; grows with time even when the wall clock steps back
  recording_id     INTEGER NOT NULL REFERENCES recording,  -- the run that looked
  at_us            INTEGER NOT NULL,     -- instant at which the reading ended: all that it tells had been seen by then
  boot_us          INTEGER NOT NULL,     -- the same on the boot clock: lengths between ticks come from here
  keyframe_tick_id INTEGER NOT NULL,     -- the latest tick, this one included, at which every living process has a sample
  previous_tick_id INTEGER,              -- the tick before in this recording; NULL at its first
  late_us          INTEGER NOT NULL CHECK (late_us >= 0),  -- length by which it began after its time in the schedule
  duration_us      INTEGER NOT NULL,     -- length of the reading; it began at at_us - duration_us
  process_count    INTEGER               -- processes alive; NULL when the table could not be read
) STRICT;
CREATE INDEX tick_by_time ON tick (at_us);

CREATE TABLE process (
  upid          INTEGER PRIMARY KEY AUTOINCREMENT  -- names one process for ever, across boots and reuse of its pid
    CHECK (upid BETWEEN 1 AND 4294967295),  -- so many fit into a sample_id
  boot_id       INTEGER NOT NULL REFERENCES boot,   -- the boot and the numbering that its pid belongs to
  pid           INTEGER NOT NULL,  -- its number while it lived
  start_token   INTEGER NOT NULL,  -- tells it from others of that number; Linux: field 22 of /proc/PID/stat, in clock ticks
  started_us    INTEGER NOT NULL,  -- instant of its start, from the boot clock at first sight
  kernel_thread INTEGER NOT NULL CHECK (kernel_thread IN (0, 1)),  -- 1: a thread of the kernel itself
  source        INTEGER NOT NULL CHECK (source BETWEEN 1 AND 3),  -- the witness who met it first
  met_after_us  INTEGER NOT NULL,  -- length from its start until that witness met it
  parent_upid   INTEGER,  -- its parent then (event: the creator, where its birth was seen); NULL where it could not be seen
  parent_pid    INTEGER,  -- that one's pid; 0: none; NULL: that witness could not tell
  UNIQUE (pid, start_token, boot_id)
) STRICT;
CREATE INDEX process_by_start ON process (started_us);

-- What was learnt of parents afterwards: the first one stands in the row of the process itself, and few ever have another.
CREATE TABLE process_parent (
  upid        INTEGER NOT NULL REFERENCES process,  -- the child
  at_us       INTEGER NOT NULL,  -- instant at which this parent was first seen
  source      INTEGER NOT NULL CHECK (source BETWEEN 1 AND 3),  -- the witness; poll: the parent of that moment; event: the creator
  parent_upid INTEGER,           -- the parent; NULL where it could not be seen
  parent_pid  INTEGER NOT NULL,  -- its pid; 0: none
  PRIMARY KEY (upid, at_us, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE process_image (
  upid                      INTEGER NOT NULL REFERENCES process,  -- the process
  image_no                  INTEGER NOT NULL,  -- 1 at first sight, then one more at each exec and at each change of user
  at_us                     INTEGER NOT NULL,  -- instant at which it was first seen
  name                      TEXT    NOT NULL,  -- short name, completed from the executable or script where the kernel cut it;
                                   -- ?: it has none, or had ended before it could be asked what it runs
  executable_text_id        INTEGER REFERENCES text,  -- path of the program; NULL: not readable, or a kernel thread
  command_line              TEXT,  -- arguments, shell-quoted, joined by one blank, secrets redacted; NULL: not readable, or met
                                   -- before and then a shared text
  truncated                 INTEGER NOT NULL CHECK (truncated IN (0, 1)),  -- 1: a text of this image was cut at 64 KiB
  cgroup_text_id            INTEGER REFERENCES text,  -- control group path; the unified one, else that of systemd's or the pids hierarchy
  working_directory_text_id INTEGER REFERENCES text,  -- at first sight; NULL: not readable
  venv_text_id              INTEGER REFERENCES text,  -- folder of the Python virtual environment it belongs to
  venv_evidence             TEXT CHECK (venv_evidence IN ('environment', 'command_line')),  -- what says so
  service_marker            TEXT,     -- value of GALPROC_SERVICE in its environment
  uid                       INTEGER,  -- effective user id
  user_text_id              INTEGER REFERENCES text,  -- name of that user
  command_line_text_id      INTEGER REFERENCES text,  -- the command line, where several processes had this very one
  PRIMARY KEY (upid, image_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX process_image_by_exec_time ON process_image (at_us) WHERE image_no > 1;

CREATE TABLE process_exit (
  upid                INTEGER NOT NULL REFERENCES process,  -- the process whose last thread is dead
  source              INTEGER NOT NULL CHECK (source BETWEEN 1 AND 5),  -- the witness
  tick_id             INTEGER,           -- the first tick after it; NULL where nobody knows
  ended_us            INTEGER NOT NULL,  -- instant of its end; of a polled one: the latest possible
  ended_within_us     INTEGER,           -- length before that within which it ended: it was seen alive then; NULL where exact
  exit_code           INTEGER,           -- status that it returned; NULL: unknown, or it died of a signal
  exit_signal         INTEGER,           -- number of the signal that it died of; NULL: unknown, or none
  cpu_user_us         INTEGER,           -- last known CPU time in user mode
  cpu_system_us       INTEGER,           -- last known CPU time in the kernel
  cpu_us              INTEGER AS (cpu_user_us + cpu_system_us),  -- both together
  peak_resident_kib   INTEGER,           -- most memory that it was seen to hold, in KiB, as in process_sample
  peak_resident_bytes INTEGER AS (peak_resident_kib * 1024),  -- the same in bytes
  read_bytes          INTEGER,           -- last known bytes read from storage
  written_bytes       INTEGER,           -- last known bytes written to storage
  io_bytes            INTEGER AS (read_bytes + written_bytes),   -- both together
  final               INTEGER NOT NULL CHECK (final IN (0, 1)),  -- 1: the counters are those of the end; 0: of the last sample
  core_dumped         INTEGER CHECK (core_dumped IN (0, 1)),  -- 1: its memory was written to a core file; NULL: unknown
  PRIMARY KEY (upid, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX process_exit_by_time ON process_exit (ended_us);

-- The tick and the process in one number, so that rows are appended to full pages and sought by one comparison; a key of
-- two columns fills them to seven eighths. One row is sample_id = tick_id << 32 | upid, the rows of the ticks a to b are
-- sample_id BETWEEN a << 32 AND (b + 1 << 32) - 1; a search by the columns tick_id and upid reads the whole table.
CREATE TABLE process_sample (
  sample_id      INTEGER PRIMARY KEY,  -- tick_id << 32 | upid; no foreign keys: a delete of a process would scan this table
  tick_id        INTEGER AS (sample_id >> 32),         -- the tick that read it
  upid           INTEGER AS (sample_id & 4294967295),  -- the process
  state          INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6),  -- process_state of its first thread
  cpu_user_us    INTEGER NOT NULL,  -- CPU time in user mode since its start
  cpu_system_us  INTEGER NOT NULL,  -- CPU time in the kernel since its start
  cpu_us         INTEGER AS (cpu_user_us + cpu_system_us),  -- both together
  resident_kib   INTEGER NOT NULL,  -- memory held, in KiB: it is counted in pages, so nothing is lost, and a byte is saved
  resident_bytes INTEGER AS (resident_kib * 1024),  -- the same in bytes
  thread_count   INTEGER NOT NULL,  -- living threads
  read_bytes     INTEGER,           -- read from storage since its start; NULL: not readable
  written_bytes  INTEGER,           -- written to storage since its start; NULL: not readable
  io_bytes       INTEGER AS (read_bytes + written_bytes)  -- both together
) STRICT;

CREATE TABLE system_sample (
  tick_id                INTEGER PRIMARY KEY REFERENCES tick,  -- the tick that read it
  cpu_busy_us            INTEGER,  -- CPU time of all CPUs since boot, idle and I/O wait left out
  cpu_total_us           INTEGER,  -- CPU time of all CPUs since boot, idle and I/O wait included
  cpu_count              INTEGER,  -- CPUs in use
  memory_total_bytes     INTEGER,  -- installed memory
  memory_available_bytes INTEGER,  -- memory that can be had without swapping
  swap_total_bytes       INTEGER,  -- swap space
  swap_used_bytes        INTEGER,  -- swap space in use
  disk_total_bytes       INTEGER,  -- size of the root file system
  disk_used_bytes        INTEGER,  -- used space of it
  received_bytes         INTEGER,  -- by all network interfaces but loopback, since boot
  sent_bytes             INTEGER,  -- likewise
  load_1m                REAL,     -- load average of a minute
  cpu_pressure_us        INTEGER,  -- time since boot in which some task waited for a CPU; /proc/pressure/cpu
  memory_pressure_us     INTEGER,  -- likewise for memory
  io_pressure_us         INTEGER   -- likewise for I/O
) STRICT;

CREATE TABLE port_binding (
  binding_id        INTEGER PRIMARY KEY AUTOINCREMENT,  -- one holder's hold of one address and port
  upid              INTEGER,           -- the holder; NULL: it may not be seen
  protocol          TEXT    NOT NULL CHECK (protocol IN ('tcp', 'udp')),  -- tcp: listening; udp: bound
  address           TEXT    NOT NULL,  -- local address: 0.0.0.0, ::1
  port              INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),  -- local port
  network_namespace INTEGER NOT NULL,  -- inode of the network namespace that the port belongs to
  tick_id           INTEGER,           -- the tick that saw it first
  bound_us          INTEGER NOT NULL,  -- instant of that: the latest possible start of the hold
  bound_after_us    INTEGER            -- the earliest possible: not yet held then; NULL: unknown
) STRICT;
CREATE INDEX port_binding_by_port ON port_binding (port, bound_us);
CREATE INDEX port_binding_by_holder ON port_binding (upid);
CREATE INDEX port_binding_by_time ON port_binding (bound_us);

CREATE TABLE port_release (
  binding_id        INTEGER PRIMARY KEY REFERENCES port_binding,  -- the hold that ended
  tick_id           INTEGER,           -- the tick that found it gone
  released_us       INTEGER NOT NULL,  -- instant of that: the latest possible end
  released_after_us INTEGER,           -- the earliest possible: still held then
  source            INTEGER NOT NULL CHECK (source BETWEEN 1 AND 5)  -- the witness
) STRICT;
CREATE INDEX port_release_by_time ON port_release (released_us);

CREATE TABLE collection_error (
  tick_id    INTEGER NOT NULL REFERENCES tick,  -- the tick at which something could not be read
  collector  TEXT    NOT NULL,  -- processes, ports, system
  operation  TEXT    NOT NULL,  -- what was tried
  error_code INTEGER NOT NULL,  -- of the operating system; Linux: errno
  error_text TEXT    NOT NULL,  -- of that code
  count      INTEGER NOT NULL CHECK (count > 0),  -- how many processes or files
  PRIMARY KEY (tick_id, collector, operation, error_code)
) STRICT, WITHOUT ROWID;

CREATE TABLE gap (
  gap_id       INTEGER PRIMARY KEY,  -- a hole that the recorder itself noticed; the view gaps adds those that follow from other rows
  recording_id INTEGER REFERENCES recording,  -- the run that wrote it
  kind         TEXT    NOT NULL CHECK (kind IN
    ('readings_dropped', 'disk_full', 'file_moved', 'clock_step', 'suspended', 'wal_pinned')),  -- what happened
  from_us      INTEGER NOT NULL,  -- instant of the last thing known before
  to_us        INTEGER,           -- instant of the first thing known after; NULL: it was not over when this was written
  detail       TEXT    NOT NULL   -- a sentence: how many, how much, which file
) STRICT;

CREATE TABLE gap_end (
  gap_id INTEGER PRIMARY KEY REFERENCES gap,  -- the hole that was open; it ends with its run at the latest
  to_us  INTEGER NOT NULL  -- instant of the first thing known after
) STRICT;

CREATE TABLE event_loss (
  loss_id      INTEGER PRIMARY KEY,  -- events that the kernel or galproc had to drop
  recording_id INTEGER NOT NULL REFERENCES recording,  -- the run that lost them
  source       TEXT    NOT NULL,  -- the event source
  from_us      INTEGER NOT NULL,  -- instant of the last event before
  to_us        INTEGER NOT NULL,  -- instant at which the loss was noticed
  lost_count   INTEGER NOT NULL CHECK (lost_count > 0)  -- how many
) STRICT;
