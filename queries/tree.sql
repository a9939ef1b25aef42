-- name: tree
-- summary: the process tree at a moment
-- why: what ran, who had started whom, and how much of the machine each one was using just then
-- example: galproc query tree --at 03:12
-- example: galproc query tree --at 'yesterday 03:12' --pid 4242
-- param: at instant default latest: the moment asked about
-- param: pid integer: only this process and its descendants
-- column: depth integer: generations below the root of its tree
-- column: upid integer: the process
-- column: pid integer: its number
-- column: parent_pid integer: pid of its parent of that moment; 0: none
-- column: name text: short name
-- column: user text: whose process it is
-- column: cpu_pct percent: of one CPU, since the tick before; unknown at a recording's first tick
-- column: resident_bytes bytes: memory held
-- column: started_at instant: start of the process
-- column: command_line text: its arguments
-- column: state text: of its first thread
-- column: thread_count integer: living threads
-- column: cpu_us duration_us: CPU time since its start
-- column: kernel_thread integer: 1 for a thread of the kernel itself
-- column: parent_upid integer: its parent of that moment; unknown where that could not be seen
-- column: started_us instant_us: start of the process
-- tree: name
WITH RECURSIVE
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
  node AS MATERIALIZED (
    SELECT l.upid, l.sample_id, p.pid, p.started_us, p.kernel_thread,
      -- CAST: by an expression without a type children could not be sought.
      CAST(iif(pp.upid IS NULL, p.parent_upid, pp.parent_upid) AS INTEGER)
        AS parent_upid,
      iif(pp.upid IS NULL, p.parent_pid, pp.parent_pid) AS parent_pid,
      m.tick_id, m.at_us, m.boot_us, p.met_after_us
    FROM moment AS m
    CROSS JOIN last AS l
    CROSS JOIN process AS p ON p.upid = l.upid
    -- Its last parent until then, where that is not the first one.
    LEFT JOIN process_parent AS pp ON pp.upid = l.upid
      AND (pp.at_us, pp.source) = (
        SELECT q.at_us, q.source
        FROM (SELECT at_us, source, tick_id,
                coalesce(tick_id <= m.tick_id, at_us <= m.at_us) AS was_so
              FROM process_parent
              WHERE upid = l.upid) AS q
        -- The last one until then, or else the first one. Of two witnesses of one
        -- instant the poll knows the parent of then, the event the creator.
        ORDER BY q.was_so DESC, iif(q.was_so, -q.tick_id, q.tick_id),
          iif(q.was_so, -q.at_us, q.at_us), q.source DESC
        LIMIT 1)
      AND (p.parent_pid IS NULL
           OR coalesce(pp.tick_id <= m.tick_id, pp.at_us <= m.at_us)
             AND (pp.source = 3 AND pp.tick_id IS NOT NULL
                  OR (pp.at_us, pp.source)
                    > (p.started_us + p.met_after_us, p.source)))
    WHERE NOT EXISTS (
      SELECT 1 FROM process_exit AS x
      WHERE x.upid = l.upid
        AND (x.tick_id <= m.tick_id
             OR x.tick_id IS NULL AND x.ended_us <= m.at_us))
  ),
  -- Depth first: ORDER BY decides which waiting row is taken next.
  walk (upid, depth, pid) AS (
    SELECT n.upid, 0, n.pid
    FROM node AS n
    WHERE n.pid = :pid
      OR :pid IS NULL
        AND (n.parent_upid IS NULL
             OR n.parent_upid NOT IN (SELECT upid FROM node))
    UNION ALL
    SELECT n.upid, w.depth + 1, n.pid
    FROM walk AS w
    CROSS JOIN node AS n ON n.parent_upid = w.upid
    WHERE w.depth < 10000
    ORDER BY 2 DESC, 3, 1
  ),
  numbered AS (
    SELECT upid, depth, row_number() OVER () AS position FROM walk
  )
SELECT w.depth, n.upid, n.pid, n.parent_pid, i.name, i.user,
  CASE
    WHEN b.tick_id IS NULL THEN NULL
    WHEN s.tick_id <= b.tick_id THEN 0.0
    WHEN sb.upid IS NOT NULL
      THEN 100.0 * (s.cpu_us
                    - sb.cpu_user_us - sb.cpu_system_us)
        / (n.boot_us - b.boot_us)
    -- Born since: a start is cut to 10 ms and a reading takes its time; where the
    -- wall clock was set, the boot clock tells.
    WHEN n.boot_us - n.met_after_us > b.boot_us - 2000000
        AND (n.started_us > b.at_us - 2000000
             OR abs(n.at_us - n.boot_us - b.at_us + b.boot_us) > 500000)
      THEN 100.0 * s.cpu_us / (n.boot_us - b.boot_us)
  END AS cpu_pct,
  s.resident_bytes,
  strftime('%Y-%m-%dT%H:%M:%S', n.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', n.started_us % 1000000) AS started_at,
  i.command_line,
  (SELECT name FROM process_state WHERE state = s.state) AS state,
  s.thread_count, s.cpu_us, n.kernel_thread,
  n.parent_upid, n.started_us
FROM numbered AS w
CROSS JOIN node AS n ON n.upid = w.upid
CROSS JOIN process_sample AS s ON s.sample_id = n.sample_id
LEFT JOIN before AS b
LEFT JOIN last_before AS lb ON lb.upid = n.upid AND s.tick_id > b.tick_id
LEFT JOIN process_sample AS sb ON sb.sample_id = lb.sample_id
LEFT JOIN process_images AS i ON i.upid = n.upid
  AND i.image_no = coalesce(
    (SELECT max(image_no) FROM process_image
     WHERE upid = n.upid
       AND coalesce(tick_id <= n.tick_id, at_us <= n.at_us)), 1)
ORDER BY w.position
