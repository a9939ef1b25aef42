-- name: timeline
-- summary: everything that happened, in order
-- why: starts, execs, ports, signals, attempts with their outcomes and ends side by side, so that what led to what can be
--      read off; of one process, or of the whole machine
-- example: galproc query timeline --since 03:10 --until 03:15
-- example: galproc query timeline --pid 4711
-- param: pid integer: only what happened to processes of this number; signals count for the one that they were sent to
-- param: upid integer: only what happened to this process
-- param: since instant default 1h: beginning of the range; all that is recorded where a process is named
-- param: until instant default now: end of the range
-- column: at instant: when it happened, or was first seen
-- column: kind text: started, exec, bound, released, signal, attempt, outcome, ended
-- column: upid integer: the process; unknown where it could not be seen
-- column: pid integer: its number
-- column: name text: its short name of then
-- column: detail text: command line and parent; the socket; who sent what; what came of it; how it ended
-- column: at_us instant_us: when it happened, or was first seen
-- column: earliest_us instant_us: earliest possible instant, where it is not exact; unknown: exact, or no telling
-- column: signal_id integer: the signal, in the view signals
-- column: attempt_id integer: the attempt, in the view termination_attempts
WITH
  asked AS MATERIALIZED (
    SELECT upid FROM process
    WHERE upid = :upid AND (:pid IS NULL OR pid = :pid)
    UNION ALL
    SELECT upid FROM process WHERE :upid IS NULL AND pid = :pid
  ),
  -- What was seen at the next look may have happened up to the end of the
  -- range.
  reach AS MATERIALIZED (
    SELECT coalesce(
      (SELECT at_us FROM tick
       WHERE at_us > :until AND process_count IS NOT NULL
       ORDER BY at_us LIMIT 1), :until, 9223372036854775807) AS until_us
  ),
  -- Where the wall clock was put back, only the looks are in order.
  put_back AS MATERIALIZED (
    SELECT count(*) > 0 AS ever FROM gap
    WHERE kind = 'clock_step' AND to_us < from_us
      AND to_us <= coalesce(:until, to_us)
      AND from_us >= coalesce(:since, from_us)
  ),
  -- What each part is about is found in one of two ways: by time, or by the
  -- process.
  born AS (
    SELECT upid FROM process
    WHERE :pid IS NULL AND :upid IS NULL
      AND started_us BETWEEN coalesce(:since, -9223372036854775807)
        AND coalesce(:until, 9223372036854775807)
    UNION ALL
    SELECT upid FROM asked
  ),
  run AS (
    SELECT upid, image_no FROM process_image
    WHERE :pid IS NULL AND :upid IS NULL AND image_no > 1
      AND at_us BETWEEN coalesce(:since, -9223372036854775807)
        AND coalesce(:until, 9223372036854775807)
    UNION ALL
    SELECT i.upid, i.image_no
    FROM asked AS a
    CROSS JOIN process_image AS i ON i.upid = a.upid AND i.image_no > 1
  ),
  bound AS (
    SELECT binding_id FROM port_binding
    WHERE :pid IS NULL AND :upid IS NULL
      AND bound_us BETWEEN coalesce(:since, -9223372036854775807)
        AND (SELECT until_us FROM reach)
    UNION ALL
    SELECT b.binding_id
    FROM asked AS a
    CROSS JOIN port_binding AS b ON b.upid = a.upid
  ),
  released AS (
    SELECT binding_id FROM port_release
    WHERE :pid IS NULL AND :upid IS NULL
      AND released_us BETWEEN coalesce(:since, -9223372036854775807)
        AND (SELECT until_us FROM reach)
    UNION ALL
    SELECT b.binding_id
    FROM asked AS a
    CROSS JOIN port_binding AS b ON b.upid = a.upid
  ),
  sent AS (
    SELECT signal_id FROM signal_event
    WHERE :pid IS NULL AND :upid IS NULL
      AND at_us BETWEEN coalesce(:since, -9223372036854775807)
        AND coalesce(:until, 9223372036854775807)
    UNION ALL
    SELECT g.signal_id
    FROM asked AS a
    CROSS JOIN signal_event AS g ON g.target_upid = a.upid
  ),
  -- Outcomes have no index on time: they come within a day of their attempt.
  tried AS MATERIALIZED (
    SELECT attempt_id FROM attempt
    WHERE :pid IS NULL AND :upid IS NULL
      AND at_us BETWEEN coalesce(:since, -9223372036854775807 + 86400000000)
          - 86400000000
        AND coalesce(:until, 9223372036854775807)
    UNION ALL
    SELECT t.attempt_id
    FROM asked AS a
    CROSS JOIN attempt AS t ON t.target_upid = a.upid
  ),
  ended AS (
    SELECT upid, source FROM process_exit
    WHERE :pid IS NULL AND :upid IS NULL
      AND ended_us BETWEEN coalesce(:since, -9223372036854775807)
        AND (SELECT until_us FROM reach)
    UNION ALL
    SELECT x.upid, x.source
    FROM asked AS a
    CROSS JOIN process_exit AS x ON x.upid = a.upid
  ),
  happening AS (
    SELECT p.started_us AS at_us, 1 AS step, 'started' AS kind, p.upid, p.pid,
      i.name,
      coalesce(i.command_line, i.executable, i.name)
        || CASE WHEN p.parent_pid > 0
             THEN '; parent ' || p.parent_pid || coalesce(' ' || (
               SELECT name FROM process_image
               WHERE upid = p.parent_upid
                 AND (at_us <= p.started_us OR image_no = 1)
               ORDER BY image_no DESC LIMIT 1), '')
             ELSE '' END AS detail,
      NULL AS earliest_us, NULL AS signal_id, NULL AS attempt_id, i.tick_id
    FROM born AS n
    CROSS JOIN processes AS p ON p.upid = n.upid
    LEFT JOIN process_images AS i ON i.upid = p.upid AND i.image_no = 1
    UNION ALL
    SELECT i.at_us, 2, 'exec', p.upid, p.pid, i.name,
      coalesce(i.command_line, i.executable, i.name)
        || CASE WHEN i.user IS NOT b.user
             THEN '; user ' || coalesce(b.user, '?') || ' -> '
               || coalesce(i.user, '?')
             ELSE '' END,
      NULL, NULL, NULL, i.tick_id
    FROM run AS r
    CROSS JOIN process AS p ON p.upid = r.upid
    CROSS JOIN process_images AS i ON i.upid = r.upid
      AND i.image_no = r.image_no
    LEFT JOIN process_images AS b ON b.upid = r.upid
      AND b.image_no = r.image_no - 1
    UNION ALL
    SELECT b.bound_us, 3, 'bound', b.upid, p.pid,
      (SELECT name FROM process_image
       WHERE upid = b.upid AND (at_us <= b.bound_us OR image_no = 1)
       ORDER BY image_no DESC LIMIT 1),
      b.protocol || ' '
        || CASE WHEN instr(b.address, ':') > 0
             THEN '[' || b.address || ']' ELSE b.address END
        || ':' || b.port
        || CASE WHEN b.bound_after_us IS NULL
             THEN '; held when first looked at' ELSE '' END,
      b.bound_after_us, NULL, NULL, b.tick_id
    FROM bound AS n
    CROSS JOIN port_binding AS b ON b.binding_id = n.binding_id
    LEFT JOIN process AS p ON p.upid = b.upid
    UNION ALL
    SELECT r.released_us, 4, 'released', b.upid, p.pid,
      (SELECT name FROM process_image
       WHERE upid = b.upid AND (at_us <= r.released_us OR image_no = 1)
       ORDER BY image_no DESC LIMIT 1),
      b.protocol || ' '
        || CASE WHEN instr(b.address, ':') > 0
             THEN '[' || b.address || ']' ELSE b.address END
        || ':' || b.port,
      r.released_after_us, NULL, NULL, r.tick_id
    FROM released AS n
    CROSS JOIN port_release AS r ON r.binding_id = n.binding_id
    CROSS JOIN port_binding AS b ON b.binding_id = n.binding_id
    LEFT JOIN process AS p ON p.upid = b.upid
    UNION ALL
    SELECT t.at_us, 5, 'attempt', t.target_upid, t.target_pid, t.target_name,
      t.method || coalesce(' ' || n.name, ' SIG' || t.signal, '')
        || ' from ' || a.actor_name || ' ' || a.actor_pid
        || coalesce(' (' || a.user || ')', '')
        || ', action ' || t.action_id || coalesce(': ' || a.reason, ''),
      NULL, NULL, t.attempt_id, NULL
    FROM tried AS q
    CROSS JOIN attempt AS t ON t.attempt_id = q.attempt_id
    CROSS JOIN action AS a ON a.action_id = t.action_id
    LEFT JOIN signal_name AS n ON n.number = t.signal
    UNION ALL
    SELECT s.at_us, 6, 'signal', s.target_upid, s.target_pid, s.target_name,
      s.signal
        || CASE s.cause
          WHEN 'user' THEN ' from ' || s.sender_name || ' ' || s.sender_pid
            || coalesce(' (' || s.sender_user || ')', '')
          WHEN 'self' THEN ' of its own making'
          WHEN 'fault' THEN ' by a fault of its own'
          ELSE ', ' || replace(s.cause, '_', ' ')
            || coalesce(' of ' || s.sender_name || ' ' || s.sender_pid, '')
        END
        || iif(s.result = 'delivered', '', '; ' || replace(s.result, '_', ' ')),
      NULL, s.signal_id, NULL, NULL
    FROM sent AS n
    CROSS JOIN signals AS s ON s.signal_id = n.signal_id
    UNION ALL
    SELECT o.at_us, 7, 'outcome', t.target_upid, t.target_pid, t.target_name,
      o.outcome
        || coalesce(': exit code ' || o.exit_code,
             ': ' || coalesce((SELECT n.name FROM signal_name AS n
                               WHERE n.number = o.exit_signal),
                              'SIG' || o.exit_signal), '')
        || coalesce(': ' || o.error, '')
        || ', action ' || t.action_id,
      NULL, NULL, t.attempt_id, NULL
    FROM tried AS q
    CROSS JOIN attempt_outcome AS o ON o.attempt_id = q.attempt_id
    CROSS JOIN attempt AS t ON t.attempt_id = q.attempt_id
    UNION ALL
    -- Several witnesses of one end: the best alone.
    SELECT x.ended_us, 8, 'ended', x.upid, p.pid,
      (SELECT name FROM process_image WHERE upid = x.upid
       ORDER BY image_no DESC LIMIT 1),
      coalesce('exit code ' || x.exit_code,
        (SELECT g.name FROM signal_name AS g WHERE g.number = x.exit_signal),
        'SIG' || x.exit_signal, 'how is not known')
        || CASE x.source
             WHEN 4 THEN '; while nothing was recorded'
             WHEN 5 THEN '; at the latest when the machine was booted anew'
             ELSE '' END,
      x.ended_us - nullif(x.ended_within_us, 0), NULL, NULL, x.tick_id
    FROM ended AS n
    CROSS JOIN process_exit AS x ON x.upid = n.upid AND x.source = n.source
    CROSS JOIN process AS p ON p.upid = n.upid
    WHERE x.source = (SELECT min(source) FROM process_exit
                      WHERE upid = x.upid)
  )
SELECT
  date(h.at_us / 1000000, 'unixepoch') || 'T'
    || time(h.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', h.at_us % 1000000) AS at,
  h.kind, h.upid, h.pid, h.name, h.detail, h.at_us, h.earliest_us,
  h.signal_id, h.attempt_id
FROM happening AS h
WHERE h.at_us >= coalesce(:since, -9223372036854775807)
  AND coalesce(h.earliest_us, h.at_us)
    <= coalesce(:until, 9223372036854775807)
ORDER BY
  iif((SELECT ever FROM put_back),
      coalesce(h.tick_id, (SELECT tick_id FROM tick WHERE at_us >= h.at_us
                           ORDER BY at_us, tick_id LIMIT 1),
               9223372036854775807), h.at_us),
  h.at_us, h.step, h.upid, h.signal_id, h.attempt_id, h.detail
