// Rows in, question, expected rows out. Each file tests/golden/<query>[.<case>].expected is one test over the day in
// tests/golden/fixture.sql:
//
//   tree at=10:00:12 pid=500            the query and its parameters (instants: a time of that day, or ISO 8601)
//   # why these rows are right
//   depth | pid | name                  the columns to compare, a selection in any order
//   0 | 500 | bash                      one line a row; NULL is unknown
//
// or, for the views, `run: SELECT ...` in the first line. Expected rows are reasoned from the fixture by hand.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "support/query_database.h"

namespace galproc {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(GALPROC_SOURCE_DIR) / "tests" / "golden";

std::string whole_text(const fs::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string trim(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t start = 0;
  while (true) {
    const std::size_t end = line.find(" | ", start);
    cells.push_back(trim(line.substr(start, end - start)));
    if (end == std::string::npos) return cells;
    start = end + 3;
  }
}

struct Expectation {
  std::string question;  ///< first line
  std::vector<std::string> columns;
  std::string rows;  ///< as rows_text writes them
};

Expectation read_expectation(const fs::path& path) {
  Expectation expectation;
  std::istringstream lines(whole_text(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (expectation.question.empty()) {
      expectation.question = line;
    } else if (expectation.columns.empty()) {
      expectation.columns = cells_of(line);
    } else {
      const std::vector<std::string> cells = cells_of(line);
      for (std::size_t i = 0; i < cells.size(); ++i) expectation.rows += (i == 0 ? "" : " | ") + cells[i];
      expectation.rows += "\n";
    }
  }
  return expectation;
}

Value value_of(const QueryParam& param, const std::string& text) {
  switch (param.type) {
    case ParamType::Text: return text;
    case ParamType::Instant: return instant_us(text);
    case ParamType::Duration: return std::int64_t{1'000'000} * std::stoll(text);  // seconds are enough here
    case ParamType::Size:
    case ParamType::Integer:
    case ParamType::Flag: return std::int64_t{std::stoll(text)};
  }
  return {};
}

RowSet answer(SQLite::Database& database, const std::string& question) {
  if (question.rfind("run: ", 0) == 0) return run_sql(database, question.substr(5));
  std::istringstream words(question);
  std::string name;
  words >> name;
  static const QueryCatalogue catalogue = QueryCatalogue::built_in();
  const NamedQuery* query = catalogue.find(name);
  if (query == nullptr) throw std::runtime_error("no query " + name);
  QueryBindings bindings;
  for (std::string word; words >> word;) {
    const std::size_t sign = word.find('=');
    const QueryParam* param = query->find_param(word.substr(0, sign));
    if (param == nullptr) throw std::runtime_error(name + " has no parameter " + word);
    bindings[param->name] = value_of(*param, word.substr(sign + 1));
  }
  return run_query(database, *query, bindings);
}

/// Only the columns that are named, in that order.
RowSet select_columns(const RowSet& rows, const std::vector<std::string>& names) {
  RowSet result;
  std::vector<std::size_t> places;
  for (const std::string& name : names) {
    const auto found = std::find_if(rows.columns.begin(), rows.columns.end(),
                                    [&name](const Column& column) { return column.name == name; });
    if (found == rows.columns.end()) throw std::runtime_error("the answer has no column " + name);
    places.push_back(static_cast<std::size_t>(found - rows.columns.begin()));
    result.columns.push_back(*found);
  }
  for (const auto& row : rows.rows) {
    std::vector<Value>& chosen = result.rows.emplace_back();
    for (const std::size_t place : places) chosen.push_back(row[place]);
  }
  return result;
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kGolden)) {
    if (entry.path().extension() == ".expected") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

SQLite::Database fixture() {
  SQLite::Database database = make_query_database();
  database.exec(whole_text(kGolden / "fixture.sql"));
  return database;
}

class QueryGolden : public testing::TestWithParam<std::string> {};

TEST_P(QueryGolden, GivesTheExpectedRows) {
  const fs::path path = kGolden / (GetParam() + ".expected");
  const Expectation expectation = read_expectation(path);
  SQLite::Database database = fixture();
  const std::string actual = rows_text(select_columns(answer(database, expectation.question), expectation.columns));
  EXPECT_EQ(actual, expectation.rows) << path << "\n"
                                      << expectation.question << "\nexpected:\n"
                                      << expectation.rows << "actual:\n"
                                      << actual;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, QueryGolden, testing::ValuesIn(golden_names()), test_name);

TEST(QueryGoldenFolder, HoldsAnExpectationForEveryQueryAndView) {
  std::set<std::string> tested;
  for (const std::string& name : golden_names()) tested.insert(name.substr(0, name.find('.')));
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
