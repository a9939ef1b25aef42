// What the reader of the task iterator makes of its records: made-up ones, of what a machine does not do on demand.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <vector>

#include "model/errors.h"
#include "platform/linux/bpf_processes.h"
#include "platform/platform.h"
#include "support/linked_proc.h"

namespace galproc {
namespace {

/// Records of one's own choice in place of the kernel's.
class MadeUpRecords : public testing::Test {
 protected:
  static galproc_process first_thread(std::int64_t pid, std::uint64_t start_ns) {
    galproc_process record{};
    record.thread.bytes = sizeof record;
    record.thread.pid = static_cast<std::uint32_t>(pid);
    record.start_ns = start_ns;
    record.thread_count = 1;
    std::strcpy(record.name, "made up");
    return record;
  }
  template <typename Record>
  void add(const Record& record) {
    const auto* bytes = reinterpret_cast<const char*>(&record);
    records_.insert(records_.end(), bytes, bytes + sizeof record);
  }

  static constexpr std::int64_t kNobodysPid = 1LL << 24;  // more than a kernel gives
  std::vector<char> records_;
  const LinkedProc linked_;  // whom /proc shows
  ProcessReader images_{{linked_.path()}};
  BpfProcessReader reader_{[this] { return std::span<const char>(records_); }, images_};
};

TEST_F(MadeUpRecords, OfAThreadThatDiesWhileTheTableIsWalkedAreCountedOnce) {
  constexpr std::uint64_t kSecondNs = 1'000'000'000;
  galproc_thread thread{};
  thread.bytes = sizeof thread;
  thread.pid = kNobodysPid;
  thread.own.runtime_ns = thread.own.user_ns = 5 * kSecondNs;
  galproc_process process = first_thread(kNobodysPid, kSecondNs);
  process.thread.own.runtime_ns = process.thread.own.user_ns = kSecondNs;
  process.thread.dead = thread.own;  // it is dead by now
  add(thread);
  add(process);
  EXPECT_EQ(cpu_us(find(reader_.read(), kNobodysPid)->usage), 6'000'000);
  records_.clear();
  add(process);
  EXPECT_EQ(cpu_us(find(reader_.read(), kNobodysPid)->usage), 6'000'000);
}

TEST_F(MadeUpRecords, OfAnotherProcessWithTheSamePidAreAnotherProcess) {
  add(first_thread(kNobodysPid, 1'000'000'000));
  const ProcessPass first = reader_.read();
  records_.clear();
  add(first_thread(kNobodysPid, 2'000'000'000));
  const ProcessPass second = reader_.read();
  EXPECT_EQ(find(first, kNobodysPid)->key.start_token * 2, find(second, kNobodysPid)->key.start_token);
  EXPECT_NE(find(first, kNobodysPid)->image, find(second, kNobodysPid)->image);
  EXPECT_TRUE(find(second, kNobodysPid)->ran);
}

TEST_F(MadeUpRecords, OfOneThatCannotBeSeenInProcTellItsNameAndUser) {
  galproc_process record = first_thread(kNobodysPid, 1'000'000'000);
  record.uid = 65534;
  add(record);
  const ProcessPass pass = reader_.read();
  const auto image = find(pass, kNobodysPid)->image;
  EXPECT_EQ(image->name, "made up");
  EXPECT_EQ(image->user_id, 65534);
  EXPECT_FALSE(image->executable);
  EXPECT_EQ(find(reader_.read(), kNobodysPid)->image, image);
}

TEST_F(MadeUpRecords, ThatLackALivingProcessAreNoProofOfItsEnd) {
  auto child = std::make_unique<Child>([](int) {});
  const std::int64_t pid = child->pid();
  linked_.add(pid);
  // Its start to the tick is what makes it the same one.
  const ProcessPass proc = make_platform()->read_processes();
  ASSERT_TRUE(find(proc, pid));
  const ProcessKey key = find(proc, pid)->key;
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  add(first_thread(pid, static_cast<std::uint64_t>(key.start_token) * (1'000'000'000 / ticks)));
  ASSERT_EQ(find(reader_.read(), pid)->key, key);
  records_.clear();
  EXPECT_EQ(reader_.read().unreadable_pids, std::vector{pid});
  child.reset();
  const ProcessPass after = reader_.read();
  EXPECT_TRUE(after.unreadable_pids.empty());
  EXPECT_TRUE(after.processes.empty());
}

TEST_F(MadeUpRecords, ThatLackAProcessFromTheBeginningAreCompletedFromProc) {
  auto child = std::make_unique<Child>([](int) {});
  const std::int64_t pid = child->pid();
  linked_.add(pid);
  add(first_thread(kNobodysPid, 1'000'000'000));
  const ProcessPass first = reader_.read(), second = reader_.read();
  const ProcessPass proc = make_platform()->read_processes();
  ASSERT_TRUE(find(first, pid) && find(second, pid) && find(proc, pid));
  EXPECT_EQ(first.processes.front().key.pid, pid);
  EXPECT_EQ(find(second, pid)->key, find(proc, pid)->key);
  EXPECT_EQ(find(second, pid)->image, find(first, pid)->image);
  linked_.remove(pid);
  child.reset();
  EXPECT_FALSE(find(reader_.read(), pid));
}

TEST_F(MadeUpRecords, ThatAreCutShortAreAnError) {
  add(first_thread(kNobodysPid, 1'000'000'000));
  records_.pop_back();
  EXPECT_THROW(reader_.read(), PlatformError);
  records_.resize(3);
  EXPECT_THROW(reader_.read(), PlatformError);
}

TEST(CpuTime, IsSplitAsTheTimerMetIt) {
  EXPECT_EQ(split_cpu_time(1000, 30, 10, {}), (CpuSplit{750, 250}));
  EXPECT_EQ(split_cpu_time(1000, 0, 0, {}), (CpuSplit{1000, 0}));
  EXPECT_EQ(split_cpu_time(1000, 5, 0, {}), (CpuSplit{1000, 0}));
  EXPECT_EQ(split_cpu_time(1000, 0, 5, {}), (CpuSplit{0, 1000}));
  constexpr std::uint64_t kYearsNs = 1ULL << 60;  // nothing overflows
  EXPECT_EQ(split_cpu_time(kYearsNs, kYearsNs / 2, kYearsNs / 2, {}), (CpuSplit{kYearsNs / 2, kYearsNs / 2}));
}

TEST(CpuTime, NeverGoesBack) {
  EXPECT_EQ(split_cpu_time(900, 30, 10, {750, 250}), (CpuSplit{750, 250}));
  EXPECT_EQ(split_cpu_time(1100, 40, 0, {750, 250}), (CpuSplit{1100 - 250, 250}));
  EXPECT_EQ(split_cpu_time(1100, 0, 40, {750, 250}), (CpuSplit{750, 350}));
}

}  // namespace
}  // namespace galproc
