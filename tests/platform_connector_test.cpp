// What the running kernel tells by its proc connector.

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "platform/linux/connector_socket.h"
#include "platform/platform.h"
#include "support/child.h"

namespace galproc {
namespace {

class PlatformConnector : public testing::Test {
 protected:
  void SetUp() override {
    OpenedEvents opened = platform_->open_events("netlink", request());
    if (!opened.source) GTEST_SKIP() << opened.why_not;
    source_ = std::move(opened.source);
  }
  /// A child of this process while it has one thread alone, as one that is to have several must be forked; it lives on
  /// when the source is heard.
  void with_child(const std::function<void()>& life, const std::function<void(const Child&)>& test) {
    source_.reset();
    const Wire go;
    const Child child([&] {
      go.wait();
      life();
    });
    SetUp();
    go.send();
    test(child);
  }
  virtual EventRequest request() const { return {}; }

  /// What was told of this process, until its end.
  std::vector<Event> life_of(pid_t pid) {
    std::vector<Event> life;
    for (int i = 0; i < 500; ++i) {
      EventBatch batch = source_->drain();
      lost_count_ += batch.lost_count;
      for (Event& event : batch.events) {
        if (pid_of(event) == pid) life.push_back(std::move(event));
      }
      if (!life.empty() && std::holds_alternative<ExitEvent>(life.back().what)) break;
      ::usleep(10'000);
    }
    return life;
  }
  static std::int64_t pid_of(const Event& event) {
    if (const auto* fork = std::get_if<ForkEvent>(&event.what)) return fork->child.key.pid;
    if (const auto* exec = std::get_if<ExecEvent>(&event.what)) return exec->process.key.pid;
    if (const auto* exit = std::get_if<ExitEvent>(&event.what)) return exit->process.key.pid;
    return 0;
  }
  static std::string order_of(const std::vector<Event>& life) {
    std::string order;
    for (const Event& event : life) {
      if (std::holds_alternative<ForkEvent>(event.what)) order += "fork ";
      if (std::holds_alternative<ExecEvent>(event.what)) order += "exec ";
      if (const auto* exit = std::get_if<ExitEvent>(&event.what)) {
        order += "exit " + std::to_string(exit->wait_status.value_or(-1));
      }
    }
    return order;
  }

  std::unique_ptr<Platform> platform_ = make_platform();
  std::unique_ptr<EventSource> source_;
  std::int64_t lost_count_ = 0;
};

TEST_F(PlatformConnector, TellsALifeInItsOrder) {
  const Child child([] { ::execl("/bin/sh", "sh", "-c", "sleep 0.3; exit 3", static_cast<char*>(nullptr)); });
  child.await(WEXITED);
  const auto life = life_of(child.pid());
  ASSERT_EQ(order_of(life), "fork exec exit 768");
  const auto& fork = std::get<ForkEvent>(life[0].what);
  const auto& exec = std::get<ExecEvent>(life[1].what);
  EXPECT_EQ(fork.parent.key, platform_->self());
  EXPECT_EQ(fork.child.parent_pid, ::getpid());
  EXPECT_EQ(fork.child.user_id, ::geteuid());
  EXPECT_EQ(exec.process.key, fork.child.key);
  EXPECT_EQ(exec.image->arguments, (std::vector<std::string>{"sh", "-c", "sleep 0.3; exit 3"}));
  EXPECT_EQ(std::get<ExitEvent>(life[2].what).process.key, fork.child.key);
}

TEST_F(PlatformConnector, AKeyIsTheOneOfTheProcessTable) {
  const Child child;
  const ProcessPass pass = platform_->read_processes();
  const auto listed = std::find_if(pass.processes.begin(), pass.processes.end(),
                                   [&](const ProcessReading& process) { return process.key.pid == child.pid(); });
  ASSERT_NE(listed, pass.processes.end());
  child.kill();
  const auto life = life_of(child.pid());
  ASSERT_EQ(order_of(life), "fork exit 9");
  EXPECT_EQ(std::get<ForkEvent>(life[0].what).child.key, listed->key);
  EXPECT_EQ(std::get<ForkEvent>(life[0].what).child.started_boot_us, listed->started_boot_us);
}

TEST_F(PlatformConnector, OneThatLivedBeforeItEndsAsWhoItWas) {
  const Child child;
  const ProcessPass pass = platform_->read_processes();
  const OpenedEvents later = platform_->open_events("netlink", {});
  ASSERT_TRUE(later.source) << later.why_not;
  source_ = std::move(const_cast<OpenedEvents&>(later).source);
  child.kill();
  const auto life = life_of(child.pid());
  ASSERT_EQ(order_of(life), "exit 9");
  const ProcessKey key = std::get<ExitEvent>(life[0].what).process.key;
  EXPECT_TRUE(std::any_of(pass.processes.begin(), pass.processes.end(),
                          [&](const ProcessReading& process) { return process.key == key; }));
}

TEST_F(PlatformConnector, TheEndOfTheFirstThreadIsNotThatOfTheProcess) {
  const Wire ready, go;
  const auto life = [&] {
    std::thread([&] {
      go.wait();
      ::_exit(6);
    }).detach();
    ready.send();
    ::syscall(SYS_exit, 0);  // of this thread alone
  };
  with_child(life, [&](const Child& child) {
    ready.wait();
    for (int i = 0; i < 10; ++i) {
      const EventBatch batch = source_->drain();
      for (const Event& event : batch.events) {
        EXPECT_FALSE(std::holds_alternative<ExitEvent>(event.what) && pid_of(event) == child.pid());
      }
      ::usleep(20'000);
    }
    go.send();
    EXPECT_EQ(order_of(life_of(child.pid())), "exit 1536");
  });
}

TEST_F(PlatformConnector, ThreadsThatEndTogetherAreOneEnd) {
  const auto life = [] {
    for (int i = 0; i < 8; ++i) {
      std::thread([] {
        for (;;) ::pause();
      }).detach();
    }
    ::_exit(7);
  };
  for (int round = 0; round < 20; ++round) {
    with_child(life, [&](const Child& child) {
      child.await(WEXITED);
      EXPECT_EQ(order_of(life_of(child.pid())), "exit 1792") << round;
      ::usleep(50'000);
      for (const Event& event : source_->drain().events) EXPECT_NE(pid_of(event), child.pid());
    });
  }
}

TEST_F(PlatformConnector, AThreadThatRunsAnotherProgramGoesOnAsTheProcess) {
  const auto life = [] {
    std::thread([] { ::execl("/bin/sh", "sh", "-c", "sleep 0.3; exit 4", static_cast<char*>(nullptr)); }).detach();
    for (;;) ::pause();
  };
  with_child(life, [&](const Child& child) {
    child.await(WEXITED);
    const auto told = life_of(child.pid());
    ASSERT_EQ(order_of(told), "exec exit 1024");
    EXPECT_EQ(std::get<ExecEvent>(told[0].what).image->name, "sh");
  });
}

TEST_F(PlatformConnector, OfHundredsOfShortLivesNoneIsMissed) {
  constexpr int kCount = 300;
  for (int i = 0; i < kCount; ++i) {
    const Child child([&] { ::_exit(i % 100); });
    int status = -1;
    ASSERT_EQ(::waitpid(child.pid(), &status, 0), child.pid());
  }
  int born = 0, ended = 0;
  std::vector<ProcessKey> living;
  for (int i = 0; i < 500 && ended < kCount; ++i) {
    EventBatch batch = source_->drain();
    EXPECT_EQ(batch.lost_count, 0);
    for (const Event& event : batch.events) {
      if (const auto* fork = std::get_if<ForkEvent>(&event.what); fork && fork->parent.key.pid == ::getpid()) {
        living.push_back(fork->child.key);
        ++born;
      }
      if (const auto* exit = std::get_if<ExitEvent>(&event.what)) {
        const auto at = std::find(living.begin(), living.end(), exit->process.key);
        if (at == living.end()) continue;
        EXPECT_EQ(exit->wait_status, (ended % 100) << 8);
        living.erase(at);
        ++ended;
      }
    }
    ::usleep(10'000);
  }
  EXPECT_EQ(born, kCount);
  EXPECT_EQ(ended, kCount);
}

/// Does it on each CPU that this process may use.
void on_each_cpu(const std::function<void()>& work) {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    work();
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof all, &all), 0);
}

class PlatformConnectorSmall : public PlatformConnector {
  EventRequest request() const override { return {256, false, false}; }
};

TEST_F(PlatformConnector, ASocketThatIsTooSmallCountsWhatItLostToTheLastOne) {
  std::string why_not;
  ConnectorSocket large = ConnectorSocket::open(16U << 20, why_not);
  const auto open_small = [&why_not] {
    constexpr int kSmall = 1024;
    // Where much is born at that moment the kernel's answer finds no room either.
    for (int attempt = 1; attempt < 50; ++attempt) {
      if (ConnectorSocket opened = ConnectorSocket::open(kSmall, why_not)) return opened;
    }
    return ConnectorSocket::open(kSmall, why_not);
  };
  ConnectorSocket small = open_small();
  ASSERT_TRUE(small && large) << why_not;
  const auto make_one = [] {
    const Child child([] { ::_exit(0); });
    int status = -1;
    ::waitpid(child.pid(), &status, 0);
  };
  std::vector<ConnectorRecord> before, few, all;
  const auto receive_on_each_cpu = [&](std::vector<ConnectorRecord>& records) {
    std::int64_t lost = 0;
    on_each_cpu([&] {
      make_one();  // what was lost last on a CPU shows by the next message of that CPU
      lost += small.receive(records);
    });
    return lost;
  };
  receive_on_each_cpu(before);
  std::int64_t lost = 0;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 40; ++i) make_one();
    lost += small.receive(few);
  }
  lost += receive_on_each_cpu(few);
  EXPECT_EQ(large.receive(all), 0);

  std::map<std::uint32_t, std::set<std::uint32_t>> numbers;
  for (const ConnectorRecord& record : all) numbers[record.cpu].insert(record.sequence);
  std::map<std::uint32_t, std::uint32_t> first, last;
  for (const ConnectorRecord& record : before) first[record.cpu] = record.sequence + 1;
  for (const ConnectorRecord& record : few) last[record.cpu] = record.sequence;
  std::int64_t there_were = 0;
  for (const auto& [cpu, number] : last) {
    there_were += std::distance(numbers[cpu].lower_bound(first.at(cpu)), numbers[cpu].upper_bound(number));
  }
  EXPECT_GT(lost, 0);
  EXPECT_EQ(static_cast<std::int64_t>(few.size()) + lost, there_were);
}

TEST_F(PlatformConnectorSmall, LosesEventsAndSaysHowMany) {
  constexpr int kCount = 200;
  int told = 0;
  std::int64_t lost = 0;
  std::set<std::int64_t> mine;
  // In this memory, as vfork does: a copy of all of a sanitizer's takes so long that the listener keeps up.
  std::vector<char> stack(16'384);
  const auto make_one = [&] {
    const auto end = [](void*) { return static_cast<int>(::syscall(SYS_exit, 0)); };
    const pid_t pid = ::clone(end, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr);
    mine.insert(pid);
    int status = -1;
    ::waitpid(pid, &status, 0);
  };
  const auto listen = [&] {
    for (int i = 0; i < 4; ++i) {  // an end is told a moment later
      EventBatch batch = source_->drain();
      lost += batch.lost_count;
      for (const Event& event : batch.events) {
        const auto* fork = std::get_if<ForkEvent>(&event.what);
        const auto* exit = std::get_if<ExitEvent>(&event.what);
        // Of one whose birth was lost nobody can tell the parent any more.
        if (fork ? mine.contains(fork->child.key.pid) : exit && mine.contains(exit->process.key.pid)) ++told;
      }
      ::usleep(5000);
    }
  };
  for (int i = 0; i < kCount; ++i) make_one();
  listen();
  on_each_cpu([&] {
    make_one();  // what was lost last on a CPU shows by the next message of that CPU
    listen();
  });
  EXPECT_GT(lost, 0);
  EXPECT_GE(told + lost, 2 * kCount);  // a birth and an end each
}

}  // namespace
}  // namespace galproc
