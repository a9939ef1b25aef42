// The files that a reader of processes keeps open, and what it does when there are none left to open.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <vector>

#include "platform/linux/processes.h"
#include "support/kernel.h"
#include "support/linked_proc.h"
#include "support/proc.h"

namespace galproc {
namespace {

/// While it lives, no more than `free` descriptors are to be had by this process.
class FewFiles {
 public:
  explicit FewFiles(std::size_t free) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit tight = before_;
    tight.rlim_cur = open_files() + free + 1;
    ::setrlimit(RLIMIT_NOFILE, &tight);
    while (true) {
      Descriptor filler(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!filler) break;
      fillers_.push_back(std::move(filler));
    }
    for (std::size_t i = 0; i < free && !fillers_.empty(); ++i) fillers_.pop_back();
  }
  ~FewFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewFiles(const FewFiles&) = delete;
  FewFiles& operator=(const FewFiles&) = delete;

 private:
  rlimit before_{};
  std::vector<Descriptor> fillers_;
};

TEST(ProcessFiles, AreKeptOpenNoMoreThanMayBe) {
  for (const bool with_exit_statuses : {false, true}) {
    SCOPED_TRACE(with_exit_statuses);
    const std::size_t before = open_files();
    const Child busy(burn_when_told);
    ProcessReader reader({"/proc", 0, 4});
    reader.hold_exit_statuses(with_exit_statuses);
    for (int round = 0; round < 4; ++round) {
      say(busy.wire(), "go");
      ASSERT_EQ(hear(busy.wire()), "done");
      reader.read();
    }
    EXPECT_LE(open_files(), before + 1 + 4 + 1);  // the child's wire, four files, the folder
  }
}

TEST(ProcessFiles, OfExitStatusesAreClosedWithTheirProcessOrWhenNobodyAsksAnyMore) {
  if (!tells_ends()) GTEST_SKIP() << "this kernel tells of nobody how it ended (Linux 6.15)";
  const LinkedProc linked;
  linked.add_self();
  const Child stays([](int) {});
  auto goes = std::make_unique<Child>([](int) {});
  linked.add(stays.pid());
  linked.add(goes->pid());
  wait_until_asleep(stays.pid());  // who runs has more of them
  wait_until_asleep(goes->pid());
  ProcessReader reader({linked.path(), 0, 1000});
  reader.hold_exit_statuses(true);
  const std::size_t before = open_files();
  for (int pass = 0; pass < 13; ++pass) reader.read();  // everybody has had a turn, and keeps what he will
  const std::size_t with_both = open_files();
  const std::size_t of_one = (with_both - before - 1) / 2;  // one is the folder
  goes.reset();
  reader.read();
  EXPECT_EQ(open_files(), with_both - of_one - 1);  // the wire
  reader.hold_exit_statuses(false);
  EXPECT_EQ(open_files(), with_both - of_one - 1 - 1);
}

TEST(ProcessFiles, AreClosedOfOneThatRunsNoMore) {
  const LinkedProc linked;
  const Child busy(burn_when_told);
  linked.add(busy.pid());
  ProcessReader reader({linked.path(), 0, 1000});
  const auto run = [&] {
    say(busy.wire(), "go");
    ASSERT_EQ(hear(busy.wire()), "done");
    wait_until_asleep(busy.pid());
    reader.read();
  };
  for (int round = 0; round < 3; ++round) run();
  const std::size_t while_it_runs = open_files();
  for (int pass = 0; pass < 20; ++pass) reader.read();
  EXPECT_EQ(open_files(), while_it_runs - 2);
  run();
  run();
  EXPECT_EQ(open_files(), while_it_runs);
}

TEST(ProcessFiles, NobodyIsTakenForGoneWhereHardlyOneIsLeft) {
  const LinkedProc linked;
  const Child one([](int) {}), other([](int) {});
  linked.add(one.pid());
  linked.add(other.pid());
  ProcessReader reader({linked.path(), 0, 1000});
  reader.read();
  const Child late([](int) {});
  linked.add(late.pid());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // Room for the list of processes itself, in place of the one that the pass before had open, and for nothing else.
  const rlimit tight{open_files(), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  const ProcessPass pass = reader.read();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  for (const Child* child : {&one, &other, &late}) {
    const auto unreadable = std::find(pass.unreadable_pids.begin(), pass.unreadable_pids.end(), child->pid());
    EXPECT_TRUE(find(pass, child->pid()) || unreadable != pass.unreadable_pids.end())
        << "a process that is there was taken for gone";
  }
  const ProcessPass next = reader.read();
  for (const Child* child : {&one, &other, &late}) EXPECT_TRUE(find(next, child->pid()));
}

/// `reader` reads `linked`, has nothing read yet, and keeps files.
void expect_given_back(const LinkedProc& linked, ProcessReader& reader) {
  const Child kept[] = {Child([](int) {}), Child([](int) {}), Child([](int) {}), Child([](int) {})};
  for (const Child& child : kept) linked.add(child.pid());
  reader.read();
  const Child late([](int) {});
  linked.add(late.pid());
  wait_until_asleep(late.pid());
  const ProcessPass full = ProcessReader({linked.path(), 0, 0}).read();
  ProcessPass pass;
  {
    const FewFiles few(1);
    pass = reader.read();
  }
  ASSERT_TRUE(find(pass, late.pid()) && find(full, late.pid()));
  const ProcessImage &image = *find(pass, late.pid())->image, &whole = *find(full, late.pid())->image;
  EXPECT_TRUE(image.arguments.has_value());
  EXPECT_EQ(image.arguments, whole.arguments);
  EXPECT_EQ(image.cgroup, whole.cgroup);
  EXPECT_EQ(image.user_id, whole.user_id);
  EXPECT_EQ(find(pass, late.pid())->usage.read_bytes.has_value(), find(full, late.pid())->usage.read_bytes.has_value());
  EXPECT_EQ(find(pass, late.pid())->usage.resident_bytes, find(full, late.pid())->usage.resident_bytes);
  for (const Child& child : kept) EXPECT_TRUE(find(pass, child.pid()));
  EXPECT_TRUE(pass.errors.empty());
}

TEST(ProcessFiles, AreGivenBackSoThatANewProcessIsReadWhole) {
  for (const bool with_exit_statuses : {false, true}) {
    SCOPED_TRACE(with_exit_statuses);
    const LinkedProc linked;
    if (with_exit_statuses) linked.add_self();
    ProcessReader reader({linked.path(), 0, 1000});
    reader.hold_exit_statuses(with_exit_statuses);
    expect_given_back(linked, reader);
  }
}

TEST(ProcessFiles, AreGivenBackSoThatThoseThatRanAreFollowed) {
  const LinkedProc linked;
  const Child busy[] = {Child(burn_when_told), Child(burn_when_told), Child(burn_when_told), Child(burn_when_told)};
  for (const Child& child : busy) linked.add(child.pid());
  ProcessReader reader({linked.path(), 0, 1000});
  const ProcessPass before = reader.read();
  for (const Child& child : busy) {
    say(child.wire(), "go");
    ASSERT_EQ(hear(child.wire()), "done");
  }
  ProcessPass after;
  {
    const FewFiles few(1);
    after = reader.read();
  }
  EXPECT_TRUE(after.errors.empty());
  for (const Child& child : busy) {
    ASSERT_TRUE(find(before, child.pid()) && find(after, child.pid()));
    EXPECT_GE(cpu_us(find(after, child.pid())->usage), cpu_us(find(before, child.pid())->usage) + 20'000);
    EXPECT_TRUE(find(after, child.pid())->usage.read_bytes.has_value());
  }
}

TEST(ProcessFiles, AreReadAgainWhereAnImageLacksThem) {
  // The sanitizer looks at an object's type through a pipe the first time that it meets that type, and finds nothing
  // where there is no descriptor: so it is to meet an image before.
  { const std::shared_ptr<const ProcessImage> met = std::make_shared<ProcessImage>(); }
  for (const bool with_clocks : {false, true}) {
    SCOPED_TRACE(with_clocks);
    const LinkedProc linked;
    if (with_clocks) linked.add_self();
    ProcessReader reader({linked.path(), 0, 0});
    reader.read();
    const Child child([](int) {});
    linked.add(child.pid());
    wait_until_asleep(child.pid());
    ProcessPass pass;
    {
      const FewFiles few(2);  // its folder and its stat
      pass = reader.read();
    }
    ASSERT_TRUE(find(pass, child.pid()));
    ASSERT_FALSE(find(pass, child.pid())->image->arguments.has_value());
    pass = reader.read();
    ASSERT_TRUE(find(pass, child.pid()));
    const auto image = find(pass, child.pid())->image;
    EXPECT_TRUE(image->arguments.has_value());
    EXPECT_TRUE(image->cgroup.has_value());
    EXPECT_EQ(find(reader.read(), child.pid())->image, image);
  }
}

}  // namespace
}  // namespace galproc
