#pragma once

#include <chrono>
#include <optional>
#include <unordered_map>

#include "platform/platform.h"

namespace galproc {

/// Who has created whom since this was made, as the kernel tells it: for the descendants that no recorder has stored
/// yet. Knows nothing where there is no source of events.
class LiveAncestry {
 public:
  explicit LiveAncestry(Platform& platform);

  std::optional<ProcessKey> creator_of(const ProcessKey& key);

 private:
  void listen();

  std::unique_ptr<EventSource> source_;
  std::unordered_map<ProcessKey, ProcessKey, ProcessKeyHash> creators_;
  std::chrono::steady_clock::time_point listened_at_;
};

}  // namespace galproc
