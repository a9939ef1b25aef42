#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace galproc {

/// CPU time of all threads of a process since its start, by its pid in this process's own namespace. Anybody may ask
/// for anybody's. Empty where there is no such process.
std::optional<std::int64_t> cpu_clock_ns(std::int64_t pid);

/// Whether such a clock tells that a process has run, however short: they are fine enough, and go by the pids that
/// `proc_root` shows.
bool has_fine_cpu_clocks(const std::string& proc_root);

}  // namespace galproc
