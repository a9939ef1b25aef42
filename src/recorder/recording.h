#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/redaction.h"
#include "recorder/collector.h"
#include "recorder/event_collector.h"
#include "recorder/process_collector.h"
#include "store/database.h"
#include "store/retention.h"
#include "store/statement.h"
#include "store/wal_size.h"

namespace galproc {

/// Why no better source is in use: `bpf: why`, of several each in turn. Empty: it is the best, or was asked for by
/// name.
struct SourceReasons {
  std::optional<std::string> processes, sockets, events;
};

/// What the row of a recording says about how it was made.
struct RecordingFacts {
  HostReading host;
  ProcessKey recorder;
  std::int64_t interval_us = 0;
  std::string version;
  std::string process_source;
  std::string socket_source;
  std::string event_source;
  SourceReasons reasons;
  std::vector<std::string> limits;  ///< whole sentences: what cannot be seen
  std::int64_t most_wal_bytes = kMostWalBytes;
  std::optional<Predecessor> predecessor;  ///< the corrupt file that this one begins anew for
  std::string unended_reason = "crashed";  ///< why runs without an end are over
};

/// What is kept at the most.
struct RecordingLimits {
  std::int64_t retain_us = 7 * 24 * 3600 * 1'000'000LL;  ///< of recorded time
  std::int64_t most_bytes = 2LL * 1024 * 1024 * 1024;    ///< of pages in use
};

/// A hole that the recorder noticed itself.
struct GapNote {
  std::string kind;
  std::int64_t from_us = 0;
  std::int64_t to_us = 0;
  std::string detail;
};

/// Another galproc has brought the file to a schema that this binary does not know.
class NewerSchema : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One run on one open file. Every method may throw SQLite::Exception; then nothing of that call is stored.
class Recording {
 public:
  /// Opens the file and begins: the row, and the end of what a crash left without one. `busy_ms` bounds each wait for
  /// another writer. A null redactor stores command lines as they are; REQUIRES: it outlives this object.
  Recording(const std::filesystem::path& path, const RecordingFacts& facts, const Clocks& now, const Redactor* redactor,
            int busy_ms);

  /// Stores one reading, with it what was noticed about the time since the one before, and the holes that the caller
  /// knows of; after such a hole the tick is a keyframe. Throws NewerSchema too.
  void write(const TickReading& reading, const std::vector<GapNote>& gaps);

  /// Stores events on their own, between ticks. Throws NewerSchema too.
  void write(const EventReading& events);

  /// Deletes some of what is older than is kept, in a few short transactions. REQUIRES: a tick was stored.
  void make_room(const RecordingLimits& limits, std::int64_t at_us);

  /// The same, where the disk lacks so many bytes: the oldest goes, and the file gets smaller. The last day stays,
  /// which tells what filled the disk. `available_bytes`: what the disk has.
  void give_way(std::int64_t lacking_bytes, std::int64_t available_bytes, std::int64_t at_us);

  /// Whether another connection has written to the file since this was last asked.
  bool was_written_by_others();

  /// `reason`: stopped, file_moved, file_lost, newer_schema.
  void end(std::int64_t at_us, const char* reason);

  /// The whole -wal into the file, so that a copy of the file alone is complete. Gives whether nobody held that back.
  bool checkpoint();
  /// Closing it then touches no -wal.
  void abandon() { leave_wal_alone(database_); }

 private:
  void begin(const RecordingFacts& facts, const Clocks& now);
  Tick insert_tick(const TickReading& reading, bool keyframe_wanted);
  bool keyframe_is_due(const TickReading& reading, bool wanted) const;
  void delete_some();
  void insert_errors(const TickReading& reading, const Tick& tick);
  void insert_gap(const GapNote& gap);
  /// Writes down that the -wal has grown too large, or is small again. Gives the row of the hole that is open after
  /// that.
  std::optional<std::int64_t> note_wal(std::int64_t at_us);
  void insert_events(const EventReading& events);
  void refuse_newer_schema();
  std::vector<GapNote> gaps_between(const Clocks& before, const Clocks& now) const;
  /// The step of the wall clock between two looks, where there was one.
  static std::optional<GapNote> clock_step_between(const Clocks& before, const Clocks& now);

  SQLite::Database database_;
  WalSize wal_;
  std::int64_t most_wal_bytes_;
  std::unique_ptr<ProcessCollector> processes_;
  std::vector<std::unique_ptr<Collector>> others_;
  std::unique_ptr<EventCollector> events_;
  Retention retention_;
  std::int64_t room_checked_tick_id_ = 0;  ///< the keyframe at which it was last asked what is too old
  std::string event_source_;
  std::optional<std::int64_t> data_version_;
  std::unique_ptr<Prepared> user_version_, read_data_version_, insert_loss_, write_status_, insert_tick_, insert_error_,
      insert_gap_, end_gap_;

  std::int64_t boot_id_ = 0;
  std::int64_t booted_us_ = 0;
  std::int64_t recording_id_ = 0;
  std::optional<Clocks> earlier_clocks_;       ///< of the newest tick, where that is one of this boot
  std::optional<std::int64_t> last_known_us_;  ///< when the newest reading of earlier recordings began

  std::int64_t next_tick_id_ = 1;  ///< nobody else writes ticks

  // The last committed tick.
  std::optional<std::int64_t> last_tick_id_;
  Clocks last_clocks_;
  std::int64_t keyframe_tick_id_ = 0;
  std::int64_t keyframe_boot_us_ = 0;
  int ticks_since_keyframe_ = 0;
  bool keyframe_wanted_ = true;
  std::optional<std::int64_t> pinned_gap_id_;  ///< of a -wal that is too large
};

}  // namespace galproc
