-- Every run of the recorder.
CREATE VIEW recordings AS
SELECT
  r.recording_id,       -- the run
  r.started_us,         -- instant at which it began
  strftime('%Y-%m-%dT%H:%M:%S', r.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', r.started_us % 1000000) AS started_at,  -- the same as text
  e.ended_us,           -- instant of its end; NULL: it runs, or it crashed and no later run has said so yet
  strftime('%Y-%m-%dT%H:%M:%S', e.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', e.ended_us % 1000000) AS ended_at,      -- the same as text
  r.interval_us,        -- length from tick to tick, as asked for
  r.process_source,     -- where the process table came from: proc, bpf
  r.socket_source,      -- where the sockets came from: sock_diag, bpf
  r.event_source,       -- where births, ends and signals came from: none (polling only), netlink, bpf
  CASE
    WHEN e.reason IS NOT NULL THEN e.reason
    WHEN r.recording_id < (SELECT max(recording_id) FROM recording)
      THEN 'crashed'
  END AS end_reason,    -- stopped, crashed, file_moved, newer_schema; NULL: it runs
  r.version,            -- galproc's version
  r.recorder_pid,       -- pid of the recorder
  r.uid,                -- user id that it ran as
  r.user,               -- that user's name
  r.network_namespace,  -- the network namespace that it saw ports of
  r.boot_id,            -- the boot that it recorded
  b.boot_uuid,          -- the kernel's own name of that boot
  b.booted_us,          -- instant of that boot
  b.host_name,          -- name of the machine
  b.system,             -- operating system
  b.release,            -- its release
  r.process_source_reason,  -- why no better process_source: 'bpf: why'; NULL: it
                            -- is the best, or was asked for by name
  r.socket_source_reason,   -- likewise for socket_source
  r.event_source_reason,    -- likewise for event_source: 'bpf: why; netlink: why'
  r.limits,                 -- sentences: what these sources and this user could
                            -- not see; NULL: nothing that is known of
  CASE WHEN r.event_source <> 'none' THEN
    (SELECT coalesce(sum(l.lost_count), 0) FROM event_loss AS l
     WHERE l.recording_id = r.recording_id)
  END AS events_lost        -- events that it lost; NULL: it had none to lose
FROM recording AS r
JOIN boot AS b ON b.boot_id = r.boot_id
LEFT JOIN recording_end AS e ON e.recording_id = r.recording_id;
