#include "recorder/event_collector.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

#include "model/text.h"

namespace galproc {

namespace {

/// A thread may give itself an empty one.
std::string stored_name(const EventParty& party) {
  return party.name.empty() ? "?" : clean_utf8(party.name).text;
}

/// What an event tells of a whole life. It tells as of a moment before the last thread has gone all the way, and a look
/// may have come after that.
ProcessUsage not_below(ProcessUsage told, const std::optional<ProcessUsage>& seen) {
  if (seen && told.cpu_user_us + told.cpu_system_us < seen->cpu_user_us + seen->cpu_system_us) {
    told.cpu_user_us = seen->cpu_user_us;
    told.cpu_system_us = seen->cpu_system_us;
  }
  return told;
}

}  // namespace

EventCollector::EventCollector(SQLite::Database& database, ProcessCollector& processes, const Redactor* redactor)
    : processes_(processes),
      redactor_(redactor),
      store_(database),
      insert_signal_(database,
                     "INSERT INTO signal_event (recording_id, at_us, signal, code, origin, to_group, result,"
                     " disposition, oom_victim, errno, sender_upid, sender_pid, sender_start_token, sender_name,"
                     " sender_uid, sender_user, sender_state, target_upid, target_pid, target_start_token, target_name)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      mark_oom_(database,
                "UPDATE signal_event SET oom_victim = 1 WHERE signal_id = (SELECT max(signal_id) FROM signal_event"
                " WHERE target_upid = ?1 AND at_us BETWEEN ?2 - 1000000 AND ?2 AND signal = 9 AND origin = 1"
                " AND sender_pid = ?3)"),
      select_latest_(database,
                     "SELECT upid FROM process WHERE pid = ? AND boot_id = ? ORDER BY start_token DESC LIMIT 1"),
      select_living_(database,
                     "SELECT upid FROM process AS p WHERE pid = ?1 AND boot_id = ?2 AND NOT EXISTS (SELECT 1"
                     " FROM process_exit AS x WHERE x.upid = p.upid AND x.ended_us < ?3)"
                     " ORDER BY start_token DESC LIMIT 1"),
      select_process_(database,
                      "SELECT p.start_token, (SELECT i.name FROM process_image AS i WHERE i.upid = p.upid"
                      " ORDER BY i.image_no DESC LIMIT 1) FROM process AS p WHERE p.upid = ?"),
      select_name_(database, "SELECT name FROM process_image WHERE upid = ? ORDER BY image_no DESC LIMIT 1"),
      select_met_(database,
                  "SELECT upid, pid, start_token, started_us + met_after_us FROM process AS p WHERE upid > ? AND source"
                  " = ? AND boot_id = ? AND NOT EXISTS (SELECT 1 FROM process_exit AS x WHERE x.upid = p.upid)"),
      select_newest_(database, "SELECT max(upid) FROM process") {}

void EventCollector::write(const std::vector<Event>& events, const Place& place) {
  place_ = place;
  store_.set_tick(place.tick_id);
  run_another_.clear();
  for (const Event& event : events) {
    if (const auto* exec = std::get_if<ExecEvent>(&event.what)) run_another_.insert(exec->process.key);
  }
  for (const Event& event : events) {
    const std::int64_t at_us = place.clocks.wall_us - place.clocks.boot_us + event.boot_us;
    std::visit([&](const auto& what) { write(what, at_us); }, event.what);
  }
}

ProcessStore::Identity EventCollector::meet(const EventParty& party, std::int64_t at_us,
                                            std::optional<std::int64_t> parent_upid,
                                            std::optional<std::int64_t> parent_pid) {
  for (const auto* known : {&staged_, &born_}) {
    if (const auto at = known->find(party.key); at != known->end()) return {at->second.upid, false};
  }
  if (const auto upid = processes_.upid_of(party.key)) return {*upid, false};
  ProcessStore::FirstSight sight;
  sight.key = party.key;
  sight.started_us = place_.clocks.wall_us - place_.clocks.boot_us + party.started_boot_us;
  sight.kernel_thread = party.kernel_thread;
  sight.source = Witness::Event;
  sight.met_us = std::max(at_us, sight.started_us);
  // Of one whose birth nobody told, the parent of this moment.
  sight.parent_pid = parent_pid.value_or(party.parent_pid);
  sight.parent_upid = parent_upid ? parent_upid : latest_with(party.parent_pid);
  const auto identity = store_.upid_of(place_.boot_id, sight);
  staged_[party.key] = {identity.upid, {}, at_us, {}};
  return identity;
}

void EventCollector::add_bare_image(std::int64_t upid, const EventParty& party, std::int64_t at_us) {
  ProcessImage image;
  image.name = party.name;
  image.user_id = party.user_id;
  image.user_name = party.user_name;
  store_.add_image(upid, 1, at_us, stored_image(image, redactor_));
}

void EventCollector::write(const ForkEvent& fork, std::int64_t at_us) {
  const auto known_parent = meet(fork.parent, at_us);
  const std::int64_t parent = known_parent.upid;
  // Born before events were heard, and maybe ended before the next look.
  if (known_parent.is_new) add_bare_image(parent, fork.parent, at_us);
  const auto child = meet(fork.child, at_us, parent, fork.parent.key.pid);
  if (!child.is_new) {
    // A tick met it first, and saw the parent of that moment.
    if (store_.last_parent_pid(child.upid) != fork.parent.key.pid) {
      store_.set_tick(place_.last_tick_id.value_or(place_.tick_id));
      store_.add_parent(child.upid, at_us, Witness::Event, parent, fork.parent.key.pid);
      store_.set_tick(place_.tick_id);
    }
    return;
  }
  // It runs what its parent runs, until it runs something else: that has a row of its own.
  if (run_another_.contains(fork.child.key)) return;
  const bool inherits = !known_parent.is_new && store_.inherit_image(child.upid, parent, at_us);
  if (!inherits) add_bare_image(child.upid, fork.child, at_us);
  staged_[fork.child.key].forked_us = at_us;
}

bool EventCollector::is_first_program(const ProcessKey& key, std::int64_t at_us) const {
  constexpr std::int64_t kSoonUs = 1'000'000;
  if (processes_.upid_of(key)) return false;  // a tick has
  for (const MetByEvents* known : {&staged_, &born_}) {
    if (const auto met = known->find(key); met != known->end()) {
      return met->second.forked_us && at_us - *met->second.forked_us < kSoonUs;
    }
  }
  return false;
}

void EventCollector::write(const ExecEvent& exec, std::int64_t at_us) {
  const std::int64_t upid = meet(exec.process, at_us).upid;
  const ImageRow row = stored_image(*exec.image, redactor_);
  const auto last = store_.last_image(upid);
  // A tick that came between the exec and this row saw the new program already.
  if (last.at_us >= at_us && last.image.name == row.name && last.image.command_line == row.command_line) return;
  // Whether the two came in one batch makes no difference to what is stored.
  if (is_first_program(exec.process.key, at_us)) {
    store_.remove_image(upid, last.image_no);
    store_.add_image(upid, last.image_no, at_us, row);
    staged_[exec.process.key] = {upid, {}, at_us, {}};
  } else {
    store_.add_image(upid, last.image_no + 1, at_us, row);
  }
}

void EventCollector::write(const ExitEvent& exit, std::int64_t at_us) {
  const auto identity = meet(exit.process, at_us);
  if (identity.is_new) add_bare_image(identity.upid, exit.process, at_us);
  ExitRow row;
  row.source = Witness::Event;
  row.tick_id = place_.tick_id;
  row.ended_us = at_us;
  row.wait_status = exit.wait_status;
  const auto last = processes_.end_by_event(exit.process.key);
  row.usage = exit.usage ? not_below(*exit.usage, last.usage) : last.usage;
  row.peak_resident_bytes = exit.usage ? exit.usage->resident_bytes : last.peak_resident_bytes;
  row.final = exit.usage.has_value();
  store_.add_exit(identity.upid, row);
  gone_.push_back(exit.process.key);
}

std::optional<std::int64_t> EventCollector::latest_with(std::int64_t pid) {
  return select_latest_.number(pid, place_.boot_id);
}

std::optional<std::int64_t> EventCollector::named_by(const SignalEvent& refused, std::int64_t at_us) {
  const std::int64_t pid = refused.target_pid.value_or(0);
  if (pid <= 0) return std::nullopt;
  // Who is refused names somebody who is there. The number may have been that of a thread, and a dead process's before.
  return refused.error == ESRCH ? latest_with(pid) : select_living_.number(pid, place_.boot_id, at_us);
}

void EventCollector::write(const SignalEvent& signal, std::int64_t at_us) {
  const EventParty& sender = signal.sender;
  std::optional<std::int64_t> sender_upid, target_upid, target_token;
  std::string sender_name = stored_name(sender);
  std::optional<std::string> target_name;
  if (sender.key.pid > 0) sender_upid = meet_by_signal(sender, at_us, sender_name);
  if (signal.target) {
    target_upid = meet_by_signal(*signal.target, at_us, target_name.emplace());
    target_token = signal.target->key.start_token;
  } else if ((target_upid = named_by(signal, at_us))) {
    select_process_.rows(
        [&](SQLite::Statement& row) {
          target_token = row.getColumn(0).getInt64();
          target_name = optional_text(row.getColumn(1));
        },
        *target_upid);
  }
  const int state = (sender.kernel_thread ? 1 : 0) | (sender.exiting ? 2 : 0) | (sender.namespace_init ? 4 : 0);
  std::optional<std::int64_t> disposition;
  if (signal.disposition) disposition = static_cast<std::int64_t>(*signal.disposition);
  insert_signal_.run(place_.recording_id, at_us, signal.signal, signal.code, signal.origin, signal.to_group,
                     signal.result, disposition, signal.error, sender_upid, sender.key.pid, sender.key.start_token,
                     sender_name, sender.user_id, sender.user_name, state, target_upid, signal.target_pid, target_token,
                     target_name);
}

std::int64_t EventCollector::meet_by_signal(const EventParty& party, std::int64_t at_us, std::string& name) {
  const auto identity = meet(party, at_us);
  if (identity.is_new) add_bare_image(identity.upid, party, at_us);
  name = stored_name(party);
  constexpr std::size_t kKernelLimit = 15;
  if (party.name.size() == kKernelLimit) {
    select_name_.rows(
        [&](SQLite::Statement& row) {
          // Of a thread that goes by a name of its own that is the whole.
          if (std::string whole = row.getColumn(0).getString(); whole.starts_with(name)) name = std::move(whole);
        },
        identity.upid);
  }
  return identity.upid;
}

void EventCollector::write(const OomEvent& oom, std::int64_t at_us) {
  if (const auto victim = latest_with(oom.victim_pid)) mark_oom_.run(*victim, at_us, oom.sender_pid);
}

void EventCollector::take_in_met_by_actions(const Tick& tick) {
  if (newest_upid_) {  // whom a recording finds at its start its first look settles
    select_met_.rows(
        [&](SQLite::Statement& row) {
          const ProcessKey key{row.getColumn(1).getInt64(), row.getColumn(2).getInt64()};
          if (!processes_.upid_of(key))
            staged_[key] = {row.getColumn(0).getInt64(), {}, row.getColumn(3).getInt64(), {}, true};
        },
        *newest_upid_, Witness::Action, tick.boot_id);
  }
  open_newest_upid_ = select_newest_.number();
}

void EventCollector::write_unseen_ends(const ProcessPass& pass, const Tick& tick) {
  take_in_met_by_actions(tick);
  const std::unordered_set<std::int64_t> unreadable(pass.unreadable_pids.begin(), pass.unreadable_pids.end());
  for (const auto& [key, met] : born_) {
    if (processes_.upid_of(key)) {
      gone_.push_back(key);  // looks know it from here on
      continue;
    }
    if (unreadable.contains(key.pid)) continue;  // it may be this one
    if (!met.missed_us) {                        // it may have ended since the events of this look were told
      staged_.emplace(key, met).first->second.missed_us = tick.at_us;
      continue;
    }
    gone_.push_back(key);
    if (store_.has_seen_exit(met.upid)) continue;  // somebody named it after its end
    ExitRow row;
    // Not to be listed is no proof for one that this user may be kept from seeing: it is taken back when it is met.
    row.source = met.by_action ? Witness::Gap : Witness::Poll;
    row.tick_id = tick.tick_id;
    row.ended_us = std::max(*met.missed_us, met.met_us);
    row.ended_after_us = met.met_us;
    store_.add_exit(met.upid, row);
  }
}

void EventCollector::committed() {
  for (const auto& [key, met] : staged_) born_[key] = met;
  for (const ProcessKey& key : gone_) born_.erase(key);
  if (open_newest_upid_) newest_upid_ = open_newest_upid_;
  rolled_back();
}

void EventCollector::rolled_back() {
  staged_.clear();
  gone_.clear();
  open_newest_upid_.reset();
}

}  // namespace galproc
