-- name: unfinished
-- summary: attempts to end a process of which nobody knows what came
-- why: galproc was ended, or the log could not be written, between an attempt and its outcome: look at these by hand
-- example: galproc query unfinished
-- column: attempt_id integer: the attempt
-- column: action_id integer: the action that it belongs to
-- column: at instant: when it was logged, before it was made
-- column: method text: polite, forced, cgroup
-- column: signal text: name of the signal
-- column: sender_pid integer: the galproc that was at it
-- column: sender_name text: its name
-- column: sender_user text: user whose rights it had
-- column: target_upid integer: whom it was for
-- column: target_pid integer: that one's number
-- column: target_name text: its name of then
-- column: reason text: why, as the sender said
-- column: verb text: kill, start, stop
-- column: action_outcome text: what came of the whole action; unknown: galproc ended before it was over
-- column: at_us instant_us: when it was logged
SELECT t.attempt_id, t.action_id, t.at, t.method, t.signal, t.sender_pid,
  t.sender_name, t.sender_user, t.target_upid, t.target_pid, t.target_name,
  t.reason, t.verb,
  (SELECT o.outcome FROM action_outcome AS o
   WHERE o.action_id = t.action_id) AS action_outcome,
  t.at_us
FROM galproc_attempts AS t
WHERE t.outcome IS NULL
ORDER BY t.at_us, t.attempt_id
