#pragma once

#include <sys/utsname.h>

#include <cstdio>
#include <utility>

namespace galproc {

inline bool is_kernel_at_least(int major, int minor) {
  utsname names{};
  std::pair version{0, 0};
  return ::uname(&names) == 0 && std::sscanf(names.release, "%d.%d", &version.first, &version.second) == 2 &&
         version >= std::pair(major, minor);
}

/// Before it the kernel tells nobody but the parent how one ended that is reaped.
inline bool tells_ends() {
  return is_kernel_at_least(6, 15);
}

}  // namespace galproc
