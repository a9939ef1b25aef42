#pragma once

// The newest look at this machine as a recorder stored it, in the form in which the system is read.

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "model/reading.h"

namespace galproc {

struct RecordedLook {
  std::int64_t at_us = 0;
  /// Command lines have their secrets redacted; groups, sessions and counters are left out.
  ProcessPass processes;
  SocketPass sockets;
  std::unordered_map<ProcessKey, std::int64_t, ProcessKeyHash> upids;  ///< of all of `processes`
};

/// Instant of the newest tick that read the process table, if it was of this boot and of these namespaces: empty where
/// the file knows nothing of what `host` sees now. Throws SQLite::Exception.
std::optional<std::int64_t> newest_look_us(SQLite::Database& database, const HostReading& host);

/// REQUIRES: newest_look_us gives an instant. Throws as run_query.
RecordedLook read_newest_look(SQLite::Database& database, const HostReading& host);

}  // namespace galproc
