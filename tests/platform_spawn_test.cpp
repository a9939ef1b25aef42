// Programs started apart from galproc on the machine that runs the test: what they get, and what they do not.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "model/errors.h"
#include "platform/platform.h"
#include "support/child.h"
#include "support/control_group.h"
#include "support/proc.h"
#include "support/temporary_folder.h"

namespace galproc {
namespace {

namespace fs = std::filesystem;

class PlatformSpawn : public testing::Test {
 protected:
  SpawnRequest request(std::vector<std::string> arguments) const {
    SpawnRequest request;
    request.program = arguments.front();
    request.arguments = std::move(arguments);
    request.environment = {"PLACE=here and there"};
    request.working_directory = "/";
    request.log_path = folder_ / "log";
    return request;
  }
  SpawnRequest shell(const std::string& script) const { return request({"/bin/sh", "-c", script}); }

  /// Runs it to its end; gives what it wrote to its log.
  std::string written_by(const SpawnRequest& request) {
    const auto child = platform_->spawn(request);
    const OpenedProcess process = platform_->open_process(child->key());
    child->release();
    if (process.handle) platform_->wait_for_ends({process.handle.get()}, in_a_minute());
    return log();
  }
  /// Why it could not be started; nobody is left of it.
  std::string failure_of(const SpawnRequest& request) {
    std::int64_t pid = 0;
    try {
      const auto child = platform_->spawn(request);
      pid = child->key().pid;
      child->release();
    } catch (const PlatformError& error) {
      EXPECT_GT(error.os_code(), 0);
      EXPECT_EQ(stat_text(pid), "") << "there is something left";
      return error.what();
    }
    return "it runs";
  }
  static void expect_says(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in: " << text;
  }
  std::string log() const { return text_of(folder_ / "log"); }
  static std::string text_of(const fs::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  /// The rest of a line of a file in /proc.
  static std::string line_of(std::int64_t pid, const char* file, const std::string& name) {
    std::ifstream lines("/proc/" + std::to_string(pid) + "/" + file);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name)) return line.substr(name.size());
    }
    return "no line " + name;
  }
  /// "soft hard"
  static std::string limit_of(std::int64_t pid, const std::string& name) {
    std::istringstream words(line_of(pid, "limits", name));
    std::string soft, hard;
    words >> soft >> hard;
    return soft + " " + hard;
  }
  std::int64_t in_a_minute() { return platform_->clocks().boot_us + 60'000'000; }

  TemporaryFolder folder_;
  std::unique_ptr<Platform> platform_ = make_platform();
};

/// Ends what a test let run.
class Ending {
 public:
  explicit Ending(const WaitingProcess& child) : pid_(static_cast<pid_t>(child.key().pid)) {}
  ~Ending() { ::kill(pid_, SIGKILL); }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

 private:
  pid_t pid_;
};

TEST_F(PlatformSpawn, WaitsInASessionOfItsOwnAndRunsWhenItIsReleased) {
  const auto child = platform_->spawn(request({"/bin/sleep", "60"}));
  const auto pid = static_cast<pid_t>(child->key().pid);
  const Ending ending(*child);
  EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(pid) + "/exe"), fs::read_symlink("/proc/self/exe"));
  EXPECT_EQ(::getsid(pid), pid);
  EXPECT_FALSE(child->is_in_group());
  child->release();
  EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(pid) + "/exe"), fs::canonical("/bin/sleep"));
  EXPECT_EQ(platform_->open_process(child->key()).why, OpenedProcess::Why::Opened) << "it is the same process";
  EXPECT_EQ(::getsid(pid), pid);
}

TEST_F(PlatformSpawn, GivesTheArgumentsTheEnvironmentAndTheFolderThatWereAskedForAndNoOthers) {
  EXPECT_EQ(written_by(request({"/usr/bin/env"})), "PLACE=here and there\n");
  SpawnRequest folder = request({"/bin/pwd"});
  folder.working_directory = "/usr/bin";
  folder.log_path = folder_ / "pwd";
  written_by(folder);
  EXPECT_EQ(text_of(folder_ / "pwd"), fs::canonical("/usr/bin").string() + "\n");
  SpawnRequest named = request({"/bin/sh", "-c", "printf '%s,' \"$0\" \"$@\"", "a b", "", "*"});
  named.log_path = folder_ / "named";
  written_by(named);
  EXPECT_EQ(text_of(folder_ / "named"), "a b,,*,");
}

TEST_F(PlatformSpawn, PutsBothOutputsBehindWhatTheLogHoldsAndReadsNothing) {
  EXPECT_EQ(written_by(shell("echo out; echo err >&2; cat")), "out\nerr\n");
  struct stat status {};
  ASSERT_EQ(::stat((folder_ / "log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
  EXPECT_EQ(written_by(shell("echo again")), "out\nerr\nagain\n");
}

TEST_F(PlatformSpawn, SetsTheLimitsAndLeavesTheOthersAsTheyWere) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const std::string said = in_child([&] {
    const rlimit lower{50, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &lower);
    const auto platform = make_platform();  // raises its own
    const auto child = platform->spawn(request({"/bin/sleep", "60"}));
    return limit_of(child->key().pid, "Max open files");
  });
  EXPECT_EQ(said.substr(0, said.find(' ')), "50");
  SpawnRequest limited = request({"/bin/sleep", "60"});
  limited.open_files = 33;
  limited.user_processes = 4444;
  limited.address_space_bytes = 1LL << 30;
  const auto child = platform_->spawn(limited);
  const std::int64_t pid = child->key().pid;
  EXPECT_EQ(limit_of(pid, "Max open files"), "33 33");
  EXPECT_EQ(limit_of(pid, "Max processes"), "4444 4444");
  EXPECT_EQ(limit_of(pid, "Max address space"), "1073741824 1073741824");
  EXPECT_EQ(limit_of(pid, "Max file size"), limit_of(::getpid(), "Max file size"));
}

TEST_F(PlatformSpawn, SaysThatALimitCannotBeRaised) {
  const std::string said = in_child([&] {
    const rlimit low{40, 40};
    ::setrlimit(RLIMIT_NOFILE, &low);
    ::chmod(folder_.path().c_str(), 0777);
    if (::geteuid() == 0 && !become_nobody()) return std::string("not nobody");
    SpawnRequest high = request({"/bin/sleep", "60"});
    high.open_files = 41;
    return failure_of(high);
  });
  expect_says(said, "A limit cannot be set: ");
  expect_says(said, "Only root may raise one");
}

TEST_F(PlatformSpawn, PassesNoIgnoredSignalNoBlockedOneNoInputAndNoOpenFile) {
  const std::string said = in_child([&] {
    ::signal(SIGHUP, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);
    sigset_t blocked;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
    const Wire typed;
    ::dup2(typed.ends[0], STDIN_FILENO);
    const int leaky = ::open("/dev/null", O_RDONLY);  // without close-on-exec
    const auto child = platform_->spawn(request({"/bin/sleep", "60"}));
    const Ending ending(*child);
    child->release();
    const std::int64_t pid = child->key().pid;
    std::string files;
    for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
      files += entry.path().filename() == std::to_string(leaky) ? "leaky " : "";
    }
    const std::string input = fs::read_symlink("/proc/" + std::to_string(pid) + "/fd/0");
    return line_of(pid, "status", "SigBlk:") + line_of(pid, "status", "SigIgn:") + files + input;
  });
  EXPECT_EQ(said, "\t0000000000000000\t0000000000000000/dev/null");
}

TEST_F(PlatformSpawn, OfAProgramThatIsNotThereFailsAtItsReleaseInASentence) {
  expect_says(failure_of(request({"/no/such/program"})), "/no/such/program cannot be run: No such file");
  expect_says(failure_of(request({folder_.path().string()})), folder_.path().string() + " cannot be run: ");
  std::ofstream(folder_ / "text") << "no program";
  ::chmod((folder_ / "text").c_str(), 0755);
  expect_says(failure_of(request({folder_ / "text"})), "cannot be run: ");
  EXPECT_EQ(log(), "");
}

TEST_F(PlatformSpawn, OfAFolderOrALogThatIsNotThereFailsBeforeAnythingWaits) {
  SpawnRequest lost = request({"/bin/sleep", "60"});
  lost.working_directory = "/no/such/folder";
  expect_says(failure_of(lost), "The working directory /no/such/folder cannot be entered: No such file");
  SpawnRequest unheard = request({"/bin/sleep", "60"});
  unheard.log_path = folder_.path();
  expect_says(failure_of(unheard), "The log " + folder_.path().string());
  unheard.log_path = "/no/such/folder/log";
  expect_says(failure_of(unheard), "/no/such/folder/log");
}

TEST_F(PlatformSpawn, WhoIsNotReleasedEndsWithoutHavingRun) {
  auto child = platform_->spawn(shell("echo it ran"));
  const std::int64_t pid = child->key().pid;
  child.reset();
  EXPECT_EQ(stat_text(pid), "");
  EXPECT_EQ(log(), "");
}

TEST_F(PlatformSpawn, WhoIsNotReleasedEndsWithGalprocToo) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const std::string said = in_child([&] {
    // Never destroyed, as if it was killed.
    const WaitingProcess* child = platform_->spawn(shell("echo it ran")).release();
    return std::to_string(child->key().pid);
  });
  const pid_t pid = std::atoi(said.c_str());
  int status = -1;
  pid_t ended = 0;
  for (int i = 0; i < 30'000 && (ended = ::waitpid(pid, &status, WNOHANG)) == 0; ++i) ::usleep(1000);
  EXPECT_EQ(ended, pid) << said;
  if (ended == 0) ::kill(pid, SIGKILL);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(log(), "");
}

TEST_F(PlatformSpawn, StartsInItsControlGroupOrWithoutOneThatIsGone) {
  SpawnRequest grouped = request({"/bin/sleep", "60"});
  grouped.group = (folder_ / "no group").string();
  EXPECT_FALSE(platform_->spawn(grouped)->is_in_group());
  const TestGroup group;
  if (!group.reason().empty()) GTEST_SKIP() << group.reason();
  grouped.group = group.path().string();
  const auto child = platform_->spawn(grouped);
  EXPECT_TRUE(child->is_in_group());
  const auto found = platform_->killable_group(child->key().pid);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, group.path().string());
  EXPECT_EQ(found->pids, std::vector<std::int64_t>{child->key().pid});
}

}  // namespace
}  // namespace galproc
