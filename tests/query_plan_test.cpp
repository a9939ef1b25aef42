// Which tables a question walks through from end to end. Nobody runs ANALYZE on a live file, so the plans must be right
// without it: the same are asked of an empty file and of a filled one.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "support/query_database.h"

namespace galproc {
namespace {

const std::set<std::string> kLarge = {
    "process_sample", "tick",    "process",         "process_exit", "process_image", "process_parent", "system_sample",
    "action",         "attempt", "attempt_outcome", "ledger",       "service",       "signal_event"};

/// One instruction of SQLite's program for a statement.
struct Step {
  std::string code;
  std::int64_t first = 0;
  std::int64_t second = 0;
};

std::vector<Step> program_of(SQLite::Database& database, const std::string& sql) {
  std::vector<Step> steps;
  SQLite::Statement explained(database, "EXPLAIN " + sql);
  while (explained.executeStep()) {
    steps.push_back(
        {explained.getColumn(1).getString(), explained.getColumn(2).getInt64(), explained.getColumn(3).getInt64()});
  }
  return steps;
}

/// By the page at which the table, or the index of it, begins.
std::map<std::int64_t, std::string> tables_by_page(SQLite::Database& database) {
  std::map<std::int64_t, std::string> tables;
  SQLite::Statement rows(database, "SELECT rootpage, tbl_name FROM sqlite_schema WHERE rootpage > 0");
  while (rows.executeStep()) tables[rows.getColumn(0).getInt64()] = rows.getColumn(1).getString();
  return tables;
}

/// The large tables that a statement may read from end to end. EXPLAIN QUERY PLAN shows aliases only, so the program is
/// read: a cursor that is set to the first (last) entry and then moved on. One that is left after its first entry
/// (min, max, LIMIT 1) is no scan: the move is then jumped over.
std::set<std::string> scanned(SQLite::Database& database, const std::string& sql) {
  const auto tables = tables_by_page(database);
  const std::vector<Step> steps = program_of(database, sql);
  std::map<std::int64_t, std::string> open;
  std::set<std::int64_t> at_an_end;
  std::set<std::string> found;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    if (step.code == "OpenRead" || step.code == "ReopenIdx") {
      const auto table = tables.find(step.second);
      if (table != tables.end()) open[step.first] = table->second;
      at_an_end.erase(step.first);
    } else if (step.code == "Rewind" || step.code == "Last") {
      at_an_end.insert(step.first);
    } else if (step.code.rfind("Seek", 0) == 0) {
      at_an_end.erase(step.first);
    } else if ((step.code == "Next" || step.code == "Prev") && at_an_end.count(step.first) && open.count(step.first)) {
      const Step& before = steps[i - 1];
      // A jump back is the end of an outer join, which comes here when it is done.
      const bool leaves =
          before.code == "DecrJumpZero" || (before.code == "Goto" && before.second > static_cast<std::int64_t>(i));
      if (!leaves && kLarge.count(open[step.first])) found.insert(open[step.first]);
    }
  }
  return found;
}

std::string joined(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

SQLite::Database filled() {
  SQLite::Database database = make_query_database();
  std::ifstream file(std::string(GALPROC_SOURCE_DIR) + "/tests/golden/fixture.sql");
  std::stringstream text;
  text << file.rdbuf();
  database.exec(text.str());
  return database;
}

class QueryPlan : public testing::Test {
 protected:
  std::string scans_of(const std::string& sql) {
    const std::string when_empty = joined(scanned(empty_, sql));
    const std::string when_filled = joined(scanned(filled_, sql));
    EXPECT_EQ(when_empty, when_filled) << sql;
    return when_empty;
  }

  SQLite::Database empty_ = make_query_database();
  SQLite::Database filled_ = filled();
};

TEST_F(QueryPlan, SeesAScanWhereThereIsOne) {
  EXPECT_EQ(scans_of("SELECT * FROM process_sample"), "process_sample ");
  EXPECT_EQ(scans_of("SELECT count(*) FROM tick AS t WHERE t.late_us > 5"), "tick ");
  EXPECT_EQ(scans_of("SELECT upid FROM process ORDER BY started_us DESC"), "process ");
  EXPECT_EQ(scans_of("SELECT s.upid FROM tick AS t CROSS JOIN process_sample AS s WHERE t.tick_id = 5"),
            "process_sample ");
  EXPECT_EQ(scans_of("SELECT t.tick_id, r.version FROM tick AS t LEFT JOIN recording AS r ON r.recording_id ="
                     " t.recording_id"),
            "tick ");
  EXPECT_EQ(scans_of("SELECT max(tick_id) FROM tick"), "");
  EXPECT_EQ(scans_of("SELECT min(at_us) FROM tick"), "");
  EXPECT_EQ(scans_of("SELECT * FROM process_sample WHERE tick_id = 5"), "process_sample ");
  EXPECT_EQ(scans_of("SELECT * FROM process_sample WHERE sample_id BETWEEN 5 << 32 AND (5 + 1 << 32) - 1"), "");
}

TEST_F(QueryPlan, NoQueryButStorageReadsALargeTableFromEndToEnd) {
  // A late tick, and an attempt without an outcome, can be found by looking at each only.
  const std::map<std::string, std::string> scanning = {{"gaps", "tick "}, {"unfinished", "attempt "}};
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  for (const NamedQuery& query : catalogue.all()) {
    if (query.name == "storage") continue;  // counting is what it is for
    const auto scans = scanning.find(query.name);
    EXPECT_EQ(scans_of(query.sql), scans == scanning.end() ? "" : scans->second) << query.name;
  }
}

TEST_F(QueryPlan, ViewsFilteredByWhatIsIndexedDoNotScan) {
  for (const char* sql : {
           "SELECT * FROM processes WHERE upid = 7",
           "SELECT * FROM processes WHERE pid = 700",
           "SELECT * FROM processes WHERE started_us BETWEEN 5 AND 7",
           "SELECT * FROM process_images WHERE upid = 7",
           "SELECT * FROM process_samples WHERE tick_id = 5",
           "SELECT * FROM process_samples WHERE at_us BETWEEN 5 AND 7",
           "SELECT * FROM process_samples WHERE at_us BETWEEN 5 AND 7 AND upid = 7",
           "SELECT * FROM process_samples WHERE at_us BETWEEN 5 AND 7 AND pid = 700",
           "SELECT * FROM system_samples WHERE at_us BETWEEN 5 AND 7",
           "SELECT * FROM ticks WHERE at_us BETWEEN 5 AND 7",
           "SELECT * FROM metrics WHERE at_us BETWEEN 5 AND 7 AND metric = 'cpu_pct'",
           "SELECT * FROM port_bindings WHERE port = 8080",
           "SELECT * FROM port_bindings WHERE bound_us BETWEEN 5 AND 7",
           "SELECT * FROM port_bindings WHERE upid = 7",
           "SELECT * FROM actions WHERE action_id = 7",
           "SELECT * FROM actions WHERE at_us BETWEEN 5 AND 7",
           "SELECT * FROM termination_attempts WHERE at_us BETWEEN 5 AND 7",
           "SELECT * FROM termination_attempts WHERE target_upid = 7",
           "SELECT * FROM galproc_attempts WHERE action_id = 7",
           "SELECT t.* FROM process AS p CROSS JOIN galproc_attempts AS t ON t.target_upid = p.upid WHERE p.pid = 7",
           "SELECT t.* FROM process AS p CROSS JOIN kernel_attempts AS t ON t.target_upid = p.upid WHERE p.pid = 7",
           "SELECT * FROM signals WHERE at_us BETWEEN 5 AND 7",
           "SELECT * FROM signals WHERE target_upid = 7",
           "SELECT * FROM services WHERE upid = 7",
       }) {
    EXPECT_EQ(scans_of(sql), "") << sql;
  }
}

// Retention deletes many: a foreign key without an index would read all of its table for each.
TEST_F(QueryPlan, OfADeletedProcessNoChildTableIsReadFromEndToEnd) {
  const std::string sql = "DELETE FROM process WHERE upid = 7";
  EXPECT_EQ(scans_of(sql), "");
  for (SQLite::Database* database : {&empty_, &filled_}) {
    database->exec("DROP INDEX attempt_by_target; DROP INDEX action_by_actor; DROP INDEX service_by_process");
  }
  EXPECT_EQ(scans_of(sql), "action attempt service ");
}

std::string plan_of(SQLite::Database& database, const std::string& sql) {
  std::string plan;
  SQLite::Statement explained(database, "EXPLAIN QUERY PLAN " + sql);
  while (explained.executeStep()) plan += explained.getColumn(3).getString() + "\n";
  return plan;
}

// By upid alone there is no index: one seek a tick, and never a walk through all samples, nor through those of a tick.
TEST_F(QueryPlan, SamplesOfOneProcessAreSoughtTickByTick) {
  EXPECT_EQ(scans_of("SELECT * FROM process_samples WHERE upid = 7"), "tick ");
  EXPECT_EQ(scans_of("SELECT * FROM process_samples WHERE pid = 700"), "tick ");
  for (const char* filter : {"upid = 7", "pid = 700", "upid = 7 AND at_us > 5", "pid = 700 AND tick_id = 5"}) {
    for (SQLite::Database* database : {&empty_, &filled_}) {
      const std::string plan = plan_of(*database, std::string("SELECT * FROM process_samples WHERE ") + filter);
      EXPECT_NE(plan.find("SEARCH s USING INTEGER PRIMARY KEY (rowid=?)"), std::string::npos) << filter << "\n" << plan;
    }
  }
}

// Else each node is compared with every other.
TEST_F(QueryPlan, ChildrenInATreeAreSoughtByTheirParent) {
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  for (SQLite::Database* database : {&empty_, &filled_}) {
    EXPECT_NE(
        plan_of(*database, catalogue.find("tree")->sql).find("SEARCH n USING AUTOMATIC COVERING INDEX (parent_upid=?)"),
        std::string::npos);
  }
}

}  // namespace
}  // namespace galproc
