-- What each process ran: one row at first sight, then one at each exec and each change of user.
CREATE VIEW process_images AS
SELECT
  upid,               -- the process
  at_us,              -- instant at which the image was first seen
  strftime('%Y-%m-%dT%H:%M:%S', at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', at_us % 1000000) AS at,  -- the same as text
  name,               -- short name, completed where the kernel cut it
  (SELECT value FROM text WHERE text_id = executable_text_id)
    AS executable,    -- path of the program; NULL: not readable, or a kernel thread
  coalesce(command_line,
    (SELECT value FROM text WHERE text_id = command_line_text_id))
    AS command_line,  -- arguments, shell-quoted, joined by one blank, secrets redacted; NULL: not readable
  (SELECT value FROM text WHERE text_id = cgroup_text_id)
    AS cgroup,        -- control group path
  (SELECT value FROM text WHERE text_id = venv_text_id)
    AS venv,          -- folder of its Python virtual environment
  venv_evidence,      -- what says so: environment, command_line
  image_no,           -- 1 at first sight, then one more each time
  (SELECT value FROM text WHERE text_id = working_directory_text_id)
    AS working_directory,  -- at first sight of the image
  service_marker,     -- value of GALPROC_SERVICE in its environment
  uid,                -- effective user id
  (SELECT value FROM text WHERE text_id = user_text_id)
    AS user,          -- that user's name
  truncated,          -- 1: a text of this row was cut at 64 KiB
  tick_id             -- the first tick at which it was so; NULL: not known
FROM process_image;
