#pragma once

// What belongs to a service that galproc started. Everybody who asks whether one runs, and who ends it, asks here.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/reading.h"

namespace galproc {

/// One start of a service, as it was logged.
struct LoggedService {
  std::int64_t service_id = 0;
  std::string marker;                 ///< value of GALPROC_SERVICE
  ProcessKey key;                     ///< its first process
  bool this_boot = false;             ///< `key` is of this boot and of this pid namespace
  std::optional<std::string> cgroup;  ///< folder of the control group that was made for it
};

/// Why a process belongs to a service, or empty where it does not: `service` (it is its first process), `marker` (that
/// is in its environment), `cgroup` (it is in the control group that was made for it, or below, and carries no marker
/// of another). A program may clean or overwrite its environment, and a daemon outlives its first process: no one of
/// the three finds all.
std::optional<std::string> service_tie(const ProcessReading& process, const LoggedService& service);

/// The same of several starts: the first tie that holds.
std::optional<std::string> service_tie(const ProcessReading& process, const std::vector<LoggedService>& services);

/// The living processes of a service, the oldest first: it runs as long as there is one. REQUIRES: `pass` outlives what
/// is given.
std::vector<const ProcessReading*> living_members(const ProcessPass& pass, const LoggedService& service);

}  // namespace galproc
