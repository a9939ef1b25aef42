-- name: group
-- summary: which processes belonged to a control group, a unit or a container
-- why: all that a service or a container ran in a time, with what each had in common: its control group
-- example: galproc query group --cgroup nginx.service
-- example: galproc query group --cgroup /system.slice/nginx.service --since yesterday
-- example: galproc query group --container 3f29ab61c0de
-- param: cgroup text: the path, which takes in what lies below it, or one whole part of a path (a unit's name)
-- param: container text: a container's id, or how it begins
-- param: since instant default 1h: those that had ended before are left out
-- param: until instant default now: those that began later are left out
-- require: cgroup | container
-- column: upid integer: the process
-- column: pid integer: its number
-- column: name text: short name, of the last image in the group
-- column: cgroup text: path of its control group
-- column: started_at instant: its start
-- column: ended_at instant: its end; unknown for one that lives
-- column: parent_pid integer: its parent's number, at birth; 0: none
-- column: user text: whose process it is
-- column: command_line text: its arguments
-- column: exit_code integer: status that it returned
-- column: exit_signal text: signal that it died of
-- column: witness text: who saw the end: event, action, poll; gap, reboot: nobody, it was gone afterwards
-- column: started_us instant_us: its start
-- column: ended_us instant_us: its end, the latest possible
-- column: ended_earliest_us instant_us: earliest possible instant of its end
WITH
  -- The last tick at or before the range: who lived then may live in it.
  moment AS MATERIALIZED (
    SELECT tick_id, keyframe_tick_id, at_us
    FROM tick
    WHERE tick_id = (
      SELECT tick_id FROM tick
      WHERE process_count IS NOT NULL
        AND tick_id <= (SELECT tick_id FROM tick WHERE at_us <= :since
                        ORDER BY at_us DESC, tick_id DESC LIMIT 1)
      ORDER BY tick_id DESC LIMIT 1)
  ),
  met AS MATERIALIZED (
    SELECT s.upid
    FROM moment AS m
    CROSS JOIN process_sample AS s ON s.sample_id
      BETWEEN m.keyframe_tick_id << 32 AND (m.tick_id + 1 << 32) - 1
    UNION
    -- A birth is told of after it; without a tick before, all that began count.
    SELECT upid FROM process
    WHERE started_us
      BETWEEN coalesce((SELECT at_us - 2000000 FROM moment),
                       -9223372036854775807)
      AND coalesce(:until, 9223372036854775807)
  ),
  imaged AS MATERIALIZED (
    SELECT i.upid, i.image_no, i.cgroup_text_id
    FROM met AS m
    CROSS JOIN process_image AS i ON i.upid = m.upid
  ),
  wanted AS MATERIALIZED (
    SELECT t.text_id
    FROM (SELECT DISTINCT cgroup_text_id FROM imaged
          WHERE cgroup_text_id IS NOT NULL) AS c
    CROSS JOIN text AS t ON t.text_id = c.cgroup_text_id
    WHERE (:cgroup IS NULL
           OR t.value = :cgroup
           OR instr(t.value || '/', rtrim(:cgroup, '/') || '/') = 1
           OR instr(:cgroup, '/') = 0
             AND instr(t.value || '/', '/' || :cgroup || '/') > 0)
      -- docker-ID.scope, cri-containerd-ID.scope, libpod-ID, /docker/ID
      AND (:container IS NULL
           OR instr(t.value, '/' || :container) > 0
           OR instr(t.value, '-' || :container) > 0)
  ),
  member AS MATERIALIZED (
    SELECT i.upid, max(i.image_no) AS image_no
    FROM imaged AS i
    WHERE i.cgroup_text_id IN (SELECT text_id FROM wanted)
    GROUP BY i.upid
  )
SELECT m.upid, p.pid, i.name, i.cgroup,
  strftime('%Y-%m-%dT%H:%M:%S', p.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', p.started_us % 1000000) AS started_at,
  strftime('%Y-%m-%dT%H:%M:%S', x.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', x.ended_us % 1000000) AS ended_at,
  p.parent_pid, i.user, i.command_line, x.exit_code,
  coalesce((SELECT g.name FROM signal_name AS g
            WHERE g.number = x.exit_signal), 'SIG' || x.exit_signal)
    AS exit_signal,
  (SELECT name FROM witness WHERE source = x.source) AS witness,
  p.started_us, x.ended_us,
  x.ended_us - coalesce(x.ended_within_us, 0) AS ended_earliest_us
FROM member AS m
CROSS JOIN process AS p ON p.upid = m.upid
CROSS JOIN process_images AS i ON i.upid = m.upid AND i.image_no = m.image_no
LEFT JOIN process_exit AS x ON x.upid = m.upid
  AND x.source = (SELECT min(source) FROM process_exit
                  WHERE upid = m.upid)
WHERE (:since IS NULL OR x.ended_us IS NULL OR x.ended_us >= :since)
ORDER BY p.started_us, m.upid
