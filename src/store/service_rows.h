#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/reading.h"
#include "store/statement.h"

namespace galproc {

/// One start of a service, as it was logged.
struct LoggedService {
  std::int64_t service_id = 0;
  std::string marker;  ///< value of GALPROC_SERVICE
  ProcessKey key;      ///< its first process
  bool this_boot = false;
  std::optional<std::string> cgroup;  ///< that was made for it
};

/// All starts of that name, oldest first. Throws SQLite::Exception.
std::vector<LoggedService> services_named(SQLite::Database& database, const HostReading& host, const std::string& name);

}  // namespace galproc
