-- Every attempt to end a process: what galproc did, and every signal that could end its target, whoever or whatever sent
-- it. What galproc did and the kernel saw too is one row. Filter on at_us, target_upid or action_id.
CREATE VIEW termination_attempts AS
SELECT
  t.attempt_id,                     -- galproc's own attempt; NULL: only the kernel saw it
  k.signal_id,                      -- what the kernel saw; NULL: nothing
  t.action_id,                      -- the action that it belongs to; NULL: galproc did not do it
  'galproc' AS source,              -- who tells of it: galproc, kernel
  iif(k.signal_id IS NULL, 'galproc', 'galproc+kernel')
    AS seen_by,                     -- who saw it: galproc, kernel, galproc+kernel
  t.at_us,                          -- instant at which it was logged, before it was made; of a kernel's row: at which it was sent
  strftime('%Y-%m-%dT%H:%M:%S', t.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', t.at_us % 1000000) AS at,  -- the same as text
  t.method,                         -- polite: a request; forced: a kill; cgroup: a kill of its whole control group
  coalesce(s.name, 'SIG' || t.signal) AS signal,  -- name of the signal; NULL where the system has none
  'user' AS cause,                  -- why it was sent: user, self, fault, terminal, hangup, timer, limit, oom, parent_death,
                                    -- tracer_death, cgroup_kill, namespace_end
  a.actor_upid AS sender_upid,      -- who did it; NULL: nobody (terminal, timer, limit, oom), or one that has no process row
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
LEFT JOIN signal_name AS e ON e.number = o.exit_signal
UNION ALL
SELECT
  NULL, g.signal_id, NULL, 'kernel', 'kernel', v.at_us, v.at,
  CASE WHEN v.cause = 'cgroup_kill' THEN 'cgroup'
    WHEN g.signal = 9 THEN 'forced' ELSE 'polite' END,
  v.signal, v.cause, v.sender_upid, v.sender_pid, v.sender_name,
  v.sender_user, v.target_upid, v.target_pid, v.target_name,
  CASE
    WHEN g.result = 5 THEN CASE g.errno WHEN 1 THEN 'denied'
      WHEN 3 THEN 'already_gone' ELSE 'failed' END
    WHEN x.ended_us < g.at_us THEN 'already_gone'
    WHEN g.result = 3 THEN 'failed'
    WHEN g.result IN (1, 2) THEN 'survived'
    -- It died of this one, or was asked and returned by itself soon after, if
    -- no other came later. One that it sends to itself just after it was asked
    -- is no other: it raises the signal again when it has tidied up.
    --
    -- Asked is who gets TERM, INT or QUIT, or a hangup from the kernel: others,
    -- and a HUP that somebody sends, mostly want something else of who handles
    -- them, unless it returns 128 + the signal's number, as shells do. Who has
    -- no handler and lives has it blocked: only one that waits for it (sigwait,
    -- signalfd) notices, and mostly returns within 2 s.
    WHEN (x.exit_signal = g.signal
          OR (x.exit_code = 128 + g.signal OR x.exit_code IS NOT NULL
                AND (g.signal IN (2, 3, 15) OR g.signal = 1 AND g.origin = 1))
            AND x.ended_us - g.at_us
              < iif(g.disposition = 2, 10000000, 2000000))
      AND NOT EXISTS (
        SELECT 1 FROM signal_event AS l
        WHERE l.target_upid = g.target_upid
          AND l.at_us BETWEEN g.at_us AND x.ended_us
          AND l.signal_id > g.signal_id AND l.result IN (0, 4)
          AND (l.signal = x.exit_signal
               OR x.exit_code = 128 + l.signal
               OR x.exit_signal IS NULL
                 AND (l.signal IN (2, 3, 15) OR l.signal = 1 AND l.origin = 1))
          AND (l.sender_upid IS NOT l.target_upid
               OR g.sender_upid IS g.target_upid
               OR l.at_us - g.at_us >= 10000000)) THEN 'exited'
    ELSE 'survived'
  END,
  CASE g.errno WHEN 1 THEN 'Operation not permitted'
    WHEN 3 THEN 'No such process' WHEN 22 THEN 'Invalid argument'
    ELSE 'error ' || g.errno END,
  x.ended_us,
  strftime('%Y-%m-%dT%H:%M:%S', x.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', x.ended_us % 1000000),
  x.exit_code, coalesce(e.name, 'SIG' || x.exit_signal),
  NULL, NULL, NULL,
  (SELECT i.executable FROM process_images AS i
   WHERE i.upid = g.target_upid ORDER BY i.image_no DESC LIMIT 1),
  (SELECT i.user FROM process_images AS i
   WHERE i.upid = g.target_upid ORDER BY i.image_no DESC LIMIT 1),
  NULL,
  (SELECT p.boot_id FROM process AS p WHERE p.upid = g.target_upid)
FROM signal_event AS g
CROSS JOIN signals AS v ON v.signal_id = g.signal_id
LEFT JOIN process_exit AS x ON x.upid = g.target_upid
  AND x.source = (SELECT min(source) FROM process_exit
                  WHERE upid = g.target_upid)
LEFT JOIN signal_name AS e ON e.number = x.exit_signal
WHERE g.signal NOT IN (17, 18, 19, 20, 21, 22, 23, 28)
  AND NOT EXISTS (
    SELECT 1 FROM attempt AS t
    CROSS JOIN action AS a ON a.action_id = t.action_id
    LEFT JOIN attempt_outcome AS o ON o.attempt_id = t.attempt_id
    WHERE t.target_upid = g.target_upid AND t.signal = g.signal
      AND a.actor_pid = g.sender_pid
      AND a.actor_start_token = g.sender_start_token
      AND g.at_us BETWEEN t.at_us - 10000
        AND coalesce(o.at_us, t.at_us + 60000000) + 10000);
