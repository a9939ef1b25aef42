#pragma once

#include <cstdint>

namespace galproc {

/// The effective capabilities of this process, a bit each; 0 where /proc does not tell. capabilities(7)
std::uint64_t effective_capabilities();

/// Whether this process has one of them by its number: CAP_SYS_PTRACE of <linux/capability.h>.
bool has_capability(int number);

}  // namespace galproc
