-- name: limits
-- summary: when the machine was over a limit, and for how long
-- why: whether CPU, memory or disk ran short or processes piled up just then; no interval reaches across a gap, since
--      nobody knows what was in it
-- example: galproc query limits --since yesterday
-- example: galproc query limits --max-cpu 95 --max-memory 90 --since 02:00 --until 04:00
-- param: max-cpu integer default 80: percent of all CPUs, over the length from tick to tick
-- param: max-memory integer default 80: percent of installed memory
-- param: max-disk integer default 90: percent of the root file system
-- param: max-processes integer default 500: processes alive
-- param: since instant default 1h: beginning of the range; alone it counts back from --until
-- param: until instant default now: end of the range
-- column: limit text: cpu, memory, disk, processes
-- column: from_at instant: the first tick at which it was reached or passed
-- column: to_at instant: the last tick of them, one after the other
-- column: peak real: the highest value in it: percent, or processes
-- column: ticks integer: how many ticks
-- column: cut_off text: no: the ticks before and after were below the limit; before: nothing is known just before it (a
--      gap), or it was so before the range already; after: likewise; both
-- column: from_us instant_us: the first tick
-- column: to_us instant_us: the last tick
-- column: from_earliest_us instant_us: earliest possible beginning: the tick before; unknown: see cut_off
-- column: to_latest_us instant_us: latest possible end: the tick after; unknown: see cut_off
WITH
  -- Holes that the recorder noticed itself: few.
  hole AS MATERIALIZED (
    SELECT from_us, to_us, kind = 'clock_step' AS is_step FROM gap
    WHERE kind <> 'wal_pinned' AND to_us IS NOT NULL
  ),
  value AS NOT MATERIALIZED (
    SELECT t.tick_id, t.previous_tick_id, t.at_us,
      bt.tick_id IS NULL
        OR t.late_us > r.interval_us
        OR EXISTS (SELECT 1 FROM hole AS h
                   WHERE CASE
                     -- It is between just these two, and may go back.
                     WHEN h.is_step
                       THEN h.from_us = bt.at_us AND h.to_us = t.at_us
                     ELSE h.from_us < t.at_us AND h.to_us > bt.at_us
                   END)
        AS follows_gap,
      min(100.0, 100.0 * max(0, s.cpu_busy_us - b.cpu_busy_us)
        / nullif(max(0, s.cpu_total_us - b.cpu_total_us), 0)) AS cpu,
      100.0 * (s.memory_total_bytes - s.memory_available_bytes)
        / s.memory_total_bytes AS memory,
      100.0 * s.disk_used_bytes / s.disk_total_bytes AS disk,
      t.process_count AS processes
    FROM tick AS t
    CROSS JOIN recording AS r ON r.recording_id = t.recording_id
    LEFT JOIN system_sample AS s ON s.tick_id = t.tick_id
    LEFT JOIN tick AS bt ON bt.tick_id = t.previous_tick_id
    LEFT JOIN system_sample AS b ON b.tick_id = t.previous_tick_id
  ),
  -- Mostly few.
  over AS MATERIALIZED (
    SELECT * FROM value
    WHERE at_us BETWEEN coalesce(:since, -9223372036854775807)
        AND coalesce(:until, 9223372036854775807)
      AND (cpu >= coalesce(:max_cpu, 80)
           OR memory >= coalesce(:max_memory, 80)
           OR disk >= coalesce(:max_disk, 90)
           OR processes >= coalesce(:max_processes, 500))
  ),
  measure AS (
    SELECT 1 AS step, 'cpu' AS name, cpu AS amount, o.* FROM over AS o
    WHERE cpu >= coalesce(:max_cpu, 80)
    UNION ALL
    SELECT 2, 'memory', memory, o.* FROM over AS o
    WHERE memory >= coalesce(:max_memory, 80)
    UNION ALL
    SELECT 3, 'disk', disk, o.* FROM over AS o
    WHERE disk >= coalesce(:max_disk, 90)
    UNION ALL
    SELECT 4, 'processes', CAST(processes AS REAL), o.* FROM over AS o
    WHERE processes >= coalesce(:max_processes, 500)
  ),
  -- A new interval begins where the tick before was below, or is not known of.
  marked AS (
    SELECT m.step, m.name, m.amount, m.tick_id, m.at_us,
      m.follows_gap OR m.previous_tick_id IS NOT lag(m.tick_id) OVER near
        AS begins
    FROM measure AS m
    WINDOW near AS (PARTITION BY m.step ORDER BY m.tick_id)
  ),
  numbered AS (
    SELECT m.*,
      sum(m.begins) OVER (PARTITION BY m.step ORDER BY m.tick_id) AS number
    FROM marked AS m
  ),
  interval AS MATERIALIZED (
    SELECT step, name, number, min(tick_id) AS first_id,
      max(tick_id) AS last_id, max(amount) AS peak, count(*) AS ticks
    FROM numbered
    GROUP BY step, number
  ),
  bounded AS (
    SELECT i.*, f.at_us AS from_us, l.at_us AS to_us,
      (SELECT v.at_us
       FROM value AS v
       WHERE v.tick_id = f.previous_tick_id
         AND NOT (SELECT follows_gap FROM value WHERE tick_id = i.first_id)
         AND CASE i.step WHEN 1 THEN v.cpu < coalesce(:max_cpu, 80)
             WHEN 2 THEN v.memory < coalesce(:max_memory, 80)
             WHEN 3 THEN v.disk < coalesce(:max_disk, 90)
             ELSE v.processes < coalesce(:max_processes, 500) END)
        AS from_earliest_us,
      (SELECT v.at_us
       FROM value AS v
       WHERE v.tick_id = (SELECT tick_id FROM tick WHERE tick_id > i.last_id
                          ORDER BY tick_id LIMIT 1)
         AND v.previous_tick_id = i.last_id AND NOT v.follows_gap
         AND CASE i.step WHEN 1 THEN v.cpu < coalesce(:max_cpu, 80)
             WHEN 2 THEN v.memory < coalesce(:max_memory, 80)
             WHEN 3 THEN v.disk < coalesce(:max_disk, 90)
             ELSE v.processes < coalesce(:max_processes, 500) END)
        AS to_latest_us
    FROM interval AS i
    CROSS JOIN tick AS f ON f.tick_id = i.first_id
    CROSS JOIN tick AS l ON l.tick_id = i.last_id
  )
SELECT b.name AS "limit",
  strftime('%Y-%m-%dT%H:%M:%S', b.from_us / 1000000, 'unixepoch')
    || printf('.%06dZ', b.from_us % 1000000) AS from_at,
  strftime('%Y-%m-%dT%H:%M:%S', b.to_us / 1000000, 'unixepoch')
    || printf('.%06dZ', b.to_us % 1000000) AS to_at,
  b.peak, b.ticks,
  CASE
    WHEN b.from_earliest_us IS NULL AND b.to_latest_us IS NULL THEN 'both'
    WHEN b.from_earliest_us IS NULL THEN 'before'
    WHEN b.to_latest_us IS NULL THEN 'after'
    ELSE 'no'
  END AS cut_off,
  b.from_us, b.to_us, b.from_earliest_us, b.to_latest_us
FROM bounded AS b
ORDER BY b.from_us, b.step, b.number
