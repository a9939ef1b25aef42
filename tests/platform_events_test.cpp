// What the running kernel tells, read from its own ring.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include "platform/platform.h"
#include "support/child.h"

namespace galproc {
namespace {

class PlatformEvents : public testing::Test {
 protected:
  /// Null where there is none, with the reason in why_not_.
  std::unique_ptr<EventSource> open(const EventRequest& request) {
    OpenedEvents opened = platform_->open_events("bpf", request);
    why_not_ = opened.why_not;
    return std::move(opened.source);
  }
  /// How many signals of this number this process sent to that one.
  static int count_sent(const EventBatch& batch, pid_t target, int signal) {
    return static_cast<int>(std::count_if(batch.events.begin(), batch.events.end(), [&](const Event& event) {
      const auto* told = std::get_if<SignalEvent>(&event.what);
      return told && told->signal == signal && told->target_pid == target && told->sender.key.pid == ::getpid();
    }));
  }

  /// The pids that were named by calls of this sender which were refused, -1 for none; in their order.
  static std::vector<std::int64_t> refused_to(const EventBatch& batch, pid_t sender) {
    std::vector<std::int64_t> named;
    for (const Event& event : batch.events) {
      const auto* told = std::get_if<SignalEvent>(&event.what);
      if (told && told->result == SignalEvent::Result::Refused && told->sender.key.pid == sender) {
        named.push_back(told->target_pid.value_or(-1));
      }
    }
    return named;
  }
  /// The usage of the whole life of a pid, as its end told it.
  static std::optional<ProcessUsage> usage_of(const EventBatch& batch, pid_t pid) {
    for (const Event& event : batch.events) {
      const auto* exit = std::get_if<ExitEvent>(&event.what);
      if (exit && exit->process.key.pid == pid) return exit->usage;
    }
    return std::nullopt;
  }
  /// A child without privileges, in a session of its own, that does this and is over.
  static pid_t try_as_nobody(const std::function<void()>& what) {
    const Child child([&] {
      ::setsid();
      if (become_nobody()) what();
      ::_exit(0);
    });
    child.await(WEXITED);
    return child.pid();
  }

  /// All that had happened before this call: where much did, in several batches.
  static EventBatch drain_all(EventSource& source) {
    EventBatch all = source.drain();
    while (all.more) {
      EventBatch next = source.drain();
      std::move(next.events.begin(), next.events.end(), std::back_inserter(all.events));
      all.lost_count += next.lost_count;
      all.more = next.more;
    }
    return all;
  }

  std::unique_ptr<Platform> platform_ = make_platform();
  std::string why_not_;
};

/// A child that ignores this signal.
struct Deaf {
  explicit Deaf(int signal)
      : child([&] {
          ::signal(signal, SIG_IGN);
          ready.send();
        }) {
    ready.wait();
  }
  Wire ready;
  Child child;
};

TEST_F(PlatformEvents, TellsALifeInItsOrder) {
  const auto source = open({});
  if (!source) GTEST_SKIP() << why_not_;
  const Child child([] { ::execl("/bin/sh", "sh", "-c", "exit 3", static_cast<char*>(nullptr)); });
  child.await(WEXITED);
  const EventBatch batch = drain_all(*source);
  std::string order;
  ProcessKey key;
  for (const Event& event : batch.events) {
    if (const auto* fork = std::get_if<ForkEvent>(&event.what); fork && fork->child.key.pid == child.pid()) {
      order += "fork ";
      key = fork->child.key;
      EXPECT_EQ(fork->parent.key, platform_->self());
    }
    if (const auto* exec = std::get_if<ExecEvent>(&event.what); exec && exec->process.key.pid == child.pid()) {
      order += "exec ";
      EXPECT_EQ(exec->process.key, key);
      EXPECT_EQ(exec->image->arguments, (std::vector<std::string>{"sh", "-c", "exit 3"}));
    }
    if (const auto* exit = std::get_if<ExitEvent>(&event.what); exit && exit->process.key.pid == child.pid()) {
      order += "exit";
      EXPECT_EQ(exit->process.key, key);
      EXPECT_EQ(exit->wait_status, 3 << 8);
      EXPECT_GT(exit->usage->resident_bytes, 0);
    }
  }
  EXPECT_EQ(order, "fork exec exit");
}

TEST_F(PlatformEvents, AKeyIsTheOneOfTheProcessTable) {
  const auto source = open({});
  if (!source) GTEST_SKIP() << why_not_;
  const Child child;
  const ProcessPass pass = platform_->read_processes();
  const auto listed = std::find_if(pass.processes.begin(), pass.processes.end(),
                                   [&](const ProcessReading& process) { return process.key.pid == child.pid(); });
  ASSERT_NE(listed, pass.processes.end());
  const EventBatch batch = drain_all(*source);
  const auto born = std::find_if(batch.events.begin(), batch.events.end(), [&](const Event& event) {
    const auto* fork = std::get_if<ForkEvent>(&event.what);
    return fork && fork->child.key.pid == child.pid();
  });
  ASSERT_NE(born, batch.events.end());
  EXPECT_EQ(std::get<ForkEvent>(born->what).child.key, listed->key);
  EXPECT_EQ(std::get<ForkEvent>(born->what).child.started_boot_us, listed->started_boot_us);
}

TEST_F(PlatformEvents, SignalsThatEndNobodyAreToldOnlyWhenAskedFor) {
  const auto few = open({});
  if (!few) GTEST_SKIP() << why_not_;
  const auto all = open({EventRequest{}.ring_bytes, true});
  ASSERT_TRUE(all) << why_not_;
  const Deaf deaf(SIGUSR1);
  ::kill(deaf.child.pid(), SIGWINCH);
  ::kill(deaf.child.pid(), SIGUSR1);
  const EventBatch of_few = drain_all(*few), of_all = drain_all(*all);
  EXPECT_EQ(count_sent(of_few, deaf.child.pid(), SIGWINCH), 0);
  EXPECT_EQ(count_sent(of_few, deaf.child.pid(), SIGUSR1), 1);
  EXPECT_EQ(count_sent(of_all, deaf.child.pid(), SIGWINCH), 1);
  EXPECT_EQ(count_sent(of_all, deaf.child.pid(), SIGUSR1), 1);
}

TEST_F(PlatformEvents, HarmlessSignalsThatAreRefusedAreToldOnlyWhenAskedFor) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody who is refused";
  const auto few = open({});
  if (!few) GTEST_SKIP() << why_not_;
  if (!few->limits().empty()) GTEST_SKIP() << few->limits().front();
  const auto all = open({EventRequest{}.ring_bytes, true});
  ASSERT_TRUE(all) << why_not_;
  const pid_t self = ::getpid();
  const pid_t sender = try_as_nobody([&] {
    for (const int signal : {SIGCONT, SIGCHLD, SIGURG, SIGTERM}) ::kill(self, signal);
  });
  EXPECT_EQ(refused_to(drain_all(*few), sender), (std::vector<std::int64_t>{self}));
  EXPECT_EQ(refused_to(drain_all(*all), sender), (std::vector<std::int64_t>{self, self, self, self}));
}

TEST_F(PlatformEvents, ARefusedSignalToAThreadNamesItsProcess) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody who is refused";
  const auto source = open({});
  if (!source) GTEST_SKIP() << why_not_;
  if (!source->limits().empty()) GTEST_SKIP() << source->limits().front();
  const Wire ready, over;
  std::atomic<pid_t> thread_id = 0;
  std::thread thread([&] {
    thread_id = static_cast<pid_t>(::syscall(SYS_gettid));
    ready.send();
    over.wait();
  });
  ready.wait();
  const pid_t self = ::getpid();
  const pid_t sender = try_as_nobody([&] {
    ::syscall(SYS_tkill, thread_id.load(), SIGTERM);
    ::syscall(SYS_tgkill, self, thread_id.load(), SIGTERM);
    ::kill(thread_id, SIGTERM);
    const auto descriptor = ::syscall(SYS_pidfd_open, self, 0);
    ::syscall(SYS_pidfd_send_signal, descriptor, SIGTERM, nullptr, 0);
    ::kill(-self, SIGTERM);
  });
  const EventBatch batch = drain_all(*source);
  over.send();
  thread.join();
  auto named = refused_to(batch, sender);
  if (named.size() == 5) named.pop_back();  // a group, where this process leads one
  EXPECT_EQ(named, (std::vector<std::int64_t>{self, self, self, -1}));
}

/// Uses so much CPU time in this thread.
void burn(std::int64_t ms) {
  const auto used_ms = [] {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * 1000 + used.tv_nsec / 1'000'000;
  };
  const std::int64_t end = used_ms() + ms;
  while (used_ms() < end) continue;
}

TEST_F(PlatformEvents, TheCpuTimeOfALifeIsWhatTheSystemSaysAndNotBelowWhatALookSaw) {
  if (platform_->choose_process_source("bpf").processes != "bpf") GTEST_SKIP() << "no process table by BPF";
  const auto source = open({});
  if (!source) GTEST_SKIP() << why_not_;
  const Wire rests, go_on;
  const pid_t pid = ::fork();
  if (pid == 0) {
    burn(60);
    std::thread brief(burn, 40);
    std::thread longer(burn, 80);
    brief.join();
    longer.join();
    rests.send();
    go_on.wait();
    burn(20);
    ::_exit(0);
  }
  rests.wait();
  std::int64_t seen_us = 0;
  for (const ProcessReading& process : platform_->read_processes().processes) {
    if (process.key.pid == pid) seen_us = process.usage.cpu_user_us + process.usage.cpu_system_us;
  }
  go_on.send();
  int status = 0;
  rusage system{};
  ASSERT_EQ(::wait4(pid, &status, 0, &system), pid);
  const std::int64_t system_us =
      (system.ru_utime.tv_sec + system.ru_stime.tv_sec) * 1'000'000 + system.ru_utime.tv_usec + system.ru_stime.tv_usec;
  const auto told = usage_of(drain_all(*source), pid);
  ASSERT_TRUE(told);
  const std::int64_t told_us = told->cpu_user_us + told->cpu_system_us;
  EXPECT_GT(seen_us, 100'000);
  EXPECT_GT(told_us, seen_us);
  EXPECT_LE(told_us, system_us);
  // The rest is what the scheduler had not added up yet, and the way out.
  EXPECT_GE(told_us, system_us - system_us / 20 - 2000);
}

TEST_F(PlatformEvents, OfTheShortestLifeTheCpuTimeIsNotNothing) {
  const auto source = open({});
  if (!source) GTEST_SKIP() << why_not_;
  for (int i = 0; i < 50; ++i) {
    const Child child([] { ::execl("/bin/true", "true", static_cast<char*>(nullptr)); });
    child.await(WEXITED);
    const auto told = usage_of(drain_all(*source), child.pid());
    ASSERT_TRUE(told);
    EXPECT_GT(told->cpu_user_us + told->cpu_system_us, 0);
  }
}

TEST_F(PlatformEvents, ARingThatIsTooSmallLosesEventsAndCountsEveryOne) {
  EventRequest tiny;
  tiny.ring_bytes = 4096;
  const auto source = open(tiny);
  if (!source) GTEST_SKIP() << why_not_;
  const Deaf deaf(SIGUSR1);
  constexpr int kSent = 1000;
  constexpr int kMostRounds = 300;
  bool counted_exactly = false;
  for (int round = 0; round < kMostRounds && !counted_exactly; ++round) {
    drain_all(*source);
    for (int i = 0; i < kSent; ++i) ASSERT_EQ(::kill(deaf.child.pid(), SIGUSR1), 0);
    const EventBatch batch = drain_all(*source);
    const int got = count_sent(batch, deaf.child.pid(), SIGUSR1);
    ASSERT_LE(got, kSent);
    ASSERT_GE(batch.lost_count, kSent - got);
    // What others did meanwhile is lost as well, but not in every round.
    counted_exactly = got < kSent && batch.lost_count == kSent - got;
  }
  EXPECT_TRUE(counted_exactly);
}

TEST_F(PlatformEvents, ARingThatIsLargeEnoughLosesNothing) {
  const auto source = open({});
  if (!source) GTEST_SKIP() << why_not_;
  const Deaf deaf(SIGUSR1);
  constexpr int kSent = 1000;
  for (int i = 0; i < kSent; ++i) ASSERT_EQ(::kill(deaf.child.pid(), SIGUSR1), 0);
  const EventBatch batch = drain_all(*source);
  EXPECT_EQ(count_sent(batch, deaf.child.pid(), SIGUSR1), kSent);
  EXPECT_EQ(batch.lost_count, 0);
}

// A batch is of some thousands; what is beyond waits in the ring, and is counted once that is full.
TEST_F(PlatformEvents, AStormComesInBatchesOfBoundedSizeAndWhatIsMissingIsCounted) {
  const auto source = open({});
  if (!source) GTEST_SKIP() << why_not_;
  const Deaf deaf(SIGUSR1);
  constexpr int kSent = 100'000, kMostOfABatch = 10'000;
  for (int i = 0; i < kSent; ++i) ASSERT_EQ(::kill(deaf.child.pid(), SIGUSR1), 0);
  int batches = 0, got = 0;
  std::int64_t lost = 0;
  for (bool more = true; more; ++batches) {
    const EventBatch batch = source->drain();
    EXPECT_LT(batch.events.size(), kMostOfABatch);
    got += count_sent(batch, deaf.child.pid(), SIGUSR1);
    lost += batch.lost_count;
    more = batch.more;
  }
  EXPECT_GT(batches, 1);
  EXPECT_GT(lost, 0);
  EXPECT_LE(got, kSent);
  EXPECT_GE(got + lost, kSent);
  ASSERT_EQ(::kill(deaf.child.pid(), SIGUSR1), 0);
  EXPECT_EQ(count_sent(drain_all(*source), deaf.child.pid(), SIGUSR1), 1) << "it goes on";
}

TEST_F(PlatformEvents, ASourceThatNobodyHasHeardOfIsRefusedWithAReason) {
  const OpenedEvents opened = platform_->open_events("magic", {});
  EXPECT_FALSE(opened.source);
  EXPECT_NE(opened.why_not, "");
}

}  // namespace
}  // namespace galproc
