#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "platform/platform.h"

namespace galproc {

/// As the functions of Platform of the same names, over pidfds (pidfd_open(2), Linux 5.3).
OpenedProcess open_process(const ProcessKey& key, std::int64_t boottime_offset_ticks);
/// `timer` is readable at the deadline. Ended when one more of the processes has ended, or all had.
Wake wait_for_ends(const std::vector<ProcessHandle*>& handles, int timer);
std::optional<std::int64_t> signal_number(Signal signal);

}  // namespace galproc
