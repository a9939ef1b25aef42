#pragma once

#include <string>
#include <vector>

#include "platform/platform.h"
#include "store/statement.h"

namespace galproc {

/// Processes that a kill which was itself ended half-way had stopped and that are stopped still: one whole sentence
/// each, with what to do. Reads the process table only where the log has such attempts of this boot. Throws
/// SQLite::Exception, PlatformError.
std::vector<std::string> stopped_leftovers(SQLite::Database& database, Platform& platform);

}  // namespace galproc
