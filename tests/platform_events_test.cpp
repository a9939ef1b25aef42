// What the running kernel tells, read from its own ring.

#include <gtest/gtest.h>

#include <algorithm>

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
  const EventBatch batch = source->drain();
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
  const EventBatch batch = source->drain();
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
  const EventBatch of_few = few->drain(), of_all = all->drain();
  EXPECT_EQ(count_sent(of_few, deaf.child.pid(), SIGWINCH), 0);
  EXPECT_EQ(count_sent(of_few, deaf.child.pid(), SIGUSR1), 1);
  EXPECT_EQ(count_sent(of_all, deaf.child.pid(), SIGWINCH), 1);
  EXPECT_EQ(count_sent(of_all, deaf.child.pid(), SIGUSR1), 1);
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
    source->drain();
    for (int i = 0; i < kSent; ++i) ASSERT_EQ(::kill(deaf.child.pid(), SIGUSR1), 0);
    const EventBatch batch = source->drain();
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
  const EventBatch batch = source->drain();
  EXPECT_EQ(count_sent(batch, deaf.child.pid(), SIGUSR1), kSent);
  EXPECT_EQ(batch.lost_count, 0);
}

TEST_F(PlatformEvents, ASourceThatNobodyHasHeardOfIsRefusedWithAReason) {
  const OpenedEvents opened = platform_->open_events("magic", {});
  EXPECT_FALSE(opened.source);
  EXPECT_NE(opened.why_not, "");
}

}  // namespace
}  // namespace galproc
