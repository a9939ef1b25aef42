#include "store/action_log.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "model/text.h"
#include "store/action_rows.h"
#include "store/database.h"
#include "store/reserve.h"

namespace galproc {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kRetry{20};

constexpr const char* kNoRoom = "there is no room left for it. Make some, or name another with --db";
constexpr const char* kNewer = "a newer galproc has migrated it. Use that one";
constexpr const char* kForeign = "it was not made by galproc, and was left untouched. Name another with --db";
constexpr const char* kCorrupt =
    "it is corrupt. Start `galproc record`, which moves it aside and begins a new one, or name another with --db";

/// No room for the rows, or for the -shm file that has to be as large as it has to be.
bool is_full(const SQLite::Exception& error) {
  return fault_of(error) == StoreFault::Full || error.getExtendedErrorCode() == SQLITE_IOERR_SHMSIZE;
}

/// A quota is a disk of its own to who has it, but to SQLite a write that failed.
bool is_over_quota(const SQLite::Exception& error, SQLite::Database& database) {
  return error.getErrorCode() == SQLITE_IOERR && sqlite3_system_errno(database.getHandle()) == EDQUOT;
}

std::string no_permission(const std::filesystem::path& path) {
  std::error_code failed;
  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  if (!std::filesystem::exists(folder, failed) && !failed)
    return "its folder is missing. Make it, or name another with --db";
  if (!std::filesystem::exists(path, failed)) return "this user may not make it there. Name another with --db";
  return "this user may not write it, or make its -wal beside it. Try as its owner, or name another with --db";
}

/// Why, and what to try; without the full stop.
std::string advice(const std::filesystem::path& path, const SQLite::Exception& error, int patience_ms) {
  switch (error.getExtendedErrorCode()) {
    case SQLITE_READONLY_CANTINIT:
    case SQLITE_READONLY_DIRECTORY:
      return "its -shm file is missing and this user may not make one beside it. Ask its owner to open it once, or "
             "name another with --db";
    case SQLITE_IOERR_SHMSIZE: return kNoRoom;  // its -shm file cannot be made as large as it has to be
    default: break;
  }
  switch (error.getErrorCode()) {
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN: return no_permission(path);
    default: break;
  }
  switch (fault_of(error)) {
    case StoreFault::Busy:
      return fmt::format(
          "another program has held it locked for {} ms. End that one's transaction, or name another with --db",
          patience_ms);
    case StoreFault::Full: return kNoRoom;
    case StoreFault::Damaged: return kCorrupt;
    case StoreFault::Rejected: return "it does not take the rows: " + describe(error);
    case StoreFault::Lost: break;
  }
  return "writing failed: " + describe(error) + ". Name another with --db";
}

}  // namespace

class ActionLog::State {
 public:
  State(std::filesystem::path path, const Redactor& redactor, int patience_ms)
      : path_(std::move(path)), redactor_(redactor) {
    open(patience_ms);
  }

  void commit(const std::function<void(ActionWriter&)>& write, int patience_ms) {
    while (!try_to_commit(write, patience_ms)) continue;
  }

  void ask(const std::function<void(SQLite::Database&)>& question) {
    try {
      question(database());
    } catch (const SQLite::Exception& error) {
      refuse(advice(path_, error, kOpenPatienceMs));
    }
  }

  SQLite::Database& database() {
    if (!connection_) open(kOpenPatienceMs);
    return connection_->database;
  }
  RecordedAncestry& ancestry(const HostReading& host) {
    SQLite::Database& file = database();
    if (!connection_->ancestry) connection_->ancestry.emplace(file, host);
    return *connection_->ancestry;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  struct Connection {
    Connection(const std::filesystem::path& path, const Redactor& redactor, int busy_ms)
        : database(open_for_acting(path, busy_ms)),
          user_version(database, "PRAGMA user_version"),
          writer(database, redactor) {}
    SQLite::Database database;
    Prepared user_version;
    ActionRows writer;
    std::optional<RecordedAncestry> ancestry;
  };

  /// Gives false where the disk is full and room was kept back for just this, which is given up now.
  bool try_to_commit(const std::function<void(ActionWriter&)>& write, int patience_ms) {
    // After an error of the disk nobody knows what a connection believes to have written: it is not used again.
    if (!connection_) open(patience_ms);
    try {
      sqlite3_busy_timeout(connection_->database.getHandle(), patience_ms);
      SQLite::Transaction transaction(connection_->database, SQLite::TransactionBehavior::IMMEDIATE);
      if (connection_->user_version.number().value() > schema_version()) refuse(kNewer);
      write(connection_->writer);
      transaction.commit();
      logged_some_ = true;
      return true;
    } catch (const SQLite::Exception& error) {
      const bool no_room = is_full(error) || is_over_quota(error, connection_->database);
      const std::string reason = no_room ? kNoRoom : advice(path_, error, patience_ms);
      if (fault_of(error) == StoreFault::Lost || fault_of(error) == StoreFault::Damaged) connection_.reset();
      if (no_room && give_up_reserve(path_)) return false;
      refuse(reason);
    }
  }

  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ExitCode::NotLogged,
                logged_some_ ? fmt::format("What came next could not be logged in {}: {}.", path_.string(), reason)
                             : fmt::format("It could not be logged in {}, so nothing was done to any process: {}.",
                                           path_.string(), reason));
  }

  void open(int patience_ms) {
    const auto deadline = Clock::now() + std::chrono::milliseconds(patience_ms);
    while (true) {
      try {
        refuse_if_not_ours();
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        connection_ = std::make_unique<Connection>(path_, redactor_, static_cast<int>(std::max<std::int64_t>(left, 0)));
        return;
      } catch (const SQLite::Exception& error) {
        // SQLite does not wait where it sees a deadlock coming, as when two make one new file at once.
        if (is_full(error) && give_up_reserve(path_)) continue;
        if (fault_of(error) != StoreFault::Busy || Clock::now() >= deadline) refuse(advice(path_, error, patience_ms));
      }
      std::this_thread::sleep_for(kRetry);
    }
  }

  void refuse_if_not_ours() const {
    switch (examine()) {
      case FileKind::Foreign: refuse(kForeign);
      case FileKind::Newer: refuse(kNewer);
      case FileKind::Damaged: refuse(kCorrupt);
      case FileKind::New:
      case FileKind::Ours: break;
    }
  }

  FileKind examine() const {
    try {
      return examine_file(path_);
    } catch (const Error&) {
      refuse(no_permission(path_));
    }
  }

  std::filesystem::path path_;
  const Redactor& redactor_;
  std::unique_ptr<Connection> connection_;
  bool logged_some_ = false;
};

ActionLog::ActionLog(const std::filesystem::path& path, const Redactor& redactor, int patience_ms)
    : state_(std::make_unique<State>(path, redactor, patience_ms)) {}
ActionLog::~ActionLog() = default;
ActionLog::ActionLog(ActionLog&&) noexcept = default;

void ActionLog::commit(const std::function<void(ActionWriter&)>& write, int patience_ms) {
  state_->commit(write, patience_ms);
}
SQLite::Database& ActionLog::database() {
  return state_->database();
}
void ActionLog::ask(const std::function<void(SQLite::Database&)>& question) {
  state_->ask(question);
}
RecordedAncestry& ActionLog::ancestry(const HostReading& host) {
  return state_->ancestry(host);
}
const std::filesystem::path& ActionLog::path() const {
  return state_->path();
}

}  // namespace galproc
