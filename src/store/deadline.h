#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace galproc {

/// While it lives, what runs on the connection is interrupted once that much time has passed since its making: the
/// running statement and each later one throws an exception that `is_of_deadline` knows. Time in which the machine is
/// suspended does not count.
///
/// SQLite looks at the time between its steps alone. A function within one (LIKE with many %, instr of long texts) and
/// the making of a plan (of subqueries that double from one to the next) may take years: then, a second later,
/// `overrun` is called, from a thread of its own, which is to end the process.
class Deadline {
 public:
  /// `most_us` > 0. REQUIRES: the connection outlives this object, which is its only one.
  Deadline(SQLite::Database& database, std::int64_t most_us, std::function<void()> overrun);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  SQLite::Database& database_;
  std::chrono::steady_clock::time_point at_;
  std::mutex mutex_;
  std::condition_variable over_changed_;
  bool over_ = false;  ///< in time; guarded by mutex_
  std::thread watch_;
};

bool is_of_deadline(const SQLite::Exception& error);
bool is_out_of_memory(const SQLite::Exception& error);

}  // namespace galproc
