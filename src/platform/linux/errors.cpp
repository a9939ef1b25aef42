#include "platform/linux/errors.h"

#include <system_error>

namespace galproc {

std::string error_text(int code) {
  return std::generic_category().message(code);
}

void ErrorCounter::add(const std::string& operation, int code, std::int64_t count) {
  if (count > 0) counts_[{operation, code}] += count;
}

std::vector<ReadError> ErrorCounter::take() {
  std::vector<ReadError> errors;
  for (const auto& [key, count] : counts_) errors.push_back({key.first, key.second, error_text(key.second), count});
  counts_.clear();
  return errors;
}

}  // namespace galproc
