-- The other half of termination_attempts: signals that could end their target and that the kernel alone saw. For joins,
-- as galproc_attempts.
CREATE VIEW kernel_attempts AS
SELECT
  NULL AS attempt_id,  -- NULL: galproc did not do it
  g.signal_id,         -- what the kernel saw
  NULL AS action_id,   -- NULL
  'kernel' AS source,  -- kernel
  'kernel' AS seen_by,  -- kernel
  g.at_us,             -- instant at which it was sent
  v.at,                -- the same as text
  CASE WHEN v.cause = 'cgroup_kill' THEN 'cgroup'
    WHEN g.signal = 9 THEN 'forced' ELSE 'polite'
  END AS method,       -- polite: a request; forced: a kill; cgroup: a kill of its whole control group
  v.signal,            -- name of the signal
  v.cause,             -- why it was sent: user, self, fault, terminal, hangup, timer, limit, oom, parent_death, tracer_death,
                       -- cgroup_kill, namespace_end
  v.sender_upid,       -- who did it; NULL: nobody (terminal, timer, limit, oom)
  v.sender_pid,        -- its pid
  v.sender_name,       -- its name
  v.sender_user,       -- user whose effective rights it had
  -- The event's own columns, not those of the view: what filters them then
  -- finds their indexes.
  g.target_upid,       -- whom it was for; NULL: nobody who is known
  g.target_pid,        -- the target's pid
  g.target_name,       -- the target's name of then
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
  END AS outcome,       -- exited, survived, already_gone, denied, failed
  CASE g.errno WHEN 1 THEN 'Operation not permitted'
    WHEN 3 THEN 'No such process' WHEN 22 THEN 'Invalid argument'
    ELSE 'error ' || g.errno
  END AS error,        -- why not, in words
  x.ended_us,          -- instant of the target's end; NULL: unknown, or it lives
  strftime('%Y-%m-%dT%H:%M:%S', x.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', x.ended_us % 1000000) AS ended_at,  -- the same as text
  x.exit_code,         -- status that it returned; NULL: unknown, or it died of a signal
  coalesce(e.name, 'SIG' || x.exit_signal)
    AS exit_signal,    -- name of the signal that it died of; NULL: unknown, or none
  NULL AS reason,      -- NULL: nobody says
  NULL AS verb,        -- NULL
  NULL AS why,         -- NULL
  (SELECT i.executable FROM process_images AS i
   WHERE i.upid = g.target_upid ORDER BY i.image_no DESC LIMIT 1)
    AS target_executable,  -- path of the target's program
  (SELECT i.user FROM process_images AS i
   WHERE i.upid = g.target_upid ORDER BY i.image_no DESC LIMIT 1)
    AS target_user,    -- the target's user
  NULL AS outcome_us,  -- NULL
  (SELECT p.boot_id FROM process AS p WHERE p.upid = g.target_upid)
    AS boot_id         -- the boot that the target's pid belongs to
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
