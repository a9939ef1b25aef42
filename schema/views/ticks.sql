-- Every look at the machine.
CREATE VIEW ticks AS
SELECT
  tick_id,           -- grows with time even when the wall clock steps back
  at_us,             -- instant at which the reading ended
  strftime('%Y-%m-%dT%H:%M:%S', at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', at_us % 1000000) AS at,  -- the same as text
  late_us,           -- length by which it began after its time in the schedule
  duration_us,       -- length of the reading
  process_count,     -- processes alive; NULL: the table could not be read
  keyframe_tick_id = tick_id AS is_keyframe,  -- 1: every living process has a sample at this tick
  recording_id,      -- the run that looked
  boot_us,           -- the instant on the boot clock: lengths come from here
  keyframe_tick_id,  -- the latest keyframe, this tick included
  previous_tick_id   -- the tick before in this recording; NULL at its first
FROM tick;
