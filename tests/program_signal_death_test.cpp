// Processes that end because another one does, or because a group or the memory does.

#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

#include "support/control_group.h"
#include "support/signal_fixture.h"

namespace galproc {
namespace {

/// A pid that a child tells by a pipe.
struct PidWire : Wire {
  void tell(pid_t pid) const {
    if (::write(ends[1], &pid, sizeof pid) != sizeof pid) ::_exit(97);
  }
  pid_t hear() const {
    pid_t pid = 0;
    return ::read(ends[0], &pid, sizeof pid) == sizeof pid ? pid : -1;
  }
};

class ProgramSignalDeath : public SignalTest {
 protected:
  /// Until a process that is no child of the test is dead.
  static void wait_for_end_of(pid_t pid) {
    EXPECT_TRUE(wait_until([&] { return ::kill(pid, 0) != 0 || stat_is_zombie(pid); })) << pid;
  }
};

TEST_F(ProgramSignalDeath, OfOneThatAbortsItIsKnownWhetherACoreWasWritten) {
  const auto abort_with_core_of = [&](rlim_t bytes) {
    Target target([] {},
                  [&] {
                    const rlimit limit{bytes, bytes};
                    if (::chdir(folder_.path().c_str()) != 0 || ::setrlimit(RLIMIT_CORE, &limit) != 0) ::_exit(97);
                    ::abort();
                  });
    target.wait();
    return target.pid();
  };
  const pid_t without = abort_with_core_of(0);
  std::string pattern;
  std::getline(std::ifstream("/proc/sys/kernel/core_pattern"), pattern);
  const bool is_kept_here = !pattern.empty() && pattern.find_first_of("|/@") == std::string::npos;
  const pid_t with = is_kept_here ? abort_with_core_of(RLIM_INFINITY) : 0;
  stop();
  const auto told = [&](pid_t pid) {
    return ask(fmt::format("SELECT exit_signal, core_dumped FROM processes WHERE pid = {}", pid));
  };
  EXPECT_EQ(told(without), "SIGABRT|0\n");
  if (is_kept_here) {
    EXPECT_EQ(told(with), "SIGABRT|1\n");
  }
}

TEST_F(ProgramSignalDeath, AChildThatWantsToEndWithItsParentNamesTheParent) {
  const PidWire told;
  Target parent(
      [&] {
        const pid_t child = ::fork();
        if (child == 0) {
          ::prctl(PR_SET_PDEATHSIG, SIGTERM);
          told.tell(::getpid());
          for (;;) ::pause();
        }
      },
      [] {});
  const pid_t child = told.hear();
  ASSERT_EQ(::kill(parent.pid(), SIGKILL), 0);
  EXPECT_EQ(parent.wait(), SIGKILL);
  wait_for_end_of(child);
  EXPECT_EQ(attempts_on(child, {{parent.pid(), "the parent"}}), "SIGTERM parent_death by the parent: exited\n");
  EXPECT_EQ(attempts_on(parent.pid()), "SIGKILL user by the test: exited\n");
}

TEST_F(ProgramSignalDeath, ATracedProcessThatEndsWithItsTracerNamesTheTracer) {
  Target traced;
  Target tracer([&] {
    if (::ptrace(PTRACE_SEIZE, traced.pid(), nullptr, PTRACE_O_EXITKILL) != 0) ::_exit(97);
  });
  ASSERT_EQ(::kill(tracer.pid(), SIGKILL), 0);
  EXPECT_EQ(tracer.wait(), SIGKILL);
  EXPECT_EQ(traced.wait(), SIGKILL);
  EXPECT_EQ(attempts_on(traced.pid(), {{tracer.pid(), "the tracer"}}), "SIGKILL tracer_death by the tracer: exited\n");
}

TEST_F(ProgramSignalDeath, MembersOfAPidNamespaceEndWithItsInit) {
  // The member tells nothing by itself: it knows its pid inside only.
  Target outside([] {
    if (::unshare(CLONE_NEWPID) != 0) ::_exit(97);
    if (::fork() == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::fork();
      for (;;) ::pause();
    }
  });
  const auto child_of = [](pid_t pid) {
    std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid));
    pid_t child = 0;
    children >> child;
    return child;
  };
  pid_t init = 0, member = 0;
  ASSERT_TRUE(wait_until([&] {
    init = child_of(outside.pid());
    member = init > 0 ? child_of(init) : 0;
    return member > 0;
  }));
  ASSERT_EQ(::kill(init, SIGKILL), 0);
  wait_for_end_of(member);
  wait_for_end_of(init);
  EXPECT_EQ(attempts_on(init), "SIGKILL user by the test: exited\n");
  EXPECT_EQ(attempts_on(member, {{init, "the init"}}), "SIGKILL namespace_end by the init: exited\n");
}

TEST_F(ProgramSignalDeath, AKillOfAControlGroupNamesWhoWroteIt) {
  const TestGroup group;
  if (!group.reason().empty()) GTEST_SKIP() << group.reason();
  Target first([&] {
    if (!enter_group(group.path())) ::_exit(97);
  });
  Target second([&] {
    if (!enter_group(group.path())) ::_exit(97);
  });
  {
    std::ofstream all(group.path() / "cgroup.kill");
    all << "1" << std::flush;
    ASSERT_TRUE(all.good());
  }
  EXPECT_EQ(first.wait(), SIGKILL);
  EXPECT_EQ(second.wait(), SIGKILL);
  EXPECT_EQ(attempts_on(first.pid()), "SIGKILL cgroup_kill by the test: exited\n");
  EXPECT_EQ(attempts_on(second.pid()), "SIGKILL cgroup_kill by the test: exited\n");
  EXPECT_EQ(ask(fmt::format("SELECT method FROM termination_attempts WHERE target_pid = {}", first.pid())), "cgroup\n");
}

/// A control group that may hold 20 MiB, of whichever version there is, and is gone with the object.
class SmallMemory {
 public:
  SmallMemory() {
    const std::string name = "galproc-test-memory-" + std::to_string(::getpid());
    const fs::path old = "/sys/fs/cgroup/memory";
    const bool first = fs::exists(old / "memory.limit_in_bytes") || fs::exists(old / "memory.usage_in_bytes");
    path_ = (first ? old : group_mount()) / name;
    limit_ = path_ / (first ? "memory.limit_in_bytes" : "memory.max");
    if (::mkdir(path_.c_str(), 0755) != 0) {
      reason_ = path_.string() + " cannot be made";
      return;
    }
    made_ = true;
    std::ofstream limit(limit_);
    limit << 20 * 1024 * 1024 << std::flush;
    if (!limit.good()) reason_ = limit_.string() + " cannot be set";
    std::ofstream(path_ / "memory.swap.max") << 0;
  }
  ~SmallMemory() {
    for (int attempt = 0; made_ && attempt < 1000 && ::rmdir(path_.c_str()) != 0; ++attempt) ::usleep(5000);
  }
  SmallMemory(const SmallMemory&) = delete;
  SmallMemory& operator=(const SmallMemory&) = delete;
  const std::string& reason() const { return reason_; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_, limit_;
  std::string reason_;
  bool made_ = false;
};

void use_memory(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) ::_exit(96);
  std::memset(memory, 1, bytes);
}

void use_up_memory() {
  use_memory(64U * 1024 * 1024);
  ::_exit(95);
}

TEST_F(ProgramSignalDeath, WhomTheOomKillerChoosesHasNoSender) {
  const SmallMemory memory;
  if (!memory.reason().empty()) GTEST_SKIP() << memory.reason();
  Target greedy(
      [&] {
        if (!enter_group(memory.path())) ::_exit(97);
      },
      [] { use_up_memory(); });
  EXPECT_EQ(greedy.wait(), SIGKILL);
  EXPECT_EQ(attempts_on(greedy.pid()), "SIGKILL oom by nobody: exited\n");
}

// Whoever asks for the page that is too much is not the one that is chosen.
TEST_F(ProgramSignalDeath, AnOomVictimThatAnotherOneCausedHasNoSender) {
  const SmallMemory memory;
  if (!memory.reason().empty()) GTEST_SKIP() << memory.reason();
  const auto prefer = [](const char* score) { std::ofstream("/proc/self/oom_score_adj") << score << std::flush; };
  Target victim([&] {
    prefer("1000");
    if (!enter_group(memory.path())) ::_exit(97);
    use_memory(8U * 1024 * 1024);
  });
  Target causer(
      [&] {
        prefer("0");
        if (!enter_group(memory.path())) ::_exit(97);
      },
      [] { use_up_memory(); });
  EXPECT_EQ(victim.wait(), SIGKILL);
  EXPECT_EQ(causer.wait(), SIGKILL);
  EXPECT_EQ(attempts_on(victim.pid()), "SIGKILL oom by nobody: exited\n");
  EXPECT_EQ(attempts_on(causer.pid()), "SIGKILL oom by nobody: exited\n");
}

TEST_F(ProgramSignalDeath, AKillInAGroupThatIsShortOfMemoryIsNoOom) {
  const SmallMemory memory;
  if (!memory.reason().empty()) GTEST_SKIP() << memory.reason();
  Target target([&] {
    if (!enter_group(memory.path())) ::_exit(97);
  });
  ASSERT_EQ(::kill(target.pid(), SIGKILL), 0);
  EXPECT_EQ(target.wait(), SIGKILL);
  EXPECT_EQ(attempts_on(target.pid()), "SIGKILL user by the test: exited\n");
}

}  // namespace
}  // namespace galproc
