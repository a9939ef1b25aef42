-- name: process
-- summary: the life of one process
-- why: everything that was seen to happen to it: its start and parents, each exec, its ports, its end
-- example: galproc query process --pid 4242
-- param: pid integer: the process's number; all that ever had it are answered for
-- param: upid integer: the process
-- param: since instant: events before are left out (all that is recorded unless given)
-- param: until instant default now: events after are left out
-- require: pid | upid
-- column: at instant: when it happened, or was first seen
-- column: event text: started, exec, bound, released, ended
-- column: detail text: command line and parents; the socket; how it ended
-- column: upid integer: the process
-- column: pid integer: its number
-- column: name text: its short name of then
-- column: at_us instant_us: when it happened, or was first seen
-- column: earliest_us instant_us: earliest possible instant, where it is not exact; unknown: exact, or no telling
WITH
  asked AS (
    SELECT upid FROM process
    WHERE upid = :upid AND (:pid IS NULL OR pid = :pid)
    UNION ALL
    SELECT upid FROM process WHERE :upid IS NULL AND pid = :pid
  ),
  happening AS (
    SELECT p.started_us AS at_us, 1 AS step, 'started' AS event, p.upid, p.pid,
      i.name,
      coalesce(i.command_line, i.executable, i.name)
        || CASE WHEN p.parent_pid > 0
             THEN '; parent ' || p.parent_pid || coalesce(' ' || pi.name, '')
             ELSE '' END
        || coalesce(
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
             ORDER BY q.at_us, q.source) AS moved), '') AS detail, NULL AS earliest_us,
      0 AS tick_id
    FROM asked AS a
    CROSS JOIN processes AS p ON p.upid = a.upid
    LEFT JOIN process_images AS i ON i.upid = p.upid AND i.image_no = 1
    LEFT JOIN process_image AS pi ON pi.upid = p.parent_upid
      AND pi.image_no = coalesce(
        (SELECT max(image_no) FROM process_image
         WHERE upid = p.parent_upid AND at_us <= p.started_us), 1)
    UNION ALL
    SELECT i.at_us, 2, 'exec', p.upid, p.pid, i.name,
      coalesce(i.command_line, i.executable, i.name)
        || CASE WHEN i.user IS NOT b.user
             THEN '; user ' || coalesce(b.user, '?') || ' -> '
               || coalesce(i.user, '?')
             ELSE '' END,
      NULL, i.tick_id
    FROM asked AS a
    CROSS JOIN process AS p ON p.upid = a.upid
    CROSS JOIN process_images AS i ON i.upid = a.upid AND i.image_no > 1
    LEFT JOIN process_images AS b ON b.upid = a.upid
      AND b.image_no = i.image_no - 1
    UNION ALL
    SELECT b.bound_us, 3, 'bound', p.upid, p.pid,
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
    FROM asked AS a
    CROSS JOIN process AS p ON p.upid = a.upid
    CROSS JOIN port_binding AS b ON b.upid = a.upid
    UNION ALL
    SELECT r.released_us, 4, 'released', p.upid, p.pid,
      (SELECT name FROM process_image
       WHERE upid = b.upid AND (at_us <= r.released_us OR image_no = 1)
       ORDER BY image_no DESC LIMIT 1),
      b.protocol || ' '
        || CASE WHEN instr(b.address, ':') > 0
             THEN '[' || b.address || ']' ELSE b.address END
        || ':' || b.port,
      r.released_after_us, r.tick_id
    FROM asked AS a
    CROSS JOIN process AS p ON p.upid = a.upid
    CROSS JOIN port_binding AS b ON b.upid = a.upid
    CROSS JOIN port_release AS r ON r.binding_id = b.binding_id
    UNION ALL
    SELECT p.ended_us, 5, 'ended', p.upid, p.pid, p.name,
      coalesce('exit code ' || p.exit_code, p.exit_signal,
        'how is not known')
        || CASE p.exit_source
             WHEN 'gap' THEN '; while nothing was recorded'
             WHEN 'reboot' THEN '; at the latest when the machine was booted anew'
             ELSE '' END,
      nullif(p.ended_earliest_us, p.ended_us),
      (SELECT tick_id FROM process_exit AS x
       WHERE x.upid = p.upid AND x.source = (SELECT min(source)
         FROM process_exit WHERE upid = p.upid))
    FROM asked AS a
    CROSS JOIN processes AS p ON p.upid = a.upid
    WHERE p.ended_us IS NOT NULL
  )
SELECT
  strftime('%Y-%m-%dT%H:%M:%S', h.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', h.at_us % 1000000) AS at,
  h.event, h.detail, h.upid, h.pid, h.name, h.at_us, h.earliest_us
FROM happening AS h
WHERE h.at_us >= coalesce(:since, -9223372036854775807)
  AND coalesce(h.earliest_us, h.at_us)
    <= coalesce(:until, 9223372036854775807)
-- What no tick is known of has its place by time.
ORDER BY h.upid,
  coalesce(h.tick_id, (SELECT t.tick_id FROM tick AS t
                       WHERE t.at_us >= h.at_us
                       ORDER BY t.at_us, t.tick_id LIMIT 1),
           9223372036854775807),
  h.at_us, h.step, h.detail
