#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>

#include "model/reading.h"
#include "store/statement.h"

namespace galproc {

/// Who created whom, as a file recorded it, one boot's processes alone. What the file knows is remembered; what it does
/// not know is asked again after a moment: a recorder may have met it meanwhile.
class RecordedAncestry {
 public:
  /// REQUIRES: `database` outlives this.
  RecordedAncestry(SQLite::Database& database, const HostReading& host);

  /// The creator of a process, be it alive or long gone; empty where the file does not know. Throws SQLite::Exception.
  std::optional<ProcessKey> creator_of(const ProcessKey& key);

  /// The upid of a process; empty where the file does not know it. Throws SQLite::Exception.
  std::optional<std::int64_t> upid_of(const ProcessKey& key);

 private:
  std::optional<std::int64_t> boot_id_;
  Prepared select_creator_, select_upid_;
  std::unordered_map<ProcessKey, ProcessKey, ProcessKeyHash> known_;
  std::unordered_map<ProcessKey, std::chrono::steady_clock::time_point, ProcessKeyHash> unknown_since_;
};

/// A sentence on what births since an instant the newest recording has not heard of; empty: it heard them all.
/// `recorder_runs`: it is going on. Throws SQLite::Exception.
std::optional<std::string> hole_in_births(SQLite::Database& database, std::int64_t since_us, bool recorder_runs);

}  // namespace galproc
