// The recorder on the running kernel's own events.

#include <gtest/gtest.h>

#include <atomic>
#include <sstream>
#include <thread>

#include "recorder/recorder.h"
#include "store/database.h"
#include "support/child.h"
#include "support/rows_text.h"
#include "support/temporary_folder.h"

namespace galproc {
namespace {

TEST(RecorderEvents, ARingThatIsTooSmallIsAGapThatShowsHowManyWereLost) {
  const auto platform = make_platform();
  if (const OpenedEvents tried = platform->open_events("bpf", {}); !tried.source) GTEST_SKIP() << tried.why_not;
  const TemporaryFolder folder;
  RecordOptions options;
  options.database = folder / "galproc.db";
  options.interval_us = 200'000;
  options.samples = 5;
  options.event_source = "bpf";
  options.events.ring_bytes = 4096;

  const Wire ready;
  const Child child([&] {
    ::signal(SIGUSR1, SIG_IGN);
    ready.send();
  });
  ASSERT_TRUE(ready.wait());
  std::ostringstream talk;
  std::atomic<bool> done = false;
  int sent = 0;
  std::thread sender([&] {
    constexpr int kMost = 100'000, kAtOnce = 500;
    while (!done && sent < kMost) {
      for (int i = 0; i < kAtOnce; ++i) sent += ::kill(child.pid(), SIGUSR1) == 0 ? 1 : 0;
      ::usleep(5000);
    }
  });
  Recorder(*platform, options, talk).run();
  done = true;
  sender.join();
  ASSERT_GT(sent, 0);

  SQLite::Database database = open_for_reading(options.database);
  EXPECT_EQ(rows_of(database, "SELECT min(lost_count) > 0, count(*) > 0 FROM event_loss"), "1|1\n") << talk.str();
  EXPECT_EQ(rows_of(database,
                    "SELECT sum(CAST(detail AS INTEGER)) = (SELECT sum(lost_count) FROM event_loss),"
                    " min(detail LIKE '% events of the source bpf were lost.') FROM gaps WHERE kind = 'events_lost'"),
            "1|1\n");
  EXPECT_EQ(rows_of(database, "SELECT events_lost = (SELECT sum(lost_count) FROM event_loss) FROM recordings"), "1\n");
}

}  // namespace
}  // namespace galproc
