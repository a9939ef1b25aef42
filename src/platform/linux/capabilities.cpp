#include "platform/linux/capabilities.h"

#include <fcntl.h>

#include <charconv>
#include <string>
#include <string_view>

#include "platform/linux/proc_text.h"
#include "platform/posix/descriptor.h"

namespace galproc {

std::uint64_t effective_capabilities() {
  constexpr std::string_view kKey = "CapEff:\t";
  constexpr std::size_t kMostBytes = 16384;
  const Descriptor file(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!file || read_whole(file.get(), text, kMostBytes) != 0) return 0;
  const std::size_t at = text.find(kKey);
  std::uint64_t bits = 0;
  if (at != std::string::npos) {
    std::from_chars(text.data() + at + kKey.size(), text.data() + text.size(), bits, 16);
  }
  return bits;
}

bool has_capability(int number) {
  return (effective_capabilities() >> number & 1) != 0;
}

}  // namespace galproc
