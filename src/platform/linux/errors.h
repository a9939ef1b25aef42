#pragma once

#include <cerrno>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/reading.h"

namespace galproc {

/// The text of an errno, as strerror(3) gives it.
std::string error_text(int code);

/// Counts what could not be read: one ReadError for each operation and code.
class ErrorCounter {
 public:
  void add(const std::string& operation, int code, std::int64_t count = 1);
  std::vector<ReadError> take();

 private:
  std::map<std::pair<std::string, int>, std::int64_t> counts_;
};

/// The errno of a file below /proc/PID whose process has ended.
constexpr bool is_end(int code) {
  return code == ENOENT || code == ESRCH;
}

}  // namespace galproc
