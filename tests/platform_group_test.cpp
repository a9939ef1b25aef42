// Control groups on the machine that runs the test: whose they are, their end, their making and removing.

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>

#include "platform/platform.h"
#include "support/child.h"
#include "support/control_group.h"
#include "support/temporary_folder.h"

namespace galproc {
namespace {

namespace fs = std::filesystem;

class PlatformGroup : public testing::Test {
 protected:
  void SetUp() override {
    if (!group_.reason().empty()) GTEST_SKIP() << group_.reason();
  }
  static int end_signal(const Child& child) {
    const siginfo_t info = child.await(WEXITED);
    return info.si_code == CLD_KILLED ? info.si_status : 0;
  }

  TestGroup group_;
  std::unique_ptr<Platform> platform_ = make_platform();
};

TEST_F(PlatformGroup, OfAProcessIsTheOneItIsInWithAllThatAreBelow) {
  const Child inside, below, outside;
  ASSERT_TRUE(enter_group(group_.path(), inside.pid()));
  ASSERT_TRUE(enter_group(group_.make_below("worker"), below.pid()));
  auto found = platform_->killable_group(inside.pid());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, group_.path().string());
  std::sort(found->pids.begin(), found->pids.end());
  std::vector<std::int64_t> members{inside.pid(), below.pid()};
  std::sort(members.begin(), members.end());
  EXPECT_EQ(found->pids, members);
  const auto lower = platform_->killable_group(below.pid());
  ASSERT_TRUE(lower);
  EXPECT_EQ(lower->path, (group_.path() / "worker").string());
  EXPECT_EQ(lower->pids, std::vector<std::int64_t>{below.pid()});
}

TEST_F(PlatformGroup, OfTheRootAndOfAProcessThatIsGoneIsNone) {
  Child child;
  const std::int64_t pid = child.pid();
  if (group_name_of(child.pid()) == "/") {
    EXPECT_FALSE(platform_->killable_group(pid));
  }
  ASSERT_TRUE(enter_group(group_.path(), child.pid()));
  EXPECT_TRUE(platform_->killable_group(pid));
  child.reap();
  EXPECT_FALSE(platform_->killable_group(pid));
  EXPECT_FALSE(platform_->killable_group(0));
}

TEST_F(PlatformGroup, KilledAsAWholeEndsAllInItAndBelowAndNobodyElse) {
  const Child inside, below;
  Child outside;
  ASSERT_TRUE(enter_group(group_.path(), inside.pid()));
  ASSERT_TRUE(enter_group(group_.make_below("worker"), below.pid()));
  EXPECT_EQ(platform_->kill_group(group_.path().string()).result, Delivery::Result::Sent);
  EXPECT_EQ(end_signal(inside), SIGKILL);
  EXPECT_EQ(end_signal(below), SIGKILL);
  EXPECT_EQ(::waitpid(outside.pid(), nullptr, WNOHANG), 0);
  EXPECT_TRUE(group_.exists());
}

TEST_F(PlatformGroup, OfAnotherUserIsNotKillableAndKillingItIsDenied) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be another user too";
  const Child inside;
  ASSERT_TRUE(enter_group(group_.path(), inside.pid()));
  EXPECT_EQ(in_child([&]() -> std::string {
              if (!become_nobody()) return "not nobody";
              if (platform_->killable_group(inside.pid())) return "killable";
              const Delivery delivery = platform_->kill_group(group_.path().string());
              if (platform_->make_group("of-nobody")) return "made one where it may not";
              return delivery.result == Delivery::Result::Denied && delivery.code == EACCES && !delivery.text.empty()
                         ? "denied"
                         : "not denied";
            }),
            "denied");
  EXPECT_EQ(::waitpid(inside.pid(), nullptr, WNOHANG), 0);
}

TEST_F(PlatformGroup, IsMadeOnceByItsNameAndRemovedWhenItIsEmpty) {
  const std::string name = group_.path().filename().string() + "-made";
  const auto made = platform_->make_group(name);
  ASSERT_TRUE(made);
  EXPECT_TRUE(fs::path(*made).filename().string().ends_with(name)) << *made;
  EXPECT_TRUE(fs::exists(fs::path(*made) / "cgroup.procs")) << "it is a control group";
  EXPECT_FALSE(platform_->make_group(name));
  Child member;
  ASSERT_TRUE(enter_group(*made, member.pid()));
  EXPECT_EQ(platform_->killable_group(member.pid())->path, *made);
  platform_->remove_group(*made);
  EXPECT_TRUE(fs::exists(*made)) << "somebody is in it";
  member.kill();
  member.await(WEXITED);  // and stays a zombie, which is in nobody's way
  platform_->remove_group(*made);
  EXPECT_FALSE(fs::exists(*made));
  EXPECT_FALSE(platform_->killable_group(member.pid())) << "its group is deleted";
}

TEST_F(PlatformGroup, OfAUserIsMadeBelowTheOneThatIsHisAndHeMayDoAllWithIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a group to another";
  const std::string said = in_child([&]() -> std::string {
    constexpr uid_t kNobody = 65534;
    for (const char* file : {"", "cgroup.procs"}) {
      if (::chown((group_.path() / file).c_str(), kNobody, kNobody) != 0) return "not given";
    }
    if (!enter_group(group_.path()) || !become_nobody()) return "not nobody";
    const auto made = platform_->make_group("his");
    if (!made) return "not made";
    const Child member;
    if (!enter_group(*made, member.pid())) return "not entered";
    const auto found = platform_->killable_group(member.pid());
    if (!found || found->path != *made) return "not found";
    if (platform_->kill_group(*made).result != Delivery::Result::Sent) return "not killed";
    if (end_signal(member) != SIGKILL) return "not ended";
    platform_->remove_group(*made);
    return fs::exists(*made) ? "not removed" : *made;
  });
  EXPECT_EQ(said, (group_.path() / "galproc-his").string());
}

TEST_F(PlatformGroup, OfRootAreInOneFolderThatGoesWithTheLastOfThem) {
  if (::geteuid() != 0) GTEST_SKIP() << "it is root's";
  // As in a container, which sees its own group as the top: nobody else is there.
  const std::string said = in_child([&]() -> std::string {
    const fs::path top = group_mount();
    if (!enter_group(group_.path()) || ::unshare(CLONE_NEWCGROUP | CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 || ::umount2(top.c_str(), MNT_DETACH) != 0 ||
        ::mount("none", top.c_str(), "cgroup2", 0, nullptr) != 0) {
      return "skip";
    }
    const auto one = platform_->make_group("one"), other = platform_->make_group("other");
    if (one != (top / "galproc" / "one").string() || other != (top / "galproc" / "other").string()) return "elsewhere";
    platform_->remove_group(*one);
    if (fs::exists(*one) || !fs::exists(*other)) return "the other one";
    platform_->remove_group(*other);
    return fs::exists(top / "galproc") ? "left" : "gone";
  });
  if (said == "skip") GTEST_SKIP() << "this root may not have a view of his own";
  EXPECT_EQ(said, "gone");
}

TEST(PlatformNoGroup, CanBeKilledWhereItIsGoneAndThatIsSaid) {
  const TemporaryFolder folder;
  const Delivery delivery = make_platform()->kill_group(folder / "absent");
  EXPECT_EQ(delivery.result, Delivery::Result::Gone);
  EXPECT_EQ(delivery.code, ENOENT);
  EXPECT_FALSE(delivery.text.empty());
}

TEST(PlatformNoGroup, IsRemovedWhereItOnlyBearsSuchAName) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "empty");
  const auto platform = make_platform();
  platform->remove_group(folder / "empty");
  EXPECT_TRUE(fs::exists(folder / "empty"));
  platform->remove_group(folder / "absent");
}

}  // namespace
}  // namespace galproc
