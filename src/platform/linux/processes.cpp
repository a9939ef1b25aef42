// One pass over /proc. The price is the kernel's: formatting one stat text costs about 4 us, opening and closing its
// file as much again. So most processes are not even asked: the kernel's CPU clock of a process, which is ten times
// cheaper, stands still while it sleeps, and a process that has not run has changed nothing. What happens to it
// meanwhile is another's doing: that it gets a new parent is seen by the end of the old one (by its own text, where the
// old one cannot be seen), that memory was taken from it when its turn comes. Of the others the stat files stay open,
// and who runs often has the files of its memory and I/O kept open as well. Without those clocks the stat text itself
// has to tell who ran; it counts CPU time in ticks of 10 ms, so a shorter run may go unseen until the next one, or
// until its turn comes.

#include "platform/linux/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <iterator>
#include <memory>

#include "model/errors.h"
#include "platform/linux/capabilities.h"
#include "platform/linux/cpu_clock.h"
#include "platform/linux/errors.h"

namespace galproc {

namespace {

constexpr std::uint64_t kKernelThreadFlag = 0x00200000;  // PF_KTHREAD

}  // namespace

ProcessReader::ProcessReader(Options options)
    : options_(std::move(options)),
      privileged_(has_capability(CAP_SYS_PTRACE)),
      has_cpu_clocks_(has_fine_cpu_clocks(options_.proc_root)) {
  if (const Descriptor stat{::open((options_.proc_root + "/self/stat").c_str(), O_RDONLY | O_CLOEXEC)}) {
    const auto self = read_text(stat.get()) == 0 ? parse_stat(text_) : std::nullopt;
    shows_layout_ = self && self->start_code != 0;
  }
}

ProcessPass ProcessReader::read(std::int64_t boot_us) {
  list();
  return read_listed(boot_us);
}

ProcessPass ProcessReader::read_some(const std::vector<std::int64_t>& pids, std::int64_t boot_us) {
  pids_ = pids;
  return read_listed(boot_us);
}

ProcessPass ProcessReader::read_listed(std::int64_t boot_us) {
  ++pass_no_;
  turns_.begin_pass(boot_us);
  ProcessPass pass;
  std::vector<Entry*> found;
  found.reserve(pids_.size());
  std::unordered_set<std::int64_t> ended;
  for (const std::int64_t pid : pids_) {
    auto [at, is_new] = entries_.try_emplace(pid);
    Entry& entry = at->second;
    Outcome outcome = is_new ? meet(pid, entry) : refresh(pid, entry);
    if (outcome == Outcome::Gone && !is_new) {  // another process may have its pid by now
      ended.insert(pid);
      note_gone(entry);
      forget(entry);
      is_new = true;
      outcome = meet(pid, entry);
    }
    if (outcome == Outcome::Unreadable) pass.unreadable_pids.push_back(pid);
    if (outcome == Outcome::Gone || (outcome == Outcome::Unreadable && is_new)) {
      forget(entry);
      entries_.erase(at);
      continue;
    }
    entry.pass_no = pass_no_;
    if (outcome == Outcome::Unreadable) {
      entry.cpu_clock_ns.reset();  // to be read as soon as that can be, run or not
      continue;
    }
    note_end(entry, ended);
    found.push_back(&entry);
  }
  forget_absent(ended);
  follow_orphans(found, ended, pass.unreadable_pids);
  Denials::Counts denied;
  pass.processes.reserve(found.size());
  for (Entry* entry : found) {
    if (!entry) continue;
    if (entry->reading.ended) note_zombie(*entry);
    // Who has not run has the parent that it had.
    if (entry->reading.ran) entry->parent_hidden = is_parent_hidden(entry->reading);
    denied.add(entry->denials);
    pass.processes.push_back(entry->reading);
  }
  for (const std::int64_t pid : pass.unreadable_pids) {
    if (const auto known = entries_.find(pid); known != entries_.end()) denied.add(known->second.denials);
  }
  denied.add_to(errors_);
  pass.errors = errors_.take();
  pass.ends = std::exchange(ends_, {});
  return pass;
}

void ProcessReader::follow_orphans(std::vector<Entry*>& found, std::unordered_set<std::int64_t>& ended,
                                   std::vector<std::int64_t>& unreadable_pids) {
  // An orphan gets a new parent without having run, and may have ended together with the old one.
  for (std::size_t known = 0; known != ended.size();) {
    known = ended.size();
    for (Entry*& entry : found) {
      if (!entry || !ended.contains(entry->reading.parent_pid)) continue;
      const std::int64_t pid = entry->reading.key.pid;
      const Outcome outcome = update(pid, *entry, Cause::Ran);
      if (outcome == Outcome::Read) {
        note_end(*entry, ended);
        continue;
      }
      entry->cpu_clock_ns.reset();
      if (outcome == Outcome::Unreadable) unreadable_pids.push_back(pid);
      if (outcome == Outcome::Gone) note_gone(*entry);
      entry = nullptr;
    }
  }
}

bool ProcessReader::is_parent_hidden(const ProcessReading& process) const {
  // The first process of a namespace outlives all others.
  return process.parent_pid > 1 && !process.kernel_thread && !process.ended && !entries_.contains(process.parent_pid);
}

void ProcessReader::note_end(Entry& entry, std::unordered_set<std::int64_t>& ended) {
  if (!entry.reading.ended || entry.end_noted) return;
  entry.end_noted = true;
  ended.insert(entry.reading.key.pid);
}

void ProcessReader::forget_absent(std::unordered_set<std::int64_t>& ended) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    const bool absent = at->second.pass_no != pass_no_;
    if (absent) {
      ended.insert(at->first);
      note_gone(at->second);
      forget(at->second);
    }
    at = absent ? entries_.erase(at) : std::next(at);
  }
}

const std::vector<std::int64_t>& ProcessReader::list() {
  int code = 0;
  folder_.reset();  // first, as it may be the only descriptor that is to be had
  do {
    folder_.reset(::opendir(options_.proc_root.c_str()));
    code = folder_ ? 0 : errno;
  } while (give_back(code));
  if (code != 0) {
    throw PlatformError("The process table " + options_.proc_root + " cannot be read: " + error_text(code) + ".", code);
  }
  pids_.clear();
  errno = 0;
  while (const dirent* item = ::readdir(folder_.get())) {
    const char* end = item->d_name + std::strlen(item->d_name);
    std::int64_t pid = 0;
    const auto [rest, error] = std::from_chars(item->d_name, end, pid);
    if (error == std::errc() && rest == end) pids_.push_back(pid);
  }
  // A list that was cut short would make everybody behind the cut look dead.
  if (errno != 0) {
    throw PlatformError("The process table " + options_.proc_root + " cannot be listed: " + error_text(errno) + ".",
                        errno);
  }
  std::sort(pids_.begin(), pids_.end());
  return pids_;
}

ProcessReader::Outcome ProcessReader::meet(std::int64_t pid, Entry& entry) {
  if (has_cpu_clocks_) entry.cpu_clock_ns = cpu_clock_ns(pid);
  return update(pid, entry, Cause::New);
}

ProcessReader::Outcome ProcessReader::refresh(std::int64_t pid, Entry& entry) {
  constexpr std::int64_t kStepsForMemory = 12;  // everybody's memory is read once in so many steps
  constexpr std::int64_t kStepsForText = 120;   // likewise, though nothing is known that it could tell
  constexpr std::uint64_t kIdlePasses = 8;
  entry.reading.ran = false;
  if (entry.usage.complete && pass_no_ - entry.ran_in_pass > kIdlePasses) close_usage(entry);
  const bool its_turn = turns_.has(pid, kStepsForMemory);
  // Before the clock, which then tells that the pid was still its own; and the clock before the text: a run in between
  // shows in the next pass.
  const auto memory_bytes = its_turn && has_cpu_clocks_ ? read_memory_of(pid, entry) : std::nullopt;
  const auto clock_ns = has_cpu_clocks_ ? cpu_clock_ns(pid) : std::nullopt;
  const bool stood_still = clock_ns && clock_ns == entry.cpu_clock_ns;
  if (stood_still && memory_bytes) entry.reading.usage.resident_bytes = *memory_bytes;
  const bool complete_image = !entry.image_incomplete || entry.reading.ended;
  if (stood_still && !entry.parent_hidden && complete_image && !turns_.has(pid, kStepsForText)) return Outcome::Read;

  Descriptor opened;
  int code = entry.stat ? 0 : open_at(::dirfd(folder_.get()), (std::to_string(pid) + "/stat").c_str(), opened);
  if (code == 0) code = read_text(entry.stat ? entry.stat.get() : opened.get());
  if (is_end(code)) return Outcome::Gone;
  if (code != 0) {
    errors_.add("read stat", code);
    return Outcome::Unreadable;
  }
  opened.reset();
  entry.cpu_clock_ns = clock_ns;
  // Its memory and I/O may have moved where the text, which counts in clock ticks, has not.
  const bool ran = clock_ns && !stood_still;
  if (text_ == entry.text && !ran && complete_image) {
    return its_turn && !clock_ns && !entry.reading.ended ? update(pid, entry, Cause::Turn) : Outcome::Read;
  }
  if (entry.stat && entry.usage.complete && complete_image && follow(pid, entry)) return Outcome::Read;
  return update(pid, entry, Cause::Ran);
}

std::optional<std::int64_t> ProcessReader::read_memory_of(std::int64_t pid, Entry& entry) {
  if (entry.reading.kernel_thread || entry.reading.ended) return std::nullopt;
  if (entry.usage.memory) return read_memory(entry.usage.memory.get(), entry.denials);
  Descriptor file;
  const int code = open_at(::dirfd(folder_.get()), (std::to_string(pid) + "/statm").c_str(), file);
  note_result(entry.denials, ProcessFile::Memory, code);
  if (code != 0) return std::nullopt;
  const auto bytes = read_memory(file.get(), entry.denials);
  // Its next turn will come. The stat files of all come first.
  if (kept_ < options_.kept_descriptors / 2) keep(entry.usage.memory, std::move(file));
  return bytes;
}

bool ProcessReader::follow(std::int64_t pid, Entry& entry) {
  const auto line = parse_stat(text_);
  struct stat status {};
  if (!line || ::fstatat(::dirfd(folder_.get()), std::to_string(pid).c_str(), &status, 0) != 0) return false;
  const Signature signature = signature_of(*line, status.st_uid);
  note(*line, status.st_uid, entry.reading);
  entry.reading.ran = true;
  // An end, too, is left to the thorough way: it happens once.
  if (entry.reading.ended || (!entry.reading.kernel_thread && is_other_image(entry.signature, signature))) return false;
  read_usage(entry.usage, *line, entry.reading, entry.denials);
  entry.text = text_;
  entry.ran_in_pass = pass_no_;
  return true;
}

ProcessReader::Outcome ProcessReader::update(std::int64_t pid, Entry& entry, Cause cause) {
  close_usage(entry);
  // What is in use is not among the kept ones: another file that wants a descriptor would take it.
  Descriptor stat = take(entry.stat);
  // Everything below is read through one descriptor of the folder: it stays with this very process, whoever gets the
  // pid meanwhile, and says ESRCH once it is gone.
  Descriptor folder;
  int code = open_at(::dirfd(folder_.get()), std::to_string(pid).c_str(), folder);
  if (code == 0 && !stat) code = open_at(folder.get(), "stat", stat);
  if (code == 0 && cause == Cause::New) hold_exit_status(pid, entry);
  // A stat file that was kept is read (again) only now: while its process is there, the folder cannot be another's.
  if (code == 0) code = read_text(stat.get());
  if (is_end(code)) return Outcome::Gone;
  auto line = code == 0 ? parse_stat(text_) : std::nullopt;
  if (!line) {
    errors_.add("read stat", code == 0 ? EILSEQ : code);
    return Outcome::Unreadable;
  }

  const ProcessKey key{pid, line->start_ticks - options_.boottime_offset_ticks};
  const bool is_new = cause == Cause::New || cause == Cause::Image;
  if (!is_new && key != entry.reading.key) return Outcome::Gone;

  struct stat folder_status {};
  const std::int64_t owner = ::fstat(folder.get(), &folder_status) == 0 ? folder_status.st_uid : entry.signature.owner;
  ProcessReading& reading = entry.reading;
  reading.key = key;
  reading.started_boot_us = ticks_to_us(key.start_token);
  note(*line, owner, reading);
  if (reading.kernel_thread) take(entry.pidfd);
  reading.ran = reading.ran || cause != Cause::Turn || text_ != entry.text;
  entry.text = text_;
  if (cause != Cause::Turn) entry.ran_in_pass = pass_no_;
  if (cause != Cause::Image) update_usage(entry, folder.get(), *line, cause);
  // The comm of a kernel worker is the work that it does right now: no exec.
  const bool may_exec = !reading.ended && !reading.kernel_thread;
  const bool new_image = is_new || (may_exec && is_other_image(entry.signature, signature_of(*line, owner)));
  if (new_image || (entry.image_incomplete && !reading.ended)) {
    update_image(entry, folder.get(), stat.get(), *line, new_image);
    entry.signature = signature_of(*line, owner);
  }
  keep(entry.stat, std::move(stat));
  return Outcome::Read;
}

void ProcessReader::update_usage(Entry& entry, int folder, const StatLine& line, Cause cause) {
  ProcessReading& reading = entry.reading;
  if (reading.ended) entry.denials = {};  // nothing is left that could be denied
  UsageFiles usage = reading.ended ? UsageFiles{} : open_usage(folder, reading.kernel_thread, entry.denials);
  read_usage(usage, line, reading, entry.denials);
  // Who runs once will run again: then its other files are at hand as well, beside its stat file.
  if (cause == Cause::Ran && usage.complete && kept_ + 3 <= options_.kept_descriptors) {
    keep(entry.usage.memory, std::move(usage.memory));
    keep(entry.usage.io, std::move(usage.io));
    entry.usage.io_error = usage.io_error;
    entry.usage.complete = true;
  }
}

void ProcessReader::update_image(Entry& entry, int folder, int stat, StatLine& line, bool is_new) {
  const std::size_t failures = passing_failures_;
  auto image = read_steady_image(folder, stat, line, entry);
  const bool incomplete = passing_failures_ != failures;
  // What was missing for want of descriptors is read again until it is there; half of it twice would say nothing.
  if (is_new || !incomplete) entry.reading.image = std::move(image);
  entry.image_incomplete = incomplete;
}

void ProcessReader::note(const StatLine& line, std::int64_t owner, ProcessReading& reading) const {
  reading.kernel_thread = (line.flags & kKernelThreadFlag) != 0;
  reading.ended = (line.state == 'Z' || line.state == 'X') && line.thread_count <= 1;
  reading.parent_pid = line.parent_pid;
  reading.process_group = line.process_group;
  reading.session = line.session;
  reading.wait_status =
      reading.ended && may_read_wait_status(line, owner) ? std::optional(line.wait_status) : std::nullopt;
}

ProcessReader::Signature ProcessReader::signature_of(const StatLine& line, std::int64_t owner) {
  return {line.start_code, line.start_stack, line.argument_start, line.comm, owner};
}

bool ProcessReader::may_read_wait_status(const StatLine& line, std::int64_t owner) const {
  // The kernel shows 0 to those who may not know it: then only another value is one.
  return line.wait_status != 0 || privileged_ || owner == static_cast<std::int64_t>(::geteuid());
}

}  // namespace galproc
