-- name: survivors
-- summary: who of an action's targets and their descendants outlived it
-- why: what a kill left behind: children that nobody asked, members that refused or ignored it, daemons whose parent was
--      long gone; the action's number is in `attempts` and in what kill prints
-- example: galproc query survivors --action 17
-- param: action integer required: the action, as `action_id` in attempts
-- column: upid integer: the process
-- column: pid integer: its number
-- column: name text: short name of then
-- column: command_line text: its arguments of then
-- column: why text: how it belongs to the targets, and what came of the attempt where there was one
-- column: confidence text: certain: it was seen alive after the action; likely: nobody looked after it, or it ended soon
--      after and nobody knows exactly when
-- column: depth integer: generations below the target; 0: a target itself
-- column: target_upid integer: the nearest target among its creators
-- column: target_pid integer: that one's number
-- column: outcome text: of the last attempt on it; unknown: none was made, or galproc ended in between
-- column: user text: whose process it was
-- column: started_at instant: its start
-- column: ended_at instant: its end, after the action; unknown: it lives
-- column: over_at instant: when the action was over
-- column: started_us instant_us: its start
-- column: ended_us instant_us: its end, the latest possible
-- column: ended_earliest_us instant_us: earliest possible instant of its end
-- column: over_us instant_us: when the action was over
WITH RECURSIVE
  done AS MATERIALIZED (
    SELECT a.action_id, max(a.at_us, coalesce(
      (SELECT at_us FROM action_outcome WHERE action_id = a.action_id),
      (SELECT max(o.at_us)
       FROM attempt AS t
       CROSS JOIN attempt_outcome AS o ON o.attempt_id = t.attempt_id
       WHERE t.action_id = a.action_id), 0)) AS over_us
    FROM action AS a
    WHERE a.action_id = :action
  ),
  -- Of several attempts the last one counts. Bare columns follow max().
  target AS MATERIALIZED (
    SELECT t.target_upid AS upid, max(t.attempt_id) AS attempt_id,
      t.target_pid AS pid, t.target_name AS name, t.why, o.outcome, o.error
    FROM done AS d
    CROSS JOIN attempt AS t ON t.action_id = d.action_id
    LEFT JOIN attempt_outcome AS o ON o.attempt_id = t.attempt_id
    WHERE t.target_upid IS NOT NULL
    GROUP BY t.target_upid
  ),
  -- The last look before it was over.
  moment AS MATERIALIZED (
    SELECT t.tick_id, t.keyframe_tick_id,
      (SELECT at_us FROM tick WHERE tick_id = t.keyframe_tick_id)
        AS keyframe_us
    FROM done AS d
    CROSS JOIN tick AS t ON t.tick_id = (
      SELECT tick_id FROM tick
      WHERE at_us <= d.over_us AND process_count IS NOT NULL
      ORDER BY at_us DESC, tick_id DESC LIMIT 1)
  ),
  -- Who was there then: all that a keyframe and the births since it tell of.
  met AS MATERIALIZED (
    SELECT s.upid
    FROM moment AS m
    CROSS JOIN process_sample AS s ON s.sample_id
      BETWEEN m.keyframe_tick_id << 32 AND (m.tick_id + 1 << 32) - 1
    UNION
    SELECT p.upid
    FROM done AS d
    CROSS JOIN moment AS m
    CROSS JOIN process AS p
      ON p.started_us BETWEEN m.keyframe_us - 2000000 AND d.over_us
    UNION
    SELECT upid FROM target
  ),
  alive AS MATERIALIZED (
    SELECT n.upid, d.over_us, x.upid IS NOT NULL AS has_ended, x.ended_us,
      x.ended_us - coalesce(x.ended_within_us, 0) AS ended_earliest_us
    FROM done AS d
    CROSS JOIN met AS n
    LEFT JOIN process_exit AS x ON x.upid = n.upid
      AND x.source = (SELECT min(source) FROM process_exit
                      WHERE upid = n.upid)
    WHERE (x.upid IS NULL OR x.ended_us > d.over_us)
      AND n.upid NOT IN (
        SELECT upid FROM target
        WHERE outcome IN ('exited', 'already_gone', 'identity_changed'))
  ),
  -- Up through all parents that are known of, the creator and later ones.
  climb (upid, ancestor_upid, depth) AS (
    SELECT upid, upid, 0 FROM alive
    UNION
    SELECT c.upid, p.parent_upid, c.depth + 1
    FROM climb AS c
    CROSS JOIN process AS p ON p.upid = c.ancestor_upid
    WHERE p.parent_upid IS NOT NULL AND c.depth < 1000
      AND c.ancestor_upid NOT IN (SELECT upid FROM target)
    UNION
    SELECT c.upid, p.parent_upid, c.depth + 1
    FROM climb AS c
    CROSS JOIN process_parent AS p ON p.upid = c.ancestor_upid
    WHERE p.parent_upid IS NOT NULL AND c.depth < 1000
      AND c.ancestor_upid NOT IN (SELECT upid FROM target)
  ),
  -- The nearest target. Bare columns follow min().
  survivor AS MATERIALIZED (
    SELECT c.upid, min(c.depth) AS depth, t.upid AS target_upid,
      t.pid AS target_pid, t.name AS target_name
    FROM climb AS c
    CROSS JOIN target AS t ON t.upid = c.ancestor_upid
    GROUP BY c.upid
  )
SELECT s.upid, p.pid, i.name, i.command_line,
  CASE s.depth
    WHEN 0 THEN 'target, chosen by ' || o.why || ': '
      || coalesce(o.outcome, 'nobody knows what came of it')
      || coalesce(', ' || o.error, '')
    WHEN 1 THEN 'child of ' || s.target_pid
      || coalesce(' ' || s.target_name, '') || '; it was no target'
    ELSE 'descendant of ' || s.target_pid
      || coalesce(' ' || s.target_name, '') || ', ' || s.depth
      || ' generations below; it was no target'
  END AS why,
  iif(iif(a.has_ended, a.ended_earliest_us > a.over_us,
          EXISTS (SELECT 1 FROM tick AS t
                  CROSS JOIN recording AS r ON r.recording_id = t.recording_id
                  WHERE t.at_us > a.over_us AND t.process_count IS NOT NULL
                    AND r.boot_id = p.boot_id)),
      'certain', 'likely') AS confidence,
  s.depth, s.target_upid, s.target_pid, o.outcome, i.user,
  strftime('%Y-%m-%dT%H:%M:%S', p.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', p.started_us % 1000000) AS started_at,
  strftime('%Y-%m-%dT%H:%M:%S', a.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', a.ended_us % 1000000) AS ended_at,
  strftime('%Y-%m-%dT%H:%M:%S', a.over_us / 1000000, 'unixepoch')
    || printf('.%06dZ', a.over_us % 1000000) AS over_at,
  p.started_us, a.ended_us, a.ended_earliest_us, a.over_us
FROM survivor AS s
CROSS JOIN alive AS a ON a.upid = s.upid
CROSS JOIN process AS p ON p.upid = s.upid
LEFT JOIN target AS o ON o.upid = s.upid
LEFT JOIN process_images AS i ON i.upid = s.upid
  AND i.image_no = coalesce(
    (SELECT max(image_no) FROM process_image
     WHERE upid = s.upid AND at_us <= a.over_us), 1)
ORDER BY s.depth, p.pid, s.upid
