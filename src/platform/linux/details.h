#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/reading.h"

namespace galproc {

/// As Platform::read_details; `boottime_offset_ticks` as for SocketReader.
std::optional<ProcessDetails> read_details(const ProcessKey& key, std::int64_t boottime_offset_ticks,
                                           const std::string& proc_root = "/proc");

/// As Platform::machine.
MachineReading read_machine();

/// The established connections in the text of /proc/PID/net/tcp or tcp6, each with the inode of its socket. A line that
/// is none is left out.
std::vector<std::pair<std::uint64_t, ConnectionReading>> parse_connections(std::string_view text);

/// The soft limits of open files, processes and address space in the text of /proc/PID/limits.
std::vector<LimitReading> parse_limits(std::string_view text);

/// The processor's own name in the text of /proc/cpuinfo.
std::optional<std::string> parse_processor(std::string_view text);

}  // namespace galproc
