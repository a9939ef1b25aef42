-- name: history
-- summary: what one process used over time
-- why: whether it grew, span or slept, tick by tick or in lengths of your choice
-- example: galproc query history --pid 4242 --every 5m
-- example: galproc query history --pid 4242 --since 03:00 --until 03:30
-- param: pid integer: the process's number; all that ever had it are answered for
-- param: upid integer: the process
-- param: every duration: one row for each such length; CPU and I/O are those of all of it, the rest the highest in it
-- param: since instant: beginning of the range (all that is recorded unless given)
-- param: until instant default now: end of the range
-- require: pid | upid
-- column: at instant: the tick; of one that ended also its end; with --every the beginning of the length
-- column: upid integer: the process
-- column: cpu_pct percent: of one CPU, since the tick before; unknown at a recording's first tick
-- column: resident_bytes bytes: memory held; unknown at its end
-- column: thread_count integer: living threads; unknown at its end
-- column: io_bytes bytes: read from and written to storage since the tick before; unknown where not readable
-- column: pid integer: its number
-- column: cpu_us duration_us: CPU time since the tick before
-- column: at_us instant_us: the tick, or its end; with --every the beginning of the length
WITH
  asked AS (
    SELECT upid FROM process
    WHERE upid = :upid AND (:pid IS NULL OR pid = :pid)
    UNION ALL
    SELECT upid FROM process WHERE :upid IS NULL AND pid = :pid
  ),
  -- The first and the last tick of all in the time that is asked about.
  looks AS MATERIALIZED (
    SELECT min(tick_id) AS low_tick_id, max(tick_id) AS high_tick_id
    FROM tick
    WHERE at_us >= :since AND at_us <= coalesce(:until, 9223372036854775807)
  ),
  -- The ticks to look at: from the first that saw it, or, where that is not
  -- known, from 2 s before its start (it is cut to 10 ms, and a reading takes its
  -- time), or from :since, to the end or :until. The wall clock may have been
  -- set: these are the first and the last tick of all in that time.
  bounded AS (
    SELECT p.upid, p.pid, p.started_us, p.met_after_us,
      CASE
        WHEN :since IS NULL AND m.tick_id IS NOT NULL
          THEN max(m.tick_id, (SELECT min(tick_id) FROM tick))
        WHEN m.tick_id IS NOT NULL THEN max(m.tick_id, k.low_tick_id)
        ELSE (SELECT min(+tick_id) FROM tick
              WHERE at_us >= max(coalesce(:since, -9223372036854775807),
                                 p.started_us - 2000000)
                AND at_us <= coalesce(:until, 9223372036854775807))
      END AS low_tick_id,
      CASE
        -- What nobody has a tick of ends by time.
        WHEN (SELECT count(*) > 0 AND count(tick_id) = 0
              FROM process_exit WHERE upid = p.upid)
          THEN (SELECT max(tick_id) FROM tick
                WHERE at_us <= min(
                  coalesce(:until, 9223372036854775807),
                  (SELECT min(ended_us) FROM process_exit
                   WHERE upid = p.upid)))
        WHEN :since IS NULL
          THEN (SELECT max(tick_id) FROM tick
                WHERE at_us <= coalesce(:until, 9223372036854775807))
        ELSE k.high_tick_id
      END AS high_tick_id,
      (SELECT min(tick_id) FROM process_exit
       WHERE upid = p.upid) AS end_tick_id
    FROM asked AS a
    CROSS JOIN looks AS k
    CROSS JOIN process AS p ON p.upid = a.upid
    LEFT JOIN process_image AS m ON m.upid = p.upid AND m.image_no = 1
  ),
  -- Reading begins at a keyframe, so that the first value is known.
  life AS MATERIALIZED (
    SELECT b.upid, b.pid, b.started_us, b.met_after_us, b.low_tick_id,
      min(b.high_tick_id, coalesce(b.end_tick_id - 1, b.high_tick_id))
        AS high_tick_id,
      coalesce(k.keyframe_tick_id, b.low_tick_id) AS base_tick_id
    FROM bounded AS b
    CROSS JOIN tick AS t ON t.tick_id = b.low_tick_id
    LEFT JOIN tick AS k ON k.tick_id = t.previous_tick_id
  ),
  -- The stored rows, one seek a tick, each with the row before it: a row stands
  -- until the next one. Walked in the order of the window, which then need not
  -- sort. One frame of three rows costs a third less than lag() and lead(), which
  -- keep the whole partition; where a neighbour is missing it ends with the row
  -- itself.
  standing AS NOT MATERIALIZED (
    SELECT p.upid, t.tick_id, t.boot_us, t.previous_tick_id,
      s.cpu_us, s.io_bytes, s.resident_bytes,
      s.thread_count,
      nullif(first_value(t.tick_id) OVER near, t.tick_id) AS row_before_id,
      first_value(s.cpu_us) OVER near AS cpu_before_us,
      first_value(s.io_bytes) OVER near AS io_before_bytes,
      nullif(last_value(t.tick_id) OVER near, t.tick_id) AS row_after_id
    FROM process AS p
    CROSS JOIN tick AS t ON t.tick_id
      BETWEEN (SELECT base_tick_id FROM life WHERE upid = p.upid)
      AND (SELECT high_tick_id FROM life WHERE upid = p.upid)
    CROSS JOIN process_sample AS s ON s.sample_id = t.tick_id << 32 | p.upid
    WHERE p.upid IN (SELECT upid FROM asked)
    WINDOW near AS (PARTITION BY p.upid ORDER BY t.tick_id
      ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)
  ),
  -- The last look at the process table before each row: as a rule the tick
  -- before.
  compared AS NOT MATERIALIZED (
    SELECT c.*, l.pid, l.started_us, l.met_after_us, l.low_tick_id,
      l.high_tick_id,
      iif(p.process_count IS NOT NULL, p.boot_us,
          (SELECT r.boot_us FROM tick AS r
           WHERE r.tick_id BETWEEN p.keyframe_tick_id AND p.tick_id
             AND r.process_count IS NOT NULL
           ORDER BY r.tick_id DESC LIMIT 1)) AS boot_before_us,
      iif(p.process_count IS NOT NULL, p.at_us,
          (SELECT r.at_us FROM tick AS r
           WHERE r.tick_id BETWEEN p.keyframe_tick_id AND p.tick_id
             AND r.process_count IS NOT NULL
           ORDER BY r.tick_id DESC LIMIT 1)) AS at_before_us
    FROM standing AS c
    CROSS JOIN life AS l ON l.upid = c.upid
    LEFT JOIN tick AS p ON p.tick_id = c.previous_tick_id
  ),
  -- Each row with what it changed by since then. Born since, it had used nothing
  -- until then.
  rated AS MATERIALIZED (
    SELECT upid, pid, tick_id, low_tick_id,
      coalesce(row_after_id - 1, high_tick_id) AS until_tick_id,
      resident_bytes, thread_count, io_bytes,
      boot_us - boot_before_us AS length_us,
      cpu_us - CASE
        WHEN boot_before_us IS NULL THEN NULL
        WHEN row_before_id IS NOT NULL THEN cpu_before_us
        WHEN boot_us - met_after_us > boot_before_us - 2000000
          AND (started_us > at_before_us - 2000000
               OR abs((SELECT n.at_us FROM tick AS n
                       WHERE n.tick_id = compared.tick_id)
                      - boot_us - at_before_us + boot_before_us) > 500000)
          THEN 0
      END AS cpu_change_us,
      io_bytes - CASE
        WHEN boot_before_us IS NULL THEN NULL
        WHEN row_before_id IS NOT NULL THEN io_before_bytes
        WHEN boot_us - met_after_us > boot_before_us - 2000000
          AND (started_us > at_before_us - 2000000
               OR abs((SELECT n.at_us FROM tick AS n
                       WHERE n.tick_id = compared.tick_id)
                      - boot_us - at_before_us + boot_before_us) > 500000)
          THEN 0
      END AS io_change_bytes
    FROM compared
  ),
  -- One row a tick: nothing changed where no row was stored.
  ticked AS NOT MATERIALIZED (
    SELECT r.upid, r.pid, r.resident_bytes, r.thread_count, t.tick_id, t.at_us,
      t.boot_us, t.previous_tick_id,
      CASE WHEN t.tick_id = r.tick_id THEN r.length_us END AS length_us,
      CASE
        WHEN t.process_count IS NULL THEN NULL
        WHEN t.tick_id = r.tick_id THEN r.cpu_change_us
        ELSE 0
      END AS cpu_us,
      CASE
        WHEN t.process_count IS NULL THEN NULL
        WHEN t.tick_id = r.tick_id THEN r.io_change_bytes
        WHEN r.io_bytes IS NOT NULL THEN 0
      END AS io_bytes
    FROM rated AS r
    CROSS JOIN tick AS t ON t.tick_id
      BETWEEN max(r.tick_id, r.low_tick_id) AND r.until_tick_id
    WHERE +t.at_us BETWEEN coalesce(:since, -9223372036854775807)
      AND coalesce(:until, 9223372036854775807)
  ),
  -- What it used after the last tick that saw it, or, where none did, in all of
  -- its life, if its end was told with its counters.
  ending AS MATERIALIZED (
    SELECT x.upid, p.pid, x.ended_us AS at_us, x.tick_id,
      x.cpu_us - CASE WHEN s.sample_id IS NOT NULL THEN s.cpu_us
        WHEN p.started_us > b.at_us - 2000000 THEN 0 END AS cpu_us,
      x.io_bytes - CASE WHEN s.sample_id IS NOT NULL THEN s.io_bytes
        WHEN p.started_us > b.at_us - 2000000 THEN 0 END AS io_bytes,
      nullif(max(0, iif(s.sample_id IS NULL, x.ended_us - p.started_us,
        t.boot_us - t.at_us + x.ended_us - b.boot_us)), 0) AS length_us
    FROM asked AS a
    CROSS JOIN process AS p ON p.upid = a.upid
    CROSS JOIN process_exit AS x ON x.upid = a.upid
      AND x.source = (SELECT min(source) FROM process_exit
                      WHERE upid = a.upid)
    CROSS JOIN tick AS t ON t.tick_id = x.tick_id
    -- The first tick of a run does not know what came before.
    CROSS JOIN tick AS b ON b.tick_id = t.previous_tick_id
    LEFT JOIN process_sample AS s ON s.sample_id = (
      SELECT e.sample_id
      FROM tick AS k
      CROSS JOIN process_sample AS e ON e.sample_id = k.tick_id << 32 | a.upid
      WHERE k.tick_id BETWEEN b.keyframe_tick_id AND b.tick_id
      ORDER BY k.tick_id DESC LIMIT 1)
    WHERE x.final AND x.cpu_us IS NOT NULL
      AND x.ended_us BETWEEN coalesce(:since, -9223372036854775807)
        AND coalesce(:until, 9223372036854775807)
  ),
  -- Two forms, one of which is empty: grouping single ticks would cost more
  -- than all of the rest.
  shown AS (
    SELECT upid, pid, at_us, tick_id, resident_bytes, thread_count, cpu_us,
      io_bytes,
      iif(cpu_us = 0, 0.0, 100.0 * cpu_us / length_us) AS cpu_pct
    FROM ticked
    WHERE coalesce(:every, 0) <= 0
    UNION ALL
    SELECT upid, pid, at_us, tick_id, NULL, NULL, cpu_us, io_bytes,
      100.0 * cpu_us / length_us
    FROM ending
    WHERE coalesce(:every, 0) <= 0
    UNION ALL
    SELECT r.upid, r.pid, min(r.at_us) / :every * :every, min(r.tick_id),
      max(r.resident_bytes), max(r.thread_count), sum(r.cpu_us),
      sum(r.io_bytes),
      100.0 * sum(r.cpu_us)
        / sum(iif(r.cpu_us IS NULL, NULL,
                  coalesce(r.length_us, r.boot_us - iif(
                    b.process_count IS NOT NULL, b.boot_us,
                    (SELECT e.boot_us FROM tick AS e
                     WHERE e.tick_id BETWEEN b.keyframe_tick_id AND b.tick_id
                       AND e.process_count IS NOT NULL
                     ORDER BY e.tick_id DESC LIMIT 1)))))
    FROM (
      SELECT upid, pid, at_us, tick_id, resident_bytes, thread_count, cpu_us,
        io_bytes, length_us, boot_us, previous_tick_id
      FROM ticked
      UNION ALL
      SELECT upid, pid, at_us, tick_id, NULL, NULL, cpu_us, io_bytes,
        length_us, NULL, NULL
      FROM ending) AS r
    LEFT JOIN tick AS b ON b.tick_id = r.previous_tick_id
    WHERE :every > 0
    GROUP BY r.upid, r.at_us / :every
  )
SELECT
  date(s.at_us / 1000000, 'unixepoch') || 'T'
    || time(s.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', s.at_us % 1000000) AS at,
  s.upid, s.cpu_pct, s.resident_bytes, s.thread_count, s.io_bytes, s.pid,
  s.cpu_us, s.at_us
FROM shown AS s
ORDER BY s.tick_id, s.upid
