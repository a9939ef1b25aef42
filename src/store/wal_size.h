#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <string>

namespace galproc {

/// How large the -wal may grow before it is said that a reader keeps it from being emptied.
constexpr std::int64_t kMostWalBytes = 256LL * 1024 * 1024;

/// How much of the -wal is in use: nothing once all of it stands in the database. The file itself tells less, since it
/// keeps some of its size for the next time.
class WalSize {
 public:
  /// REQUIRES: `database` outlives this object, is in WAL mode, and has not given up its automatic checkpoints.
  explicit WalSize(SQLite::Database& database);
  ~WalSize();
  WalSize(const WalSize&) = delete;
  WalSize& operator=(const WalSize&) = delete;

  /// After this connection's last commit; 0 before the first.
  std::int64_t bytes() const { return bytes_; }

  /// Why the last checkpoint did not move it into the database; "": it did, or only a reader was in its way.
  const std::string& failure() const { return failure_; }

 private:
  SQLite::Database& database_;
  std::int64_t page_bytes_;
  std::int64_t bytes_ = 0;
  std::string failure_;
};

}  // namespace galproc
