#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "model/reading.h"

namespace galproc {

/// The machine as a whole; disk figures are those of the file system that holds `disk_path`. Does not throw: what could
/// not be read stays empty, with a ReadError unless that is usual (a kernel without pressure figures).
SystemReading read_linux_system(const std::filesystem::path& disk_path,
                                const std::filesystem::path& proc_root = "/proc");

// The parsers set the fields of one file and leave the others as they are. Where the text does not give a field, or a
// number that does not fit, it is left empty: half a sum would look like a counter that jumps.

/// /proc/stat: cpu_busy_us, cpu_total_us (time of virtual machines counts once: it is inside user time) and cpu_count
/// (CPUs online). `ticks_per_second` is sysconf(_SC_CLK_TCK).
void parse_cpu_times(std::string_view text, std::int64_t ticks_per_second, SystemReading& reading);

/// /proc/meminfo: memory_total_bytes, memory_available_bytes, swap_total_bytes, swap_used_bytes.
void parse_memory(std::string_view text, SystemReading& reading);

/// /proc/loadavg: load_1m.
void parse_load(std::string_view text, SystemReading& reading);

/// /proc/net/dev: received_bytes, sent_bytes, summed over all interfaces but "lo"; 0 where there is no other.
void parse_network(std::string_view text, SystemReading& reading);

/// /proc/pressure/*: microseconds since boot in which some task waited.
std::optional<std::int64_t> parse_pressure(std::string_view text);

}  // namespace galproc
