#pragma once

#include <cstdint>
#include <functional>

#include "platform/events.h"

namespace galproc {

/// Births, images and ends as the kernel's proc connector tells them, with a thread of its own that asks /proc what
/// was started while that lasts. `clocks` is called from that thread too.
OpenedEvents open_connector_events(const EventRequest& request, std::int64_t boottime_offset_ticks,
                                   std::function<Clocks()> clocks);

}  // namespace galproc
