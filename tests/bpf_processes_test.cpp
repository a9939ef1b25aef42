// The process table by the task iterator, beside that of /proc on the same machine.

#include "platform/linux/bpf_processes.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "platform/linux/cpu_clock.h"
#include "platform/platform.h"
#include "support/linked_proc.h"

namespace galproc {
namespace {

constexpr std::int64_t kTickUs = 10'000;  // what the text of a stat file counts in

/// A system whose process table comes from the iterator.
class BpfProcesses : public testing::Test {
 protected:
  void SetUp() override {
    const ReadingSources sources = bpf_->choose_process_source("bpf");
    if (sources.processes != "bpf") GTEST_SKIP() << sources.why_not_processes;
  }

  /// One process as the iterator has it, between two looks at /proc that find it at rest.
  ProcessReading read_at_rest(std::int64_t pid) {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      const auto before = cpu_clock_ns(pid);
      const ProcessPass pass = bpf_->read_processes();
      proc_ = make_platform()->read_processes();
      const ProcessReading* found = find(pass, pid);
      if (found && find(proc_, pid) && before == cpu_clock_ns(pid)) return *found;
      ::usleep(5000);
    }
    ADD_FAILURE() << "it did not come to rest";
    return {};
  }

  const std::unique_ptr<Platform> bpf_ = make_platform();
  ProcessPass proc_;
};

std::int64_t ticks_of(std::int64_t cpu_us) {
  return cpu_us / kTickUs;
}

/// Everything but the CPU time.
void expect_same_facts(const ProcessReading& one, const ProcessReading& other) {
  EXPECT_EQ(one.key, other.key);
  EXPECT_EQ(one.parent_pid, other.parent_pid);
  EXPECT_EQ(one.process_group, other.process_group);
  EXPECT_EQ(one.session, other.session);
  EXPECT_EQ(one.started_boot_us, other.started_boot_us);
  EXPECT_EQ(one.kernel_thread, other.kernel_thread);
  EXPECT_EQ(one.ended, other.ended);
  EXPECT_EQ(one.wait_status, other.wait_status);
  EXPECT_EQ(to_text(one.usage.state), to_text(other.usage.state));
  EXPECT_EQ(one.usage.resident_bytes, other.usage.resident_bytes);
  EXPECT_EQ(one.usage.thread_count, other.usage.thread_count);
  EXPECT_EQ(one.usage.read_bytes, other.usage.read_bytes);
  EXPECT_EQ(one.usage.written_bytes, other.usage.written_bytes);
}

void expect_same_image(const ProcessImage& one, const ProcessImage& other) {
  EXPECT_EQ(one.name, other.name);
  EXPECT_EQ(one.executable, other.executable);
  EXPECT_EQ(one.arguments, other.arguments);
  EXPECT_EQ(one.user_id, other.user_id);
  EXPECT_TRUE(one == other);
}

/// Of a process at rest: both parts to the tick, but for what a nanosecond may do to one.
void expect_same_cpu(const ProcessReading& bpf, const ProcessReading& proc) {
  EXPECT_NEAR(static_cast<double>(ticks_of(bpf.usage.cpu_user_us)),
              static_cast<double>(ticks_of(proc.usage.cpu_user_us)), 1);
  EXPECT_NEAR(static_cast<double>(ticks_of(bpf.usage.cpu_system_us)),
              static_cast<double>(ticks_of(proc.usage.cpu_system_us)), 1);
}

/// Two looks at /proc by readers that know nothing yet, and how far everybody's CPU clock had come at each.
struct Witness {
  ProcessPass pass;
  std::map<std::int64_t, std::optional<std::int64_t>> clocks;

  void look(bool clocks_first) {
    const auto read_clocks = [&] {
      for (const ProcessReading& process : pass.processes) clocks[process.key.pid] = cpu_clock_ns(process.key.pid);
    };
    pass = make_platform()->read_processes();
    read_clocks();
    if (clocks_first) pass = make_platform()->read_processes();
  }
};

TEST_F(BpfProcesses, AreThoseOfProcWithTheSameKeysImagesAndFigures) {
  const Child child([](int) {});
  wait_until_asleep(child.pid());
  Witness before, after;
  before.look(true);
  const ProcessPass pass = bpf_->read_processes();
  after.look(false);
  int compared = 0, at_rest = 0;
  bool child_at_rest = false;
  for (const ProcessReading& first : before.pass.processes) {
    const std::int64_t pid = first.key.pid;
    const ProcessReading* last = find(after.pass, pid);
    if (!last || last->key != first.key) continue;
    SCOPED_TRACE(std::to_string(pid) + " " + first.image->name);
    const ProcessReading* found = find(pass, pid);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->key, first.key);
    ++compared;
    if (*first.image == *last->image) expect_same_image(*found->image, *first.image);
    if (first.usage.thread_count == 1 && last->usage.thread_count == 1) {
      EXPECT_GE(cpu_us(found->usage), cpu_us(first.usage));
      EXPECT_LE(cpu_us(found->usage), cpu_us(last->usage) + 2 * kTickUs);
    }
    const auto clock = before.clocks[pid];
    if (!clock || clock != after.clocks[pid] || !(first.usage == last->usage)) continue;
    ++at_rest;
    child_at_rest = child_at_rest || pid == child.pid();
    expect_same_facts(*found, first);
    expect_same_cpu(*found, first);
  }
  EXPECT_GT(compared, 3);
  EXPECT_GT(at_rest, 1);
  EXPECT_TRUE(child_at_rest);
}

/// Threads that sleep until their process ends, some that burn CPU first, and some that burn and end.
void run_threads(int wire, int sleeping, int ending) {
  const auto burn = [] {
    timespec now{};
    do ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while (now.tv_nsec < 20'000'000);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < ending; ++i) threads.emplace_back(burn);
  for (std::thread& thread : threads) thread.join();
  std::mutex mutex;
  std::condition_variable changed;
  int ready = 0;
  for (int i = 0; i < sleeping; ++i) {
    std::thread([&] {
      burn();
      {
        const std::lock_guard lock(mutex);
        ++ready;
      }
      changed.notify_one();
      while (true) ::pause();
    }).detach();
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return ready == sleeping; });
  say(wire, "ready");
  while (true) ::pause();
}

TEST_F(BpfProcesses, OfManyThreadsAreTheSumOfThem) {
  const Child child([](int wire) { run_threads(wire, 29, 0); });
  ASSERT_EQ(hear(child.wire()), "ready");
  const ProcessReading found = read_at_rest(child.pid());
  EXPECT_EQ(found.usage.thread_count, 30);
  EXPECT_GE(cpu_us(found.usage), 29 * 20'000);
  expect_same_facts(found, *find(proc_, child.pid()));
  expect_same_cpu(found, *find(proc_, child.pid()));
}

TEST_F(BpfProcesses, HaveTheCpuTimeOfThreadsThatAreDead) {
  const Child child([](int wire) { run_threads(wire, 1, 8); });
  ASSERT_EQ(hear(child.wire()), "ready");
  const ProcessReading found = read_at_rest(child.pid());
  EXPECT_EQ(found.usage.thread_count, 2);
  EXPECT_GE(cpu_us(found.usage), 9 * 20'000);
  expect_same_cpu(found, *find(proc_, child.pid()));
}

TEST_F(BpfProcesses, ThatWaitForTheirParentHaveEndedWithTheirStatus) {
  for (const int code : {0, 3}) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(code);
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
    const ProcessPass pass = bpf_->read_processes();
    const ProcessPass proc = make_platform()->read_processes();
    ::waitpid(pid, nullptr, 0);
    ASSERT_TRUE(find(pass, pid) && find(proc, pid));
    EXPECT_TRUE(find(pass, pid)->ended);
    EXPECT_EQ(find(pass, pid)->wait_status, code << 8);
    expect_same_facts(*find(pass, pid), *find(proc, pid));
    EXPECT_FALSE(find(bpf_->read_processes(), pid));
  }
}

TEST_F(BpfProcesses, WhoseFirstThreadIsDeadLiveAsLongAsTheOthers) {
  const Child child([](int wire) {
    std::thread([wire] {
      wait_until_state(::getpid(), 'Z');
      say(wire, "alone");
      while (true) ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);
  });
  ASSERT_EQ(hear(child.wire()), "alone");
  const ProcessReading found = read_at_rest(child.pid());
  EXPECT_FALSE(found.ended);
  EXPECT_FALSE(found.wait_status);
  EXPECT_EQ(found.usage.thread_count, 2);
  expect_same_facts(found, *find(proc_, child.pid()));
}

TEST_F(BpfProcesses, HaveTheMemoryThatTheyTookOnAnyCpu) {
  const Child child([](int wire) {
    constexpr std::size_t kPage = 4096, kEach = 7;  // fewer than a CPU counts for itself
    cpu_set_t allowed;
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &allowed)) continue;
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      ::sched_setaffinity(0, sizeof one, &one);
      void* taken = ::mmap(nullptr, kEach * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      std::memset(taken, 1, kEach * kPage);
    }
    say(wire, "grown");
  });
  ASSERT_EQ(hear(child.wire()), "grown");
  wait_until_asleep(child.pid());
  const ProcessReading found = read_at_rest(child.pid());
  EXPECT_EQ(found.usage.resident_bytes, find(proc_, child.pid())->usage.resident_bytes);
  std::int64_t size = 0, resident = 0;
  std::ifstream("/proc/" + std::to_string(child.pid()) + "/statm") >> size >> resident;
  EXPECT_EQ(found.usage.resident_bytes, resident * ::sysconf(_SC_PAGESIZE));
}

TEST_F(BpfProcesses, ThatRunForAMomentRanAndThatSleepDidNot) {
  const Child child([](int wire) {
    while (!hear(wire).empty()) say(wire, "heard");
  });
  wait_until_asleep(child.pid());
  read_at_rest(child.pid());
  EXPECT_FALSE(read_at_rest(child.pid()).ran);
  say(child.wire(), "wake");
  ASSERT_EQ(hear(child.wire()), "heard");
  EXPECT_TRUE(find(bpf_->read_processes(), child.pid())->ran);
  read_at_rest(child.pid());
  EXPECT_FALSE(read_at_rest(child.pid()).ran);
}

TEST_F(BpfProcesses, HaveANewImageAfterAnExecAndTheSameOneOtherwise) {
  const Child child([](int wire) {
    hear(wire);
    ::execl("/bin/sleep", "sleep", "1000", nullptr);
  });
  wait_until_asleep(child.pid());
  const ProcessReading first = read_at_rest(child.pid());
  EXPECT_EQ(read_at_rest(child.pid()).image, first.image);
  say(child.wire(), "go");
  EXPECT_EQ(hear(child.wire()), "");  // the exec closes it
  wait_until_asleep(child.pid());
  const ProcessReading second = read_at_rest(child.pid());
  EXPECT_EQ(second.key, first.key);
  EXPECT_NE(second.image, first.image);
  EXPECT_EQ(second.image->name, "sleep");
  EXPECT_EQ(second.image->arguments, (std::vector<std::string>{"sleep", "1000"}));
  EXPECT_EQ(read_at_rest(child.pid()).image, second.image);
}

TEST_F(BpfProcesses, HaveANewImageAfterAChangeOfTheirUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  const Child child([](int wire) {
    hear(wire);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    say(wire, ::setuid(65534) == 0 ? "changed" : "not changed");
    hear(wire);
  });
  wait_until_asleep(child.pid());
  EXPECT_EQ(read_at_rest(child.pid()).image->user_id, 0);
  say(child.wire(), "go");
  ASSERT_EQ(hear(child.wire()), "changed");
  EXPECT_EQ(read_at_rest(child.pid()).image->user_id, 65534);
}

}  // namespace
}  // namespace galproc
