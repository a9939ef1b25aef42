#include "recorder/recording.h"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <variant>

#include "model/text.h"
#include "model/time_words.h"
#include "recorder/port_collector.h"
#include "recorder/system_collector.h"

namespace galproc {

namespace {

// A keyframe every 60 ticks or 5 minutes, the later: often enough that a state is found in few rows, rarely enough that
// recording ten times a second does not store everything every six seconds.
constexpr int kKeyframeTicks = 60;
constexpr std::int64_t kKeyframeUs = 5 * 60 * 1'000'000LL;

// Slewing may move the wall clock by 500 parts in a million: that is no step.
constexpr std::int64_t kClockStepUs = 500'000;
constexpr std::int64_t kClockSlewDivisor = 1000;
constexpr std::int64_t kSuspendUs = 1'000'000;

std::optional<std::string> cleaned(const std::optional<std::string>& text) {
  return text ? std::optional(clean_utf8(*text).text) : std::nullopt;
}

}  // namespace

Recording::Recording(const std::filesystem::path& path, const RecordingFacts& facts, const Clocks& now,
                     const Redactor* redactor, int busy_ms)
    : database_(open_for_recording(path, busy_ms, facts.predecessor)),
      wal_(database_),
      most_wal_bytes_(facts.most_wal_bytes),
      processes_(std::make_unique<ProcessCollector>(database_, redactor)),
      events_(std::make_unique<EventCollector>(database_, *processes_, redactor)),
      retention_(database_),
      event_source_(facts.event_source),
      user_version_(std::make_unique<Prepared>(database_, "PRAGMA user_version")),
      read_data_version_(std::make_unique<Prepared>(database_, "PRAGMA data_version")),
      insert_loss_(std::make_unique<Prepared>(
          database_,
          "INSERT INTO event_loss (recording_id, source, from_us, to_us, lost_count) VALUES (?, ?, ?, ?, ?)")),
      write_status_(std::make_unique<Prepared>(
          database_,
          "INSERT INTO recorder_status (status_id, recording_id, events_until_us) VALUES (1, ?1, ?2)"
          " ON CONFLICT (status_id) DO UPDATE SET recording_id = ?1, events_until_us = ?2")),
      insert_tick_(std::make_unique<Prepared>(
          database_,
          "INSERT INTO tick (tick_id, recording_id, at_us, boot_us, keyframe_tick_id, previous_tick_id, late_us,"
          " duration_us, process_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      insert_error_(std::make_unique<Prepared>(
          database_,
          "INSERT INTO collection_error (tick_id, collector, operation, error_code, error_text, count)"
          " VALUES (?, ?, ?, ?, ?, ?)")),
      insert_gap_(std::make_unique<Prepared>(
          database_, "INSERT INTO gap (recording_id, kind, from_us, to_us, detail) VALUES (?, ?, ?, ?, ?)")),
      end_gap_(std::make_unique<Prepared>(database_, "INSERT INTO gap_end (gap_id, to_us) VALUES (?, ?)")) {
  others_.push_back(std::make_unique<PortCollector>(database_, *processes_));
  others_.push_back(std::make_unique<SystemCollector>(database_));
  begin(facts, now);
}

void Recording::begin(const RecordingFacts& facts, const Clocks& now) {
  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  ProcessStore store(database_);
  boot_id_ = store.boot_id_of(facts.host);
  booted_us_ = facts.host.booted_us;
  Prepared crashed(database_,
                   "INSERT INTO recording_end (recording_id, ended_us, reason)"
                   " SELECT r.recording_id, coalesce((SELECT at_us FROM tick AS t WHERE t.recording_id = r.recording_id"
                   " ORDER BY t.tick_id DESC LIMIT 1), r.started_us), ? FROM recording AS r"
                   " WHERE NOT EXISTS (SELECT 1 FROM recording_end AS e WHERE e.recording_id = r.recording_id)");
  crashed.run(facts.unended_reason);
  Prepared newest(database_, "SELECT at_us - duration_us FROM tick ORDER BY tick_id DESC LIMIT 1");
  last_known_us_ = newest.number();
  Prepared newest_clocks(
      database_,
      "SELECT t.at_us, t.boot_us FROM tick AS t JOIN recording AS r USING (recording_id) JOIN boot AS b"
      " USING (boot_id) WHERE t.tick_id = (SELECT max(tick_id) FROM tick) AND b.boot_uuid = ?");
  newest_clocks.rows(
      [&](SQLite::Statement& row) {
        earlier_clocks_ = Clocks{row.getColumn(0).getInt64(), row.getColumn(1).getInt64(), 0};
      },
      facts.host.boot_uuid);
  // Above what was to be deleted too, though it be gone from a file that was rescued.
  Prepared newest_id(database_,
                     "SELECT max((SELECT coalesce(max(tick_id), 0) FROM tick),"
                     " (SELECT coalesce(max(before_tick_id), 0) FROM prune))");
  next_tick_id_ = newest_id.number().value_or(0) + 1;
  Prepared insert(database_,
                  "INSERT INTO recording (boot_id, started_us, started_boot_us, interval_us, version, process_source,"
                  " socket_source, event_source, network_namespace, recorder_pid, uid, user, process_source_reason,"
                  " socket_source_reason, event_source_reason, limits)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING recording_id");
  const SourceReasons reasons{cleaned(facts.reasons.processes), cleaned(facts.reasons.sockets),
                              cleaned(facts.reasons.events)};
  const auto limits =
      facts.limits.empty() ? std::nullopt : std::optional(fmt::format("{}", fmt::join(facts.limits, " ")));
  recording_id_ = insert
                      .number(boot_id_, now.wall_us, now.boot_us, facts.interval_us, facts.version,
                              facts.process_source, facts.socket_source, facts.event_source,
                              facts.host.network_namespace, facts.recorder.pid, facts.host.user_id,
                              facts.host.user_name, reasons.processes, reasons.sockets, reasons.events, cleaned(limits))
                      .value();
  transaction.commit();
}

void Recording::write(const TickReading& reading, const std::vector<GapNote>& gaps) {
  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  refuse_newer_schema();
  std::vector<Collector*> collectors{processes_.get()};
  for (const auto& collector : others_) collectors.push_back(collector.get());
  const Tick tick = insert_tick(reading, keyframe_wanted_ || !gaps.empty());
  // What lives when a recording begins is met by its first look: events name it. After that they tell more of a birth
  // than a look does.
  const bool is_first = !last_tick_id_;
  std::optional<std::int64_t> pinned_gap_id;
  try {
    if (!is_first) insert_events(reading.events);
    for (Collector* collector : collectors) collector->write(reading, tick);
    if (is_first) insert_events(reading.events);
    if (reading.processes) events_->write_unseen_ends(*reading.processes, tick);
    insert_errors(reading, tick);
    for (const GapNote& gap : gaps) insert_gap(gap);
    if (last_tick_id_) {
      for (const GapNote& gap : gaps_between(last_clocks_, reading.clocks)) insert_gap(gap);
    } else if (earlier_clocks_) {
      if (const auto step = clock_step_between(*earlier_clocks_, reading.clocks)) insert_gap(*step);
    }
    pinned_gap_id = note_wal(is_first ? reading.clocks.wall_us : last_clocks_.wall_us);
    transaction.commit();
  } catch (...) {
    for (Collector* collector : collectors) collector->rolled_back();
    events_->rolled_back();
    throw;
  }
  for (Collector* collector : collectors) collector->committed();
  events_->committed();
  pinned_gap_id_ = pinned_gap_id;
  ++next_tick_id_;
  if (tick.keyframe) {
    keyframe_tick_id_ = tick.tick_id;
    keyframe_boot_us_ = reading.clocks.boot_us;
    ticks_since_keyframe_ = 0;
    // One without a process table holds nobody: the next is to be one too.
    keyframe_wanted_ = !reading.processes;
  }
  ++ticks_since_keyframe_;
  last_tick_id_ = tick.tick_id;
  last_clocks_ = reading.clocks;
}

void Recording::write(const EventReading& events) {
  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  refuse_newer_schema();
  try {
    insert_events(events);
    transaction.commit();
  } catch (...) {
    processes_->rolled_back();
    events_->rolled_back();
    throw;
  }
  processes_->events_committed();
  events_->committed();
}

void Recording::make_room(const RecordingLimits& limits, std::int64_t at_us) {
  // What is old changes by whole keyframe windows.
  if (std::exchange(room_checked_tick_id_, keyframe_tick_id_) != keyframe_tick_id_ && !retention_.is_pending()) {
    if (const auto plan = retention_.by_age(limits.retain_us)) retention_.begin(*plan, PruneReason::Retain, at_us);
    if (const auto plan = retention_.by_size(limits.most_bytes)) retention_.begin(*plan, PruneReason::MaxSize, at_us);
  }
  delete_some();
}

void Recording::give_way(std::int64_t lacking_bytes, std::int64_t available_bytes, std::int64_t at_us) {
  // What moves into the database takes room there before the -wal gives its own: of the last room, which was given up
  // for kills, nothing.
  const auto may_checkpoint = [&] { return retention_.unwritten_bytes() <= available_bytes / 2; };
  if (may_checkpoint()) checkpoint();  // on a disk without any room the -wal is what can give some
  constexpr std::int64_t kADayUs = 24 * 3600 * 1'000'000LL;
  if (!retention_.is_pending()) {
    const auto beyond_a_day = retention_.by_age(kADayUs, true);
    auto plan = retention_.by_size(std::max<std::int64_t>(0, retention_.used_bytes() - lacking_bytes));
    if (plan && beyond_a_day) {
      if (beyond_a_day->before_tick_id < plan->before_tick_id) plan = beyond_a_day;
      retention_.begin(*plan, PruneReason::MinFree, at_us);
    }
  }
  delete_some();
  if (may_checkpoint()) checkpoint();  // the file gets smaller only now
}

void Recording::delete_some() {
  if (retention_.is_pending()) retention_.keep(processes_->listed_dead());
  constexpr int kStepsATick = 4;
  for (int steps = 0; steps < kStepsATick && retention_.step(); ++steps) continue;
}

void Recording::insert_events(const EventReading& events) {
  if (event_source_ == "none") return;
  events_->write(events.events, {recording_id_, boot_id_, next_tick_id_, last_tick_id_, events.clocks});
  write_status_->run(recording_id_, events.clocks.wall_us);
  if (events.lost_count > 0) {
    insert_loss_->run(recording_id_, event_source_, std::min(events.from_us, events.clocks.wall_us),
                      events.clocks.wall_us, events.lost_count);
  }
}

void Recording::refuse_newer_schema() {
  if (user_version_->number().value() > schema_version()) {
    throw NewerSchema("a newer galproc has migrated the file");
  }
}

bool Recording::was_written_by_others() {
  const auto version = read_data_version_->number();
  return std::exchange(data_version_, version) != version;
}

bool Recording::keyframe_is_due(const TickReading& reading, bool wanted) const {
  if (!last_tick_id_) return true;
  if (!reading.processes) return false;
  return wanted ||
         (ticks_since_keyframe_ >= kKeyframeTicks && reading.clocks.boot_us - keyframe_boot_us_ >= kKeyframeUs);
}

Tick Recording::insert_tick(const TickReading& reading, bool keyframe_wanted) {
  Tick tick;
  tick.tick_id = next_tick_id_;
  tick.at_us = reading.clocks.wall_us;
  tick.boot_id = boot_id_;
  tick.keyframe = keyframe_is_due(reading, keyframe_wanted);
  tick.recording_id = recording_id_;
  tick.began_us = tick.at_us - reading.duration_us;
  tick.last_known_us = last_known_us_;
  tick.booted_us = booted_us_;
  std::optional<std::int64_t> living;
  if (reading.processes) {
    living = static_cast<std::int64_t>(reading.processes->unreadable_pids.size());
    // A look may still find one running whose end an event has told.
    std::unordered_set<ProcessKey, ProcessKeyHash> told;
    for (const Event& event : reading.events.events) {
      if (const auto* exit = std::get_if<ExitEvent>(&event.what)) told.insert(exit->process.key);
    }
    for (const ProcessReading& process : reading.processes->processes) {
      const bool ended = process.ended || told.contains(process.key) || processes_->has_ended(process.key);
      *living += ended ? 0 : 1;
    }
  }
  insert_tick_->run(tick.tick_id, recording_id_, tick.at_us, reading.clocks.boot_us,
                    tick.keyframe ? tick.tick_id : keyframe_tick_id_, last_tick_id_, reading.late_us,
                    reading.duration_us, living);
  return tick;
}

void Recording::insert_errors(const TickReading& reading, const Tick& tick) {
  // Two failures of one kind are one row: the key is the kind.
  std::map<std::tuple<std::string, std::string, int>, std::pair<std::string, std::int64_t>> kinds;
  for (const auto& [collector, error] : reading.errors) {
    auto& [text, count] = kinds[{collector, error.operation, error.code}];
    text = error.text;
    count += error.count;
  }
  for (const auto& [kind, told] : kinds) {
    const auto& [collector, operation, code] = kind;
    insert_error_->run(tick.tick_id, collector, operation, code, clean_utf8(told.first).text, told.second);
  }
}

void Recording::insert_gap(const GapNote& gap) {
  insert_gap_->run(recording_id_, gap.kind, gap.from_us, gap.to_us, clean_utf8(gap.detail).text);
}

std::optional<std::int64_t> Recording::note_wal(std::int64_t at_us) {
  constexpr double kMiB = 1024.0 * 1024;
  const bool is_large = wal_.bytes() > most_wal_bytes_;
  if (is_large == pinned_gap_id_.has_value()) return pinned_gap_id_;
  if (!is_large) {
    end_gap_->run(*pinned_gap_id_, at_us);
    return std::nullopt;
  }
  const std::string path = clean_utf8(database_.getFilename()).text;
  const std::string why =
      wal_.failure().empty()
          ? fmt::format(
                "a reader that does not finish keeps it from being emptied. End that one (lsof {} names all who "
                "have it open). Nothing is lost.",
                path)
          : fmt::format("it cannot be moved into the file: {}.", wal_.failure());
  insert_gap_->run(
      recording_id_, "wal_pinned", at_us, std::optional<std::int64_t>(),
      fmt::format("{}-wal has grown to {:.1f} MiB: {}", path, static_cast<double>(wal_.bytes()) / kMiB, why));
  return database_.getLastInsertRowid();
}

std::optional<GapNote> Recording::clock_step_between(const Clocks& before, const Clocks& now) {
  const std::int64_t elapsed_us = now.boot_us - before.boot_us;
  const std::int64_t stepped_us = now.wall_us - before.wall_us - elapsed_us;
  if (std::llabs(stepped_us) <= kClockStepUs + elapsed_us / kClockSlewDivisor) return std::nullopt;
  return GapNote{"clock_step", before.wall_us, now.wall_us,
                 "The wall clock stepped " + std::string(stepped_us > 0 ? "forward" : "back") + " by " +
                     format_duration(std::llabs(stepped_us)) + "."};
}

std::vector<GapNote> Recording::gaps_between(const Clocks& before, const Clocks& now) const {
  std::vector<GapNote> gaps;
  const std::int64_t elapsed_us = now.boot_us - before.boot_us;
  if (auto step = clock_step_between(before, now)) gaps.push_back(std::move(*step));
  const std::int64_t asleep_us = elapsed_us - (now.monotonic_us - before.monotonic_us);
  if (asleep_us > kSuspendUs) {
    gaps.push_back({"suspended", before.wall_us, now.wall_us,
                    "The machine was suspended for " + format_duration(asleep_us) + "."});
  }
  return gaps;
}

void Recording::end(std::int64_t at_us, const char* reason) {
  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  Prepared insert(database_, "INSERT INTO recording_end (recording_id, ended_us, reason) VALUES (?, ?, ?)");
  insert.run(recording_id_, at_us, reason);
  transaction.commit();
}

bool Recording::checkpoint() {
  SQLite::Statement moved(database_, "PRAGMA wal_checkpoint(TRUNCATE)");
  return moved.executeStep() && moved.getColumn(0).getInt() == 0;
}

}  // namespace galproc
