// Who belongs to a tree: made-up readings in, members out.

#include "action/tree.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "support/fake_platform.h"

namespace galproc {
namespace {

class TreeTest : public testing::Test {
 protected:
  ProcessReading& add(std::int64_t pid, std::int64_t parent_pid, const std::string& name = "worker") {
    world_.start(pid, parent_pid, name);
    ProcessReading& process = world_.processes.at(pid);
    process.session = process.process_group = 1;
    return process;
  }
  ProcessKey key(std::int64_t pid) { return world_.processes.at(pid).key; }
  ProcessPass pass() { return world_.read_processes(); }
  /// "10 root, 11 child, " of what is new.
  static std::string text(const std::vector<Tree::Member>& members) {
    std::string text;
    for (const Tree::Member& member : members) text += std::to_string(member.key.pid) + " " + member.why + ", ";
    return text;
  }
  static LoggedService started(const std::string& marker) {
    LoggedService service;
    service.marker = marker;
    return service;
  }
  Tree tree(std::int64_t root, std::vector<LoggedService> services = {}) {
    return Tree({key(root)}, std::move(services), [this](const ProcessKey& child) -> std::optional<ProcessKey> {
      const auto found = creators_.find(child.pid);
      return found == creators_.end() ? std::nullopt : std::optional(found->second);
    });
  }

  FakePlatform world_;
  std::map<std::int64_t, ProcessKey> creators_;  ///< as a recording knows them
  std::set<std::int64_t> refused_;
  RefusalOf refusal_of_ = [this](const ProcessReading& process) {
    return refused_.contains(process.key.pid) ? std::optional<std::string>("is refused") : std::nullopt;
  };
};

TEST_F(TreeTest, HoldsChildrenOfChildrenWhateverTheirNumbers) {
  add(1, 0);
  add(50, 1);
  add(10, 50);
  add(30, 10);
  add(60, 1);
  EXPECT_EQ(text(tree(50).grow(pass())), "50 root, 10 child, 30 child, ");
}

TEST_F(TreeTest, GivesEachMemberOnceAndNewOnesLater) {
  add(1, 0);
  add(10, 1);
  Tree grown = tree(10);
  EXPECT_EQ(text(grown.grow(pass())), "10 root, ");
  EXPECT_EQ(text(grown.grow(pass())), "");
  add(11, 10);
  EXPECT_EQ(text(grown.grow(pass())), "11 child, ");
}

TEST_F(TreeTest, FindsAnOrphanByRecordedAncestryThoughAllBetweenAreGone) {
  add(1, 0);
  add(10, 1);
  const ProcessKey gone{11, 7}, gone_too{12, 8};
  add(13, 1);
  add(14, 1);
  creators_ = {{13, gone_too}, {12, gone}, {11, key(10)}};
  EXPECT_EQ(text(tree(10).grow(pass())), "10 root, 13 ancestry, ");
}

TEST_F(TreeTest, IsNotMisledByAPidThatWasReused) {
  add(1, 0);
  add(10, 1);
  add(13, 1);
  creators_ = {{13, ProcessKey{10, key(10).start_token - 1}}};  // an earlier 10
  EXPECT_EQ(text(tree(10).grow(pass())), "10 root, ");
}

TEST_F(TreeTest, OutlivesARecordThatRunsInACircle) {
  add(1, 0);
  add(10, 1);
  add(13, 1);
  creators_ = {{13, ProcessKey{12, 8}}, {12, ProcessKey{12, 8}}};
  EXPECT_EQ(text(tree(10).grow(pass())), "10 root, ");
}

TEST_F(TreeTest, TrustsASessionThatAMemberBeganAndNoneThatItJoined) {
  add(1, 0);
  add(10, 1).session = 5;
  add(11, 10).session = 11;
  add(12, 1).session = 11;
  add(13, 1).session = 5;
  EXPECT_EQ(text(tree(10).grow(pass())), "10 root, 11 child, 12 session, ");
}

TEST_F(TreeTest, TrustsAGroupLikewise) {
  add(1, 0);
  add(10, 1).process_group = 10;
  add(12, 1).process_group = 10;
  add(13, 1).process_group = 5;
  EXPECT_EQ(text(tree(10).grow(pass())), "10 root, 12 group, ");
}

TEST_F(TreeTest, RemembersASessionWhoseLeaderIsGoneButNotOnceItIsEmpty) {
  add(1, 0);
  add(10, 1);
  add(11, 10).session = 11;
  add(12, 11).session = 11;
  Tree grown = tree(10);
  grown.grow(pass());
  world_.end(11);
  add(13, 1).session = 11;
  EXPECT_EQ(text(grown.grow(pass())), "13 session, ");
  world_.end(12);
  world_.end(13);
  grown.grow(pass());
  add(11, 1).session = 11;  // the number was given out again, and begins a session of its own
  EXPECT_EQ(text(grown.grow(pass())), "");
}

TEST_F(TreeTest, FindsWhoeverCarriesTheMarkerOfTheService) {
  add(1, 0);
  add(10, 1);
  add(12, 1);
  add(13, 1);
  auto image = std::make_shared<ProcessImage>(*world_.processes.at(12).image);
  image->service_marker = "web#1";
  world_.processes.at(12).image = image;
  EXPECT_EQ(text(tree(10, {started("web#1")}).grow(pass())), "10 root, 12 marker, ");
  EXPECT_EQ(text(tree(10, {started("web#2")}).grow(pass())), "10 root, ");
}

TEST_F(TreeTest, LeavesWhoIsRefusedWithAllBelowIt) {
  add(1, 0);
  add(10, 1).session = 10;
  add(11, 12).session = 10;  // below, though its number is lower, and in a session of the tree
  add(12, 10).session = 10;
  add(13, 11).session = 10;
  add(14, 10).session = 10;
  refused_ = {12};
  Tree grown = tree(10);
  const auto members = grown.grow(pass(), refusal_of_);
  EXPECT_EQ(text(members), "10 root, 12 child, 14 child, ");
  EXPECT_EQ(members[1].refused, "is refused");
  EXPECT_FALSE(grown.contains(key(12)));
  for (const std::int64_t pid : {11, 12, 13}) EXPECT_TRUE(grown.leaves(key(pid))) << pid;
  add(15, 13).session = 10;
  EXPECT_EQ(text(grown.grow(pass(), refusal_of_)), "");
}

TEST_F(TreeTest, LeavesAnotherServiceThatWasStartedFromWithinUnlessItsParentLives) {
  const auto mark = [&](std::int64_t pid, const std::string& marker) {
    auto image = std::make_shared<ProcessImage>(*world_.processes.at(pid).image);
    image->service_marker = marker;
    world_.processes.at(pid).image = image;
  };
  add(1, 0);
  add(10, 1);
  add(12, 1);  // the other service
  add(13, 1);  // of it, without its environment
  add(14, 1);  // of the first one
  const ProcessKey starter{11, 7};
  creators_ = {{14, starter}, {13, key(12)}, {12, starter}, {11, key(10)}};
  EXPECT_EQ(text(tree(10).grow(pass())), "10 root, 12 ancestry, 13 ancestry, 14 ancestry, ");
  mark(12, "inner#1");
  EXPECT_EQ(text(tree(10).grow(pass())), "10 root, 14 ancestry, ");
  for (const std::int64_t pid : {10, 14}) mark(pid, "outer#1");
  EXPECT_EQ(text(tree(10, {started("outer#1")}).grow(pass())), "10 root, 14 marker, ");
  EXPECT_EQ(text(tree(10).grow(pass())), "10 root, 14 ancestry, ");
  world_.processes.at(12).parent_pid = 10;
  EXPECT_EQ(text(tree(10).grow(pass())), "10 root, 14 ancestry, 12 child, 13 ancestry, ");
}

TEST_F(TreeTest, LeavesOutKernelThreadsAndTheDead) {
  add(1, 0);
  add(10, 1);
  add(11, 10).kernel_thread = true;
  add(12, 10).ended = true;
  EXPECT_EQ(text(tree(10).grow(pass())), "10 root, ");
}

}  // namespace
}  // namespace galproc
