// The kernel gives threads, in the order of their ids; a process is the sum of its own. What the dead ones of them used
// is in each record as of its own moment, and that of the first record counts: so a thread that dies while the table is
// walked is left out until the next pass, and never counted twice.

#include "platform/linux/bpf_processes.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <limits>
#include <string>
#include <unordered_set>
#include <utility>

#include "model/errors.h"
#include "platform/linux/bpf_records.h"
#include "platform/linux/proc_text.h"

namespace galproc {

namespace {

constexpr std::uint32_t kKernelThread = 0x200000;          // PF_KTHREAD
constexpr std::uint32_t kExitDead = 0x10, kZombie = 0x20;  // exit_state

void add(galproc_use& sum, const galproc_use& more) {
  sum.runtime_ns += more.runtime_ns;
  sum.user_ns += more.user_ns;
  sum.system_ns += more.system_ns;
  sum.read_bytes += more.read_bytes;
  sum.written_bytes += more.written_bytes;
}

/// As the kernel makes a letter of it (fs/proc/array.c, task_state_index()): the highest of the reported bits.
ProcessState state_of(const galproc_process& record) {
  constexpr std::uint32_t kIdle = 0x402, kLockWait = 0x1000, kFrozen = 0x8000, kReported = 0x7f;
  if ((record.state & kIdle) == kIdle) return ProcessState::Idle;
  if ((record.state & (kLockWait | kFrozen)) != 0) return ProcessState::DiskSleep;
  const std::uint32_t bits = (record.state | record.exit_state) & kReported;
  constexpr char kLetters[] = "RSDTtXZP";
  std::size_t highest = 0;
  while (bits >> highest != 0) ++highest;
  return state_from_letter(kLetters[highest]);
}

/// What is kept of thousands of processes was used a few seconds ago, and has left the caches since.
template <typename T>
void fetch_ahead(const T& wanted) {
  constexpr std::size_t kLine = 64;
  for (std::size_t at = 0; at < sizeof(T); at += kLine) {
    __builtin_prefetch(reinterpret_cast<const char*>(&wanted) + at);
  }
}

bool has_ended(const galproc_process& record) {
  return (record.exit_state & (kExitDead | kZombie)) != 0 && record.thread_count <= 1;
}

}  // namespace

BpfProcessReader::BpfProcessReader(ReadRecords records, ProcessReader& images)
    : records_(std::move(records)), images_(images), clock_ticks_(::sysconf(_SC_CLK_TCK)) {}

ProcessPass BpfProcessReader::read(std::int64_t boot_us) {
  turns_.begin_pass(boot_us);
  collect();
  constexpr std::int64_t kStepsForList = 12;
  if ((!std::exchange(listed_, true) || turns_.has(0, kStepsForList)) && find_kept_away()) collect();
  // A pid that ended, and was given to a process that is met by now, is none of them.
  std::erase_if(kept_away_, [&](std::int64_t pid) { return entries_.contains(pid); });
  ProcessPass others = images_.read_some(kept_away_, boot_us);
  kept_away_ = others.unreadable_pids;

  ProcessPass pass;
  pass.processes.reserve(found_.size() + others.processes.size());
  auto other = others.processes.begin();
  const auto add_others_before = [&](std::int64_t pid) {
    for (; other != others.processes.end() && other->key.pid < pid; ++other) {
      kept_away_.push_back(other->key.pid);
      pass.processes.push_back(std::move(*other));
    }
  };
  Denials::Counts denied;
  for (std::size_t at = 0; at < found_.size(); ++at) {
    constexpr std::size_t kAhead = 4;
    if (at + kAhead < found_.size()) fetch_ahead(*found_[at + kAhead].first);
    if (at + 1 < found_.size()) __builtin_prefetch(found_[at + 1].first->reading.image.get());
    const auto& [entry, bytes] = found_[at];
    galproc_process record;
    std::memcpy(&record, bytes, sizeof record);
    add_others_before(record.thread.pid);
    note(*entry, record);
    denied.add(entry->denials);
    pass.processes.push_back(entry->reading);
  }
  add_others_before(std::numeric_limits<std::int64_t>::max());
  std::sort(kept_away_.begin(), kept_away_.end());
  pass.unreadable_pids = forget_absent();
  pass.unreadable_pids.insert(pass.unreadable_pids.end(), others.unreadable_pids.begin(), others.unreadable_pids.end());
  pass.ends = std::move(others.ends);
  ErrorCounter errors;
  denied.add_to(errors);
  for (const ReadError& error : others.errors) errors.add(error.operation, error.code, error.count);
  for (const ReadError& error : images_.take_errors()) errors.add(error.operation, error.code, error.count);
  pass.errors = errors.take();
  return pass;
}

void BpfProcessReader::collect() {
  ++walk_no_;
  found_.clear();
  walk([this](const galproc_thread& thread, const char* record) { take(thread, record); });
}

template <typename Take>
void BpfProcessReader::walk(Take take) {
  std::span<const char> rest = records_();
  while (!rest.empty()) {
    galproc_thread thread{};
    if (rest.size() >= sizeof thread) std::memcpy(&thread, rest.data(), sizeof thread);
    const bool whole = thread.bytes == sizeof(galproc_thread) || thread.bytes == sizeof(galproc_process);
    if (!whole || thread.bytes > rest.size()) {
      throw PlatformError("The process table cannot be read by BPF: a record is broken.", EBADMSG);
    }
    take(thread, rest.data());
    rest = rest.subspan(thread.bytes);
  }
}

bool BpfProcessReader::find_kept_away() {
  std::vector<std::int64_t> missing;
  for (const std::int64_t pid : images_.list()) {
    const bool known = entries_.contains(pid) || std::binary_search(kept_away_.begin(), kept_away_.end(), pid);
    if (!known) missing.push_back(pid);
  }
  if (missing.empty()) return false;
  // Most of them were born since the walk: another one meets those.
  std::unordered_set<std::int64_t> met;
  walk([&](const galproc_thread& thread, const char*) { met.insert(thread.pid); });
  std::erase_if(missing, [&](std::int64_t pid) { return met.contains(pid); });
  kept_away_.insert(kept_away_.end(), missing.begin(), missing.end());
  std::sort(kept_away_.begin(), kept_away_.end());
  return true;
}

void BpfProcessReader::take(const galproc_thread& thread, const char* record) {
  Entry& entry = entries_[thread.pid];
  if (entry.summed_in_walk != walk_no_) {
    entry.sum = thread.dead;
    entry.summed_in_walk = walk_no_;
  }
  add(entry.sum, thread.own);
  if (thread.bytes != sizeof(galproc_process)) return;
  std::uint64_t start_ns = 0;
  std::memcpy(&start_ns, record + offsetof(galproc_process, start_ns), sizeof start_ns);
  const ProcessKey key{thread.pid, start_token_of(start_ns, clock_ticks_)};
  if (entry.met_in_walk != 0 && entry.reading.key != key) {  // another process has its pid by now
    const galproc_use sum = entry.sum;
    entry = Entry{};
    entry.sum = sum;
    entry.summed_in_walk = walk_no_;
  }
  entry.reading.key = key;
  entry.met_in_walk = walk_no_;
  found_.emplace_back(&entry, record);
}

void BpfProcessReader::note(Entry& entry, const galproc_process& record) {
  ProcessReading& reading = entry.reading;
  const bool is_new = !reading.image;
  reading.ran = is_new;
  reading.started_boot_us = ProcessReader::ticks_to_us(reading.key.start_token);
  reading.parent_pid = record.parent_pid;
  reading.process_group = record.process_group;
  reading.session = record.session;
  reading.kernel_thread = (record.flags & kKernelThread) != 0;
  reading.ended = has_ended(record);
  reading.wait_status = reading.ended ? std::optional<std::int64_t>(record.wait_status) : std::nullopt;
  if (is_new) entry.cpu = {record.told_user_ns, record.told_system_ns};
  note_usage(entry, record);
  if (reading.ended && !is_new) entry.denials = {};  // nothing is left that could be denied
  if (is_new || (!reading.ended && (entry.image_incomplete || is_other_image(entry, record))))
    read_image(entry, record);
}

void BpfProcessReader::note_usage(Entry& entry, const galproc_process& record) {
  ProcessReading& reading = entry.reading;
  ProcessUsage& usage = reading.usage;
  reading.ran = reading.ran || entry.sum.runtime_ns != entry.runtime_ns;
  entry.runtime_ns = entry.sum.runtime_ns;
  entry.cpu = split_cpu_time(entry.sum.runtime_ns, entry.sum.user_ns, entry.sum.system_ns, entry.cpu);
  set_cpu_time(usage, entry.cpu);
  if (reading.ended) {  // nothing is left of its memory and I/O: the last known figures stay
    usage.state = ProcessState::Zombie;
    return;
  }
  usage.state = state_of(record);
  usage.thread_count = record.thread_count;
  usage.resident_bytes = bytes_of_pages(record.resident_pages, ProcessReader::page_bytes());
  if ((record.known & GALPROC_HAS_IO) == 0) return;
  usage.read_bytes = figure_of(entry.sum.read_bytes);
  usage.written_bytes = figure_of(entry.sum.written_bytes);
}

bool BpfProcessReader::is_other_image(const Entry& entry, const galproc_process& record) {
  if (entry.reading.kernel_thread) return false;
  if (entry.owner != static_cast<std::int64_t>(record.uid)) return true;
  return (record.known & GALPROC_HAS_MEMORY) != 0 &&
         (entry.start_code != record.start_code || entry.start_stack != record.start_stack ||
          entry.argument_start != record.argument_start);
}

void BpfProcessReader::read_image(Entry& entry, const galproc_process& record) {
  ProcessReading& reading = entry.reading;
  const bool only_completes = entry.image_incomplete && !is_other_image(entry, record);
  ProcessReader::Look look = images_.look_at(reading.key);
  entry.image_incomplete = look.incomplete;
  // Half of it twice would say nothing.
  if (only_completes && (look.incomplete || !look.image)) return;
  // It may have done an exec since its record was made, or still be at it: then what counts is what it runs now, and
  // where that is cannot be told, the next pass asks again, and mostly finds the same.
  const bool is_told = look.image && look.signature.start_stack != 0;
  entry.start_code = is_told ? look.signature.start_code : record.start_code;
  entry.start_stack = is_told ? look.signature.start_stack : record.start_stack;
  entry.argument_start = is_told ? look.signature.argument_start : record.argument_start;
  entry.owner = look.image ? look.image->user_id.value_or(record.uid) : record.uid;
  entry.denials = look.denials;
  if (!look.image) look.image = image_of_record(record);
  if (look.peak_resident_bytes) reading.peak_resident_bytes = look.peak_resident_bytes;
  if (is_told || !reading.image || *reading.image != *look.image) reading.image = std::move(look.image);
}

std::shared_ptr<const ProcessImage> BpfProcessReader::image_of_record(const galproc_process& record) const {
  auto image = std::make_shared<ProcessImage>();
  image->name = {record.name, ::strnlen(record.name, sizeof record.name)};
  image->user_id = record.uid;
  image->user_name = images_.user_name(record.uid);
  return image;
}

std::vector<std::int64_t> BpfProcessReader::forget_absent() {
  std::vector<std::int64_t> missed;
  for (auto at = entries_.begin(); at != entries_.end();) {
    const Entry& entry = at->second;
    bool stays = entry.met_in_walk == walk_no_;
    // While a thread that does an exec takes the place of the first one, the walk may meet neither.
    if (!stays && entry.met_in_walk != 0 && images_.may_live(entry.reading.key)) {
      missed.push_back(at->first);
      stays = true;
    }
    at = stays ? std::next(at) : entries_.erase(at);
  }
  return missed;
}

}  // namespace galproc
