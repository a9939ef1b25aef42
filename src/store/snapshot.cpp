#include "store/snapshot.h"

#include <SQLiteCpp/Backup.h>
#include <sqlite3.h>

namespace galproc {

void copy_database(SQLite::Database& from, const std::filesystem::path& to) {
  // Not VACUUM INTO: from a connection that may only read it stumbles over generated columns (SQLite 3.40).
  SQLite::Database copy(to.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  {
    SQLite::Backup backup(copy, from);
    const int result = backup.executeStep(-1);  // all pages in one read transaction
    if (result != SQLITE_DONE) throw SQLite::Exception("the copy could not be finished", result);
  }
  copy.exec("PRAGMA journal_mode = DELETE");
}

}  // namespace galproc
