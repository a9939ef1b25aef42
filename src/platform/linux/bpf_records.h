#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "model/events.h"

namespace galproc {

/// The start token of ProcessKey for a start on the boot clock, nanoseconds. `clock_ticks`: of this system a second.
std::int64_t start_token_of(std::uint64_t start_ns, std::int64_t clock_ticks);

/// One record of the ring as an event; empty for one that is cut short or of no known kind. `clock_ticks`: of this
/// system a second; `page_bytes`: of its memory. The image of an exec holds what the record itself tells.
std::optional<Event> parse_record(std::span<const std::byte> record, std::int64_t clock_ticks, std::int64_t page_bytes);

}  // namespace galproc
