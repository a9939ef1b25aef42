// Room: what is too old is deleted, and on a disk that fills up the oldest gives way.

#include <fmt/format.h>

#include <algorithm>

#include "model/errors.h"
#include "model/time_words.h"
#include "recorder/recorder.h"
#include "store/database.h"
#include "store/reserve.h"

namespace galproc {

namespace {

constexpr std::int64_t kMiB = 1024 * 1024;

/// 2 % of the disk, 32 to 256 MiB, but no more than a tenth of a small one.
std::int64_t default_least_free(std::int64_t total_bytes) {
  return std::min(std::clamp(total_bytes / 50, 32 * kMiB, 256 * kMiB), total_bytes / 10);
}

/// Some dozens of kills, each of which takes about 90 KiB; on a small disk ten.
std::int64_t reserve_bytes(std::int64_t total_bytes) {
  return std::clamp(total_bytes / 64, std::min(kMiB, total_bytes / 8), 4 * kMiB);
}

}  // namespace

void Recorder::make_room() {
  if (!recording_ || !queue_.empty() || !deletes_) return;
  try {
    recording_->make_room(options_.limits, platform_.clocks().wall_us);
  } catch (const SQLite::Exception& error) {
    switch (fault_of(error)) {
      case StoreFault::Busy: return;  // another writer goes first; there is another tick
      case StoreFault::Rejected:
        warn(fmt::format("Nothing of {} is deleted any more, since it does not allow that: {}.",
                         options_.database.string(), describe(error)));
        deletes_ = false;
        return;
      default: handle(error);
    }
  }
}

bool Recorder::lacks_room() {
  const auto room = platform_.disk_room(options_.database.parent_path());
  if (!room) return false;
  const std::int64_t least_bytes = options_.least_free_bytes.value_or(default_least_free(room->total_bytes));
  // Room that was given up for kills is theirs.
  const bool is_owed = least_bytes > 0 && was_given_up(options_.database);
  const std::int64_t owed_bytes = is_owed ? reserve_bytes(room->total_bytes) : 0;
  // Once it was too little some more is waited for, so as not to go back and forth.
  const std::int64_t wanted_bytes = owed_bytes + (lacked_room_ ? least_bytes + least_bytes / 8 : least_bytes);
  lacked_room_ = room->available_bytes < wanted_bytes;
  if (!lacked_room_) {
    keep_reserve(*room, least_bytes);
    return false;
  }
  wait_for(Waiting::ForRoom, fmt::format("may not grow: less than {} is free on its disk (--min-free)",
                                         format_size(least_bytes + owed_bytes)));
  if (deletes_)
    recording_->give_way(wanted_bytes - room->available_bytes, room->available_bytes, platform_.clocks().wall_us);
  return true;
}

void Recorder::keep_reserve(const DiskRoom& room, std::int64_t least_bytes) {
  const std::int64_t bytes = reserve_bytes(room.total_bytes);
  if (has_reserve(options_.database, bytes) || room.available_bytes < least_bytes + bytes) return;
  try {
    platform_.make_shared_file(reserve_path(options_.database));
    fill_reserve(options_.database, bytes);
  } catch (const PlatformError&) {
    // Recording goes on without; a kill on a full disk is refused then, and says so.
  }
}

}  // namespace galproc
