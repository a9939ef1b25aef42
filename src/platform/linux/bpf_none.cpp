// What a build without BPF says of it.

#include "platform/linux/bpf_events.h"
#include "platform/linux/bpf_iterators.h"

namespace galproc {

namespace {
constexpr const char* kNone = "BPF is not built into this galproc (clang or libbpf was missing)";
}

OpenedEvents open_bpf_events(const EventRequest&, LivingImage,
                             std::function<std::optional<std::string>(std::int64_t)>) {
  return {nullptr, kNone};
}

BpfIterators load_bpf_iterators(std::uint32_t) {
  return {{}, {}, kNone, kNone};
}

bool has_bpf_events() {
  return false;
}

}  // namespace galproc
