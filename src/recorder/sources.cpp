// Where the facts come from: which sources of readings and events are used, and how events are taken over.

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/errors.h"
#include "recorder/recorder.h"

namespace galproc {

namespace {

void add_reason(std::optional<std::string>& reasons, const std::string& better, const std::string& why_not) {
  if (why_not.empty()) return;
  reasons = fmt::format("{}{}{}: {}", reasons.value_or(""), reasons ? "; " : "", better, why_not);
}

}  // namespace

void Recorder::choose_readings() {
  const std::string asked = options_.process_source;
  const ReadingSources chosen = platform_.choose_process_source(asked);
  if (chosen.processes.empty()) {
    throw Error(ExitCode::Refused, fmt::format("--process-source {} cannot be had: {}. Try --process-source auto.",
                                               asked, chosen.why_not_processes));
  }
  if (!chosen.why_not_processes.empty()) {
    options_.source_notes.push_back(
        fmt::format("Processes and sockets are not read from bpf: {}.", chosen.why_not_processes));
  }
  if (!chosen.why_not_sockets.empty()) {
    options_.source_notes.push_back(fmt::format("Sockets are not read from bpf: {}.", chosen.why_not_sockets));
  }
  add_reason(reasons_.processes, "bpf", chosen.why_not_processes);
  add_reason(reasons_.sockets, "bpf",
             chosen.why_not_processes.empty() ? chosen.why_not_sockets : chosen.why_not_processes);
  options_.process_source = chosen.processes;
  socket_source_ = chosen.sockets;
}

void Recorder::open_events() {
  const bool any = options_.event_source == "auto";
  for (const char* name : {"bpf", "netlink", "none"}) {
    if (!any && options_.event_source != name) continue;
    if (std::string_view(name) == "none") break;
    OpenedEvents opened = platform_.open_events(name, options_.events);
    if (opened.source) {
      events_ = std::move(opened.source);
      for (std::string& limit : events_->limits()) options_.source_notes.push_back(std::move(limit));
      break;
    }
    if (!any) {
      throw Error(ExitCode::Refused,
                  fmt::format("--event-source {} cannot be had: {}. Try --event-source auto.", name, opened.why_not));
    }
    add_reason(reasons_.events, name, opened.why_not);
    options_.source_notes.push_back(fmt::format("Events are not read from {}: {}.", name, opened.why_not));
  }
  options_.event_source = events_ ? events_->name() : "none";
  platform_.hold_exit_statuses(!events_);
  pending_.from_us = platform_.clocks().wall_us;
}

void Recorder::drain_events() {
  if (!events_) return;
  // What is beyond that waits in the kernel, where it is counted if it finds no room.
  constexpr std::size_t kMostWaiting = 5000;
  bool more = true;
  while (more && pending_.events.size() < kMostWaiting) {
    pending_.clocks = platform_.clocks();  // before: what happens meanwhile may be in the batch or in the next
    EventBatch batch = events_->drain();
    pending_.lost_count += batch.lost_count;
    if (pending_.events.empty()) {
      pending_.events.swap(batch.events);
    } else {
      std::move(batch.events.begin(), batch.events.end(), std::back_inserter(pending_.events));
    }
    more = batch.more;
  }
  has_more_events_ = more;
  if (!more || pending_.events.empty()) return;
  // All is told up to the last of them, and that not quite: two CPUs may tell in another order than they dated.
  constexpr std::int64_t kOutOfOrderUs = 1000;
  const std::int64_t behind_us = pending_.clocks.boot_us - pending_.events.back().boot_us + kOutOfOrderUs;
  for (std::int64_t* clock : {&pending_.clocks.wall_us, &pending_.clocks.boot_us, &pending_.clocks.monotonic_us})
    *clock -= std::max<std::int64_t>(0, behind_us);
}

void Recorder::store_events_if_due() {
  constexpr std::size_t kMany = 5000;
  constexpr std::int64_t kLongUs = 1'000'000;
  if (!events_ || !queue_.empty() || !recording_ || !stored_count_) return;  // a tick that waits comes first
  try {
    // Who writes to the file acts, and may wait to know what happened up to now.
    const bool asked = recording_->was_written_by_others();
    if (!asked && pending_.events.empty() && pending_.lost_count == 0) return;
    const std::int64_t oldest_us = pending_.events.empty() ? 0 : pending_.events.front().boot_us;
    if (!asked && pending_.events.size() < kMany && pending_.clocks.boot_us - oldest_us < kLongUs) return;
    recording_->write(pending_);
    pending_ = EventReading{pending_.clocks, pending_.clocks.wall_us, {}, 0};
  } catch (const SQLite::Exception&) {
    // They go with the next tick, which is tried again until it can be written, and tells why it cannot.
  }
}

void Recorder::store_last_events(std::int64_t deadline_us) {
  try {
    while (has_more_events_ && platform_.clocks().boot_us < deadline_us) {
      drain_events();
      recording_->write(pending_);
      pending_ = EventReading{pending_.clocks, pending_.clocks.wall_us, {}, 0};
    }
  } catch (const SQLite::Exception&) {
    // Every tick is stored, and up to when events are complete is written down.
  }
}

}  // namespace galproc
