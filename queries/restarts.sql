-- name: restarts
-- summary: how often each program was started in a time, and how long its lives lasted
-- why: a crash loop shows as many short lives of one name, and as the exit that they have in common
-- example: galproc query restarts --since yesterday --limit 10
-- example: galproc query restarts --name node --since -1d
-- param: name text: only this whole name; case and a trailing .exe do not matter
-- param: since instant default 1h: beginning of the range; alone it counts back from --until
-- param: until instant default now: end of the range
-- column: name text: short name, of the last image
-- column: starts integer: processes of that name that began in the range
-- column: shortest_us duration_us: of the lives of those that have ended; unknown: all of them live
-- column: median_us duration_us: likewise, the middle one
-- column: longest_us duration_us: likewise; ends that no event told of are the latest possible
-- column: last_exit text: how the last of them ended: an exit code, a signal, unknown; none has: unknown
-- column: running integer: those of them that live at the end of the range
-- column: failed integer: those that returned a code other than 0 or died of a signal
-- column: uncertain integer: those whose end no event told of, so that they may have lived shorter
-- column: first_started_at instant: the first start in the range
-- column: last_started_at instant: the last one
-- column: last_ended_at instant: the last end
-- column: last_upid integer: the process of that name that was met last
-- column: first_started_us instant_us: the first start in the range
-- column: last_started_us instant_us: the last one
-- column: last_ended_us instant_us: the last end
WITH
  -- When the wall clock was set: what it moved by in between is no life. From
  -- the first time to the last, and by the longest interval more, since it was
  -- between two looks. Others are spared the reckoning.
  step AS MATERIALIZED (
    SELECT min(min(from_us, to_us)) - 3600000000 AS low_us,
      max(max(from_us, to_us)) + 3600000000 AS high_us
    FROM gap WHERE kind = 'clock_step'
  ),
  life AS MATERIALIZED (
    SELECT p.upid, i.name, p.started_us, x.ended_us,
      x.exit_code, x.exit_signal, x.ended_within_us,
      x.ended_us - p.started_us - iif(
        -- In an hour the clocks drift apart by less than anybody sees.
        x.ended_us - p.started_us NOT BETWEEN 0 AND 3600000000
        OR EXISTS (SELECT 1 FROM step AS s
                   WHERE p.started_us <= s.high_us
                     AND x.ended_us >= s.low_us),
        coalesce(
          (SELECT offset_us FROM clock_offsets
           WHERE moment = 'ended' AND upid = p.upid)
          - (SELECT offset_us FROM clock_offsets
             WHERE moment = 'started' AND upid = p.upid), 0),
        0) AS lifetime_us
    FROM process AS p
    CROSS JOIN process_image AS i ON i.upid = p.upid
      AND i.image_no = (SELECT max(image_no) FROM process_image
                        WHERE upid = p.upid)
    -- One that ends after the range lives in it.
    LEFT JOIN process_exit AS x ON x.upid = p.upid
      AND x.source = (SELECT min(source) FROM process_exit
                      WHERE upid = p.upid)
      AND x.ended_us <= coalesce(:until, 9223372036854775807)
    WHERE p.started_us BETWEEN coalesce(:since, -9223372036854775807)
        AND coalesce(:until, 9223372036854775807)
      AND NOT p.kernel_thread
      AND (:name IS NULL OR i.name = :name COLLATE NOCASE
           OR i.name = :name || '.exe' COLLATE NOCASE)
  ),
  -- The middle one of an odd number, the two middle ones of an even one.
  middle AS MATERIALIZED (
    SELECT o.name, CAST(avg(o.lifetime_us) AS INTEGER) AS median_us
    FROM (
      SELECT name, lifetime_us,
        row_number() OVER (PARTITION BY name ORDER BY lifetime_us) AS place,
        count(*) OVER (PARTITION BY name) AS total
      FROM life
      WHERE ended_us IS NOT NULL) AS o
    WHERE o.place IN ((o.total + 1) / 2, (o.total + 2) / 2)
    GROUP BY o.name
  ),
  -- Bare columns follow max().
  last_end AS MATERIALIZED (
    SELECT name, max(ended_us) AS ended_us, exit_code, exit_signal
    FROM life
    WHERE ended_us IS NOT NULL
    GROUP BY name
  ),
  program AS (
    SELECT name, count(*) AS starts, min(lifetime_us) AS shortest_us,
      max(lifetime_us) AS longest_us, min(started_us) AS first_us,
      max(started_us) AS last_us, max(upid) AS last_upid,
      count(*) - count(ended_us) AS running,
      count(*) FILTER (WHERE exit_code <> 0 OR exit_signal IS NOT NULL)
        AS failed,
      count(*) FILTER (WHERE ended_within_us > 0) AS uncertain
    FROM life
    GROUP BY name
  )
SELECT g.name, g.starts, g.shortest_us, m.median_us, g.longest_us,
  CASE WHEN e.name IS NOT NULL THEN
    coalesce('exit code ' || e.exit_code,
      (SELECT n.name FROM signal_name AS n WHERE n.number = e.exit_signal),
      'SIG' || e.exit_signal, 'how is not known') END AS last_exit,
  g.running, g.failed, g.uncertain,
  strftime('%Y-%m-%dT%H:%M:%S', g.first_us / 1000000, 'unixepoch')
    || printf('.%06dZ', g.first_us % 1000000) AS first_started_at,
  strftime('%Y-%m-%dT%H:%M:%S', g.last_us / 1000000, 'unixepoch')
    || printf('.%06dZ', g.last_us % 1000000) AS last_started_at,
  strftime('%Y-%m-%dT%H:%M:%S', e.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', e.ended_us % 1000000) AS last_ended_at,
  g.last_upid, g.first_us AS first_started_us,
  g.last_us AS last_started_us, e.ended_us AS last_ended_us
FROM program AS g
LEFT JOIN middle AS m ON m.name = g.name
LEFT JOIN last_end AS e ON e.name = g.name
ORDER BY g.starts DESC, g.name
