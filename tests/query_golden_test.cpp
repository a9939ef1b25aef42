// Every query and view over the day in tests/golden/fixture.sql: see support/expectation.h for the form of the files.

#include <set>

#include "support/expectation.h"

namespace galproc {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(GALPROC_SOURCE_DIR) / "tests" / "golden";

SQLite::Database fixture() {
  SQLite::Database database = make_query_database();
  database.exec(whole_text(kGolden / "fixture.sql"));
  return database;
}

class QueryGolden : public testing::TestWithParam<std::string> {};

TEST_P(QueryGolden, GivesTheExpectedRows) {
  SQLite::Database database = fixture();
  expect_answer(database, kGolden / (GetParam() + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Files, QueryGolden, testing::ValuesIn(expectations_in(kGolden)), expectation_name);

TEST(QueryGoldenFolder, HoldsAnExpectationForEveryQueryAndView) {
  std::set<std::string> tested;
  for (const std::string& name : expectations_in(kGolden)) tested.insert(name.substr(0, name.find('.')));
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  for (const NamedQuery& query : catalogue.all()) EXPECT_TRUE(tested.count(query.name)) << query.name;
  for (std::size_t i = 0; i < kViewFilesCount; ++i) {
    EXPECT_TRUE(tested.count(std::string("view_") + kViewFiles[i].name)) << "view " << kViewFiles[i].name;
  }
}

/// Parameters that make each query answer over the whole day.
QueryBindings whole_day(const NamedQuery& query) {
  QueryBindings bindings;
  for (const QueryParam& param : query.params) {
    if (param.required && param.name == "port") bindings["port"] = std::int64_t{22};
    if (param.name == "pid" && !query.requires_one_of.empty()) bindings["pid"] = std::int64_t{600};
    if (param.name == "until") bindings["until"] = instant_us("23:00:00");
    if (param.name == "action") bindings["action"] = std::int64_t{4};
    if (param.name == "window") bindings["window"] = std::int64_t{60'000'000};
    if (param.name == "under") bindings["under"] = std::int64_t{5'000'000};
    if (param.name == "path") bindings["path"] = "/srv/venv";
    if (param.name == "cgroup") bindings["cgroup"] = "/user";
    if (query.name == "venv") bindings["at"] = instant_us("10:02:35");
    if (query.name == "limits") bindings["max-processes"] = std::int64_t{8};
    if (query.name == "new-ports") {
      bindings["from"] = instant_us("10:00:32");
      bindings["to"] = instant_us("10:01:10");
    }
  }
  return bindings;
}

TEST(QueryAnswers, SayTheSameInstantAsTextAndAsNumber) {
  SQLite::Database database = fixture();
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  int compared = 0;
  for (const NamedQuery& query : catalogue.all()) {
    const RowSet rows = run_query(database, query, whole_day(query));
    for (std::size_t text = 0; text < rows.columns.size(); ++text) {
      if (rows.columns[text].unit != Unit::InstantText) continue;
      const std::string& name = rows.columns[text].name;
      const std::string twin = name.substr(0, name.size() - 2) + (name == "at" ? "at_us" : "us");
      const RowSet pair = select_columns(rows, {name, twin});
      EXPECT_EQ(pair.columns[1].unit, Unit::InstantUs) << query.name << "." << twin;
      for (const auto& row : pair.rows) {
        if (std::holds_alternative<std::monostate>(row[0])) {
          EXPECT_TRUE(std::holds_alternative<std::monostate>(row[1])) << query.name << "." << name;
          continue;
        }
        EXPECT_EQ(instant_us(std::get<std::string>(row[0])), std::get<std::int64_t>(row[1]))
            << query.name << "." << name;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 100);
}

TEST(QueryAnswers, HaveValuesOfTheDeclaredKinds) {
  SQLite::Database database = fixture();
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  for (const NamedQuery& query : catalogue.all()) {
    const RowSet rows = run_query(database, query, whole_day(query));
    EXPECT_FALSE(rows.rows.empty()) << query.name;
    for (const auto& row : rows.rows) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (std::holds_alternative<std::monostate>(row[i])) continue;
        const ColumnKind kind = query.columns[i].kind;
        const bool text = kind == ColumnKind::Text || kind == ColumnKind::Instant;
        const bool real = kind == ColumnKind::Real || kind == ColumnKind::Percent;
        EXPECT_EQ(std::holds_alternative<std::string>(row[i]), text) << query.name << "." << query.columns[i].name;
        EXPECT_EQ(std::holds_alternative<double>(row[i]), real) << query.name << "." << query.columns[i].name;
      }
    }
  }
}

TEST(QueryAnswers, AreEmptyBeforeAnythingIsRecorded) {
  SQLite::Database database = make_query_database();
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  for (const NamedQuery& query : catalogue.all()) {
    if (query.name == "storage") continue;
    EXPECT_TRUE(run_query(database, query, whole_day(query)).rows.empty()) << query.name;
  }
}

// The wall clock is put back by 15 s before tick 3: the newest tick is not the one with the highest time.
TEST(QueryAnswers, TakeTheNewestTickAndNotTheHighestTimeForTheLatest) {
  SQLite::Database database = make_query_database();
  database.exec(
      "INSERT INTO boot VALUES (1, 'b', 1, us('09:00:00'), 'box', 'Linux', '6');"
      "INSERT INTO recording VALUES (1, 1, us('10:00:00'), 0, 5000000, '0', 'proc', 'sock_diag', 'none', 1, 7, 0, "
      "'root', NULL, NULL, NULL, NULL);"
      "INSERT INTO tick VALUES (1, 1, us('10:00:00'), 1000000, 1, NULL, 0, 1, 1), (2, 1, us('10:00:05'), 6000000, 1, "
      "1, 0, 1, 1),"
      " (3, 1, us('09:59:55'), 11000000, 1, 2, 0, 1, 1);"
      "INSERT INTO process VALUES (1, 1, 50, 1, us('09:30:00'), 0, witness('poll'), 0, NULL, 0);"
      "INSERT INTO process_sample VALUES (1 << 32 | 1, state('running'), 1000000, 0, 1, 1, 0, 0),"
      " (3 << 32 | 1, state('running'), 3000000, 0, 2, 1, 0, 0);");
  EXPECT_EQ(rows_text(select_columns(answer(database, "processes"), {"pid", "resident_bytes", "cpu_pct"})),
            "50 | 2048 | 40\n");
  EXPECT_EQ(rows_text(select_columns(answer(database, "processes at=10:00:07"), {"pid", "resident_bytes", "cpu_pct"})),
            "50 | 1024 | 0\n");
}

}  // namespace
}  // namespace galproc
