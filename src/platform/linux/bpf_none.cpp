// What a build without BPF says of it.

#include "platform/linux/bpf_events.h"

namespace galproc {

OpenedEvents open_bpf_events(const EventRequest&, LivingImage,
                             std::function<std::optional<std::string>(std::int64_t)>) {
  return {nullptr, "BPF is not built into this galproc (clang or libbpf was missing)"};
}

bool has_bpf_events() {
  return false;
}

}  // namespace galproc
