// What becomes of holes and oddities that the day in tests/golden does not have.

#include <gtest/gtest.h>

#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "support/query_database.h"

namespace galproc {
namespace {

class QueryGaps : public testing::Test {
 protected:
  QueryGaps() {
    database_.exec(
        "INSERT INTO boot VALUES (1, 'one', 1, us('09:00:00'), 'box', 'Linux', '6'),"
        " (2, 'two', 1, us('12:00:00'), 'box', 'Linux', '6')");
  }

  /// A recording with ticks each 5 s, and a process (pid = number) that lives through all of it.
  void record(int number, const std::string& start, int ticks, int boot = 1) {
    database_.exec(
        fmt::format("INSERT INTO recording VALUES ({}, {}, us('{}') - 500, 0, 5000000, '0', 'proc', 'sock_diag',"
                    " 'none', 1, 7, 0, 'root', NULL, NULL, NULL, NULL)",
                    number, boot, start));
    for (int i = 0; i < ticks; ++i) {
      ++tick_;
      database_.exec(
          fmt::format("INSERT INTO tick VALUES ({0}, {1}, us('{2}') + {3} * 5000000, {0} * 5000000, {4}, {5}, 0, 0, 1)",
                      tick_, number, start, i, tick_ - i, i == 0 ? "NULL" : std::to_string(tick_ - 1)));
    }
  }
  void end(int number, const std::string& at, const std::string& reason) {
    database_.exec(fmt::format("INSERT INTO recording_end VALUES ({}, us('{}'), '{}')", number, at, reason));
  }
  /// kind, beginning and end of every gap, times of day only.
  std::string gaps() {
    return rows_text(run_sql(database_,
                             "SELECT kind, substr(from_at, 12, 10), substr(to_at, 12, 10), recording_id FROM gaps"
                             " ORDER BY from_us, kind"));
  }
  std::string ends() {
    return rows_text(run_sql(database_, "SELECT recording_id, end_reason FROM recordings ORDER BY 1"));
  }

  SQLite::Database database_ = make_query_database();
  int tick_ = 0;
};

TEST_F(QueryGaps, TheNewestRecordingWithoutAnEndIsRunning) {
  record(1, "10:00:00", 3);
  EXPECT_EQ(gaps(), "");
  EXPECT_EQ(ends(), "1 | NULL\n");
}

TEST_F(QueryGaps, AfterTheLastEndTheGapIsOpen) {
  record(1, "10:00:00", 3);
  end(1, "10:00:11", "stopped");
  EXPECT_EQ(gaps(), "stopped | 10:00:11.0 | NULL | 1\n");
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  const NamedQuery& query = *catalogue.find("gaps");
  EXPECT_EQ(run_query(database_, query, {{"since", instant_us("22:00:00")}}).rows.size(), 1u);
  EXPECT_EQ(run_query(database_, query, {{"until", instant_us("10:00:10")}}).rows.size(), 0u);
}

TEST_F(QueryGaps, AnOlderRecordingWithoutAnEndHasCrashedAtItsLastTick) {
  record(1, "10:00:00", 3);
  record(2, "10:01:00", 2);
  EXPECT_EQ(gaps(), "crashed | 10:00:10.0 | 10:01:00.0 | 1\n");
  EXPECT_EQ(ends(), "1 | crashed\n2 | NULL\n");
}

TEST_F(QueryGaps, AHoleThatWasOpenWhenItWasWrittenEndsByARowOfItsOwnOrWithItsRecording) {
  record(1, "10:00:00", 3);
  database_.exec(
      "INSERT INTO gap VALUES (1, 1, 'wal_pinned', us('10:00:00'), NULL, 'A.'),"
      " (2, 1, 'wal_pinned', us('10:00:05'), NULL, 'B.')");
  EXPECT_EQ(gaps(), "wal_pinned | 10:00:00.0 | NULL | 1\nwal_pinned | 10:00:05.0 | NULL | 1\n");
  database_.exec("INSERT INTO gap_end VALUES (1, us('10:00:04'))");
  end(1, "10:00:11", "stopped");
  EXPECT_EQ(gaps(),
            "wal_pinned | 10:00:00.0 | 10:00:04.0 | 1\nwal_pinned | 10:00:05.0 | 10:00:11.0 | 1\n"
            "stopped | 10:00:11.0 | NULL | 1\n");
}

TEST_F(QueryGaps, ARecordingWithoutTicksIsNoHoleInTheHole) {
  record(1, "10:00:00", 3);
  end(1, "10:00:10", "stopped");
  record(2, "10:01:00", 0);
  record(3, "10:02:00", 2);
  EXPECT_EQ(gaps(),
            "stopped | 10:00:10.0 | 10:00:59.9 | 1\n"
            "crashed | 10:00:59.9 | 10:02:00.0 | 2\n");
}

TEST_F(QueryGaps, EveryReasonOfAnEndHasItsKind) {
  record(1, "10:00:00", 1);
  end(1, "10:00:00", "file_moved");
  record(2, "10:02:00", 1);
  end(2, "10:02:00", "newer_schema");
  record(3, "10:03:00", 1);
  end(3, "10:03:00", "crashed");
  record(4, "12:05:00", 1, 2);
  end(4, "12:05:00", "stopped");
  EXPECT_EQ(gaps(),
            "file_moved | 10:00:00.0 | 10:02:00.0 | 1\n"
            "stopped | 10:02:00.0 | 10:03:00.0 | 2\n"
            "reboot | 10:03:00.0 | 12:05:00.0 | 3\n"
            "stopped | 12:05:00.0 | NULL | 4\n");
  EXPECT_EQ(rows_text(run_sql(database_, "SELECT detail FROM gaps ORDER BY from_us")),
            "The file was moved away from the recorder.\n"
            "The recorder stopped: a newer galproc had changed the file.\n"
            "The recorder crashed or was killed; the machine was booted anew.\n"
            "The recorder was stopped.\n");
}

TEST_F(QueryGaps, LatenessOfOneIntervalIsNone) {
  record(1, "10:00:00", 3);
  database_.exec("UPDATE tick SET late_us = 5000000 WHERE tick_id = 2");
  EXPECT_EQ(gaps(), "");
  database_.exec("UPDATE tick SET late_us = 5000001 WHERE tick_id = 2");
  EXPECT_EQ(gaps(), "late | 09:59:59.9 | 10:00:05.0 | 1\n");
}

TEST_F(QueryGaps, SignalsAreNamedAndUnknownNumbersStayNumbers) {
  record(1, "10:00:00", 1);
  for (const int signal : {1, 9, 15, 31, 34}) {
    database_.exec(fmt::format(
        "INSERT INTO process VALUES ({0}, 1, {0}, 1, us('09:30:00'), 0, witness('poll'), 0, NULL, 0)", signal));
    database_.exec(
        fmt::format("INSERT INTO process_exit VALUES ({0}, witness('poll'), 1, us('10:00:00'), NULL, NULL, {0}, 1, 1, "
                    "1, 1, 1, 0, 0)",
                    signal));
  }
  EXPECT_EQ(rows_text(run_sql(database_, "SELECT exit_signal FROM processes ORDER BY upid")),
            "SIGHUP\nSIGKILL\nSIGTERM\nSIGSYS\nSIG34\n");
}

// The event names the creator, the poll the parent of the moment; where both are of one instant each has its use.
TEST_F(QueryGaps, OfTwoParentsOfOneInstantTheTreeTakesThePolledOne) {
  record(1, "10:00:00", 2);
  database_.exec(
      "INSERT INTO process VALUES (1, 1, 1, 1, us('09:00:00'), 0, witness('poll'), 0, NULL, 0),"
      " (2, 1, 50, 1, us('09:30:00'), 0, witness('poll'), 0, NULL, 0),"
      " (3, 1, 60, 1, us('09:40:00'), 0, witness('event'), 0, 2, 50);"
      "INSERT INTO process_parent (upid, at_us, source, parent_upid, parent_pid) VALUES (3, us('09:40:00'), "
      "witness('poll'), 1, 1);"
      "INSERT INTO process_sample SELECT 1 << 32 | upid, state('running'), 0, 0, 0, 1, 0, 0 FROM process");
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  const RowSet tree = run_query(database_, *catalogue.find("tree"), {{"pid", std::int64_t{60}}});
  ASSERT_EQ(tree.rows.size(), 1u);
  EXPECT_EQ(tree.rows[0][3], Value{std::int64_t{1}}) << "parent_pid";
  EXPECT_EQ(rows_text(run_sql(database_, "SELECT parent_pid FROM processes WHERE upid = 3")), "50\n");
}

// Who met it first is not always the best witness, and may know no parent at all.
TEST_F(QueryGaps, WhatIsLearntOfParentsLaterCountsFromItsOwnInstant) {
  record(1, "10:00:00", 2);
  database_.exec(
      "INSERT INTO process VALUES (1, 1, 1, 1, us('09:00:00'), 0, witness('poll'), 0, NULL, 0),"
      " (2, 1, 50, 1, us('09:30:00'), 0, witness('poll'), 0, NULL, 0),"
      " (3, 1, 60, 1, us('09:40:00'), 0, witness('poll'), 5000000, 1, 1),"
      " (4, 1, 70, 1, us('09:40:00'), 0, witness('poll'), 5000000, NULL, NULL);"
      "INSERT INTO process_parent (upid, at_us, source, parent_upid, parent_pid) VALUES (3, us('09:40:00'), "
      "witness('event'), 2, 50),"
      " (4, us('09:41:00'), witness('poll'), 2, 50), (3, us('10:00:03'), witness('poll'), 2, 50);"
      "INSERT INTO process_image (upid, image_no, at_us, name, truncated) VALUES (3, 1, us('09:40:05'), 'job', 0);"
      "INSERT INTO process_sample SELECT 1 << 32 | upid, state('running'), 0, 0, 0, 1, 0, 0 FROM process");
  EXPECT_EQ(rows_text(run_sql(database_, "SELECT pid, parent_upid, parent_pid FROM processes WHERE upid > 2")),
            "60 | 2 | 50\n70 | 2 | 50\n");
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  const auto parents_at = [&](const char* query, const char* at) {
    std::string text;
    for (const auto& row : run_query(database_, *catalogue.find(query), {{"at", instant_us(at)}}).rows) {
      const std::size_t pid = query == std::string("tree") ? 2 : 1;
      text += cell_text(row[pid]) + "<" + cell_text(row[pid + 1]) + " ";
    }
    return text;
  };
  EXPECT_EQ(parents_at("processes", "10:00:01"), "1<0 50<0 60<1 70<50 ");
  EXPECT_EQ(parents_at("processes", "10:00:06"), "1<0 50<0 60<50 70<50 ");
  EXPECT_EQ(parents_at("tree", "10:00:01"), "1<0 60<1 50<0 70<50 ");
  EXPECT_EQ(parents_at("tree", "10:00:06"), "1<0 50<0 60<50 70<50 ");
  const RowSet life = run_query(database_, *catalogue.find("process"), {{"pid", std::int64_t{60}}});
  ASSERT_EQ(life.rows.size(), 1u);
  EXPECT_NE(cell_text(life.rows[0][2]).find("from 2026-11-20T09:40:05.000000Z parent 1"), std::string::npos)
      << cell_text(life.rows[0][2]);
}

// Damage or a strange kernel must not make a question run for ever.
TEST_F(QueryGaps, AncestorsInACircleEnd) {
  record(1, "10:00:00", 1);
  database_.exec(
      "INSERT INTO process VALUES (1, 1, 50, 1, us('09:00:00'), 0, witness('poll'), 0, 2, 60),"
      " (2, 1, 60, 1, us('09:00:00'), 0, witness('poll'), 0, 1, 50);"
      "INSERT INTO process_sample SELECT 1 << 32 | upid, state('running'), 0, 0, 0, 1, 0, 0 FROM process");
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  EXPECT_FALSE(run_query(database_, *catalogue.find("tree"), {{"pid", std::int64_t{50}}}).rows.empty());
  EXPECT_FALSE(run_query(database_, *catalogue.find("ancestry"), {{"pid", std::int64_t{50}}}).rows.empty());
}

TEST_F(QueryGaps, OneLostEventIsNotCalledEvents) {
  record(1, "10:00:00", 3);
  database_.exec(
      "INSERT INTO event_loss VALUES (1, 1, 'bpf', us('10:00:01'), us('10:00:02'), 1),"
      " (2, 1, 'bpf', us('10:00:03'), us('10:00:04'), 2)");
  EXPECT_EQ(rows_text(run_sql(database_, "SELECT detail FROM gaps ORDER BY from_us")),
            "1 event of the source bpf was lost.\n2 events of the source bpf were lost.\n");
}

}  // namespace
}  // namespace galproc
