// The same of trees in a control group, which is frozen and killed as one.

#include "support/kill_fixture.h"

namespace galproc {
namespace {

TEST_F(KillTest, UsesTheControlGroupThatHoldsJustTheTree) {
  world_.deaf = {40, 41, 42};
  for (const std::int64_t pid : {40, 41, 42}) world_.groups[pid] = {"/web", {40, 41, 42}};
  EXPECT_EQ(kill(tree(), {40}).exit_code, 0);
  EXPECT_EQ(sent().find("SIGSTOP"), std::string::npos);
  EXPECT_NE(logged().find("40 cgroup exited, 41 cgroup exited, 42 cgroup exited, "), std::string::npos) << logged();
}

TEST_F(KillTest, LeavesAControlGroupAloneThatHoldsAnybodyElse) {
  world_.deaf = {40, 41, 42};
  for (const std::int64_t pid : {40, 41, 42}) world_.groups[pid] = {"/all", {1, 40, 41, 42}};
  EXPECT_EQ(kill(tree(), {40}).exit_code, 0);
  EXPECT_TRUE(world_.processes.contains(1));
  EXPECT_EQ(logged().find("cgroup"), std::string::npos);
}

TEST_F(KillTest, LogsWhoIsBornInAControlGroupBeforeItIsKilled) {
  world_.deaf = {40, 41, 42, 50, 51};
  for (const std::int64_t pid : {40, 41, 42}) world_.groups[pid] = {"/web", {40, 41, 42}};
  int born = 50;
  const auto bear = [&] {
    world_.start(born, 42, "newborn");
    world_.groups[born] = world_.groups[42];
    ++born;
  };
  world_.on_freeze = bear;  // while the others were logged
  world_.on_signal = [&](std::int64_t pid, Signal signal) {
    if (signal != Signal::Kill) return;
    EXPECT_TRUE(world_.frozen_groups.contains("/web"));
    EXPECT_NE(logged().find(std::to_string(pid) + " cgroup ?"), std::string::npos) << pid << " was not logged";
  };
  EXPECT_EQ(kill(tree(), {40}).exit_code, 0);
  EXPECT_EQ(sent().find("SIGSTOP"), std::string::npos);
  EXPECT_NE(logged().find("50 cgroup exited"), std::string::npos) << logged();
  EXPECT_TRUE(world_.frozen_groups.empty());
}

TEST_F(KillTest, FreezesNoControlGroupBeforeItsMembersAreLogged) {
  world_.deaf = {40, 41, 42};
  for (const std::int64_t pid : {40, 41, 42}) world_.groups[pid] = {"/web", {40, 41, 42}};
  world_.on_freeze = [&] {
    EXPECT_TRUE(world_.holds_signals);
    EXPECT_NE(logged().find("40 cgroup ?, 41 cgroup ?, 42 cgroup ?, "), std::string::npos) << logged();
  };
  EXPECT_EQ(kill(tree(), {40}).exit_code, 0);
}

TEST_F(KillTest, ThawsAControlGroupThatSomebodyElseCameInto) {
  world_.deaf = {40, 41, 42};
  for (const std::int64_t pid : {40, 41, 42}) world_.groups[pid] = {"/web", {40, 41, 42}};
  world_.on_freeze = [&] {
    world_.start(60, 1, "stranger");
    world_.groups[60] = world_.groups[40];
  };
  EXPECT_EQ(kill(tree(), {40}).exit_code, 0);
  EXPECT_TRUE(world_.processes.contains(60));
  EXPECT_TRUE(world_.frozen_groups.empty());
  EXPECT_NE(logged().find("40 cgroup failed, 41 cgroup failed, 42 cgroup failed, 40 forced exited"), std::string::npos)
      << logged();
}

TEST_F(KillTest, ThawsAControlGroupWhenItIsInterrupted) {
  world_.deaf = {40, 41, 42};
  world_.stopped_by = 2;
  for (const std::int64_t pid : {40, 41, 42}) world_.groups[pid] = {"/web", {40, 41, 42}};
  bool frozen = false;
  world_.on_freeze = [&] { frozen = true; };
  world_.on_wake = [&](int) { return !frozen; };
  EXPECT_EQ(kill(tree(), {40}).exit_code, 130);
  EXPECT_TRUE(world_.frozen_groups.empty());
  EXPECT_EQ(world_.processes.size(), 5U);
  expect_nobody_stopped();
}

TEST_F(KillTest, KillsAControlGroupWhereSomeHaveJustEnded) {
  world_.deaf = {40, 42};
  for (const std::int64_t pid : {40, 41, 42}) world_.groups[pid] = {"/web", {40, 41, 42}};
  class Ending : public FailingPlatform {
   public:
    explicit Ending(FakePlatform& world) : FailingPlatform(world, -1), world_(world) {}
    OpenedProcess open_process(const ProcessKey& key) override {
      if (key.pid == 41) world_.end(41);
      return FailingPlatform::open_process(key);
    }

   private:
    FakePlatform& world_;
  };
  Ending platform(world_);
  world_.processes.at(42).parent_pid = 40;
  EXPECT_EQ(kill(platform, tree(), {40}).exit_code, 0);
  EXPECT_NE(logged().find("40 cgroup exited, 42 cgroup exited"), std::string::npos) << logged();
}

TEST_F(KillTest, SparesAControlGroupWithOneWhomItMayNotTouch) {
  world_.deaf = {40, 41, 42};
  world_.forbidden = {42};
  for (const std::int64_t pid : {40, 41, 42}) world_.groups[pid] = {"/web", {40, 41, 42}};
  EXPECT_EQ(kill(tree(), {40}).exit_code, 6);
  EXPECT_TRUE(world_.processes.contains(42));
  EXPECT_EQ(logged().find("cgroup"), std::string::npos) << logged();
}

}  // namespace
}  // namespace galproc
