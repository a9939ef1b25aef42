#pragma once

// A collector reads one kind of thing with no lock held, and later writes what changed inside the tick's transaction.
// The difference is always made against what is committed, never against the last reading: a reading may wait for a
// locked file or be dropped, and a row that was not committed was not stored.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/events.h"
#include "model/reading.h"
#include "platform/platform.h"

namespace galproc {

/// Something that a collector could not read, with the collector's name.
struct CollectionError {
  std::string collector;
  ReadError error;
};

/// What the kernel told up to a moment.
struct EventReading {
  Clocks clocks;              ///< of that moment
  std::int64_t from_us = 0;   ///< wall clock at which the events before these ended
  std::vector<Event> events;  ///< in their order
  std::int64_t lost_count = 0;

  /// The ones before these are dropped, and are told of as a loss.
  void count_as_lost(const EventReading& before) {
    lost_count += before.lost_count + static_cast<std::int64_t>(before.events.size());
    from_us = before.from_us;
  }
};

/// Everything that one look at the machine gave. An empty part could not be read; `errors` says why.
struct TickReading {
  Clocks clocks;                 ///< when the reading ended: all that it tells had been seen by then
  std::int64_t duration_us = 0;  ///< how long it took
  std::int64_t late_us = 0;      ///< how long after its time in the schedule it began
  std::optional<ProcessPass> processes;
  std::optional<SocketPass> sockets;
  std::optional<SystemReading> system;
  std::vector<CollectionError> errors;
  EventReading events;  ///< from before the look

  std::size_t bytes = 0;  ///< size_bytes() when it was queued
  /// Roughly what it holds in memory, with the images that it is the first to hold.
  std::size_t size_bytes() const;
};

/// The tick that is being written.
struct Tick {
  std::int64_t tick_id = 0;
  std::int64_t recording_id = 0;
  std::int64_t at_us = 0;
  /// When the reading began: what it saw was so then or a little later.
  std::int64_t began_us = 0;
  std::int64_t boot_id = 0;
  /// A keyframe: every living process gets a row.
  bool keyframe = false;
  /// When the newest reading of earlier recordings began, the bound of all that ended unseen since.
  std::optional<std::int64_t> last_known_us;
  std::int64_t booted_us = 0;
};

class Collector {
 public:
  virtual ~Collector() = default;
  /// Its name in collection_error.
  virtual std::string_view name() const = 0;
  /// Writes what changed. The rows count only once committed() is called; after rolled_back() the next write() starts
  /// from the same committed state again.
  virtual void write(const TickReading& reading, const Tick& tick) = 0;
  virtual void committed() = 0;
  virtual void rolled_back() = 0;
};

/// Takes a whole reading. What fails becomes an error of the reading; nothing is thrown but by a broken clock.
TickReading take_reading(Platform& platform);

}  // namespace galproc
