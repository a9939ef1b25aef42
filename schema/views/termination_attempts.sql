-- Every attempt to end a process: what galproc did, and every signal that could end its target, whoever or whatever sent
-- it. What galproc did and the kernel saw too is one row. Filter on at_us, target_upid or action_id.
CREATE VIEW termination_attempts AS
SELECT
  attempt_id,         -- galproc's own attempt; NULL: only the kernel saw it
  signal_id,          -- what the kernel saw; NULL: nothing
  action_id,          -- the action that it belongs to; NULL: galproc did not do it
  source,             -- who tells of it: galproc, kernel
  seen_by,            -- who saw it: galproc, kernel, galproc+kernel
  at_us,              -- instant at which it was logged, before it was made; of a kernel's row: at which it was sent
  at,                 -- the same as text
  method,             -- polite: a request; forced: a kill; cgroup: a kill of its whole control group
  signal,             -- name of the signal; NULL where the system has none
  cause,              -- why it was sent: user, self, fault, terminal, hangup, timer, limit, oom, parent_death,
                      -- tracer_death, cgroup_kill, namespace_end
  sender_upid,        -- who did it; NULL: nobody (terminal, timer, limit, oom), or one that has no process row
  sender_pid,         -- its pid
  sender_name,        -- its name
  sender_user,        -- user whose effective rights it had
  target_upid,        -- whom it was for; NULL: nothing was known but a number
  target_pid,         -- the target's pid
  target_name,        -- the target's name of then
  outcome,            -- exited, survived, already_gone, denied, refused, identity_changed, unsupported,
                      -- failed; NULL: not known, galproc ended in between
  error,              -- why not, in words
  ended_us,           -- instant of the target's end; NULL: unknown, or it lived
  ended_at,           -- the same as text
  exit_code,          -- status that it returned; NULL: unknown, or it died of a signal
  exit_signal,        -- name of the signal that it died of; NULL: unknown, or none
  reason,             -- --reason of the action
  verb,               -- of the action: kill, start, stop
  why,                -- why it was a target: pid, port, name, child, ancestry, session, marker, cgroup
  target_executable,  -- path of the target's program
  target_user,        -- the target's user
  outcome_us,         -- instant at which the outcome was known
  boot_id             -- the boot that the target's pid belongs to
FROM galproc_attempts
UNION ALL
SELECT
  attempt_id, signal_id, action_id, source, seen_by, at_us, at, method, signal,
  cause, sender_upid, sender_pid, sender_name, sender_user, target_upid,
  target_pid, target_name, outcome, error, ended_us, ended_at, exit_code,
  exit_signal, reason, verb, why, target_executable, target_user, outcome_us,
  boot_id
FROM kernel_attempts;
