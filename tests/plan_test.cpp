// What a kill would do, and what it would not: made-up machines in, plans and exit codes out.

#include "action/plan.h"

#include <gtest/gtest.h>

#include "support/fake_platform.h"

namespace galproc {
namespace {

class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    world_.start(1, 0, "init");
    world_.start(2, 0, "kthreadd");
    world_.processes.at(2).kernel_thread = true;
    world_.start(10, 1, "sshd");
    world_.start(20, 10, "bash");
    world_.who.key = world_.start(30, 20, "galproc");
    world_.start(40, 1, "web");  // of ann, uid 1000, like all of them
    world_.start(41, 40, "worker");
    world_.start(42, 41, "worker");
    world_.who.user_id = 1000;
    world_.who.user_name = "ann";
  }
  void own(std::int64_t pid, std::int64_t uid, const std::string& user) {
    auto image = std::make_shared<ProcessImage>(*world_.processes.at(pid).image);
    image->user_id = uid;
    image->user_name = user;
    world_.processes.at(pid).image = image;
  }
  void cgroup(std::int64_t pid, const std::string& path) {
    auto image = std::make_shared<ProcessImage>(*world_.processes.at(pid).image);
    image->cgroup = path;
    world_.processes.at(pid).image = image;
  }
  /// "40 pid, 41 refused: is ..., " of the targets.
  std::string plan(KillRequest request, std::vector<std::int64_t> pids) {
    request.selectors.pids = std::move(pids);
    World world{world_.read_processes(), {world_.sockets, {}}};
    Guard guard(request.policy, {world_.caller(), world_.pipeline, world_.recorder_pid});
    guard.look_at(world.processes);
    made_ = make_plan(world, request, guard, {});
    std::string text;
    for (const Target& target : made_.targets) {
      text += std::to_string(target.process.key.pid) + " " +
              (target.refused ? "refused: " + *target.refused : target.why) + ", ";
    }
    return text;
  }
  static KillRequest tree() {
    KillRequest request;
    request.tree = true;
    return request;
  }

  FakePlatform world_;
  Plan made_;
};

TEST_F(PlanTest, TakesOneProcessWithoutItsChildren) {
  EXPECT_EQ(plan({}, {40}), "40 pid, ");
}

TEST_F(PlanTest, TakesATreeWithAllOfThem) {
  EXPECT_EQ(plan(tree(), {40}), "40 pid, 41 child, 42 child, ");
}

TEST_F(PlanTest, RefusesInitKernelThreadsItselfAndItsAncestorsToRootToo) {
  world_.who.user_id = 0;
  KillRequest request;
  request.policy.allow_protected = true;
  EXPECT_EQ(plan(request, {1}), "1 refused: is the first process of the machine, ");
  EXPECT_EQ(plan(request, {2}), "2 refused: is a kernel thread, ");
  EXPECT_EQ(plan(request, {30}), "30 refused: is galproc itself, ");
  EXPECT_EQ(plan(request, {20}), "20 refused: is an ancestor of galproc, ");
  EXPECT_EQ(plan(request, {10}), "10 refused: is an ancestor of galproc, ");
  EXPECT_EQ(plan(request, {0}), "0 refused: is the kernel's own number, no process, ");
}

TEST_F(PlanTest, RefusesAWholeTreeWhoseRootIsRefused) {
  EXPECT_EQ(plan(tree(), {10}), "10 refused: is an ancestor of galproc, ");
  EXPECT_FALSE(made_.tree);
}

TEST_F(PlanTest, RefusesOthersProcessesToAnybodyButRoot) {
  own(40, 0, "root");
  EXPECT_EQ(plan({}, {40}), "40 refused: belongs to root, ");
  world_.who.user_id = 0;
  EXPECT_EQ(plan({}, {40}), "40 pid, ");
}

TEST_F(PlanTest, RefusesOneWhoseOwnerCannotBeReadToRootToo) {
  auto image = std::make_shared<ProcessImage>(*world_.processes.at(40).image);
  image->user_id.reset();
  image->user_name.reset();
  world_.processes.at(40).image = image;
  world_.processes.at(41).image.reset();
  for (const std::int64_t caller : {1000, 0}) {
    world_.who.user_id = caller;
    EXPECT_EQ(plan({}, {40}), "40 refused: has an owner that cannot be read, ");
    EXPECT_EQ(plan({}, {41}), "41 refused: has an owner that cannot be read, ");
  }
}

TEST_F(PlanTest, HoldsToTheOwnerThatWasNamedForRootToo) {
  own(41, 7, "bob");
  KillRequest request;
  request.policy.required_user = "bob";
  EXPECT_EQ(plan(request, {40, 41}), "40 refused: belongs to ann, not to bob, 41 pid, ");
  world_.who.user_id = 0;
  EXPECT_EQ(plan(request, {40}), "40 refused: belongs to ann, not to bob, ");
  request.policy.required_user = "7";
  EXPECT_EQ(plan(request, {41}), "41 pid, ");
}

TEST_F(PlanTest, RefusesWhatIsProtectedUnlessRootInsists) {
  KillRequest request;
  request.policy.protect = {"WEB"};
  const std::string refused = "40 refused: is protected by the configuration (protect = \"WEB\"), ";
  EXPECT_EQ(plan(request, {40}), refused);
  request.policy.allow_protected = true;
  EXPECT_EQ(plan(request, {40}), refused);
  world_.who.user_id = 0;
  EXPECT_EQ(plan(request, {40}), "40 pid, ");
  request.policy.allow_protected = false;
  EXPECT_EQ(plan(request, {40}), refused);
}

TEST_F(PlanTest, RefusesTheRecorderAndWhatItRunsUnder) {
  world_.recorder_pid = 42;
  EXPECT_EQ(plan({}, {42}), "42 refused: is the recorder, ");
  EXPECT_EQ(plan({}, {41}), "41 refused: is an ancestor of the recorder, ");
}

TEST_F(PlanTest, LeavesARefusedMemberOfATreeWithAllBelowItAndTakesTheRest) {
  own(41, 7, "bob");
  world_.start(43, 40, "worker");
  EXPECT_EQ(plan(tree(), {40}), "40 pid, 41 refused: belongs to bob, 43 child, ");
}

TEST_F(PlanTest, LeavesTheRestOfItsOwnPipeline) {
  world_.pipeline = {42};
  EXPECT_EQ(plan({}, {42}), "42 refused: reads galproc's own output, ");
}

TEST_F(PlanTest, NamesWhoIsNotThere) {
  EXPECT_EQ(plan({}, {40, 999}), "40 pid, ");
  EXPECT_EQ(made_.missing_pids, std::vector<std::int64_t>{999});
}

TEST_F(PlanTest, WarnsOfWhoWillStartATargetAgain) {
  cgroup(40, "/system.slice/nginx.service");
  plan({}, {40});
  ASSERT_EQ(made_.warnings.size(), 1U);
  EXPECT_NE(made_.warnings[0].find("the systemd unit nginx.service"), std::string::npos);
  cgroup(40, "/docker/4711");
  plan({}, {40});
  ASSERT_EQ(made_.warnings.size(), 1U);
  EXPECT_NE(made_.warnings[0].find("the container runtime"), std::string::npos);
  cgroup(40, "/user.slice/user-1000.slice/user@1000.service");
  plan({}, {40});
  EXPECT_TRUE(made_.warnings.empty());
  world_.exec(40, {"/usr/bin/supervisord"});
  plan({}, {41});
  ASSERT_EQ(made_.warnings.size(), 1U);
  EXPECT_NE(made_.warnings[0].find("supervisord (pid 40)"), std::string::npos);
}

TEST(ExitCodeOfAKill, FollowsFromAllFates) {
  using enum Fate;
  const std::vector<std::pair<std::vector<Fate>, ExitCode>> wanted = {
      {{}, ExitCode::NotFound},
      {{Gone}, ExitCode::Done},
      {{Gone, NotFound}, ExitCode::Done},
      {{Gone, Left}, ExitCode::StillThere},
      {{Gone, Refused}, ExitCode::StillThere},
      {{Refused}, ExitCode::Refused},
      {{Refused, Left, NotFound}, ExitCode::Refused},
      {{Left}, ExitCode::StillThere},
      {{NotFound}, ExitCode::NotFound},
      {{NotFound, Left}, ExitCode::StillThere},
  };
  for (const auto& [fates, code] : wanted) EXPECT_EQ(exit_code_of(fates), code);
}

}  // namespace
}  // namespace galproc
