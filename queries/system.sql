-- name: system
-- summary: the machine as a whole over time
-- why: whether CPU, memory, disk or network ran short, and when
-- example: galproc query system --since 02:00 --until 04:00 --every 5m
-- param: every duration: one row for each such length; a rate is that of all of it, anything else the highest in it
-- param: since instant default 1h: beginning of the range; alone it counts back from --until
-- param: until instant default now: end of the range
-- column: at instant: the tick; with --every the beginning of the length
-- column: cpu_pct percent: of all CPUs, since the tick before; unknown at a recording's first tick
-- column: memory_used_pct percent: of installed memory, what cannot be had without swapping
-- column: swap_used_pct percent: of the swap space; unknown where there is none
-- column: disk_used_pct percent: of the root file system
-- column: received_bytes bytes: by all network interfaces but loopback, since the tick before
-- column: sent_bytes bytes: likewise
-- column: load_1m real: load average of a minute
-- column: cpu_pressure_pct percent: time in which some task waited for a CPU, since the tick before
-- column: memory_pressure_pct percent: likewise for memory
-- column: io_pressure_pct percent: likewise for I/O
-- column: process_count integer: processes alive
-- column: at_us instant_us: the tick; with --every the beginning of the length
WITH
  -- Differences to the tick before of the same recording; lengths by the boot
  -- clock.
  step AS (
    SELECT t.tick_id,
      CASE WHEN :every > 0 THEN t.at_us / :every * :every
        ELSE t.at_us END AS at_us,
      CASE WHEN :every > 0 THEN t.at_us / :every
        ELSE t.tick_id END AS bucket,
      t.process_count, t.boot_us - bt.boot_us AS length_us,
      max(0, s.cpu_busy_us - b.cpu_busy_us) AS cpu_busy_us,
      nullif(max(0, s.cpu_total_us - b.cpu_total_us), 0) AS cpu_total_us,
      max(0, s.received_bytes - b.received_bytes) AS received_bytes,
      max(0, s.sent_bytes - b.sent_bytes) AS sent_bytes,
      max(0, s.cpu_pressure_us - b.cpu_pressure_us) AS cpu_pressure_us,
      max(0, s.memory_pressure_us - b.memory_pressure_us)
        AS memory_pressure_us,
      max(0, s.io_pressure_us - b.io_pressure_us) AS io_pressure_us,
      100.0 * (s.memory_total_bytes - s.memory_available_bytes)
        / s.memory_total_bytes AS memory_used_pct,
      100.0 * s.swap_used_bytes / s.swap_total_bytes AS swap_used_pct,
      100.0 * s.disk_used_bytes / s.disk_total_bytes AS disk_used_pct,
      s.load_1m
    FROM tick AS t
    LEFT JOIN system_sample AS s ON s.tick_id = t.tick_id
    LEFT JOIN tick AS bt ON bt.tick_id = t.previous_tick_id
    LEFT JOIN system_sample AS b ON b.tick_id = t.previous_tick_id
    WHERE t.at_us BETWEEN coalesce(:since, -9223372036854775807)
      AND coalesce(:until, 9223372036854775807)
  )
SELECT
  strftime('%Y-%m-%dT%H:%M:%S', min(at_us) / 1000000, 'unixepoch')
    || printf('.%06dZ', min(at_us) % 1000000) AS at,
  min(100.0, 100.0 * sum(cpu_busy_us) / sum(cpu_total_us)) AS cpu_pct,
  max(memory_used_pct) AS memory_used_pct,
  max(swap_used_pct) AS swap_used_pct,
  max(disk_used_pct) AS disk_used_pct,
  sum(received_bytes) AS received_bytes,
  sum(sent_bytes) AS sent_bytes,
  max(load_1m) AS load_1m,
  100.0 * sum(cpu_pressure_us)
    / sum(iif(cpu_pressure_us IS NULL, NULL, length_us)) AS cpu_pressure_pct,
  100.0 * sum(memory_pressure_us)
    / sum(iif(memory_pressure_us IS NULL, NULL, length_us))
    AS memory_pressure_pct,
  100.0 * sum(io_pressure_us)
    / sum(iif(io_pressure_us IS NULL, NULL, length_us)) AS io_pressure_pct,
  max(process_count) AS process_count,
  min(at_us) AS at_us
FROM step
GROUP BY bucket
ORDER BY min(tick_id)
