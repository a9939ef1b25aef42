#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/reading.h"
#include "platform/linux/proc_text.h"
#include "platform/posix/descriptor.h"

namespace galproc {

/// Counts what could not be read: one ReadError for each operation and code.
class ErrorCounter {
 public:
  void add(const std::string& operation, int code);
  std::vector<ReadError> take();

 private:
  std::map<std::pair<std::string, int>, std::int64_t> counts_;
};

/// Reads the process table from /proc. Keeps the stat files of known processes open: reading one again by pread costs
/// half of opening it anew, and its descriptor names the process itself, so that a reused pid is never mistaken for it.
class ProcessReader {
 public:
  struct Options {
    std::string proc_root = "/proc";
    /// What this process's time namespace adds to the boot clock; taken off the start times that the kernel shows.
    std::int64_t boottime_offset_ns = 0;
    /// How many stat files may stay open; the others are opened in each pass.
    std::size_t kept_descriptors = 0;
  };
  explicit ProcessReader(Options options);

  /// As Platform::read_processes; processes come in the order of their pids.
  ProcessPass read();

 private:
  /// Where the program of a process lies in its memory, and whose it is: all change at exec, the last also at setuid.
  struct Signature {
    std::uint64_t start_code = 0;
    std::uint64_t start_stack = 0;
    std::uint64_t argument_start = 0;
    std::string comm;
    std::int64_t owner = 0;
  };
  struct Entry {
    Descriptor stat;   ///< kept open where the budget allows
    std::string text;  ///< of the last read
    Signature signature;
    ProcessReading reading;
    std::uint64_t pass_no = 0;
  };
  enum class Outcome { Read, Gone, Unreadable };

  std::vector<std::int64_t> list_pids() const;
  Outcome refresh(std::int64_t pid, Entry& entry);
  Outcome meet(std::int64_t pid, Entry& entry);
  Outcome update(std::int64_t pid, Entry& entry, bool is_new);
  /// The whole text of a stat file in buffer_; 0 or errno.
  int read_text(int fd);
  int open_error(std::int64_t pid, const char* file, Descriptor& opened);
  void keep(Entry& entry, Descriptor stat);

  void read_usage(int folder, const StatLine& line, ProcessReading& reading);
  std::shared_ptr<const ProcessImage> read_image(int folder, const StatLine& line, bool kernel_thread,
                                                 std::optional<std::int64_t>& peak_resident_bytes);
  std::optional<std::string> read_file(int folder, const char* name, std::size_t limit, bool* cut = nullptr);
  std::optional<std::string> read_link(int folder, const char* name);
  std::optional<std::string> user_name(std::int64_t uid);
  /// Between the end of one program and the first step of the next: neither's image can be read.
  bool is_in_exec(const StatLine& line) const;
  static bool is_other_image(const Signature& before, const Signature& now);
  /// `line` is what stat says when the image was read.
  std::shared_ptr<const ProcessImage> read_steady_image(int folder, int stat, StatLine& line, bool kernel_thread,
                                                        std::optional<std::int64_t>& peak_resident_bytes);
  bool may_read_wait_status(const StatLine& line, std::int64_t owner) const;

  Options options_;
  std::size_t kept_ = 0;
  std::uint64_t pass_no_ = 0;
  bool privileged_ = false;    ///< CAP_SYS_PTRACE is effective
  bool shows_layout_ = false;  ///< this kernel tells where a program's code lies
  std::string buffer_;
  ErrorCounter errors_;
  std::unordered_map<std::int64_t, Entry> entries_;
  std::unordered_map<std::int64_t, std::optional<std::string>> user_names_;
  std::uint64_t names_since_pass_ = 0;
};

}  // namespace galproc
