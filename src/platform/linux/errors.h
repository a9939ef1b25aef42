#pragma once

#include <cerrno>
#include <string>

namespace galproc {

/// The text of an errno, as strerror(3) gives it.
std::string error_text(int code);

/// The errno of a file below /proc/PID whose process has ended.
constexpr bool is_end(int code) {
  return code == ENOENT || code == ESRCH;
}

}  // namespace galproc
