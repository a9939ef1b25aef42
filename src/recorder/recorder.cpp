#include "recorder/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "model/errors.h"
#include "model/text.h"
#include "model/time_words.h"
#include "store/database.h"
#include "store/ledger.h"

namespace galproc {

namespace {

/// How often a file that could not be written is tried again.
constexpr std::int64_t kRetryUs = 250'000;
/// How long a stop may wait for another writer: the whole stop stays within a second.
constexpr std::int64_t kLastChanceUs = 300'000;

std::string count_of(std::int64_t number, const char* thing) {
  return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

}  // namespace

Recorder::Recorder(Platform& platform, RecordOptions options, std::ostream& talk)
    : platform_(platform), options_(std::move(options)), talk_(talk), redactor_(options_.redact_names) {}

void Recorder::run() {
  platform_.make_shared_folder(options_.database.parent_path());
  // One name for one file: two recorders that come by different links must meet at one lock.
  std::error_code failed;
  options_.database = without_links(options_.database, failed);
  if (failed) {
    throw Error(ExitCode::Failed,
                fmt::format("The database {} cannot be reached: {} (permission of a folder above it?). "
                            "Name another with --db.",
                            options_.database.string(), failed.message()));
  }
  try {
    refuse_if_not_ours();  // before a lock file is made beside it
    take_lock();
    platform_.catch_stop_requests();
    choose_readings();
    open_events();
    ensure_open();
    give_up_privileges();
    say_first_line();
    started_ = true;
    platform_.notify_manager("READY=1\nSTATUS=Recording to " + escape_controls(options_.database.string()) + ".");
    loop();
    finish();
  } catch (const NewerSchema&) {
    try {
      const std::int64_t now_us = platform_.clocks().wall_us;
      if (recording_) recording_->end(queue_.empty() ? now_us : queue_.front().clocks.wall_us, "newer_schema");
    } catch (const SQLite::Exception&) {
      // The newer schema may not take this row any more; the next recorder then notes the end itself.
    }
    throw Error(ExitCode::Failed,
                "The database " + options_.database.string() +
                    " was migrated by a newer galproc. Record with that one, or name another file with --db.");
  }
}

void Recorder::give_up_privileges() {
  try {
    platform_.give_up_privileges(options_.database);
  } catch (const PlatformError& error) {
    warn(error.what());
  }
}

void Recorder::loop() {
  const std::int64_t started_us = platform_.clocks().boot_us;
  const std::optional<std::int64_t> end_us =
      options_.duration_us ? std::optional(started_us + *options_.duration_us) : std::nullopt;
  std::int64_t scheduled_us = started_us;
  std::int64_t taken = 0;
  for (bool last = false; !last;) {
    std::int64_t wake_us = std::min(scheduled_us, tell_manager_all_is_well());
    if (end_us) wake_us = std::min(wake_us, *end_us);
    if (has_more_events_ && pending_.events.empty())
      wake_us = platform_.clocks().boot_us;  // stored: there is room again
    if (!queue_.empty() || events_) wake_us = std::min(wake_us, platform_.clocks().boot_us + kRetryUs);
    last = platform_.sleep_until(wake_us) == Wake::Stop;

    drain_events();
    if (recording_) ensure_open();
    const std::int64_t now_us = platform_.clocks().boot_us;
    const bool due = now_us >= scheduled_us;
    last = last || (end_us && now_us >= *end_us);
    if (due || last) {
      look(due ? now_us - scheduled_us : 0);
      ++taken;
      // The schedule is fixed: what was missed stays missed, it is not made up for by looks in a row.
      if (due) scheduled_us += ((now_us - scheduled_us) / options_.interval_us + 1) * options_.interval_us;
      last = last || (options_.samples && taken >= *options_.samples);
    }
    store_waiting_readings();
    if (due) make_room();
    store_events_if_due();
  }
}

void Recorder::look(std::int64_t late_us) {
  TickReading reading = take_reading(platform_);
  reading.late_us = late_us;
  reading.events = std::exchange(pending_, EventReading{pending_.clocks, pending_.clocks.wall_us, {}, 0});
  reading.bytes = reading.size_bytes();
  queue_bytes_ += reading.bytes;
  queue_.push_back(std::move(reading));
  drop_oldest_readings();
}

void Recorder::drop_oldest_readings() {
  while (queue_bytes_ > options_.queue_bytes && queue_.size() > 1) {
    if (dropped_count_ == 0)
      warn("Memory for waiting readings is used up: the oldest are dropped, and the hole is recorded.");
    note_drop();
  }
}

void Recorder::note_drop() {
  if (dropped_count_ == 0) dropped_from_us_ = last_stored_us_.value_or(queue_.front().clocks.wall_us);
  ++dropped_count_;
  dropped_for_room_ = waiting_ == Waiting::ForRoom;
  (queue_.size() > 1 ? queue_[1].events : pending_).count_as_lost(queue_.front().events);
  queue_bytes_ -= queue_.front().bytes;
  queue_.pop_front();
}

std::vector<GapNote> Recorder::pending_gaps() const {
  std::vector<GapNote> gaps = gaps_;
  if (dropped_count_ > 0) {
    gaps.push_back({dropped_for_room_ ? "disk_full" : "readings_dropped", dropped_from_us_,
                    queue_.front().clocks.wall_us,
                    count_of(dropped_count_, "reading") + " dropped: the file could not be written."});
  }
  return gaps;
}

void Recorder::store_waiting_readings() {
  while (!queue_.empty()) {
    try {
      if (!ensure_open() || (!finishing_ && lacks_room())) return;
      recording_->write(queue_.front(), pending_gaps());
    } catch (const SQLite::Exception& error) {
      handle(error);
      return;
    }
    last_stored_us_ = queue_.front().clocks.wall_us;
    queue_bytes_ -= queue_.front().bytes;
    queue_.pop_front();
    gaps_.clear();
    dropped_count_ = 0;
    ++stored_count_;
    if (waiting_ != Waiting::ForNothing && queue_.empty()) {
      waiting_ = Waiting::ForNothing;
      warn("The database can be written again; what had waited is stored.");
    }
  }
}

void Recorder::handle(const SQLite::Exception& error) {
  switch (fault_of(error)) {
    case StoreFault::Busy: wait_for(Waiting::ForLock, "is locked by another writer"); return;
    case StoreFault::Full: wait_for(Waiting::ForRoom, "cannot grow: the disk is full"); return;
    case StoreFault::Damaged:
      recording_.reset();
      damaged_ = true;
      return;
    case StoreFault::Rejected: drop_rejected_reading(error); return;
    case StoreFault::Lost:
      recording_.reset();
      wait_for(Waiting::ForFile, "failed and is opened anew: " + describe(error));
      return;
  }
}

void Recorder::drop_rejected_reading(const SQLite::Exception& error) {
  warn("A reading was dropped, since the database " + options_.database.string() +
       " does not take it: " + describe(error) + ".");
  note_drop();
}

void Recorder::wait_for(Waiting what, const std::string& why) {
  if (waiting_ == what) return;
  waiting_ = what;
  waiting_why_ = why;
  if (waiting_why_.ends_with('.')) waiting_why_.pop_back();
  warn("The database " + options_.database.string() + " " + waiting_why_ + ". Readings wait in memory.");
}

std::int64_t Recorder::tell_manager_all_is_well() {
  const auto patience_us = platform_.manager_patience_us();
  if (!patience_us) return std::numeric_limits<std::int64_t>::max();
  const std::int64_t now_us = platform_.clocks().boot_us;
  if (now_us >= tell_manager_us_) {
    platform_.notify_manager("WATCHDOG=1");
    tell_manager_us_ = now_us + *patience_us / 2;
  }
  return tell_manager_us_;
}

void Recorder::finish() {
  finishing_ = true;  // what waits for room is stored as long as there is any
  platform_.notify_manager("STOPPING=1");
  const std::int64_t deadline_us = platform_.clocks().boot_us + kLastChanceUs;
  while (!queue_.empty() && platform_.clocks().boot_us < deadline_us) {
    const std::int64_t before_us = platform_.clocks().boot_us;
    store_waiting_readings();
    if (!queue_.empty() && platform_.clocks().boot_us == before_us) break;  // refused at once: no use in trying harder
  }
  if (!queue_.empty()) {
    throw Error(ExitCode::Failed,
                fmt::format("{} could not be stored in {} before the stop ({}).",
                            count_of(static_cast<std::int64_t>(queue_.size()), "reading"), options_.database.string(),
                            waiting_why_.empty() ? "no time was left" : "it " + waiting_why_));
  }
  const auto without_end = [&](const std::string& why) {
    return Error(ExitCode::Failed, fmt::format("Every tick is stored in {}, but the end of the recording could not be: "
                                               "{}. The next recorder notes it as a crash.",
                                               options_.database.string(), why));
  };
  try {
    // The disk may have failed since the newest look, while room was made.
    if (!recording_ && !ensure_open()) throw without_end("it " + waiting_why_);
    store_last_events(deadline_us);
    recording_->end(platform_.clocks().wall_us, "stopped");
  } catch (const SQLite::Exception& error) {
    throw without_end(describe(error));
  }
  try {
    recording_->checkpoint();
  } catch (const SQLite::Exception&) {
    // A reader holds it back: everything stands in the -wal, and the next writer moves it.
  }
  recording_.reset();
  say(fmt::format("Stopped after {}.", count_of(stored_count_, "tick")));
}

void Recorder::say_first_line() {
  say(fmt::format("Recording to {} every {}; processes: {}, sockets: {}, events: {}.", options_.database.string(),
                  format_duration(options_.interval_us), options_.process_source, socket_source_,
                  options_.event_source));
  if (options_.quiet) return;
  for (const std::string& note : options_.source_notes) say(note);
  for (const std::string& limit : platform_.host().limits) say(limit);
}

void Recorder::say(const std::string& sentence) {
  if (!options_.quiet) warn(sentence);
}

void Recorder::warn(const std::string& sentence) {
  talk_ << "galproc: " << escape_controls(sentence) << std::endl;
}

}  // namespace galproc
