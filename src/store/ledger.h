#pragma once

// The ledger: one hash a row of the action log, each over the row and the hash before it. Whoever changes a row, takes
// one out of the middle or puts one in breaks the chain from there on. What it cannot show by itself: that its newest
// rows were cut off together with everything that remembers them, or that all of it was written anew; a head that was
// noted elsewhere shows both. Where the oldest part was cut off because somebody asked for it, a row of action_prune,
// chained like the others, names the hash at the cut, and what stays of that part is chained anew behind it.
//
// hash = SHA-256("galproc-ledger-1" 0x00 | prev_hash | table_name | row_id | columns), prev_hash of the first row =
// SHA-256("galproc-ledger-1" 0x00 | database_id | predecessor_name | predecessor_head of origin). Every value after the
// 0x00 is a tag and its content: N; I and 8 bytes, big-endian two's complement; T, 8 bytes of length, and the UTF-8
// bytes. Which columns, in which order, is what `format` numbers: see kFormat1.

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/statement.h"

namespace galproc {

/// Adds rows of the action log to the chain.
class Ledger {
 public:
  explicit Ledger(SQLite::Database& database);

  /// Chains the row with this key, as it stands in the table. REQUIRES: a BEGIN IMMEDIATE transaction is open, in which
  /// the row was added; `table` is a chained one. Throws SQLite::Exception.
  void append(const std::string& table, std::int64_t row_id);

  /// Hash of the newest row; of an empty ledger the one that its first row will follow. Throws as append.
  std::string head();

 private:
  SQLite::Database& database_;
  Prepared newest_, insert_;
  std::map<std::string, Prepared> rows_;  ///< by table: the hashed columns of one row
};

struct LedgerReport {
  std::int64_t length = 0;  ///< rows that hold, from the first that is left on
  std::string head;         ///< hash of the last of them; of an empty ledger the one that its first row will follow
  bool holds = true;
  std::optional<std::int64_t> first_bad_seq;  ///< empty: it holds, or what is wrong has no place in the chain
  std::string problem;                        ///< a sentence; empty: it holds
};

/// Walks the whole chain in one read transaction. `head`: 64 lower-case hex digits that must be in it. Throws
/// SQLite::Exception. REQUIRES: the schema is current, no transaction is open.
LedgerReport verify_ledger(SQLite::Database& database, const std::optional<std::string>& head = std::nullopt);

/// A sentence for each time that the oldest part was deleted because somebody asked for it. Throws SQLite::Exception.
std::vector<std::string> cuts_of_ledger(SQLite::Database& database);

/// The newest hash in a file that may be damaged; empty where it cannot be read. REQUIRES: no connection of this
/// process to the file.
std::optional<std::string> last_ledger_head(const std::filesystem::path& path);

}  // namespace galproc
