-- name: growth
-- summary: whose memory grew most in a time
-- why: a leak: memory held at the first and at the last look of the range that saw the process, whether it lived all
--      through it, began in it, or ended in it; a life of less than a minute says nothing about growth and is left out
-- example: galproc query growth --since 00:00 --limit 10
-- example: galproc query growth --since yesterday --until 03:12
-- param: since instant default 1h: beginning of the range; alone it counts back from --until
-- param: until instant default now: end of the range
-- column: upid integer: the process
-- column: pid integer: its number
-- column: name text: short name, of the last image
-- column: first_resident_bytes bytes: memory held at the first look in the range
-- column: last_resident_bytes bytes: memory held at the last look in the range
-- column: growth_bytes bytes: what it holds more; those that grew are listed
-- column: first_at instant: the first look
-- column: last_at instant: the last look
-- column: peak_resident_bytes bytes: of one that has ended, the most that it was ever seen to hold
-- column: user text: whose process it is, of the last image
-- column: command_line text: its arguments, of the last image
-- column: ended_at instant: its end, also one after the range; unknown for one that lives
-- column: first_us instant_us: the first look
-- column: last_us instant_us: the last look
-- column: ended_us instant_us: its end
WITH
  -- The looks of the range: by time once, then by number, since the wall clock
  -- may have been set.
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
      l.tick_id AS last_tick_id,
      l.keyframe_tick_id AS last_keyframe_tick_id
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
  -- Not the same as the two ends where the wall clock was set in between.
  wall AS MATERIALIZED (
    SELECT min(t.at_us) AS lowest_us, max(t.at_us) AS highest_us
    FROM span AS s
    CROSS JOIN tick AS t
      ON t.tick_id BETWEEN s.first_tick_id AND s.last_tick_id
  ),
  -- The last row of each at both ends: their numbers alone, since all that is
  -- sorted costs; the rows are fetched afterwards.
  edge AS MATERIALIZED (
    SELECT s.upid, max(s.sample_id) FILTER (WHERE w.is_first) AS first_id,
      max(s.sample_id) FILTER (WHERE NOT w.is_first) AS last_id
    FROM span AS r
    CROSS JOIN (SELECT 1 AS is_first UNION ALL SELECT 0) AS w
    CROSS JOIN process_sample AS s ON s.sample_id BETWEEN
      iif(w.is_first, r.first_keyframe_tick_id, r.last_keyframe_tick_id) << 32
      AND (iif(w.is_first, r.first_tick_id, r.last_tick_id) + 1 << 32) - 1
    GROUP BY s.upid
  ),
  -- Who was seen at either end, and who ended in between after a minute or
  -- more. Found by time, decided by tick: the wall clock may have been set.
  seen AS MATERIALIZED (
    SELECT e.upid, e.first_id, e.last_id, p.started_us
    FROM edge AS e
    CROSS JOIN process AS p ON p.upid = e.upid
    UNION ALL
    SELECT DISTINCT x.upid, NULL, NULL, p.started_us
    FROM wall AS w
    CROSS JOIN process_exit AS x
      ON x.ended_us BETWEEN w.lowest_us AND w.highest_us
    CROSS JOIN process AS p ON p.upid = x.upid
    -- Less than nothing where the wall clock was put back.
    WHERE x.ended_us - p.started_us NOT BETWEEN 0 AND 59999999
      AND x.upid NOT IN (SELECT upid FROM edge)
  ),
  -- Ticks are numbered, so an end lies between two of them.
  ended AS MATERIALIZED (
    SELECT n.upid,
      (SELECT min(coalesce(x.tick_id - 1,
         (SELECT tick_id FROM tick WHERE at_us <= x.ended_us
          ORDER BY at_us DESC, tick_id DESC LIMIT 1)))
       FROM process_exit AS x WHERE x.upid = n.upid) AS end_tick_id
    FROM seen AS n
  ),
  -- Its first row in the range, for one that was not there at the beginning:
  -- the first tick that sees a process always stores one. Its last one before
  -- the end: a keyframe is never far.
  found AS MATERIALIZED (
    SELECT n.upid,
      coalesce(n.first_id,
        (SELECT t.tick_id << 32 | n.upid
         FROM tick AS t
         CROSS JOIN process_sample AS s
           ON s.sample_id = t.tick_id << 32 | n.upid
         WHERE t.tick_id >= max(r.first_tick_id, coalesce(
             (SELECT tick_id FROM process_image
              WHERE upid = n.upid AND image_no = 1),
             (SELECT tick_id FROM tick
              WHERE at_us >= n.started_us - 2000000
              ORDER BY at_us, tick_id LIMIT 1), 0))
           AND t.tick_id <= min(r.last_tick_id,
                                coalesce(x.end_tick_id, r.last_tick_id))
         ORDER BY t.tick_id LIMIT 1)) AS first_id,
      coalesce(
        CASE WHEN x.end_tick_id IS NULL OR x.end_tick_id >= r.last_tick_id
          THEN n.last_id END,
        (SELECT t.tick_id << 32 | n.upid
         FROM tick AS e
         CROSS JOIN tick AS t
           ON t.tick_id BETWEEN e.keyframe_tick_id AND e.tick_id
         CROSS JOIN process_sample AS s
           ON s.sample_id = t.tick_id << 32 | n.upid
         WHERE e.tick_id = min(x.end_tick_id, r.last_tick_id)
         ORDER BY t.tick_id DESC LIMIT 1)) AS last_id,
      min(coalesce(x.end_tick_id, r.last_tick_id), r.last_tick_id)
        AS last_tick_id
    FROM seen AS n
    CROSS JOIN span AS r
    CROSS JOIN ended AS x ON x.upid = n.upid
    WHERE x.end_tick_id IS NULL OR x.end_tick_id > r.first_tick_id
  ),
  grown AS MATERIALIZED (
    SELECT f.upid, a.resident_bytes AS first_bytes,
      b.resident_bytes AS last_bytes,
      max(a.tick_id, (SELECT first_tick_id FROM span)) AS first_tick_id,
      f.last_tick_id
    FROM found AS f
    CROSS JOIN process_sample AS a ON a.sample_id = f.first_id
    CROSS JOIN process_sample AS b ON b.sample_id = f.last_id
    WHERE b.resident_bytes > a.resident_bytes
  )
SELECT g.upid, p.pid, i.name, g.first_bytes AS first_resident_bytes,
  g.last_bytes AS last_resident_bytes,
  g.last_bytes - g.first_bytes AS growth_bytes,
  strftime('%Y-%m-%dT%H:%M:%S', a.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', a.at_us % 1000000) AS first_at,
  strftime('%Y-%m-%dT%H:%M:%S', b.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', b.at_us % 1000000) AS last_at,
  x.peak_resident_bytes, i.user, i.command_line,
  strftime('%Y-%m-%dT%H:%M:%S', x.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', x.ended_us % 1000000) AS ended_at,
  a.at_us AS first_us, b.at_us AS last_us, x.ended_us
FROM grown AS g
CROSS JOIN process AS p ON p.upid = g.upid
CROSS JOIN tick AS a ON a.tick_id = g.first_tick_id
CROSS JOIN tick AS b ON b.tick_id = g.last_tick_id
LEFT JOIN process_exit AS x ON x.upid = g.upid
  AND x.source = (SELECT min(source) FROM process_exit
                  WHERE upid = g.upid)
LEFT JOIN process_images AS i ON i.upid = g.upid
  AND i.image_no = (SELECT max(image_no) FROM process_image
                    WHERE upid = g.upid)
WHERE x.upid IS NULL OR x.ended_us - p.started_us NOT BETWEEN 0 AND 59999999
ORDER BY g.last_bytes - g.first_bytes DESC, g.upid
