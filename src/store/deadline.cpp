#include "store/deadline.h"

#include <sqlite3.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace galproc {

namespace {

constexpr int kStepsBetweenLooks = 1000;  // some 30 us of them
constexpr std::chrono::seconds kGrace{1};
// A clock counts nanoseconds: 292 years of them are too many for a sum.
constexpr std::chrono::microseconds kMost = std::chrono::hours(24 * 365 * 100);

}  // namespace

Deadline::Deadline(SQLite::Database& database, std::int64_t most_us, std::function<void()> overrun)
    : database_(database), at_(std::chrono::steady_clock::now() + std::min(std::chrono::microseconds(most_us), kMost)) {
  sqlite3_progress_handler(
      database_.getHandle(), kStepsBetweenLooks,
      [](void* self) { return std::chrono::steady_clock::now() >= static_cast<const Deadline*>(self)->at_ ? 1 : 0; },
      this);
  try {
    watch_ = std::thread([this, overrun = std::move(overrun)] {
      std::unique_lock lock(mutex_);
      if (!over_changed_.wait_until(lock, at_ + kGrace, [this] { return over_; })) overrun();
    });
  } catch (const std::system_error&) {
    // Where the system gives no thread, what SQLite itself sees has to do.
  }
}

Deadline::~Deadline() {
  if (watch_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    over_changed_.notify_one();
    watch_.join();
  }
  sqlite3_progress_handler(database_.getHandle(), 0, nullptr, nullptr);
}

bool is_of_deadline(const SQLite::Exception& error) {
  return error.getErrorCode() == SQLITE_INTERRUPT;
}

bool is_out_of_memory(const SQLite::Exception& error) {
  return error.getErrorCode() == SQLITE_NOMEM;
}

}  // namespace galproc
