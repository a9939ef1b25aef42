#pragma once

#include <cstdint>

namespace galproc {

/// Towards the past, also before 1970. REQUIRES: by > 0.
inline std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

}  // namespace galproc
