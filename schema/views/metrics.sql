-- The system samples in the long form that graphing tools like: one row a number. A filter on time reads an index of
-- ticks only; one on at_us, where the tool can be told of it, goes straight to the range.
CREATE VIEW metrics AS
SELECT
  time,    -- Unix seconds, with a fraction
  metric,  -- cpu_pct, memory_used_pct, memory_available_bytes, swap_used_bytes, disk_used_bytes, disk_used_pct,
           -- received_bytes and sent_bytes (both since boot), load_1m, process_count
  value,   -- the number; what is unknown has no row
  at_us    -- the instant in microseconds
FROM (
  SELECT
    moment.at_us / 1000000.0 AS time,
    n.metric,
    CASE n.metric
      WHEN 'cpu_pct' THEN s.cpu_pct
      WHEN 'memory_used_pct' THEN 100.0
        * (s.memory_total_bytes - s.memory_available_bytes)
        / s.memory_total_bytes
      WHEN 'memory_available_bytes' THEN s.memory_available_bytes
      WHEN 'swap_used_bytes' THEN s.swap_used_bytes
      WHEN 'disk_used_bytes' THEN s.disk_used_bytes
      WHEN 'disk_used_pct' THEN 100.0 * s.disk_used_bytes / s.disk_total_bytes
      WHEN 'received_bytes' THEN s.received_bytes
      WHEN 'sent_bytes' THEN s.sent_bytes
      WHEN 'load_1m' THEN s.load_1m
      WHEN 'process_count' THEN s.process_count
    END AS value,
    moment.at_us
  -- The tick twice: by itself it is read from its index alone, and only what
  -- a filter leaves is looked up.
  FROM tick AS moment
  CROSS JOIN system_samples AS s ON s.tick_id = moment.tick_id
  CROSS JOIN (
    SELECT 'cpu_pct' AS metric
    UNION ALL SELECT 'memory_used_pct'
    UNION ALL SELECT 'memory_available_bytes'
    UNION ALL SELECT 'swap_used_bytes'
    UNION ALL SELECT 'disk_used_bytes'
    UNION ALL SELECT 'disk_used_pct'
    UNION ALL SELECT 'received_bytes'
    UNION ALL SELECT 'sent_bytes'
    UNION ALL SELECT 'load_1m'
    UNION ALL SELECT 'process_count') AS n)
WHERE value IS NOT NULL;
