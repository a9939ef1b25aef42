// The hash chain over the action log: that it holds, and that whoever went around the triggers is found.

#include "store/ledger.h"

#include <set>

#include "store/embedded.h"
#include "store/retention.h"
#include "support/action_fixture.h"
#include "support/query_database.h"

namespace galproc {
namespace {

class LedgerTest : public ActionLogTest {
 protected:
  /// Three kills, so that there is a middle: twelve rows of the ledger, four a kill.
  void log_three() {
    ActionLog log = open();
    for (int i = 0; i < 3; ++i) log_kill(log);
  }
  /// Does by hand what the triggers would refuse.
  void tamper(const std::string& sql) const {
    SQLite::Database database(path().string(), SQLite::OPEN_READWRITE, 10'000);
    std::map<std::string, std::string> triggers;
    {
      SQLite::Statement rows(database, "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'");
      while (rows.executeStep()) triggers[rows.getColumn(0).getString()] = rows.getColumn(1).getString();
    }
    for (const auto& [name, made] : triggers) database.exec("DROP TRIGGER " + name);
    database.exec(sql);
    // A table that is gone takes no trigger.
    for (const auto& [name, made] : triggers) database.tryExec(made);
  }
  void expect_broken(const std::optional<std::int64_t>& seq, const std::string& words,
                     const std::optional<std::string>& head = std::nullopt) const {
    const LedgerReport report = verify(head);
    EXPECT_FALSE(report.holds);
    EXPECT_EQ(report.first_bad_seq, seq) << report.problem;
    EXPECT_NE(report.problem.find(words), std::string::npos) << report.problem;
    if (seq) {
      EXPECT_EQ(report.length, *seq - 1);
    }
  }
  std::string head_at(std::int64_t seq) const {
    return ask("SELECT hash FROM ledger WHERE seq = " + std::to_string(seq)).substr(0, 64);
  }
};

TEST_F(LedgerTest, HoldsFromTheEmptyFileOn) {
  open();
  const LedgerReport empty = verify();
  EXPECT_TRUE(empty.holds) << empty.problem;
  EXPECT_EQ(empty.length, 0);
  EXPECT_EQ(empty.head.size(), 64U);
  log_three();
  const LedgerReport full = verify(empty.head);
  EXPECT_TRUE(full.holds) << full.problem;
  EXPECT_EQ(full.length, 12);
  EXPECT_EQ(full.head, head_at(12));
  EXPECT_EQ(ask("SELECT prev_hash FROM ledger WHERE seq = 1"), empty.head + "\n");
  EXPECT_TRUE(verify(head_at(5)).holds);
}

TEST_F(LedgerTest, HoldsOverTwoHundredCommitsOfEightProcessesThatBeginAtOnce) {
  constexpr int kProcesses = 8;
  constexpr int kKillsEach = 13;  // of two commits each
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      int code = 0;
      try {
        ActionLog log = open(60'000);
        for (int kill = 0; kill < kKillsEach; ++kill) log_kill(log);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        code = 1;
      }
      ::_exit(code);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const LedgerReport report = verify();
  EXPECT_TRUE(report.holds) << report.problem;
  EXPECT_EQ(report.length, kProcesses * kKillsEach * 4);
  EXPECT_EQ(ask("SELECT count(*), count(DISTINCT actor_pid) FROM action"), "104|8\n");
  EXPECT_EQ(ask("SELECT count(*) FROM process"), "1\n");  // all met the same one
}

// The values that anybody who checks the chain without galproc has to come to; these are Python's.
TEST(LedgerHash, IsThatOfTheDocumentedBytes) {
  SQLite::Database database = make_query_database();
  database.exec(
      "PRAGMA foreign_keys = OFF; DROP TRIGGER origin_is_not_changed;"
      "UPDATE origin SET database_id = '00112233445566778899aabbccddeeff', predecessor_name = 'old \xC3\xBC.db';"
      "INSERT INTO action_outcome VALUES (7, -5, 'done', 0);"
      "INSERT INTO attempt_outcome VALUES (9, 1795168800000000, 'denied', 'Operation not permitted', NULL, NULL, 9)");
  EXPECT_EQ(verify_ledger(database).head, "4f827e0923759bf551652b51bff54c11ed15511dff54643af62ca07605cbfd7a");
  database.exec("BEGIN IMMEDIATE");
  Ledger ledger(database);
  ledger.append("action_outcome", 7);
  ledger.append("attempt_outcome", 9);
  database.exec("COMMIT");
  EXPECT_EQ(database.execAndGet("SELECT hash FROM ledger WHERE seq = 1").getString(),
            "4048f4646b749e21e7273d5439e7e022f252ae75f31e0e30f06d0ae88ed5c69f");
  EXPECT_EQ(database.execAndGet("SELECT hash FROM ledger WHERE seq = 2").getString(),
            "19625af6852a9129d171412c8bc636928c555de792f3f0b1d91202589fee2cd2");
}

TEST_F(LedgerTest, IsKeptByTriggersFromPlainSql) {
  {
    ActionLog log = open();
    log_kill(log, 999);
    const LoggedKill kill = log_kill(log);
    log.commit([&](ActionWriter& writer) {
      ServiceEntry service;
      service.action_id = kill.action_id;
      service.upid = kill.upid;
      service.arguments = {"node"};
      writer.add_service(service);
    });
  }
  SQLite::Database database(path().string(), SQLite::OPEN_READWRITE, 10'000);
  Retention(database).begin(PrunePlan{1, 1, 1, 1}, PruneReason::Asked, 1);
  {
    ActionLog log = open();
    log.commit([&](ActionWriter& writer) { log_prune(writer, 1000, 2000); });
    log_kill(log);
  }
  const auto refused = [&](const std::string& sql, const std::string& words) {
    try {
      database.exec(sql);
      ADD_FAILURE() << sql;
    } catch (const SQLite::Exception& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << sql << ": " << error.what();
    }
  };
  const std::vector<std::pair<std::string, std::string>> keys = {
      {"origin", "origin_id"},           {"action", "action_id"},   {"action_outcome", "action_id"},
      {"attempt", "attempt_id"},         {"service", "service_id"}, {"ledger", "seq"},
      {"attempt_outcome", "attempt_id"}, {"prune", "prune_id"},     {"action_prune", "action_id"},
  };
  const std::set<std::string> never_deleted = {"origin", "prune", "action_prune"};
  EXPECT_EQ(keys.size(), kTriggerFilesCount);
  for (const auto& [table, key] : keys) {
    refused("UPDATE " + table + " SET " + key + " = " + key, "Rows of " + table + " are added and never changed.");
    refused("UPDATE OR REPLACE " + table + " SET " + key + " = 1", "never changed");
    refused("DELETE FROM " + table, "Rows of " + table +
                                        (never_deleted.contains(table) ? " are added and never deleted."
                                                                       : " are deleted by galproc db prune alone."));
    refused("INSERT OR REPLACE INTO " + table + " SELECT * FROM " + table,
            "Rows of " + table + " are added and never replaced.");
  }
  const std::string other(64, 'f');
  const std::string into = "INSERT OR REPLACE INTO ledger (format, table_name, row_id, hash, prev_hash) ";
  refused(into + "SELECT 1, 'action', 99, '" + other + "', prev_hash FROM ledger WHERE seq = 10", "never replaced");
  refused(into + "SELECT 1, table_name, row_id, '" + other + "', '" + other + "' FROM ledger WHERE seq = 10",
          "never replaced");
  EXPECT_THROW(database.exec("INSERT INTO origin (origin_id, database_id, made_us) VALUES (2, 'x', 1)"),
               SQLite::Exception);
  // A row with the number that an automatic one has before it gets its own would block all that come after.
  EXPECT_THROW(database.exec("INSERT INTO ledger VALUES (-1, 1, 'action', 99, '" + other + "', '" + other + "')"),
               SQLite::Exception);
  EXPECT_TRUE(verify().holds);
  EXPECT_EQ(verify().length, 13);  // two kills, a service, two prunings of which one has an action of two rows
}

TEST_F(LedgerTest, ShowsAnEditedOutcome) {
  log_three();
  tamper("UPDATE attempt_outcome SET outcome = 'exited' WHERE attempt_id = 2");
  expect_broken(7, "The row 2 of attempt_outcome does not fit its hash in row 7");
}

TEST_F(LedgerTest, ShowsAnEditOfAnyChainedColumn) {
  const std::vector<std::pair<std::string, std::string>> edits = {
      {"action", "reason = 'none'"},       {"action", "actor_pid = 1"},       {"action", "user = 'bob'"},
      {"action", "sudo_user = ''"},        {"attempt", "target_pid = 43"},    {"attempt", "target_start_token = NULL"},
      {"attempt", "target_upid = NULL"},   {"attempt_outcome", "error = ''"}, {"attempt_outcome", "ended_us = 5"},
      {"action_outcome", "exit_code = 0"},
  };
  for (const auto& [table, change] : edits) {
    for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path().string() + ending);
    log_three();
    tamper("UPDATE " + table + " SET " + change + " WHERE rowid = 2");
    EXPECT_NE(verify().problem.find("The row 2 of " + table + " does not fit"), std::string::npos)
        << table << " " << change << ": " << verify().problem;
  }
}

TEST_F(LedgerTest, ShowsARowThatWasTakenOutOfTheMiddle) {
  log_three();
  tamper("DELETE FROM attempt WHERE attempt_id = 2");
  expect_broken(6, "The row 2 of attempt, which row 6 of the ledger stands for, is gone");
}

TEST_F(LedgerTest, ShowsARowThatWasTakenOutTogetherWithItsRowOfTheLedger) {
  log_three();
  tamper("DELETE FROM attempt_outcome WHERE attempt_id = 2; DELETE FROM ledger WHERE seq = 7");
  const LedgerReport report = verify();
  EXPECT_EQ(report.first_bad_seq, 8);
  EXPECT_EQ(report.length, 6);
  EXPECT_NE(report.problem.find("Row 8 of the ledger does not follow"), std::string::npos) << report.problem;
}

TEST_F(LedgerTest, ShowsAReplacedRow) {
  log_three();
  tamper("INSERT OR REPLACE INTO action_outcome VALUES (2, 1003, 'done', 0)");
  expect_broken(8, "The row 2 of action_outcome does not fit");
}

TEST_F(LedgerTest, ShowsARowThatWasPutIn) {
  log_three();
  tamper(
      "INSERT INTO action SELECT 99, boot_id, at_us, verb, actor_pid, actor_start_token, NULL, actor_name, uid, user,"
      " login_uid, sudo_user, tty, cwd, command_line, host, reason FROM action WHERE action_id = 1");
  expect_broken(std::nullopt, "The row 99 of action is not in the ledger");
}

TEST_F(LedgerTest, ShowsRewrittenRowsOfItsOwn) {
  log_three();
  const std::string other(64, 'f');
  tamper("UPDATE ledger SET hash = '" + other + "' WHERE seq = 5");
  expect_broken(5, "does not fit its hash in row 5");
  tamper("UPDATE ledger SET prev_hash = '" + other + "' WHERE seq = 3");
  expect_broken(3, "Row 3 of the ledger does not follow");
  tamper("UPDATE ledger SET table_name = 'boot' WHERE seq = 2");
  expect_broken(2, "names the table boot in format 1");
  tamper("UPDATE ledger SET format = 2 WHERE seq = 1");
  expect_broken(1, "in format 2");
}

TEST_F(LedgerTest, ShowsACutTail) {
  log_three();
  tamper(
      "DELETE FROM ledger WHERE seq >= 11; DELETE FROM attempt_outcome WHERE attempt_id = 3;"
      "DELETE FROM action_outcome WHERE action_id = 3");
  expect_broken(11, "The newest rows of the ledger are gone: it ends at 10, and had come to 12");
  // Who sets back that count too forgets the others.
  tamper(
      "DELETE FROM ledger WHERE seq >= 9; DELETE FROM attempt WHERE attempt_id = 3;"
      "DELETE FROM action WHERE action_id = 3; UPDATE sqlite_sequence SET seq = 8 WHERE name = 'ledger'");
  expect_broken(std::nullopt, "The newest rows of action are gone: it ends at 2, and had come to 3");
}

TEST_F(LedgerTest, ShowsATailThatWasCutWithEveryTraceByTheHeadThatWasNoted) {
  log_three();
  const std::string noted = verify().head;
  tamper(
      "DELETE FROM ledger WHERE seq >= 9; DELETE FROM attempt_outcome WHERE attempt_id = 3;"
      "DELETE FROM action_outcome WHERE action_id = 3; DELETE FROM attempt WHERE attempt_id = 3;"
      "DELETE FROM action WHERE action_id = 3; UPDATE sqlite_sequence SET seq = 8 WHERE name = 'ledger';"
      "UPDATE sqlite_sequence SET seq = 2 WHERE name IN ('action', 'attempt')");
  EXPECT_TRUE(verify().holds) << "a chain alone cannot know";
  expect_broken(std::nullopt, noted, noted);
}

TEST_F(LedgerTest, ShowsAChangedOrMissingOrigin) {
  log_three();
  tamper("UPDATE origin SET predecessor_name = 'another.db'");
  expect_broken(1, "Row 1 of the ledger does not follow");
  tamper("DELETE FROM origin");
  expect_broken(std::nullopt, "The row of origin");
}

TEST_F(LedgerTest, ShowsThatARowIsReadInAnotherWay) {
  log_three();
  const struct {
    const char *edit, *undo, *problem;
  } edits[] = {
      {"UPDATE signal_name SET name = 'SIGFOO' WHERE number = 15",
       "UPDATE signal_name SET name = 'SIGTERM' WHERE number = 15", "The signal 15 is not called SIGTERM any more"},
      {"DROP VIEW actions; CREATE VIEW actions AS SELECT 1 AS action_id", nullptr, "The view actions is gone, or"},
      {"DROP TRIGGER attempt_is_not_deleted", nullptr, "The trigger attempt_is_not_deleted is gone"},
  };
  for (const auto& [edit, undo, problem] : edits) {
    SQLite::Database(path().string(), SQLite::OPEN_READWRITE).exec(edit);
    expect_broken(std::nullopt, problem);
    if (undo != nullptr) SQLite::Database(path().string(), SQLite::OPEN_READWRITE).exec(undo);
  }
}

TEST_F(LedgerTest, ShowsAMissingTable) {
  log_three();
  tamper("DROP TABLE ledger");
  expect_broken(std::nullopt, "The table ledger is gone.");
}

TEST_F(LedgerTest, BeginsWithThePredecessorAndItsLastHead) {
  log_three();
  const std::string head = verify().head;
  EXPECT_EQ(last_ledger_head(path()), head);
  const std::filesystem::path next = folder_ / "next.db";
  open_for_recording(next, 1000, Predecessor{"galproc.db.corrupt-1", head});
  open_for_recording(next, 1000, Predecessor{"too late", std::nullopt});
  SQLite::Database database = open_for_reading(next);
  EXPECT_EQ(rows_of(database, "SELECT predecessor_name, predecessor_head FROM origin"),
            "galproc.db.corrupt-1|" + head + "\n");
  EXPECT_TRUE(verify_ledger(database).holds);
  EXPECT_EQ(last_ledger_head(folder_ / "absent.db"), std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "absent.db"));
}

}  // namespace
}  // namespace galproc
