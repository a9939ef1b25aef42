#pragma once

#include <string>
#include <vector>

#include "model/reading.h"
#include "model/service.h"
#include "store/statement.h"

namespace galproc {

/// All starts of that name, oldest first. Throws SQLite::Exception.
std::vector<LoggedService> services_named(SQLite::Database& database, const HostReading& host, const std::string& name);

}  // namespace galproc
