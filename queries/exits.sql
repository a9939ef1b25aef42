-- name: exits
-- summary: which processes ended in a time, and how
-- why: what crashed, was killed or returned an error, and how long it had lived
-- example: galproc query exits --abnormal --since yesterday
-- param: abnormal flag default 0: only those with an exit code other than 0 or killed by a signal
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
  -- From the first time that the wall clock was set to the last, and by the
  -- longest interval more, since it was between two looks.
  step AS MATERIALIZED (
    SELECT min(min(from_us, to_us)) - 3600000000 AS low_us,
      max(max(from_us, to_us)) + 3600000000 AS high_us
    FROM gap WHERE kind = 'clock_step'
  ),
  gone AS (
    SELECT p.*, x.tick_id AS end_tick_id, f.at_us AS seen_us,
      f.tick_id AS seen_tick_id,
      -- In an hour the clocks drift apart by less than anybody sees.
      p.ended_us - p.started_us NOT BETWEEN 0 AND 3600000000
        OR EXISTS (SELECT 1 FROM step AS s
                   WHERE p.started_us <= s.high_us AND p.ended_us >= s.low_us)
        AS was_moved
    FROM process_exit AS x
    -- Several witnesses of one end: the view knows the best.
    CROSS JOIN processes AS p ON p.upid = x.upid AND p.exit_source = (
      SELECT name FROM witness WHERE source = x.source)
    LEFT JOIN process_image AS f ON f.upid = x.upid AND f.image_no = 1
    WHERE x.ended_us BETWEEN coalesce(:since, -9223372036854775807)
        AND coalesce(:until, 9223372036854775807)
      AND (coalesce(:abnormal, 0) = 0
           OR p.exit_code <> 0 OR p.exit_signal IS NOT NULL)
  ),
  -- How far the wall clock stood from the boot clock when its start and its
  -- end were put into wall time: what it moved by in between is no life. Both
  -- were so at the tick of then or since the one before; where that would be no
  -- moment in between, the clock was set before the tick. Where no tick is
  -- known, time alone tells.
  clocked AS (
    SELECT g.*,
      CASE WHEN g.was_moved THEN coalesce(
        (SELECT iif(g.seen_us - t.at_us + t.boot_us
                      NOT BETWEEN b.boot_us - 10000 AND t.boot_us + 10000,
                    b.at_us - b.boot_us, t.at_us - t.boot_us)
         FROM tick AS t
         CROSS JOIN recording AS r ON r.recording_id = t.recording_id
           AND r.boot_id = g.boot_id
         LEFT JOIN tick AS b ON b.tick_id = t.tick_id - 1
           AND EXISTS (SELECT 1 FROM recording AS e
                       WHERE e.recording_id = b.recording_id
                         AND e.boot_id = g.boot_id)
         WHERE t.tick_id = g.seen_tick_id),
        (SELECT t.at_us - t.boot_us
         FROM tick AS t
         CROSS JOIN recording AS r ON r.recording_id = t.recording_id
           AND r.boot_id = g.boot_id
         WHERE t.at_us <= g.seen_us
         ORDER BY t.at_us DESC, t.tick_id DESC LIMIT 1)) END AS start_offset_us,
      CASE WHEN g.was_moved THEN coalesce(
        (SELECT iif(g.ended_us - t.at_us + t.boot_us
                      NOT BETWEEN b.boot_us - 10000 AND t.boot_us + 10000,
                    b.at_us - b.boot_us, t.at_us - t.boot_us)
         FROM tick AS t
         CROSS JOIN recording AS r ON r.recording_id = t.recording_id
           AND r.boot_id = g.boot_id
         LEFT JOIN tick AS b ON b.tick_id = t.tick_id - 1
           AND EXISTS (SELECT 1 FROM recording AS e
                       WHERE e.recording_id = b.recording_id
                         AND e.boot_id = g.boot_id)
         WHERE t.tick_id = g.end_tick_id),
        (SELECT t.at_us - t.boot_us
         FROM tick AS t
         CROSS JOIN recording AS r ON r.recording_id = t.recording_id
           AND r.boot_id = g.boot_id
         WHERE t.tick_id <= coalesce(g.end_tick_id,
           (SELECT tick_id FROM tick WHERE at_us <= g.ended_us
            ORDER BY at_us DESC, tick_id DESC LIMIT 1))
         ORDER BY t.tick_id DESC LIMIT 1)) END AS end_offset_us
    FROM gone AS g
  )
SELECT c.ended_at AS at, c.upid, c.pid, c.name, c.exit_code, c.exit_signal,
  c.ended_us - c.started_us
    - coalesce(c.end_offset_us - c.start_offset_us, 0) AS lifetime_us,
  c.user, c.command_line, c.exit_source AS witness, c.cpu_us,
  c.peak_resident_bytes, c.ended_us AS at_us,
  c.ended_earliest_us AS earliest_us, c.core_dumped
FROM clocked AS c
ORDER BY c.ended_us, c.upid
