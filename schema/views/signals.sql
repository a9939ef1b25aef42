-- Every signal that the kernel saw, and every call that was to send one and failed. Filter on at_us or target_upid.
CREATE VIEW signals AS
SELECT
  s.signal_id,       -- the signal
  s.at_us,           -- instant at which it was sent
  strftime('%Y-%m-%dT%H:%M:%S', s.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', s.at_us % 1000000) AS at,  -- the same as text
  coalesce(n.name, 'SIG' || s.signal) AS signal,   -- its name
  s.cause,           -- user, self, fault, terminal, hangup, timer, limit, oom,
                     -- parent_death, tracer_death, cgroup_kill, namespace_end
  CASE WHEN s.own THEN s.target_upid WHEN s.named THEN s.sender_upid
    END AS sender_upid,  -- who sent it, for self and fault the target; NULL:
                         -- nobody did (terminal, timer, limit, oom), or unknown
  CASE WHEN s.own THEN s.target_pid WHEN s.named THEN s.sender_pid
    END AS sender_pid,   -- its pid
  CASE WHEN s.own THEN s.target_name WHEN s.named THEN s.sender_name
    END AS sender_name,  -- its name
  CASE
    WHEN s.own AND s.sender_upid IS NOT s.target_upid THEN
      (SELECT i.user FROM process_images AS i WHERE i.upid = s.target_upid
       ORDER BY i.image_no DESC LIMIT 1)
    WHEN s.named THEN coalesce(s.sender_user, CAST(s.sender_uid AS TEXT))
  END AS sender_user,    -- its user
  s.target_upid,     -- whom it was for; NULL: nobody who is known
  s.target_pid,      -- its pid, or what a failed call named (below 0 a group)
  s.target_name,     -- its name
  s.code,            -- si_code as the kernel set it; NULL: the call failed
  CASE s.result WHEN 0 THEN 'delivered' WHEN 1 THEN 'ignored'
    WHEN 2 THEN 'pending' WHEN 3 THEN 'overflow'
    WHEN 4 THEN 'information_lost' ELSE 'refused'
  END AS result,     -- what became of it at once
  s.errno,           -- of a call that failed
  CASE s.disposition WHEN 0 THEN 'default' WHEN 1 THEN 'ignored'
    WHEN 2 THEN 'handled' END AS disposition,  -- what the target does with it
  s.to_group,        -- 1: to the process; 0: to one thread of it
  s.recording_id     -- the run that saw it
FROM (
  SELECT e.*, e.cause NOT IN ('terminal', 'timer', 'limit', 'oom') AS named,
    e.cause IN ('self', 'fault') AS own
  FROM (
    SELECT g.*,
      -- Whoever ran when the kernel sent something by itself is not blamed.
      CASE
        WHEN g.result = 5 THEN 'user'
        WHEN g.oom_victim THEN 'oom'
        WHEN g.origin = 1 AND (g.code = -2 OR g.signal IN (14, 26, 27))
          THEN 'timer'
        WHEN g.origin < 2 AND g.signal IN (24, 25) THEN 'limit'
        WHEN g.code BETWEEN 1 AND 128 AND g.signal IN (4, 5, 7, 8, 11, 31)
          THEN 'fault'
        WHEN g.origin = 1 AND g.signal = 9 THEN CASE
          WHEN g.sender_state & 4 THEN 'namespace_end'
          WHEN g.sender_state & 2 THEN 'tracer_death'
          WHEN g.sender_state & 1 THEN 'terminal'  -- secure attention key
          WHEN g.sender_pid = g.target_pid THEN 'limit'
          ELSE 'oom'  -- shares the victim's memory, so it is killed as well
        END
        WHEN g.origin = 1 AND g.signal = 1 THEN 'hangup'
        WHEN g.origin = 1 AND g.signal IN (2, 3, 20) THEN 'terminal'
        WHEN g.sender_pid = g.target_pid THEN 'self'
        WHEN g.origin = 0 AND g.sender_state & 2 THEN 'parent_death'
        WHEN g.origin = 0 AND g.signal = 9 AND NOT g.to_group
          THEN 'cgroup_kill'
        -- It had asked to be told of something: a file, a terminal.
        WHEN g.origin = 1 OR g.code > 0 THEN 'self'
        ELSE 'user'
      END AS cause
    FROM signal_event AS g) AS e) AS s
LEFT JOIN signal_name AS n ON n.number = s.signal;
