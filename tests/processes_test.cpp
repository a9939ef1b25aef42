// The ways of reading /proc that depend on what the kernel allows. Where a folder of links stands for it, only with a
// `self` does a reader know that the CPU clocks go by the same pids.

#include "platform/linux/processes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "support/linked_proc.h"

namespace galproc {
namespace {

/// Children that each hold the same four pages of a file: below what a CPU counts for itself before stat shows it.
class Holders {
 public:
  explicit Holders(std::size_t count) : file_(::open((folder_ / "held").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    EXPECT_EQ(::ftruncate(file_.get(), kBytes), 0);
    for (std::size_t i = 0; i < count; ++i) {
      children_.push_back(std::make_unique<Child>([this](int wire) {
        void* mapped = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
        std::memset(mapped, 1, kBytes);
        say(wire, "held");
      }));
      EXPECT_EQ(hear(children_.back()->wire()), "held");
      wait_until_asleep(children_.back()->pid());
    }
  }
  void take_memory() const { EXPECT_EQ(::ftruncate(file_.get(), 0), 0); }
  const std::vector<std::unique_ptr<Child>>& children() const { return children_; }

 private:
  static constexpr std::size_t kBytes = 4 * 4096;
  TemporaryFolder folder_;
  Descriptor file_;
  std::vector<std::unique_ptr<Child>> children_;
};

std::int64_t resident_bytes_of(std::int64_t pid) {
  std::int64_t size = 0, resident = 0;
  std::ifstream("/proc/" + std::to_string(pid) + "/statm") >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

/// Two children, one of which runs in between; with what a reader of these options says of both.
void expect_followed(const ProcessReader::Options& options, const LinkedProc* linked) {
  const Child quiet([](int) {}), busy(burn_when_told);
  if (linked) linked->add(quiet.pid());
  if (linked) linked->add(busy.pid());
  wait_until_asleep(quiet.pid());
  ProcessReader reader(options);
  reader.read();
  ProcessPass pass = reader.read();
  ASSERT_TRUE(find(pass, busy.pid()) && find(pass, quiet.pid()));
  ProcessUsage before = find(pass, busy.pid())->usage;
  const auto quiet_image = find(pass, quiet.pid())->image;
  for (int round = 0; round < 4; ++round) {  // its files are kept from the second on
    say(busy.wire(), "go");
    ASSERT_EQ(hear(busy.wire()), "done");
    wait_until_asleep(busy.pid());
    reader.read();
    pass = reader.read();
    ASSERT_TRUE(find(pass, busy.pid()) && find(pass, quiet.pid()));
    const ProcessUsage after = find(pass, busy.pid())->usage;
    EXPECT_GE(cpu_us(after), cpu_us(before) + 20'000);
    EXPECT_EQ(after.state, ProcessState::Sleeping);
    EXPECT_GT(after.resident_bytes, 0);
    EXPECT_TRUE(after.read_bytes.has_value());
    EXPECT_FALSE(find(pass, quiet.pid())->ran);
    EXPECT_EQ(find(pass, quiet.pid())->image, quiet_image);
    before = after;
  }
  if (linked) linked->remove(quiet.pid());
  if (linked) linked->remove(busy.pid());
}

TEST(Processes, AreFollowedWithAndWithoutCpuClocksAndKeptFiles) {
  const LinkedProc linked;
  for (const std::size_t kept : {0U, 1U, 1000U}) {
    SCOPED_TRACE(kept);
    expect_followed({"/proc", 0, kept}, nullptr);
    expect_followed({linked.path(), 0, kept}, &linked);
  }
}

TEST(Processes, ThatAreOrphansOfAParentThatCannotBeSeenGetTheirNewOneAtOnce) {
  const LinkedProc linked;
  linked.add_self();
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  auto parent = std::make_unique<Child>([](int wire) {
    for (int i = 0; i < 3; ++i) {
      const pid_t child = ::fork();
      while (child == 0) ::pause();
      say(wire, std::to_string(child));
    }
  });
  std::vector<std::int64_t> orphans;  // no two of them have their turn in the same pass
  for (int i = 0; i < 3; ++i) orphans.push_back(std::atoll(hear(parent->wire()).c_str()));
  for (const std::int64_t pid : orphans) {
    linked.add(pid);
    wait_until_asleep(pid);
  }
  ProcessReader reader({linked.path(), 0, 1000});
  reader.read();
  const ProcessPass before = reader.read();
  const std::int64_t old_parent = parent->pid();
  parent.reset();
  const ProcessPass after = reader.read();
  for (const std::int64_t pid : orphans) {
    linked.remove(pid);
    ::kill(static_cast<pid_t>(pid), SIGKILL);
    ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  for (const std::int64_t pid : orphans) {
    ASSERT_TRUE(find(before, pid) && find(after, pid));
    EXPECT_EQ(find(before, pid)->parent_pid, old_parent);
    EXPECT_EQ(find(after, pid)->parent_pid, ::getpid());
  }
}

TEST(Processes, ThatSleepLoseMemoryTooLittleForTheirStatWithinTwelvePasses) {
  for (const bool with_clocks : {false, true}) {
    SCOPED_TRACE(with_clocks);
    const LinkedProc linked;
    if (with_clocks) linked.add_self();
    const Holders holders(8);
    for (const auto& child : holders.children()) linked.add(child->pid());
    ProcessReader reader({linked.path(), 0, 1000});
    for (int number = 0; number < 13; ++number) reader.read();  // everybody has had a turn before
    holders.take_memory();
    ProcessPass pass;
    for (int number = 0; number < 12; ++number) pass = reader.read();
    for (const auto& child : holders.children()) {
      ASSERT_TRUE(find(pass, child->pid()));
      EXPECT_EQ(find(pass, child->pid())->usage.resident_bytes, resident_bytes_of(child->pid()));
      EXPECT_FALSE(find(pass, child->pid())->ran);
      linked.remove(child->pid());
    }
  }
}

TEST(Processes, HaveTheirTurnInEachPassWherePassesAreFarApart) {
  const LinkedProc linked;
  linked.add_self();
  const Holders holders(8);
  for (const auto& child : holders.children()) linked.add(child->pid());
  ProcessReader reader({linked.path(), 0, 1000});
  const std::int64_t begun_us = boot_clock_us();
  reader.read(begun_us);
  holders.take_memory();
  const ProcessPass pass = reader.read(begun_us + 12 * Turns::kStepUs);
  for (const auto& child : holders.children()) {
    ASSERT_TRUE(find(pass, child->pid()));
    EXPECT_EQ(find(pass, child->pid())->usage.resident_bytes, resident_bytes_of(child->pid()));
  }
}

/// How often each file was denied in a pass: "io 13 x 2; ".
std::string denials_of(const ProcessPass& pass) {
  std::string text;
  for (const ReadError& error : pass.errors) {
    text += error.operation + " " + std::to_string(error.code) + " x " + std::to_string(error.count) + "; ";
  }
  return text;
}

TEST(Processes, ThatMayNotBeReadAreCountedInEachPass) {
  // Root may read everything: so a child that is not root looks at children of its own that let nobody look.
  const Child looker([](int wire) {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(1);
    for (const bool with_clocks : {false, true}) {
      const LinkedProc linked;
      if (with_clocks) linked.add_self();
      const auto closed = [](int its_wire) {
        ::prctl(PR_SET_DUMPABLE, 0);
        say(its_wire, "closed");
        burn_when_told(its_wire);
      };
      const auto one = std::make_unique<Child>(closed);
      auto other = std::make_unique<Child>(closed);
      for (const Child* child : {one.get(), other.get()}) {
        hear(child->wire());
        wait_until_asleep(child->pid());
        linked.add(child->pid());
      }
      ProcessReader reader({linked.path(), 0, 1000});
      const std::string first = denials_of(reader.read());
      bool same = true;
      for (int pass = 0; pass < 14; ++pass) {
        if (pass % 3 == 0) {
          say(one->wire(), "go");
          hear(one->wire());
        }
        same = same && denials_of(reader.read()) == first;
      }
      linked.remove(other->pid());
      other.reset();
      say(wire, first + (same ? "" : "but not in each pass; ") + "then " + denials_of(reader.read()));
    }
    say(wire, "removed");  // its folders, before it is ended
  });
  const std::string wanted =
      "read cwd 13 x 2; read environ 13 x 2; read exe 13 x 2; read io 13 x 2; "
      "then read cwd 13 x 1; read environ 13 x 1; read exe 13 x 1; read io 13 x 1; ";
  EXPECT_EQ(hear(looker.wire()), wanted);
  EXPECT_EQ(hear(looker.wire()), wanted);
  EXPECT_EQ(hear(looker.wire()), "removed");
}

}  // namespace
}  // namespace galproc
