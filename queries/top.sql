-- name: top
-- summary: who used most CPU, memory or storage in a time
-- why: cumulative counters at both ends of the range and at each exit in it, so what ran between two looks
--      counts too, and a process that is long gone is still in the list
-- example: galproc query top --since 03:00 --until 04:00
-- example: galproc query top --by memory --since yesterday
-- param: by text of cpu|memory|io default cpu: what to order by
-- param: limit integer: only so many
-- param: since instant default 1h: beginning of the range; alone it counts back from --until
-- param: until instant default now: end of the range
-- column: upid integer: the process
-- column: pid integer: its number
-- column: name text: short name, of the last image
-- column: cpu_us duration_us: CPU time in the range; unknown for one seen too late to know
-- column: cpu_pct percent: that, of one CPU over the whole range
-- column: resident_bytes bytes: most memory seen; over ranges of more than 2 h, but with --by memory, only that of
--      keyframes (each 5 minutes or 60 ticks), of both ends and of exits
-- column: io_bytes bytes: read from and written to storage in the range; unknown where not readable
-- column: user text: whose process it is, of the last image
-- column: command_line text: its arguments, of the last image
-- column: started_at instant: its start
-- column: ended_at instant: its end; unknown for one that lives
-- column: started_us instant_us: its start
-- column: ended_us instant_us: its end
WITH
  -- Both ends: the last tick up to then at which the process table was read.
  edge_tick AS (
    SELECT 'last' AS edge, CASE
      WHEN :until IS NULL THEN (SELECT max(tick_id) FROM tick)
      ELSE (SELECT tick_id FROM tick WHERE at_us <= :until
            ORDER BY at_us DESC, tick_id DESC LIMIT 1)
    END AS tick_id
    UNION ALL
    SELECT 'first', (SELECT tick_id FROM tick WHERE at_us <= :since
                     ORDER BY at_us DESC, tick_id DESC LIMIT 1)
  ),
  edge AS MATERIALIZED (
    SELECT e.edge, m.tick_id, m.keyframe_tick_id, m.at_us, m.boot_us
    FROM edge_tick AS e
    CROSS JOIN tick AS c ON c.tick_id = e.tick_id
    CROSS JOIN tick AS m ON m.tick_id = (
      SELECT r.tick_id FROM tick AS r
      WHERE r.tick_id BETWEEN c.keyframe_tick_id AND c.tick_id
        AND r.process_count IS NOT NULL
      ORDER BY r.tick_id DESC LIMIT 1)
  ),
  -- Without a tick before it the range begins with the recording.
  span AS MATERIALIZED (
    SELECT coalesce(f.tick_id, 0) AS first_tick_id,
      coalesce(f.keyframe_tick_id, 0) AS first_keyframe_tick_id,
      coalesce(f.at_us, :since, (SELECT min(at_us) FROM tick)) AS first_us,
      l.tick_id AS last_tick_id, l.keyframe_tick_id AS last_keyframe_tick_id,
      l.at_us AS last_us
    FROM edge AS l
    LEFT JOIN edge AS f ON f.edge = 'first'
    WHERE l.edge = 'last' AND coalesce(f.tick_id, 0) <= l.tick_id
  ),
  -- First ticks of the recordings that began in the range.
  opening AS MATERIALIZED (
    SELECT t.tick_id, t.boot_us, r.boot_id
    FROM span AS s
    CROSS JOIN tick AS t
      ON t.tick_id BETWEEN s.first_tick_id + 1 AND s.last_tick_id
    CROSS JOIN recording AS r ON r.recording_id = t.recording_id
    WHERE t.previous_tick_id IS NULL
  ),
  -- Length on the boot clock: from end to end, less each jump to another boot.
  length AS (
    SELECT l.boot_us
      - coalesce(f.boot_us, (SELECT boot_us FROM opening
                             ORDER BY tick_id LIMIT 1))
      - coalesce(
          (SELECT sum(o.boot_us - b.boot_us)
           FROM opening AS o
           CROSS JOIN tick AS b ON b.tick_id = (
             SELECT max(tick_id) FROM tick WHERE tick_id < o.tick_id)
           CROSS JOIN recording AS r ON r.recording_id = b.recording_id
           WHERE r.boot_id <> o.boot_id
             AND b.tick_id >= (SELECT first_tick_id FROM span)), 0)
      AS length_us
    FROM edge AS l
    LEFT JOIN edge AS f ON f.edge = 'first'
    WHERE l.edge = 'last'
  ),
  state_first AS MATERIALIZED (
    SELECT s.upid, max(s.tick_id) AS tick_id,
      s.cpu_user_us + s.cpu_system_us AS cpu_us,
      s.read_bytes + s.written_bytes AS io_bytes, s.resident_bytes
    FROM span AS r
    CROSS JOIN process_sample AS s
      ON s.tick_id BETWEEN r.first_keyframe_tick_id AND r.first_tick_id
    GROUP BY s.upid
  ),
  state_last AS MATERIALIZED (
    SELECT s.upid, max(s.tick_id) AS tick_id,
      s.cpu_user_us + s.cpu_system_us AS cpu_us,
      s.read_bytes + s.written_bytes AS io_bytes, s.resident_bytes
    FROM span AS r
    CROSS JOIN process_sample AS s
      ON s.tick_id BETWEEN r.last_keyframe_tick_id AND r.last_tick_id
    GROUP BY s.upid
  ),
  -- One row a fact: the last counters, those of before, and memory.
  fact (upid, cpu_us, io_bytes, exit_peak_bytes, ended_us, was_there,
        first_cpu_us, first_io_bytes, resident_bytes) AS (
    SELECT x.upid, x.cpu_user_us + x.cpu_system_us,
      x.read_bytes + x.written_bytes, x.peak_resident_bytes,
      x.ended_us, NULL, NULL, NULL, NULL
    FROM span AS s
    CROSS JOIN process_exit AS x
      ON x.ended_us BETWEEN s.first_us - 2000000 AND s.last_us + 2000000
    WHERE CASE
      WHEN x.tick_id IS NULL
        THEN x.ended_us > s.first_us AND x.ended_us <= s.last_us
      ELSE x.tick_id > s.first_tick_id AND x.tick_id <= s.last_tick_id
    END
    UNION ALL
    -- The last window may reach back to before the range: who was dead at
    -- its beginning is none of it.
    SELECT l.upid, l.cpu_us, l.io_bytes, NULL, NULL, NULL, NULL, NULL,
      l.resident_bytes
    FROM span AS s
    CROSS JOIN state_last AS l
    WHERE s.last_keyframe_tick_id > s.first_tick_id
      OR NOT EXISTS (
        SELECT 1 FROM process_exit AS x
        WHERE x.upid = l.upid
          AND (x.tick_id <= s.first_tick_id
               OR x.tick_id IS NULL AND x.ended_us <= s.first_us))
    UNION ALL
    SELECT upid, NULL, NULL, NULL, NULL, 1, cpu_us, io_bytes,
      resident_bytes
    FROM state_first
    UNION ALL
    -- For those that could not be seen at the first tick.
    SELECT s.upid, NULL, NULL, NULL, NULL, NULL,
      s.cpu_user_us + s.cpu_system_us, s.read_bytes + s.written_bytes, NULL
    FROM opening AS o
    CROSS JOIN process_sample AS s ON s.tick_id = o.tick_id
    UNION ALL
    SELECT s.upid, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
      max(s.resident_bytes)
    FROM span AS r
    CROSS JOIN process_sample AS s
      ON s.tick_id BETWEEN r.first_tick_id AND r.last_tick_id
    WHERE :by = 'memory'
    GROUP BY s.upid
  ),
  -- Counters only grow: the highest is the last, the lowest the first.
  known AS (
    SELECT upid, max(cpu_us) AS cpu_us, max(io_bytes) AS io_bytes,
      max(exit_peak_bytes) AS exit_peak_bytes, max(ended_us) AS ended_us,
      max(was_there) AS was_there,
      min(first_cpu_us) AS first_cpu_us,
      min(first_io_bytes) AS first_io_bytes,
      max(resident_bytes) AS resident_bytes
    FROM fact
    GROUP BY upid
  ),
  -- What each one had used before: nothing if it began in the range (2 s of
  -- grace: a start is cut to 10 ms and a reading takes its time).
  used AS (
    SELECT k.upid, p.pid, p.started_us, k.ended_us,
      max(0, k.cpu_us - CASE
        WHEN k.was_there IS NULL AND p.started_us > s.first_us - 2000000
          THEN 0
        ELSE k.first_cpu_us END) AS cpu_us,
      max(0, k.io_bytes - CASE
        WHEN k.was_there IS NULL AND p.started_us > s.first_us - 2000000
          THEN 0
        ELSE k.first_io_bytes END) AS io_bytes,
      -- The peak of an exit is that of the whole life.
      nullif(max(coalesce(k.resident_bytes, 0), CASE
        WHEN k.was_there IS NULL AND p.started_us > s.first_us - 2000000
          THEN coalesce(k.exit_peak_bytes, 0)
        ELSE 0 END), 0) AS resident_bytes
    FROM span AS s
    CROSS JOIN known AS k
    CROSS JOIN process AS p ON p.upid = k.upid
    WHERE k.cpu_us IS NOT NULL
  ),
  -- Texts and peaks are looked up for the rows that are shown, no others.
  ranked AS MATERIALIZED (
    SELECT upid, pid, started_us, ended_us, cpu_us, io_bytes, resident_bytes
    FROM used
    ORDER BY
      CASE :by WHEN 'memory' THEN resident_bytes WHEN 'io' THEN io_bytes
        ELSE cpu_us END DESC,
      cpu_us DESC, upid
    LIMIT coalesce(:limit, -1)
  ),
  -- Of each tick where that was asked for or costs little, else of keyframes.
  look AS MATERIALIZED (
    SELECT t.tick_id
    FROM span AS r
    CROSS JOIN tick AS t
      ON t.tick_id BETWEEN r.first_tick_id AND r.last_tick_id
    WHERE :by IS NOT 'memory'
      AND (r.last_us - r.first_us <= 7200000000
           OR t.keyframe_tick_id = t.tick_id)
  ),
  peak AS (
    SELECT s.upid, max(s.resident_bytes) AS resident_bytes
    FROM look AS l
    CROSS JOIN process_sample AS s ON s.tick_id = l.tick_id
    -- The plus: look at each row, rather than for each upid at each tick.
    WHERE :limit IS NULL OR +s.upid IN (SELECT upid FROM ranked)
    GROUP BY s.upid
  )
SELECT u.upid, u.pid, i.name, u.cpu_us,
  100.0 * u.cpu_us / nullif(l.length_us, 0) AS cpu_pct,
  max(coalesce(u.resident_bytes, m.resident_bytes),
      coalesce(m.resident_bytes, u.resident_bytes)) AS resident_bytes,
  u.io_bytes, i.user, i.command_line,
  strftime('%Y-%m-%dT%H:%M:%S', u.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', u.started_us % 1000000) AS started_at,
  strftime('%Y-%m-%dT%H:%M:%S', u.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', u.ended_us % 1000000) AS ended_at,
  u.started_us, u.ended_us
FROM length AS l
CROSS JOIN ranked AS u
LEFT JOIN peak AS m ON m.upid = u.upid
LEFT JOIN process_image AS i ON i.upid = u.upid
  AND i.image_no = (SELECT max(image_no) FROM process_image
                    WHERE upid = u.upid)
ORDER BY
  CASE :by WHEN 'memory' THEN u.resident_bytes WHEN 'io' THEN u.io_bytes
    ELSE u.cpu_us END DESC,
  u.cpu_us DESC, u.upid
