#pragma once

#include <dirent.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "model/reading.h"
#include "platform/linux/errors.h"
#include "platform/linux/proc_text.h"
#include "platform/posix/descriptor.h"

namespace galproc {

/// Reads the process table from /proc: of each process again only when it has run. Keeps stat files open: reading one
/// again by pread costs half of opening it anew, and its descriptor names the process itself, so that a reused pid is
/// never mistaken for it.
class ProcessReader {
 public:
  struct Options {
    std::string proc_root = "/proc";
    /// What this process's time namespace adds to the start times that the kernel shows, clock ticks.
    std::int64_t boottime_offset_ticks = 0;
    /// How many files may stay open; the others are opened in each pass.
    std::size_t kept_descriptors = 0;
  };
  explicit ProcessReader(Options options);

  /// As Platform::read_processes; processes come in the order of their pids. That memory was taken from one that does
  /// not run is seen within 12 passes.
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
  struct UsageFiles {
    Descriptor memory;      ///< statm; a kernel thread has none
    Descriptor io;          ///< may be denied
    int io_error = 0;       ///< why there is none
    bool complete = false;  ///< all that can be had is there
  };
  struct Entry {
    Descriptor stat;   ///< kept open where the budget allows
    UsageFiles usage;  ///< likewise, while the process keeps running
    std::string text;  ///< of the last read
    Signature signature;
    ProcessReading reading;
    std::optional<std::int64_t> cpu_clock_ns;  ///< just before that
    std::uint64_t pass_no = 0;
    std::uint64_t ran_in_pass = 0;
    bool end_noted = false;  ///< its children were read again after its end
  };
  enum class Outcome { Read, Gone, Unreadable };

  /// Fills pids_, in order.
  void list_pids();
  static void note_end(Entry& entry, std::unordered_set<std::int64_t>& ended);
  /// Adds those that this pass has not met to `ended`.
  void forget_absent(std::unordered_set<std::int64_t>& ended);
  Outcome meet(std::int64_t pid, Entry& entry);
  /// A process that the pass before knew.
  Outcome refresh(std::int64_t pid, Entry& entry);
  /// The usage of a process that ran, from the files at hand. False where that does not do: it may run another image.
  bool follow(std::int64_t pid, Entry& entry);
  /// Everything anew, from its folder.
  Outcome update(std::int64_t pid, Entry& entry, bool is_new);
  /// The whole text of a stat file in text_; 0 or errno.
  int read_text(int fd);
  int open_file(std::int64_t pid, const char* file, Descriptor& opened);
  void keep(Descriptor& kept, Descriptor opened);
  void close_usage(Entry& entry);
  void close_kept(Entry& entry);
  void forget(Entry& entry);

  void note(const StatLine& line, std::int64_t owner, ProcessReading& reading) const;
  static Signature signature_of(const StatLine& line, std::int64_t owner);
  UsageFiles open_usage(int folder, bool kernel_thread);
  void read_usage(const UsageFiles& files, const StatLine& line, ProcessReading& reading);
  /// The end of a process is none.
  void note_error(const char* operation, int code);
  std::shared_ptr<const ProcessImage> read_image(int folder, const StatLine& line, bool kernel_thread,
                                                 std::optional<std::int64_t>& peak_resident_bytes);
  std::optional<std::string> read_file(int folder, const char* name, std::size_t limit, bool* cut = nullptr);
  std::optional<std::string> read_link(int folder, const char* name);
  std::optional<std::string> user_name(std::int64_t uid);
  /// Between the end of one program and the first step of the next: neither's image can be read.
  bool is_in_exec(const StatLine& line, bool kernel_thread) const;
  static bool is_other_image(const Signature& before, const Signature& now);
  /// `line` is what stat says when the image was read.
  std::shared_ptr<const ProcessImage> read_steady_image(int folder, int stat, StatLine& line, bool kernel_thread,
                                                        std::optional<std::int64_t>& peak_resident_bytes);
  bool may_read_wait_status(const StatLine& line, std::int64_t owner) const;

  Options options_;
  std::size_t kept_ = 0;
  std::uint64_t pass_no_ = 0;
  bool privileged_ = false;                                          ///< CAP_SYS_PTRACE is effective
  bool shows_layout_ = false;                                        ///< this kernel tells where a program's code lies
  bool has_cpu_clocks_ = true;                                       ///< of other processes
  std::unique_ptr<DIR, int (*)(DIR*)> folder_{nullptr, ::closedir};  ///< of all processes
  std::vector<std::int64_t> pids_;
  std::array<char, 4096> buffer_{};
  std::string_view text_;  ///< in buffer_
  ErrorCounter errors_;
  std::unordered_map<std::int64_t, Entry> entries_;
  std::unordered_map<std::int64_t, std::optional<std::string>> user_names_;
  std::uint64_t names_since_pass_ = 0;
};

}  // namespace galproc
