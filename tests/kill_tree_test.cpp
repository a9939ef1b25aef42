// The same of trees: nobody is killed before everybody is stopped, and nobody is left stopped.

#include "support/kill_fixture.h"

namespace galproc {
namespace {

TEST_F(KillTest, StopsAllOfATreeBeforeItKillsAnybody) {
  world_.deaf = {40, 41, 42};
  EXPECT_EQ(kill(tree(), {40}).exit_code, 0);
  EXPECT_EQ(sent(),
            "40 SIGTERM, 41 SIGTERM, 42 SIGTERM, 40 SIGSTOP, 41 SIGSTOP, 42 SIGSTOP, 42 SIGKILL, 41 SIGKILL, "
            "40 SIGKILL, ");
  EXPECT_EQ(logged(),
            "40 polite survived, 41 polite survived, 42 polite survived, 40 forced exited, 41 forced exited, "
            "42 forced exited, ");
}

TEST_F(KillTest, FindsWhoIsBornDuringTheKill) {
  world_.deaf = {40, 41, 42, 50, 51};
  world_.on_signal = [&](std::int64_t pid, Signal signal) {
    if (signal != Signal::Stop) return;
    if (pid == 42) world_.start(50, 42, "newborn");  // forked just before it stopped
    if (pid == 50) world_.start(51, 50, "newborn");
  };
  EXPECT_EQ(kill(tree(), {40}).exit_code, 0);
  EXPECT_EQ(world_.processes.size(), 2U);  // init and galproc
  EXPECT_NE(logged().find("50 forced exited, 51 forced exited, "), std::string::npos) << logged();
}

TEST_F(KillTest, EndsWhoIsBornOfOneThatEndedPolitely) {
  world_.on_signal = [&](std::int64_t pid, Signal signal) {
    if (pid == 42 && signal == Signal::Terminate) world_.start(50, 40, "newborn");
  };
  world_.deaf = {40, 50};
  EXPECT_EQ(kill(tree(), {40}).exit_code, 0);
  EXPECT_EQ(world_.processes.size(), 2U);
}

TEST_F(KillTest, AsksWhoIsBornDuringTheGrace) {
  world_.deaf = {40};
  world_.on_wake = [&](int wake) {
    if (wake == 3) world_.start(50, 40, "newborn");
    if (wake == 6) world_.die(40, Signal::Terminate);
    return true;
  };
  KillRequest request = tree();
  request.force = false;
  EXPECT_EQ(kill(request, {40}).exit_code, 0);
  EXPECT_EQ(sent(), "40 SIGTERM, 41 SIGTERM, 42 SIGTERM, 50 SIGTERM, ");
  EXPECT_EQ(logged(), "40 polite exited, 41 polite exited, 42 polite exited, 50 polite exited, ");
}

TEST_F(KillTest, FindsWhoIsLeftBehindByTheLastThatEnds) {
  for (const bool force : {true, false}) {
    SCOPED_TRACE(force);
    world_.start(40, 1, "web");
    world_.processes.at(40).process_group = 40;  // which it began
    world_.on_signal = [&](std::int64_t pid, Signal signal) {
      if (pid != 40 || signal != Signal::Terminate) return;
      world_.start(50, 1, "cleanup");
      world_.processes.at(50).process_group = 40;
    };
    KillRequest request = tree();
    request.force = force;
    EXPECT_EQ(kill(request, {40}).exit_code, 0);
    EXPECT_FALSE(world_.processes.contains(50));
    EXPECT_NE(logged().find("50 polite exited, "), std::string::npos) << logged();
    world_.sent.clear();
  }
}

TEST_F(KillTest, LooksNoMoreThanNowAndThenWhileItWaits) {
  class Slow : public FailingPlatform {
   public:
    explicit Slow(FakePlatform& world) : FailingPlatform(world, -1), world_(world) {}
    ProcessPass read_processes() override {
      ++looks;
      world_.pass_time(200'000);
      return FailingPlatform::read_processes();
    }
    int looks = 0;

   private:
    FakePlatform& world_;
  };
  world_.deaf = {40};
  KillRequest request = tree();
  request.force = false;
  request.attempts = 1;
  request.grace_us = 60'000'000;
  Slow platform(world_);
  EXPECT_EQ(kill(platform, request, {40}).exit_code, 6);
  EXPECT_LT(platform.looks, 100);
}

TEST_F(KillTest, LogsEveryStopBeforeItIsSent) {
  world_.deaf = {40, 41, 42};
  world_.on_signal = [&](std::int64_t pid, Signal) {
    EXPECT_NE(logged().find(std::to_string(pid) + " "), std::string::npos) << pid << " was not logged";
  };
  KillRequest request = tree();
  request.signal = Signal::Kill;
  EXPECT_EQ(kill(request, {40}).exit_code, 0);
  EXPECT_EQ(logged(), "40 forced exited, 41 forced exited, 42 forced exited, ");
}

TEST_F(KillTest, ContinuesWhatItStoppedWhenItIsInterrupted) {
  world_.deaf = {40, 41, 42};
  world_.stopped_by = 2;
  bool stopped = false;
  world_.on_signal = [&](std::int64_t, Signal signal) { stopped = stopped || signal == Signal::Stop; };
  world_.on_wake = [&](int) { return !stopped; };
  EXPECT_EQ(kill(tree(), {40}).exit_code, 130);
  EXPECT_EQ(world_.processes.size(), 5U);
  expect_nobody_stopped();
  EXPECT_EQ(ask("SELECT outcome FROM actions"), "interrupted");
  EXPECT_EQ(logged().find("?"), std::string::npos) << logged();
}

TEST_F(KillTest, HoldsSignalsFromTheFirstStopToTheLastKill) {
  world_.deaf = {40, 41, 42};
  world_.on_signal = [&](std::int64_t pid, Signal signal) {
    EXPECT_EQ(world_.holds_signals, signal != Signal::Terminate) << pid << " " << to_text(signal);
  };
  EXPECT_EQ(kill(tree(), {40}).exit_code, 0);
  EXPECT_FALSE(world_.holds_signals);
}

TEST_F(KillTest, LeavesStoppedWhomSomebodyElseHadStopped) {
  world_.deaf = {40, 41, 42};
  world_.processes.at(41).usage.state = ProcessState::Stopped;
  bool stopped = false;
  world_.on_signal = [&](std::int64_t, Signal signal) { stopped = stopped || signal == Signal::Stop; };
  world_.on_wake = [&](int) { return !stopped; };
  kill(tree(), {40});
  EXPECT_EQ(world_.processes.at(40).usage.state, ProcessState::Sleeping);
  EXPECT_EQ(world_.processes.at(41).usage.state, ProcessState::Stopped);
  EXPECT_EQ(sent().find("41 SIGCONT"), std::string::npos) << sent();
}

}  // namespace
}  // namespace galproc
