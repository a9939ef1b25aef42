-- A small rich day, in order. us('HH:MM:SS[.ffffff]') is that time of 2026-11-20, UTC, in microseconds; mib(n) is n MiB;
-- witness('poll') and state('idle') are the numbers of those names; all are the test's. Wall clock, UTC; the interval is 5 s; keyframes are closer together than real ones.
--
--   10:00:00 ticks 1-8, the first recording, by polling alone; keyframes at 1 and 5
--            bash (5) ends and leaves node (6) and python3 (7) to init; sleep (9) lives between two keyframes;
--            node is killed, and its port 8080 goes to python3 and its child (8), both on one socket
--            pid 600, node's, goes to cron (10)
--   10:00:35 the recorder crashes; java (11), whose first thread is dead already, ends before the next one starts
--   10:01:00 ticks 9-15, the second recording, with events; keyframe at 9
--            date (12) lives between two ticks; cron starts worker (13) and ends: seen by an event and by a poll
--            tick 11 is 8 s late; at tick 12 the process table cannot be read
--            before tick 14 the wall clock is put forward by a minute; make (14) lives across that
--   10:02:35 the recorder is stopped, the machine is booted anew at 12:00:00
--   12:05:00 ticks 16-18, the third recording, still running
--
-- What galproc did: it started app (7), which ended at the reboot, and build (14), which failed; it killed node (6), which
-- first refused; it refused to touch kthreadd (2), and was denied worker (13); it was ended while it stopped build (14).
-- After the reboot it started notes (17), asked sshd (16) in vain to end, and found nobody called nginx.
--
-- What the kernel saw: worker (13) asks cron (10) to end, and it returns 3; galproc's own request to make (14); after the
-- reboot galproc's HUP to sshd, bash (17) that may not kill sshd, a TERM that sshd ignores, an alarm of its own, a stop,
-- and a call that names nobody.

INSERT INTO boot (boot_id, boot_uuid, pid_namespace, booted_us, host_name, system, release) VALUES
  (1, '11111111-aaaa', 4026531836, us('09:00:00'), 'box', 'Linux', '6.1.0'),
  (2, '22222222-bbbb', 4026531836, us('12:00:00'), 'box', 'Linux', '6.1.0');

INSERT INTO recording (recording_id, boot_id, started_us, started_boot_us, interval_us, version, process_source,
                       socket_source, event_source, network_namespace, recorder_pid, uid, user, process_source_reason,
                       socket_source_reason, event_source_reason, limits) VALUES
  (1, 1, us('10:00:00') - 1000, 3599999000, 5000000, '0.1.0', 'proc', 'sock_diag', 'none', 4026531840, 777, 0, 'root',
   'bpf: no BTF', 'bpf: no BTF', 'bpf: no BTF; netlink: not built in', 'Some calls are not seen.'),
  (2, 1, us('10:01:00') - 1000, 3659999000, 5000000, '0.1.0', 'proc', 'sock_diag', 'bpf', 4026531840, 778, 0, 'root',
   NULL, NULL, NULL, NULL),
  (3, 2, us('12:05:00') - 1000, 299999000, 5000000, '0.1.0', 'bpf', 'bpf', 'bpf', 4026531840, 779, 0, 'root',
   NULL, NULL, NULL, NULL);

INSERT INTO recording_end (recording_id, ended_us, reason) VALUES
  (1, us('10:00:35'), 'crashed'),
  (2, us('10:02:35.5'), 'stopped');

INSERT INTO tick (tick_id, recording_id, at_us, boot_us, keyframe_tick_id, previous_tick_id, late_us, duration_us,
                  process_count) VALUES
  (1,  1, us('10:00:00'), 3600000000, 1,  NULL, 0,       3000, 7),
  (2,  1, us('10:00:05'), 3605000000, 1,  1,    0,       3000, 7),
  (3,  1, us('10:00:10'), 3610000000, 1,  2,    0,       3000, 8),
  (4,  1, us('10:00:15'), 3615000000, 1,  3,    0,       3000, 8),
  (5,  1, us('10:00:20'), 3620000000, 5,  4,    0,       3000, 7),
  (6,  1, us('10:00:25'), 3625000000, 5,  5,    0,       3000, 8),
  (7,  1, us('10:00:30'), 3630000000, 5,  6,    1000,    3000, 7),
  (8,  1, us('10:00:35'), 3635000000, 5,  7,    0,       3000, 8),
  (9,  2, us('10:01:00'), 3660000000, 9,  NULL, 0,       3000, 7),
  (10, 2, us('10:01:05'), 3665000000, 9,  9,    0,       3000, 7),
  (11, 2, us('10:01:18'), 3678000000, 9,  10,   8000000, 3000, 8),
  (12, 2, us('10:01:20'), 3680000000, 9,  11,   0,       3000, NULL),
  (13, 2, us('10:01:25'), 3685000000, 9,  12,   0,       3000, 8),
  (14, 2, us('10:02:30'), 3690000000, 9,  13,   0,       3000, 8),  -- the wall clock stands a minute further
  (15, 2, us('10:02:35'), 3695000000, 9,  14,   0,       3000, 7),
  (16, 3, us('12:05:00'), 300000000,  16, NULL, 0,       3000, 2),
  (17, 3, us('12:05:05'), 305000000,  16, 16,   0,       3000, 3),
  (18, 3, us('12:05:10'), 310000000,  16, 17,   0,       3000, 3);

INSERT INTO process (upid, boot_id, pid, start_token, started_us, kernel_thread, source, met_after_us, parent_upid,
                     parent_pid) VALUES
  (1,  1, 1,    0,      us('09:00:00'),   0, witness('poll'),  us('10:00:00') - us('09:00:00'),     NULL, 0),
  (2,  1, 2,    0,      us('09:00:00'),   1, witness('poll'),  us('10:00:00') - us('09:00:00'),     NULL, 0),
  (3,  1, 30,   100,    us('09:00:01'),   1, witness('poll'),  us('10:00:00') - us('09:00:01'),     2,    2),
  (4,  1, 400,  500,    us('09:00:05'),   0, witness('poll'),  us('10:00:00') - us('09:00:05'),     1,    1),
  (5,  1, 500,  300000, us('09:50:00'),   0, witness('poll'),  us('10:00:00') - us('09:50:00'),     4,    400),
  (6,  1, 600,  301000, us('09:50:10'),   0, witness('poll'),  us('10:00:00') - us('09:50:10'),     5,    500),
  (7,  1, 700,  360700, us('10:00:07'),   0, witness('poll'),  us('10:00:10') - us('10:00:07'),     5,    500),
  (8,  1, 800,  362200, us('10:00:22'),   0, witness('poll'),  us('10:00:25') - us('10:00:22'),     7,    700),
  (9,  1, 900,  361100, us('10:00:11'),   0, witness('poll'),  us('10:00:15') - us('10:00:11'),     7,    700),
  (10, 1, 600,  363100, us('10:00:31'),   0, witness('poll'),  us('10:00:35') - us('10:00:31'),     1,    1),
  (11, 1, 1100, 354000, us('09:59:00'),   0, witness('poll'),  us('10:00:00') - us('09:59:00'),     1,    1),
  (12, 1, 1200, 366120, us('10:01:01.2'), 0, witness('event'), 0,                                   10,   600),
  (13, 1, 1300, 366200, us('10:01:02'),   0, witness('event'), 0,                                   10,   600),   -- the creator
  (14, 1, 1400, 367200, us('10:01:12'),   0, witness('event'), 0,                                   7,    700),
  (15, 2, 1,    0,      us('12:00:00'),   0, witness('poll'),  us('12:05:00') - us('12:00:00'),     NULL, 0),
  (16, 2, 400,  500,    us('12:00:05'),   0, witness('poll'),  us('12:05:00') - us('12:00:05'),     15,   1),
  (17, 2, 500,  30300,  us('12:05:03'),   0, witness('event'), 0,                                   16,   400);

INSERT INTO process_parent (upid, at_us, source, parent_upid, parent_pid) VALUES
  (6,  us('10:00:15'),  witness('poll'),  1,    1),     -- bash (5) is gone
  (7,  us('10:00:15'),  witness('poll'),  1,    1),
  (13, us('10:01:05'),  witness('poll'),  1,    1),     -- cron (10) is gone
  (14, us('10:01:18'),  witness('poll'),  7,    700);

CREATE TEMP TABLE image (upid, image_no, at_us, name, executable, command_line, truncated, cgroup, working_directory, venv,
                         venv_evidence, service_marker, uid, user);
INSERT INTO image VALUES
  (1,  1, us('10:00:00'),   'systemd',     '/usr/lib/systemd/systemd', '/sbin/init',     0, '/init.scope', '/', NULL, NULL, NULL, 0, 'root'),
  (2,  1, us('10:00:00'),   'kthreadd',    NULL, NULL,                                   0, '/', NULL, NULL, NULL, NULL, 0, 'root'),
  (3,  1, us('10:00:00'),   'kworker/0:1', NULL, NULL,                                   0, '/', NULL, NULL, NULL, NULL, 0, 'root'),
  (4,  1, us('10:00:00'),   'sshd',        '/usr/sbin/sshd', 'sshd -D',                  0, '/ssh', '/', NULL, NULL, NULL, 0, 'root'),
  (5,  1, us('10:00:00'),   'bash',        '/bin/bash', 'bash',                          0, '/user', '/home/alice', NULL, NULL, NULL, 1000, 'alice'),
  (6,  1, us('10:00:00'),   'node',        '/usr/bin/node', 'node server.js',            0, '/user', '/srv', NULL, NULL, NULL, 1000, 'alice'),
  (7,  1, us('10:00:10'),   'bash',        '/bin/bash', 'bash run.sh',                   0, '/user', '/srv', NULL, NULL, NULL, 1000, 'alice'),
  (7,  2, us('10:00:15'),   'python3',     '/srv/venv/bin/python3', 'python3 app.py',    0, '/user', '/srv', '/srv/venv', 'command_line', NULL, 1000, 'alice'),
  (8,  1, us('10:00:25'),   'python3',     '/srv/venv/bin/python3', 'python3 app.py',    0, '/user', '/srv', '/srv/venv', 'command_line', NULL, 1000, 'alice'),
  (9,  1, us('10:00:15'),   'sleep',       '/bin/sleep', 'sleep 5',                      0, '/user', '/srv', NULL, NULL, NULL, 1000, 'alice'),
  (10, 1, us('10:00:35'),   'cron',        '/usr/sbin/cron', 'cron -f',                  0, '/cron', '/', NULL, NULL, NULL, 0, 'root'),
  (11, 1, us('10:00:00'),   'java',        '/usr/bin/java', 'java -jar app.jar',         0, '/app', '/opt', NULL, NULL, NULL, 999, 'app'),
  (12, 1, us('10:01:01.2'), 'date',        '/bin/date', 'date',                          0, '/cron', '/', NULL, NULL, NULL, 0, 'root'),
  (13, 1, us('10:01:02'),   'worker',      '/opt/worker', 'worker --listen 8080',        0, '/docker/c1', '/', NULL, NULL, NULL, 0, 'root'),
  (13, 2, us('10:01:05'),   'worker',      '/opt/worker', 'worker --listen 8080',        0, '/docker/c1', '/', NULL, NULL, NULL, 33, 'www-data'),
  (14, 1, us('10:01:12'),   'make',        '/usr/bin/make', 'make all',                  0, '/user', '/srv', NULL, NULL, NULL, 1000, 'alice'),
  (15, 1, us('12:05:00'),   'systemd',     '/usr/lib/systemd/systemd', '/sbin/init',     0, '/init.scope', '/', NULL, NULL, NULL, 0, 'root'),
  (16, 1, us('12:05:00'),   'sshd',        '/usr/sbin/sshd', 'sshd -D',                  0, '/ssh', '/', NULL, NULL, NULL, 0, 'root'),
  (17, 1, us('12:05:03'),   'bash',        '/bin/bash', 'bash',                          0, '/user', '/home/bob', NULL, NULL, NULL, 1001, 'bob'),
  (17, 2, us('12:05:10'),   'vim',         '/usr/bin/vim', 'vim notes',                  0, '/user', '/home/bob', NULL, NULL, NULL, 1001, 'bob');
INSERT INTO text (value)
SELECT executable FROM image WHERE executable IS NOT NULL UNION SELECT cgroup FROM image
UNION SELECT working_directory FROM image WHERE working_directory IS NOT NULL
UNION SELECT venv FROM image WHERE venv IS NOT NULL UNION SELECT user FROM image;
INSERT INTO process_image (upid, image_no, at_us, name, executable_text_id, command_line, truncated, cgroup_text_id,
                           working_directory_text_id, venv_text_id, venv_evidence, service_marker, uid, user_text_id)
SELECT upid, image_no, at_us, name, (SELECT text_id FROM text WHERE value = executable), command_line, truncated,
  (SELECT text_id FROM text WHERE value = cgroup), (SELECT text_id FROM text WHERE value = working_directory),
  (SELECT text_id FROM text WHERE value = venv), venv_evidence, service_marker, uid,
  (SELECT text_id FROM text WHERE value = user)
FROM image;
DROP TABLE image;

INSERT INTO process_exit (upid, source, tick_id, ended_us, ended_within_us, exit_code, exit_signal, cpu_user_us,
                          cpu_system_us, peak_resident_kib, read_bytes, written_bytes, final,
                          core_dumped) VALUES
  (5,  witness('poll'),   4,  us('10:00:15'),   us('10:00:15') - us('10:00:10'), NULL, NULL, 200000,   100000,  4 * 1024,   4096,    0,       0, NULL),
  (6,  witness('poll'),   7,  us('10:00:30'),   us('10:00:30') - us('10:00:25'), NULL, 9,    37000000, 5500000, 300 * 1024, 1048576, 4194304, 0, NULL),
  (9,  witness('poll'),   5,  us('10:00:20'),   us('10:00:20') - us('10:00:15'), NULL, NULL, 10000,    0,       1 * 1024,   0,       0,       0, NULL),
  (10, witness('event'),  10, us('10:01:03.5'), NULL,                            3,    NULL, 60000,    60000,   3 * 1024,   0,       0,       1, 0),
  (10, witness('poll'),   10, us('10:01:05'),   us('10:01:05') - us('10:01:00'), NULL, NULL, 50000,    50000,   3 * 1024,   0,       0,       0, NULL),
  (11, witness('gap'),    9,  us('10:01:00'),   us('10:01:00') - us('10:00:35'), NULL, NULL, 7000000,  3000000, 50 * 1024,  NULL,    NULL,    0, NULL),
  (12, witness('event'),  10, us('10:01:01.3'), NULL,                            0,    NULL, 2000,     3000,    1 * 1024,   0,       0,       1, 0),
  (14, witness('event'),  15, us('10:02:33'),   NULL,                            2,    NULL, 3800000,  200000,  44 * 1024,  0,       8192,    1, 0),
  (1,  witness('reboot'), 16, us('12:00:00'),   us('12:00:00') - us('10:02:35'), NULL, NULL, 10050000, 5000000, 10 * 1024,  1000,    2000,    0, NULL),
  (2,  witness('reboot'), 16, us('12:00:00'),   us('12:00:00') - us('10:02:35'), NULL, NULL, 0,        0,       0,        NULL,    NULL,    0, NULL),
  (3,  witness('reboot'), 16, us('12:00:00'),   us('12:00:00') - us('10:02:35'), NULL, NULL, 0,        1100000, 0,        NULL,    NULL,    0, NULL),
  (4,  witness('reboot'), 16, us('12:00:00'),   us('12:00:00') - us('10:02:35'), NULL, NULL, 1000000,  1000000, 5 * 1024,   0,       0,       0, NULL),
  (7,  witness('reboot'), 16, us('12:00:00'),   us('12:00:00') - us('10:02:35'), NULL, NULL, 5900000,  400000,  32 * 1024,  8192,    0,       0, NULL),
  (8,  witness('reboot'), 16, us('12:00:00'),   us('12:00:00') - us('10:02:35'), NULL, NULL, 200000,   0,       20 * 1024,  0,       0,       0, NULL),
  (13, witness('reboot'), 16, us('12:00:00'),   us('12:00:00') - us('10:02:35'), NULL, NULL, 100000,   0,       8 * 1024,   0,       0,       0, NULL);

-- A row at birth, at a keyframe, and where something changed.
INSERT INTO process_sample (sample_id, state, cpu_user_us, cpu_system_us, resident_kib, thread_count, read_bytes,
                            written_bytes) VALUES
  (1  << 32 | 1,  state('sleeping'), 10000000, 5000000, 10 * 1024,  1,  1000,    2000),
  (1  << 32 | 2,  state('sleeping'), 0,        0,       0,        1,  NULL,    NULL),
  (1  << 32 | 3,  state('idle'),     0,        1000000, 0,        1,  NULL,    NULL),
  (1  << 32 | 4,  state('sleeping'), 1000000,  1000000, 5 * 1024,   1,  0,       0),
  (1  << 32 | 5,  state('sleeping'), 200000,   100000,  4 * 1024,   1,  4096,    0),
  (1  << 32 | 6,  state('sleeping'), 20000000, 5000000, 100 * 1024, 11, 1048576, 2097152),
  (1  << 32 | 11, state('zombie'),   7000000,  3000000, 50 * 1024,  2,  NULL,    NULL),
  (2  << 32 | 6,  state('running'),  22000000, 5500000, 110 * 1024, 11, 1048576, 2097152),
  (3  << 32 | 3,  state('idle'),     0,        1100000, 0,        1,  NULL,    NULL),
  (3  << 32 | 7,  state('running'),  100000,   0,       2 * 1024,   1,  0,       0),
  (4  << 32 | 6,  state('running'),  27000000, 5500000, 300 * 1024, 11, 1048576, 4194304),
  (4  << 32 | 7,  state('running'),  600000,   0,       30 * 1024,  1,  4096,    0),
  (4  << 32 | 9,  state('sleeping'), 10000,    0,       1 * 1024,   1,  0,       0),
  (5  << 32 | 1,  state('sleeping'), 10000000, 5000000, 10 * 1024,  1,  1000,    2000),
  (5  << 32 | 2,  state('sleeping'), 0,        0,       0,        1,  NULL,    NULL),
  (5  << 32 | 3,  state('idle'),     0,        1100000, 0,        1,  NULL,    NULL),
  (5  << 32 | 4,  state('sleeping'), 1000000,  1000000, 5 * 1024,   1,  0,       0),
  (5  << 32 | 6,  state('sleeping'), 27000000, 5500000, 120 * 1024, 11, 1048576, 4194304),
  (5  << 32 | 7,  state('sleeping'), 600000,   0,       30 * 1024,  1,  4096,    0),
  (5  << 32 | 11, state('zombie'),   7000000,  3000000, 50 * 1024,  2,  NULL,    NULL),
  (6  << 32 | 6,  state('running'),  37000000, 5500000, 120 * 1024, 11, 1048576, 4194304),
  (6  << 32 | 8,  state('sleeping'), 200000,   0,       20 * 1024,  1,  0,       0),
  (8  << 32 | 7,  state('sleeping'), 1100000,  0,       32 * 1024,  2,  4096,    0),
  (8  << 32 | 10, state('sleeping'), 50000,    50000,   3 * 1024,   1,  0,       0),
  (9  << 32 | 1,  state('sleeping'), 10000000, 5000000, 10 * 1024,  1,  1000,    2000),
  (9  << 32 | 2,  state('sleeping'), 0,        0,       0,        1,  NULL,    NULL),
  (9  << 32 | 3,  state('idle'),     0,        1100000, 0,        1,  NULL,    NULL),
  (9  << 32 | 4,  state('sleeping'), 1000000,  1000000, 5 * 1024,   1,  0,       0),
  (9  << 32 | 7,  state('sleeping'), 3100000,  400000,  32 * 1024,  2,  8192,    0),
  (9  << 32 | 8,  state('sleeping'), 200000,   0,       20 * 1024,  1,  0,       0),
  (9  << 32 | 10, state('sleeping'), 50000,    50000,   3 * 1024,   1,  0,       0),
  (10 << 32 | 1,  state('sleeping'), 10050000, 5000000, 10 * 1024,  1,  1000,    2000),
  (10 << 32 | 13, state('sleeping'), 100000,   0,       8 * 1024,   1,  0,       0),
  (11 << 32 | 7,  state('sleeping'), 4400000,  400000,  32 * 1024,  2,  8192,    0),
  (11 << 32 | 14, state('running'),  2600000,  0,       40 * 1024,  1,  0,       0),
  (13 << 32 | 7,  state('sleeping'), 5400000,  400000,  32 * 1024,  2,  8192,    0),
  (14 << 32 | 7,  state('sleeping'), 5900000,  400000,  32 * 1024,  2,  8192,    0),
  (14 << 32 | 14, state('running'),  3600000,  0,       44 * 1024,  1,  0,       8192),
  (16 << 32 | 15, state('sleeping'), 2000000,  1000000, 12 * 1024,  1,  500,     600),
  (16 << 32 | 16, state('sleeping'), 100000,   100000,  6 * 1024,   1,  0,       0),
  (17 << 32 | 17, state('sleeping'), 250000,   0,       4 * 1024,   1,  0,       0),
  (18 << 32 | 17, state('sleeping'), 300000,   0,       4 * 1024,   1,  0,       0);

INSERT INTO collection_error (tick_id, collector, operation, error_code, error_text, count) VALUES
  (12, 'processes', 'list /proc', 24, 'Too many open files', 1);

-- Two CPUs: 10 s of CPU time in each tick of 5 s.
INSERT INTO system_sample (tick_id, cpu_busy_us, cpu_total_us, cpu_count, memory_total_bytes, memory_available_bytes,
                           swap_total_bytes, swap_used_bytes, disk_total_bytes, disk_used_bytes, received_bytes,
                           sent_bytes, load_1m, cpu_pressure_us, memory_pressure_us, io_pressure_us) VALUES
  (1,  1000000000, 7200000000, 2, 8000, 6000, 1000, 0,    100, 50, 10000, 5000, 0.5,  100000, 0, 0),
  (2,  1003000000, 7210000000, 2, 8000, 5000, 1000, 0,    100, 50, 10500, 5100, 0.75, 350000, 100000, 500000),
  (3,  1003500000, 7220000000, 2, 8000, 5000, 1000, 100,  100, 50, 10500, 5100, 0.5,  350000, NULL, 500000),
  (4,  1009500000, 7230000000, 2, 8000, 2000, 1000, 250,  100, 51, 11500, 5600, 1.5,  850000, 100000, 500000),
  (8,  1015000000, 7270000000, 2, 8000, 6000, 0,    0,    100, 51, 19000, 9000, 0.25, 850000, 0, 500000),
  (9,  1020000000, 7320000000, 2, 8000, 6000, 0,    0,    100, 51, 20000, 9000, 0.25, 900000, 0, 500000),
  (11, 1025000000, 7356000000, 2, 8000, 6000, NULL, NULL, 100, 51, 20000, 9000, 0.25, NULL,   0, 500000),
  (13, 1030000000, 7370000000, 2, 8000, NULL, NULL, NULL, 100, 51, 20000, 9000, 0.25, 900000, 0, 500000),
  (14, 1032000000, 7380000000, 2, 8000, 4000, 0,    0,    100, 52, 20700, 9300, 0.25, 900000, 0, 500000),
  (16, 30000000,   600000000,  2, 8000, 7000, 0,    0,    100, 52, 300,   100,  0.1,  0,      0, 0);

INSERT INTO port_binding (binding_id, upid, protocol, address, port, network_namespace, tick_id, bound_us,
                          bound_after_us) VALUES
  (1, 4,    'tcp', '0.0.0.0',   22,   4026531840, 1,  us('10:00:00'), NULL),
  (2, 4,    'tcp', '::',        22,   4026531840, 1,  us('10:00:00'), NULL),
  (3, 6,    'tcp', '0.0.0.0',   8080, 4026531840, 1,  us('10:00:00'), NULL),
  (4, NULL, 'udp', '0.0.0.0',   631,  4026531840, 1,  us('10:00:00'), NULL),             -- its holder is hidden
  (5, 7,    'tcp', '0.0.0.0',   8080, 4026531840, 8,  us('10:00:35'), us('10:00:30')),
  (6, 8,    'tcp', '0.0.0.0',   8080, 4026531840, 8,  us('10:00:35'), us('10:00:30')),   -- the same socket
  (7, 13,   'tcp', '0.0.0.0',   8080, 4026532000, 10, us('10:01:05'), us('10:01:00')),   -- in a container
  (8, 16,   'tcp', '0.0.0.0',   22,   4026531840, 16, us('12:05:00'), NULL),
  (9, 17,   'udp', '127.0.0.1', 5353, 4026531840, 17, us('12:05:05'), us('12:05:00'));

INSERT INTO port_release (binding_id, tick_id, released_us, released_after_us, source) VALUES
  (3, 7,  us('10:00:30'), us('10:00:25'), witness('poll')),
  (4, 9,  us('10:01:00'), us('10:00:35'), witness('gap')),
  (1, 16, us('12:00:00'), us('10:02:35'), witness('reboot')),
  (2, 16, us('12:00:00'), us('10:02:35'), witness('reboot')),
  (5, 16, us('12:00:00'), us('10:02:35'), witness('reboot')),
  (6, 16, us('12:00:00'), us('10:02:35'), witness('reboot')),
  (7, 16, us('12:00:00'), us('10:02:35'), witness('reboot')),
  (9, 18, us('12:05:10'), us('12:05:05'), witness('poll'));

INSERT INTO gap (gap_id, recording_id, kind, from_us, to_us, detail) VALUES
  (1, 2, 'clock_step', us('10:01:25'), us('10:02:30'), 'The wall clock was put forward by 60 s.');

INSERT INTO event_loss (loss_id, recording_id, source, from_us, to_us, lost_count) VALUES
  (1, 2, 'netlink', us('10:01:00'), us('10:01:05'), 40);

INSERT INTO action (action_id, boot_id, at_us, verb, actor_pid, actor_start_token, actor_upid, actor_name, uid, user,
                    login_uid, sudo_user, tty, cwd, command_line, host, reason) VALUES
  (1, 1, us('10:00:06.9'), 'start', 690,  360690, NULL, 'galproc', 1000, 'alice', 1000, NULL, '/dev/pts/0', '/srv', 'galproc start --name app -- bash run.sh', 'box', NULL),
  (2, 1, us('10:00:28'),   'kill',  650,  362800, NULL, 'galproc', 1000, 'alice', 1000, NULL, '/dev/pts/0', '/srv', 'galproc kill --port 8080', 'box', 'holds 8080'),
  (3, 1, us('10:01:10'),   'kill',  1110, 367000, NULL, 'galproc', 0, 'root', 1000, 'alice', '/dev/pts/0', '/srv', 'galproc kill 2', 'box', NULL),
  (4, 1, us('10:01:11'),   'kill',  1111, 367100, NULL, 'galproc', 1000, 'alice', 1000, NULL, '/dev/pts/0', '/srv', 'galproc kill --name worker', 'box', NULL),
  (5, 1, us('10:01:11.9'), 'start', 1399, 367190, NULL, 'galproc', 1000, 'alice', 1000, NULL, NULL, '/srv', 'galproc start --name build -- make all', 'box', 'nightly'),
  (6, 1, us('10:02:32'),   'stop',  1450, 369200, NULL, 'galproc', 1000, 'alice', 1000, NULL, '/dev/pts/0', '/srv', 'galproc stop build', 'box', 'takes too long'),
  (7, 2, us('12:05:02.9'), 'start', 490,  30290,  NULL, 'galproc', 1001, 'bob', 1001, NULL, '/dev/pts/1', '/home/bob', 'galproc start --name notes -- bash', 'box', NULL),
  (8, 2, us('12:05:06'),   'kill',  510,  30600,  NULL, 'galproc', 0, 'root', NULL, NULL, NULL, '/', 'galproc kill --name sshd --signal HUP', 'box', NULL),
  (9, 2, us('12:05:07'),   'kill',  511,  30700,  NULL, 'galproc', 0, 'root', NULL, NULL, NULL, '/', 'galproc kill --name nginx', 'box', NULL);

INSERT INTO action_outcome (action_id, at_us, outcome, exit_code) VALUES
  (1, us('10:00:08'),   'done',        0),
  (2, us('10:00:29.7'), 'done',        0),
  (3, us('10:01:10'),   'refused',     4),
  (4, us('10:01:11'),   'refused',     4),
  (5, us('10:01:13'),   'done',        0),
  (7, us('12:05:04'),   'done',        0),
  (8, us('12:05:09'),   'still_there', 6),
  (9, us('12:05:07'),   'not_found',   3);

INSERT INTO attempt (attempt_id, action_id, at_us, target_upid, boot_id, target_pid, target_start_token, target_name,
                     target_executable, target_uid, target_user, method, signal, why) VALUES
  (1, 2, us('10:00:28'),   6,  1, 600,  301000, 'node',     '/usr/bin/node',  1000, 'alice',    'polite', 15, 'port'),
  (2, 2, us('10:00:29.5'), 6,  1, 600,  301000, 'node',     '/usr/bin/node',  1000, 'alice',    'forced', 9,  'port'),
  (3, 3, us('10:01:10'),   2,  1, 2,    0,      'kthreadd', NULL,             0,    'root',     'polite', 15, 'pid'),
  (4, 4, us('10:01:11'),   13, 1, 1300, 366200, 'worker',   '/opt/worker',    33,   'www-data', 'polite', 15, 'name'),
  (5, 6, us('10:02:32'),   14, 1, 1400, 367200, 'make',     '/usr/bin/make',  1000, 'alice',    'polite', 15, 'marker'),
  (6, 8, us('12:05:06'),   16, 2, 400,  500,    'sshd',     '/usr/sbin/sshd', 0,    'root',     'polite', 1,  'name');

INSERT INTO attempt_outcome (attempt_id, at_us, outcome, error, ended_us, exit_code, exit_signal) VALUES
  (1, us('10:00:29.5'), 'survived', NULL,                      NULL,             NULL, NULL),
  (2, us('10:00:29.7'), 'exited',   NULL,                      us('10:00:29.6'), NULL, 9),
  (3, us('10:01:10'),   'refused',  'it is a kernel thread',   NULL,             NULL, NULL),
  (4, us('10:01:11'),   'denied',   'Operation not permitted', NULL,             NULL, NULL),
  (6, us('12:05:09'),   'survived', NULL,                      NULL,             NULL, NULL);

INSERT INTO service (service_id, action_id, at_us, name, marker, upid, venv, command_line, working_directory, log_path,
                     cgroup) VALUES
  (1, 1, us('10:00:07'),   'app',   'app-1',   7,  '/srv/venv', 'bash run.sh', '/srv',      '/var/lib/galproc/logs/app.log',   NULL),
  (2, 5, us('10:01:12'),   'build', 'build-2', 14, NULL,        'make all',    '/srv',      '/var/lib/galproc/logs/build.log', '/galproc/build-2'),
  (3, 7, us('12:05:03'),   'notes', 'notes-3', 17, NULL,        'bash',        '/home/bob', '/home/bob/notes.log',             NULL);

INSERT INTO signal_event (signal_id, recording_id, at_us, signal, code, origin, to_group, result, disposition, oom_victim,
                          errno, sender_upid, sender_pid, sender_start_token, sender_name, sender_uid, sender_user,
                          sender_state, target_upid, target_pid, target_start_token, target_name) VALUES
  (1, 2, us('10:01:03'),     15, 0,    2, 1, 0, 2,    0, NULL, 13,   1300, 366200, 'worker',  33, 'www-data',   0, 10,   600,  363100, 'cron'),
  (2, 2, us('10:02:32.001'), 15, 0,    2, 1, 0, 0,    0, NULL, NULL, 1450, 369200, 'galproc', 1000, NULL, 0, 14,   1400, 367200, 'make'),
  (3, 3, us('12:05:06.001'), 1,  0,    2, 1, 0, 2,    0, NULL, NULL, 510,  30600,  'galproc', 0, NULL,    0, 16,   400,  500,    'sshd'),
  (4, 3, us('12:05:07'),     9,  NULL, 2, 0, 5, NULL, 0, 1,    17,   500,  30300,  'bash',    1001, 'bob', 0, 16,   400,  500,    'sshd'),
  (5, 3, us('12:05:07.5'),   15, 0,    2, 1, 1, 1,    0, NULL, 17,   500,  30300,  'bash',    1001, 'bob', 0, 16,   400,  500,    'sshd'),
  (6, 3, us('12:05:08'),     14, 128,  1, 1, 0, 0,    0, NULL, NULL, 0,    0,      'swapper/1', 0, 'root',  1, 16,   400,  500,    'sshd'),
  (7, 3, us('12:05:08.5'),   19, 0,    2, 1, 0, 0,    0, NULL, 17,   500,  30300,  'bash',    1001, 'bob', 0, 16,   400,  500,    'sshd'),
  (8, 3, us('12:05:09'),     9,  NULL, 2, 0, 5, NULL, 0, 3,    17,   500,  30300,  'bash',    1001, 'bob', 0, NULL, 9999, NULL,   NULL);
