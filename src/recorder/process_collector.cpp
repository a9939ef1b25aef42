#include "recorder/process_collector.h"

#include <algorithm>
#include <string>
#include <tuple>

namespace galproc {

namespace {

/// Whether two sights in two recordings may be of one image. What changes without an exec (the folder, the cgroup) and
/// what only one of two recorders was allowed to read says nothing.
bool is_same_program(const ImageRow& before, const ImageRow& now) {
  const auto agree = [](const auto& one, const auto& other) { return !one || !other || *one == *other; };
  // What an event told of one that no look had met: it is completed.
  if (!before.executable && !before.command_line && !before.cgroup && (now.executable || now.command_line))
    return false;
  return before.name == now.name && agree(before.executable, now.executable) &&
         agree(before.command_line, now.command_line) && agree(before.uid, now.uid);
}

}  // namespace

ProcessCollector::ProcessCollector(SQLite::Database& database, const Redactor* redactor)
    : database_(database),
      redactor_(redactor),
      store_(database),
      insert_sample_(database,
                     "INSERT INTO process_sample (sample_id, state, cpu_user_us, cpu_system_us, resident_kib,"
                     " thread_count, read_bytes, written_bytes) VALUES (? << 32 | ?, ?, ?, ?, ?, ?, ?, ?)") {}

const ProcessCollector::Known* ProcessCollector::find(const ProcessKey& key) const {
  if (const auto staged = staged_.find(key); staged != staged_.end()) return &staged->second;
  const auto known = known_.find(key);
  return known == known_.end() ? nullptr : &known->second;
}

ProcessCollector::Known& ProcessCollector::stage(const ProcessKey& key) {
  if (const auto staged = staged_.find(key); staged != staged_.end()) return staged->second;
  const auto known = known_.find(key);
  return staged_.emplace(key, known == known_.end() ? Known{} : known->second).first->second;
}

std::optional<std::int64_t> ProcessCollector::upid_of(const ProcessKey& key) const {
  const Known* known = find(key);
  return known ? std::optional(known->upid) : std::nullopt;
}

bool ProcessCollector::has_ended(const ProcessKey& key) const {
  const Known* known = find(key);
  return known && known->ended;
}

ProcessCollector::LastKnown ProcessCollector::end_by_event(const ProcessKey& key) {
  if (!find(key)) return {};
  Known& known = stage(key);
  known.ended = true;
  return last_known(known);
}

ProcessCollector::LastKnown ProcessCollector::last_known(const Known& known) {
  LastKnown last;
  if (known.usage.cpu_user_us >= 0) last.usage = known.usage;
  if (known.peak_resident_bytes > 0) last.peak_resident_bytes = known.peak_resident_bytes;
  return last;
}

void ProcessCollector::write(const TickReading& reading, const Tick& tick) {
  ++write_no_;
  key_by_pid_.clear();
  if (!reading.processes) return;
  const ProcessPass& pass = *reading.processes;
  store_.set_tick(tick.tick_id);
  meet_new_ones(pass, reading, tick);
  write_parents_and_images(pass, tick);
  write_samples(pass, tick);
  write_ends(pass, tick);
  if (!closed_earlier_) close_what_earlier_recordings_left(pass, tick);
  open_pass_us_ = tick.began_us;
}

void ProcessCollector::meet_new_ones(const ProcessPass& pass, const TickReading& reading, const Tick& tick) {
  std::vector<const ProcessReading*> fresh;
  for (const ProcessReading& process : pass.processes) {
    if (const auto known = known_.find(process.key); known != known_.end()) {
      known->second.write_no = write_no_;
    } else {
      fresh.push_back(&process);
    }
  }
  // Parents first, since the row of a child names its parent's; nobody is younger than his child, born or adopted.
  std::sort(fresh.begin(), fresh.end(), [](const ProcessReading* one, const ProcessReading* other) {
    return std::tie(one->started_boot_us, one->key.pid) < std::tie(other->started_boot_us, other->key.pid);
  });
  for (const ProcessReading* process : fresh) meet(*process, pass, reading, tick);
}

void ProcessCollector::meet(const ProcessReading& process, const ProcessPass& pass, const TickReading& reading,
                            const Tick& tick) {
  ProcessStore::FirstSight sight;
  sight.key = process.key;
  sight.started_us = reading.clocks.wall_us - reading.clocks.boot_us + process.started_boot_us;
  sight.kernel_thread = process.kernel_thread;
  sight.met_us = tick.at_us;
  const ProcessKey* parent_key = listed(process.parent_pid, pass);
  const Known* parent = parent_key ? find(*parent_key) : nullptr;
  // One that is listed and not met yet began in the same clock tick: it gets its row, and then is told of.
  const bool parent_known = parent || !parent_key;
  if (parent_known) sight.parent_pid = process.parent_pid;
  if (parent) sight.parent_upid = parent->upid;

  const auto identity = store_.upid_of(tick.boot_id, sight);
  Known& fresh = stage(process.key);
  fresh.upid = identity.upid;
  fresh.started_us = sight.started_us;
  fresh.write_no = write_no_;
  fresh.usage.cpu_user_us = -1;  // unlike any reading: a birth always stores a sample
  if (identity.is_new) {
    if (parent_known) fresh.parent_pid = process.parent_pid;
  } else {  // met by an earlier recording, or by a command that acted on it
    fresh.parent_pid = store_.last_parent_pid(identity.upid).value_or(-1);
    if (!process.ended) store_.take_back_concluded_exit(identity.upid);
    // A look may still find one running whose end an event has told.
    fresh.ended = process.ended ? store_.has_seen_exit(identity.upid) : store_.has_told_exit(identity.upid);
  }
}

const ProcessKey* ProcessCollector::listed(std::int64_t pid, const ProcessPass& pass) {
  if (key_by_pid_.empty()) {
    for (const ProcessReading& process : pass.processes) key_by_pid_.emplace(process.key.pid, process.key);
  }
  const auto key = key_by_pid_.find(pid);
  return key == key_by_pid_.end() ? nullptr : &key->second;
}

void ProcessCollector::write_parents_and_images(const ProcessPass& pass, const Tick& tick) {
  for (const ProcessReading& process : pass.processes) {
    const Known& known = *find(process.key);
    if (process.parent_pid != known.parent_pid) {
      const ProcessKey* parent = listed(process.parent_pid, pass);
      store_.add_parent(known.upid, tick.at_us, Witness::Poll, parent ? upid_of(*parent) : std::nullopt,
                        process.parent_pid);
      stage(process.key).parent_pid = process.parent_pid;
    }
    if (process.image != known.image) write_image(process, tick);
  }
}

void ProcessCollector::write_image(const ProcessReading& process, const Tick& tick) {
  Known& known = stage(process.key);
  const ImageRow row = stored_image(*process.image, redactor_);
  // An earlier recording, or a command that acts on it right now, may have stored this very image.
  const auto last = store_.last_image(known.upid);
  const bool same = last.image_no > known.image_no && is_same_program(last.image, row);
  known.image_no = last.image_no;
  known.image = process.image;
  if (!same) store_.add_image(known.upid, ++known.image_no, tick.at_us, row);
}

void ProcessCollector::write_samples(const ProcessPass& pass, const Tick& tick) {
  std::vector<std::pair<std::int64_t, const ProcessUsage*>> rows;
  for (const ProcessReading& process : pass.processes) {
    const Known& known = *find(process.key);
    const bool changed = !(process.usage == known.usage);
    const bool new_end = process.ended && !known.ended;
    if (known.last_read_us) stage(process.key).last_read_us.reset();
    if (changed) {
      Known& staged = stage(process.key);
      staged.usage = process.usage;
      staged.peak_resident_bytes =
          std::max({staged.peak_resident_bytes, process.usage.resident_bytes, process.peak_resident_bytes.value_or(0)});
    }
    if (known.ended) continue;
    if (changed || new_end || tick.keyframe) rows.emplace_back(known.upid, &process.usage);
  }
  if (tick.keyframe) {  // the state at a keyframe is whole: who cannot be read right now keeps the last known figures
    for (const std::int64_t pid : pass.unreadable_pids) {
      for (const auto& [key, known] : known_) {
        if (key.pid == pid && !known.ended) rows.emplace_back(known.upid, &known.usage);
      }
    }
  }
  std::sort(rows.begin(), rows.end());  // in key order a row is an append
  for (const auto& [upid, usage] : rows) {
    insert_sample_.run(tick.tick_id, upid, usage->state, usage->cpu_user_us, usage->cpu_system_us,
                       usage->resident_bytes / 1024, usage->thread_count, usage->read_bytes, usage->written_bytes);
  }
}

void ProcessCollector::write_ends(const ProcessPass& pass, const Tick& tick) {
  const auto add_exit = [&](const Known& known, std::optional<std::int64_t> wait_status, bool final) {
    ExitRow exit;
    exit.tick_id = tick.tick_id;
    exit.ended_us = tick.at_us;
    exit.ended_after_us = earliest_end_us(known, tick);
    exit.wait_status = wait_status;
    const LastKnown last = last_known(known);
    exit.usage = last.usage;
    exit.peak_resident_bytes = last.peak_resident_bytes;
    exit.final = final;
    store_.add_exit(known.upid, exit);
  };
  for (const ProcessReading& process : pass.processes) {
    if (!process.ended || find(process.key)->ended) continue;
    Known& known = stage(process.key);
    add_exit(known, process.wait_status, true);  // a dead process's counters do not move any more
    known.ended = true;
  }
  // Absent from the list, and every process here was met by an earlier pass: it is gone. Listed but not readable: not.
  // Of whom the look tells how it ended there is no doubt: then it is another one that cannot be read.
  const std::unordered_set<std::int64_t> unreadable(pass.unreadable_pids.begin(), pass.unreadable_pids.end());
  std::unordered_map<ProcessKey, std::int64_t, ProcessKeyHash> told;
  for (const EndedReading& end : pass.ends) told.emplace(end.key, end.wait_status);
  for (const auto& [key, known] : known_) {
    if (known.write_no == write_no_) continue;
    const auto end = told.find(key);
    if (end == told.end() && unreadable.contains(key.pid)) {
      if (!known.last_read_us) stage(key).last_read_us = last_pass_us_;
      continue;
    }
    const auto wait_status = end == told.end() ? std::nullopt : std::optional(end->second);
    if (!find(key)->ended) add_exit(known, wait_status, false);  // an event of this very tick may have told
    gone_.push_back(key);
  }
}

std::int64_t ProcessCollector::earliest_end_us(const Known& known, const Tick& tick) const {
  if (known.last_read_us) return *known.last_read_us;
  const std::optional<std::int64_t> seen_us = last_pass_us_ ? last_pass_us_ : tick.last_known_us;
  return std::max(seen_us.value_or(known.started_us), known.started_us);
}

std::unordered_map<std::int64_t, ProcessUsage> ProcessCollector::last_usage_of_earlier_recordings(const Tick& tick) {
  // The state at the newest tick at which an earlier recording saw the table, gathered in one walk of its window.
  std::unordered_map<std::int64_t, ProcessUsage> last_usage;
  Prepared state(
      database_,
      "WITH last AS (SELECT tick_id, keyframe_tick_id FROM tick"
      " WHERE recording_id < ? AND process_count IS NOT NULL ORDER BY tick_id DESC LIMIT 1)"
      " SELECT s.upid, max(s.sample_id), s.cpu_user_us, s.cpu_system_us, s.resident_bytes, s.read_bytes,"
      " s.written_bytes FROM last CROSS JOIN process_sample AS s"
      " ON s.sample_id BETWEEN last.keyframe_tick_id << 32 AND (last.tick_id + 1 << 32) - 1 GROUP BY s.upid");
  state.rows(
      [&](SQLite::Statement& row) {
        ProcessUsage& usage = last_usage[row.getColumn(0).getInt64()];
        usage.cpu_user_us = row.getColumn(2).getInt64();
        usage.cpu_system_us = row.getColumn(3).getInt64();
        usage.resident_bytes = row.getColumn(4).getInt64();
        usage.read_bytes = optional_number(row.getColumn(5));
        usage.written_bytes = optional_number(row.getColumn(6));
      },
      tick.recording_id);
  return last_usage;
}

void ProcessCollector::close_what_earlier_recordings_left(const ProcessPass& pass, const Tick& tick) {
  std::unordered_set<std::int64_t> living;
  for (const KnownProcesses* processes : {&known_, &staged_}) {
    for (const auto& [key, known] : *processes) living.insert(known.upid);
  }
  const std::unordered_set<std::int64_t> unreadable(pass.unreadable_pids.begin(), pass.unreadable_pids.end());
  bool all_closed = true;

  struct Open {
    std::int64_t upid, started_us;
    bool same_boot;
  };
  std::vector<Open> open;
  // Another pid namespace of this very boot is another numbering, not another boot: nothing is known of its processes.
  Prepared without_end(database_,
                       "SELECT p.upid, p.boot_id = ?1, p.started_us, p.pid FROM process AS p"
                       " WHERE NOT EXISTS (SELECT 1 FROM process_exit AS x WHERE x.upid = p.upid)"
                       " AND (p.boot_id = ?1 OR (SELECT boot_uuid FROM boot WHERE boot_id = p.boot_id)"
                       " <> (SELECT boot_uuid FROM boot WHERE boot_id = ?1))");
  without_end.rows(
      [&](SQLite::Statement& row) {
        const Open process{row.getColumn(0).getInt64(), row.getColumn(2).getInt64(), row.getColumn(1).getInt() != 0};
        if (living.contains(process.upid)) return;
        if (process.same_boot && unreadable.contains(row.getColumn(3).getInt64())) {
          all_closed = false;  // somebody has that pid who cannot be read right now: a later pass will tell
        } else {
          open.push_back(process);
        }
      },
      tick.boot_id);
  closing_earlier_ = all_closed;
  const auto last_usage =
      open.empty() ? std::unordered_map<std::int64_t, ProcessUsage>{} : last_usage_of_earlier_recordings(tick);
  for (const Open& process : open) {
    const bool same_boot = process.same_boot;
    ExitRow exit;
    exit.source = same_boot ? Witness::Gap : Witness::Reboot;
    exit.tick_id = tick.tick_id;
    // One that a command met after the last look began after it, too.
    exit.ended_after_us = std::max(tick.last_known_us.value_or(process.started_us), process.started_us);
    exit.ended_us = same_boot ? tick.at_us : std::max(tick.booted_us, *exit.ended_after_us);
    if (const auto usage = last_usage.find(process.upid); usage != last_usage.end()) exit.usage = usage->second;
    store_.add_exit(process.upid, exit);
  }
}

void ProcessCollector::committed() {
  for (auto& [key, known] : staged_) known_.insert_or_assign(key, std::move(known));
  for (const ProcessKey& key : gone_) known_.erase(key);
  closed_earlier_ = closed_earlier_ || closing_earlier_;
  if (open_pass_us_) last_pass_us_ = open_pass_us_;
  rolled_back();
}

void ProcessCollector::events_committed() {
  for (auto& [key, known] : staged_) known_.insert_or_assign(key, std::move(known));
  rolled_back();
}

void ProcessCollector::rolled_back() {
  staged_.clear();
  gone_.clear();
  closing_earlier_ = false;
  open_pass_us_.reset();
}

std::vector<std::int64_t> ProcessCollector::listed_dead() const {
  std::vector<std::int64_t> upids;
  for (const auto& [key, known] : known_) {
    if (known.ended) upids.push_back(known.upid);
  }
  return upids;
}

}  // namespace galproc
