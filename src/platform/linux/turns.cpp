#include "platform/linux/turns.h"

#include <time.h>

namespace galproc {

std::int64_t boot_clock_us() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return time.tv_sec * 1'000'000 + time.tv_nsec / 1000;
}

}  // namespace galproc
