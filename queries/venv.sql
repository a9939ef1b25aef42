-- name: venv
-- summary: what ran in a Python virtual environment at a moment
-- why: which programs would break when the environment is rebuilt, with which interpreter each runs, and which services
--      of galproc they belong to
-- example: galproc query venv --path /srv/app/.venv
-- example: galproc query venv --path .venv --at 'yesterday 03:12'
-- param: path text required: folder of the environment
-- param: at instant default latest: the moment asked about
-- column: upid integer: the process
-- column: pid integer: its number
-- column: name text: short name of then
-- column: venv text: folder of its virtual environment
-- column: evidence text: what says so: environment (VIRTUAL_ENV), command_line (its program, or an argument)
-- column: user text: whose process it is
-- column: executable text: path of its program: the interpreter
-- column: command_line text: its arguments
-- column: service text: the service of galproc that it is, or belongs to
-- column: started_at instant: its start
-- column: started_us instant_us: its start
WITH
  -- The last tick up to then at which the process table could be read.
  moment AS MATERIALIZED (
    SELECT tick_id, keyframe_tick_id, at_us
    FROM tick
    WHERE tick_id = CASE
      WHEN :at IS NULL
        THEN (SELECT tick_id FROM tick WHERE process_count IS NOT NULL
              ORDER BY tick_id DESC LIMIT 1)
      ELSE (SELECT tick_id FROM tick
            WHERE process_count IS NOT NULL
              AND tick_id <= (SELECT tick_id FROM tick WHERE at_us <= :at
                              ORDER BY at_us DESC, tick_id DESC LIMIT 1)
            ORDER BY tick_id DESC LIMIT 1)
    END
  ),
  wanted AS MATERIALIZED (
    SELECT text_id FROM text WHERE value = rtrim(:path, '/')
  ),
  last AS MATERIALIZED (
    SELECT DISTINCT s.upid
    FROM moment AS m
    CROSS JOIN process_sample AS s ON s.sample_id
      BETWEEN m.keyframe_tick_id << 32 AND (m.tick_id + 1 << 32) - 1
  )
SELECT l.upid, p.pid, i.name, i.venv, i.venv_evidence AS evidence, i.user,
  i.executable, i.command_line,
  (SELECT v.name FROM service AS v
   WHERE v.upid = l.upid OR v.marker = i.service_marker
   ORDER BY v.service_id DESC LIMIT 1) AS service,
  strftime('%Y-%m-%dT%H:%M:%S', p.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', p.started_us % 1000000) AS started_at,
  p.started_us
FROM moment AS m
CROSS JOIN last AS l
CROSS JOIN process AS p ON p.upid = l.upid
CROSS JOIN process_image AS o ON o.upid = l.upid
  AND o.image_no = coalesce(
    (SELECT max(image_no) FROM process_image
     WHERE upid = l.upid
       AND coalesce(tick_id <= m.tick_id, at_us <= m.at_us)), 1)
  AND o.venv_text_id IN (SELECT text_id FROM wanted)
CROSS JOIN process_images AS i ON i.upid = l.upid AND i.image_no = o.image_no
WHERE NOT EXISTS (
  SELECT 1 FROM process_exit AS x
  WHERE x.upid = l.upid
    AND (x.tick_id <= m.tick_id
         OR x.tick_id IS NULL AND x.ended_us <= m.at_us))
ORDER BY p.pid, l.upid
