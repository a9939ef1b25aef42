// The records of the tracepoint programs as events, from made-up bytes.

#include "platform/linux/bpf_records.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "platform/linux/bpf/records.h"

namespace galproc {
namespace {

constexpr std::int64_t kTicks = 100;
constexpr std::int64_t kPage = 4096;
constexpr std::uint64_t kSecondNs = 1'000'000'000;

using Bytes = std::vector<std::byte>;

template <std::size_t N>
void set_text(char (&field)[N], std::string_view text) {
  std::memcpy(field, text.data(), std::min(N, text.size()));
}

template <typename Record>
Record record_of(galproc_record_kind kind) {
  Record record{};
  record.head.kind = kind;
  record.head.at_ns = 7 * kSecondNs + 1999;
  return record;
}

galproc_party party(std::uint32_t pid, std::string_view name) {
  galproc_party party{};
  party.pid = pid;
  party.parent_pid = pid - 1;
  party.start_ns = 5 * kSecondNs;
  party.uid = 1000;
  set_text(party.name, name);
  return party;
}

template <typename Record>
Bytes bytes_of(const Record& record, std::string_view rest = {}) {
  Bytes bytes(sizeof record + rest.size());
  std::memcpy(bytes.data(), &record, sizeof record);
  if (!rest.empty()) std::memcpy(bytes.data() + sizeof record, rest.data(), rest.size());
  return bytes;
}

/// The one event of these bytes, which must be of this kind.
template <typename What>
What event_of(const Bytes& bytes, std::int64_t ticks = kTicks) {
  const auto event = parse_record(bytes, ticks, kPage);
  if (!event || !std::holds_alternative<What>(event->what)) throw std::runtime_error("no such event");
  return std::get<What>(event->what);
}

galproc_exec exec_of(std::string_view name, std::string_view path, std::string_view arguments) {
  auto record = record_of<galproc_exec>(GALPROC_EXEC);
  record.process = party(20, name);
  set_text(record.path, path);
  record.argument_bytes = static_cast<std::uint32_t>(arguments.size());
  return record;
}

TEST(BpfRecords, AForkNamesBothAndTheInstantInMicroseconds) {
  auto record = record_of<galproc_fork>(GALPROC_FORK);
  record.parent = party(20, "sh");
  record.child = party(21, "sh");
  record.child.start_ns = 6 * kSecondNs;
  const auto event = parse_record(bytes_of(record), kTicks, kPage);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->boot_us, 7'000'001);
  const auto& fork = std::get<ForkEvent>(event->what);
  EXPECT_EQ(fork.parent.key, (ProcessKey{20, 500}));
  EXPECT_EQ(fork.child.key, (ProcessKey{21, 600}));
  EXPECT_EQ(fork.child.started_boot_us, 6'000'000);
  EXPECT_EQ(fork.child.parent_pid, 20);
  EXPECT_EQ(fork.child.user_id, 1000);
  EXPECT_EQ(fork.child.name, "sh");
}

TEST(BpfRecords, AnExecHasItsArgumentsAndThePathThatWasAskedFor) {
  const std::string arguments("true\0--mark\0\0a b\0", 17);
  const auto exec = event_of<ExecEvent>(bytes_of(exec_of("true", "/bin/true", arguments), arguments));
  EXPECT_EQ(exec.process.key.pid, 20);
  EXPECT_EQ(exec.image->executable, "/bin/true");
  EXPECT_EQ(exec.image->name, "true");
  EXPECT_EQ(exec.image->user_id, 1000);
  EXPECT_EQ(exec.image->arguments, (std::vector<std::string>{"true", "--mark", "", "a b"}));
  EXPECT_FALSE(exec.image->arguments_truncated);
}

TEST(BpfRecords, ArgumentsThatWereCutKeepTheirLastPieceAndSaySo) {
  auto record = exec_of("true", "/bin/true", std::string_view("true\0--ma", 9));
  record.truncated = 1;
  const auto exec = event_of<ExecEvent>(bytes_of(record, std::string_view("true\0--ma", 9)));
  EXPECT_EQ(exec.image->arguments, (std::vector<std::string>{"true", "--ma"}));
  EXPECT_TRUE(exec.image->arguments_truncated);
}

TEST(BpfRecords, ArgumentsEndWhereTheRecordOrTheirCountDoes) {
  auto claims_more = exec_of("true", "/bin/true", std::string_view("true\0x", 7));
  claims_more.argument_bytes = 4000;
  EXPECT_EQ(event_of<ExecEvent>(bytes_of(claims_more, std::string_view("true\0x\0", 7))).image->arguments,
            (std::vector<std::string>{"true", "x"}));
  auto claims_less = claims_more;  // the ring rounds a record up
  claims_less.argument_bytes = 5;
  EXPECT_EQ(event_of<ExecEvent>(bytes_of(claims_less, std::string_view("true\0\0\0\0", 8))).image->arguments,
            (std::vector<std::string>{"true"}));
  const auto none = exec_of("true", "/bin/true", "");
  EXPECT_FALSE(event_of<ExecEvent>(bytes_of(none)).image->arguments);
}

TEST(BpfRecords, APathThatSaysNothingWithoutItsFolderIsNoExecutable) {
  EXPECT_FALSE(event_of<ExecEvent>(bytes_of(exec_of("tool", "./tool", ""))).image->executable);
  EXPECT_FALSE(event_of<ExecEvent>(bytes_of(exec_of("tool", "", ""))).image->executable);
}

TEST(BpfRecords, ANameThatTheKernelCutIsCompletedFromThePath) {
  const auto exec = event_of<ExecEvent>(bytes_of(exec_of("a-rather-long-n", "/opt/a-rather-long-name", "")));
  EXPECT_EQ(exec.image->name, "a-rather-long-name");
}

TEST(BpfRecords, TextsThatFillTheirFieldsWithoutAZeroEndThere) {
  auto record = exec_of("0123456789abcdefgh", "/" + std::string(400, 'p'), "");
  const auto exec = event_of<ExecEvent>(bytes_of(record, "tail that belongs to nothing"));
  EXPECT_EQ(exec.process.name, "0123456789abcdef");
  EXPECT_EQ(exec.image->executable->size(), static_cast<std::size_t>(GALPROC_PATH_BYTES));
}

TEST(BpfRecords, AnExitHasStatusAndUsageOfTheWholeLife) {
  auto record = record_of<galproc_exit>(GALPROC_EXIT);
  record.process = party(20, "job");
  record.wait_status = 42 << 8;
  record.runtime_ns = 9'000'999;
  record.user_ns = 8'000'000;
  record.system_ns = 4'000'000;
  record.peak_resident_pages = 10;
  record.read_bytes = 8192;
  record.written_bytes = 512;
  const auto exit = event_of<ExitEvent>(bytes_of(record));
  EXPECT_EQ(exit.process.key, (ProcessKey{20, 500}));
  EXPECT_EQ(exit.wait_status, 42 << 8);
  ASSERT_TRUE(exit.usage);
  EXPECT_EQ(exit.usage->state, ProcessState::Zombie);
  EXPECT_EQ(exit.usage->cpu_user_us, 6000);
  EXPECT_EQ(exit.usage->cpu_system_us, 3000);
  EXPECT_EQ(exit.usage->resident_bytes, 10 * kPage);
  EXPECT_EQ(exit.usage->read_bytes, 8192);
  EXPECT_EQ(exit.usage->written_bytes, 512);
}

TEST(BpfRecords, TheCpuTimeOfAnExitIsNotBelowWhatWasShownOfItBefore) {
  auto record = record_of<galproc_exit>(GALPROC_EXIT);
  record.runtime_ns = 9'000'000;
  record.user_ns = 8'000'000;
  record.system_ns = 4'000'000;
  record.told_system_ns = 5'000'000;
  EXPECT_EQ(event_of<ExitEvent>(bytes_of(record)).usage->cpu_user_us, 4000);
  EXPECT_EQ(event_of<ExitEvent>(bytes_of(record)).usage->cpu_system_us, 5000);
  record.user_ns = record.system_ns = record.told_system_ns = 0;  // no tick of the timer met it
  EXPECT_EQ(event_of<ExitEvent>(bytes_of(record)).usage->cpu_user_us, 9000);
}

galproc_signal signal_record() {
  auto record = record_of<galproc_signal>(GALPROC_SIGNAL);
  record.sender = party(20, "sender");
  record.target = party(30, "target");
  record.signal = 15;
  record.info = 2;
  return record;
}

TEST(BpfRecords, ASignalHasSenderTargetAndWhatBecameOfIt) {
  auto record = signal_record();
  record.code = -6;
  record.to_group = 1;
  record.result = 2;
  record.disposition = 2;
  const auto signal = event_of<SignalEvent>(bytes_of(record));
  EXPECT_EQ(signal.sender.key, (ProcessKey{20, 500}));
  EXPECT_EQ(signal.target->key, (ProcessKey{30, 500}));
  EXPECT_EQ(signal.target_pid, 30);
  EXPECT_EQ(signal.signal, 15);
  EXPECT_EQ(signal.code, -6);
  EXPECT_TRUE(signal.to_group);
  EXPECT_EQ(signal.origin, SignalEvent::Origin::Sender);
  EXPECT_EQ(signal.result, SignalEvent::Result::Pending);
  EXPECT_EQ(signal.disposition, SignalEvent::Disposition::Handles);
  EXPECT_FALSE(signal.error);
  EXPECT_FALSE(signal.sender.kernel_thread || signal.sender.exiting || signal.sender.namespace_init);
}

TEST(BpfRecords, ASignalSaysWhatTheKernelGaveAlongAndWhatStateItsSenderWasIn) {
  auto record = signal_record();
  record.info = 0;
  record.disposition = 1;
  record.sender.flags = 0x4;
  record.sender_is_namespace_init = 1;
  auto signal = event_of<SignalEvent>(bytes_of(record));
  EXPECT_EQ(signal.origin, SignalEvent::Origin::Unnamed);
  EXPECT_EQ(signal.disposition, SignalEvent::Disposition::Ignores);
  EXPECT_TRUE(signal.sender.exiting && signal.sender.namespace_init && !signal.sender.kernel_thread);
  record.info = 1;
  record.disposition = 0;
  record.sender.flags = 0x200000;
  signal = event_of<SignalEvent>(bytes_of(record));
  EXPECT_EQ(signal.origin, SignalEvent::Origin::Kernel);
  EXPECT_EQ(signal.disposition, SignalEvent::Disposition::Default);
  EXPECT_TRUE(signal.sender.kernel_thread && !signal.sender.exiting);
}

TEST(BpfRecords, EveryResultOfASignalIsToldAndAnUnknownOneIsNoRefusal) {
  using Result = SignalEvent::Result;
  const Result expected[] = {Result::Delivered, Result::Ignored,         Result::Pending,
                             Result::Overflow,  Result::InformationLost, Result::Delivered};
  for (std::uint32_t result = 0; result < std::size(expected); ++result) {
    auto record = signal_record();
    record.result = result;
    EXPECT_EQ(event_of<SignalEvent>(bytes_of(record)).result, expected[result]) << result;
  }
}

TEST(BpfRecords, AFailedSignalHasItsErrorAndNobodyButTheNumberThatWasNamed) {
  auto record = record_of<galproc_failed_signal>(GALPROC_FAILED_SIGNAL);
  record.sender = party(20, "sender");
  record.target = -30;
  record.signal = 9;
  record.error = 1;
  auto signal = event_of<SignalEvent>(bytes_of(record));
  EXPECT_EQ(signal.result, SignalEvent::Result::Refused);
  EXPECT_EQ(signal.error, 1);
  EXPECT_EQ(signal.target_pid, -30);
  EXPECT_FALSE(signal.target || signal.code || signal.disposition);
  EXPECT_FALSE(signal.target_thread);
  record.named = GALPROC_NAMED_OTHER;
  signal = event_of<SignalEvent>(bytes_of(record));
  EXPECT_FALSE(signal.target_pid || signal.target_thread);
  record.named = GALPROC_NAMED_THREAD;
  record.target = 30;
  signal = event_of<SignalEvent>(bytes_of(record));
  EXPECT_FALSE(signal.target_pid);
  EXPECT_EQ(signal.target_thread, 30);
}

TEST(BpfRecords, AnOomNamesTheVictimAndWhoRan) {
  auto record = record_of<galproc_oom>(GALPROC_OOM);
  record.victim_pid = 30;
  record.sender_pid = 20;
  const auto oom = event_of<OomEvent>(bytes_of(record));
  EXPECT_EQ(oom.victim_pid, 30);
  EXPECT_EQ(oom.sender_pid, 20);
}

// As field 22 of /proc/PID/stat: floor(ns * ticks / 10^9), which is more than 64 bits can hold.
TEST(BpfRecords, AStartTokenIsRoundedDownAndDoesNotOverflow) {
  const auto token_of = [](std::uint64_t start_ns, std::int64_t ticks) {
    auto record = record_of<galproc_exit>(GALPROC_EXIT);
    record.process = party(20, "x");
    record.process.start_ns = start_ns;
    return event_of<ExitEvent>(bytes_of(record), ticks).process.key.start_token;
  };
  EXPECT_EQ(token_of(9'999'999, kTicks), 0);
  EXPECT_EQ(token_of(10'000'000, kTicks), 1);
  EXPECT_EQ(token_of(1'019'999'999, kTicks), 101);
  EXPECT_EQ(token_of(999'999'999, 1024), 1023);
  EXPECT_EQ(token_of(1, 1'000'000'000), 1);
  const std::uint64_t century_ns = 3'155'760'000 * kSecondNs + 987'654'321;
  EXPECT_EQ(token_of(century_ns, 100), 315'576'000'098);
  EXPECT_EQ(token_of(century_ns, 250), 788'940'000'246);
  EXPECT_EQ(token_of(century_ns, 1000), 3'155'760'000'987);
}

TEST(BpfRecords, ARecordThatIsCutShortIsNoEvent) {
  const Bytes all[] = {bytes_of(record_of<galproc_fork>(GALPROC_FORK)),
                       bytes_of(record_of<galproc_exec>(GALPROC_EXEC)),
                       bytes_of(record_of<galproc_exit>(GALPROC_EXIT)),
                       bytes_of(record_of<galproc_signal>(GALPROC_SIGNAL)),
                       bytes_of(record_of<galproc_failed_signal>(GALPROC_FAILED_SIGNAL)),
                       bytes_of(record_of<galproc_oom>(GALPROC_OOM))};
  for (const Bytes& whole : all) {
    EXPECT_TRUE(parse_record(whole, kTicks, kPage));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      ASSERT_FALSE(parse_record(std::span(whole).first(size), kTicks, kPage)) << size << " of " << whole.size();
    }
  }
}

TEST(BpfRecords, ARecordOfAnUnknownKindIsNoEvent) {
  auto record = record_of<galproc_signal>(GALPROC_SIGNAL);
  for (const std::uint32_t kind : {0U, static_cast<unsigned>(GALPROC_KINDS), 0xffffffffU}) {
    record.head.kind = kind;
    EXPECT_FALSE(parse_record(bytes_of(record), kTicks, kPage)) << kind;
  }
}

TEST(BpfRecords, ARecordMayLieAtAnyAddress) {
  auto record = record_of<galproc_exit>(GALPROC_EXIT);
  record.process = party(20, "job");
  const Bytes bytes = bytes_of(record);
  for (std::size_t shift = 0; shift < 8; ++shift) {
    Bytes moved(shift);
    moved.insert(moved.end(), bytes.begin(), bytes.end());
    const auto event = parse_record(std::span(moved).subspan(shift), kTicks, kPage);
    ASSERT_TRUE(event);
    EXPECT_EQ(std::get<ExitEvent>(event->what).process.name, "job");
  }
}

}  // namespace
}  // namespace galproc
