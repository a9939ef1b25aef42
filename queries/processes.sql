-- name: processes
-- summary: what was running at a moment
-- why: the list of living processes with what each one was using just then
-- example: galproc query processes --at 03:12 --name node
-- example: galproc query processes --user postgres
-- param: at instant default latest: the moment asked about
-- param: name text: only those of this whole name; case and a trailing .exe do not matter
-- param: user text: only those of this user
-- column: upid integer: the process
-- column: pid integer: its number
-- column: parent_pid integer: pid of its parent of that moment; 0: none
-- column: name text: short name
-- column: user text: whose process it is
-- column: state text: of its first thread
-- column: cpu_pct percent: of one CPU, since the tick before; unknown at a recording's first tick
-- column: resident_bytes bytes: memory held
-- column: started_at instant: start of the process
-- column: command_line text: its arguments
-- column: thread_count integer: living threads
-- column: cpu_us duration_us: CPU time since its start
-- column: kernel_thread integer: 1 for a thread of the kernel itself
-- column: parent_upid integer: its parent of that moment; unknown where that could not be seen
-- column: started_us instant_us: start of the process
WITH
  -- The last tick up to then at which the process table could be read.
  moment AS (
    SELECT tick_id, keyframe_tick_id, previous_tick_id, at_us, boot_us
    FROM tick
    WHERE tick_id = CASE
      WHEN :at IS NULL
        THEN (SELECT tick_id FROM tick WHERE process_count IS NOT NULL
              ORDER BY tick_id DESC LIMIT 1)
      -- By time once, then by number: the wall clock may have been set.
      ELSE (SELECT tick_id FROM tick
            WHERE process_count IS NOT NULL
              AND tick_id <= (SELECT tick_id FROM tick WHERE at_us <= :at
                              ORDER BY at_us DESC, tick_id DESC LIMIT 1)
            ORDER BY tick_id DESC LIMIT 1)
    END
  ),
  -- The one before it, which rates are measured from.
  before AS (
    SELECT b.tick_id, b.keyframe_tick_id, b.at_us, b.boot_us
    FROM moment AS m
    CROSS JOIN tick AS p ON p.tick_id = m.previous_tick_id
    CROSS JOIN tick AS b ON b.tick_id = (
      SELECT r.tick_id FROM tick AS r
      WHERE r.tick_id BETWEEN p.keyframe_tick_id AND p.tick_id
        AND r.process_count IS NOT NULL
      ORDER BY r.tick_id DESC LIMIT 1)
  ),
  -- Each one's last row of then. Narrow first: sorting whole rows is dear.
  last AS (
    SELECT s.upid, max(s.sample_id) AS sample_id
    FROM moment AS m
    CROSS JOIN process_sample AS s ON s.sample_id
      BETWEEN m.keyframe_tick_id << 32 AND (m.tick_id + 1 << 32) - 1
    GROUP BY s.upid
  ),
  last_before AS MATERIALIZED (
    SELECT s.upid, max(s.sample_id) AS sample_id
    FROM before AS b
    CROSS JOIN process_sample AS s ON s.sample_id
      BETWEEN b.keyframe_tick_id << 32 AND (b.tick_id + 1 << 32) - 1
    GROUP BY s.upid
  ),
  alive AS (
    SELECT l.upid, l.sample_id, m.tick_id, m.at_us, m.boot_us
    FROM moment AS m
    CROSS JOIN last AS l
    WHERE NOT EXISTS (
      SELECT 1 FROM process_exit AS x
      WHERE x.upid = l.upid
        AND (x.tick_id <= m.tick_id
             OR x.tick_id IS NULL AND x.ended_us <= m.at_us))
  )
SELECT a.upid, p.pid,
  iif(pp.upid IS NULL, p.parent_pid, pp.parent_pid) AS parent_pid,
  i.name, i.user,
  (SELECT name FROM process_state WHERE state = s.state) AS state,
  CASE
    WHEN b.tick_id IS NULL THEN NULL
    WHEN s.tick_id <= b.tick_id THEN 0.0
    WHEN sb.upid IS NOT NULL
      THEN 100.0 * (s.cpu_us
                    - sb.cpu_user_us - sb.cpu_system_us)
        / (a.boot_us - b.boot_us)
    -- Born since: a start is cut to 10 ms and a reading takes its time; where the
    -- wall clock was set, the boot clock tells.
    WHEN a.boot_us - p.met_after_us > b.boot_us - 2000000
        AND (p.started_us > b.at_us - 2000000
             OR abs(a.at_us - a.boot_us - b.at_us + b.boot_us) > 500000)
      THEN 100.0 * s.cpu_us / (a.boot_us - b.boot_us)
  END AS cpu_pct,
  s.resident_bytes,
  strftime('%Y-%m-%dT%H:%M:%S', p.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', p.started_us % 1000000) AS started_at,
  i.command_line, s.thread_count, s.cpu_us,
  p.kernel_thread,
  iif(pp.upid IS NULL, p.parent_upid, pp.parent_upid) AS parent_upid,
  p.started_us
FROM alive AS a
CROSS JOIN process_sample AS s ON s.sample_id = a.sample_id
CROSS JOIN process AS p ON p.upid = a.upid
LEFT JOIN before AS b
LEFT JOIN last_before AS lb ON lb.upid = a.upid AND s.tick_id > b.tick_id
LEFT JOIN process_sample AS sb ON sb.sample_id = lb.sample_id
LEFT JOIN process_images AS i ON i.upid = a.upid
  AND i.image_no = coalesce(
    (SELECT max(image_no) FROM process_image
     WHERE upid = a.upid
       AND coalesce(tick_id <= a.tick_id, at_us <= a.at_us)), 1)
-- Its last parent until then, where that is not the first one.
LEFT JOIN process_parent AS pp ON pp.upid = a.upid
  AND (pp.at_us, pp.source) = (
    SELECT q.at_us, q.source
    FROM (SELECT at_us, source, tick_id,
            coalesce(tick_id <= a.tick_id, at_us <= a.at_us) AS was_so
          FROM process_parent
          WHERE upid = a.upid) AS q
    -- The last one until then, or else the first one. Of two witnesses of one
    -- instant the poll knows the parent of then, the event the creator.
    ORDER BY q.was_so DESC, iif(q.was_so, -q.tick_id, q.tick_id),
      iif(q.was_so, -q.at_us, q.at_us), q.source DESC
    LIMIT 1)
  AND (p.parent_pid IS NULL
       OR coalesce(pp.tick_id <= a.tick_id, pp.at_us <= a.at_us)
         AND (pp.source = 3 AND pp.tick_id IS NOT NULL
              OR (pp.at_us, pp.source)
                > (p.started_us + p.met_after_us, p.source)))
WHERE (:name IS NULL OR i.name = :name COLLATE NOCASE
       OR i.name = :name || '.exe' COLLATE NOCASE)
  AND (:user IS NULL OR i.user = :user)
ORDER BY p.pid, a.upid
