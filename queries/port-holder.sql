-- name: port-holder
-- summary: who held a port at a moment
-- why: the answer to "address already in use", also for last night; several processes may hold one socket
-- example: galproc query port-holder --port 8080
-- example: galproc query port-holder --port 8080 --at 03:12
-- param: port integer required: TCP or UDP port number
-- param: at instant default latest: the moment asked about
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
  moment AS (
    SELECT t.tick_id, t.at_us, r.network_namespace
    FROM tick AS t
    CROSS JOIN recording AS r ON r.recording_id = t.recording_id
    WHERE t.tick_id = CASE
      WHEN :at IS NULL THEN (SELECT max(tick_id) FROM tick)
      ELSE (SELECT tick_id FROM tick WHERE at_us <= :at
            ORDER BY at_us DESC, tick_id DESC LIMIT 1)
    END
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
FROM moment AS m
CROSS JOIN port_binding AS b
LEFT JOIN port_release AS r ON r.binding_id = b.binding_id
LEFT JOIN process AS p ON p.upid = b.upid
LEFT JOIN process_images AS i ON i.upid = b.upid
  AND i.image_no = coalesce(
    (SELECT max(image_no) FROM process_image
     WHERE upid = b.upid
       AND coalesce(tick_id <= m.tick_id, at_us <= m.at_us)), 1)
WHERE b.port = :port
  AND CASE
    WHEN b.tick_id IS NULL THEN b.bound_us <= m.at_us
    ELSE b.tick_id <= m.tick_id
  END
  AND CASE
    WHEN r.binding_id IS NULL THEN 1
    WHEN r.tick_id IS NULL THEN r.released_us > m.at_us
    ELSE r.tick_id > m.tick_id
  END
ORDER BY b.network_namespace <> m.network_namespace, b.protocol, b.address,
  p.pid, b.binding_id
