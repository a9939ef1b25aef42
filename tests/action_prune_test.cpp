// The action log forgets its oldest when it is asked to, and its chain holds from there on.

#include "store/action_prune.h"

#include "support/action_fixture.h"

namespace galproc {
namespace {

using Ids = std::vector<std::int64_t>;

class ActionPruneTest : public ActionLogTest {
 protected:
  ActionPrunePlan prune(std::int64_t before_us, std::int64_t at_us = 9000,
                        const std::unordered_set<std::int64_t>& in_use = {}) const {
    ActionPrunePlan plan;
    open().commit([&](ActionWriter& writer) { plan = log_prune(writer, before_us, at_us, in_use); });
    return plan;
  }
  void expect_whole() const {
    const LedgerReport report = verify();
    EXPECT_TRUE(report.holds) << report.problem;
    EXPECT_EQ(std::to_string(report.length) + "\n", ask("SELECT count(*) FROM ledger"));
  }
};

TEST_F(ActionPruneTest, DeletesWhatIsOlderAndTheChainGoesOnFromTheCut) {
  {
    ActionLog log = open();
    for (const std::int64_t at_us : {1000, 2000, 3000}) log_kill(log, at_us);
  }
  const std::string cut = ask("SELECT prev_hash FROM ledger WHERE seq = 9").substr(0, 64);
  const ActionPrunePlan plan = prune(3000);
  EXPECT_EQ(plan.action_ids, (Ids{1, 2}));
  EXPECT_EQ(plan.attempt_count, 2);
  EXPECT_EQ(plan.from_us, 1000);
  EXPECT_EQ(ask("SELECT group_concat(action_id || verb) FROM action"), "3kill,4prune\n");
  EXPECT_EQ(ask("SELECT attempt_id FROM attempt"), "3\n");
  EXPECT_EQ(ask("SELECT attempt_id FROM attempt_outcome"), "3\n");
  EXPECT_EQ(ask("SELECT group_concat(action_id) FROM action_outcome"), "3,4\n");
  EXPECT_EQ(ask("SELECT min(seq), max(seq), count(*) FROM ledger"), "9|15|7\n");
  expect_whole();
  EXPECT_TRUE(verify(cut).holds) << "the cut is named";
  EXPECT_EQ(ask("SELECT from_us, to_us, kind FROM gaps"), "1000|3000|pruned\n");
}

TEST_F(ActionPruneTest, MayCutAgainAndLeaveNothingButTheCuts) {
  {
    ActionLog log = open();
    for (const std::int64_t at_us : {1000, 2000, 3000}) log_kill(log, at_us);
  }
  prune(2000);
  const std::string first = ask("SELECT cut_hash FROM action_prune").substr(0, 64);
  expect_whole();
  prune(9000);
  expect_whole();
  EXPECT_EQ(ask("SELECT count(*) FROM attempt"), "0\n");
  EXPECT_EQ(ask("SELECT group_concat(action_id || verb) FROM action"), "4prune,5prune\n");
  EXPECT_FALSE(verify(first).holds) << "what was noted before the newest cut cannot be looked up any more";
  EXPECT_NE(verify(first).problem.find("older than what `galproc db prune` cut off"), std::string::npos);
  {
    SQLite::Database database = open_for_reading(path());
    const std::vector<std::string> cuts = cuts_of_ledger(database);
    ASSERT_EQ(cuts.size(), 2U);
    EXPECT_NE(
        cuts[0].find("alice had what was logged before 1970-01-01T00:00:00.002000Z deleted (action 4, which took 1)"),
        std::string::npos)
        << cuts[0];
    EXPECT_NE(cuts[0].find(first), std::string::npos);
  }
  ActionLog log = open();
  EXPECT_EQ(log_kill(log, 10'000).attempt_id, 4) << "no number is given twice";
  expect_whole();
}

TEST_F(ActionPruneTest, KeepsWhatIsInUseAndWhatWasGoneOnWithLater) {
  {
    ActionLog log = open();
    log_kill(log, 1000);
    log_kill(log, 1100);
    LoggedKill slow;
    log.commit([&](ActionWriter& writer) { slow = log_intent(writer, 1200); });
    log_kill(log, 3000);
    log.commit([&](ActionWriter& writer) { log_outcome(writer, slow, 3100); });
  }
  EXPECT_EQ(prune(3000, 9000, {2}).action_ids, (Ids{1}));
  EXPECT_EQ(ask("SELECT group_concat(attempt_id) FROM attempt"), "2,3,4\n");
  expect_whole();
  EXPECT_EQ(prune(3000).action_ids, Ids{}) << "all three have rows that were chained behind the cut";
  expect_whole();
  EXPECT_EQ(prune(9001, 9500).action_ids, (Ids{2, 3, 4, 6})) << "with the pruning that found nothing";
  expect_whole();
}

TEST_F(ActionPruneTest, GoesByTheOrderOfTheLogWhereTheClockWasSetBack) {
  {
    ActionLog log = open();
    for (const std::int64_t at_us : {1000, 5000, 2000}) log_kill(log, at_us);
  }
  EXPECT_EQ(prune(3000).action_ids, (Ids{1}));
  expect_whole();
}

TEST_F(ActionPruneTest, DoesNothingWhereNothingIsOld) {
  {
    ActionLog log = open();
    log_kill(log, 1000);
  }
  EXPECT_TRUE(prune(1000).action_ids.empty());
  EXPECT_EQ(ask("SELECT count(*) FROM action_prune"), "0\n");
  expect_whole();
}

// Around the triggers, or with their leave: both show.
TEST_F(ActionPruneTest, ShowsWhoDeletesMoreThanWasWrittenDown) {
  {
    ActionLog log = open();
    for (const std::int64_t at_us : {1000, 1100, 3000}) log_kill(log, at_us);
  }
  prune(3000, 9000, {1});
  expect_whole();
  SQLite::Database database(path().string(), SQLite::OPEN_READWRITE, 10'000);
  database.exec("PRAGMA foreign_keys = ON; DELETE FROM attempt_outcome WHERE attempt_id = 1");
  EXPECT_NE(verify().problem.find("The row 1 of attempt_outcome, which row"), std::string::npos) << verify().problem;
  EXPECT_THROW(database.exec("DELETE FROM ledger WHERE seq = (SELECT min(seq) FROM ledger)"), SQLite::Exception);
  database.exec("DROP TRIGGER ledger_is_not_deleted; DELETE FROM ledger WHERE seq = (SELECT min(seq) FROM ledger)");
  EXPECT_NE(verify().problem.find("and not with row 9, at which it was cut"), std::string::npos) << verify().problem;
}

}  // namespace
}  // namespace galproc
