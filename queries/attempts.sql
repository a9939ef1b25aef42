-- name: attempts
-- summary: who tried to end what, and what came of it
-- why: each attempt with its sender, target and outcome, also the refused and the failed ones
-- example: galproc query attempts --since yesterday
-- example: galproc query attempts --pid 4242
-- example: galproc query attempts --failed --since yesterday
-- example: galproc query attempts --name node --outcome survived --since '2d ago'
-- param: pid integer: the target's number
-- param: name text: only targets of this whole name; case and a trailing .exe do not matter
-- param: outcome text of exited|survived|already_gone|denied|refused|identity_changed|unsupported|failed: only those
-- param: source text of galproc|kernel: only what galproc did, or only what the kernel saw
-- param: failed flag default 0: only those after which the target is not known to have ended
-- param: since instant default 1h: beginning of the range; all that is recorded where a pid is named
-- param: until instant default now: end of the range
-- column: attempt_id integer: galproc's own attempt; unknown: only the kernel saw it
-- column: source text: who tells of it: galproc, kernel
-- column: at instant: when galproc logged it, before it was made; of what only the kernel saw: when it was sent
-- column: method text: polite, forced, cgroup
-- column: signal text: name of the signal
-- column: sender_pid integer: who did it
-- column: sender_name text: that one's name
-- column: sender_user text: user whose rights it had
-- column: target_upid integer: whom it was for
-- column: target_pid integer: that one's number
-- column: target_name text: its name of then
-- column: outcome text: what came of it; unknown: galproc ended in between
-- column: ended_at instant: the target's end
-- column: reason text: why, as the sender said
-- column: action_id integer: the action that it belongs to
-- column: error text: why not, in words
-- column: exit_code integer: status that the target returned
-- column: exit_signal text: signal that the target died of
-- column: seen_by text: who saw it: galproc, kernel, galproc+kernel
-- column: cause text: why the signal was sent: user (somebody wanted it), self, fault, terminal, hangup, timer, limit, oom,
--      parent_death, tracer_death, cgroup_kill, namespace_end
-- column: signal_id integer: what the kernel saw, in the view signals; unknown: nothing
-- column: at_us instant_us: when it was logged, or sent
-- column: ended_us instant_us: the target's end
SELECT t.attempt_id, t.source, t.at, t.method, t.signal, t.sender_pid,
  t.sender_name, t.sender_user, t.target_upid, t.target_pid, t.target_name,
  t.outcome, t.ended_at, t.reason, t.action_id, t.error, t.exit_code,
  t.exit_signal, t.seen_by, t.cause, t.signal_id, t.at_us, t.ended_us
FROM termination_attempts AS t
WHERE t.at_us BETWEEN coalesce(:since, -9223372036854775807)
    AND coalesce(:until, 9223372036854775807)
  AND (:pid IS NULL OR t.target_pid = :pid)
  AND (:name IS NULL OR t.target_name = :name COLLATE NOCASE
       OR t.target_name = :name || '.exe' COLLATE NOCASE)
  AND (:outcome IS NULL OR t.outcome = :outcome)
  AND (coalesce(:failed, 0) = 0
       OR coalesce(t.outcome NOT IN ('exited', 'already_gone'), 1))
  AND (:source IS NULL OR t.source = :source)
ORDER BY t.at_us, t.attempt_id, t.signal_id
