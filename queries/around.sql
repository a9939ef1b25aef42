-- name: around
-- summary: what was different just after a moment, or an action, from just before it
-- why: what a kill, a deployment or an outage changed: processes that came, went or became something else, ports that
--      changed hands, and how busy the machine was on either side
-- example: galproc query around --at 03:12
-- example: galproc query around --action 17 --window 10s
-- param: at instant: the moment
-- param: action integer: instead of it: the action, as `action_id` in attempts
-- param: window duration default 60s: how far to look before it and after it
-- require: at | action
-- column: aspect text: tree, ports, resources
-- column: upid integer: the process; of a port the holder, unknown where it could not be seen
-- column: pid integer: its number
-- column: name text: its short name; of resources: what was measured
-- column: before text: how it was when the window began: the command line, or "not there"; of resources: over the length
--      before the moment
-- column: after text: how it was when the window ended; of resources: over the length after the moment
-- column: at instant: when it first changed; of resources: the moment
-- column: at_us instant_us: when it first changed; of resources: the moment
-- column: earliest_us instant_us: earliest possible instant of that, where it is not exact; unknown: exact, or no telling
WITH
  moment AS MATERIALIZED (
    SELECT m.at_us, m.at_us - :window AS from_us, m.at_us + :window AS to_us,
      -- What was seen at the next look may have happened up to the end.
      coalesce((SELECT t.at_us FROM tick AS t
                WHERE t.at_us > m.at_us + :window
                  AND t.process_count IS NOT NULL
                ORDER BY t.at_us LIMIT 1), m.at_us + :window) AS reach_us
    FROM (SELECT coalesce(:at, (SELECT at_us FROM action
                                WHERE action_id = :action)) AS at_us) AS m
    WHERE m.at_us IS NOT NULL
  ),
  -- Every process to which something happened, with the first thing. Bare
  -- columns follow min().
  touched AS MATERIALIZED (
    SELECT h.upid, min(h.at_us) AS at_us, h.earliest_us
    FROM (
      SELECT p.upid, p.started_us AS at_us, NULL AS earliest_us
      FROM moment AS m
      CROSS JOIN process AS p ON p.started_us > m.from_us
        AND p.started_us <= m.to_us
      UNION ALL
      SELECT x.upid, x.ended_us, x.ended_us - x.ended_within_us
      FROM moment AS m
      CROSS JOIN process_exit AS x ON x.ended_us > m.from_us
        AND x.ended_us <= m.reach_us
        AND x.ended_us - coalesce(x.ended_within_us, 0) <= m.to_us
      WHERE x.source = (SELECT min(source) FROM process_exit
                        WHERE upid = x.upid)
      UNION ALL
      SELECT i.upid, i.at_us, NULL
      FROM moment AS m
      CROSS JOIN process_image AS i ON i.at_us > m.from_us
        AND i.at_us <= m.to_us
      WHERE i.image_no > 1) AS h
    GROUP BY h.upid
  ),
  life AS (
    SELECT t.*, p.pid, m.from_us, m.to_us, x.ended_us, x.exit_code,
      x.exit_signal, x.source,
      p.started_us <= m.from_us AS was_there,
      coalesce(x.ended_us - coalesce(x.ended_within_us, 0) <= m.to_us, 0)
        AS is_gone,
      coalesce((SELECT max(image_no) FROM process_image
                WHERE upid = t.upid AND at_us <= m.from_us), 1)
        AS first_image_no,
      coalesce((SELECT max(image_no) FROM process_image
                WHERE upid = t.upid AND at_us <= m.to_us), 1)
        AS last_image_no
    FROM moment AS m
    CROSS JOIN touched AS t
    CROSS JOIN process AS p ON p.upid = t.upid
    LEFT JOIN process_exit AS x ON x.upid = t.upid
      AND x.source = (SELECT min(source) FROM process_exit
                      WHERE upid = t.upid)
  ),
  tree AS (
    SELECT l.upid, l.pid, e.name,
      iif(l.was_there, coalesce(b.command_line, b.executable, b.name),
          'not there') AS before,
      iif(l.is_gone, '', coalesce(e.command_line, e.executable, e.name))
        || CASE
          WHEN NOT l.is_gone THEN ''
          ELSE 'ended: ' || coalesce('exit code ' || l.exit_code,
            (SELECT g.name FROM signal_name AS g
             WHERE g.number = l.exit_signal),
            'SIG' || l.exit_signal, 'how is not known')
            || CASE (SELECT name FROM witness WHERE source = l.source)
              WHEN 'gap' THEN '; while nothing was recorded'
              WHEN 'reboot'
                THEN '; at the latest when the machine was booted anew'
              ELSE '' END
            || iif(l.was_there, '', '; it was '
              || coalesce(e.command_line, e.executable, e.name))
        END AS after,
      l.at_us, l.earliest_us
    FROM life AS l
    LEFT JOIN process_images AS b ON b.upid = l.upid
      AND b.image_no = l.first_image_no
    LEFT JOIN process_images AS e ON e.upid = l.upid
      AND e.image_no = l.last_image_no
  ),
  moved AS MATERIALIZED (
    SELECT h.binding_id, min(h.at_us) AS at_us, h.earliest_us
    FROM (
      SELECT b.binding_id, b.bound_us AS at_us,
        b.bound_after_us AS earliest_us
      FROM moment AS m
      CROSS JOIN port_binding AS b ON b.bound_us > m.from_us
        AND b.bound_us <= m.reach_us
        AND coalesce(b.bound_after_us, b.bound_us) <= m.to_us
      UNION ALL
      SELECT r.binding_id, r.released_us, r.released_after_us
      FROM moment AS m
      CROSS JOIN port_release AS r ON r.released_us > m.from_us
        AND r.released_us <= m.reach_us
        AND coalesce(r.released_after_us, r.released_us) <= m.to_us) AS h
    GROUP BY h.binding_id
  ),
  port AS (
    SELECT b.upid, p.pid,
      (SELECT name FROM process_image
       WHERE upid = b.upid AND (at_us <= m.to_us OR image_no = 1)
       ORDER BY image_no DESC LIMIT 1) AS name,
      b.protocol || ' '
        || CASE WHEN instr(b.address, ':') > 0
             THEN '[' || b.address || ']' ELSE b.address END
        || ':' || b.port AS socket,
      b.bound_us <= m.from_us AS was_held,
      b.bound_after_us IS NULL AS was_first_look,
      coalesce(coalesce(r.released_after_us, r.released_us) <= m.to_us, 0)
        AS is_released,
      v.at_us, v.earliest_us, v.binding_id
    FROM moment AS m
    CROSS JOIN moved AS v
    CROSS JOIN port_binding AS b ON b.binding_id = v.binding_id
    LEFT JOIN port_release AS r ON r.binding_id = v.binding_id
    LEFT JOIN process AS p ON p.upid = b.upid
  ),
  -- Differences to the tick before of the same recording; lengths by the boot
  -- clock.
  look AS (
    SELECT t.at_us > m.at_us AS is_after, t.process_count,
      t.boot_us - bt.boot_us AS length_us,
      max(0, s.cpu_busy_us - b.cpu_busy_us) AS cpu_busy_us,
      nullif(max(0, s.cpu_total_us - b.cpu_total_us), 0) AS cpu_total_us,
      max(0, s.cpu_pressure_us - b.cpu_pressure_us) AS cpu_pressure_us,
      max(0, s.memory_pressure_us - b.memory_pressure_us)
        AS memory_pressure_us,
      max(0, s.io_pressure_us - b.io_pressure_us) AS io_pressure_us,
      100.0 * (s.memory_total_bytes - s.memory_available_bytes)
        / s.memory_total_bytes AS memory_used_pct,
      100.0 * s.swap_used_bytes / s.swap_total_bytes AS swap_used_pct,
      100.0 * s.disk_used_bytes / s.disk_total_bytes AS disk_used_pct,
      s.load_1m
    FROM moment AS m
    CROSS JOIN tick AS t ON t.at_us > m.from_us AND t.at_us <= m.to_us
    LEFT JOIN system_sample AS s ON s.tick_id = t.tick_id
    LEFT JOIN tick AS bt ON bt.tick_id = t.previous_tick_id
    LEFT JOIN system_sample AS b ON b.tick_id = t.previous_tick_id
  ),
  side AS MATERIALIZED (
    SELECT is_after,
      min(100.0, 100.0 * sum(cpu_busy_us) / sum(cpu_total_us)) AS cpu_pct,
      max(memory_used_pct) AS memory_used_pct,
      max(swap_used_pct) AS swap_used_pct,
      max(disk_used_pct) AS disk_used_pct, max(load_1m) AS load_1m,
      100.0 * sum(cpu_pressure_us)
        / sum(iif(cpu_pressure_us IS NULL, NULL, length_us))
        AS cpu_pressure_pct,
      100.0 * sum(memory_pressure_us)
        / sum(iif(memory_pressure_us IS NULL, NULL, length_us))
        AS memory_pressure_pct,
      100.0 * sum(io_pressure_us)
        / sum(iif(io_pressure_us IS NULL, NULL, length_us))
        AS io_pressure_pct,
      max(process_count) AS process_count
    FROM look
    GROUP BY is_after
  ),
  measure AS (
    SELECT is_after, 1 AS place, 'cpu_pct' AS name, cpu_pct AS amount,
      1 AS digits FROM side
    UNION ALL
    SELECT is_after, 2, 'memory_used_pct', memory_used_pct, 1 FROM side
    UNION ALL SELECT is_after, 3, 'swap_used_pct', swap_used_pct, 1 FROM side
    UNION ALL SELECT is_after, 4, 'disk_used_pct', disk_used_pct, 1 FROM side
    UNION ALL SELECT is_after, 5, 'load_1m', load_1m, 2 FROM side
    UNION ALL
    SELECT is_after, 6, 'cpu_pressure_pct', cpu_pressure_pct, 1 FROM side
    UNION ALL
    SELECT is_after, 7, 'memory_pressure_pct', memory_pressure_pct, 1
    FROM side
    UNION ALL
    SELECT is_after, 8, 'io_pressure_pct', io_pressure_pct, 1 FROM side
    UNION ALL SELECT is_after, 9, 'process_count', process_count, 0 FROM side
  ),
  shown AS (
    SELECT 1 AS step, 'tree' AS aspect, upid, pid, name, before, after, at_us,
      earliest_us, upid AS place
    FROM tree
    UNION ALL
    SELECT 2, 'ports', upid, pid, name,
      socket || CASE
        WHEN was_held THEN ' held'
        WHEN was_first_look THEN ' not looked at'
        ELSE ' not held' END,
      socket || CASE
        WHEN NOT is_released THEN ' held'
        WHEN was_held THEN ' not held'
        ELSE ' not held any more' END,
      at_us, earliest_us, binding_id
    FROM port
    UNION ALL
    SELECT 3, 'resources', NULL, NULL, v.name,
      max(CASE WHEN NOT v.is_after AND v.amount IS NOT NULL
            THEN printf('%.*f', v.digits, v.amount) END),
      max(CASE WHEN v.is_after AND v.amount IS NOT NULL
            THEN printf('%.*f', v.digits, v.amount) END),
      m.at_us, NULL, v.place
    FROM moment AS m
    CROSS JOIN measure AS v
    GROUP BY v.place
  )
SELECT s.aspect, s.upid, s.pid, s.name, s.before, s.after,
  strftime('%Y-%m-%dT%H:%M:%S', s.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', s.at_us % 1000000) AS at,
  s.at_us, s.earliest_us
FROM shown AS s
ORDER BY s.step, iif(s.step = 3, 0, s.at_us), s.place
