// The ways of reading /proc that depend on what the kernel and the limits allow. A folder of links to a few real
// processes stands for /proc: it has no `self`, by which a reader knows that the CPU clocks go by the same pids.

#include "platform/linux/processes.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <string>

#include "support/sockets.h"
#include "support/temporary_folder.h"

namespace galproc {
namespace {

const ProcessReading* find(const ProcessPass& pass, std::int64_t pid) {
  const auto found = std::find_if(pass.processes.begin(), pass.processes.end(),
                                  [&](const ProcessReading& process) { return process.key.pid == pid; });
  return found == pass.processes.end() ? nullptr : &*found;
}

/// A child that burns 50 ms of CPU each time it is told to, says so, and waits.
void burn_when_told(int wire) {
  while (!hear(wire).empty()) {
    const std::clock_t end = std::clock() + CLOCKS_PER_SEC / 20;
    while (std::clock() < end) continue;
    say(wire, "done");
  }
}

class LinkedProc {
 public:
  void add(std::int64_t pid) const {
    std::filesystem::create_directory_symlink("/proc/" + std::to_string(pid), folder_ / std::to_string(pid));
  }
  void remove(std::int64_t pid) const { std::filesystem::remove(folder_ / std::to_string(pid)); }
  std::string path() const { return folder_.path().string(); }

 private:
  TemporaryFolder folder_;
};

std::size_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
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
    EXPECT_GE(after.cpu_user_us + after.cpu_system_us, before.cpu_user_us + before.cpu_system_us + 20'000);
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

TEST(Processes, KeepNoMoreFilesOpenThanTheyMay) {
  const std::size_t before = open_files();
  const Child busy(burn_when_told);
  ProcessReader reader({"/proc", 0, 2});
  for (int round = 0; round < 4; ++round) {
    say(busy.wire(), "go");
    ASSERT_EQ(hear(busy.wire()), "done");
    reader.read();
  }
  EXPECT_LE(open_files(), before + 1 + 2 + 1);  // the child's wire, two files, the folder
}

TEST(Processes, CloseTheFilesOfOneThatRunsNoMore) {
  const LinkedProc linked;
  const Child busy(burn_when_told);
  linked.add(busy.pid());
  ProcessReader reader({linked.path(), 0, 1000});
  const auto run = [&] {
    say(busy.wire(), "go");
    ASSERT_EQ(hear(busy.wire()), "done");
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

TEST(Processes, AreNotTakenForGoneWhenHardlyAFileIsLeft) {
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

}  // namespace
}  // namespace galproc
