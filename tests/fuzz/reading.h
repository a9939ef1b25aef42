#pragma once

// A small recording to be asked, in a folder that is looked at after each question.

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "fuzz/fuzz.h"
#include "model/errors.h"
#include "store/database.h"
#include "store/deadline.h"
#include "store/query_run.h"
#include "support/temporary_folder.h"

namespace galproc {

class RecordedFile {
 public:
  RecordedFile() : path_(make(folder_ / "galproc.db")), database_(open_for_reading(path_)), content_(content()) {
    // A single function cannot be interrupted, as LIKE: small texts keep it short.
    sqlite3_limit(database_.getHandle(), SQLITE_LIMIT_LENGTH, 100'000);
    sqlite3_limit(database_.getHandle(), SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 10);
  }

  /// Runs `question(database)`, which may end as a question may, and holds it to its promises.
  template <typename Question>
  void ask(const Question& question) {
    constexpr std::int64_t kMostUs = 20'000;
    try {
      const Deadline deadline(database_, kMostUs, [] {});  // of what overruns libFuzzer's own limit tells
      question(database_);
    } catch (const Error&) {
      // A sentence for whoever asked.
    } catch (const SQLite::Exception&) {
      // One about the file, or about the time that is up.
    }
    expect(sqlite3_next_stmt(database_.getHandle(), nullptr) == nullptr, "no statement stays open");
    expect(sqlite3_get_autocommit(database_.getHandle()) == 1, "no transaction stays open");
    expect(database_.execAndGet("PRAGMA database_list").getInt() == 0, "no other file is attached");
    expect(names() == names_, "no file is made or removed beside the recording");
    expect(content() == content_, "the recording is what it was");
  }

 private:
  static std::filesystem::path make(const std::filesystem::path& path) {
    SQLite::Database database = open_for_recording(path, 0);
    database.exec("CREATE TABLE t (a INTEGER, b TEXT)");
    database.exec("INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, NULL)");
    database.execAndGet("PRAGMA wal_checkpoint(TRUNCATE)");
    return path;
  }
  /// Not in the process that has it open by SQLite: closing a descriptor of it drops SQLite's locks. There is nobody
  /// here who could take them.
  std::string content() const {
    std::string all;
    for (const char* ending : {"", "-wal"}) {
      std::ifstream file(path_.string() + ending, std::ios::binary);
      all.append(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return all;
  }
  std::string names() const {
    std::string all;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      all += entry.path().filename().string() + " ";
    }
    return all;
  }

  TemporaryFolder folder_;
  std::filesystem::path path_;
  SQLite::Database database_;
  std::string content_;
  std::string names_ = names();
};

}  // namespace galproc
