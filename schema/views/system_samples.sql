-- The machine as a whole at each tick. Sums since boot are cumulative, as the system counts them.
CREATE VIEW system_samples AS
SELECT
  t.tick_id,                 -- the tick that read it
  t.at_us,                   -- instant of that
  strftime('%Y-%m-%dT%H:%M:%S', t.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', t.at_us % 1000000) AS at,  -- the same as text
  max(0.0, min(100.0, 100.0 * (s.cpu_busy_us - before.cpu_busy_us)
    / nullif(s.cpu_total_us - before.cpu_total_us, 0)
    )) AS cpu_pct,           -- of all CPUs since the tick before, 0 to 100; NULL at a recording's first
  s.memory_total_bytes,      -- installed memory
  s.memory_available_bytes,  -- memory that can be had without swapping
  s.swap_used_bytes,         -- swap space in use
  s.disk_total_bytes,        -- size of the root file system
  s.disk_used_bytes,         -- used space of it
  s.received_bytes,          -- by all network interfaces but loopback, since boot
  s.sent_bytes,              -- likewise
  s.load_1m,                 -- load average of a minute
  t.process_count,           -- processes alive
  s.swap_total_bytes,        -- swap space
  s.cpu_count,               -- CPUs in use
  s.cpu_busy_us,             -- CPU time of all CPUs since boot, idle and I/O wait left out
  s.cpu_total_us,            -- CPU time of all CPUs since boot, idle and I/O wait included
  s.cpu_pressure_us,         -- time since boot in which some task waited for a CPU
  s.memory_pressure_us,      -- likewise for memory
  s.io_pressure_us           -- likewise for I/O
FROM tick AS t
CROSS JOIN system_sample AS s ON s.tick_id = t.tick_id
LEFT JOIN system_sample AS before ON before.tick_id = t.previous_tick_id;
