#pragma once

// Deleting the oldest of the action log: who asks for it is an action too, and is logged before anything goes.

#include <cstdint>
#include <filesystem>
#include <unordered_set>

#include "model/redaction.h"
#include "platform/platform.h"
#include "store/action_prune.h"

namespace galproc {

/// Actions that are not over: whoever was asked still runs, or a service that was started does. REQUIRES: `pass` is of
/// this machine, now. Throws SQLite::Exception.
std::unordered_set<std::int64_t> actions_in_use(SQLite::Database& database, const HostReading& host,
                                                const ProcessPass& pass);

/// What would go. Throws SQLite::Exception.
ActionPrunePlan plan_log_prune(SQLite::Database& database, Platform& platform, std::int64_t before_us);

/// Deletes it. Gives what went. Throws Error: NotLogged where it could not be logged, Failed where the ledger does not
/// hold, since what stays is chained anew: then nothing was deleted. REQUIRES: `before_us` is not in the future; this
/// process has no connection to the file.
ActionPrunePlan prune_log(Platform& platform, const std::filesystem::path& path, const Redactor& redactor,
                          std::int64_t before_us);

}  // namespace galproc
