-- name: port-history
-- summary: who held a port, one after the other
-- why: which processes have taken a port from each other, and when it was free
-- example: galproc query port-history --port 8080 --since 'yesterday 00:00'
-- param: port integer required: TCP or UDP port number
-- param: since instant default 1h: holds that ended before are left out
-- param: until instant default now: holds that began later are left out
-- column: port integer: local port
-- column: protocol text: tcp, udp
-- column: address text: local address
-- column: upid integer: the holder; unknown where it could not be seen
-- column: pid integer: its number
-- column: name text: its short name
-- column: user text: whose process it is
-- column: command_line text: its arguments
-- column: bound_at instant: first seen held
-- column: released_at instant: first seen no longer held; unknown: still held
-- column: network_namespace integer: the network namespace that the port belongs to
-- column: binding_id integer: this holder's hold of this address and port
-- column: bound_us instant_us: first seen held, the latest possible start
-- column: bound_earliest_us instant_us: earliest possible start; unknown: held when first looked at
-- column: released_us instant_us: first seen no longer held, the latest possible end
-- column: released_earliest_us instant_us: earliest possible end
WITH
  -- The first and the last look in the range: where the wall clock was put back,
  -- a hold may end at an earlier time than it began.
  looks AS MATERIALIZED (
    SELECT min(tick_id) AS low_tick_id, max(tick_id) AS high_tick_id
    FROM tick
    WHERE at_us BETWEEN :since AND coalesce(:until, 9223372036854775807)
  )
SELECT b.port, b.protocol, b.address, b.upid, p.pid, i.name, i.user,
  i.command_line,
  strftime('%Y-%m-%dT%H:%M:%S', b.bound_us / 1000000, 'unixepoch')
    || printf('.%06dZ', b.bound_us % 1000000) AS bound_at,
  strftime('%Y-%m-%dT%H:%M:%S', r.released_us / 1000000, 'unixepoch')
    || printf('.%06dZ', r.released_us % 1000000) AS released_at,
  b.network_namespace, b.binding_id, b.bound_us,
  b.bound_after_us AS bound_earliest_us, r.released_us,
  coalesce(r.released_after_us, r.released_us) AS released_earliest_us
FROM looks AS k
CROSS JOIN port_binding AS b
LEFT JOIN port_release AS r ON r.binding_id = b.binding_id
LEFT JOIN process AS p ON p.upid = b.upid
LEFT JOIN process_images AS i ON i.upid = b.upid
  AND i.image_no = coalesce(
    (SELECT max(image_no) FROM process_image
     WHERE upid = b.upid
       AND coalesce(tick_id <= b.tick_id, at_us <= b.bound_us)), 1)
WHERE b.port = :port
  AND ((:until IS NULL OR b.bound_us <= :until)
         AND (:since IS NULL OR r.binding_id IS NULL
              OR r.released_us >= :since)
       OR b.tick_id <= k.high_tick_id
         AND coalesce(r.tick_id > k.low_tick_id, TRUE)
         AND EXISTS (
           SELECT 1 FROM tick AS t
           WHERE t.at_us BETWEEN :since
               AND coalesce(:until, 9223372036854775807)
             AND t.tick_id >= b.tick_id
             AND coalesce(t.tick_id < r.tick_id, r.binding_id IS NULL)))
ORDER BY b.bound_us, b.binding_id
