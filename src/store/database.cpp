#include "store/database.h"

#include <sqlite3.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

#include "model/errors.h"
#include "model/time_words.h"
#include "store/embedded.h"
#include "store/statement.h"

namespace galproc {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kJournalLimitBytes = 64LL * 1024 * 1024;
constexpr int kReaderBusyMs = 5000;
/// The migration that makes the action log with its row of origin.
constexpr int kActionLogVersion = 2;

constexpr const char* kNoPermission =
    "no permission. Ask to be added to its group (galproc), or name another with --db.";
constexpr const char* kNewer = "a newer galproc has migrated it. Use that one.";

std::int64_t pragma(SQLite::Database& database, const char* name) {
  return database.execAndGet(std::string("PRAGMA ") + name).getInt64();
}

bool has_tables(SQLite::Database& database) {
  return database.execAndGet("SELECT count(*) FROM sqlite_schema").getInt64() > 0;
}

/// A path inside an SQLite URI.
std::string uri_path(const fs::path& path) {
  std::string text;
  for (const char byte : fs::absolute(path).string()) {
    if (byte == '%' || byte == '?' || byte == '#') {
      constexpr const char* kHex = "0123456789ABCDEF";
      text += {'%', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      text += byte;
    }
  }
  return text;
}

/// SQLite counts each piece of memory that it takes, under a lock, for figures that nobody here asks for: a tenth of a
/// question's time. It can be told only before it is first used, so before main.
[[maybe_unused]] const int kMemoryIsNotCounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);

/// A question of many parts is compiled and run in small pieces of memory: with a store of its own for them SQLite asks
/// the allocator a tenth as often. REQUIRES: nothing was read yet.
void give_scratch(SQLite::Database& database) {
  constexpr int kPieceBytes = 512;
  constexpr int kPieces = 512;
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_LOOKASIDE, nullptr, kPieceBytes, kPieces);
}

/// Bounds for what anybody may ask, of a file that anybody may have made: no text or row of more than this, no
/// statement longer than a shell passes on, and views can do no more than whoever reads them.
void hold_to_reading(SQLite::Database& database) {
  constexpr int kMostBytes = 64 << 20;
  constexpr int kMostOfStatement = 1 << 20;
  sqlite3_limit(database.getHandle(), SQLITE_LIMIT_LENGTH, kMostBytes);
  sqlite3_limit(database.getHandle(), SQLITE_LIMIT_SQL_LENGTH, kMostOfStatement);
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0, nullptr);
}

/// The header of the file itself, readable even where SQLite gives up on the rest, and without SQLite: opening another
/// program's database in WAL mode would make files beside it.
struct Header {
  bool is_sqlite = false;
  std::int64_t application_id = 0;  ///< big-endian at byte 68
  std::int64_t user_version = 0;    ///< big-endian at byte 60
};

Header read_header(const fs::path& path) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  std::ifstream file(path, std::ios::binary);
  std::array<char, 72> bytes{};
  Header header;
  if (!file.read(bytes.data(), bytes.size())) return header;
  const auto number_at = [&](std::size_t start) {
    std::int64_t number = 0;
    for (std::size_t i = start; i < start + 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
    return number;
  };
  header.is_sqlite = std::string_view(bytes.data(), kMagic.size()) == kMagic;
  header.application_id = number_at(68);
  header.user_version = number_at(60);
  return header;
}

/// Whether an SQLite file without an application has tables, looked at as if nobody else could: no lock, no -shm.
bool has_tables_untouched(const fs::path& path) {
  SQLite::Database database("file:" + uri_path(path) + "?immutable=1", SQLite::OPEN_READONLY | SQLite::OPEN_URI);
  return has_tables(database);
}

FileKind kind_of(SQLite::Database& database) {
  const std::int64_t id = pragma(database, "application_id");
  const bool empty = !has_tables(database);  // reads the schema, so that damage there shows now
  if (id == 0 && empty) return FileKind::New;
  if (id != kApplicationId) return FileKind::Foreign;
  return pragma(database, "user_version") > schema_version() ? FileKind::Newer : FileKind::Ours;
}

int number_of(const EmbeddedFile& migration) {
  return std::atoi(migration.name);
}

void drop_all(SQLite::Database& database, const std::string& type) {
  std::vector<std::string> names;
  {
    SQLite::Statement rows(database, "SELECT name FROM sqlite_schema WHERE type = ?");
    rows.bind(1, type);
    while (rows.executeStep()) names.push_back(rows.getColumn(0).getString());
  }
  for (const std::string& name : names) database.exec("DROP " + type + " \"" + name + "\"");
}

/// What the recorder's and the acting connections have in common. REQUIRES: the -wal is safe from a closing one.
void make_ours(SQLite::Database& database, const char* synchronous, const std::optional<Predecessor>& predecessor) {
  if (pragma(database, "application_id") == 0 && !has_tables(database)) {
    // Before WAL: this way both stand in the file itself, not in a -wal that may be lost. Space of pruned rows can be
    // given back only by a file that was made for it.
    database.exec("PRAGMA auto_vacuum = INCREMENTAL");
    database.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
  }
  database.execAndGet("PRAGMA journal_mode = WAL");
  database.exec(std::string("PRAGMA synchronous = ") + synchronous);
  database.exec("PRAGMA temp_store = MEMORY");
  database.execAndGet("PRAGMA journal_size_limit = " + std::to_string(kJournalLimitBytes));
  migrate(database, predecessor);
  database.exec("PRAGMA foreign_keys = ON");
}

/// First of all: even an opening that fails must not take the -wal away.
void keep_wal(SQLite::Database& database) {
  int persist = 1;
  sqlite3_file_control(database.getHandle(), nullptr, SQLITE_FCNTL_PERSIST_WAL, &persist);
}

[[noreturn]] void refuse_reading(const fs::path& path, const std::string& reason) {
  throw Error(ExitCode::Failed, "The database " + path.string() + " cannot be read: " + reason);
}

std::string reading_advice(const SQLite::Exception& error) {
  switch (error.getExtendedErrorCode()) {
    case SQLITE_READONLY_CANTINIT:
    case SQLITE_READONLY_DIRECTORY:
      return "its -shm file is missing and this user may not make one. Ask its owner to open it once, or join its "
             "group.";
    default: break;
  }
  if (error.getErrorCode() == SQLITE_CANTOPEN) return kNoPermission;
  if (error.getErrorCode() == SQLITE_NOTADB) return "it is not a database. Name another with --db.";
  if (error.getErrorCode() == SQLITE_CORRUPT) return "it is corrupt; the recorder moves it aside at its next start.";
  return describe(error) + ".";
}

void check_readable(SQLite::Database& database, const fs::path& path) {
  switch (kind_of(database)) {
    case FileKind::New: refuse_reading(path, "it is empty. Start `galproc record` first.");
    case FileKind::Foreign: refuse_reading(path, "it was not made by galproc. Name another with --db.");
    case FileKind::Newer: refuse_reading(path, kNewer);
    default: break;
  }
  if (pragma(database, "user_version") < schema_version()) {
    refuse_reading(path,
                   "an older galproc made it. Start `galproc record` of this version once: it migrates the file.");
  }
}

/// What can be said without SQLite, which would make a -shm beside a file that is not ours.
void refuse_unopened(const fs::path& path) {
  std::error_code unknown;
  const fs::file_status status = fs::status(path, unknown);
  if (status.type() == fs::file_type::not_found) {
    refuse_reading(path, "it is not there. Start `galproc record`, or name another with --db.");
  }
  if (unknown) refuse_reading(path, kNoPermission);
  if (status.type() != fs::file_type::regular)
    refuse_reading(path, fs::is_directory(status) ? "it is a folder. Name a file in it with --db."
                                                  : "it is not a file. Name another with --db.");
  if (!std::ifstream(path, std::ios::binary)) refuse_reading(path, kNoPermission);
  if (fs::file_size(path, unknown) == 0) refuse_reading(path, "it is empty. Start `galproc record` first.");
  const Header header = read_header(path);
  if (header.application_id != kApplicationId) {
    refuse_reading(path, header.is_sqlite ? "it was not made by galproc. Name another with --db."
                                          : "it is not a database. Name another with --db.");
  }
  if (header.is_sqlite && header.user_version > schema_version()) refuse_reading(path, kNewer);
}

}  // namespace

int schema_version() {
  return number_of(kSchemaFiles[kSchemaFilesCount - 1]);
}

std::string sqlite_version() {
  return SQLite::getLibVersion();
}

FileKind examine_file(const fs::path& path) {
  std::error_code unknown;
  const fs::file_status status = fs::status(path, unknown);
  if (status.type() == fs::file_type::not_found) return FileKind::New;
  if (status.type() != fs::file_type::regular) return FileKind::Foreign;
  if (fs::file_size(path, unknown) == 0) return FileKind::New;
  if (!std::ifstream(path, std::ios::binary)) {
    throw Error(ExitCode::Failed, "The file " + path.string() + " cannot be read: " + kNoPermission);
  }
  const Header header = read_header(path);
  const bool ours = header.application_id == kApplicationId;
  if (!ours && !header.is_sqlite) return FileKind::Foreign;
  if (ours && header.is_sqlite && header.user_version > schema_version()) return FileKind::Newer;
  if (!ours && (header.application_id != 0 || has_tables_untouched(path))) return FileKind::Foreign;
  try {
    // Read-write, since a crashed recorder's -wal may have to be recovered to see what the file is; it makes nothing.
    SQLite::Database database(path.string(), SQLite::OPEN_READWRITE, kReaderBusyMs);
    leave_wal_alone(database);
    return kind_of(database);
  } catch (const SQLite::Exception& error) {
    if (fault_of(error) != StoreFault::Damaged) throw;
    return ours ? FileKind::Damaged : FileKind::Foreign;
  }
}

// Looking must not change: without this the last connection to close moves the -wal into the file and removes it.
void leave_wal_alone(SQLite::Database& database) {
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

bool is_torn(const fs::path& path) {
  std::error_code missing;
  if (fs::file_size(path.string() + "-wal", missing) == 0 || missing) return false;
  constexpr std::uintmax_t kMostBytes = 64 << 20;
  if (fs::file_size(path, missing) > kMostBytes || missing) return false;
  SQLite::Database database(path.string(), SQLite::OPEN_READWRITE, kReaderBusyMs);
  leave_wal_alone(database);
  if (pragma(database, "user_version") == 0) return false;  // the one who made it did not get that far
  try {
    const bool ended = database
                           .execAndGet(
                               "SELECT count(*) FROM recording AS r WHERE NOT EXISTS (SELECT 1 FROM recording_end"
                               " AS e WHERE e.recording_id = r.recording_id)")
                           .getInt64() == 0;
    return !ended && database.execAndGet("PRAGMA integrity_check(1)").getString() != "ok";
  } catch (const SQLite::Exception& error) {
    if (fault_of(error) == StoreFault::Damaged) return true;
    throw;
  }
}

SQLite::Database open_for_recording(const fs::path& path, int busy_ms, const std::optional<Predecessor>& predecessor) {
  // No two threads share it: its lock would be taken for every value of every row.
  SQLite::Database database(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX,
                            busy_ms);
  keep_wal(database);
  make_ours(database, "NORMAL", predecessor);
  return database;
}

SQLite::Database open_for_acting(const fs::path& path, int busy_ms) {
  SQLite::Database database(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, busy_ms);
  keep_wal(database);
  leave_wal_alone(database);
  // SQLite opens what it may not write for reading, and would tell at the first write only.
  if (sqlite3_db_readonly(database.getHandle(), "main") == 1) {
    throw SQLite::Exception("attempt to write a readonly database", SQLITE_READONLY);
  }
  database.execAndGet("PRAGMA wal_autocheckpoint = 0");
  make_ours(database, "FULL", std::nullopt);
  return database;
}

SQLite::Database open_for_reading(const fs::path& path) {
  refuse_unopened(path);
  try {
    // No two threads share it, so its lock would be taken some ten thousand times for nothing.
    SQLite::Database database(path.string(), SQLite::OPEN_READONLY | SQLite::OPEN_NOMUTEX, kReaderBusyMs);
    give_scratch(database);
    hold_to_reading(database);
    leave_wal_alone(database);
    check_readable(database, path);
    return database;
  } catch (const SQLite::Exception& error) {
    refuse_reading(path, reading_advice(error));
  }
}

void migrate(SQLite::Database& database, const std::optional<Predecessor>& predecessor) {
  if (pragma(database, "user_version") >= schema_version()) return;
  // A no-op inside a transaction, so it is switched before; rows that point nowhere for a moment are a migration's
  // right.
  database.exec("PRAGMA foreign_keys = OFF");
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  const std::int64_t before =
      pragma(database, "user_version");  // read again under the lock: another may have been first
  if (before < schema_version()) {
    drop_all(database, "trigger");
    drop_all(database, "view");
    for (std::size_t i = 0; i < kSchemaFilesCount; ++i) {
      if (number_of(kSchemaFiles[i]) > before) database.exec(kSchemaFiles[i].content);
    }
    if (predecessor && before < kActionLogVersion) {
      Prepared(database, "UPDATE origin SET predecessor_name = ?, predecessor_head = ?")
          .run(predecessor->name, predecessor->head);
    }
    for (std::size_t i = 0; i < kViewFilesCount; ++i) database.exec(kViewFiles[i].content);
    for (std::size_t i = 0; i < kTriggerFilesCount; ++i) database.exec(kTriggerFiles[i].content);
    database.exec("PRAGMA user_version = " + std::to_string(schema_version()));
  }
  transaction.commit();
}

StoreFault fault_of(const SQLite::Exception& error) {
  switch (error.getErrorCode()) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return StoreFault::Busy;
    case SQLITE_FULL: return StoreFault::Full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return StoreFault::Damaged;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG: return StoreFault::Rejected;
    default: return StoreFault::Lost;
  }
}

std::string describe(const SQLite::Exception& error) {
  // SQLiteCpp's own have none.
  const int code = error.getExtendedErrorCode() < 0 ? error.getErrorCode() : error.getExtendedErrorCode();
  return code < 0 ? error.what() : std::string(error.what()) + " (SQLite " + std::to_string(code) + ")";
}

fs::path move_damaged_aside(const fs::path& path, std::int64_t now_us) {
  std::string time = format_instant(now_us).substr(0, 19);
  std::erase(time, '-');
  std::erase(time, ':');
  const std::string base = path.string() + ".corrupt-" + time + "Z";
  fs::path target = base;
  for (int number = 2; fs::exists(target); ++number) target = base + "-" + std::to_string(number);
  fs::rename(path, target);
  for (const char* ending : {"-wal", "-shm"}) {
    std::error_code missing;
    fs::rename(path.string() + ending, target.string() + ending, missing);
  }
  return target;
}

std::optional<fs::path> finish_moving_aside(const fs::path& path) {
  std::error_code missing;
  if (fs::exists(path) || fs::file_size(path.string() + "-wal", missing) == 0 || missing) return std::nullopt;
  const std::string begin = path.filename().string() + ".corrupt-";
  fs::path newest;  // the time in their names sorts them
  for (const auto& entry : fs::directory_iterator(fs::absolute(path).parent_path())) {
    const std::string name = entry.path().filename().string();
    const bool is_part = name.ends_with("-wal") || name.ends_with("-shm");
    if (name.starts_with(begin) && !is_part && name > newest.filename().string()) newest = entry.path();
  }
  if (newest.empty() || fs::exists(newest.string() + "-wal")) return std::nullopt;
  fs::rename(path.string() + "-wal", newest.string() + "-wal");
  fs::rename(path.string() + "-shm", newest.string() + "-shm", missing);
  return newest;
}

fs::path without_links(fs::path path, std::error_code& failed) {
  constexpr int kMostLinks = 40;
  failed.clear();
  for (int links = 0; links < kMostLinks && fs::is_symlink(path, failed); ++links) {
    path = path.parent_path() / fs::read_symlink(path, failed);
    if (failed) break;
  }
  const fs::path real = failed ? path : fs::weakly_canonical(path, failed);
  if (failed == std::errc::no_such_file_or_directory) failed.clear();
  return real.empty() ? path : real;
}

fs::path recorder_lock_path(const fs::path& database) {
  return database.string() + ".recorder-lock";
}

}  // namespace galproc
