// What is deleted to make room, and what is not.

#include "store/retention.h"

#include <gtest/gtest.h>

#include "store/file_check.h"
#include "store/ledger.h"
#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "support/query_database.h"
#include "support/random_history.h"
#include "support/recorder_fixture.h"

namespace galproc {
namespace {

constexpr std::int64_t kMinute = 60 * kSecond;

class RetentionTest : public RecorderTest {
 protected:
  RecordOptions keeping(std::int64_t retain_us) {
    RecordOptions options = RecorderTest::options();
    options.limits.retain_us = retain_us;
    return options;
  }
  /// Names of the checks that find something.
  std::string problems() {
    SQLite::Database database = open();
    std::string found;
    for (const FileCheck& check : check_file(database, CheckDepth::Full)) {
      if (check.problem_count > 0) found += check.name + ": " + check.detail + "\n";
    }
    return found;
  }
  std::int64_t number(const std::string& sql) { return std::stoll(ask(sql)); }
  /// Microseconds of recorded time that are kept.
  std::int64_t kept_us() { return number("SELECT max(boot_us) - min(boot_us) FROM tick"); }
};

TEST_F(RetentionTest, KeepsTheTimeThatIsAskedForInWholeKeyframeWindows) {
  world_.start(1, 0, "init");
  record(1000, keeping(20 * kMinute), [&](int look) { world_.run(1, look % 7 == 0 ? 1000 : 0); });
  EXPECT_GE(kept_us(), 20 * kMinute);
  EXPECT_LE(kept_us(), 26 * kMinute);
  EXPECT_EQ(ask("SELECT is_keyframe FROM ticks ORDER BY tick_id LIMIT 1"), "1\n");
  for (const char* oldest : {"SELECT min(tick_id) FROM process_sample", "SELECT min(tick_id) FROM system_sample"}) {
    EXPECT_EQ(ask(oldest), ask("SELECT min(tick_id) FROM tick")) << oldest;
  }
  EXPECT_EQ(problems(), "");
}

TEST_F(RetentionTest, DeletesNothingThatIsYounger) {
  world_.start(1, 0, "init");
  record(200, keeping(20 * kMinute));
  EXPECT_EQ(ask("SELECT count(*), (SELECT count(*) FROM prune) FROM tick"), "200|0\n");
}

TEST_F(RetentionTest, SaysWhatItDeletedBeforeItDoesAndInTheLedger) {
  world_.start(1, 0, "init");
  const std::int64_t began_us = world_.now.wall_us;
  record(1000, keeping(20 * kMinute));
  EXPECT_EQ(ask("SELECT DISTINCT reason FROM prune"), "retain\n");
  EXPECT_EQ(ask("SELECT max(before_tick_id) = (SELECT min(tick_id) FROM tick) FROM prune"), "1\n");
  EXPECT_EQ(ask("SELECT from_us, to_us = (SELECT min(at_us) FROM tick), detail FROM gaps WHERE kind = 'pruned'"),
            std::to_string(began_us) + "|1|What is older was deleted, last since it was older than is kept.\n");
  SQLite::Database database = open();
  const LedgerReport report = verify_ledger(database);
  EXPECT_TRUE(report.holds) << report.problem;
  EXPECT_EQ(report.length, number("SELECT count(*) FROM prune"));
  EXPECT_THROW(SQLite::Database((folder_ / "galproc.db").string(), SQLite::OPEN_READWRITE).exec("DELETE FROM prune"),
               SQLite::Exception);
}

TEST_F(RetentionTest, DeletesTheDeadButNeverTheLivingOrWhomTheyName) {
  world_.start(1, 0, "init");
  record(1000, keeping(20 * kMinute), [&](int look) {
    if (look == 2) world_.start(10, 1, "grandparent");
    if (look == 3) world_.start(11, 10, "parent");
    if (look == 4) world_.start(12, 11, "child");
    if (look == 5) world_.start(20, 1, "alone");
    if (look == 6) world_.end(10);
    if (look == 7) world_.end(11);
    if (look == 8) world_.end(20);
    if (look == 900) world_.start(30, 1, "late");
    if (look == 901) world_.end(30);
  });
  EXPECT_EQ(ask("SELECT name, ended_us IS NULL FROM processes ORDER BY upid"),
            "init|1\ngrandparent|0\nparent|0\nchild|1\nlate|0\n");
  EXPECT_EQ(ask("SELECT count(*) FROM process_exit"), "3\n");
  EXPECT_EQ(ask("SELECT count(*) FROM process_image WHERE upid NOT IN (SELECT upid FROM process)"), "0\n");
  EXPECT_EQ(problems(), "");
}

TEST_F(RetentionTest, DeletesTextsThatNobodyHasAnyMoreAndKeepsThoseOfTheLiving) {
  world_.start(1, 0, "init");
  world_.start(10, 1, "old");
  record(1000, keeping(20 * kMinute), [&](int look) {
    world_.start(20, 1, "brief-" + std::to_string(look));
    if (look == 2) world_.start(11, 10, "old");
    if (look > 995) world_.exec(10, {"/bin/old-" + std::to_string(look)});
  });
  EXPECT_EQ(ask("SELECT count(*) FROM text WHERE value IN ('/bin/init', '/bin/old', '/bin/old-1000', 'ann',"
                " '/bin/brief-1000')"),
            "5\n");
  EXPECT_EQ(ask("SELECT count(*) FROM text WHERE value IN ('/bin/brief-1', '/bin/brief-500')"), "0\n");
  EXPECT_LT(number("SELECT count(*) FROM text"), 500);
  EXPECT_EQ(problems(), "");
}

TEST_F(RetentionTest, ATextThatSomebodyNamesWhileItIsSoughtIsKept) {
  world_.start(1, 0, "init");
  record(300, RecorderTest::options(), [&](int look) { world_.start(20, 1, "brief-" + std::to_string(look)); });
  SQLite::Database database = open_for_acting(folder_ / "galproc.db", 1000);
  Retention retention(database);
  const auto plan = retention.by_age(5 * kMinute, true);
  ASSERT_TRUE(plan);
  retention.begin(*plan, PruneReason::Asked, world_.now.wall_us);
  while (number("SELECT count(*) FROM text WHERE value = '/bin/brief-1'") == 1) {
    ASSERT_TRUE(retention.step());
    // As the recorder does when it meets one that runs this again.
    SQLite::Database other((folder_ / "galproc.db").string(), SQLite::OPEN_READWRITE, 1000);
    other.exec(
        "UPDATE process_image SET executable_text_id = (SELECT text_id FROM text WHERE value = '/bin/brief-2')"
        " WHERE upid = 1");
  }
  while (retention.step()) continue;
  EXPECT_EQ(number("SELECT count(*) FROM text WHERE value = '/bin/brief-2'"), 1);
  EXPECT_EQ(problems(), "");
  EXPECT_EQ(database.execAndGet("PRAGMA foreign_keys").getInt(), 1);
}

TEST_F(RetentionTest, DeletesPortsThatWereReleasedLongAgoAndKeepsThoseThatAreHeld) {
  world_.start(1, 0, "init");
  record(1000, keeping(20 * kMinute), [&](int look) {
    if (look == 2) world_.listen(1, 80);
    if (look == 3) world_.listen(1, 81);
    if (look == 4) world_.close_port(81);
    if (look == 950) world_.listen(1, 82);
    if (look == 951) world_.close_port(82);
  });
  EXPECT_EQ(ask("SELECT port, released_us IS NULL FROM port_bindings ORDER BY port"), "80|1\n82|0\n");
  EXPECT_EQ(ask("SELECT count(*) FROM port_release"), "1\n");
}

TEST_F(RetentionTest, AClockThatJumpsTenYearsAheadAndBackDeletesNothing) {
  constexpr std::int64_t kTenYears = 10 * 365 * 24 * 60 * kMinute;
  world_.start(1, 0, "init");
  record(200, keeping(20 * kMinute), [&](int look) {
    if (look == 50) world_.now.wall_us += kTenYears;
    if (look == 150) world_.now.wall_us -= kTenYears;
  });
  EXPECT_EQ(ask("SELECT count(*), (SELECT count(*) FROM prune) FROM tick"), "200|0\n");
}

TEST_F(RetentionTest, TimeInWhichNobodyRecordedDoesNotAge) {
  world_.start(1, 0, "init");
  record(100, keeping(20 * kMinute));
  world_.pass_time(30 * 24 * 60 * kMinute);
  record(100, keeping(20 * kMinute));
  EXPECT_EQ(ask("SELECT count(*), (SELECT count(*) FROM prune) FROM tick"), "200|0\n");
  record(300, keeping(20 * kMinute));
  EXPECT_EQ(ask("SELECT min(recording_id) FROM tick"), "3\n") << "the first two came to 16 minutes";
  EXPECT_EQ(problems(), "");
}

TEST_F(RetentionTest, TheOldestGoWhenTheFileIsTooLargeAndTheRoomIsGivenBack) {
  constexpr std::int64_t kMost = 1024 * 1024;
  for (int pid = 1; pid <= 200; ++pid) world_.start(pid, 0, "process-" + std::to_string(pid));
  RecordOptions options = RecorderTest::options();
  options.limits.most_bytes = kMost;
  record(1500, options, [&](int) {
    for (int pid = 1; pid <= 40; ++pid) world_.run(pid, 1000);
  });
  EXPECT_EQ(ask("SELECT DISTINCT reason FROM prune"), "max_size\n");
  SQLite::Database database = open();
  Retention retention(database);
  constexpr std::int64_t kWindows = 600 * 1024;  // of two that came since it was last looked
  EXPECT_LE(retention.used_bytes(), kMost + kWindows);
  EXPECT_GT(number("SELECT count(*) FROM tick"), 200);
  EXPECT_LE(number("PRAGMA page_count") * 4096, kMost + 2 * kWindows) << "most of the free pages are gone";
  EXPECT_EQ(problems(), "");
}

TEST_F(RetentionTest, TheNewestWindowStaysHoweverSmallTheFileIsToBe) {
  world_.start(1, 0, "init");
  RecordOptions options = RecorderTest::options();
  options.limits.most_bytes = 1;
  record(150, options);
  EXPECT_EQ(ask("SELECT min(tick_id) FROM tick"), ask("SELECT max(keyframe_tick_id) FROM tick"));
  EXPECT_EQ(ask("SELECT count(*) FROM processes"), "1\n");
}

TEST_F(RetentionTest, WhatWasWrittenDownGoesOnAfterACrashInBetween) {
  world_.start(1, 0, "init");
  record(300);
  {
    SQLite::Database database = open_for_acting(folder_ / "galproc.db", 1000);
    Retention retention(database);
    const auto plan = retention.by_age(5 * kMinute, true);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->tick_count, 180) << "of 25 minutes the last 5 and the rest of their window stay";
    retention.begin(*plan, PruneReason::Asked, world_.now.wall_us);
    for (int steps = 0; steps < 2; ++steps) ASSERT_TRUE(retention.step());
    EXPECT_TRUE(retention.is_pending());
  }
  EXPECT_EQ(problems(), "");
  record(60);
  EXPECT_EQ(
      ask("SELECT min(tick_id) = (SELECT max(before_tick_id) FROM prune), (SELECT count(*) FROM prune) FROM tick"),
      "1|1\n");
  EXPECT_EQ(problems(), "");
}

TEST_F(RetentionTest, APortThatIsHeldIsReleasedAfterTheTickThatSawItFirstIsGone) {
  world_.start(1, 0, "init");
  world_.start(10, 1, "server");
  world_.listen(1, 80);
  world_.listen(10, 81);
  record(1000, keeping(20 * kMinute));
  world_.close_port(81);
  record(3, keeping(20 * kMinute));
  EXPECT_EQ(ask("SELECT port, count(*), count(released_us) FROM port_bindings GROUP BY port ORDER BY port"),
            "80|1|0\n81|1|1\n");
  world_.boot_uuid = "boot-2";
  world_.close_port(80);
  record(3, keeping(20 * kMinute));
  EXPECT_EQ(ask("SELECT port, count(released_us) FROM port_bindings GROUP BY port ORDER BY port"), "80|1\n81|1\n");
}

TEST_F(RetentionTest, ADeadProcessThatNobodyWaitsForStaysAsLongAsItIsListed) {
  world_.start(1, 0, "init");
  world_.start(10, 1, "parent");
  const ProcessKey zombie = world_.start(11, 10, "zombie");
  record(1000, keeping(20 * kMinute), [&](int look) {
    if (look == 3) {
      world_.processes.at(11).ended = true;
      world_.processes.at(11).usage.state = ProcessState::Zombie;
    }
    if (look == 990) world_.end(10);
    if (look == 990) world_.processes.at(11).parent_pid = 1;
  });
  EXPECT_EQ(ask("SELECT count(*) FROM tick WHERE tick_id > 990"), "10\n") << talk_.str();
  EXPECT_EQ(ask(fmt::format("SELECT upid, ended_us < {} FROM processes WHERE pid = 11 AND start_token = {}",
                            world_.now.wall_us - 80 * kMinute, zombie.start_token)),
            "3|1\n");
  world_.end(11);
  record(600, keeping(20 * kMinute));
  EXPECT_EQ(ask("SELECT count(*) FROM processes WHERE pid = 11"), "0\n");
}

TEST_F(RetentionTest, TimeInWhichTheMachineWasSuspendedDoesNotAge) {
  world_.start(1, 0, "init");
  record(200, keeping(20 * kMinute), [&](int look) {
    if (look != 100) return;
    world_.now.wall_us += 8 * 24 * 60 * kMinute;
    world_.now.boot_us += 8 * 24 * 60 * kMinute;
  });
  EXPECT_EQ(ask("SELECT (SELECT count(*) FROM prune), count(*) > 100 FROM tick"), "0|1\n");
}

TEST_F(RetentionTest, AStopWhoseNextRunLostItsBeginningIsNoLongerThanItWas) {
  world_.start(1, 0, "init");
  record(2, keeping(20 * kMinute));
  world_.pass_time(kMinute);
  record(1000, keeping(20 * kMinute));
  EXPECT_EQ(ask("SELECT to_us - from_us < 70 * 1000000 FROM gaps WHERE kind = 'stopped' ORDER BY from_us LIMIT 1"),
            "1\n");
}

TEST_F(RetentionTest, NewTicksAreNeverAmongThoseThatWereToBeDeleted) {
  world_.start(1, 0, "init");
  record(300);
  {
    SQLite::Database database = open_for_acting(folder_ / "galproc.db", 1000);
    Retention(database).begin(PrunePlan{1000, 300, 1, 2}, PruneReason::Asked, world_.now.wall_us);
  }
  record(70);
  EXPECT_EQ(ask("SELECT min(tick_id), count(*) FROM tick"), "1001|70\n");
}

TEST_F(RetentionTest, AFileThatCannotGetSmallerIsPrunedToo) {
  world_.start(1, 0, "init");
  {
    SQLite::Database database((folder_ / "galproc.db").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec("CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(4000000)); DROP TABLE t");
  }
  record(1000, keeping(20 * kMinute));
  EXPECT_LE(kept_us(), 26 * kMinute);
  EXPECT_GT(number("PRAGMA freelist_count"), 256);
  SQLite::Database database = open_for_acting(folder_ / "galproc.db", 1000);
  Retention retention(database);
  int steps = 0;
  while (retention.step() && steps < 100) ++steps;
  EXPECT_LT(steps, 100);
}

// Whatever was recorded: what is asked of times that are kept is answered as before.
class PrunedHistory : public testing::TestWithParam<unsigned> {};

TEST_P(PrunedHistory, AnswersTheSame) {
  SQLite::Database database = make_query_database();
  RandomHistory history(database, GetParam(), GetParam() > 16);
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  Retention retention(database);
  const std::int64_t most_us = history.ticks().back().at_us - history.ticks().front().at_us;
  const auto plan = retention.by_age(history.between(1, most_us), true);
  if (!plan) return;
  std::vector<std::pair<const char*, QueryBindings>> questions;
  for (const MadeUpTick& tick : history.ticks()) {
    // Rates at the oldest are against the one before; where nothing could be read they are those of the tick before.
    if (tick.tick_id <= plan->before_tick_id || !tick.readable) continue;
    for (const char* name : {"processes", "tree", "ports"}) questions.push_back({name, {{"at", tick.at_us}}});
  }
  const std::int64_t until_us = history.ticks().back().at_us;
  for (const char* name : {"exits", "changes"}) {
    questions.push_back({name, {{"since", plan->until_us + 1}, {"until", until_us}}});
  }
  questions.push_back({"top", {{"since", plan->until_us}, {"until", until_us}, {"by", std::string("cpu")}}});
  const auto answers = [&] {
    std::vector<RowSet> all;
    for (const auto& [name, bindings] : questions) {
      all.push_back(run_query(database, *catalogue.find(name), bindings));
    }
    return all;
  };
  const std::vector<RowSet> before = answers();
  std::map<std::string, std::int64_t> problems;  // made-up recordings have no ends
  for (const FileCheck& check : check_file(database, CheckDepth::Full)) problems[check.name] = check.problem_count;
  retention.begin(*plan, PruneReason::Asked, until_us);
  while (retention.step()) continue;
  const std::vector<RowSet> after = answers();
  for (std::size_t i = 0; i < questions.size(); ++i) {
    EXPECT_EQ(rows_text(before[i]), rows_text(after[i])) << questions[i].first;
  }
  EXPECT_EQ(rows_of(database, "SELECT min(tick_id) FROM tick"), std::to_string(plan->before_tick_id) + "\n");
  for (const FileCheck& check : check_file(database, CheckDepth::Full)) {
    EXPECT_LE(check.problem_count, problems[check.name]) << check.name << ": " << check.detail;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, PrunedHistory, testing::Range(1U, 25U));

}  // namespace
}  // namespace galproc
