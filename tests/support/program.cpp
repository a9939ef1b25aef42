#include "support/program.h"

#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace galproc {

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds bound) {
  const auto deadline = std::chrono::steady_clock::now() + bound;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::string instant(std::int64_t us) {
  return fmt::format("@{}.{:06}", us / 1'000'000, us % 1'000'000);
}

const std::string& galproc_binary() {
  static const std::string path = [] {
    const char* asked_for = std::getenv("GALPROC_BINARY");
    return std::string(asked_for != nullptr ? asked_for : GALPROC_BINARY);
  }();
  return path;
}

bool is_root() {
  return ::geteuid() == 0;
}

std::string ask(const fs::path& database_path, const std::string& sql) {
  SQLite::Database database(database_path.string(), SQLite::OPEN_READONLY, 10'000);
  return rows_of(database, sql);
}

std::string listing(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return fmt::format("{}", fmt::join(names, " "));
}

Program::Program(const std::vector<std::string>& words, Options options)
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

Program::~Program() {
  if (pid_ > 0) kill();
}

Program::Program(Program&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      exit_code_(other.exit_code_),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

bool Program::has_ended() {
  if (pid_ <= 0) return true;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  pid_ = -1;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

int Program::wait() {
  if (wait_until([this] { return has_ended(); })) return exit_code_;
  ADD_FAILURE() << "still there after the bound; stderr: " << err();
  kill();
  return -1;
}

int Program::stop(int signal) {
  if (!has_ended()) ::kill(pid_, signal);
  return wait();
}

void Program::kill() {
  if (has_ended()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string Program::text_of(FILE* file) {
  std::string text;
  char piece[4096];
  ssize_t got = 0;
  while ((got = ::pread(::fileno(file), piece, sizeof piece, static_cast<off_t>(text.size()))) > 0) {
    text.append(piece, static_cast<std::size_t>(got));
  }
  return text;
}

void become(uid_t uid, gid_t gid) {
  if (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0) ::_exit(126);
}

std::vector<std::string> ProgramTest::environment() const {
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
  // To run them all with other sources of a recording.
  if (const char* config = std::getenv("GALPROC_TEST_CONFIG")) {
    variables.push_back(std::string("GALPROC_CONFIG=") + config);
  }
  return variables;
}

Program ProgramTest::start(Words words, Options options) const {
  for (const std::string& variable : environment()) {
    const std::string name = variable.substr(0, variable.find('=') + 1);
    const auto same = [&](const std::string& own) { return own.starts_with(name); };
    if (std::none_of(options.environment.begin(), options.environment.end(), same))
      options.environment.push_back(variable);
  }
  return Program(words, std::move(options));
}

Ran ProgramTest::run(const Words& words, const Options& options) const {
  Program program = start(words, options);
  const int exit_code = program.wait();
  return {exit_code, program.out(), program.err()};
}

Ran ProgramTest::galproc(Words words, const Options& options) const {
  words.insert(words.begin(), galproc_binary());
  return run(words, options);
}

Json ProgramTest::query(const Words& words) const {
  Words all = {"query", "--db", db().string(), "--json", "-q"};
  all.insert(all.end(), words.begin(), words.end());
  const Ran ran = galproc(all);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  const Json rows = Json::parse(ran.out, nullptr, false);
  EXPECT_TRUE(rows.is_array()) << ran.out;
  return rows;
}

Program ProgramTest::record(const Words& words, const Options& options) const {
  Words all = {galproc_binary(), "record", "--db", db().string()};
  if (std::find(words.begin(), words.end(), "--interval") == words.end()) all.insert(all.end(), {"--interval", "50ms"});
  all.insert(all.end(), words.begin(), words.end());
  const std::int64_t before = last_tick();
  Program recorder = start(all, options);
  wait_until([&] { return last_tick() > before || recorder.has_ended(); });
  EXPECT_FALSE(recorder.has_ended()) << recorder.err();
  EXPECT_GT(last_tick(), before) << recorder.err();
  return recorder;
}

void ProgramTest::snapshot(int ticks, const Words& words) const {
  Words all = {"record", "--db", db().string(), "--interval", "50ms", "--samples", std::to_string(ticks)};
  all.insert(all.end(), words.begin(), words.end());
  const Ran ran = galproc(all);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
}

std::int64_t ProgramTest::last_tick() const {
  try {
    return fs::exists(db()) ? std::atoll(ask("SELECT coalesce(max(tick_id), 0) FROM ticks").c_str()) : 0;
  } catch (const SQLite::Exception&) {
    return 0;  // the file is being made
  }
}

void ProgramTest::settle() const {
  const std::int64_t before = last_tick();
  ASSERT_TRUE(wait_until([&] { return last_tick() >= before + 2; })) << "no tick any more";
}

}  // namespace galproc
