// What the service manager hears of a recorder, and when.

#include <gtest/gtest.h>

#include "support/recorder_fixture.h"

namespace galproc {
namespace {

class RecorderManager : public RecorderTest {
 protected:
  std::int64_t alive() const {
    return std::count(world_.told_manager.begin(), world_.told_manager.end(), "WATCHDOG=1");
  }
};

TEST_F(RecorderManager, HearsThatItIsReadyThatAllIsWellAndThatItStops) {
  world_.patience_us = 60 * kSecond;
  RecordOptions slow = options();
  slow.interval_us = 3600 * kSecond;
  slow.duration_us = 3600 * kSecond;
  Recorder(world_, slow, talk_).run();
  ASSERT_GT(world_.told_manager.size(), 2U);
  EXPECT_EQ(world_.told_manager.front(), "READY=1\nSTATUS=Recording to " + (folder_ / "galproc.db").string() + ".");
  EXPECT_EQ(world_.told_manager.back(), "STOPPING=1");
  EXPECT_GE(alive(), 120) << "twice a minute, however seldom it looks";
  EXPECT_LE(alive(), 122);
  EXPECT_EQ(ask("SELECT count(*), max(late_us) FROM tick"), "2|0\n") << "the schedule is the same";
}

TEST_F(RecorderManager, HearsNothingOfLifeWhereItDoesNotAsk) {
  record(5);
  EXPECT_EQ(alive(), 0);
}

TEST_F(RecorderManager, HearsNoMoreOftenThanItHasTo) {
  world_.patience_us = 3600 * kSecond;
  record(100);
  EXPECT_EQ(alive(), 1);
}

TEST_F(RecorderManager, DoesNotHearThatItIsReadyWhenItCannotRecord) {
  std::ofstream(folder_ / "galproc.db") << "mine";
  EXPECT_THROW(record(1), Error);
  EXPECT_TRUE(world_.told_manager.empty());
}

}  // namespace
}  // namespace galproc
