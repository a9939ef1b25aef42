// Who may have escaped from a tree: made-up readings in, suspects out.

#include "action/suspects.h"

#include <gtest/gtest.h>

#include "support/fake_platform.h"

namespace galproc {
namespace {

class SuspectsTest : public testing::Test {
 protected:
  SuspectsTest() {
    add(1, 0, "init");
    add(20, 1, "shell");
    add(30, 20, "galproc");
    add(40, 20, "web");
    add(41, 40, "worker");
  }
  ProcessReading& add(std::int64_t pid, std::int64_t parent_pid, const std::string& name) {
    world_.start(pid, parent_pid, name);
    ProcessReading& process = world_.processes.at(pid);
    process.session = process.process_group = 20;
    process.started_boot_us = world_.now.boot_us;
    return process;
  }
  void cgroup(std::int64_t pid, const std::string& path) {
    auto image = std::make_shared<ProcessImage>(*world_.processes.at(pid).image);
    image->cgroup = path;
    world_.processes.at(pid).image = image;
  }
  /// The kill of 40 with all below it begins.
  void begin() {
    Surroundings surroundings;
    surroundings.caller.key = world_.processes.at(30).key;
    guard_ = Guard({}, surroundings);
    guard_.look_at(world_.read_processes());
    tree_.grow(world_.read_processes());
    suspects_.emplace(world_.read_processes(), tree_, guard_);
    since_us_ = world_.now.boot_us;
    world_.pass_time(1'000'000);
  }
  /// "50, " of the pids.
  std::string found() {
    const ProcessPass pass = world_.read_processes();
    tree_.grow(pass);
    suspects_->look_at(pass);
    std::string text;
    for (const ProcessReading& process : suspects_->find(pass, tree_, since_us_)) {
      text += std::to_string(process.key.pid) + ", ";
    }
    return text;
  }

  FakePlatform world_;
  Guard guard_{{}, {}};
  Tree tree_{{}, {}, {}};
  std::optional<Suspects> suspects_;
  std::int64_t since_us_ = 0;
};

TEST_F(SuspectsTest, AreOrphansInASessionThatWasTheTreesAlone) {
  tree_ = Tree({world_.processes.at(40).key}, {}, {});
  begin();
  add(50, 1, "cleanup");
  EXPECT_EQ(found(), "50, ");
}

TEST_F(SuspectsTest, AreNoneInASessionThatOthersWereInToo) {
  tree_ = Tree({world_.processes.at(40).key}, {}, {});
  add(60, 20, "another job");
  begin();
  add(50, 1, "cleanup");
  EXPECT_EQ(found(), "");
}

TEST_F(SuspectsTest, AreOrphansOfTheSameProgramWhereverTheyWent) {
  tree_ = Tree({world_.processes.at(40).key}, {}, {});
  add(60, 20, "another job");
  begin();
  add(50, 1, "worker").session = 50;
  EXPECT_EQ(found(), "50, ");
  cgroup(50, "/system.slice/worker.service");
  EXPECT_EQ(found(), "");
}

TEST_F(SuspectsTest, AreOrphansInAControlGroupThatWasTheTreesAlone) {
  tree_ = Tree({world_.processes.at(40).key}, {}, {});
  cgroup(40, "/web");
  cgroup(41, "/web");
  begin();
  ProcessReading& daemon = add(50, 1, "daemon");
  daemon.session = daemon.process_group = 50;
  cgroup(50, "/web");
  EXPECT_EQ(found(), "50, ");
}

TEST_F(SuspectsTest, AreNoneThatHaveAParentWhateverTheyRun) {
  tree_ = Tree({world_.processes.at(40).key}, {}, {});
  begin();
  add(50, 20, "worker");
  EXPECT_EQ(found(), "");
}

TEST_F(SuspectsTest, AreNoneThatWereThereBefore) {
  tree_ = Tree({world_.processes.at(40).key}, {}, {});
  add(50, 1, "worker");
  begin();
  EXPECT_EQ(found(), "");
}

TEST_F(SuspectsTest, AreFoundWithWhoeverTakesOrphansIn) {
  tree_ = Tree({world_.processes.at(40).key}, {}, {});
  add(21, 20, "nobody's");
  begin();
  ProcessReading& adopted = add(50, 20, "worker");
  adopted.session = 48;  // neither its own nor its parent's
  EXPECT_EQ(found(), "50, ");
  adopted.session = 50;
  EXPECT_EQ(found(), "");
  add(70, 41, "helper");
  EXPECT_EQ(found(), "");
  world_.processes.at(70).parent_pid = 20;  // its parent has ended, and this one took it
  EXPECT_EQ(found(), "50, ");
}

}  // namespace
}  // namespace galproc
