#pragma once

// Rows in, question, expected rows out. Each file <query>[.<case>].expected of a folder is one test over one recording:
//
//   tree at=10:00:12 pid=500            the query and its parameters (instants: a time of 2026-11-20, or ISO 8601)
//   # why these rows are right
//   depth | pid | name                  the columns to compare, a selection in any order
//   0 | 500 | bash                      one line a row; NULL is unknown
//
// or, for the views, `run: SELECT ...` in the first line. Expected rows are reasoned by hand from what happened.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "support/query_database.h"

namespace galproc {

inline std::string whole_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::string trim(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

inline std::vector<std::string> cells_of(const std::string& line) {
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

inline Expectation read_expectation(const std::filesystem::path& path) {
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

inline Value value_of(const QueryParam& param, const std::string& text) {
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

inline RowSet answer(SQLite::Database& database, const std::string& question) {
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
inline RowSet select_columns(const RowSet& rows, const std::vector<std::string>& names) {
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

inline std::vector<std::string> expectations_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".expected") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Asks what a file says and holds the answer against it.
inline void expect_answer(SQLite::Database& database, const std::filesystem::path& path) {
  const Expectation expectation = read_expectation(path);
  const std::string actual = rows_text(select_columns(answer(database, expectation.question), expectation.columns));
  EXPECT_EQ(actual, expectation.rows) << path << "\n"
                                      << expectation.question << "\nexpected:\n"
                                      << expectation.rows << "actual:\n"
                                      << actual;
}

/// The name of a file as the name of a test.
inline std::string expectation_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

}  // namespace galproc
