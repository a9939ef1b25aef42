// One pass over /proc. The price is the kernel's: formatting one stat text costs about 4 us, opening and closing its
// file as much again. So most processes are not even asked: the kernel's CPU clock of a process, which is ten times
// cheaper, stands still while it sleeps, and a process that has not run has changed nothing. What happens to it
// meanwhile is another's doing: that it gets a new parent is seen by the end of the old one, that memory was taken from
// it when its turn comes. Of the others the stat files stay open, and who runs often has the files of its memory and
// I/O kept open as well. Without those clocks the stat text itself has to tell who ran; it counts CPU time in ticks of
// 10 ms, so a shorter run may go unseen until the next one.

#include "platform/linux/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <iterator>
#include <memory>

#include "model/errors.h"
#include "platform/linux/cpu_clock.h"
#include "platform/linux/errors.h"

namespace galproc {

namespace {

constexpr std::uint64_t kKernelThreadFlag = 0x00200000;  // PF_KTHREAD

std::int64_t ticks_per_second() {
  static const std::int64_t ticks = ::sysconf(_SC_CLK_TCK);
  return ticks;
}

std::int64_t ticks_to_us(std::int64_t ticks) {
  return ticks * (1'000'000 / ticks_per_second());
}

bool has_ptrace_capability() {
  constexpr int kCapSysPtrace = 19;
  Descriptor file(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!file || read_whole(file.get(), text, 16384) != 0) return false;
  const std::size_t at = text.find("CapEff:\t");
  std::uint64_t bits = 0;
  if (at == std::string::npos) return false;
  std::from_chars(text.data() + at + 8, text.data() + text.size(), bits, 16);
  return ((bits >> kCapSysPtrace) & 1U) != 0;
}

}  // namespace

ProcessReader::ProcessReader(Options options)
    : options_(std::move(options)),
      privileged_(has_ptrace_capability()),
      has_cpu_clocks_(has_fine_cpu_clocks(options_.proc_root)) {
  if (const Descriptor stat{::open((options_.proc_root + "/self/stat").c_str(), O_RDONLY | O_CLOEXEC)}) {
    const auto self = read_text(stat.get()) == 0 ? parse_stat(text_) : std::nullopt;
    shows_layout_ = self && self->start_code != 0;
  }
}

ProcessPass ProcessReader::read() {
  ++pass_no_;
  ProcessPass pass;
  list_pids();
  std::vector<Entry*> found;
  found.reserve(pids_.size());
  std::unordered_set<std::int64_t> ended;
  for (const std::int64_t pid : pids_) {
    auto [at, is_new] = entries_.try_emplace(pid);
    Entry& entry = at->second;
    Outcome outcome = is_new ? meet(pid, entry) : refresh(pid, entry);
    if (outcome == Outcome::Gone && !is_new) {  // another process may have its pid by now
      ended.insert(pid);
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
  // An orphan gets a new parent without having run, and may have ended together with the old one.
  for (std::size_t known = 0; known != ended.size();) {
    known = ended.size();
    for (Entry*& entry : found) {
      if (!entry || !ended.contains(entry->reading.parent_pid)) continue;
      const std::int64_t pid = entry->reading.key.pid;
      const Outcome outcome = update(pid, *entry, false);
      if (outcome == Outcome::Read) {
        note_end(*entry, ended);
        continue;
      }
      entry->cpu_clock_ns.reset();
      if (outcome == Outcome::Unreadable) pass.unreadable_pids.push_back(pid);
      entry = nullptr;
    }
  }
  pass.processes.reserve(found.size());
  for (const Entry* entry : found) {
    if (entry) pass.processes.push_back(entry->reading);
  }
  pass.errors = errors_.take();
  return pass;
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
      forget(at->second);
    }
    at = absent ? entries_.erase(at) : std::next(at);
  }
}

void ProcessReader::list_pids() {
  folder_.reset(::opendir(options_.proc_root.c_str()));
  if (!folder_) {
    throw PlatformError("The process table " + options_.proc_root + " cannot be read: " + error_text(errno) + ".",
                        errno);
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
}

int ProcessReader::read_text(int fd) {
  const ssize_t got = ::pread(fd, buffer_.data(), buffer_.size(), 0);
  text_ = {buffer_.data(), static_cast<std::size_t>(got > 0 ? got : 0)};
  if (got < 0) return errno;
  return got == 0 ? ESRCH : 0;
}

int ProcessReader::open_file(std::int64_t pid, const char* file, Descriptor& opened) {
  const std::string path = std::to_string(pid) + file;
  opened = Descriptor(::openat(::dirfd(folder_.get()), path.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened) return 0;
  const int code = errno;
  if ((code == EMFILE || code == ENFILE) && kept_ > 0) {
    // Others in this process or on this machine need descriptors too: give half of ours back and open these in each
    // pass.
    options_.kept_descriptors = kept_ / 2;
    for (auto& [other_pid, entry] : entries_) {
      if (kept_ <= options_.kept_descriptors) break;
      close_kept(entry);
    }
    opened = Descriptor(::openat(::dirfd(folder_.get()), path.c_str(), O_RDONLY | O_CLOEXEC));
    return opened ? 0 : errno;
  }
  return code;
}

void ProcessReader::keep(Descriptor& kept, Descriptor opened) {
  if (!opened || kept_ >= options_.kept_descriptors) return;
  kept = std::move(opened);
  ++kept_;
}

void ProcessReader::close_usage(Entry& entry) {
  for (Descriptor* file : {&entry.usage.memory, &entry.usage.io}) {
    if (!*file) continue;
    file->reset();
    --kept_;
  }
  entry.usage = {};
}

void ProcessReader::close_kept(Entry& entry) {
  close_usage(entry);
  if (!entry.stat) return;
  entry.stat.reset();
  --kept_;
}

void ProcessReader::forget(Entry& entry) {
  close_kept(entry);
  entry = Entry{};
}

ProcessReader::Outcome ProcessReader::meet(std::int64_t pid, Entry& entry) {
  if (has_cpu_clocks_) entry.cpu_clock_ns = cpu_clock_ns(pid);
  return update(pid, entry, true);
}

ProcessReader::Outcome ProcessReader::refresh(std::int64_t pid, Entry& entry) {
  constexpr std::uint64_t kPassesForAll = 12;  // every process is read once in so many passes
  constexpr std::uint64_t kIdlePasses = 8;
  entry.reading.ran = false;
  if (entry.usage.complete && pass_no_ - entry.ran_in_pass > kIdlePasses) close_usage(entry);
  // Before the text: a run in between shows in the next pass.
  const auto clock_ns = has_cpu_clocks_ ? cpu_clock_ns(pid) : std::nullopt;
  const bool stood_still = clock_ns && clock_ns == entry.cpu_clock_ns;
  const bool its_turn = (static_cast<std::uint64_t>(pid) + pass_no_) % kPassesForAll == 0;
  if (stood_still && !its_turn) return Outcome::Read;

  Descriptor opened;
  int code = entry.stat ? 0 : open_file(pid, "/stat", opened);
  if (code == 0) code = read_text(entry.stat ? entry.stat.get() : opened.get());
  if (is_end(code)) return Outcome::Gone;
  if (code != 0) {
    errors_.add("read stat", code);
    return Outcome::Unreadable;
  }
  entry.cpu_clock_ns = clock_ns;
  // Its memory and I/O may have moved where the text, which counts in clock ticks, has not.
  const bool ran = clock_ns && !stood_still;
  if (text_ == entry.text && !ran) return Outcome::Read;
  if (entry.stat && entry.usage.complete && follow(pid, entry)) return Outcome::Read;
  return update(pid, entry, false);
}

bool ProcessReader::follow(std::int64_t pid, Entry& entry) {
  const auto line = parse_stat(text_);
  struct stat status {};
  if (!line || ::fstatat(::dirfd(folder_.get()), std::to_string(pid).c_str(), &status, 0) != 0) return false;
  const Signature signature = signature_of(*line, status.st_uid);
  note(*line, status.st_uid, entry.reading);
  // An end, too, is left to the thorough way: it happens once.
  if (entry.reading.ended || (!entry.reading.kernel_thread && is_other_image(entry.signature, signature))) return false;
  read_usage(entry.usage, *line, entry.reading);
  entry.text = text_;
  entry.ran_in_pass = pass_no_;
  return true;
}

ProcessReader::Outcome ProcessReader::update(std::int64_t pid, Entry& entry, bool is_new) {
  close_usage(entry);
  // Everything below is read through one descriptor of the folder: it stays with this very process, whoever gets the
  // pid meanwhile, and says ESRCH once it is gone.
  Descriptor folder;
  int code = open_file(pid, "", folder);
  Descriptor opened;
  if (code == 0 && !entry.stat) {
    opened = Descriptor(::openat(folder.get(), "stat", O_RDONLY | O_CLOEXEC));
    code = opened ? 0 : errno;
  }
  // A stat file that was kept is read (again) only now: while its process is there, the folder cannot be another's.
  const int stat = entry.stat ? entry.stat.get() : opened.get();
  if (code == 0) code = read_text(stat);
  if (is_end(code)) return Outcome::Gone;
  auto line = code == 0 ? parse_stat(text_) : std::nullopt;
  if (!line) {
    errors_.add("read stat", code == 0 ? EILSEQ : code);
    return Outcome::Unreadable;
  }

  const ProcessKey key{pid, line->start_ticks - options_.boottime_offset_ticks};
  if (!is_new && key != entry.reading.key) return Outcome::Gone;

  struct stat folder_status {};
  const std::int64_t owner = ::fstat(folder.get(), &folder_status) == 0 ? folder_status.st_uid : entry.signature.owner;
  ProcessReading& reading = entry.reading;
  reading.key = key;
  reading.started_boot_us = ticks_to_us(key.start_token);
  note(*line, owner, reading);
  // The comm of a kernel worker is the work that it does right now: no exec.
  const bool may_exec = !reading.ended && !reading.kernel_thread;
  const bool new_image = is_new || (may_exec && is_other_image(entry.signature, signature_of(*line, owner)));
  UsageFiles usage = reading.ended ? UsageFiles{} : open_usage(folder.get(), reading.kernel_thread);
  read_usage(usage, *line, reading);
  entry.text = text_;
  entry.ran_in_pass = pass_no_;
  if (new_image) {
    reading.image = read_steady_image(folder.get(), stat, *line, reading.kernel_thread, reading.peak_resident_bytes);
    entry.signature = signature_of(*line, owner);
  }
  if (!entry.stat) keep(entry.stat, std::move(opened));
  // Who runs once will run again: then its other files are at hand as well.
  if (!is_new && usage.complete && kept_ + 2 <= options_.kept_descriptors) {
    keep(entry.usage.memory, std::move(usage.memory));
    keep(entry.usage.io, std::move(usage.io));
    entry.usage.io_error = usage.io_error;
    entry.usage.complete = true;
  }
  return Outcome::Read;
}

void ProcessReader::note(const StatLine& line, std::int64_t owner, ProcessReading& reading) const {
  reading.kernel_thread = (line.flags & kKernelThreadFlag) != 0;
  reading.ended = (line.state == 'Z' || line.state == 'X') && line.thread_count <= 1;
  reading.parent_pid = line.parent_pid;
  reading.process_group = line.process_group;
  reading.session = line.session;
  reading.ran = true;
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

ProcessReader::UsageFiles ProcessReader::open_usage(int folder, bool kernel_thread) {
  UsageFiles files;
  if (!kernel_thread) {
    files.memory = Descriptor(::openat(folder, "statm", O_RDONLY | O_CLOEXEC));
    if (!files.memory) note_error("read statm", errno);
  }
  files.io = Descriptor(::openat(folder, "io", O_RDONLY | O_CLOEXEC));
  if (!files.io) files.io_error = errno;
  files.complete = kernel_thread || files.memory;
  return files;
}

void ProcessReader::read_usage(const UsageFiles& files, const StatLine& line, ProcessReading& reading) {
  ProcessUsage& usage = reading.usage;
  usage.cpu_user_us = ticks_to_us(line.user_ticks);
  usage.cpu_system_us = ticks_to_us(line.system_ticks);
  if (reading.ended) {  // nothing is left of its memory and I/O: the last known figures stay
    usage.state = ProcessState::Zombie;
    return;
  }
  static const std::int64_t page_bytes = ::sysconf(_SC_PAGESIZE);
  usage.state = state_from_letter(line.state);
  usage.thread_count = line.thread_count;
  usage.resident_bytes = line.resident_pages * page_bytes;
  std::array<char, 1024> buffer{};
  const auto text_of = [&](const Descriptor& file, const char* operation) {
    const ssize_t got = file ? ::pread(file.get(), buffer.data(), buffer.size(), 0) : 0;
    if (got < 0) note_error(operation, errno);
    return std::string_view(buffer.data(), static_cast<std::size_t>(got > 0 ? got : 0));
  };
  // stat's own figure leaves out what each CPU has not yet added up; statm sums them.
  if (const auto pages = parse_resident_pages(text_of(files.memory, "read statm"))) {
    usage.resident_bytes = *pages * page_bytes;
  }
  if (!files.io) note_error("read io", files.io_error);
  const auto io = parse_io(text_of(files.io, "read io"));
  usage.read_bytes = io ? std::optional(io->read_bytes) : std::nullopt;
  usage.written_bytes = io ? std::optional(io->written_bytes) : std::nullopt;
}

void ProcessReader::note_error(const char* operation, int code) {
  if (code != 0 && !is_end(code)) errors_.add(operation, code);
}

std::optional<std::string> ProcessReader::read_file(int folder, const char* name, std::size_t limit, bool* cut) {
  const Descriptor file(::openat(folder, name, O_RDONLY | O_CLOEXEC));
  std::string text;
  const int code = file ? read_whole(file.get(), text, limit) : errno;
  if (code != 0) {
    note_error((std::string("read ") + name).c_str(), code);
    return std::nullopt;
  }
  if (cut) *cut = text.size() >= limit;
  return text;
}

std::optional<std::string> ProcessReader::read_link(int folder, const char* name) {
  std::string target(4096, '\0');
  const ssize_t got = ::readlinkat(folder, name, target.data(), target.size());
  if (got < 0) {
    note_error((std::string("read ") + name).c_str(), errno);
    return std::nullopt;
  }
  target.resize(static_cast<std::size_t>(got));
  return target;
}

}  // namespace galproc
