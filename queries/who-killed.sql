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
-- column: confidence text: certain, likely, unknown
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
  life AS MATERIALIZED (
    SELECT p.upid, p.pid, p.name, p.ended_us, p.ended_at, p.exit_code,
      p.exit_signal, p.exit_source,
      -- Whether signals were seen when it ended.
      EXISTS (
        SELECT 1 FROM recording AS r
        WHERE r.event_source = 'bpf' AND r.started_us <= p.ended_us
          AND p.ended_us <= coalesce(
            (SELECT ended_us FROM recording_end AS e
             WHERE e.recording_id = r.recording_id), 9223372036854775807))
        AS was_watched,
      EXISTS (
        SELECT 1 FROM event_loss AS l
        WHERE p.ended_us BETWEEN l.from_us - 10000000 AND l.to_us)
        AS lost_events
    FROM asked AS a
    CROSS JOIN processes AS p ON p.upid = a.upid
    WHERE (:pid IS NULL OR p.pid = :pid)
      AND (:upid IS NULL OR p.upid = :upid)
      AND (p.ended_us IS NULL
           OR p.ended_us BETWEEN coalesce(:since, -9223372036854775807)
             AND coalesce(:until, 9223372036854775807))
  ),
  -- What ended it: an attempt whose outcome says so, or one of galproc's without
  -- an outcome just before the end; of one that it sent to itself when it was
  -- asked, who asked. Bare columns follow max().
  fatal AS MATERIALIZED (
    SELECT l.upid, max(iif(t.cause = 'self', 0, 1 << 60) + t.at_us), t.at_us,
      t.at, t.source, t.seen_by, t.cause,
      t.outcome, t.signal, t.sender_pid, t.sender_name, t.sender_user,
      t.reason, t.attempt_id, t.signal_id
    FROM life AS l
    CROSS JOIN termination_attempts AS t ON t.target_upid = l.upid
    WHERE t.outcome = 'exited'
      OR t.outcome IS NULL AND l.ended_us BETWEEN t.at_us AND t.at_us + 10000000
    GROUP BY l.upid
  ),
  judged AS (
    SELECT l.*, f.at_us AS fatal_us, f.at AS fatal_at, f.source, f.seen_by,
      f.cause, f.outcome, f.signal, f.sender_pid, f.sender_name,
      f.sender_user, f.reason, f.attempt_id, f.signal_id,
      CASE
        WHEN l.ended_us IS NULL THEN 'alive'
        WHEN f.source = 'galproc' THEN 'killed_by_galproc'
        WHEN f.cause = 'user' THEN 'killed_by_process'
        WHEN f.cause = 'self' THEN 'killed_itself'
        WHEN f.cause = 'hangup' THEN 'terminal'
        WHEN f.cause IN ('tracer_death', 'namespace_end') THEN 'parent_death'
        WHEN f.cause IS NOT NULL THEN f.cause
        WHEN l.exit_code IS NOT NULL THEN 'exited'
        ELSE 'unknown'
      END AS verdict,
      CASE
        WHEN l.ended_us IS NULL THEN 'certain'
        -- A watching kernel that did not see what galproc says that it sent.
        WHEN f.seen_by = 'galproc' AND l.was_watched THEN 'likely'
        WHEN f.outcome = 'exited' AND l.exit_signal = f.signal THEN 'certain'
        WHEN f.source IS NOT NULL THEN 'likely'
        WHEN l.exit_code IS NOT NULL
          THEN iif(l.was_watched AND NOT l.lost_events, 'certain', 'likely')
        ELSE 'unknown'
      END AS confidence
    FROM life AS l
    LEFT JOIN fatal AS f ON f.upid = l.upid
  )
SELECT coalesce(j.fatal_at, j.ended_at) AS at, j.verdict, j.confidence,
  j.sender_pid, j.sender_name, j.sender_user, j.signal,
  j.upid AS target_upid, j.pid AS target_pid, j.name AS target_name,
  j.ended_at, j.exit_code, j.exit_signal,
  CASE
    WHEN j.ended_us IS NULL THEN 'No end was seen.'
    WHEN j.source IS NOT NULL THEN
      j.signal || ' (' || j.cause || ')'
        || coalesce(' from ' || j.sender_name || ' (pid ' || j.sender_pid
                    || coalesce(', ' || j.sender_user, '') || ')', '')
        || CASE
             WHEN j.exit_signal = j.signal THEN '; it died of it'
             WHEN j.exit_code IS NOT NULL
               THEN '; it returned ' || j.exit_code
             ELSE '; it ended'
           END
        || printf(' %.3f s later', max(0, j.ended_us - j.fatal_us) / 1000000.0)
        || '; seen by ' || CASE j.seen_by WHEN 'galproc' THEN 'galproc'
             WHEN 'kernel' THEN 'the kernel' ELSE 'galproc and the kernel' END
        || iif(j.outcome IS NULL, '; galproc ended before it could tell', '')
        || iif(j.seen_by = 'galproc' AND j.was_watched,
               '; but the kernel was watched, and nothing of it was seen', '')
        || '.'
    WHEN j.exit_code IS NOT NULL THEN
      'It returned ' || j.exit_code || '; '
        || iif(j.was_watched, 'nobody was seen asking it to end.',
               'signals were not watched then, so nobody knows whether it was'
               || ' asked to.')
    WHEN j.exit_signal IS NOT NULL THEN
      'It died of ' || j.exit_signal || '; '
        || iif(j.was_watched, 'nobody was seen sending it.',
               'signals were not watched then.')
    ELSE 'Nothing tells how it ended: ' || CASE j.exit_source
      WHEN 'reboot' THEN 'the machine was booted anew.'
      WHEN 'gap' THEN 'it was gone when recording went on.'
      ELSE 'a look found it gone.' END
  END || iif(j.lost_events, ' Events were lost about then.', '') AS evidence,
  j.reason, j.attempt_id, j.signal_id,
  coalesce(j.fatal_us, j.ended_us) AS at_us, j.ended_us
FROM judged AS j
ORDER BY j.ended_us, j.upid
