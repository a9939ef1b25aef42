#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace galproc {

/// CLOCK_BOOTTIME of this time namespace, microseconds.
std::int64_t boot_clock_us();

/// Whom a reader looks at although nothing tells that they changed: a few in each pass, so that everybody has had its
/// turn after so many. Counted is in steps: a pass is one, and more when the last one is long ago, so that a slow
/// recorder does not wait half a day for what a quick one sees within a minute, and pays no more a second than that.
class Turns {
 public:
  static constexpr std::int64_t kStepUs = 10'000'000;  ///< the longest that a step may take

  /// The next pass begins, at this time of the boot clock.
  void begin_pass(std::int64_t boot_us) {
    const std::int64_t elapsed_us = boot_us - last_us_.value_or(boot_us);
    width_ = std::max<std::int64_t>(1, (elapsed_us + kStepUs - 1) / kStepUs);
    step_ += width_;
    last_us_ = boot_us;
  }

  /// Whether it is the turn of `pid`: once in `steps`, so at the latest after so many passes, and after so many times
  /// kStepUs.
  bool has(std::int64_t pid, std::int64_t steps) const { return (pid + step_) % steps < width_; }

  std::int64_t step() const { return step_; }

 private:
  std::optional<std::int64_t> last_us_;
  std::int64_t step_ = 0;
  std::int64_t width_ = 1;  ///< of this pass, steps
};

}  // namespace galproc
