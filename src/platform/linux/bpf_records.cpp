// The records of the tracepoint programs, as events. Nothing here needs a kernel.

#include "platform/linux/bpf_records.h"

#include <cstring>
#include <string_view>

#include "platform/linux/bpf/records.h"
#include "platform/linux/cpu_split.h"
#include "platform/linux/proc_text.h"

namespace galproc {

namespace {

constexpr std::uint32_t kExiting = 0x4;            // PF_EXITING
constexpr std::uint32_t kKernelThread = 0x200000;  // PF_KTHREAD
constexpr std::int64_t kNsPerUs = 1000;

template <std::size_t N>
std::string text_of(const char (&bytes)[N]) {
  return {bytes, ::strnlen(bytes, N)};
}

/// A copy: records lie in the ring at any address.
template <typename Record>
std::optional<Record> record_of(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(Record)) return std::nullopt;
  Record record;
  std::memcpy(&record, bytes.data(), sizeof(record));
  return record;
}

class Parser {
 public:
  Parser(std::int64_t clock_ticks, std::int64_t page_bytes) : clock_ticks_(clock_ticks), page_bytes_(page_bytes) {}

  std::optional<Event> parse(std::span<const std::byte> bytes) const {
    const auto head = record_of<galproc_head>(bytes);
    if (!head) return std::nullopt;
    Event event;
    event.boot_us = static_cast<std::int64_t>(head->at_ns) / kNsPerUs;
    switch (head->kind) {
      case GALPROC_FORK:
        if (const auto record = record_of<galproc_fork>(bytes)) {
          event.what = ForkEvent{party_of(record->parent), party_of(record->child)};
          return event;
        }
        break;
      case GALPROC_EXEC:
        if (const auto record = record_of<galproc_exec>(bytes)) {
          event.what = exec_of(*record, bytes.subspan(sizeof(*record)));
          return event;
        }
        break;
      case GALPROC_EXIT:
        if (const auto record = record_of<galproc_exit>(bytes)) {
          event.what = exit_of(*record);
          return event;
        }
        break;
      case GALPROC_SIGNAL:
        if (const auto record = record_of<galproc_signal>(bytes)) {
          event.what = signal_of(*record);
          return event;
        }
        break;
      case GALPROC_FAILED_SIGNAL:
        if (const auto record = record_of<galproc_failed_signal>(bytes)) {
          event.what = failed_signal_of(*record);
          return event;
        }
        break;
      case GALPROC_OOM:
        if (const auto record = record_of<galproc_oom>(bytes)) {
          event.what = OomEvent{record->victim_pid, record->sender_pid};
          return event;
        }
        break;
      default: break;
    }
    return std::nullopt;
  }

 private:
  EventParty party_of(const galproc_party& record) const {
    EventParty party;
    party.key.pid = record.pid;
    party.key.start_token = start_token_of(record.start_ns, clock_ticks_);
    party.started_boot_us = party.key.start_token * 1'000'000 / clock_ticks_;
    party.parent_pid = record.parent_pid;
    party.user_id = record.uid;
    party.name = text_of(record.name);
    party.kernel_thread = (record.flags & kKernelThread) != 0;
    party.exiting = (record.flags & kExiting) != 0;
    return party;
  }

  ExecEvent exec_of(const galproc_exec& record, std::span<const std::byte> rest) const {
    ExecEvent exec;
    exec.process = party_of(record.process);
    auto image = std::make_shared<ProcessImage>();
    const std::size_t size = std::min<std::size_t>(record.argument_bytes, rest.size());
    if (size > 0) image->arguments = split_arguments({reinterpret_cast<const char*>(rest.data()), size});
    image->arguments_truncated = record.truncated != 0;
    // As it was asked for: it may lead through links, and a relative one says nothing without the folder.
    const std::string path = text_of(record.path);
    if (path.starts_with('/')) image->executable = path;
    image->name = complete_name(exec.process.name, image->executable, image->arguments);
    image->user_id = exec.process.user_id;
    exec.image = std::move(image);
    return exec;
  }

  ExitEvent exit_of(const galproc_exit& record) const {
    ExitEvent exit;
    exit.process = party_of(record.process);
    exit.wait_status = record.wait_status;
    ProcessUsage usage;
    usage.state = ProcessState::Zombie;
    set_cpu_time(usage, split_cpu_time(record.runtime_ns, record.user_ns, record.system_ns,
                                       {record.told_user_ns, record.told_system_ns}));
    usage.resident_bytes = bytes_of_pages(record.peak_resident_pages, page_bytes_);
    usage.read_bytes = figure_of(record.read_bytes);
    usage.written_bytes = figure_of(record.written_bytes);
    exit.usage = usage;
    return exit;
  }

  SignalEvent signal_of(const galproc_signal& record) const {
    SignalEvent signal;
    signal.sender = party_of(record.sender);
    signal.sender.namespace_init = record.sender_is_namespace_init != 0;
    signal.target = party_of(record.target);
    signal.target_pid = signal.target->key.pid;
    signal.signal = record.signal;
    signal.code = record.code;
    signal.origin = record.info == 0   ? SignalEvent::Origin::Unnamed
                    : record.info == 1 ? SignalEvent::Origin::Kernel
                                       : SignalEvent::Origin::Sender;
    signal.to_group = record.to_group != 0;
    signal.result =
        record.result <= 4 ? static_cast<SignalEvent::Result>(record.result) : SignalEvent::Result::Delivered;
    signal.disposition = record.disposition == 1   ? SignalEvent::Disposition::Ignores
                         : record.disposition == 2 ? SignalEvent::Disposition::Handles
                                                   : SignalEvent::Disposition::Default;
    return signal;
  }

  SignalEvent failed_signal_of(const galproc_failed_signal& record) const {
    SignalEvent signal;
    signal.sender = party_of(record.sender);
    if (record.named == GALPROC_NAMED_PROCESS) signal.target_pid = record.target;
    if (record.named == GALPROC_NAMED_THREAD) signal.target_thread = record.target;
    signal.signal = record.signal;
    signal.result = SignalEvent::Result::Refused;
    signal.error = record.error;
    return signal;
  }

  std::int64_t clock_ticks_;
  std::int64_t page_bytes_;
};

}  // namespace

std::int64_t start_token_of(std::uint64_t start_ns, std::int64_t clock_ticks) {
  // Rounded down, as the kernel does for field 22 of stat. Seconds first: nanoseconds times ticks would overflow.
  const std::uint64_t seconds = start_ns / 1'000'000'000U;
  const std::uint64_t rest_ns = start_ns % 1'000'000'000U;
  const auto ticks = static_cast<std::uint64_t>(clock_ticks);
  return static_cast<std::int64_t>(seconds * ticks + rest_ns * ticks / 1'000'000'000U);
}

std::optional<Event> parse_record(std::span<const std::byte> record, std::int64_t clock_ticks,
                                  std::int64_t page_bytes) {
  return Parser(clock_ticks, page_bytes).parse(record);
}

}  // namespace galproc
