-- name: exits
-- summary: which processes ended in a time, and how
-- why: what crashed, was killed or returned an error, and how long it had lived
-- example: galproc query exits --abnormal --since yesterday
-- example: galproc query exits --name worker --since 00:00
-- param: abnormal flag default 0: only those with an exit code other than 0 or killed by a signal
-- param: name text: only those of this whole name; case and a trailing .exe do not matter
-- param: since instant default 1h: beginning of the range; alone it counts back from --until
-- param: until instant default now: end of the range
-- column: at instant: its end; of one that no event told of, the latest possible
-- column: upid integer: the process
-- column: pid integer: its number
-- column: name text: its short name
-- column: exit_code integer: status that it returned; unknown for one that died of a signal, and where nobody could see
-- column: exit_signal text: signal that it died of
-- column: lifetime_us duration_us: how long it lived, by the boot clock; the longest possible
-- column: user text: whose process it was
-- column: command_line text: its arguments
-- column: witness text: who saw the end: event, action, poll; gap, reboot: nobody, it was gone afterwards
-- column: cpu_us duration_us: CPU time of its life, as last known
-- column: peak_resident_bytes bytes: most memory that it was seen to hold
-- column: at_us instant_us: its end
-- column: earliest_us instant_us: earliest possible instant of its end
-- column: core_dumped integer: 1 where its memory was written to a core file as it died
WITH
  -- What was seen at the next look may have happened up to the end of the
  -- range.
  reach AS MATERIALIZED (
    SELECT coalesce(
      (SELECT at_us FROM tick
       WHERE at_us > :until AND process_count IS NOT NULL
       ORDER BY at_us LIMIT 1), :until, 9223372036854775807) AS until_us
  ),
  -- From the first time that the wall clock was set to the last, and by the
  -- longest interval more, since it was between two looks.
  step AS MATERIALIZED (
    SELECT min(min(from_us, to_us)) - 3600000000 AS low_us,
      max(max(from_us, to_us)) + 3600000000 AS high_us
    FROM gap WHERE kind = 'clock_step'
  ),
  gone AS (
    SELECT p.*,
      -- In an hour the clocks drift apart by less than anybody sees.
      p.ended_us - p.started_us NOT BETWEEN 0 AND 3600000000
        OR EXISTS (SELECT 1 FROM step AS s
                   WHERE p.started_us <= s.high_us AND p.ended_us >= s.low_us)
        AS was_moved
    FROM process_exit AS x
    -- Several witnesses of one end: the view knows the best.
    CROSS JOIN processes AS p ON p.upid = x.upid AND p.exit_source = (
      SELECT name FROM witness WHERE source = x.source)
    WHERE x.ended_us BETWEEN coalesce(:since, -9223372036854775807)
        AND (SELECT until_us FROM reach)
      AND p.ended_earliest_us <= coalesce(:until, 9223372036854775807)
      AND (:name IS NULL OR p.name = :name COLLATE NOCASE
           OR p.name = :name || '.exe' COLLATE NOCASE)
      AND (coalesce(:abnormal, 0) = 0
           OR p.exit_code <> 0 OR p.exit_signal IS NOT NULL)
  )
SELECT g.ended_at AS at, g.upid, g.pid, g.name, g.exit_code, g.exit_signal,
  g.ended_us - g.started_us
    - iif(g.was_moved, coalesce(
        (SELECT offset_us FROM clock_offsets
         WHERE moment = 'ended' AND upid = g.upid)
        - (SELECT offset_us FROM clock_offsets
           WHERE moment = 'started' AND upid = g.upid), 0), 0) AS lifetime_us,
  g.user, g.command_line, g.exit_source AS witness, g.cpu_us,
  g.peak_resident_bytes, g.ended_us AS at_us,
  g.ended_earliest_us AS earliest_us, g.core_dumped
FROM gone AS g
ORDER BY g.ended_us, g.upid
