-- name: short-lived
-- summary: what lived only for a moment
-- why: commands of a loop, a script or a crash that no list of processes ever shows; without kernel events only those
--      are known that a look happened to meet
-- example: galproc query short-lived --since 03:00 --until 03:15
-- example: galproc query short-lived --under 500ms
-- param: under duration default 5s: only those that lived for less than that, or may have
-- param: since instant default 1h: beginning of the range; alone it counts back from --until
-- param: until instant default now: end of the range
-- column: upid integer: the process
-- column: pid integer: its number
-- column: name text: short name, of the last image
-- column: command_line text: its arguments
-- column: started_at instant: its start
-- column: ended_at instant: its end; of one that no event told of, the latest possible
-- column: lifetime_us duration_us: how long it lived, by the boot clock; the longest possible
-- column: confidence text: certain: it lived for less; likely: it may have, no event told of its end
-- column: user text: whose process it was
-- column: parent_pid integer: its parent's number; 0: none
-- column: parent_name text: that one's name of then
-- column: exit_code integer: status that it returned
-- column: exit_signal text: signal that it died of
-- column: witness text: who saw the end: event, action, poll
-- column: lifetime_least_us duration_us: the shortest possible life
-- column: started_us instant_us: its start
-- column: ended_us instant_us: its end
-- column: ended_earliest_us instant_us: earliest possible instant of its end
WITH
  -- When the wall clock was set: what it moved by in between is no life. From
  -- the first time to the last, and by the longest interval more, since it was
  -- between two looks. Others are spared the reckoning.
  step AS MATERIALIZED (
    SELECT min(min(from_us, to_us)) - 3600000000 AS low_us,
      max(max(from_us, to_us)) + 3600000000 AS high_us,
      total(max(0, to_us - from_us)) AS forward_us
    FROM gap WHERE kind = 'clock_step'
  ),
  life AS (
    SELECT p.upid, p.pid, p.started_us, p.parent_upid, p.parent_pid,
      x.source, x.ended_us, x.exit_code, x.exit_signal,
      coalesce(x.ended_within_us, 0) AS within_us,
      x.ended_us - p.started_us - iif(
        EXISTS (SELECT 1 FROM step AS s
                WHERE p.started_us <= s.high_us AND x.ended_us >= s.low_us),
        coalesce(
          (SELECT offset_us FROM clock_offsets
           WHERE moment = 'ended' AND upid = p.upid)
          - (SELECT offset_us FROM clock_offsets
             WHERE moment = 'started' AND upid = p.upid), 0),
        0) AS lifetime_us
    FROM process AS p
    CROSS JOIN process_exit AS x ON x.upid = p.upid
      AND x.source = (SELECT min(source) FROM process_exit
                      WHERE upid = p.upid)
    -- As far before the range as a life may have begun; by as much more as the
    -- clock was put forward.
    WHERE p.started_us BETWEEN coalesce(:since - :under
          - (SELECT forward_us FROM step),
          -9223372036854775807)
        AND coalesce(:until, 9223372036854775807)
      AND x.ended_us >= coalesce(:since, -9223372036854775807)
      AND x.source <= 3
  )
SELECT l.upid, l.pid, i.name,
  coalesce(i.command_line, (SELECT value FROM text
                            WHERE text_id = i.command_line_text_id))
    AS command_line,
  strftime('%Y-%m-%dT%H:%M:%S', l.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', l.started_us % 1000000) AS started_at,
  strftime('%Y-%m-%dT%H:%M:%S', l.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', l.ended_us % 1000000) AS ended_at,
  l.lifetime_us,
  iif(l.lifetime_us < :under, 'certain', 'likely') AS confidence,
  (SELECT value FROM text WHERE text_id = i.user_text_id) AS user,
  l.parent_pid,
  (SELECT name FROM process_image
   WHERE upid = l.parent_upid AND (at_us <= l.started_us OR image_no = 1)
   ORDER BY image_no DESC LIMIT 1) AS parent_name,
  l.exit_code,
  coalesce((SELECT g.name FROM signal_name AS g
            WHERE g.number = l.exit_signal), 'SIG' || l.exit_signal)
    AS exit_signal,
  (SELECT name FROM witness WHERE source = l.source) AS witness,
  max(0, l.lifetime_us - l.within_us) AS lifetime_least_us,
  l.started_us, l.ended_us, l.ended_us - l.within_us AS ended_earliest_us
FROM life AS l
LEFT JOIN process_image AS i ON i.upid = l.upid
  AND i.image_no = (SELECT max(image_no) FROM process_image
                    WHERE upid = l.upid)
WHERE l.lifetime_us - l.within_us < :under
ORDER BY l.started_us, l.upid
