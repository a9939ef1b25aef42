#pragma once

#include <cstdint>
#include <optional>

namespace galproc {

/// How a process ended, as wait(2) encodes it, by a pidfd that was opened before its parent waited for it
/// (PIDFD_GET_INFO, Linux 6.15). Anybody may ask for anybody's. Empty: nobody has waited for it yet, or this kernel
/// does not tell.
std::optional<std::int64_t> wait_status_of(int pidfd);

/// Whether this kernel tells it. Found out once, by a child that ends at once: there is no other way to ask.
bool tells_wait_statuses();

}  // namespace galproc
