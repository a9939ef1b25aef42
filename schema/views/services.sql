-- What galproc start has started, one row a start. Its first process stands for the service.
CREATE VIEW services AS
SELECT
  service_id,     -- one start
  service,        -- name of the service
  upid,           -- its first process
  pid,            -- that one's pid
  name,           -- its short name
  state,          -- running: no end of it is known; ended
  venv,           -- folder of the Python virtual environment it was started in
  command_line,   -- arguments, shell-quoted, secrets redacted
  log_path,       -- file that takes its output
  started_us,     -- instant of its start
  strftime('%Y-%m-%dT%H:%M:%S', started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', started_us % 1000000) AS started_at,  -- the same as text
  ended_us,       -- instant of its end; NULL: it runs, or it is gone and nobody saw when
  strftime('%Y-%m-%dT%H:%M:%S', ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', ended_us % 1000000) AS ended_at,      -- the same as text
  exit_code,      -- status that it returned; NULL: unknown, or it died of a signal
  coalesce((SELECT g.name FROM signal_name AS g
            WHERE g.number = exit_signal_number),
    'SIG' || exit_signal_number) AS exit_signal,  -- name of the signal that it died of; NULL: unknown, or none
  action_id,      -- the action that started it
  working_directory,  -- where it was started
  marker,         -- value of GALPROC_SERVICE in its environment
  cgroup,         -- control group that was made for it
  boot_id,        -- the boot that its pid belongs to
  start_token     -- tells its process from others of that pid
FROM (
  SELECT v.service_id, v.name AS service, v.upid, p.pid,
    (SELECT name FROM process_image WHERE upid = v.upid
     ORDER BY image_no DESC LIMIT 1) AS name,
    -- Without a recorder nobody tells of an end but an attempt, and none
    -- outlives its boot.
    CASE
      WHEN x.upid IS NOT NULL OR o.attempt_id IS NOT NULL THEN 'ended'
      WHEN EXISTS (
        SELECT 1 FROM boot AS later
        JOIN boot AS b ON b.boot_id = p.boot_id
        WHERE later.boot_id > b.boot_id AND later.boot_uuid <> b.boot_uuid)
        THEN 'ended'
      ELSE 'running'
    END AS state,
    v.venv, v.command_line, v.log_path, p.started_us,
    coalesce(x.ended_us, o.ended_us) AS ended_us,
    coalesce(x.exit_code, iif(x.exit_signal IS NULL, o.exit_code, NULL))
      AS exit_code,
    coalesce(x.exit_signal, iif(x.exit_code IS NULL, o.exit_signal, NULL))
      AS exit_signal_number,
    v.action_id, v.working_directory, v.marker, v.cgroup, p.boot_id,
    p.start_token
  FROM service AS v
  JOIN process AS p ON p.upid = v.upid
  LEFT JOIN process_exit AS x ON x.upid = v.upid
    AND x.source = (SELECT min(source) FROM process_exit
                    WHERE upid = v.upid)
  LEFT JOIN attempt_outcome AS o ON o.attempt_id = (
    SELECT t.attempt_id
    FROM attempt AS t
    JOIN attempt_outcome AS d ON d.attempt_id = t.attempt_id
      AND d.outcome IN ('exited', 'already_gone', 'identity_changed')
    WHERE t.target_upid = v.upid
    ORDER BY d.outcome = 'exited' DESC, t.attempt_id LIMIT 1));
