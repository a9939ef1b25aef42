// A disk that fills up: who gives way, and what is kept for the log of actions.

#include <gtest/gtest.h>

#include "store/reserve.h"
#include "support/recorder_fixture.h"

namespace galproc {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kGiB = 1024 * kMiB;

class RecorderRoom : public RecorderTest {
 protected:
  void SetUp() override { world_.start(1, 0, "init"); }
  void leave(std::int64_t available_bytes) { world_.room = DiskRoom{100 * kGiB, available_bytes}; }
  std::filesystem::path path() { return folder_ / "galproc.db"; }
};

TEST_F(RecorderRoom, IsLeftToOthersAndReadingsThatWaitedAreStoredLater) {
  leave(kGiB);
  std::string meanwhile;
  record(10, [&](int look) {
    if (look == 4) leave(256 * kMiB - 1);
    if (look == 7) meanwhile = ask("SELECT max(tick_id) FROM tick");
    if (look == 8) leave(300 * kMiB);
  });
  EXPECT_EQ(meanwhile, "3\n");
  EXPECT_EQ(ask("SELECT count(*), (SELECT count(*) FROM gaps WHERE kind = 'disk_full') FROM tick"), "10|0\n");
  EXPECT_NE(talk_.str().find("may not grow: less than 256.0 MiB is free on its disk (--min-free)"), std::string::npos)
      << talk_.str();
  EXPECT_NE(talk_.str().find("can be written again"), std::string::npos) << talk_.str();
}

TEST_F(RecorderRoom, WhatHadToBeDroppedIsAHole) {
  leave(kGiB);
  RecordOptions small = options();
  small.queue_bytes = 1;
  record(10, small, [&](int look) {
    if (look == 4) leave(0);
    if (look == 8) leave(kGiB);
  });
  EXPECT_EQ(ask("SELECT kind, (SELECT at_us FROM tick WHERE tick_id = 3) = from_us FROM gaps WHERE kind = 'disk_full'"),
            "disk_full|1\n");
  EXPECT_EQ(ask("SELECT is_keyframe FROM ticks WHERE tick_id = 4"), "1\n") << "what comes after it stands by itself";
}

TEST_F(RecorderRoom, IsAsMuchAsWasAskedFor) {
  RecordOptions asked = options();
  asked.least_free_bytes = 0;
  leave(0);
  record(3, asked);
  EXPECT_EQ(ask("SELECT count(*) FROM tick"), "3\n");
}

TEST_F(RecorderRoom, IsMadeByWhatIsOlderThanADayAndNoMore) {
  leave(kGiB);
  RecordOptions slow = options();
  slow.interval_us = 60 * kSecond;
  constexpr int kLooks = 3 * 24 * 60;
  record(kLooks, slow, [&](int look) {
    if (look == kLooks - 100) leave(0);
    if (look == kLooks - 10) leave(kGiB);
  });
  EXPECT_EQ(ask("SELECT DISTINCT reason FROM prune"), "min_free\n");
  EXPECT_EQ(ask("SELECT max(boot_us) - min(boot_us) BETWEEN 24 * 3600000000 AND 27 * 3600000000 FROM tick"), "1\n");
  EXPECT_EQ(ask("SELECT detail FROM gaps WHERE kind = 'pruned'"),
            "What is older was deleted, last since the disk was nearly full.\n");
}

TEST_F(RecorderRoom, IsKeptBackForTheLogOfActionsWhileThereIsEnough) {
  leave(257 * kMiB);
  record(1);
  EXPECT_FALSE(has_reserve(path(), 4 * kMiB)) << "it would be taken from what is left to others";
  leave(kGiB);
  record(1);
  EXPECT_TRUE(has_reserve(path(), 4 * kMiB));
  EXPECT_TRUE(give_up_reserve(path()));
  EXPECT_FALSE(give_up_reserve(path())) << "there is no more";
  record(1);
  EXPECT_TRUE(has_reserve(path(), 4 * kMiB)) << "it is made again";
}

TEST_F(RecorderRoom, ThatIsMissingAtTheStopIsTakenForWhatWaits) {
  leave(kGiB);
  record(10, [&](int look) {
    if (look == 4) leave(0);
  });
  EXPECT_EQ(ask("SELECT count(*), (SELECT reason FROM recording_end) FROM tick"), "10|stopped\n");
}

TEST_F(RecorderRoom, IsWaitedForUntilThereIsSomeMore) {
  leave(kGiB);
  std::string meanwhile;
  record(10, [&](int look) {
    if (look == 4) leave(0);
    if (look == 6) leave(256 * kMiB + 1);
    if (look == 8) meanwhile = ask("SELECT max(tick_id) FROM tick");
    if (look == 8) leave(288 * kMiB);
  });
  EXPECT_EQ(meanwhile, "3\n");
}

TEST_F(RecorderRoom, IsNotTakenOverWhatSomebodyElseKeepsUnderTheNameOfTheReserve) {
  leave(kGiB);
  const std::filesystem::path mine = folder_ / "mine.txt";
  std::ofstream(mine) << "mine";
  std::filesystem::create_symlink(mine, reserve_path(path()));
  record(2);
  EXPECT_FALSE(give_up_reserve(path()));
  EXPECT_EQ(std::filesystem::file_size(mine), 4U);
  std::filesystem::remove(reserve_path(path()));
  std::filesystem::rename(mine, reserve_path(path()));
  record(2);
  EXPECT_FALSE(give_up_reserve(path()));
  EXPECT_EQ(std::filesystem::file_size(reserve_path(path())), 4U);
}

}  // namespace
}  // namespace galproc
