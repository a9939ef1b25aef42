#include "store/deadline.h"

#include <sqlite3.h>

namespace galproc {

namespace {

constexpr int kStepsBetweenLooks = 1000;  // some 30 us of them

}  // namespace

Deadline::Deadline(SQLite::Database& database, std::int64_t most_us)
    : database_(database), at_(std::chrono::steady_clock::now() + std::chrono::microseconds(most_us)) {
  sqlite3_progress_handler(
      database_.getHandle(), kStepsBetweenLooks,
      [](void* self) { return std::chrono::steady_clock::now() >= static_cast<const Deadline*>(self)->at_ ? 1 : 0; },
      this);
}

Deadline::~Deadline() {
  sqlite3_progress_handler(database_.getHandle(), 0, nullptr, nullptr);
}

bool is_of_deadline(const SQLite::Exception& error) {
  return error.getErrorCode() == SQLITE_INTERRUPT;
}

}  // namespace galproc
