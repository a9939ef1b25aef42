// Which files below /proc a reader of processes has open, and what it makes of those that it cannot open or read. Other
// parts of this process, and of this machine, need descriptors as well: where there are none left, kept ones go first.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "platform/linux/processes.h"

namespace galproc {

int ProcessReader::open_at(int folder, const char* path, Descriptor& opened) {
  int code = 0;
  do {
    opened = Descriptor(::openat(folder, path, O_RDONLY | O_CLOEXEC));
    code = opened ? 0 : errno;
  } while (give_back(code));
  return code;
}

bool ProcessReader::give_back(int code) {
  if ((code != EMFILE && code != ENFILE) || kept_ == 0) return false;
  // Half of them, for good: those are opened in each pass from now on.
  options_.kept_descriptors = kept_ / 2;
  for (auto& [pid, entry] : entries_) {
    if (kept_ <= options_.kept_descriptors) break;
    close_kept(entry);
  }
  return true;
}

void ProcessReader::keep(Descriptor& kept, Descriptor opened) {
  if (!opened || kept_ >= options_.kept_descriptors) return;
  kept = std::move(opened);
  ++kept_;
}

Descriptor ProcessReader::take(Descriptor& kept) {
  if (kept) --kept_;
  return std::move(kept);
}

void ProcessReader::close_usage(Entry& entry) {
  take(entry.usage.memory);
  take(entry.usage.io);
  entry.usage = {};
}

void ProcessReader::close_kept(Entry& entry) {
  close_usage(entry);
  take(entry.stat);
  take(entry.pidfd);
}

void ProcessReader::forget(Entry& entry) {
  close_kept(entry);
  entry = Entry{};
}

int ProcessReader::read_text(int fd) {
  const ssize_t got = ::pread(fd, buffer_.data(), buffer_.size(), 0);
  text_ = {buffer_.data(), static_cast<std::size_t>(got > 0 ? got : 0)};
  if (got < 0) return errno;
  return got == 0 ? ESRCH : 0;
}

ProcessReader::UsageFiles ProcessReader::open_usage(int folder, bool kernel_thread, Denials& denials) {
  UsageFiles files;
  if (!kernel_thread) note_result(denials, ProcessFile::Memory, open_at(folder, "statm", files.memory));
  files.io_error = open_at(folder, "io", files.io);
  const bool denied = files.io_error == EACCES || files.io_error == EPERM;
  files.complete = (kernel_thread || files.memory) && (files.io || denied);
  return files;
}

void ProcessReader::read_usage(const UsageFiles& files, const StatLine& line, ProcessReading& reading,
                               Denials& denials) {
  ProcessUsage& usage = reading.usage;
  usage.cpu_user_us = ticks_to_us(line.user_ticks);
  usage.cpu_system_us = ticks_to_us(line.system_ticks);
  if (reading.ended) {  // nothing is left of its memory and I/O: the last known figures stay
    usage.state = ProcessState::Zombie;
    return;
  }
  usage.state = state_from_letter(line.state);
  usage.thread_count = line.thread_count;
  // stat's own figure leaves out what each CPU has not yet added up; statm sums them.
  const auto bytes = files.memory ? read_memory(files.memory.get(), denials) : std::nullopt;
  usage.resident_bytes = bytes.value_or(line.resident_pages * page_bytes());
  std::array<char, 1024> buffer{};
  const ssize_t got = files.io ? ::pread(files.io.get(), buffer.data(), buffer.size(), 0) : -1;
  const int code = got >= 0 ? 0 : files.io ? errno : files.io_error;
  note_result(denials, ProcessFile::Io, code);
  const auto io = parse_io({buffer.data(), static_cast<std::size_t>(got > 0 ? got : 0)});
  usage.read_bytes = io ? std::optional(io->read_bytes) : std::nullopt;
  usage.written_bytes = io ? std::optional(io->written_bytes) : std::nullopt;
}

std::optional<std::int64_t> ProcessReader::read_memory(int file, Denials& denials) {
  std::array<char, 256> buffer{};
  const ssize_t got = ::pread(file, buffer.data(), buffer.size(), 0);
  note_result(denials, ProcessFile::Memory, got < 0 ? errno : 0);
  const auto pages = parse_resident_pages({buffer.data(), static_cast<std::size_t>(got > 0 ? got : 0)});
  return pages ? std::optional(*pages * page_bytes()) : std::nullopt;
}

std::int64_t ProcessReader::page_bytes() {
  static const std::int64_t bytes = ::sysconf(_SC_PAGESIZE);
  return bytes;
}

std::int64_t ProcessReader::ticks_to_us(std::int64_t ticks) {
  static const std::int64_t ticks_per_second = ::sysconf(_SC_CLK_TCK);
  return ticks * (1'000'000 / ticks_per_second);
}

void ProcessReader::note_result(Denials& denials, ProcessFile file, int code) {
  // The end of a process is no error.
  if (denials.note(file, code) || code == 0 || is_end(code)) return;
  errors_.add(reading_of(file), code);
  // Others stay: a path may be longer than the kernel shows.
  if (code == EMFILE || code == ENFILE || code == ENOMEM) ++passing_failures_;
}

std::optional<std::string> ProcessReader::read_file(int folder, ProcessFile file, std::size_t limit, Denials& denials,
                                                    bool* cut) {
  Descriptor opened;
  std::string text;
  int code = open_at(folder, name_of(file), opened);
  if (code == 0) code = read_whole(opened.get(), text, limit);
  note_result(denials, file, code);
  if (code != 0) return std::nullopt;
  if (cut) *cut = text.size() >= limit;
  return text;
}

std::optional<std::string> ProcessReader::read_link(int folder, ProcessFile file, Denials& denials) {
  std::array<char, 4096> target;
  const ssize_t got = ::readlinkat(folder, name_of(file), target.data(), target.size());
  note_result(denials, file, got < 0 ? errno : 0);
  if (got < 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(got));  // kept as long as the process lives: no larger
}

}  // namespace galproc
