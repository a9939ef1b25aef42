#pragma once

#include <cstdint>

#include "model/reading.h"

namespace galproc {

/// CPU time of a process, nanoseconds.
struct CpuSplit {
  std::uint64_t user_ns = 0;
  std::uint64_t system_ns = 0;
  friend bool operator==(const CpuSplit&, const CpuSplit&) = default;
};

/// Splits `runtime_ns`, which the scheduler measured, as `met_user_ns` and `met_system_ns` stand to each other, which
/// the timer counted: what /proc/PID/stat shows (fields 14 and 15), before that is cut to clock ticks. As there,
/// neither part falls below what it was `before`, nor their sum.
CpuSplit split_cpu_time(std::uint64_t runtime_ns, std::uint64_t met_user_ns, std::uint64_t met_system_ns,
                        const CpuSplit& before);

/// A figure that the kernel gives, and the largest that there is for one that does not fit: no machine reaches it.
std::int64_t figure_of(std::uint64_t number);
std::int64_t bytes_of_pages(std::uint64_t pages, std::int64_t page_bytes);

/// Puts it into `usage` in microseconds, so that the two parts add up to the whole.
void set_cpu_time(ProcessUsage& usage, const CpuSplit& cpu);

}  // namespace galproc
