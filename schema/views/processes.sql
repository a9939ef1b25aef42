-- Every process that was ever seen, alive or not.
CREATE VIEW processes AS
SELECT
  p.upid,                   -- names one process for ever, across boots and reuse of its pid
  p.pid,                    -- its number while it lived
  CAST(iif(pp.upid IS NULL, p.parent_upid, pp.parent_upid)
    AS INTEGER) AS parent_upid,  -- its parent at birth: the creator where an event told it; NULL: could not be seen
  CAST(iif(pp.upid IS NULL, p.parent_pid, pp.parent_pid)
    AS INTEGER) AS parent_pid,   -- that one's pid; 0: none
  i.name,                   -- short name, of the last image
  i.executable,             -- path of the program, of the last image
  i.command_line,           -- arguments, shell-quoted, of the last image
  i.uid,                    -- effective user id, of the last image
  i.user,                   -- that user's name
  i.cgroup,                 -- control group path, of the last image
  i.venv,                   -- folder of its Python virtual environment
  p.started_us,             -- instant of its start
  strftime('%Y-%m-%dT%H:%M:%S', p.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', p.started_us % 1000000) AS started_at,  -- the same as text
  x.ended_us,               -- instant of its end, of the best witness: event, action, poll, then what a gap or a
                            -- reboot leaves; the latest possible one; NULL: none seen
  strftime('%Y-%m-%dT%H:%M:%S', x.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', x.ended_us % 1000000) AS ended_at,      -- the same as text
  x.exit_code,              -- status that it returned; NULL: unknown, or it died of a signal
  coalesce((SELECT g.name FROM signal_name AS g
            WHERE g.number = x.exit_signal), 'SIG' || x.exit_signal)
    AS exit_signal,         -- name of the signal that it died of; NULL: unknown, or none
  CASE
    WHEN x.upid IS NOT NULL THEN x.cpu_us
    ELSE (
      -- One seek a tick, backwards through the newest keyframe's window: it
      -- holds a row of everything that lives, and no index begins with upid.
      SELECT s.cpu_us
      FROM tick AS t
      CROSS JOIN process_sample AS s
        ON s.sample_id = t.tick_id << 32 | p.upid
      WHERE t.tick_id >= (SELECT keyframe_tick_id FROM tick
                          ORDER BY tick_id DESC LIMIT 1)
      ORDER BY t.tick_id DESC
      LIMIT 1)
  END AS cpu_us,            -- CPU time in all: at its end, or at the newest tick for one that lives
  x.peak_resident_bytes,    -- most memory that it was seen to hold; NULL while it lives
  p.kernel_thread,          -- 1: a thread of the kernel itself
  x.ended_us - coalesce(x.ended_within_us, 0) AS ended_earliest_us,  -- earliest possible instant of its end
  (SELECT name FROM witness WHERE source = x.source)
    AS exit_source,         -- who witnessed the end: event, action, poll, gap, reboot
  p.boot_id,                -- the boot that its pid belongs to
  p.start_token,            -- tells it from others of that pid
  x.core_dumped             -- 1: its memory was written to a core file as it died; NULL: unknown
FROM process AS p
LEFT JOIN process_images AS i ON i.upid = p.upid
  AND i.image_no = (SELECT max(image_no) FROM process_image
                    WHERE upid = p.upid)
-- The parent of a better witness than the first one.
LEFT JOIN process_parent AS pp ON pp.upid = p.upid
  AND pp.source = (SELECT min(source) FROM process_parent
                   WHERE upid = p.upid)
  AND (pp.source < p.source OR p.parent_pid IS NULL)
  AND pp.at_us = (SELECT min(at_us) FROM process_parent
                  WHERE upid = p.upid AND source = pp.source)
LEFT JOIN process_exit AS x ON x.upid = p.upid
  AND x.source = (SELECT min(source) FROM process_exit
                  WHERE upid = p.upid);
