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
inline bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds bound = kBound) {
  const auto deadline = std::chrono::steady_clock::now() + bound;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

inline std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

/// As a flag of time takes it.
inline std::string instant(std::int64_t us) {
  return fmt::format("@{}.{:06}", us / 1'000'000, us % 1'000'000);
}

inline bool is_root() {
  return ::geteuid() == 0;
}

inline std::string ask(const fs::path& database_path, const std::string& sql) {
  SQLite::Database database(database_path.string(), SQLite::OPEN_READONLY, 10'000);
  return rows_of(database, sql);
}

/// The names in a folder, sorted, each with a blank.
inline std::string listing(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return fmt::format("{}", fmt::join(names, " "));
}

/// A program that was started, and ends with this object at the latest. Its output goes to files without a name.
class Program {
 public:
  struct Options {
    std::vector<std::string> environment;  ///< NAME=VALUE, over those that every run has
    std::function<void()> before_exec;     ///< called in the new process: another user, namespace, umask
  };

  Program(const std::vector<std::string>& words, Options options)
      : out_(std::tmpfile(), &std::fclose), err_(std::tmpfile(), &std::fclose) {
    // By a small shell of their own the words could not hold any byte; so fork and exec.
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::dup2(::fileno(out_.get()), STDOUT_FILENO);
    ::dup2(::fileno(err_.get()), STDERR_FILENO);
    ::close(STDIN_FILENO);
    ::open("/dev/null", O_RDONLY);
    // Nothing of what nohup or a shell has set.
    for (int number = 1; number < 32; ++number) ::signal(number, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (options.before_exec) options.before_exec();
    std::vector<char*> arguments, variables;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    for (const std::string& variable : options.environment) variables.push_back(const_cast<char*>(variable.c_str()));
    arguments.push_back(nullptr);
    variables.push_back(nullptr);
    ::execve(arguments[0], arguments.data(), variables.data());
    ::_exit(127);
  }
  ~Program() {
    if (pid_ > 0) kill();
  }
  Program(Program&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        exit_code_(other.exit_code_),
        out_(std::move(other.out_)),
        err_(std::move(other.err_)) {}
  Program& operator=(Program&&) = delete;

  pid_t pid() const { return pid_; }
  std::string out() const { return text_of(out_.get()); }
  std::string err() const { return text_of(err_.get()); }

  /// Whether it has ended; then `exit_code` is set.
  bool has_ended() {
    if (pid_ <= 0) return true;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
    pid_ = -1;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  }
  /// The exit code as a shell gives it; -1 when it did not end within the bound.
  int wait() {
    if (wait_until([this] { return has_ended(); })) return exit_code_;
    ADD_FAILURE() << "still there after the bound; stderr: " << err();
    kill();
    return -1;
  }
  int stop(int signal = SIGTERM) {
    if (!has_ended()) ::kill(pid_, signal);
    return wait();
  }
  void kill() {
    if (has_ended()) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  using File = std::unique_ptr<FILE, int (*)(FILE*)>;

  static std::string text_of(FILE* file) {
    std::string text;
    char piece[4096];
    ssize_t got = 0;
    while ((got = ::pread(::fileno(file), piece, sizeof piece, static_cast<off_t>(text.size()))) > 0) {
      text.append(piece, static_cast<std::size_t>(got));
    }
    return text;
  }

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
inline void become(uid_t uid, gid_t gid) {
  if (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0) ::_exit(126);
}

/// A folder with a database in it, and the program to record to it and to ask it.
class ProgramTest : public testing::Test {
 protected:
  using Options = Program::Options;
  using Words = std::vector<std::string>;

  fs::path db() const { return folder_ / "galproc.db"; }

  std::vector<std::string> environment() const {
    const std::string home = (folder_ / "home").string();
    std::vector<std::string> variables = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                                          "HOME=" + home,
                                          "XDG_STATE_HOME=" + home + "/state",
                                          "XDG_CONFIG_HOME=" + home + "/config",
                                          "XDG_DATA_HOME=" + home + "/data",
                                          "XDG_CACHE_HOME=" + home + "/cache",
                                          "XDG_RUNTIME_DIR=" + home + "/run",
                                          "LC_ALL=C.UTF-8",
                                          "TZ=UTC"};
    for (const char* kept : {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"}) {
      if (const char* value = std::getenv(kept)) variables.push_back(std::string(kept) + "=" + value);
    }
    return variables;
  }

  Program start(Words words, Options options = {}) const {
    for (const std::string& variable : environment()) {
      const std::string name = variable.substr(0, variable.find('=') + 1);
      const auto same = [&](const std::string& own) { return own.starts_with(name); };
      if (std::none_of(options.environment.begin(), options.environment.end(), same))
        options.environment.push_back(variable);
    }
    return Program(words, std::move(options));
  }
  Ran run(const Words& words, const Options& options = {}) const {
    Program program = start(words, options);
    const int exit_code = program.wait();
    return {exit_code, program.out(), program.err()};
  }

  /// galproc with these words, as they are.
  Ran galproc(Words words, const Options& options = {}) const {
    words.insert(words.begin(), GALPROC_BINARY);
    return run(words, options);
  }
  /// A query of the database as JSON, which must succeed.
  Json query(const Words& words) const {
    Words all = {"query", "--db", db().string(), "--json", "-q"};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ran = galproc(all);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    const Json rows = Json::parse(ran.out, nullptr, false);
    EXPECT_TRUE(rows.is_array()) << ran.out;
    return rows;
  }

  /// A recorder in the background that has stored its first tick. `words` go after the interval, and win.
  Program record(const Words& words = {}, const Options& options = {}) const {
    Words all = {GALPROC_BINARY, "record", "--db", db().string()};
    if (std::find(words.begin(), words.end(), "--interval") == words.end())
      all.insert(all.end(), {"--interval", "50ms"});
    all.insert(all.end(), words.begin(), words.end());
    const std::int64_t before = last_tick();
    Program recorder = start(all, options);
    wait_until([&] { return last_tick() > before || recorder.has_ended(); });
    EXPECT_FALSE(recorder.has_ended()) << recorder.err();
    EXPECT_GT(last_tick(), before) << recorder.err();
    return recorder;
  }
  /// Records `ticks` looks to their end.
  void snapshot(int ticks = 1, const Words& words = {}) const {
    Words all = {"record", "--db", db().string(), "--interval", "50ms", "--samples", std::to_string(ticks)};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ran = galproc(all);
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  }

  std::string ask(const std::string& sql) const { return galproc::ask(db(), sql); }

  /// The newest tick; 0 while there is none.
  std::int64_t last_tick() const {
    try {
      return fs::exists(db()) ? std::atoll(ask("SELECT coalesce(max(tick_id), 0) FROM ticks").c_str()) : 0;
    } catch (const SQLite::Exception&) {
      return 0;  // the file is being made
    }
  }
  /// Until what is there now has been seen: the next tick may have begun already, the one after it has not.
  void settle() const {
    const std::int64_t before = last_tick();
    ASSERT_TRUE(wait_until([&] { return last_tick() >= before + 2; })) << "no tick any more";
  }

  TemporaryFolder folder_;
};

}  // namespace galproc
