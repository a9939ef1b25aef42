-- name: who-killed
-- summary: how a process ended, by whom, and how sure that is
-- why: a person, another program, galproc, the OOM killer, a limit, a fault of its own, or nobody; with what says so, and
--      "unknown" where nothing does
-- example: galproc query who-killed --pid 4711
-- example: galproc query who-killed --name node --since yesterday
-- param: pid integer: the process's number; all that ever had it are answered for
-- param: upid integer: the process
-- param: name text: all of this whole name that ended in the range; case and a trailing .exe do not matter
-- param: since instant default 1h: beginning of the range; all that is recorded where a pid is named
-- param: until instant default now: end of the range
-- require: pid | upid | name
-- column: at instant: when it was made to end; where nothing tells, its end
-- column: verdict text: killed_by_galproc, killed_by_process, killed_itself, fault, oom, limit, timer, terminal, parent_death,
--      cgroup_kill, exited, alive, unknown
-- column: confidence text: certain, likely, unknown; of alive: whether the recording reaches to the end of the range
-- column: sender_pid integer: who did it
-- column: sender_name text: that one's name
-- column: sender_user text: user whose rights it had
-- column: signal text: name of the signal
-- column: target_upid integer: the process
-- column: target_pid integer: its number
-- column: target_name text: its short name
-- column: ended_at instant: its end; of one that no event told of, the latest possible
-- column: exit_code integer: status that it returned
-- column: exit_signal text: signal that it died of
-- column: evidence text: what says so, and what could not be seen
-- column: reason text: why, where galproc did it and was told
-- column: attempt_id integer: galproc's own attempt
-- column: signal_id integer: what the kernel saw
-- column: at_us instant_us: when it was made to end; where nothing tells, its end
-- column: ended_us instant_us: its end
WITH
  asked AS (
    SELECT upid FROM process WHERE upid = :upid
    UNION
    SELECT upid FROM process WHERE pid = :pid
    UNION
    SELECT x.upid
    FROM process_exit AS x
    CROSS JOIN process_image AS i ON i.upid = x.upid
    WHERE :pid IS NULL AND :upid IS NULL
      AND x.ended_us BETWEEN coalesce(:since, -9223372036854775807)
        AND coalesce(:until, 9223372036854775807)
      AND (i.name = :name COLLATE NOCASE
           OR i.name = :name || '.exe' COLLATE NOCASE)
  ),
  -- Who lived in the range. One that ended after it was alive in it.
  life AS MATERIALIZED (
    SELECT p.upid, p.boot_id, p.pid, p.name, p.started_us,
      iif(p.was_alive, NULL, p.ended_us) AS ended_us,
      iif(p.was_alive, NULL, p.ended_at) AS ended_at,
      iif(p.was_alive, NULL, p.ended_earliest_us) AS ended_earliest_us,
      iif(p.was_alive, NULL, p.exit_code) AS exit_code,
      iif(p.was_alive, NULL, p.exit_signal) AS exit_signal,
      iif(p.was_alive, NULL, p.exit_source) AS exit_source,
      iif(p.was_alive, :until, NULL) AS alive_until_us,
      EXISTS (
        SELECT 1 FROM event_loss AS l
        WHERE p.ended_us BETWEEN l.from_us - 10000000 AND l.to_us)
        AS lost_events
    FROM (
      SELECT p.*, coalesce(p.ended_earliest_us > :until, 0) AS was_alive
      FROM asked AS a
      CROSS JOIN processes AS p ON p.upid = a.upid
      WHERE (:pid IS NULL OR p.pid = :pid)
        AND (:upid IS NULL OR p.upid = :upid)
        AND p.started_us <= coalesce(:until, 9223372036854775807)
        AND coalesce(p.ended_us, 9223372036854775807)
          >= coalesce(:since, -9223372036854775807)) AS p
  ),
  -- The runs that saw signals, and how far what they saw is in the file. One
  -- that crashed is known to have come to its last tick; the newest one says it
  -- itself, whether it still runs or not.
  watch AS MATERIALIZED (
    SELECT r.recording_id, r.boot_id,
      min(r.started_us, coalesce(s.low_us, r.started_us)) AS started_us,
      max(coalesce(e.ended_us,
            (SELECT events_until_us FROM recorder_status AS s
             WHERE s.recording_id = r.recording_id),
            r.started_us),
          coalesce(s.high_us, 0)) AS until_us,
      e.recording_id IS NULL AS is_open
    FROM recording AS r
    LEFT JOIN recording_end AS e ON e.recording_id = r.recording_id
    -- Where the wall clock was put back, a run began before it says, and came
    -- further.
    LEFT JOIN (
      SELECT recording_id, min(to_us) AS low_us, max(from_us) AS high_us
      FROM gap
      WHERE kind = 'clock_step' AND to_us < from_us
      GROUP BY recording_id) AS s ON s.recording_id = r.recording_id
    WHERE r.event_source = 'bpf'
  ),
  -- The newest run, and the last look that any run has taken at the processes;
  -- a run whose looks stay away for two intervals has most likely crashed.
  newest AS MATERIALIZED (
    SELECT t.at_us,
      e.recording_id IS NULL AND t.at_us
        >= coalesce(:until, CAST(strftime('%s', 'now') AS INTEGER) * 1000000)
          - 2 * r.interval_us - 2000000 AS goes_on
    FROM (SELECT recording_id, interval_us FROM recording
          ORDER BY recording_id DESC LIMIT 1) AS r
    LEFT JOIN recording_end AS e ON e.recording_id = r.recording_id
    LEFT JOIN tick AS t ON t.tick_id = (
      SELECT tick_id FROM tick WHERE process_count IS NOT NULL
      ORDER BY tick_id DESC LIMIT 1)
  ),
  -- All that was tried on them: in halves, since SQLite would read all of the
  -- view that unites them.
  tried AS MATERIALIZED (
    SELECT l.upid, t.at_us, t.at, t.source, t.seen_by, t.cause, t.outcome,
      t.signal, t.sender_pid, t.sender_name, t.sender_user, t.reason,
      t.attempt_id, t.signal_id
    FROM life AS l
    CROSS JOIN galproc_attempts AS t ON t.target_upid = l.upid
    UNION ALL
    SELECT l.upid, t.at_us, t.at, t.source, t.seen_by, t.cause, t.outcome,
      t.signal, t.sender_pid, t.sender_name, t.sender_user, t.reason,
      t.attempt_id, t.signal_id
    FROM life AS l
    CROSS JOIN kernel_attempts AS t ON t.target_upid = l.upid
  ),
  -- What ended it: an attempt whose outcome says so, or one of galproc's
  -- without an outcome just before the end; of one that it sent to itself when
  -- it was asked, who asked. Bare columns follow max().
  fatal AS MATERIALIZED (
    SELECT l.upid, max(iif(t.cause = 'self', 0, 1 << 60) + t.at_us), t.at_us,
      t.at, t.source, t.seen_by, t.cause,
      t.outcome, t.signal, t.sender_pid, t.sender_name, t.sender_user,
      t.reason, t.attempt_id, t.signal_id
    FROM life AS l
    CROSS JOIN tried AS t ON t.upid = l.upid
    WHERE t.outcome = 'exited'
      OR t.outcome IS NULL AND l.ended_us BETWEEN t.at_us AND t.at_us + 10000000
    GROUP BY l.upid
  ),
  -- The last request before the end of one that returned: it may be why.
  asked_before AS MATERIALIZED (
    SELECT l.upid, max(t.at_us) AS at_us, t.signal, t.sender_pid, t.sender_name
    FROM life AS l
    CROSS JOIN tried AS t ON t.upid = l.upid
    WHERE t.outcome = 'survived' AND l.exit_code IS NOT NULL
      AND t.signal IN ('SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM')
      AND l.ended_us BETWEEN t.at_us AND t.at_us + 120000000
    GROUP BY l.upid
  ),
  fate AS (
    SELECT l.*, f.at_us AS fatal_us, f.at AS fatal_at, f.source, f.seen_by,
      f.cause, f.outcome, f.signal, f.sender_pid, f.sender_name,
      f.sender_user, f.reason, f.attempt_id, f.signal_id,
      g.disposition = 2 AS was_handled,
      -- Of the OOM killer's victim the kernel tells; of those who share its
      -- memory, and so are killed as well, it does not.
      f.cause IS 'oom' AND NOT EXISTS (
        SELECT 1 FROM signal_event AS o
        WHERE o.at_us BETWEEN g.at_us - 1000000 AND g.at_us + 1000000
          AND o.oom_victim AND o.sender_pid = g.sender_pid
          AND o.sender_start_token = g.sender_start_token) AS is_unmarked,
      -- Whether all signals up to its end are in the file.
      EXISTS (
        SELECT 1 FROM watch AS w
        WHERE w.boot_id = l.boot_id
          AND w.started_us <= coalesce(f.at_us, l.ended_earliest_us)
          AND (l.ended_us <= w.until_us
               -- What was told of its end was told after them.
               OR l.exit_source = 'event' AND w.recording_id = (
                 SELECT max(recording_id) FROM recording AS r
                 WHERE r.started_us <= l.ended_us))) AS was_watched,
      -- Whether they will be, or would have been but for a crash.
      EXISTS (
        SELECT 1 FROM watch AS w
        WHERE w.is_open AND w.boot_id = l.boot_id AND w.until_us < l.ended_us
          AND w.started_us <= coalesce(f.at_us, l.ended_earliest_us)
      ) AS is_behind
    FROM life AS l
    LEFT JOIN fatal AS f ON f.upid = l.upid
    LEFT JOIN signal_event AS g ON g.signal_id = f.signal_id
  ),
  judged AS (
    SELECT t.*, n.at_us AS looked_us, n.goes_on,
      b.at_us AS asked_us, b.signal AS asked_by_signal,
      b.sender_pid AS asker_pid, b.sender_name AS asker_name,
      coalesce(t.alive_until_us,
               max(coalesce(n.at_us, 0), t.started_us)) AS alive_us,
      t.source IS NULL AND NOT t.was_watched
        AND t.exit_signal IN ('SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS',
                              'SIGFPE', 'SIGSEGV', 'SIGSYS') AS seems_fault,
      -- A watching kernel that did not see what galproc says that it sent.
      t.seen_by = 'galproc' AND t.was_watched AND NOT t.lost_events
        AS is_doubtful,
      CASE WHEN t.ended_us - t.fatal_us < 1000 THEN 'at once'
        ELSE printf('%.3f s later', (t.ended_us - t.fatal_us) / 1000000.0)
      END AS later,
      CASE
        WHEN t.is_behind AND n.goes_on
          THEN 'the events of that moment are not in the file yet'
        WHEN t.is_behind
          THEN 'the events of that moment are not in the file: the recorder'
            || ' seems to have crashed before it could store them'
        ELSE 'signals were not watched then'
      END AS why_unseen
    FROM fate AS t
    LEFT JOIN newest AS n ON TRUE
    LEFT JOIN asked_before AS b ON b.upid = t.upid AND t.source IS NULL
  )
SELECT coalesce(j.fatal_at, j.ended_at) AS at,
  CASE
    WHEN j.ended_us IS NULL THEN 'alive'
    WHEN j.source = 'galproc' THEN 'killed_by_galproc'
    WHEN j.cause = 'user' THEN 'killed_by_process'
    WHEN j.cause = 'self' THEN 'killed_itself'
    WHEN j.cause = 'hangup' THEN 'terminal'
    WHEN j.cause IN ('tracer_death', 'namespace_end') THEN 'parent_death'
    WHEN j.cause IS NOT NULL THEN j.cause
    WHEN j.exit_code IS NOT NULL THEN 'exited'
    WHEN j.seems_fault THEN 'fault'
    ELSE 'unknown'
  END AS verdict,
  CASE
    WHEN j.ended_us IS NULL THEN iif(j.goes_on OR :until <= j.alive_us,
                                     'certain', 'likely')
    WHEN j.is_doubtful OR j.is_unmarked THEN 'likely'
    WHEN j.outcome = 'exited' AND j.exit_signal = j.signal THEN 'certain'
    WHEN j.source IS NOT NULL THEN 'likely'
    WHEN j.exit_code IS NOT NULL
      THEN iif(j.was_watched AND NOT j.lost_events AND j.asked_us IS NULL,
               'certain', 'likely')
    WHEN j.seems_fault THEN 'likely'
    ELSE 'unknown'
  END AS confidence,
  j.sender_pid, j.sender_name, j.sender_user, j.signal,
  j.upid AS target_upid, j.pid AS target_pid, j.name AS target_name,
  j.ended_at, j.exit_code, j.exit_signal,
  CASE
    WHEN j.ended_us IS NULL THEN
      'It was alive at '
        || strftime('%Y-%m-%dT%H:%M:%S', j.alive_us / 1000000, 'unixepoch')
        || printf('.%06dZ', j.alive_us % 1000000)
        || iif(j.alive_until_us IS NULL, '; nothing is known after it.',
               ', the end of the range.')
    WHEN j.source IS NOT NULL THEN
      j.signal || CASE j.cause
          WHEN 'user' THEN coalesce(' from ' || j.sender_name, '')
          WHEN 'cgroup_kill' THEN ' to all of its control group'
            || coalesce(' from ' || j.sender_name, '')
          WHEN 'self' THEN ' of its own making'
          WHEN 'fault' THEN ' by a fault of its own'
          WHEN 'terminal' THEN ' from its terminal'
          WHEN 'hangup' THEN ' when its terminal was closed'
            || coalesce(' by ' || j.sender_name, '')
          WHEN 'timer' THEN ' from a timer'
          WHEN 'limit' THEN ' from a resource limit'
          WHEN 'oom' THEN ' from the OOM killer'
          WHEN 'parent_death' THEN ' at the end of its parent'
            || coalesce(', ' || j.sender_name, '')
          WHEN 'tracer_death' THEN ' at the end of its tracer'
            || coalesce(', ' || j.sender_name, '')
          ELSE ' at the end of its pid namespace'
            || coalesce(', ' || j.sender_name, '')
        END
        || CASE WHEN j.cause IN ('self', 'fault') THEN '' ELSE
             coalesce(' (pid ' || j.sender_pid
                      || coalesce(', ' || j.sender_user, '') || ')', '') END
        || CASE
             WHEN j.exit_signal = j.signal THEN '; it died of it ' || j.later
             WHEN j.exit_code IS NOT NULL
               THEN iif(j.was_handled, '; it handled the signal and returned ',
                        '; it returned ')
                 || j.later || ' with code ' || j.exit_code
             ELSE '; it ended ' || j.later
           END
        || '; seen by ' || CASE j.seen_by WHEN 'galproc' THEN 'galproc'
             WHEN 'kernel' THEN 'the kernel' ELSE 'galproc and the kernel' END
        || iif(j.outcome IS NULL, '; galproc ended before it could tell', '')
        || iif(j.is_unmarked, '; but nobody was marked as its victim about'
               || ' then, so the kernel may have had another reason', '')
        || iif(j.is_doubtful,
               '; but the kernel was watched, and nothing of it was seen', '')
        || iif(j.seen_by = 'galproc' AND j.is_behind AND NOT j.was_watched,
               '; ' || j.why_unseen, '')
        || '.'
    WHEN j.exit_code IS NOT NULL THEN
      'It returned ' || j.exit_code || '; '
        || CASE
             WHEN j.asked_us IS NOT NULL THEN
               'the last signal before was ' || j.asked_by_signal
                 || coalesce(' from ' || j.asker_name || ' (pid '
                             || j.asker_pid || ')', '')
                 || printf(', %.3f s earlier, which need not be why',
                      (j.ended_us - j.asked_us) / 1000000.0)
             WHEN j.was_watched THEN 'nobody was seen asking it to end'
             ELSE j.why_unseen
               || ', so nobody knows whether it was asked to'
           END
        || '.'
    WHEN j.seems_fault THEN
      'It died of ' || j.exit_signal || ', which a process mostly brings upon'
        || ' itself; ' || iif(j.is_behind, j.why_unseen,
                              'senders were not recorded') || '.'
    WHEN j.exit_signal IS NOT NULL THEN
      'It died of ' || j.exit_signal || '; '
        || iif(j.was_watched, 'nobody was seen sending it', j.why_unseen)
        || '.'
        || iif(j.was_watched AND j.exit_signal IN ('SIGKILL', 'SIGSYS'),
               ' Seccomp''s strict mode and a few other paths of the kernel end'
               || ' a process without a signal that can be seen.', '')
    ELSE 'Nothing tells how it ended: ' || CASE j.exit_source
      WHEN 'reboot' THEN 'the machine was booted anew.'
      WHEN 'gap' THEN 'it was gone when recording went on.'
      ELSE 'a look found it gone.' END
  END || iif(j.lost_events, ' Events were lost about then.', '') AS evidence,
  j.reason, j.attempt_id, j.signal_id,
  coalesce(j.fatal_us, j.ended_us) AS at_us, j.ended_us
FROM judged AS j
ORDER BY j.ended_us, j.upid
