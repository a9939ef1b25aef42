#pragma once

#include <functional>

#include "platform/events.h"

namespace galproc {

/// What /proc knows of a process that lives still; null: it has ended, or is another by now.
using LivingImage = std::function<std::shared_ptr<const ProcessImage>(const ProcessKey&)>;

/// The tracepoint programs, loaded and attached, with a thread of their own that empties the ring. `living_image` and
/// `user_name` are called from drain().
OpenedEvents open_bpf_events(const EventRequest& request, LivingImage living_image,
                             std::function<std::optional<std::string>(std::int64_t)> user_name);

/// Whether this build has them.
bool has_bpf_events();

}  // namespace galproc
