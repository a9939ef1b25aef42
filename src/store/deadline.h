#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <cstdint>

namespace galproc {

/// While it lives, what runs on the connection is interrupted once that much time has passed since its making: the
/// running statement and each later one throws an exception that `is_of_deadline` knows. Time in which the machine is
/// suspended does not count. A single call of a function within a statement is not cut short.
class Deadline {
 public:
  /// `most_us` > 0. REQUIRES: the connection outlives this object, which is its only one.
  Deadline(SQLite::Database& database, std::int64_t most_us);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  SQLite::Database& database_;
  std::chrono::steady_clock::time_point at_;
};

bool is_of_deadline(const SQLite::Exception& error);

}  // namespace galproc
