// SQLite tells the length of the -wal at each commit, to one function. Its own automatic checkpoints hang on that
// function too, so the one here makes them.

#include "store/wal_size.h"

#include <sqlite3.h>

#include "store/database.h"

namespace galproc {

namespace {
constexpr int kPagesToCheckpoint = 1000;       // SQLite's own default
constexpr std::int64_t kWalHeaderBytes = 32;   // https://sqlite.org/fileformat.html#walformat
constexpr std::int64_t kPageHeaderBytes = 24;  // likewise
}  // namespace

WalSize::WalSize(SQLite::Database& database)
    : database_(database), page_bytes_(database.execAndGet("PRAGMA page_size").getInt64()) {
  const auto committed = [](void* self, sqlite3* connection, const char* name, int pages) {
    auto& size = *static_cast<WalSize*>(self);
    size.bytes_ = kWalHeaderBytes + pages * (size.page_bytes_ + kPageHeaderBytes);
    if (pages < kPagesToCheckpoint) return SQLITE_OK;
    int there = 0, moved = -1;
    // One that cannot move all, since somebody reads, is tried again at the next commit: this commit stands.
    const int result = sqlite3_wal_checkpoint_v2(connection, name, SQLITE_CHECKPOINT_PASSIVE, &there, &moved);
    const bool failed = result != SQLITE_OK && result != SQLITE_BUSY;
    size.failure_ = failed ? describe(SQLite::Exception(connection, result)) : "";
    if (result == SQLITE_OK && moved == there) size.bytes_ = 0;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(database_.getHandle(), committed, this);
}

WalSize::~WalSize() {
  sqlite3_wal_autocheckpoint(database_.getHandle(), kPagesToCheckpoint);
}

}  // namespace galproc
