#pragma once

// A database in memory for tests of questions, and the words in which its rows are written down.

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "model/rows.h"
#include "store/embedded.h"

namespace galproc {

/// `2026-11-20T10:00:05[.25]Z`, or a time of day alone, which is one of 2026-11-20; microseconds since the epoch.
/// Independent of galproc's own parser.
inline std::int64_t instant_us(const std::string& text) {
  const std::string whole = text.find('T') == std::string::npos ? "2026-11-20T" + text : text;
  std::tm date{};
  double seconds = 0;
  if (std::sscanf(whole.c_str(), "%d-%d-%dT%d:%d:%lf", &date.tm_year, &date.tm_mon, &date.tm_mday, &date.tm_hour,
                  &date.tm_min, &seconds) != 6) {
    throw std::invalid_argument("no instant: " + text);
  }
  date.tm_year -= 1900;
  date.tm_mon -= 1;
  return std::int64_t{::timegm(&date)} * 1'000'000 + static_cast<std::int64_t>(seconds * 1e6 + 0.5);
}

namespace query_database_detail {

inline void us(sqlite3_context* context, int, sqlite3_value** values) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(values[0]));
  try {
    sqlite3_result_int64(context, instant_us(text == nullptr ? "" : text));
  } catch (const std::exception& error) {
    sqlite3_result_error(context, error.what(), -1);
  }
}

inline void mib(sqlite3_context* context, int, sqlite3_value** values) {
  sqlite3_result_int64(context, sqlite3_value_int64(values[0]) * 1024 * 1024);
}

/// witness('poll') or state('idle'): the number of a name, by the statement that is given as user data.
inline void number_of(sqlite3_context* context, int, sqlite3_value** values) {
  sqlite3_stmt* lookup = nullptr;
  sqlite3_prepare_v2(sqlite3_context_db_handle(context), static_cast<const char*>(sqlite3_user_data(context)), -1,
                     &lookup, nullptr);
  sqlite3_bind_value(lookup, 1, values[0]);
  if (sqlite3_step(lookup) == SQLITE_ROW) {
    sqlite3_result_int64(context, sqlite3_column_int64(lookup, 0));
  } else {
    sqlite3_result_error(context, "no such name", -1);
  }
  sqlite3_finalize(lookup);
}

}  // namespace query_database_detail

/// The schema and the views in a new database in memory, with the functions of tests/golden/fixture.sql.
inline SQLite::Database make_query_database() {
  SQLite::Database database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  for (std::size_t i = 0; i < kSchemaFilesCount; ++i) database.exec(kSchemaFiles[i].content);
  for (std::size_t i = 0; i < kViewFilesCount; ++i) database.exec(kViewFiles[i].content);
  for (std::size_t i = 0; i < kTriggerFilesCount; ++i) database.exec(kTriggerFiles[i].content);
  database.exec("PRAGMA foreign_keys = ON");
  sqlite3* handle = database.getHandle();
  sqlite3_create_function(handle, "us", 1, SQLITE_UTF8, nullptr, query_database_detail::us, nullptr, nullptr);
  sqlite3_create_function(handle, "mib", 1, SQLITE_UTF8, nullptr, query_database_detail::mib, nullptr, nullptr);
  static char witness[] = "SELECT source FROM witness WHERE name = ?";
  static char state[] = "SELECT state FROM process_state WHERE name = ?";
  sqlite3_create_function(handle, "witness", 1, SQLITE_UTF8, witness, query_database_detail::number_of, nullptr,
                          nullptr);
  sqlite3_create_function(handle, "state", 1, SQLITE_UTF8, state, query_database_detail::number_of, nullptr, nullptr);
  return database;
}

/// NULL, plain numbers (six digits of a REAL), plain text.
inline std::string cell_text(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{:.6g}", *real);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return "NULL";
}

/// One line a row, ` | ` between the cells.
inline std::string rows_text(const RowSet& rows) {
  std::string text;
  for (const auto& row : rows.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) text += (i == 0 ? "" : " | ") + cell_text(row[i]);
    text += "\n";
  }
  return text;
}

}  // namespace galproc
