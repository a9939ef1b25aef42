#pragma once

// Whether a file is what it should be: sound pages, and rows that keep the promises of the schema.

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <string>
#include <vector>

namespace galproc {

/// How one check ended.
struct FileCheck {
  std::string name;                ///< pages, references, ticks, ...
  std::int64_t problem_count = 0;  ///< 0: it is as it should be
  std::string detail;              ///< a sentence on the first problem; empty: there is none
};

enum class CheckDepth { Quick, Full };

/// All checks in one read transaction, in a fixed order. Quick leaves out what reads every row: contents of indexes,
/// samples and the ledger. A check that a damaged page stops is a problem of its own. Throws SQLite::Exception where
/// the file cannot be read at all. REQUIRES: the schema is current, no transaction is open.
std::vector<FileCheck> check_file(SQLite::Database& database, CheckDepth depth);

}  // namespace galproc
