#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <memory>

#include "platform/platform.h"

namespace galproc {

/// As the function of Platform of the same name. `file_limit`: of open files, before this process raised its own.
std::unique_ptr<WaitingProcess> spawn(const SpawnRequest& request, const rlimit& file_limit,
                                      std::int64_t boottime_offset_ticks);

}  // namespace galproc
