// How processes ended that a reader of /proc finds gone, whoever waited for them and whosever they were. Only with a
// `self` in its folder does a reader know that pids are its own, and ask the kernel by them.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "platform/linux/processes.h"
#include "support/kernel.h"
#include "support/linked_proc.h"
#include "support/puppet.h"

namespace galproc {
namespace {

constexpr const char* kNoEnds = "this kernel tells nobody but its parent how a process ended (Linux 6.15)";

/// How a pass says that one of this key ended; empty: it does not.
std::optional<std::int64_t> status_of(const ProcessPass& pass, const ProcessKey& key) {
  for (const EndedReading& end : pass.ends) {
    if (end.key == key) return end.wait_status;
  }
  return std::nullopt;
}

/// "1 living; 4711: 1792; ".
std::string ends_of(const ProcessPass& pass) {
  std::string text = std::to_string(pass.processes.size()) + " living; ";
  for (const EndedReading& end : pass.ends) {
    text += std::to_string(end.key.pid) + ": " + std::to_string(end.wait_status) + "; ";
  }
  return text;
}

TEST(ProcessEnds, AreToldOfThoseThatWereReapedBetweenTwoPasses) {
  if (!tells_ends()) GTEST_SKIP() << kNoEnds;
  const LinkedProc linked;
  linked.add_self();
  Puppet failed, killed, lives;
  for (const Puppet* puppet : {&failed, &killed, &lives}) linked.add(puppet->pid());
  ProcessReader reader({linked.path(), 0, 1000});
  reader.hold_exit_statuses(true);
  const ProcessPass before = reader.read();
  EXPECT_TRUE(before.ends.empty());
  ASSERT_EQ(before.processes.size(), 3U);
  const ProcessKey failed_key = find(before, failed.pid())->key, killed_key = find(before, killed.pid())->key;
  linked.remove(killed.pid());  // one is absent from the list, of the other it shows when it is read
  failed.exit(7);
  killed.end(SIGKILL);
  const ProcessPass after = reader.read();
  EXPECT_EQ(after.ends.size(), 2U);
  EXPECT_EQ(status_of(after, failed_key), 7 << 8);
  EXPECT_EQ(status_of(after, killed_key), SIGKILL);
  EXPECT_EQ(ends_of(reader.read()), "1 living; ");
  linked.remove(lives.pid());
  EXPECT_EQ(ends_of(reader.read()), "0 living; ");  // not to be seen any more, but nothing says that it ended
}

TEST(ProcessEnds, AreNotToldWhereNobodyAskedOrNoDescriptorMayBeKeptForThem) {
  for (const bool asked : {false, true}) {
    SCOPED_TRACE(asked);
    const LinkedProc linked;
    linked.add_self();
    Puppet puppet;
    linked.add(puppet.pid());
    ProcessReader reader({linked.path(), 0, asked ? 0U : 1000U});
    reader.hold_exit_statuses(asked);
    EXPECT_EQ(ends_of(reader.read()), "1 living; ");
    puppet.exit(7);
    EXPECT_EQ(ends_of(reader.read()), "0 living; ");
  }
}

TEST(ProcessEnds, OfTwoThatShareAPidOneAfterTheOtherAreTheirOwn) {
  if (!tells_ends()) GTEST_SKIP() << kNoEnds;
  for (int attempt = 1;; ++attempt) {
    const LinkedProc linked;
    linked.add_self();
    Puppet first;
    const pid_t pid = first.pid();
    linked.add(pid);
    ProcessReader reader({linked.path(), 0, 1000});
    reader.hold_exit_statuses(true);
    ProcessPass pass = reader.read();
    ASSERT_TRUE(find(pass, pid));
    const ProcessKey first_key = find(pass, pid)->key;
    ::usleep(20'000);  // two that begin in one clock tick have one key
    first.exit(7);
    Puppet second(pid);
    if (second.pid() == -EPERM) GTEST_SKIP() << "clone3 with set_tid needs CAP_CHECKPOINT_RESTORE";
    if (second.pid() == -ENOSYS) GTEST_SKIP() << "this kernel has no clone3";
    if (second.pid() == -EEXIST && attempt < 10) continue;  // somebody else's process was faster
    ASSERT_EQ(second.pid(), pid);
    pass = reader.read();
    ASSERT_TRUE(find(pass, pid));
    const ProcessKey second_key = find(pass, pid)->key;
    EXPECT_NE(second_key, first_key);
    EXPECT_EQ(pass.ends.size(), 1U);
    EXPECT_EQ(status_of(pass, first_key), 7 << 8);
    second.end(SIGTERM);
    pass = reader.read();
    EXPECT_EQ(pass.ends.size(), 1U);
    EXPECT_EQ(status_of(pass, second_key), SIGTERM);
    return;
  }
}

/// A child that reads its own folder of links, one pass each time it is told to.
class Looker {
 public:
  /// A pass is told of as `tell` puts it.
  Looker(bool is_nobody, const std::function<std::string(const ProcessPass&)>& tell)
      : child_([&](int wire) {
          if (is_nobody && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(1);
          {
            const LinkedProc linked;
            linked.add_self();
            ProcessReader reader({linked.path(), 0, 1000});
            reader.hold_exit_statuses(true);
            say(wire, linked.path());
            while (hear(wire) == "look") {
              say(wire, "looking");
              say(wire, tell(reader.read()));
            }
          }
          say(wire, "removed");
        }),
        folder_(hear(child_.wire())) {}
  ~Looker() {
    say(child_.wire(), "end");
    EXPECT_EQ(hear(child_.wire()), "removed");
  }
  Looker(const Looker&) = delete;
  Looker& operator=(const Looker&) = delete;

  void add(std::int64_t pid) const {
    std::filesystem::create_directory_symlink("/proc/" + std::to_string(pid), folder_ / std::to_string(pid));
  }
  std::string look() const {
    begin();
    return hear(child_.wire());
  }
  /// The same, and `meanwhile` happens when all that were added have been read, and before the pass is over.
  std::string look(const std::function<void()>& meanwhile) const {
    // Last in the list is one whose text does not come before somebody opens it to write: there the pass waits.
    const std::filesystem::path slow = folder_ / "99999999";
    std::filesystem::create_directory(slow);
    std::filesystem::permissions(slow, std::filesystem::perms{0755});
    EXPECT_EQ(::mkfifo((slow / "stat").c_str(), 0644), 0);
    begin();
    wait_until_asleep(child_.pid());
    meanwhile();
    const Descriptor writer(::open((slow / "stat").c_str(), O_WRONLY | O_CLOEXEC));
    std::string told = hear(child_.wire());
    std::filesystem::remove_all(slow);
    return told;
  }

 private:
  void begin() const {
    say(child_.wire(), "look");
    EXPECT_EQ(hear(child_.wire()), "looking");
  }
  Child child_;
  std::filesystem::path folder_;
};

TEST(ProcessEnds, AreToldAnybodyOfOthersProcesses) {
  if (!tells_ends()) GTEST_SKIP() << kNoEnds;
  if (::geteuid() != 0) GTEST_SKIP() << "needs a process of another user";
  Puppet puppet;
  const std::string pid = std::to_string(puppet.pid());
  const Looker looker(true, ends_of);
  looker.add(puppet.pid());
  EXPECT_EQ(looker.look(), "1 living; ");
  puppet.exit(7);
  EXPECT_EQ(looker.look(), "0 living; " + pid + ": 1792; ");
}

TEST(ProcessEnds, OfOthersZombiesAreKnownWhereTheirParentsWaitForThemDuringThePassThatMetThem) {
  if (!tells_ends()) GTEST_SKIP() << kNoEnds;
  if (::geteuid() != 0) GTEST_SKIP() << "needs a process of another user";
  for (const bool is_reaped : {true, false}) {
    SCOPED_TRACE(is_reaped);
    Puppet parent;
    const pid_t pid = parent.leave_zombie(7);
    ASSERT_TRUE(wait_until_state(pid, 'Z'));
    const Looker looker(true, [](const ProcessPass& pass) {
      if (pass.processes.size() != 1 || !pass.processes[0].ended) return std::string("no zombie");
      return "zombie " + std::to_string(pass.processes[0].wait_status.value_or(-1));
    });
    looker.add(pid);
    const std::string told = looker.look([&] {
      if (is_reaped) parent.reap_children();
    });
    EXPECT_EQ(told, is_reaped ? "zombie 1792" : "zombie -1");
  }
}

TEST(ProcessEnds, OfOrphansThatFollowedTheirParentDuringThePassAreToldOnce) {
  if (!tells_ends()) GTEST_SKIP() << kNoEnds;
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  auto parent = std::make_unique<Child>([](int wire) {
    const pid_t child = ::fork();
    while (child == 0) ::pause();
    say(wire, std::to_string(child));
  });
  const pid_t orphan = std::atoi(hear(parent->wire()).c_str());
  ASSERT_GT(orphan, 0);
  wait_until_asleep(orphan);
  const Looker looker(false, ends_of);
  looker.add(parent->pid());
  looker.add(orphan);
  EXPECT_EQ(looker.look(), "2 living; ");
  const std::string parent_pid = std::to_string(parent->pid());
  parent.reset();
  const std::string told = looker.look([&] {
    ::kill(orphan, SIGTERM);
    ::waitpid(orphan, nullptr, 0);
  });
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  EXPECT_EQ(told, "0 living; " + parent_pid + ": 9; " + std::to_string(orphan) + ": 15; ");
  EXPECT_EQ(looker.look(), "0 living; ");
}

}  // namespace
}  // namespace galproc
