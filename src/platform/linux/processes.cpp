// One pass over /proc. The price is the kernel's: formatting stat costs about 4 us a process, opening and closing it as
// much again. So the stat files stay open, a text that is byte for byte that of the pass before is not even parsed, and
// everything else (memory, I/O, the image) is read only for processes whose text has moved. stat counts CPU time in
// ticks of 10 ms: a shorter run may go unseen until the next one, its counters then catch up.

#include "platform/linux/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

#include "model/errors.h"
#include "platform/linux/errors.h"

namespace galproc {

namespace {

constexpr std::uint64_t kKernelThreadFlag = 0x00200000;  // PF_KTHREAD
constexpr std::size_t kStatLimit = 4096;

std::int64_t ticks_per_second() {
  static const std::int64_t ticks = ::sysconf(_SC_CLK_TCK);
  return ticks;
}

std::int64_t ticks_to_us(std::int64_t ticks) {
  return ticks * (1'000'000 / ticks_per_second());
}

bool is_end(int code) {
  return code == ENOENT || code == ESRCH;
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

void ErrorCounter::add(const std::string& operation, int code) {
  ++counts_[{operation, code}];
}

std::vector<ReadError> ErrorCounter::take() {
  std::vector<ReadError> errors;
  for (const auto& [key, count] : counts_) errors.push_back({key.first, key.second, error_text(key.second), count});
  counts_.clear();
  return errors;
}

ProcessReader::ProcessReader(Options options) : options_(std::move(options)), privileged_(has_ptrace_capability()) {
  if (const Descriptor stat{::open((options_.proc_root + "/self/stat").c_str(), O_RDONLY | O_CLOEXEC)}) {
    const auto self = read_text(stat.get()) == 0 ? parse_stat(buffer_) : std::nullopt;
    shows_layout_ = self && self->start_code != 0;
  }
}

ProcessPass ProcessReader::read() {
  ++pass_no_;
  ProcessPass pass;
  const std::vector<std::int64_t> pids = list_pids();
  pass.processes.reserve(pids.size());
  for (const std::int64_t pid : pids) {
    const auto known = entries_.find(pid);
    Outcome outcome = Outcome::Gone;
    if (known != entries_.end()) {
      outcome = refresh(pid, known->second);
      if (outcome == Outcome::Gone) {
        if (known->second.stat) --kept_;
        entries_.erase(known);
      }
    }
    if (outcome == Outcome::Gone) {
      Entry entry;
      outcome = meet(pid, entry);
      if (outcome == Outcome::Read) entries_.insert_or_assign(pid, std::move(entry));
    }
    if (outcome == Outcome::Unreadable) pass.unreadable_pids.push_back(pid);
    if (outcome == Outcome::Gone) continue;
    if (const auto entry = entries_.find(pid); entry != entries_.end()) {
      entry->second.pass_no = pass_no_;
      if (outcome == Outcome::Read) pass.processes.push_back(entry->second.reading);
    }
  }
  std::erase_if(entries_, [&](auto& item) {
    if (item.second.pass_no == pass_no_) return false;
    if (item.second.stat) --kept_;
    return true;
  });
  pass.errors = errors_.take();
  return pass;
}

std::vector<std::int64_t> ProcessReader::list_pids() const {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(options_.proc_root.c_str()), ::closedir);
  if (!folder) {
    throw PlatformError("The process table " + options_.proc_root + " cannot be read: " + error_text(errno) + ".",
                        errno);
  }
  std::vector<std::int64_t> pids;
  errno = 0;
  while (const dirent* item = ::readdir(folder.get())) {
    const char* end = item->d_name + std::strlen(item->d_name);
    std::int64_t pid = 0;
    const auto [rest, error] = std::from_chars(item->d_name, end, pid);
    if (error == std::errc() && rest == end) pids.push_back(pid);
  }
  // A list that was cut short would make everybody behind the cut look dead.
  if (errno != 0) {
    throw PlatformError("The process table " + options_.proc_root + " cannot be listed: " + error_text(errno) + ".",
                        errno);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

int ProcessReader::read_text(int fd) {
  buffer_.resize(kStatLimit);
  const ssize_t got = ::pread(fd, buffer_.data(), buffer_.size(), 0);
  buffer_.resize(static_cast<std::size_t>(got > 0 ? got : 0));
  if (got < 0) return errno;
  return got == 0 ? ESRCH : 0;
}

int ProcessReader::open_error(std::int64_t pid, const char* file, Descriptor& opened) {
  const std::string path = options_.proc_root + "/" + std::to_string(pid) + file;
  opened = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened) return 0;
  const int code = errno;
  if ((code == EMFILE || code == ENFILE) && kept_ > 0) {
    // Others in this process or on this machine need descriptors too: give half of ours back and open these in each
    // pass.
    options_.kept_descriptors = kept_ / 2;
    for (auto& [other_pid, entry] : entries_) {
      if (kept_ <= options_.kept_descriptors) break;
      if (!entry.stat) continue;
      entry.stat.reset();
      --kept_;
    }
    opened = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return opened ? 0 : errno;
  }
  return code;
}

void ProcessReader::keep(Entry& entry, Descriptor stat) {
  if (kept_ >= options_.kept_descriptors) return;
  entry.stat = std::move(stat);
  ++kept_;
}

ProcessReader::Outcome ProcessReader::refresh(std::int64_t pid, Entry& entry) {
  Descriptor opened;
  int code = entry.stat ? 0 : open_error(pid, "/stat", opened);
  if (code == 0) code = read_text(entry.stat ? entry.stat.get() : opened.get());
  if (is_end(code)) return Outcome::Gone;
  if (code != 0) {
    errors_.add("read stat", code);
    return Outcome::Unreadable;
  }
  if (buffer_ == entry.text) {
    entry.reading.ran = false;
    return Outcome::Read;
  }
  return update(pid, entry, false);
}

ProcessReader::Outcome ProcessReader::meet(std::int64_t pid, Entry& entry) {
  return update(pid, entry, true);
}

ProcessReader::Outcome ProcessReader::update(std::int64_t pid, Entry& entry, bool is_new) {
  // Everything below is read through one descriptor of the folder: it stays with this very process, whoever gets the
  // pid meanwhile, and says ESRCH once it is gone.
  Descriptor folder;
  int code = open_error(pid, "", folder);
  Descriptor stat;
  if (code == 0) {
    stat = Descriptor(::openat(folder.get(), "stat", O_RDONLY | O_CLOEXEC));
    code = stat ? read_text(stat.get()) : errno;
  }
  if (is_end(code)) return Outcome::Gone;
  auto line = code == 0 ? parse_stat(buffer_) : std::nullopt;
  if (!line) {
    errors_.add("read stat", code == 0 ? EILSEQ : code);
    return Outcome::Unreadable;
  }

  const std::int64_t offset_ticks = options_.boottime_offset_ns / (1'000'000'000 / ticks_per_second());
  const ProcessKey key{pid, line->start_ticks - offset_ticks};
  if (!is_new && key != entry.reading.key) return Outcome::Gone;

  struct stat folder_status {};
  const std::int64_t owner = ::fstat(folder.get(), &folder_status) == 0 ? folder_status.st_uid : entry.signature.owner;
  const Signature signature{line->start_code, line->start_stack, line->argument_start, line->comm, owner};
  ProcessReading& reading = entry.reading;
  reading.kernel_thread = (line->flags & kKernelThreadFlag) != 0;
  reading.ended = (line->state == 'Z' || line->state == 'X') && line->thread_count <= 1;
  // The comm of a kernel worker is the work that it does right now: no exec.
  const bool may_exec = !reading.ended && !reading.kernel_thread;
  const bool new_image = is_new || (may_exec && is_other_image(entry.signature, signature));
  reading.key = key;
  reading.parent_pid = line->parent_pid;
  reading.started_boot_us = ticks_to_us(key.start_token);
  reading.ran = true;
  reading.wait_status =
      reading.ended && may_read_wait_status(*line, owner) ? std::optional(line->wait_status) : std::nullopt;
  read_usage(folder.get(), *line, reading);
  entry.text = buffer_;
  if (new_image) {
    reading.image =
        read_steady_image(folder.get(), stat.get(), *line, reading.kernel_thread, reading.peak_resident_bytes);
    entry.signature = {line->start_code, line->start_stack, line->argument_start, line->comm, owner};
  }
  if (!entry.stat) keep(entry, std::move(stat));
  return Outcome::Read;
}

bool ProcessReader::is_other_image(const Signature& before, const Signature& now) {
  if (before.owner != now.owner) return true;
  // To those who may not know them, and for a process that forbids it, the kernel shows 0 for the stack and 1 for the
  // code: then the name has to do.
  if (before.start_stack == 0 || now.start_stack == 0) return before.comm != now.comm;
  return before.start_code != now.start_code || before.start_stack != now.start_stack ||
         before.argument_start != now.argument_start;
}

std::shared_ptr<const ProcessImage> ProcessReader::read_steady_image(int folder, int stat, StatLine& line,
                                                                     bool kernel_thread,
                                                                     std::optional<std::int64_t>& peak_resident_bytes) {
  // An exec in the midst of the reading would mix two programs: read again when the process has changed meanwhile, or
  // is still at it. Who never comes to rest is taken as it is: its next look is another one, and is read again.
  for (int attempt = 1;; ++attempt) {
    auto image = read_image(folder, line, kernel_thread, peak_resident_bytes);
    const auto after = read_text(stat) == 0 ? parse_stat(buffer_) : std::nullopt;
    if (!after || attempt == 5) return image;
    const bool in_exec = is_in_exec(*after);
    if (!in_exec && after->comm == line.comm && after->start_code == line.start_code &&
        after->start_stack == line.start_stack) {
      return image;
    }
    if (in_exec) ::usleep(1000);
    line = *after;
  }
}

bool ProcessReader::is_in_exec(const StatLine& line) const {
  // The kernel takes the new memory into use, lays out stack and arguments, and only then says where the code lies.
  const bool has_memory = (line.flags & kKernelThreadFlag) == 0 && line.state != 'Z' && line.state != 'X';
  return shows_layout_ && has_memory && line.start_code == 0;
}

bool ProcessReader::may_read_wait_status(const StatLine& line, std::int64_t owner) const {
  // The kernel shows 0 to those who may not know it: then only another value is one.
  return line.wait_status != 0 || privileged_ || owner == static_cast<std::int64_t>(::geteuid());
}

void ProcessReader::read_usage(int folder, const StatLine& line, ProcessReading& reading) {
  ProcessUsage& usage = reading.usage;
  const std::int64_t page_bytes = ::sysconf(_SC_PAGESIZE);
  if (reading.ended) {  // nothing is left of its memory and I/O: the last known figures stay
    usage.state = ProcessState::Zombie;
    usage.cpu_user_us = ticks_to_us(line.user_ticks);
    usage.cpu_system_us = ticks_to_us(line.system_ticks);
    return;
  }
  usage.state = state_from_letter(line.state);
  usage.cpu_user_us = ticks_to_us(line.user_ticks);
  usage.cpu_system_us = ticks_to_us(line.system_ticks);
  usage.thread_count = line.thread_count;
  usage.resident_bytes = line.resident_pages * page_bytes;
  if (!reading.kernel_thread) {
    // stat's own figure leaves out what each CPU has not yet added up; statm sums them.
    if (const auto text = read_file(folder, "statm", 256)) {
      const std::size_t blank = text->find(' ');
      std::int64_t pages = 0;
      if (blank != std::string::npos &&
          std::from_chars(text->data() + blank + 1, text->data() + text->size(), pages).ec == std::errc()) {
        usage.resident_bytes = pages * page_bytes;
      }
    }
  }
  const auto io_text = read_file(folder, "io", 1024);
  const auto io = io_text ? parse_io(*io_text) : std::nullopt;
  usage.read_bytes = io ? std::optional(io->read_bytes) : std::nullopt;
  usage.written_bytes = io ? std::optional(io->written_bytes) : std::nullopt;
}

std::optional<std::string> ProcessReader::read_file(int folder, const char* name, std::size_t limit, bool* cut) {
  const Descriptor file(::openat(folder, name, O_RDONLY | O_CLOEXEC));
  std::string text;
  const int code = file ? read_whole(file.get(), text, limit) : errno;
  if (code != 0) {
    if (!is_end(code)) errors_.add(std::string("read ") + name, code);
    return std::nullopt;
  }
  if (cut) *cut = text.size() >= limit;
  return text;
}

std::optional<std::string> ProcessReader::read_link(int folder, const char* name) {
  std::string target(4096, '\0');
  const ssize_t got = ::readlinkat(folder, name, target.data(), target.size());
  if (got < 0) {
    if (!is_end(errno)) errors_.add(std::string("read ") + name, errno);
    return std::nullopt;
  }
  target.resize(static_cast<std::size_t>(got));
  return target;
}

}  // namespace galproc
