// What every platform has to do, on the machine that runs the test, against what the system itself says.

#include "platform/platform.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "platform/posix/descriptor.h"
#include "support/child.h"
#include "support/fake_platform.h"
#include "support/proc.h"
#include "support/temporary_folder.h"

namespace galproc {
namespace {

const ProcessReading* find(const ProcessPass& pass, pid_t pid) {
  const auto found = std::find_if(pass.processes.begin(), pass.processes.end(),
                                  [&](const ProcessReading& process) { return process.key.pid == pid; });
  return found == pass.processes.end() ? nullptr : &*found;
}

TEST(Platform, SeesThisProcessAsItIs) {
  const auto platform = make_platform();
  const ProcessPass pass = platform->read_processes();
  const ProcessReading* self = find(pass, ::getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self->key, platform->self());
  EXPECT_EQ(self->parent_pid, ::getppid());
  EXPECT_FALSE(self->kernel_thread);
  EXPECT_FALSE(self->ended);
  EXPECT_GT(self->usage.resident_bytes, 100'000);
  EXPECT_EQ(self->image->user_id, static_cast<std::int64_t>(::geteuid()));
  EXPECT_EQ(self->image->name, "platform_test");
  EXPECT_EQ(self->image->executable, std::filesystem::read_symlink("/proc/self/exe").string());
  EXPECT_EQ(self->image->working_directory, std::filesystem::current_path().string());
  EXPECT_GE(platform->clocks().boot_us, self->started_boot_us);
}

TEST(Platform, APassThatSeesNothingNewGivesTheSameImageAndTheSameFigures) {
  const Child child;
  const auto platform = make_platform();
  const ProcessPass first = platform->read_processes();
  const ProcessPass second = platform->read_processes();
  const ProcessReading* before = find(first, child.pid());
  const ProcessReading* after = find(second, child.pid());
  ASSERT_TRUE(before && after);
  EXPECT_EQ(before->image, after->image);
  EXPECT_EQ(before->key, after->key);
}

TEST(Platform, MemoryOfAQuietProcessIsThatOfStatm) {
  const Child child;
  wait_until_asleep(child.pid());
  const auto platform = make_platform();
  const ProcessPass pass = platform->read_processes();
  std::int64_t size = 0, resident = 0;
  std::ifstream("/proc/" + std::to_string(child.pid()) + "/statm") >> size >> resident;
  ASSERT_TRUE(find(pass, child.pid()));
  EXPECT_EQ(find(pass, child.pid())->usage.resident_bytes, resident * ::sysconf(_SC_PAGESIZE));
}

TEST(Platform, AnUnreapedChildHasEndedAndItsStatusIsKnownToItsOwner) {
  Child child;
  const auto platform = make_platform();
  ASSERT_FALSE(find(platform->read_processes(), child.pid())->ended);
  child.kill();
  child.await(WEXITED);
  const ProcessPass pass = platform->read_processes();
  ASSERT_TRUE(find(pass, child.pid()));
  EXPECT_TRUE(find(pass, child.pid())->ended);
  EXPECT_EQ(find(pass, child.pid())->wait_status, SIGKILL);
  child.reap();
  EXPECT_FALSE(find(platform->read_processes(), child.pid()));
}

TEST(Platform, AnExecBetweenTwoPassesIsANewImageOfTheSameProcess) {
  const auto platform = make_platform();
  int go[2];
  ASSERT_EQ(::pipe(go), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    char byte = 0;
    if (::read(go[0], &byte, 1) == 1) ::execl("/bin/sleep", "sleep", "1000", nullptr);
    ::_exit(1);
  }
  const ProcessPass first = platform->read_processes();
  ASSERT_EQ(::write(go[1], "x", 1), 1);
  ProcessPass second;
  for (int i = 0; i < 1000; ++i) {
    second = platform->read_processes();
    if (find(second, pid) && find(second, pid)->image->name == "sleep") break;
    ::usleep(5000);
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ::close(go[0]);
  ::close(go[1]);
  ASSERT_TRUE(find(first, pid) && find(second, pid));
  EXPECT_EQ(find(first, pid)->key, find(second, pid)->key);
  EXPECT_NE(find(first, pid)->image, find(second, pid)->image);
  EXPECT_EQ(find(second, pid)->image->arguments, (std::vector<std::string>{"sleep", "1000"}));
}

TEST(Platform, AShortRunIsARunAndSleepIsNone) {
  const Wire go, done;
  const pid_t pid = ::fork();
  if (pid == 0) {
    while (go.wait() && done.send()) continue;
    ::_exit(0);
  }
  wait_until_asleep(pid);
  const auto platform = make_platform();
  // The state says so a little before it has left the CPU.
  ProcessPass asleep = platform->read_processes();
  for (int i = 0; i < 100 && find(asleep, pid) && find(asleep, pid)->ran; ++i) asleep = platform->read_processes();
  EXPECT_TRUE(go.send() && done.wait());
  wait_until_asleep(pid);
  const ProcessPass woken = platform->read_processes();
  ProcessPass asleep_again = platform->read_processes();
  for (int i = 0; i < 100 && find(asleep_again, pid) && find(asleep_again, pid)->ran; ++i) {
    asleep_again = platform->read_processes();
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ASSERT_TRUE(find(asleep, pid) && find(woken, pid) && find(asleep_again, pid));
  EXPECT_FALSE(find(asleep, pid)->ran);
  EXPECT_TRUE(find(woken, pid)->ran);
  EXPECT_FALSE(find(asleep_again, pid)->ran);
}

TEST(Platform, AnOrphanThatSleepsGetsItsNewParentInThePassThatMissesTheOldOne) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const Wire born;
  Child parent([&] {
    const pid_t orphan = ::fork();
    if (orphan != 0 && ::write(born.ends[1], &orphan, sizeof orphan) != sizeof orphan) ::_exit(1);
  });
  pid_t orphan = 0;
  ASSERT_EQ(::read(born.ends[0], &orphan, sizeof orphan), static_cast<ssize_t>(sizeof orphan));
  wait_until_asleep(orphan);
  const auto platform = make_platform();
  const ProcessPass before = platform->read_processes();
  const std::int64_t old_parent = parent.pid();
  parent.reap();
  const ProcessPass after = platform->read_processes();
  ::kill(orphan, SIGKILL);
  ::waitpid(orphan, nullptr, 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  ASSERT_TRUE(find(before, orphan) && find(after, orphan));
  EXPECT_EQ(find(before, orphan)->parent_pid, old_parent);
  EXPECT_EQ(find(after, orphan)->parent_pid, ::getpid());
}

TEST(Platform, MemoryThatIsTakenFromASleeperIsSeenWithinTwelvePasses) {
  constexpr std::size_t kBytes = 4U << 20;
  const TemporaryFolder folder;
  const Descriptor file(::open((folder / "mapped").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::ftruncate(file.get(), kBytes), 0);
  const Wire mapped;
  const Child child([&] {
    auto* memory =
        static_cast<volatile char*>(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0));
    for (std::size_t at = 0; at < kBytes; at += 4096) memory[at] = 1;
    mapped.send();
  });
  ASSERT_TRUE(mapped.wait());
  wait_until_asleep(child.pid());
  const auto platform = make_platform();
  const ProcessPass before = platform->read_processes();
  ASSERT_TRUE(find(before, child.pid()));
  ASSERT_EQ(::ftruncate(file.get(), 0), 0);
  std::int64_t resident = 0;
  for (int pass = 0; pass < 12; ++pass) {
    const ProcessPass next = platform->read_processes();
    ASSERT_TRUE(find(next, child.pid()));
    resident = find(next, child.pid())->usage.resident_bytes;
  }
  EXPECT_LE(resident, find(before, child.pid())->usage.resident_bytes - static_cast<std::int64_t>(kBytes));
}

TEST(Platform, HostAndClocksAreThoseOfThisBoot) {
  const auto platform = make_platform();
  const HostReading host = platform->host();
  EXPECT_FALSE(host.boot_uuid.empty());
  EXPECT_FALSE(host.host_name.empty());
  EXPECT_EQ(host.user_id, static_cast<std::int64_t>(::geteuid()));
  const Clocks before = platform->clocks();
  const Clocks after = platform->clocks();
  EXPECT_LE(before.boot_us, after.boot_us);
  EXPECT_GE(before.boot_us, before.monotonic_us - 1000);
  EXPECT_EQ(host.boot_uuid, make_platform()->host().boot_uuid);
}

TEST(Platform, ALockIsHeldByOneProcessNamesItAndGoesWithIt) {
  const TemporaryFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    const LockResult held = make_platform()->lock_file(folder / "lock");
    const char answer = held.lock ? 'y' : 'n';
    if (::write(ready[1], &answer, 1) == 1) ::pause();
    ::_exit(0);
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  const auto platform = make_platform();
  const LockResult refused = platform->lock_file(folder / "lock");
  EXPECT_FALSE(refused.lock);
  EXPECT_EQ(refused.holder_pid, holder);
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  EXPECT_TRUE(platform->lock_file(folder / "lock").lock);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(Platform, AGroupIsLimitedByTheFileOfItsControllerWhereThatIsThere) {
  const TemporaryFolder folder;  // stands for a folder of control groups: what is written goes by the same files
  const auto group = folder.path() / "galproc" / "web";
  std::filesystem::create_directories(group);
  EXPECT_FALSE(make_platform()->limit_group(group.string(), 12));
  std::ofstream(group / "pids.max").close();
  std::ofstream(group.parent_path() / "cgroup.subtree_control").close();
  EXPECT_TRUE(make_platform()->limit_group(group.string(), 12));
  const auto text_of = [](const std::filesystem::path& path) {
    return (std::stringstream() << std::ifstream(path).rdbuf()).str();
  };
  EXPECT_EQ(text_of(group / "pids.max"), "12");
  EXPECT_EQ(text_of(group.parent_path() / "cgroup.subtree_control"), "+pids");
}

TEST(Platform, SleepEndsAtItsTimeAndAtOnceWhenItIsPast) {
  const auto platform = make_platform();
  const std::int64_t start_us = platform->clocks().boot_us;
  EXPECT_EQ(platform->sleep_until(start_us + 20'000), Wake::Deadline);
  EXPECT_GE(platform->clocks().boot_us, start_us + 20'000);
  EXPECT_EQ(platform->sleep_until(start_us), Wake::Deadline);
}

TEST(Platform, AStopRequestWakesASleeperAndStays) {
  const pid_t sleeper = ::fork();
  if (sleeper == 0) {
    const auto platform = make_platform();
    platform->catch_stop_requests();
    ::kill(::getpid(), SIGTERM);
    const std::int64_t far_us = platform->clocks().boot_us + 60'000'000;
    const bool woken = platform->sleep_until(far_us) == Wake::Stop && platform->sleep_until(far_us) == Wake::Stop;
    ::_exit(woken ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(sleeper, &status, 0), sleeper);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace galproc
