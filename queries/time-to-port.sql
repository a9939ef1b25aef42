-- name: time-to-port
-- summary: how long each service took from its start to its port
-- why: which service comes up slowly, and which has never bound what it was to listen on; of those that galproc started,
--      with the ports of all that they have started in turn
-- example: galproc query time-to-port --since yesterday
-- param: since instant default 1h: services that were started before are left out
-- param: until instant default now: services that were started later are left out
-- column: service text: name of the service
-- column: upid integer: its first process
-- column: pid integer: that one's number
-- column: started_at instant: its start
-- column: port integer: a port that it bound; unknown: none was seen
-- column: time_to_port_us duration_us: from its start until the port was first seen bound, by the boot clock: the longest
--      possible
-- column: protocol text: tcp, udp
-- column: address text: local address
-- column: holder_upid integer: the process that bound it: the service's first one, or a descendant
-- column: holder_pid integer: that one's number
-- column: bound_at instant: first seen bound
-- column: time_to_port_least_us duration_us: the shortest possible; unknown: bound when first looked at
-- column: service_id integer: the start that it belongs to
-- column: started_us instant_us: its start
-- column: bound_us instant_us: first seen bound
-- column: bound_earliest_us instant_us: the earliest possible
WITH RECURSIVE
  -- When the wall clock was set: what it moved by in between is no waiting. From
  -- the first time to the last, and by the longest interval more, since it was
  -- between two looks. Others are spared the reckoning.
  step AS MATERIALIZED (
    SELECT min(min(from_us, to_us)) - 3600000000 AS low_us,
      max(max(from_us, to_us)) + 3600000000 AS high_us
    FROM gap WHERE kind = 'clock_step'
  ),
  started AS MATERIALIZED (
    SELECT v.service_id, v.name, v.upid, p.pid, p.started_us
    FROM process AS p
    CROSS JOIN service AS v ON v.upid = p.upid
    WHERE p.upid IN (
        SELECT upid FROM process
        WHERE started_us BETWEEN coalesce(:since, -9223372036854775807)
          AND coalesce(:until, 9223372036854775807))
  ),
  -- From each holder up to the services among those who started it.
  climb (binding_id, upid, height) AS (
    SELECT b.binding_id, b.upid, 0
    FROM (SELECT min(started_us) AS from_us FROM started) AS s
    CROSS JOIN port_binding AS b ON b.bound_us >= s.from_us
    WHERE b.upid IS NOT NULL
    UNION ALL
    SELECT c.binding_id, p.parent_upid, c.height + 1
    FROM climb AS c
    CROSS JOIN processes AS p ON p.upid = c.upid
    WHERE p.parent_upid IS NOT NULL AND c.height < 1000
  ),
  -- Several holders of one socket: the first of them. Bare columns follow min().
  bound AS MATERIALIZED (
    SELECT s.service_id, b.protocol, b.address, b.port, b.upid,
      b.bound_after_us, b.tick_id, min(b.bound_us) AS bound_us
    FROM climb AS c
    CROSS JOIN started AS s ON s.upid = c.upid
    CROSS JOIN port_binding AS b ON b.binding_id = c.binding_id
    GROUP BY s.service_id, b.protocol, b.address, b.port
  ),
  measured AS (
    SELECT s.*, b.protocol, b.address, b.port, b.upid AS holder_upid,
      b.bound_us, b.bound_after_us,
      iif(EXISTS (SELECT 1 FROM step AS t
                WHERE s.started_us <= t.high_us AND b.bound_us >= t.low_us),
        coalesce(
          -- A look dates what it finds.
          (SELECT at_us - boot_us FROM tick WHERE tick_id = b.tick_id)
          - (SELECT offset_us FROM clock_offsets
             WHERE moment = 'started' AND upid = s.upid), 0),
        0) AS stepped_us
    FROM started AS s
    LEFT JOIN bound AS b ON b.service_id = s.service_id
  )
SELECT m.name AS service, m.upid, m.pid,
  strftime('%Y-%m-%dT%H:%M:%S', m.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', m.started_us % 1000000) AS started_at,
  m.port, m.bound_us - m.started_us - m.stepped_us AS time_to_port_us,
  m.protocol, m.address, m.holder_upid,
  (SELECT pid FROM process WHERE upid = m.holder_upid) AS holder_pid,
  strftime('%Y-%m-%dT%H:%M:%S', m.bound_us / 1000000, 'unixepoch')
    || printf('.%06dZ', m.bound_us % 1000000) AS bound_at,
  max(0, m.bound_after_us - m.started_us
         - iif(m.bound_after_us > m.started_us, m.stepped_us, 0))
    AS time_to_port_least_us,
  m.service_id, m.started_us, m.bound_us,
  m.bound_after_us AS bound_earliest_us
FROM measured AS m
ORDER BY m.started_us, m.service_id, m.bound_us, m.port, m.protocol, m.address
