// Who is meant by the pids of the proc connector: made-up messages, and a /proc that shows of it what the test says.

#include "platform/linux/connector_lives.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/temporary_folder.h"

namespace galproc {
namespace {

using Kind = ConnectorRecord::Kind;

constexpr std::int64_t kAnHourUs = 3'600'000'000;

class ConnectorLivesTest : public testing::Test {
 protected:
  ConnectorLivesTest() {
    show(10, "shell", kAnHourUs - 5'000'000);
    lives_.read_the_living();
  }

  /// Started at this moment of the boot clock.
  void show(std::int64_t pid, const std::string& name, std::int64_t started_us, char state = 'S', int threads = 1) {
    const auto folder = folder_ / std::to_string(pid);
    std::filesystem::create_directory(folder);
    std::ofstream(folder / "stat")
        << pid << " (" << name << ") " << state << " 1 1 1 0 -1 4194304 0 0 0 0 1 1 0 0 20 0 " << threads << " 0 "
        << started_us / ProcessReader::ticks_to_us(1)
        << " 0 100 18446744073709551615 1 1 1 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
    std::ofstream(folder / "status") << "Name:\t" << name << "\nUid:\t7\t1000\t7\t7\n";
  }
  void hide(std::int64_t pid) { std::filesystem::remove_all(folder_ / std::to_string(pid)); }

  static ConnectorRecord record(Kind kind, std::int64_t pid, std::int64_t at_us) {
    ConnectorRecord record;
    record.kind = kind;
    record.pid = record.thread_id = pid;
    record.at_ns = at_us * 1000;
    return record;
  }
  static ConnectorRecord fork(std::int64_t parent, std::int64_t child, std::int64_t at_us) {
    ConnectorRecord fork = record(Kind::Fork, child, at_us);
    fork.parent_pid = parent;
    return fork;
  }
  static ConnectorRecord exit(std::int64_t pid, std::int64_t thread, std::int64_t wait_status, std::int64_t at_us) {
    ConnectorRecord exit = record(Kind::Exit, pid, at_us);
    exit.thread_id = thread;
    exit.wait_status = wait_status;
    return exit;
  }
  /// What these records tell, one call for them and one for what waits.
  std::vector<Event> take(const std::vector<ConnectorRecord>& records) { return take(lives_, records); }
  std::vector<Event> take(ConnectorLives& lives, const std::vector<ConnectorRecord>& records) {
    std::vector<Event> events;
    untold_ += lives.take(records, 0, kAnHourUs - 1, events);
    untold_ += lives.take({}, 0, kAnHourUs - 1, events);
    return events;
  }
  /// Those that are there for user 1000, from whom /proc hides what is not theirs.
  ConnectorLives with_others_hidden() {
    hide(1);
    ConnectorLives lives({false, 0, folder_.path().string(), 1000});
    lives.read_the_living();
    return lives;
  }

  /// A /proc that hides nobody.
  std::string open_proc() {
    show(1, "init", 10'000);
    return folder_.path().string();
  }

  TemporaryFolder folder_;
  ConnectorLives lives_{{false, 0, open_proc()}};
  std::int64_t untold_ = 0;
};

TEST_F(ConnectorLivesTest, OneThatProcNeverShowedIsDatedByItsMessage) {
  const auto events = take({fork(10, 20, kAnHourUs + 12'345), exit(20, 20, 3 << 8, kAnHourUs + 20'000)});
  ASSERT_EQ(events.size(), 2U);
  const auto& born = std::get<ForkEvent>(events[0].what);
  EXPECT_EQ(born.child.key, (ProcessKey{20, (kAnHourUs + 12'345) / ProcessReader::ticks_to_us(1)}));
  EXPECT_EQ(born.child.started_boot_us, kAnHourUs + 12'345);
  EXPECT_EQ(born.child.parent_pid, 10);
  EXPECT_EQ(born.child.name, "shell");
  EXPECT_EQ(born.child.user_id, 1000);
  EXPECT_EQ(born.parent.name, "shell");
  const auto& ended = std::get<ExitEvent>(events[1].what);
  EXPECT_EQ(ended.process.key, born.child.key);
  EXPECT_EQ(ended.wait_status, 3 << 8);
  EXPECT_EQ(events[1].boot_us, kAnHourUs + 20'000);
  EXPECT_EQ(untold_, 0);
}

TEST_F(ConnectorLivesTest, OneThatIsThereHasItsStartFromProc) {
  show(20, "worker", kAnHourUs - 10'000);
  const auto events = take({fork(10, 20, kAnHourUs)});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<ForkEvent>(events[0].what).child.started_boot_us, kAnHourUs - 10'000);
}

TEST_F(ConnectorLivesTest, WhoHasThePidByNowIsNotTakenForTheOneThatWasBorn) {
  show(20, "other", kAnHourUs + 700'000);
  const auto events = take({fork(10, 20, kAnHourUs)});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<ForkEvent>(events[0].what).child.started_boot_us, kAnHourUs);
}

TEST_F(ConnectorLivesTest, ThreadsAreNoBirths) {
  ConnectorRecord thread = fork(10, 10, kAnHourUs);
  thread.thread_id = 11;
  EXPECT_TRUE(take({thread}).empty());
}

TEST_F(ConnectorLivesTest, TheEndOfOneComesBeforeTheBirthOfTheNextWithItsPid) {
  const auto events =
      take({fork(10, 20, kAnHourUs), exit(20, 20, 0, kAnHourUs + 30'000), fork(10, 20, kAnHourUs + 900'000)});
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(std::get<ExitEvent>(events[1].what).process.key, std::get<ForkEvent>(events[0].what).child.key);
  EXPECT_NE(std::get<ForkEvent>(events[2].what).child.key, std::get<ForkEvent>(events[0].what).child.key);
}

TEST_F(ConnectorLivesTest, AnEndIsThatOfItsLastThread) {
  show(20, "threaded", kAnHourUs, 'Z', 2);
  auto events = take({fork(10, 20, kAnHourUs), exit(20, 20, 0, kAnHourUs + 10'000)});
  EXPECT_EQ(events.size(), 1U);  // another thread goes on
  show(20, "threaded", kAnHourUs, 'Z', 1);
  events = take({exit(20, 21, 6 << 8, kAnHourUs + 20'000)});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<ExitEvent>(events[0].what).wait_status, 6 << 8);
}

TEST_F(ConnectorLivesTest, TheMessageOfTheLastThreadMayComeAfterProcHasForgottenIt) {
  std::vector<Event> events;
  lives_.take({fork(10, 20, kAnHourUs), exit(20, 20, 0, kAnHourUs + 10'000)}, 0, 0, events);
  EXPECT_EQ(events.size(), 1U);
  EXPECT_TRUE(lives_.has_ends());
  lives_.take({exit(20, 21, 6 << 8, kAnHourUs + 10'001)}, 0, 0, events);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(std::get<ExitEvent>(events[1].what).wait_status, 6 << 8);
  EXPECT_FALSE(lives_.has_ends());
}

TEST_F(ConnectorLivesTest, AThreadThatRunsAnotherProgramTakesBackTheEndOfTheFirst) {
  show(20, "threaded", kAnHourUs, 'Z', 2);
  take({fork(10, 20, kAnHourUs), exit(20, 20, 0, kAnHourUs + 10'000)});
  show(20, "sh", kAnHourUs);
  const auto events = take({record(Kind::Exec, 20, kAnHourUs + 10'100)});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<ExecEvent>(events[0].what).image->name, "sh");
}

TEST_F(ConnectorLivesTest, WhatRanTooBrieflyIsUnknownAndNotItsParents) {
  const auto events = take({fork(10, 20, kAnHourUs), record(Kind::Exec, 20, kAnHourUs + 500)});
  ASSERT_EQ(events.size(), 2U);
  const auto& exec = std::get<ExecEvent>(events[1].what);
  EXPECT_EQ(exec.image->name, "?");
  EXPECT_EQ(exec.image->user_id, 1000);
  EXPECT_FALSE(exec.image->arguments);
}

TEST_F(ConnectorLivesTest, AChangeOfUserHoldsForWhoIsBornAfterIt) {
  ConnectorRecord user = record(Kind::User, 10, kAnHourUs);
  user.user_id = 65534;
  const auto events = take({fork(10, 20, kAnHourUs), user, fork(10, 21, kAnHourUs + 1)});
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(std::get<ForkEvent>(events[0].what).child.user_id, 1000);
  EXPECT_EQ(std::get<ForkEvent>(events[1].what).child.user_id, 65534);
}

TEST_F(ConnectorLivesTest, AStrangerOfWhomNothingIsKnownHasAName) {
  const auto events = take({fork(70, 77, kAnHourUs), exit(77, 77, 0, kAnHourUs + 1000)});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<ExitEvent>(events[0].what).process.name, "?");
  EXPECT_EQ(untold_, 1);
  EXPECT_FALSE(lives_.are_others_hidden());
}

TEST_F(ConnectorLivesTest, LivesThatProcHidesAreNeitherToldNorCounted) {
  ConnectorLives lives = with_others_hidden();
  EXPECT_TRUE(lives.are_others_hidden());
  EXPECT_TRUE(take(lives, {fork(70, 77, kAnHourUs), record(Kind::Exec, 77, kAnHourUs + 1), fork(77, 78, kAnHourUs + 2),
                           exit(78, 78, 0, kAnHourUs + 3), exit(77, 77, 0, kAnHourUs + 4)})
                  .empty());
  EXPECT_EQ(untold_, 0);
}

TEST_F(ConnectorLivesTest, WhereProcHidesOthersThoseOfTheAskerAreToldAsEver) {
  ConnectorLives lives = with_others_hidden();
  const auto events = take(lives, {fork(10, 20, kAnHourUs), exit(20, 20, 3 << 8, kAnHourUs + 1000)});
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(std::get<ForkEvent>(events[0].what).child.name, "shell");
  EXPECT_EQ(std::get<ExitEvent>(events[1].what).wait_status, 3 << 8);
}

TEST_F(ConnectorLivesTest, ChildrenOfOneThatBecameSomebodyElseAreHiddenWithIt) {
  ConnectorLives lives = with_others_hidden();
  ConnectorRecord user = record(Kind::User, 10, kAnHourUs);
  user.user_id = 0;
  EXPECT_TRUE(take(lives, {user, fork(10, 20, kAnHourUs + 1), exit(20, 20, 0, kAnHourUs + 2)}).empty());
  EXPECT_EQ(untold_, 0);
}

TEST_F(ConnectorLivesTest, OneThatComesOutOfHidingIsToldFromThenOn) {
  ConnectorLives lives = with_others_hidden();
  take(lives, {fork(70, 77, kAnHourUs)});
  show(77, "mine", kAnHourUs);
  const auto events = take(lives, {record(Kind::User, 77, kAnHourUs + 1), record(Kind::Exec, 77, kAnHourUs + 2)});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<ExecEvent>(events[0].what).image->name, "mine");
  EXPECT_EQ(std::get<ExecEvent>(events[0].what).process.started_boot_us, kAnHourUs);
}

TEST_F(ConnectorLivesTest, EndsOfStrangersAreCountedUnlessTheyEndedBeforeAnybodyWasKnown) {
  EXPECT_TRUE(take({exit(77, 77, 0, kAnHourUs - 1000)}).empty());
  EXPECT_EQ(untold_, 0);
  EXPECT_TRUE(take({exit(77, 77, 0, kAnHourUs + 1000)}).empty());
  EXPECT_EQ(untold_, 1);
}

}  // namespace
}  // namespace galproc
