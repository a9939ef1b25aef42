// The kernel's cputime_adjust() (kernel/sched/cputime.c), step by step.

#include "platform/linux/cpu_split.h"

#include <algorithm>
#include <limits>

namespace galproc {

namespace {

__extension__ typedef unsigned __int128 Wide;

}  // namespace

CpuSplit split_cpu_time(std::uint64_t runtime_ns, std::uint64_t met_user_ns, std::uint64_t met_system_ns,
                        const CpuSplit& before) {
  if (before.user_ns + before.system_ns >= runtime_ns) return before;
  std::uint64_t system_ns = 0;
  if (met_user_ns == 0 && met_system_ns != 0) {
    system_ns = runtime_ns;
  } else if (met_system_ns != 0) {
    const Wide met_ns = static_cast<Wide>(met_user_ns) + met_system_ns;
    system_ns = static_cast<std::uint64_t>(static_cast<Wide>(met_system_ns) * runtime_ns / met_ns);
  }
  system_ns = std::max(system_ns, before.system_ns);
  if (runtime_ns - system_ns < before.user_ns) system_ns = runtime_ns - before.user_ns;
  return {runtime_ns - system_ns, system_ns};
}

std::int64_t figure_of(std::uint64_t number) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  return number > static_cast<std::uint64_t>(kLargest) ? kLargest : static_cast<std::int64_t>(number);
}

std::int64_t bytes_of_pages(std::uint64_t pages, std::int64_t page_bytes) {
  std::int64_t bytes = 0;
  const bool fits = !__builtin_mul_overflow(figure_of(pages), page_bytes, &bytes);
  return fits ? bytes : std::numeric_limits<std::int64_t>::max();
}

void set_cpu_time(ProcessUsage& usage, const CpuSplit& cpu) {
  constexpr std::int64_t kNsPerUs = 1000;
  usage.cpu_system_us = figure_of(cpu.system_ns) / kNsPerUs;
  usage.cpu_user_us = figure_of(cpu.user_ns + cpu.system_ns) / kNsPerUs - usage.cpu_system_us;
}

}  // namespace galproc
