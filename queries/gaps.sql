-- name: gaps
-- summary: when nothing, or not everything, was recorded
-- why: what an answer cannot know: the recorder was stopped, late, lost events, or the machine was off
-- example: galproc query gaps
-- example: galproc query gaps --since yesterday
-- param: since instant: gaps that ended before are left out (all that is recorded unless given)
-- param: until instant default now: gaps that began later are left out
-- column: from_at instant: the last thing known before
-- column: to_at instant: the first thing known after; unknown: the gap is still open
-- column: kind text: stopped, crashed, reboot, file_moved, late, events_lost, readings_dropped, disk_full, clock_step,
--      suspended, wal_pinned, pruned
-- column: detail text: how many, how much, which file
-- column: from_us instant_us: the last thing known before
-- column: to_us instant_us: the first thing known after
-- column: recording_id integer: the run in which it was noticed, or after which it began
SELECT g.from_at, g.to_at, g.kind, g.detail, g.from_us, g.to_us,
  g.recording_id
FROM gaps AS g
WHERE g.to_us >= coalesce(:since, -9223372036854775807)
  AND g.from_us <= coalesce(:until, 9223372036854775807)
UNION ALL
-- Open ones apart: an OR would keep SQLite from the index of ticks.
SELECT g.from_at, NULL, g.kind, g.detail, g.from_us, NULL, g.recording_id
FROM gaps AS g
WHERE g.to_us IS NULL
  AND g.from_us <= coalesce(:until, 9223372036854775807)
UNION ALL
-- Where the wall clock was put back: such a one begins after its end.
SELECT g.from_at, g.to_at, g.kind, g.detail, g.from_us, g.to_us,
  g.recording_id
FROM gaps AS g
WHERE g.from_us > g.to_us
  AND g.to_us <= coalesce(:until, 9223372036854775807)
  AND g.from_us >= coalesce(:since, -9223372036854775807)
  AND (g.to_us < coalesce(:since, -9223372036854775807)
       OR g.from_us > coalesce(:until, 9223372036854775807))
ORDER BY 5, 6, 3, 7, 4
