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
-- column: cpu_pct percent: that, of one CPU over all of the range that is recorded
-- column: resident_bytes bytes: most memory seen with --by memory; else only at keyframes (each 5 minutes or 60 ticks),
--      at both ends and of exits
-- column: io_bytes bytes: read from and written to storage in the range; unknown where not readable
-- column: user text: whose process it is, of the last image
-- column: command_line text: its arguments, of the last image
-- column: started_at instant: its start
-- column: ended_at instant: its end, also one after the range; unknown for one that lives
-- column: started_us instant_us: its start
-- column: ended_us instant_us: its end
WITH
  -- The first and the last tick in the range, by number: the wall clock may have
  -- been set, and all between them counts.
  looks AS MATERIALIZED (
    SELECT min(tick_id) AS low_tick_id, max(tick_id) AS high_tick_id
    FROM tick
    WHERE at_us > coalesce(:since, -9223372036854775807)
      AND at_us <= coalesce(:until, 9223372036854775807)
  ),
  -- Both ends: the last tick up to then at which the process table was read.
  -- Without one before it the range begins with the recording.
  span AS MATERIALIZED (
    SELECT coalesce(f.tick_id, 0) AS first_tick_id,
      coalesce(f.keyframe_tick_id, 0) AS first_keyframe_tick_id,
      coalesce(f.at_us, :since, (SELECT min(at_us) FROM tick)) AS first_us,
      f.boot_us AS first_boot_us,
      l.tick_id AS last_tick_id, l.keyframe_tick_id AS last_keyframe_tick_id,
      l.at_us AS last_us, l.boot_us AS last_boot_us, l.recording_id
    FROM looks AS k
    CROSS JOIN tick AS l ON l.tick_id = (
      SELECT tick_id FROM tick
      WHERE process_count IS NOT NULL
        AND tick_id <= coalesce(k.high_tick_id,
          (SELECT tick_id FROM tick WHERE at_us <= :until
           ORDER BY at_us DESC, tick_id DESC LIMIT 1))
      ORDER BY tick_id DESC LIMIT 1)
    LEFT JOIN tick AS f ON :since IS NOT NULL AND f.tick_id = (
      SELECT tick_id FROM tick
      WHERE process_count IS NOT NULL
        AND tick_id <= coalesce(k.low_tick_id - 1, l.tick_id)
      ORDER BY tick_id DESC LIMIT 1)
  ),
  -- The same, with what the wall clock showed in between: not the two ends alone
  -- where it was set. (Each mention of a CTE is parsed anew: what is asked of one
  -- row stands in one.)
  wall AS MATERIALIZED (
    SELECT s.*, min(t.at_us) AS lowest_us, max(t.at_us) AS highest_us,
      max(t.at_us - t.boot_us) - min(t.at_us - t.boot_us) > 500000
        AS was_set
    FROM span AS s
    CROSS JOIN tick AS t
      ON t.tick_id BETWEEN s.first_tick_id AND s.last_tick_id
  ),
  -- First ticks of the recordings that began in the range.
  opening AS MATERIALIZED (
    SELECT t.tick_id, t.boot_us, r.boot_id, s.first_tick_id
    FROM span AS s
    CROSS JOIN tick AS t
      ON t.tick_id BETWEEN s.first_tick_id + 1 AND s.last_tick_id
    CROSS JOIN recording AS r ON r.recording_id = t.recording_id
    WHERE t.previous_tick_id IS NULL
  ),
  -- Length on the boot clock, which begins at 0 with each boot; of a boot that
  -- ended in the range, up to its last tick.
  length AS MATERIALIZED (
    SELECT s.last_boot_us - coalesce(s.first_boot_us, o.boot_us)
      + coalesce(o.before_us, 0) AS length_us
    FROM span AS s
    CROSS JOIN (
      SELECT min(tick_id), boot_us, sum((
          SELECT b.boot_us
          FROM tick AS b
          CROSS JOIN recording AS r ON r.recording_id = b.recording_id
          WHERE b.tick_id = (SELECT max(tick_id) FROM tick
                             WHERE tick_id < opening.tick_id)
            AND b.tick_id >= opening.first_tick_id
            AND r.boot_id <> opening.boot_id)) AS before_us
      FROM opening) AS o
  ),
  -- The last row of each at both ends: their numbers alone, since all that is
  -- sorted costs; the rows are fetched afterwards.
  edge AS MATERIALIZED (
    SELECT s.upid, max(s.sample_id) FILTER (WHERE w.is_first) AS first_id,
      max(s.sample_id) FILTER (WHERE NOT w.is_first) AS last_id,
      r.last_tick_id, r.last_us
    FROM span AS r
    CROSS JOIN (SELECT 1 AS is_first UNION ALL SELECT 0) AS w
    CROSS JOIN process_sample AS s ON s.sample_id BETWEEN
      iif(w.is_first, r.first_keyframe_tick_id, r.last_keyframe_tick_id) << 32
      AND (iif(w.is_first, r.first_tick_id, r.last_tick_id) + 1 << 32) - 1
    GROUP BY s.upid
  ),
  -- For those that could not be seen at the first tick.
  state_opening AS MATERIALIZED (
    SELECT s.upid, min(s.sample_id) AS sample_id, s.cpu_us, s.io_bytes
    FROM opening AS o
    CROSS JOIN process_sample AS s
      ON s.sample_id BETWEEN o.tick_id << 32 AND (o.tick_id + 1 << 32) - 1
    GROUP BY s.upid
  ),
  -- Living at the end, with what they had used at the beginning.
  living AS MATERIALIZED (
    SELECT l.upid, l.cpu_us, l.io_bytes, b.upid IS NOT NULL AS met_before,
      b.cpu_us AS cpu_before_us, b.io_bytes AS io_before_bytes,
      max(l.resident_bytes, coalesce(b.resident_bytes, 0)) AS resident_bytes
    FROM edge AS e
    CROSS JOIN process_sample AS l ON l.sample_id = e.last_id
    LEFT JOIN process_sample AS b ON b.sample_id = e.first_id
    WHERE NOT EXISTS (
      SELECT 1 FROM process_exit AS x
      WHERE x.upid = l.upid
        AND (x.tick_id <= e.last_tick_id
             OR x.tick_id IS NULL AND x.ended_us <= e.last_us))
  ),
  -- What it takes at least to be shown: so many of the living used that much.
  least AS MATERIALIZED (
    SELECT iif(count(amount) = :limit, min(amount), NULL) AS amount
    FROM (
      SELECT CASE :by WHEN 'io' THEN io_bytes - io_before_bytes
        ELSE cpu_us - cpu_before_us END AS amount
      FROM living
      WHERE :by <> 'memory'
      ORDER BY amount DESC
      LIMIT coalesce(:limit, 0))
  ),
  -- Who ended in the range: found by time, decided by tick, since the wall
  -- clock may have been set. Counters only grow, so of several witnesses the
  -- highest is the last. Whose whole life used less than it takes is left out:
  -- most of the short ones, at the price of their ends alone.
  gone AS NOT MATERIALIZED (
    SELECT x.upid, max(x.cpu_us) AS cpu_us,
      max(x.io_bytes) AS io_bytes, max(x.peak_resident_bytes) AS peak_bytes
    FROM wall AS s
    CROSS JOIN recording AS r ON r.recording_id = s.recording_id
    CROSS JOIN least AS f
    CROSS JOIN process_exit AS x
      ON x.ended_us BETWEEN s.lowest_us - max(2000000, r.interval_us)
        AND s.highest_us + max(2000000, r.interval_us)
    WHERE CASE
        WHEN f.amount IS NULL THEN 1
        WHEN :by = 'io' THEN x.io_bytes >= f.amount
        ELSE x.cpu_us >= f.amount
      END
      AND CASE
        WHEN x.tick_id IS NULL
          THEN x.ended_us > min(s.first_us, s.lowest_us)
            AND x.ended_us <= s.highest_us
        ELSE x.tick_id > s.first_tick_id AND x.tick_id <= s.last_tick_id
      END
    GROUP BY x.upid
  ),
  -- Every row of the range, where memory is what is asked for.
  memory AS MATERIALIZED (
    SELECT s.upid, max(s.resident_bytes) AS resident_bytes
    FROM span AS r
    CROSS JOIN process_sample AS s ON s.sample_id
      BETWEEN r.first_tick_id << 32 AND (r.last_tick_id + 1 << 32) - 1
    WHERE :by = 'memory'
    GROUP BY s.upid
  ),
  -- Seen at one end only, and whether it began in the range: what it had used
  -- before is nothing then. 2 s of grace: a start is cut to 10 ms and a reading
  -- takes its time. Where the wall clock was set, or the machine booted, the tick
  -- that met it tells on the boot clock, or the boot itself.
  half AS MATERIALIZED (
    SELECT k.*, coalesce(
        CASE WHEN s.was_set THEN (
          SELECT n.tick_id > s.first_tick_id
            AND ((SELECT boot_uuid FROM boot WHERE boot_id = ar.boot_id)
                   <> (SELECT boot_uuid FROM boot WHERE boot_id = p.boot_id)
                 OR n.boot_us - p.met_after_us > a.boot_us - 2000000
                 OR s.first_tick_id = 0
                   AND p.started_us > s.first_us - 2000000)
          FROM process_image AS i
          CROSS JOIN tick AS n ON n.tick_id = i.tick_id
          CROSS JOIN tick AS a ON a.tick_id = iif(s.first_tick_id > 0,
            s.first_tick_id, (SELECT min(tick_id) FROM tick))
          CROSS JOIN recording AS ar ON ar.recording_id = a.recording_id
          WHERE i.upid = k.upid AND i.image_no = 1) END,
        p.started_us > s.first_us - 2000000) AS began
    FROM (
      SELECT upid, cpu_us, io_bytes, NULL AS resident_bytes, peak_bytes
      FROM gone
      UNION ALL
      SELECT upid, cpu_us, io_bytes, resident_bytes, NULL FROM living
      WHERE NOT met_before) AS k
    CROSS JOIN wall AS s
    CROSS JOIN process AS p ON p.upid = k.upid
  ),
  -- The peak of an exit is that of a whole life, so it counts for one only that
  -- began in the range.
  used AS NOT MATERIALIZED (
    SELECT upid, max(0, cpu_us - cpu_before_us) AS cpu_us,
      max(0, io_bytes - io_before_bytes) AS io_bytes, resident_bytes
    FROM living
    WHERE met_before
    UNION ALL
    SELECT h.upid,
      max(0, h.cpu_us - CASE
        WHEN b.upid IS NOT NULL THEN b.cpu_us
        WHEN h.began THEN 0
        ELSE o.cpu_us END),
      max(0, h.io_bytes - CASE
        WHEN b.upid IS NOT NULL THEN b.io_bytes
        WHEN h.began THEN 0
        ELSE o.io_bytes END),
      coalesce(b.resident_bytes, h.resident_bytes,
               CASE WHEN h.began THEN h.peak_bytes END)
    FROM half AS h
    LEFT JOIN edge AS e ON e.upid = h.upid
    LEFT JOIN process_sample AS b ON b.sample_id = e.first_id
    LEFT JOIN state_opening AS o ON o.upid = h.upid
  ),
  -- Texts, ends and peaks are looked up for the rows that are shown, no others.
  ranked AS MATERIALIZED (
    SELECT u.upid, u.cpu_us, u.io_bytes,
      nullif(max(coalesce(u.resident_bytes, -1),
                 coalesce(m.resident_bytes, -1)), -1) AS held_bytes
    FROM used AS u
    LEFT JOIN memory AS m ON m.upid = u.upid
    ORDER BY
      CASE :by WHEN 'memory' THEN held_bytes WHEN 'io' THEN u.io_bytes
        ELSE u.cpu_us END DESC,
      u.cpu_us DESC, u.upid
    LIMIT coalesce(:limit, -1)
  ),
  keyframe AS MATERIALIZED (
    SELECT t.tick_id
    FROM span AS r
    CROSS JOIN tick AS t
      ON t.tick_id BETWEEN r.first_tick_id AND r.last_tick_id
    WHERE :by IS NOT 'memory' AND t.keyframe_tick_id = t.tick_id
  ),
  peak AS MATERIALIZED (
    SELECT s.upid, max(s.resident_bytes) AS resident_bytes
    FROM keyframe AS k
    CROSS JOIN process_sample AS s
      ON s.sample_id BETWEEN k.tick_id << 32 AND (k.tick_id + 1 << 32) - 1
    WHERE coalesce(:limit, 1000) > 100
    GROUP BY s.upid
  )
SELECT u.upid, p.pid, i.name, u.cpu_us,
  -- Of one that began in the range but before the first tick, all is known
  -- since its start: that time counts too.
  100.0 * u.cpu_us / nullif(l.length_us + CASE
    WHEN r.first_tick_id = 0 AND p.started_us > r.first_us - 2000000
      THEN iif(NOT r.was_set, max(0, r.lowest_us - p.started_us),
        (SELECT iif(tick_id = (SELECT min(tick_id) FROM tick),
                    p.met_after_us, 0)
         FROM process_image WHERE upid = p.upid AND image_no = 1))
    ELSE 0 END, 0) AS cpu_pct,
  -- Few rows are worth a seek each at each keyframe.
  nullif(max(coalesce(u.held_bytes, -1),
             coalesce(CASE WHEN :limit <= 100
               THEN (SELECT max(s.resident_bytes)
                     FROM keyframe AS k
                     CROSS JOIN process_sample AS s
                       ON s.sample_id = k.tick_id << 32 | u.upid)
               ELSE m.resident_bytes END, -1)), -1) AS resident_bytes,
  u.io_bytes, (SELECT value FROM text WHERE text_id = i.user_text_id) AS user,
  coalesce(i.command_line, (SELECT value FROM text
                            WHERE text_id = i.command_line_text_id))
    AS command_line,
  date(p.started_us / 1000000, 'unixepoch') || 'T'
    || time(p.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', p.started_us % 1000000) AS started_at,
  date(x.ended_us / 1000000, 'unixepoch') || 'T'
    || time(x.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', x.ended_us % 1000000) AS ended_at,
  p.started_us, x.ended_us
FROM length AS l
CROSS JOIN wall AS r
CROSS JOIN ranked AS u
CROSS JOIN process AS p ON p.upid = u.upid
LEFT JOIN peak AS m ON m.upid = u.upid
LEFT JOIN process_exit AS x ON x.upid = u.upid
  AND x.source = (SELECT min(source) FROM process_exit
                  WHERE upid = u.upid)
LEFT JOIN process_image AS i ON i.upid = u.upid
  AND i.image_no = (SELECT max(image_no) FROM process_image
                    WHERE upid = u.upid)
ORDER BY
  CASE :by WHEN 'memory' THEN u.held_bytes WHEN 'io' THEN u.io_bytes
    ELSE u.cpu_us END DESC,
  u.cpu_us DESC, u.upid
