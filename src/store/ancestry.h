#pragma once

#include <filesystem>
#include <optional>
#include <unordered_map>

#include "model/reading.h"
#include "store/statement.h"

namespace galproc {

/// Who created whom, as a file recorded it; what was asked once is remembered. One boot's processes alone.
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
  std::unordered_map<ProcessKey, std::optional<ProcessKey>, ProcessKeyHash> known_;
};

}  // namespace galproc
