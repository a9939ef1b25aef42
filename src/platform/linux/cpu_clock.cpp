#include "platform/linux/cpu_clock.h"

#include <time.h>
#include <unistd.h>

#include "platform/linux/own_pids.h"

namespace galproc {

std::optional<std::int64_t> cpu_clock_ns(std::int64_t pid) {
  // What clock_getcpuclockid(3) gives, without its own look at whether there is such a process.
  constexpr unsigned kOfProcess = 2;
  const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(pid) << 3U) | kOfProcess);
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return std::nullopt;
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

bool has_fine_cpu_clocks(const std::string& proc_root) {
  if (!shows_own_pids(proc_root)) return false;
  // A machine without a good time source counts in steps of the timer: a short run would not move such a clock.
  constexpr std::int64_t kFineNs = 100'000;
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto before = cpu_clock_ns(::getpid());
    const auto after = cpu_clock_ns(::getpid());
    if (!before || !after) return false;
    if (*after > *before && *after - *before < kFineNs) return true;
  }
  return false;
}

}  // namespace galproc
