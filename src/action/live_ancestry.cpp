#include "action/live_ancestry.h"

#include <variant>

namespace galproc {

LiveAncestry::LiveAncestry(Platform& platform) {
  EventRequest request;
  request.births_only = true;
  for (const char* name : {"bpf", "netlink"}) {
    source_ = platform.open_events(name, request).source;
    if (source_) return;
  }
}

std::optional<ProcessKey> LiveAncestry::creator_of(const ProcessKey& key) {
  auto creator = creators_.find(key);
  if (creator == creators_.end()) {
    listen();
    creator = creators_.find(key);
  }
  return creator == creators_.end() ? std::nullopt : std::optional(creator->second);
}

void LiveAncestry::listen() {
  constexpr std::chrono::milliseconds kBetween{1};  // one look at the system asks for hundreds
  const auto now = std::chrono::steady_clock::now();
  if (!source_ || now - listened_at_ < kBetween) return;
  listened_at_ = now;
  for (bool more = true; more;) {
    const EventBatch batch = source_->drain();
    for (const Event& event : batch.events) {
      if (const auto* fork = std::get_if<ForkEvent>(&event.what)) creators_.emplace(fork->child.key, fork->parent.key);
    }
    more = batch.more;
  }
}

}  // namespace galproc
