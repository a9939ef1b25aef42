-- One half of termination_attempts: what galproc did. For joins, where SQLite seeks in here by target_upid, action_id or
-- at_us, but would read all of a union.
CREATE VIEW galproc_attempts AS
SELECT
  t.attempt_id,                     -- galproc's own attempt
  k.signal_id,                      -- what the kernel saw; NULL: nothing
  t.action_id,                      -- the action that it belongs to
  'galproc' AS source,              -- galproc
  iif(k.signal_id IS NULL, 'galproc', 'galproc+kernel')
    AS seen_by,                     -- who saw it: galproc, galproc+kernel
  t.at_us,                          -- instant at which it was logged, before it was made
  strftime('%Y-%m-%dT%H:%M:%S', t.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', t.at_us % 1000000) AS at,  -- the same as text
  t.method,                         -- polite: a request; forced: a kill; cgroup: a kill of its whole control group
  coalesce(s.name, 'SIG' || t.signal) AS signal,  -- name of the signal; NULL where the system has none
  'user' AS cause,                  -- user: somebody wanted it
  a.actor_upid AS sender_upid,      -- the galproc that did it; NULL: it has no process row
  a.actor_pid AS sender_pid,        -- its pid
  a.actor_name AS sender_name,      -- its name
  a.user AS sender_user,            -- user whose effective rights it had
  t.target_upid,                    -- whom it was for; NULL: nothing was known but a number
  t.target_pid,                     -- the target's pid
  t.target_name,                    -- the target's name of then
  o.outcome,                        -- exited, survived, already_gone, denied, refused, identity_changed, unsupported,
                                    -- failed; NULL: not known, galproc ended in between
  o.error,                          -- why not, in words
  o.ended_us,                       -- instant of the target's end; NULL: unknown, or it lived
  strftime('%Y-%m-%dT%H:%M:%S', o.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', o.ended_us % 1000000) AS ended_at,  -- the same as text
  o.exit_code,                      -- status that it returned; NULL: unknown, or it died of a signal
  coalesce(e.name, 'SIG' || o.exit_signal) AS exit_signal,  -- name of the signal that it died of; NULL: unknown, or none
  a.reason,                         -- --reason of the action
  a.verb,                           -- of the action: kill, start, stop
  t.why,                            -- why it was a target: pid, port, name, child, ancestry, session, marker, cgroup
  t.target_executable,              -- path of the target's program
  t.target_user,                    -- the target's user
  o.at_us AS outcome_us,            -- instant at which the outcome was known
  t.boot_id                         -- the boot that the target's pid belongs to
FROM attempt AS t
JOIN action AS a ON a.action_id = t.action_id
LEFT JOIN attempt_outcome AS o ON o.attempt_id = t.attempt_id
-- Sent by this very galproc, between the intent and the outcome.
LEFT JOIN signal_event AS k ON k.signal_id = (
  SELECT min(g.signal_id) FROM signal_event AS g
  WHERE g.target_upid = t.target_upid
    AND g.at_us BETWEEN t.at_us - 10000
      AND coalesce(o.at_us, t.at_us + 60000000) + 10000
    AND g.sender_pid = a.actor_pid
    AND g.sender_start_token = a.actor_start_token
    AND g.signal = t.signal)
LEFT JOIN signal_name AS s ON s.number = t.signal
LEFT JOIN signal_name AS e ON e.number = o.exit_signal;
