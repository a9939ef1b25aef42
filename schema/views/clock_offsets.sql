-- How far the wall clock stood ahead of the boot clock when a start or an end was put into wall time. What it changed by
-- in between was no part of the life. Some seeks a row: ask where a clock was set.
CREATE VIEW clock_offsets AS
SELECT
  m.upid,    -- the process
  m.moment,  -- started, ended
  coalesce(
    -- It was so at the tick that told of it, or since the one before. Where that
    -- would be no moment between the two, the clock was set before that tick.
    (SELECT iif(m.at_us - t.at_us + t.boot_us
                  NOT BETWEEN b.boot_us - 10000 AND t.boot_us + 10000,
                b.at_us - b.boot_us, t.at_us - t.boot_us)
     FROM tick AS t
     CROSS JOIN recording AS r ON r.recording_id = t.recording_id
       AND r.boot_id = m.boot_id
     LEFT JOIN tick AS b ON b.tick_id = t.tick_id - 1
       AND EXISTS (SELECT 1 FROM recording AS e
                   WHERE e.recording_id = b.recording_id
                     AND e.boot_id = m.boot_id)
     WHERE t.tick_id = m.tick_id),
    -- That tick is not known, or of another boot: time alone tells.
    (SELECT t.at_us - t.boot_us
     FROM tick AS t
     CROSS JOIN recording AS r ON r.recording_id = t.recording_id
       AND r.boot_id = m.boot_id
     WHERE t.tick_id <= coalesce(m.tick_id,
       (SELECT tick_id FROM tick WHERE at_us <= m.at_us
        ORDER BY at_us DESC, tick_id DESC LIMIT 1))
     ORDER BY t.tick_id DESC LIMIT 1)
  ) AS offset_us  -- that far; NULL: no tick of that boot tells, or it lives
FROM (
  SELECT p.upid, k.moment, p.boot_id,
    CASE k.moment
      WHEN 'started' THEN p.started_us + p.met_after_us
      ELSE (SELECT x.ended_us FROM process_exit AS x WHERE x.upid = p.upid
            ORDER BY x.source LIMIT 1)
    END AS at_us,
    CASE k.moment
      WHEN 'started' THEN (SELECT i.tick_id FROM process_image AS i
                           WHERE i.upid = p.upid AND i.image_no = 1)
      ELSE (SELECT x.tick_id FROM process_exit AS x WHERE x.upid = p.upid
            ORDER BY x.source LIMIT 1)
    END AS tick_id
  FROM process AS p
  CROSS JOIN (SELECT 'started' AS moment UNION ALL SELECT 'ended') AS k) AS m;
