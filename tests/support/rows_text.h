#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <string>

namespace galproc {

/// The rows of a statement, cells joined by '|', each row ended by a newline, NULL as NULL.
inline std::string rows_of(SQLite::Database& database, const std::string& sql) {
  SQLite::Statement statement(database, sql);
  std::string text;
  while (statement.executeStep()) {
    for (int i = 0; i < statement.getColumnCount(); ++i) {
      text += (i > 0 ? "|" : "") + (statement.getColumn(i).isNull() ? "NULL" : statement.getColumn(i).getString());
    }
    text += "\n";
  }
  return text;
}

}  // namespace galproc
