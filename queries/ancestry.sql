-- name: ancestry
-- summary: who started a process, who started that one, and so on up
-- why: the chain of creators, with those that are long gone; not the init that orphans are given to
-- example: galproc query ancestry --pid 4242
-- example: galproc query ancestry --pid 4242 --at 'yesterday 03:12'
-- param: pid integer: the process's number
-- param: upid integer: the process
-- param: at instant: only the last process that had the number then, as it was then
-- require: pid | upid
-- column: depth integer: generations up: 0 is the process itself
-- column: upid integer: the process; unknown where it could not be seen
-- column: pid integer: its number
-- column: name text: short name; of an ancestor, when it started the one below it
-- column: user text: whose process it is
-- column: started_at instant: its start
-- column: ended_at instant: its end; unknown for one that lives
-- column: command_line text: its arguments; of an ancestor, when it started the one below it
-- column: of_upid integer: the process whose chain this is
-- column: started_us instant_us: its start
-- column: ended_us instant_us: its end
WITH RECURSIVE
  asked AS (
    SELECT upid FROM process
    WHERE upid = :upid AND (:pid IS NULL OR pid = :pid)
    UNION ALL
    SELECT upid FROM process
    WHERE :upid IS NULL AND pid = :pid AND :at IS NULL
    UNION ALL
    SELECT * FROM (
      SELECT upid FROM process
      WHERE :upid IS NULL AND pid = :pid AND started_us <= :at
      ORDER BY started_us DESC, upid DESC
      LIMIT 1)
  ),
  chain (of_upid, depth, upid, pid, as_of_us) AS (
    SELECT a.upid, 0, a.upid, p.pid, :at
    FROM asked AS a
    CROSS JOIN process AS p ON p.upid = a.upid
    UNION ALL
    SELECT c.of_upid, c.depth + 1, p.parent_upid, p.parent_pid, p.started_us
    FROM chain AS c
    CROSS JOIN processes AS p ON p.upid = c.upid
    WHERE p.parent_pid > 0 AND c.depth < 10000
  )
SELECT c.depth, c.upid, c.pid, i.name, i.user,
  strftime('%Y-%m-%dT%H:%M:%S', p.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', p.started_us % 1000000) AS started_at,
  strftime('%Y-%m-%dT%H:%M:%S', x.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', x.ended_us % 1000000) AS ended_at,
  i.command_line, c.of_upid, p.started_us, x.ended_us
FROM chain AS c
LEFT JOIN process AS p ON p.upid = c.upid
LEFT JOIN process_exit AS x ON x.upid = c.upid
  AND x.source = (SELECT min(source) FROM process_exit
                  WHERE upid = c.upid)
LEFT JOIN process_images AS i ON i.upid = c.upid
  AND i.image_no = coalesce(
    (SELECT max(image_no) FROM process_image
     WHERE upid = c.upid
       AND (c.as_of_us IS NULL OR at_us <= c.as_of_us)), 1)
ORDER BY c.of_upid, c.depth
