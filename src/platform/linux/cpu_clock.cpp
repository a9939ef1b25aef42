#include "platform/linux/cpu_clock.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "platform/posix/descriptor.h"

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
  // Another namespace's /proc has another pid for this process, or more than one.
  const Descriptor file(::open((proc_root + "/self/status").c_str(), O_RDONLY | O_CLOEXEC));
  std::string status;
  if (!file || read_whole(file.get(), status, 16384) != 0) return false;
  if (status.find("\nNSpid:\t" + std::to_string(::getpid()) + "\n") == std::string::npos) return false;
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
