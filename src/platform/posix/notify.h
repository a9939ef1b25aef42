#pragma once

// The service manager, if one started this process and wants to hear of it: systemd's notification protocol, one
// datagram of lines to the socket that NOTIFY_SOCKET names.

#include <cstdint>
#include <optional>
#include <string>

namespace galproc {

/// Sends lines such as `READY=1`. Does nothing where no manager listens, or it cannot be reached.
void notify_manager(const std::string& lines);

/// How long it may hear nothing before it takes this process for stuck (WATCHDOG_USEC, where WATCHDOG_PID is this
/// process or unset); empty: for ever.
std::optional<std::int64_t> manager_patience_us();

}  // namespace galproc
