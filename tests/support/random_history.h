#pragma once

// A made-up history of a machine, written into a database as a recorder writes it, together with what was true: births,
// deaths, quiet and busy processes, lives between two ticks, ends with one witness or two, keyframes, ticks at which
// the process table could not be read, recorders that stop, and a reboot; on demand with a wall clock that is set by
// hours both ways, while somebody records and while nobody does, and boots that begin at the same time.

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "store/process_store.h"

namespace galproc {

struct MadeUpProcess {
  std::int64_t upid = 0;
  std::int64_t boot_id = 0;
  std::int64_t started_us = 0;       ///< as stored; 0: it is not yet
  std::int64_t started_boot_us = 0;  ///< truly, by the boot clock
  Witness source = Witness::Poll;    ///< who met it
  std::int64_t cpu_us = 0;           ///< so far
  std::int64_t io_bytes = 0;
  std::int64_t resident_bytes = 0;
  std::int64_t peak_bytes = 0;
  bool changed = true;  ///< since its last row
  bool lives = true;
};

struct MadeUpRow {
  std::int64_t tick_id = 0;
  std::int64_t cpu_us = 0;
  std::int64_t io_bytes = 0;
  std::int64_t resident_bytes = 0;
};

struct MadeUpEnd {
  std::optional<std::int64_t> tick_id;
  std::int64_t ended_us = 0;
  std::int64_t ended_boot_us = 0;  ///< truly, by the boot clock
  Witness source = Witness::Poll;
  std::int64_t cpu_us = 0;
  std::int64_t io_bytes = 0;
  std::int64_t peak_bytes = 0;
};

struct MadeUpTick {
  std::int64_t tick_id = 0;
  std::int64_t at_us = 0;
  std::int64_t boot_id = 0;
  std::int64_t boot_us = 0;
  bool first_of_recording = false;
  bool readable = true;
  /// Who lives as far as the recorder can know, with CPU time and memory as last read.
  std::map<std::int64_t, MadeUpRow> living;
};

class RandomHistory {
 public:
  RandomHistory(SQLite::Database& database, unsigned seed, bool sets_clock = false)
      : database_(database), random_(seed), sets_clock_(sets_clock) {
    SQLite::Transaction transaction(database_);
    std::int64_t boot = 0;
    for (int run = 0; run < 5; ++run) {
      const bool reboot = run == 0 || run == 3;
      if (reboot) begin_boot(++boot);
      record(run + 1, boot, reboot);
      pass(between(10, 400) * kSecond);
      maybe_set_clock();
    }
    note_steps();
    transaction.commit();
  }

  const std::vector<MadeUpTick>& ticks() const { return ticks_; }
  const std::map<std::int64_t, MadeUpProcess>& processes() const { return processes_; }
  const std::map<std::int64_t, std::vector<MadeUpRow>>& rows() const { return rows_; }
  const std::map<std::int64_t, std::vector<MadeUpEnd>>& ends() const { return ends_; }

  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }

 private:
  static constexpr std::int64_t kSecond = 1'000'000;
  static constexpr std::int64_t kInterval = 5 * kSecond;
  static constexpr std::int64_t kBegin = 1'795'000'000 * kSecond;

  template <typename... Values>
  void insert(const char* table, const Values&... values) {
    std::string sql = std::string("INSERT INTO ") + table + " VALUES (?";
    for (std::size_t i = 1; i < sizeof...(values); ++i) sql += ", ?";
    SQLite::Statement statement(database_, sql + ")");
    int index = 0;
    (bind(statement, ++index, values), ...);
    statement.exec();
  }
  static void bind(SQLite::Statement& statement, int index, std::int64_t value) { statement.bind(index, value); }
  static void bind(SQLite::Statement& statement, int index, int value) { statement.bind(index, value); }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  static void bind(SQLite::Statement& statement, int index, Enum value) {
    statement.bind(index, static_cast<int>(value));
  }
  static void bind(SQLite::Statement& statement, int index, const char* value) { statement.bind(index, value); }
  static void bind(SQLite::Statement& statement, int index, std::nullptr_t) { statement.bind(index); }
  static void bind(SQLite::Statement& statement, int index, const std::optional<std::int64_t>& value) {
    if (value) statement.bind(index, *value);
  }

  void pass(std::int64_t us) {
    now_us_ += us;
    boot_now_us_ += us;
  }
  /// At some moment of the interval that has just begun.
  void maybe_set_clock() {
    set_at_boot_us_ = 0;
    if (!sets_clock_ || between(0, 9) > 0) return;
    set_at_boot_us_ = boot_now_us_ + between(1, kInterval - 1);
    set_by_us_ = between(10 * kSecond, 7200 * kSecond) * (between(0, 1) == 0 ? 1 : -1);
    now_us_ += set_by_us_;
  }
  /// What the wall clock showed, or an event of then was dated, at a moment of the last interval.
  std::int64_t wall_at(std::int64_t boot_us) const {
    const std::int64_t offset_us = now_us_ - boot_now_us_;
    return boot_us + offset_us - (boot_us < set_at_boot_us_ ? set_by_us_ : 0);
  }

  /// As the recorder notes it where the wall clock was set.
  void note_steps() {
    for (std::size_t i = 1; i < ticks_.size(); ++i) {
      const MadeUpTick& before = ticks_[i - 1];
      const MadeUpTick& now = ticks_[i];
      if (before.boot_id != now.boot_id) continue;
      if (std::llabs(now.at_us - before.at_us - (now.boot_us - before.boot_us)) < 500'000) continue;
      insert("gap", nullptr, nullptr, "clock_step", before.at_us, now.at_us, "It was set.");
    }
  }

  void begin_boot(std::int64_t boot) {
    for (auto& [upid, process] : processes_) process.lives = false;  // closed by the next recording
    if (sets_clock_) now_us_ = kBegin;
    booted_us_ = now_us_;
    boot_now_us_ = 0;
    set_at_boot_us_ = 0;
    pass(60 * kSecond);
    insert("boot", boot, boot == 1 ? "one" : "two", 1, booted_us_, "box", "Linux", "6");
  }

  MadeUpProcess& bear(std::int64_t boot, std::int64_t started_boot_us, Witness source) {
    const std::int64_t upid = static_cast<std::int64_t>(processes_.size()) + 1;
    MadeUpProcess& process = processes_[upid];
    process = {
        upid, boot, 0,   started_boot_us, source, between(0, 50) * 1000, between(0, 9) * 512, between(1, 100) * 4096,
        0,    true, true};
    return process;
  }
  /// Its row: an event dates its birth by the clock of then, a look by the clock of the look.
  void meet(MadeUpProcess& process, std::int64_t tick_id) {
    const bool by_event = process.source == Witness::Event;
    const std::int64_t met_after_us = by_event ? 0 : boot_now_us_ - process.started_boot_us;
    process.started_us = by_event ? wall_at(process.started_boot_us) : now_us_ - met_after_us;
    insert("process", process.upid, process.boot_id, process.upid % 90 + 1, process.upid, process.started_us, 0,
           process.source, met_after_us, nullptr, 0);
    insert("process_image", process.upid, 1, process.started_us + met_after_us, "name", nullptr, nullptr, 0, nullptr,
           nullptr, nullptr, nullptr, nullptr, 0, nullptr, nullptr, tick_id);
  }

  void end(MadeUpProcess& process, Witness source, std::optional<std::int64_t> tick_id, std::int64_t ended_us,
           std::int64_t ended_boot_us, const MadeUpRow& last) {
    const std::int64_t peak = std::max(process.peak_bytes, last.resident_bytes);
    insert("process_exit", process.upid, source, tick_id, ended_us, nullptr, 0, nullptr, last.cpu_us, 0, peak / 1024,
           last.io_bytes, 0, 1, nullptr);
    ends_[process.upid].push_back({tick_id, ended_us, ended_boot_us, source, last.cpu_us, last.io_bytes, peak});
    process.lives = false;
  }

  MadeUpRow figures(const MadeUpProcess& process) const {
    return {0, process.cpu_us, process.io_bytes, process.resident_bytes};
  }

  /// Something happens to most processes between two ticks.
  void pass_time(std::int64_t boot, std::int64_t next_tick_id) {
    for (auto& [upid, process] : processes_) {
      if (!process.lives || between(0, 9) < 6) continue;
      process.cpu_us += between(0, 4000) * 1000;
      process.io_bytes += between(0, 3) * 4096;
      process.resident_bytes = between(1, 5000) * 4096;
      process.changed = true;
    }
    for (std::int64_t i = between(0, 3); i > 0; --i)
      bear(boot, boot_now_us_ - between(0, kInterval - 1), Witness::Poll);
    if (between(0, 2) == 0) {  // born and gone before anybody looks; an event tells of it
      MadeUpProcess& process = bear(boot, boot_now_us_ - kInterval / 2, Witness::Event);
      meet(process, next_tick_id);
      // An older recorder did not tell of the tick.
      const bool told_by_tick = between(0, 1) == 0 || sets_clock_;
      const std::int64_t ended_boot_us = boot_now_us_ - between(1, kInterval / 2 - 1);
      end(process, Witness::Event, told_by_tick ? std::optional(next_tick_id) : std::nullopt, wall_at(ended_boot_us),
          ended_boot_us, figures(process));
    }
  }

  void record(std::int64_t recording_id, std::int64_t boot, bool reboot) {
    insert("recording", recording_id, boot, now_us_ - 1, boot_now_us_ - 1, kInterval, "0", "proc", "sock_diag", "none",
           1, 7, 0, "root", nullptr, nullptr, nullptr, nullptr);
    if (reboot) {
      for (int i = 0; i < 12; ++i) bear(boot, between(0, 50) * kSecond, Witness::Poll);
    }
    std::optional<std::int64_t> previous;
    for (std::int64_t left = between(5, 60); left > 0; --left) {
      const std::int64_t tick_id = static_cast<std::int64_t>(ticks_.size()) + 1;
      pass_time(boot, tick_id);
      look(recording_id, boot, tick_id, previous);
      previous = tick_id;
      maybe_set_clock();
      pass(kInterval);
    }
    if (between(0, 1) == 0) insert("recording_end", recording_id, ticks_.back().at_us, "stopped");
  }

  void look(std::int64_t recording_id, std::int64_t boot, std::int64_t tick_id, std::optional<std::int64_t> previous) {
    MadeUpTick tick{tick_id, now_us_, boot, boot_now_us_, !previous, !previous || between(0, 11) != 0, {}};
    const bool keyframe = !previous || (tick.readable && between(0, 7) == 0);
    if (keyframe) keyframe_tick_id_ = tick_id;
    if (!tick.readable) {
      tick.living = ticks_.back().living;
    } else {
      find_the_dead(tick);
      for (auto& [upid, process] : processes_) {
        if (process.lives) see(process, tick, keyframe);
      }
    }
    insert("tick", tick_id, recording_id, tick.at_us, tick.boot_us, keyframe_tick_id_, previous, 0, 1,
           tick.readable ? std::optional(static_cast<std::int64_t>(tick.living.size())) : std::nullopt);
    ticks_.push_back(std::move(tick));
  }

  void see(MadeUpProcess& process, MadeUpTick& tick, bool keyframe) {
    if (process.started_us == 0) meet(process, tick.tick_id);
    process.peak_bytes = std::max(process.peak_bytes, process.resident_bytes);
    MadeUpRow row = figures(process);
    row.tick_id = tick.tick_id;
    tick.living[process.upid] = row;
    if (!keyframe && !process.changed) return;
    insert("process_sample", tick.tick_id << 32 | process.upid, ProcessState::Running, row.cpu_us, 0,
           row.resident_bytes / 1024, 1, row.io_bytes, 0);
    rows_[process.upid].push_back(row);
    process.changed = false;
  }

  /// Of those that lived at the last tick some have ended, and those of an earlier boot all have.
  void find_the_dead(const MadeUpTick& tick) {
    if (ticks_.empty()) return;
    const bool new_boot = tick.boot_id != ticks_.back().boot_id;
    for (const auto& [upid, last] : ticks_.back().living) {
      MadeUpProcess& process = processes_[upid];
      if (new_boot) {
        const std::int64_t last_us = ticks_.back().at_us;
        end(process, Witness::Reboot, tick.tick_id, std::max(booted_us_, last_us), ticks_.back().boot_us, last);
      } else if (between(0, 14) == 0) {
        if (tick.first_of_recording) {
          end(process, Witness::Gap, tick.tick_id, tick.at_us, tick.boot_us, last);
          continue;
        }
        const std::int64_t kind = between(0, 2);  // a poll, an event, or both: the event knows the last figures
        const std::int64_t told_boot_us = tick.boot_us - between(1, kInterval - 1);
        if (kind != 0) {
          end(process, Witness::Event, tick.tick_id, wall_at(told_boot_us), told_boot_us, figures(process));
        }
        if (kind != 1) end(process, Witness::Poll, tick.tick_id, tick.at_us, tick.boot_us, last);
      }
    }
  }

  SQLite::Database& database_;
  std::mt19937_64 random_;
  bool sets_clock_;
  std::int64_t now_us_ = kBegin;  ///< by the wall clock
  std::int64_t boot_now_us_ = 0;  ///< by the boot clock
  std::int64_t booted_us_ = 0;
  std::int64_t set_at_boot_us_ = 0;  ///< when the wall clock was set in the last interval; 0: it was not
  std::int64_t set_by_us_ = 0;
  std::int64_t keyframe_tick_id_ = 0;
  std::vector<MadeUpTick> ticks_;
  std::map<std::int64_t, MadeUpProcess> processes_;
  std::map<std::int64_t, std::vector<MadeUpRow>> rows_;
  std::map<std::int64_t, std::vector<MadeUpEnd>> ends_;
};

}  // namespace galproc
