-- name: new-ports
-- summary: ports that are held at one moment and were not at an earlier one
-- why: what listens today that did not yesterday; a port that only went to another process is not new
-- example: galproc query new-ports --from 'yesterday 12:00'
-- example: galproc query new-ports --from 03:00 --to 03:15
-- param: from instant default 1d: the earlier moment; a length counts back from --to
-- param: to instant default latest: the later moment
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
    SELECT w.is_first, t.tick_id, t.at_us, r.network_namespace
    FROM (SELECT 1 AS is_first UNION ALL SELECT 0) AS w
    CROSS JOIN tick AS t ON t.tick_id = CASE
      WHEN w.is_first AND :from IS NULL THEN (SELECT min(tick_id) FROM tick)
      WHEN NOT w.is_first AND :to IS NULL
        THEN (SELECT max(tick_id) FROM tick)
      ELSE (SELECT tick_id FROM tick
            WHERE at_us <= iif(w.is_first, :from, :to)
            ORDER BY at_us DESC, tick_id DESC LIMIT 1)
    END
    CROSS JOIN recording AS r ON r.recording_id = t.recording_id
  ),
  held AS MATERIALIZED (
    SELECT m.is_first, m.at_us, m.tick_id AS moment_tick_id,
      m.network_namespace AS own_namespace, b.*,
      r.released_us, r.released_after_us
    FROM port_binding AS b
    LEFT JOIN port_release AS r ON r.binding_id = b.binding_id
    CROSS JOIN moment AS m
    WHERE CASE
        WHEN b.tick_id IS NULL THEN b.bound_us <= m.at_us
        ELSE b.tick_id <= m.tick_id
      END
      AND CASE
        WHEN r.binding_id IS NULL THEN 1
        WHEN r.tick_id IS NULL THEN r.released_us > m.at_us
        ELSE r.tick_id > m.tick_id
      END
  )
SELECT b.port, b.protocol, b.address, b.upid, p.pid, i.name, i.user,
  i.command_line,
  strftime('%Y-%m-%dT%H:%M:%S', b.bound_us / 1000000, 'unixepoch')
    || printf('.%06dZ', b.bound_us % 1000000) AS bound_at,
  strftime('%Y-%m-%dT%H:%M:%S', b.released_us / 1000000, 'unixepoch')
    || printf('.%06dZ', b.released_us % 1000000) AS released_at,
  b.network_namespace, b.binding_id, b.bound_us,
  b.bound_after_us AS bound_earliest_us, b.released_us,
  coalesce(b.released_after_us, b.released_us) AS released_earliest_us
FROM held AS b
LEFT JOIN process AS p ON p.upid = b.upid
LEFT JOIN process_images AS i ON i.upid = b.upid
  AND i.image_no = coalesce(
    (SELECT max(image_no) FROM process_image
     WHERE upid = b.upid
       AND coalesce(tick_id <= b.moment_tick_id, at_us <= b.at_us)), 1)
WHERE NOT b.is_first
  -- Of a moment before the recording nothing is known: nothing is new then.
  AND EXISTS (SELECT 1 FROM moment WHERE is_first)
  AND NOT EXISTS (
    SELECT 1 FROM held AS o
    WHERE o.is_first AND o.port = b.port AND o.protocol = b.protocol
      AND o.address = b.address AND o.network_namespace = b.network_namespace)
ORDER BY b.network_namespace <> b.own_namespace, b.port, b.protocol,
  b.address, p.pid, b.binding_id
