#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <string>

namespace galproc {

/// While it lives, the connection prepares nothing that could change a file, another one, or the connection itself.
/// REQUIRES: the connection outlives it and has no other authorizer.
class ReadingOnly {
 public:
  explicit ReadingOnly(SQLite::Database& database);
  ~ReadingOnly();
  ReadingOnly(const ReadingOnly&) = delete;
  ReadingOnly& operator=(const ReadingOnly&) = delete;

  /// What was denied first, as the end of a sentence; empty: nothing was.
  const std::string& denied() const { return denied_; }

 private:
  /// An answer of sqlite3_set_authorizer().
  int decide(int action, const char* first, const char* second);

  SQLite::Database& database_;
  std::string denied_;
};

}  // namespace galproc
