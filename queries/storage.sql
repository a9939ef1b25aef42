-- name: storage
-- summary: what takes up the room in the file
-- why: whether births, samples or ports fill it, and how far back it reaches
-- example: galproc query storage
-- column: table_name text: the table; free pages: room that deleted rows have left, used again before the file grows
-- column: rows integer: how many
-- column: bytes bytes: estimated: the file's pages, shared out by rows and their usual size, indexes included
-- column: oldest_at instant: the oldest thing in it; unknown where rows have no time
-- column: oldest_us instant_us: the oldest thing in it
WITH
  -- Bytes of a row with its index entries, as dbstat measures them; dbstat
  -- itself is not built into every SQLite.
  counted (table_name, row_count, row_bytes, oldest_us) AS (
    SELECT 'boot', count(*), 120, min(booted_us) FROM boot
    UNION ALL
    SELECT 'recording', count(*), 90, min(started_us) FROM recording
    UNION ALL
    SELECT 'recording_end', count(*), 22, min(ended_us) FROM recording_end
    UNION ALL
    SELECT 'tick', count(*), 58,
      (SELECT at_us FROM tick ORDER BY tick_id LIMIT 1)
    FROM tick
    UNION ALL
    SELECT 'process', count(*), 80, (SELECT min(started_us) FROM process)
    FROM process
    UNION ALL
    SELECT 'process_parent', count(*), 28, NULL FROM process_parent
    UNION ALL
    SELECT 'text', count(*), 20 + 2 * coalesce(
        -- Of the newest, so as not to read all texts.
        (SELECT avg(length(value))
         FROM (SELECT value FROM text ORDER BY text_id DESC LIMIT 500)), 0),
      NULL
    FROM text
    UNION ALL
    SELECT 'process_image', count(*), 56 + (
        SELECT coalesce(avg(length(name)
            + coalesce(length(command_line), 0)), 0)
        FROM (SELECT name, command_line FROM process_image
              ORDER BY upid DESC LIMIT 500)),
      NULL
    FROM process_image
    UNION ALL
    SELECT 'process_exit', count(*), 76,
      (SELECT min(ended_us) FROM process_exit)
    FROM process_exit
    UNION ALL
    SELECT 'process_sample', count(*), 38,
      (SELECT t.at_us FROM tick AS t
       WHERE t.tick_id = (SELECT min(sample_id) FROM process_sample) >> 32)
    FROM process_sample
    UNION ALL
    SELECT 'system_sample', count(*), 93,
      (SELECT t.at_us FROM tick AS t
       WHERE t.tick_id = (SELECT min(tick_id) FROM system_sample))
    FROM system_sample
    UNION ALL
    SELECT 'port_binding', count(*), 134,
      (SELECT min(bound_us) FROM port_binding)
    FROM port_binding
    UNION ALL
    SELECT 'port_release', count(*), 60,
      (SELECT min(released_us) FROM port_release)
    FROM port_release
    UNION ALL
    SELECT 'collection_error', count(*), 70,
      (SELECT t.at_us FROM tick AS t
       WHERE t.tick_id = (SELECT min(tick_id) FROM collection_error))
    FROM collection_error
    UNION ALL
    SELECT 'gap', count(*), 120, min(from_us) FROM gap
    UNION ALL
    SELECT 'gap_end', count(*), 14, min(to_us) FROM gap_end
    UNION ALL
    SELECT 'signal_event', count(*), 130, min(at_us) FROM signal_event
    UNION ALL
    SELECT 'event_loss', count(*), 45, min(from_us) FROM event_loss
    UNION ALL
    SELECT 'action', count(*), 200, min(at_us) FROM action
    UNION ALL
    SELECT 'action_outcome', count(*), 22, min(at_us) FROM action_outcome
    UNION ALL
    SELECT 'attempt', count(*), 150, min(at_us) FROM attempt
    UNION ALL
    SELECT 'attempt_outcome', count(*), 40, min(at_us) FROM attempt_outcome
    UNION ALL
    SELECT 'service', count(*), 250, min(at_us) FROM service
    UNION ALL
    SELECT 'ledger', count(*), 260, NULL FROM ledger
    UNION ALL
    SELECT 'prune', count(*), 50, min(at_us) FROM prune
  ),
  -- A table and each of its indexes have a page of their own at least.
  weighed AS (
    SELECT c.table_name, c.row_count, c.oldest_us,
      c.row_count * c.row_bytes + s.page_size * (
        SELECT count(*) FROM sqlite_schema AS t
        WHERE t.tbl_name = c.table_name AND t.rootpage > 0) AS weight
    FROM counted AS c
    CROSS JOIN pragma_page_size AS s
  ),
  file AS (
    SELECT (c.page_count - f.freelist_count) * s.page_size AS used_bytes,
      f.freelist_count * s.page_size AS free_bytes,
      (SELECT total(weight) FROM weighed) AS weight
    FROM pragma_page_count AS c
    CROSS JOIN pragma_freelist_count AS f
    CROSS JOIN pragma_page_size AS s
  ),
  listed AS (
    SELECT w.table_name, w.row_count,
      CAST(f.used_bytes * w.weight / f.weight AS INTEGER) AS bytes,
      w.oldest_us
    FROM weighed AS w
    CROSS JOIN file AS f
    UNION ALL
    SELECT 'free pages', NULL, f.free_bytes, NULL
    FROM file AS f
  )
SELECT table_name, row_count AS rows, bytes,
  strftime('%Y-%m-%dT%H:%M:%S', oldest_us / 1000000, 'unixepoch')
    || printf('.%06dZ', oldest_us % 1000000) AS oldest_at,
  oldest_us
FROM listed
ORDER BY bytes DESC, table_name
