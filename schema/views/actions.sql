-- What galproc was asked to do, by whom, and what came of it. Filter on action_id or at_us.
CREATE VIEW actions AS
SELECT
  a.action_id,              -- one command that acts, in the order of logging
  a.at_us,                  -- instant at which it was logged
  strftime('%Y-%m-%dT%H:%M:%S', a.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', a.at_us % 1000000) AS at,  -- the same as text
  a.verb,                   -- kill, start, stop, prune
  a.actor_upid,             -- the galproc that was asked; NULL: it has no process row
  a.actor_pid,              -- its pid
  a.actor_name,             -- its name
  a.user AS actor_user,     -- user whose effective rights it had
  a.login_uid,              -- user who had logged in, kept across su and sudo
  a.sudo_user,              -- SUDO_USER: a claim, not a proof
  a.tty,                    -- terminal it was typed at; NULL: none
  a.cwd,                    -- working directory
  a.command_line,           -- arguments, shell-quoted, secrets redacted
  a.host,                   -- name of the machine
  a.reason,                 -- --reason; NULL: none was given
  o.outcome,                -- done, failed, not_found, refused, not_logged, still_there, interrupted; NULL: galproc ended
                            -- in between
  o.exit_code,              -- what galproc returned
  o.at_us AS done_us,       -- instant at which it was over
  strftime('%Y-%m-%dT%H:%M:%S', o.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', o.at_us % 1000000) AS done_at,  -- the same as text
  a.uid AS actor_uid,       -- effective user id
  a.boot_id                 -- the boot in which it was given
FROM action AS a
LEFT JOIN action_outcome AS o ON o.action_id = a.action_id;
