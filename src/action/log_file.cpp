#include "action/log_file.h"

#include <fstream>
#include <utility>

#include "store/database.h"
#include "store/statement.h"

namespace galproc {

namespace {

/// How long a recorder is waited for, and how often it is asked.
constexpr std::int64_t kPatienceUs = 10'000'000, kRetryUs = 50'000;

Error not_logged(const std::string& why) {
  return Error(ExitCode::NotLogged, why + " Nothing was done to any process.");
}

/// What the recorder has open, as it says itself; "": there is none, it does not say, or it has another file.
std::string noted_by_recorder(Platform& platform, const std::filesystem::path& database) {
  if (!platform.lock_holder(recorder_lock_path(database))) return "";
  std::ifstream lock(recorder_lock_path(database));
  std::string line;
  std::getline(lock, line);
  const std::string now = platform.database_files(database).text();
  const auto file_of = [](const std::string& files) { return files.substr(0, files.find(' ')); };
  return file_of(line) == file_of(now) ? line : "";
}

}  // namespace

bool recorder_has_others_open(Platform& platform, const std::filesystem::path& database) {
  const std::string noted = noted_by_recorder(platform, database);
  return !noted.empty() && noted != platform.database_files(database).text();
}

LogFile::LogFile(Platform& platform, std::filesystem::path path, const Redactor& redactor)
    : platform_(platform), path_(std::move(path)), redactor_(redactor) {
  open();
}

void LogFile::open() {
  if (const auto remote = platform_.network_file_system(path_)) {
    throw not_logged("The database " + path_.string() + " lies on a network file system (" + *remote +
                     "), where its journal does not work; name one on a local disk with --db.");
  }
  try {
    platform_.make_shared_folder(path_.parent_path());
    platform_.make_shared_file(path_);
  } catch (const PlatformError& error) {
    throw not_logged(error.what());
  }
  for (const std::int64_t until_us = platform_.clocks().boot_us + kPatienceUs;;) {
    // Before it is opened, which may write to it; and after: the recorder may have noticed in between, and then it is
    // the old ones that were opened.
    const std::string noted = noted_by_recorder(platform_, path_);
    const auto is_the_recorders = [&] {
      return noted_by_recorder(platform_, path_) == noted && !recorder_has_others_open(platform_, path_);
    };
    try {
      log_.reset();
      if (is_the_recorders()) {
        log_ = std::make_unique<ActionLog>(path_, redactor_);
        if (is_the_recorders()) break;
      }
    } catch (const Error&) {
      if (is_the_recorders()) throw;
    }
    if (platform_.clocks().boot_us >= until_us ||
        platform_.sleep_until(platform_.clocks().boot_us + kRetryUs) == Wake::Stop) {
      throw not_logged("The -wal or -shm of the database " + path_.string() +
                       " was removed under its recorder, which would overwrite what is logged now. Restart it, or try "
                       "again after its next look.");
    }
  }
  opened_ = platform_.database_files(path_);
}

void LogFile::commit(const std::function<void(ActionWriter&)>& write, int patience_ms) {
  std::string head;
  log_->commit(
      [&](ActionWriter& writer) {
        write(writer);
        head = writer.ledger_head();
      },
      patience_ms);
  head_ = head;
}

bool LogFile::has_lost_companions() {
  const DatabaseFiles now = platform_.database_files(path_);
  return now.file == opened_.file && now != opened_;
}

bool LogFile::open_again() {
  open();
  if (head_.empty()) return true;  // nothing was
  // The chain holds: with its newest row all before it are there.
  std::int64_t found = 0;
  log_->ask([&](SQLite::Database& database) {
    found = Prepared(database, "SELECT count(*) FROM ledger WHERE hash = ?").number(head_).value_or(0);
  });
  return found > 0;
}

}  // namespace galproc
