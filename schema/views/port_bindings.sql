-- Who held which port, and when: listening TCP and bound UDP sockets, one row a holder.
CREATE VIEW port_bindings AS
SELECT
  b.binding_id,         -- one holder's hold of one address and port
  b.upid,               -- the holder; NULL: it could not be seen
  p.pid,                -- its number
  i.name,               -- its short name at the time it was first seen holding
  b.protocol,           -- tcp, udp
  b.address,            -- local address
  b.port,               -- local port
  b.network_namespace,  -- the network namespace that the port belongs to
  b.bound_us,           -- instant at which it was first seen held
  strftime('%Y-%m-%dT%H:%M:%S', b.bound_us / 1000000, 'unixepoch')
    || printf('.%06dZ', b.bound_us % 1000000) AS bound_at,        -- the same as text
  r.released_us,        -- instant at which it was first seen no longer held; NULL: still held
  strftime('%Y-%m-%dT%H:%M:%S', r.released_us / 1000000, 'unixepoch')
    || printf('.%06dZ', r.released_us % 1000000) AS released_at,  -- the same as text
  b.bound_after_us AS bound_earliest_us,  -- earliest possible start of the hold; NULL: unknown
  b.bound_us AS bound_latest_us,          -- latest possible start
  CASE WHEN r.binding_id IS NOT NULL
    THEN coalesce(r.released_after_us, r.released_us)
  END AS released_earliest_us,            -- earliest possible end
  r.released_us AS released_latest_us,    -- latest possible end
  (SELECT name FROM witness WHERE source = r.source)
    AS release_source                     -- who witnessed the end: event, poll, gap, reboot
FROM port_binding AS b
LEFT JOIN port_release AS r ON r.binding_id = b.binding_id
LEFT JOIN process AS p ON p.upid = b.upid
LEFT JOIN process_image AS i ON i.upid = b.upid
  AND i.image_no = coalesce(
    (SELECT max(image_no) FROM process_image
     WHERE upid = b.upid
       AND coalesce(tick_id <= b.tick_id, at_us <= b.bound_us)), 1);
