// Where the system gives galproc no thread, or few files: it sees less and says why, and still acts.

#include <sys/resource.h>

#include <optional>

#include "support/nobody.h"

namespace galproc {
namespace {

/// Nobody else is this one, in no other run of this test either, so that a limit counts the processes of the test
/// alone.
const uid_t kAlone = 2'000'000 + static_cast<uid_t>(::getpid());

class ProgramLimit : public NobodyTest {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "only root can become a user of whom there is nobody else";
    if (::chown(nobodys_.c_str(), kAlone, kAlone) != 0) GTEST_SKIP() << "no user has this number here: " << kAlone;
  }
  /// As this user, with so many processes and threads at most.
  Options alone(std::optional<rlim_t> processes = {}) const {
    Options options;
    options.environment = {"HOME=" + nobodys_.string(), "XDG_STATE_HOME=" + nobodys_.string(), "GALPROC_CONFIG=",
                           "ASAN_OPTIONS=detect_leaks=0"};  // to look for them it starts a process of its own
    options.before_exec = [processes] {
      const rlimit limit{processes.value_or(0), processes.value_or(0)};
      if (processes && ::setrlimit(RLIMIT_NPROC, &limit) != 0) ::_exit(125);
      become(kAlone, kAlone);
    };
    return options;
  }
  static int count_of_alone() {
    int count = 0;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      struct stat status {};
      const bool is_process = entry.path().filename().string().find_first_not_of("0123456789") == std::string::npos;
      count += is_process && ::stat(entry.path().c_str(), &status) == 0 && status.st_uid == kAlone ? 1 : 0;
    }
    return count;
  }
  static constexpr const char* kNoThread = "no thread could be made to read them: Resource temporarily unavailable";
  fs::path file_ = nobodys_ / "galproc.db";
};

TEST_F(ProgramLimit, WithoutAThreadItRecordsWithoutEventsAndSaysWhy) {
  const Ran full = run({program_.string(), "record", "--db", (nobodys_ / "full.db").string(), "--event-source",
                        "netlink", "--samples", "1"},
                       alone());
  if (full.exit_code != 0) GTEST_SKIP() << full.err;
  const Ran ran = run({program_.string(), "record", "--db", file_.string(), "--samples", "1"}, alone(1));
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find(std::string("Events are not read from netlink: ") + kNoThread + "."), std::string::npos)
      << ran.err;
  EXPECT_EQ(galproc::ask(file_, "SELECT event_source FROM recordings"), "none\n");
  const Ran doctor = run({program_.string(), "doctor", "--db", file_.string(), "-q"}, alone(1));
  EXPECT_NE(doctor.out.find(kNoThread), std::string::npos) << doctor.out << doctor.err;
}

TEST_F(ProgramLimit, WithoutAThreadATreeIsEndedAllTheSame) {
  Program top = start({"/bin/sh", "-c", "sleep 60 & sleep 60; :"}, alone());
  // The shell and its two children, and galproc itself.
  ASSERT_TRUE(wait_until([&] { return count_of_alone() == 3; }));
  const Ran ran =
      run({program_.string(), "kill", "--db", file_.string(), std::to_string(top.pid()), "--tree"}, alone(4));
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(wait_until([&] { return top.has_ended(); }));
  EXPECT_EQ(galproc::ask(file_, "SELECT count(*) FROM termination_attempts WHERE outcome = 'exited'"), "3\n");
}

TEST_F(ProgramLimit, WithFewFilesBpfIsRefusedWithThatReason) {
  const Ran full = galproc({"record", "--db", db().string(), "--event-source", "bpf", "--samples", "1"});
  if (full.exit_code != 0) GTEST_SKIP() << full.err;
  for (rlim_t files = 24; files <= 40; files += 4) {
    Options options;
    options.before_exec = [files] {
      const rlimit limit{files, files};
      if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::_exit(125);
    };
    const Ran ran = galproc({"record", "--db", db().string(), "--event-source", "bpf", "--samples", "1"}, options);
    if (ran.exit_code == 0) continue;
    EXPECT_NE(ran.err.find("Too many open files (raise ulimit -n)"), std::string::npos) << files << ": " << ran.err;
    EXPECT_EQ(ran.err.find("failed to load object"), std::string::npos) << ran.err;
  }
}

}  // namespace
}  // namespace galproc
