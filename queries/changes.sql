-- name: changes
-- summary: what changed in a time: starts, execs, ends, ports taken and given up
-- why: what was different afterwards; the first thing to look at around an outage
-- example: galproc query changes --since 03:00 --until 03:15
-- param: since instant default 1h: beginning of the range; alone it counts back from --until
-- param: until instant default now: end of the range
-- column: at instant: when it happened, or was first seen
-- column: change text: started, exec, bound, released, ended
-- column: upid integer: the process; unknown for a port whose holder could not be seen
-- column: pid integer: its number
-- column: name text: its short name of then
-- column: detail text: command line and parents; the socket; how it ended
-- column: at_us instant_us: when it happened, or was first seen
-- column: earliest_us instant_us: earliest possible instant, where it is not exact; unknown: exact, or no telling
WITH
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
  happening AS (
    SELECT p.started_us AS at_us, 1 AS step, 'started' AS change, p.upid, p.pid,
      i.name,
      coalesce(i.command_line, i.executable, i.name)
        || CASE WHEN p.parent_pid > 0
             THEN '; parent ' || p.parent_pid || coalesce(' ' || (
               SELECT name FROM process_image
               WHERE upid = p.parent_upid
                 AND (at_us <= p.started_us OR image_no = 1)
               ORDER BY image_no DESC LIMIT 1), '')
             ELSE '' END
        || CASE WHEN EXISTS (SELECT 1 FROM process_parent
                             WHERE upid = p.upid) THEN coalesce(
          (SELECT group_concat(moved.text, '')
           FROM (
             SELECT '; from '
               || strftime('%Y-%m-%dT%H:%M:%S', q.at_us / 1000000, 'unixepoch')
               || printf('.%06dZ', q.at_us % 1000000)
               || ' parent ' || q.parent_pid
               || coalesce(' ' || (SELECT name FROM process_image
                                   WHERE upid = q.parent_upid
                                   ORDER BY image_no DESC LIMIT 1), '')
               AS text
             FROM (
               SELECT started_us + met_after_us AS at_us, source, parent_upid,
                 parent_pid
               FROM process
               WHERE upid = p.upid AND parent_pid IS NOT NULL
               UNION ALL
               SELECT at_us, source, parent_upid, parent_pid
               FROM process_parent
               WHERE upid = p.upid) AS q
             WHERE q.parent_pid <> p.parent_pid
               OR q.parent_upid IS NOT p.parent_upid
             ORDER BY q.at_us, q.source) AS moved), '')
          ELSE '' END AS detail,
      NULL AS earliest_us,
      i.tick_id
    FROM process AS born
    CROSS JOIN processes AS p ON p.upid = born.upid
    LEFT JOIN process_images AS i ON i.upid = p.upid AND i.image_no = 1
    WHERE born.started_us BETWEEN coalesce(:since, -9223372036854775807)
      AND coalesce(:until, 9223372036854775807)
    UNION ALL
    SELECT i.at_us, 2, 'exec', p.upid, p.pid, i.name,
      coalesce(i.command_line, i.executable, i.name)
        || CASE WHEN i.user IS NOT b.user
             THEN '; user ' || coalesce(b.user, '?') || ' -> '
               || coalesce(i.user, '?')
             ELSE '' END,
      NULL, i.tick_id
    FROM process_images AS i
    CROSS JOIN process AS p ON p.upid = i.upid
    LEFT JOIN process_images AS b ON b.upid = i.upid
      AND b.image_no = i.image_no - 1
    WHERE i.image_no > 1
      AND i.at_us BETWEEN coalesce(:since, -9223372036854775807)
      AND coalesce(:until, 9223372036854775807)
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
      b.bound_after_us, b.tick_id
    FROM port_binding AS b
    LEFT JOIN process AS p ON p.upid = b.upid
    WHERE b.bound_us BETWEEN coalesce(:since, -9223372036854775807)
        AND (SELECT until_us FROM reach)
      AND coalesce(b.bound_after_us, b.bound_us)
        <= coalesce(:until, 9223372036854775807)
    UNION ALL
    SELECT r.released_us, 4, 'released', b.upid, p.pid,
      (SELECT name FROM process_image
       WHERE upid = b.upid AND (at_us <= r.released_us OR image_no = 1)
       ORDER BY image_no DESC LIMIT 1),
      b.protocol || ' '
        || CASE WHEN instr(b.address, ':') > 0
             THEN '[' || b.address || ']' ELSE b.address END
        || ':' || b.port,
      r.released_after_us, r.tick_id
    FROM port_release AS r
    CROSS JOIN port_binding AS b ON b.binding_id = r.binding_id
    LEFT JOIN process AS p ON p.upid = b.upid
    WHERE r.released_us BETWEEN coalesce(:since, -9223372036854775807)
        AND (SELECT until_us FROM reach)
      AND coalesce(r.released_after_us, r.released_us)
        <= coalesce(:until, 9223372036854775807)
    UNION ALL
    -- Several witnesses of one end: the best alone.
    SELECT x.ended_us, 5, 'ended', x.upid, p.pid,
      (SELECT name FROM process_image WHERE upid = x.upid
       ORDER BY image_no DESC LIMIT 1),
      coalesce('exit code ' || x.exit_code,
        (SELECT g.name FROM signal_name AS g WHERE g.number = x.exit_signal),
        'SIG' || x.exit_signal, 'how is not known')
        || CASE x.source
             WHEN 4 THEN '; while nothing was recorded'
             WHEN 5 THEN '; at the latest when the machine was booted anew'
             ELSE '' END,
      x.ended_us - nullif(x.ended_within_us, 0), x.tick_id
    FROM process_exit AS x
    CROSS JOIN process AS p ON p.upid = x.upid
    WHERE x.source = (SELECT min(source) FROM process_exit
                      WHERE upid = x.upid)
      AND x.ended_us BETWEEN coalesce(:since, -9223372036854775807)
        AND (SELECT until_us FROM reach)
      AND x.ended_us - coalesce(x.ended_within_us, 0)
        <= coalesce(:until, 9223372036854775807)
  )
SELECT
  date(h.at_us / 1000000, 'unixepoch') || 'T'
    || time(h.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', h.at_us % 1000000) AS at,
  h.change, h.upid, h.pid, h.name, h.detail, h.at_us, h.earliest_us
FROM happening AS h
ORDER BY
  iif((SELECT ever FROM put_back),
      coalesce(h.tick_id, (SELECT tick_id FROM tick WHERE at_us >= h.at_us
                           ORDER BY at_us, tick_id LIMIT 1),
               9223372036854775807), h.at_us),
  h.at_us, h.step, h.upid, h.detail
