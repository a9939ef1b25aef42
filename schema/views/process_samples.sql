-- What processes used. Stored rows only: a row is stored when something changed, at birth, and for everything alive at
-- a keyframe, so no row at a tick means "unchanged since the last one", and an average over rows is wrong. Filter on
-- tick_id or at_us: those have indexes, and upid alone costs one seek for each tick of the file.
CREATE VIEW process_samples AS
SELECT
  t.tick_id,         -- the tick that read it
  t.at_us,           -- instant of that
  strftime('%Y-%m-%dT%H:%M:%S', t.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', t.at_us % 1000000) AS at,  -- the same as text
  p.upid,            -- the process
  p.pid,             -- its number
  coalesce(
    (SELECT i.name FROM process_image AS i
     WHERE i.upid = p.upid
       AND coalesce(i.tick_id <= t.tick_id, i.at_us <= t.at_us)
     ORDER BY i.image_no DESC
     LIMIT 1),
    (SELECT i.name FROM process_image AS i
     WHERE i.upid = p.upid AND i.image_no = 1)) AS name,  -- short name, of the image of that instant
  (SELECT name FROM process_state WHERE state = s.state)
    AS state,        -- running, sleeping, disk_sleep, stopped, traced, zombie, idle
  s.cpu_user_us,     -- CPU time in user mode since its start, cumulative
  s.cpu_system_us,   -- CPU time in the kernel since its start, cumulative
  s.resident_bytes,  -- memory held
  s.thread_count,    -- living threads
  s.read_bytes,      -- read from storage since its start, cumulative; NULL: not readable
  s.written_bytes    -- written to storage since its start, cumulative; NULL: not readable
FROM tick AS t
-- One row of a tick, said in three ways, so that a filter on upid or pid seeks
-- it and any other reads the rows of the tick.
CROSS JOIN process AS p
JOIN process_sample AS s
  ON s.sample_id BETWEEN t.tick_id << 32 AND (t.tick_id + 1 << 32) - 1
  AND s.sample_id = t.tick_id << 32 | p.upid
  AND p.upid = s.sample_id & 4294967295;
