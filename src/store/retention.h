#pragma once

// What is kept, and how the rest goes. A row of `prune`, chained like the log of actions, says first which ticks are to
// go; then they go, one keyframe window a transaction, so that a crash in between loses nothing of that and the next
// step goes on. With a tick go its samples, errors, ports that were released by then and signals; with the last sample
// of a process that is dead the process, unless what is kept names it: an action, a port, a descendant. Ticks and
// identities decide what is old, never the wall clock, which may be set.

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "store/ledger.h"
#include "store/statement.h"

namespace galproc {

enum class PruneReason { Retain, MaxSize, MinFree, Asked };

/// The oldest ticks, up to a keyframe.
struct PrunePlan {
  std::int64_t before_tick_id = 0;  ///< the oldest one that is kept
  std::int64_t tick_count = 0;      ///< how many go
  std::int64_t from_us = 0;         ///< instant of the oldest that goes
  std::int64_t until_us = 0;        ///< instant of the oldest that is kept
};

/// Every method may throw SQLite::Exception; then nothing of that call is stored.
class Retention {
 public:
  /// REQUIRES: `database` outlives this object.
  explicit Retention(SQLite::Database& database);

  /// Never to be deleted: those that are dead and still listed by the system, since nobody waited for them.
  void keep(const std::vector<std::int64_t>& upids);

  /// So that ticks of `retain_us` microseconds of recorded time are kept: each counts for its recording's interval, so
  /// holes do not count, nor time in which the machine was suspended. Nothing where less than a hundredth of that would
  /// go, unless `exactly`.
  std::optional<PrunePlan> by_age(std::int64_t retain_us, bool exactly = false);

  /// So that the pages in use come to about 95 % of `most_bytes`, when they are more than it; the newest keyframe
  /// window is kept whatever it takes.
  std::optional<PrunePlan> by_size(std::int64_t most_bytes);

  /// Bytes of the pages in use; those that deleted rows have left do not count.
  std::int64_t used_bytes();
  /// Bytes by which the file will grow when its -wal is moved into it.
  std::int64_t unwritten_bytes();

  /// Writes down what is to go. REQUIRES: no transaction is open.
  void begin(const PrunePlan& plan, PruneReason reason, std::int64_t at_us);

  /// Whether some of what was written down is still there, or its room was not given back yet.
  bool is_pending();

  /// Deletes some of what was written down, in one short transaction, or gives free pages back to the file system.
  /// Gives whether there was anything to do. REQUIRES: no transaction is open.
  bool step();

 private:
  struct Tick {
    std::int64_t tick_id = 0, recording_id = 0, at_us = 0, keyframe_tick_id = 0, interval_us = 0;
  };
  std::optional<Tick> tick_at(Prepared& statement, std::int64_t tick_id);
  /// Throws SQLite::Exception (SQLITE_CORRUPT) where it is not there.
  static Tick needed(const std::optional<Tick>& tick);
  /// The oldest that is kept of the recording that ends with `last`.
  Tick first_of_recording(const Tick& last, std::int64_t oldest_id);
  std::optional<PrunePlan> plan_before(std::int64_t tick_id);
  /// REQUIRES, here and below: a transaction is open.
  void delete_window(std::int64_t end_tick_id);
  /// Those that were dead before the oldest tick. Gives whether there were so many that some may be left.
  bool delete_dead(std::int64_t oldest_tick_id);
  /// Texts that no image names any more. Gives whether there were any. REQUIRES, here and below: none is open.
  bool delete_unused_texts();
  std::vector<std::int64_t> unused_texts();
  bool give_pages_back();
  bool has_pages_to_give_back();
  /// Whether a newer galproc has changed the schema, which this one does not know. REQUIRES: a transaction is open.
  bool was_migrated();

  SQLite::Database& database_;
  Ledger ledger_;
  Prepared tick_from_, tick_until_, oldest_, newest_, declared_, page_count_, free_count_, page_bytes_, user_version_,
      data_version_;
  bool gives_back_ = true;                     ///< the file can get smaller
  std::optional<std::int64_t> swept_tick_id_;  ///< whose dead are gone
  std::optional<std::int64_t> texts_tick_id_;  ///< likewise their texts
  std::vector<std::int64_t> unused_texts_;     ///< as long as nobody has written since
  std::pair<std::int64_t, std::int64_t> unused_since_;
  int looks_in_vain_ = 0;  ///< in a row, since somebody wrote meanwhile
};

}  // namespace galproc
