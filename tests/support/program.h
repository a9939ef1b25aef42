#pragma once

// The built program as a user meets it: run to its end or in the background, its output apart, in an environment that
// holds nothing of whoever runs the tests. What it recorded is read by SQLite alone, not by its own code.

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/rows_text.h"
#include "support/temporary_folder.h"

namespace galproc {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

/// How long a test waits for what must come; many run at once, with sanitizers too.
constexpr std::chrono::seconds kBound{60};

/// Whether the condition held within the bound; it is asked again every few milliseconds.
bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds bound = kBound);

std::int64_t now_us();

/// As a flag of time takes it.
std::string instant(std::int64_t us);

/// The galproc that is tested: the one that GALPROC_BINARY names in the environment, else that of this build.
const std::string& galproc_binary();

bool is_root();

std::string ask(const fs::path& database_path, const std::string& sql);

/// The names in a folder, sorted, each with a blank.
std::string listing(const fs::path& folder);

/// A program that was started, and ends with this object at the latest. Its output goes to files without a name.
class Program {
 public:
  struct Options {
    std::vector<std::string> environment;  ///< NAME=VALUE, over those that every run has
    std::function<void()> before_exec;     ///< called in the new process: another user, namespace, umask
  };

  Program(const std::vector<std::string>& words, Options options);
  ~Program();
  Program(Program&& other) noexcept;
  Program& operator=(Program&&) = delete;

  pid_t pid() const { return pid_; }
  std::string out() const { return text_of(out_.get()); }
  std::string err() const { return text_of(err_.get()); }

  /// Whether it has ended; then `exit_code` is set.
  bool has_ended();
  /// The exit code as a shell gives it; -1 when it did not end within the bound.
  int wait();
  int stop(int signal = SIGTERM);
  void kill();

 private:
  using File = std::unique_ptr<FILE, int (*)(FILE*)>;

  static std::string text_of(FILE* file);

  pid_t pid_ = -1;
  int exit_code_ = -1;
  File out_, err_;
};

/// What a run that is over gave.
struct Ran {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// Becomes another user for good, in a process that is about to exec.
void become(uid_t uid, gid_t gid);

/// A folder with a database in it, and the program to record to it and to ask it.
class ProgramTest : public testing::Test {
 protected:
  using Options = Program::Options;
  using Words = std::vector<std::string>;

  fs::path db() const { return folder_ / "galproc.db"; }

  std::vector<std::string> environment() const;

  Program start(Words words, Options options = {}) const;
  Ran run(const Words& words, const Options& options = {}) const;

  /// galproc with these words, as they are.
  Ran galproc(Words words, const Options& options = {}) const;
  /// A query of the database as JSON, which must succeed.
  Json query(const Words& words) const;
  /// A recorder in the background that has stored its first tick. `words` go after the interval, and win.
  Program record(const Words& words = {}, const Options& options = {}) const;
  /// Records `ticks` looks to their end.
  void snapshot(int ticks = 1, const Words& words = {}) const;

  std::string ask(const std::string& sql) const { return galproc::ask(db(), sql); }

  /// The newest tick; 0 while there is none.
  std::int64_t last_tick() const;
  /// Until what is there now has been seen: the next tick may have begun already, the one after it has not.
  void settle() const;

  TemporaryFolder folder_;
};

}  // namespace galproc
