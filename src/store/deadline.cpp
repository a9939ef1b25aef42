#include "store/deadline.h"

#include <sqlite3.h>

namespace galproc {

namespace {

constexpr int kStepsBetweenLooks = 1000;  // some 30 us of them

}  // namespace

Deadline::Deadline(SQLite::Database& database, std::int64_t most_us) : database_(database), most_(most_us) {
  sqlite3_progress_handler(
      database_.getHandle(), kStepsBetweenLooks,
      [](void* self) { return static_cast<const Deadline*>(self)->has_passed() ? 1 : 0; }, this);
}

Deadline::~Deadline() {
  sqlite3_progress_handler(database_.getHandle(), 0, nullptr, nullptr);
}

}  // namespace galproc
