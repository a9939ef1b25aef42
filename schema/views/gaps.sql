-- What the recording cannot know: holes that the recorder noticed, and those that follow from other rows.
CREATE VIEW gaps AS
SELECT
  from_us,       -- instant of the last thing known before
  strftime('%Y-%m-%dT%H:%M:%S', from_us / 1000000, 'unixepoch')
    || printf('.%06dZ', from_us % 1000000) AS from_at,  -- the same as text
  to_us,         -- instant of the first thing known after; NULL: nothing yet, the gap is still open
  strftime('%Y-%m-%dT%H:%M:%S', to_us / 1000000, 'unixepoch')
    || printf('.%06dZ', to_us % 1000000) AS to_at,      -- the same as text
  kind,          -- stopped, crashed, reboot, file_moved, late, events_lost, readings_dropped, disk_full, clock_step,
                 -- suspended, wal_pinned, pruned
  detail,        -- a sentence: how many, how much, which file
  recording_id   -- the run in which it was noticed, or after which it began
FROM (
  -- What was still open when its run ended is over with it.
  SELECT g.from_us, coalesce(g.to_us, e.to_us, re.ended_us) AS to_us, g.kind,
    g.detail, g.recording_id
  FROM gap AS g
  LEFT JOIN gap_end AS e ON e.gap_id = g.gap_id
  LEFT JOIN recording_end AS re ON re.recording_id = g.recording_id
  UNION ALL
  -- All of it together is one hole at the beginning.
  SELECT p.from_us, p.until_us, 'pruned', p.detail, NULL
  FROM (
    SELECT min(from_us) AS from_us, max(prune_id), until_us,
      'What is older was deleted, last '
        || CASE reason
             WHEN 'retain' THEN 'since it was older than is kept.'
             WHEN 'max_size' THEN 'since the file was larger than it may be.'
             WHEN 'min_free' THEN 'since the disk was nearly full.'
             ELSE 'by galproc db prune.'
           END AS detail
    FROM prune
    HAVING count(*) > 0) AS p
  UNION ALL
  SELECT p.from_us, p.before_us, 'pruned',
    printf('The oldest of the action log was deleted by action %d: %d '
      || iif(p.action_count = 1, 'action', 'actions') || ' and %d '
      || iif(p.attempt_count = 1, 'attempt', 'attempts') || '.',
      p.action_id, p.action_count, p.attempt_count),
    NULL
  FROM action_prune AS p
  UNION ALL
  SELECT l.from_us, l.to_us, 'events_lost',
    printf(iif(l.lost_count = 1, '%d event of the source %s was lost.',
      '%d events of the source %s were lost.'), l.lost_count, l.source),
    l.recording_id
  FROM event_loss AS l
  UNION ALL
  -- A tick that is late by more than an interval: nobody looked from its time
  -- in the schedule until it came.
  SELECT t.at_us - t.duration_us - t.late_us, t.at_us, 'late',
    printf('A tick came %.3f s late; the interval is %.3f s.',
      t.late_us / 1000000.0, r.interval_us / 1000000.0),
    t.recording_id
  FROM tick AS t
  CROSS JOIN recording AS r ON r.recording_id = t.recording_id
  WHERE t.late_us > r.interval_us
  UNION ALL
  -- From the end of each run to the first tick of the next, or open. A run
  -- without an end is the one that runs now if it is the newest, and has
  -- crashed if it is not.
  SELECT
    coalesce(e.ended_us,
      (SELECT t.at_us FROM tick AS t WHERE t.recording_id = r.recording_id
       ORDER BY t.tick_id DESC LIMIT 1),
      r.started_us),
    CASE WHEN n.recording_id IS NOT NULL THEN coalesce(
      -- By time, since tick has no index on its recording; up to the start of
      -- the run after the next, so that one without ticks costs nothing.
      -- Where its first tick was deleted, to its start.
      (SELECT iif(t.previous_tick_id IS NULL, t.at_us, NULL) FROM tick AS t
       WHERE t.recording_id = n.recording_id
         AND t.at_us >= n.started_us
         AND t.at_us <= coalesce(
           (SELECT a.started_us FROM recording AS a
            WHERE a.recording_id > n.recording_id
            ORDER BY a.recording_id LIMIT 1), 9223372036854775807)
       ORDER BY t.at_us LIMIT 1),
      n.started_us) END,
    CASE
      WHEN nb.boot_uuid <> rb.boot_uuid THEN 'reboot'
      WHEN e.reason IS NULL THEN 'crashed'
      WHEN e.reason = 'newer_schema' THEN 'stopped'
      ELSE e.reason
    END,
    CASE coalesce(e.reason, 'crashed')
      WHEN 'stopped' THEN 'The recorder was stopped'
      WHEN 'crashed' THEN 'The recorder crashed or was killed'
      WHEN 'file_moved' THEN 'The file was moved away from the recorder'
      WHEN 'newer_schema'
        THEN 'The recorder stopped: a newer galproc had changed the file'
    END
      || CASE WHEN nb.boot_uuid <> rb.boot_uuid
           THEN '; the machine was booted anew.'
           ELSE '.'
         END,
    r.recording_id
  FROM recording AS r
  LEFT JOIN recording_end AS e ON e.recording_id = r.recording_id
  LEFT JOIN recording AS n ON n.recording_id = (
    SELECT a.recording_id FROM recording AS a
    WHERE a.recording_id > r.recording_id
    ORDER BY a.recording_id LIMIT 1)
  LEFT JOIN boot AS rb ON rb.boot_id = r.boot_id
  LEFT JOIN boot AS nb ON nb.boot_id = n.boot_id
  WHERE e.recording_id IS NOT NULL OR n.recording_id IS NOT NULL);
