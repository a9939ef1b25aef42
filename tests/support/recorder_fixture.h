#pragma once

// A recorder on a scripted machine and a real database.

#include <gtest/gtest.h>

#include <functional>
#include <sstream>
#include <string>

#include "recorder/recorder.h"
#include "store/database.h"
#include "support/fake_platform.h"
#include "support/rows_text.h"

namespace galproc {

inline constexpr std::int64_t kSecond = FakePlatform::kSecond;

class RecorderTest : public testing::Test {
 protected:
  RecordOptions options() {
    RecordOptions options;
    options.database = folder_ / "galproc.db";
    options.interval_us = 5 * kSecond;
    options.version = "test";
    return options;
  }
  /// Records `ticks` looks; `change(n)` shapes the world before look n, from 1.
  void record(
      int ticks, const std::function<void(int)>& change = [](int) {}) {
    record(ticks, options(), change);
  }
  void record(
      int ticks, RecordOptions with, const std::function<void(int)>& change = [](int) {}) {
    with.samples = ticks;
    int look = 0;
    world_.on_wake = [&, due_us = world_.now.boot_us](int) mutable {
      if (world_.now.boot_us < due_us) return true;  // woken to try a locked file again
      due_us = world_.now.boot_us + with.interval_us;
      change(++look);
      return true;
    };
    Recorder(world_, with, talk_).run();
  }
  SQLite::Database open() { return open_for_reading(folder_ / "galproc.db"); }
  /// The rows of a statement, cells joined by '|', rows by a newline.
  std::string ask(const std::string& sql) {
    SQLite::Database database = open();
    return rows_of(database, sql);
  }

  TemporaryFolder folder_;
  FakePlatform world_;
  std::ostringstream talk_;
};

}  // namespace galproc
