#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/events.h"

namespace galproc {

/// Tells what happens from the moment on at which it was opened.
class EventSource {
 public:
  virtual ~EventSource() = default;
  /// As it is stored with a recording: bpf, netlink.
  virtual std::string name() const = 0;
  /// Everything since the call before; of a storm a few thousand events, and more with the next call. Never blocks,
  /// never throws: what could not be had is counted as lost.
  virtual EventBatch drain() = 0;
  /// Sentences about what this source cannot see here, and what would help.
  virtual std::vector<std::string> limits() const = 0;
};

struct EventRequest {
  std::size_t ring_bytes = 1U * 1024 * 1024;  ///< room in the kernel, a power of two
  bool all_signals = false;                   ///< those that can end nobody too
  bool births_only = false;                   ///< nothing else: opened in a few milliseconds
};

/// An opened source, or a sentence that says why there is none.
struct OpenedEvents {
  std::unique_ptr<EventSource> source;
  std::string why_not;
};

}  // namespace galproc
