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
#include "platform/linux/denials.h"
#include "platform/linux/errors.h"
#include "platform/linux/proc_text.h"
#include "platform/linux/turns.h"
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
  /// not run is seen within 12 passes, and within two minutes. Denied files are counted for every process, read in this
  /// pass or not, so that the figure is the same from pass to pass. `boot_us` is the boot clock.
  ProcessPass read(std::int64_t boot_us = boot_clock_us());

  /// The same of these processes alone, for a reader that follows the others by other means. REQUIRES: `pids` are
  /// sorted, and all passes of this object are of one kind.
  ProcessPass read_some(const std::vector<std::int64_t>& pids, std::int64_t boot_us);
  /// Every pid that /proc shows, sorted. Throws PlatformError.
  const std::vector<std::int64_t>& list();

  /// From now on, if the kernel can tell, each pass tells in `ends` how those it found gone had ended: of processes
  /// that are met from now on, as far as descriptors go (each takes one more, of the kept ones). And a zombie whose
  /// status may not be read here has it all the same if its parent waits for it before the pass is over.
  void hold_exit_statuses(bool hold);

  /// Closes files that are kept open, where `code` says that there are too many. Whether what could not be opened for
  /// it is to be tried again.
  bool give_back(int code);

  /// Where the program of a process lies in its memory, and whose it is: all change at exec, the last also at setuid.
  struct Signature {
    std::uint64_t start_code = 0;
    std::uint64_t start_stack = 0;
    std::uint64_t argument_start = 0;
    std::string comm;
    std::int64_t owner = 0;
  };

  /// What one process runs right now; null: it is not there any more.
  std::shared_ptr<const ProcessImage> image_of(const ProcessKey& key);

  /// An image that was read on its own.
  struct Look {
    std::shared_ptr<const ProcessImage> image;  ///< null: the process is not there any more, or cannot be seen
    std::optional<std::int64_t> peak_resident_bytes;
    Signature signature;      ///< when it was read; no stack where that may not be known
    Denials denials;          ///< of the files that it is read from
    bool incomplete = false;  ///< for a reason that may pass
  };
  /// As image_of, for a reader that follows processes by other means; what could not be read is in `take_errors`.
  Look look_at(const ProcessKey& key);
  /// Nothing proves that it has ended: neither its pid nor this very process is gone.
  bool may_live(const ProcessKey& key);
  std::vector<ReadError> take_errors() { return errors_.take(); }

  std::optional<std::string> user_name(std::int64_t uid);

  static std::int64_t page_bytes();
  static std::int64_t ticks_to_us(std::int64_t ticks);

 private:
  struct UsageFiles {
    Descriptor memory;      ///< statm; a kernel thread has none
    Descriptor io;          ///< may be denied
    int io_error = 0;       ///< why there is none
    bool complete = false;  ///< all that can be had is there
  };
  struct Entry {
    Descriptor stat;   ///< kept open where the budget allows
    UsageFiles usage;  ///< likewise, while the process keeps running; of a sleeper that of its memory alone
    Descriptor pidfd;  ///< likewise, until its end is told; none of a kernel thread
    std::string text;  ///< of the last read
    Signature signature;
    ProcessReading reading;
    Denials denials;
    std::optional<std::int64_t> cpu_clock_ns;  ///< just before that
    std::uint64_t pass_no = 0;
    std::uint64_t ran_in_pass = 0;
    bool image_incomplete = false;  ///< for a reason that may pass
    bool parent_hidden = false;     ///< so that its end would not be seen
    bool end_noted = false;         ///< its children were read again after its end
  };
  enum class Outcome { Read, Gone, Unreadable };
  /// Why a process is read: it was not known, it may have run, it is its turn, or for its image alone.
  enum class Cause { New, Ran, Turn, Image };

  ProcessPass read_listed(std::int64_t boot_us);
  static void note_end(Entry& entry, std::unordered_set<std::int64_t>& ended);
  /// Adds those that this pass has not met to `ended`.
  void forget_absent(std::unordered_set<std::int64_t>& ended);
  /// Reads the children of those that ended; who cannot be read leaves a null in `found`.
  void follow_orphans(std::vector<Entry*>& found, std::unordered_set<std::int64_t>& ended,
                      std::vector<std::int64_t>& unreadable_pids);
  bool is_parent_hidden(const ProcessReading& process) const;
  /// REQUIRES: that it is the process's own is seen before `entry` is used: its stat file, opened before, can be read.
  void hold_exit_status(std::int64_t pid, Entry& entry);
  /// Its pid is free, or another's by now.
  void note_gone(Entry& entry);
  /// It has ended: what is not told of that by now comes too late, since an end counts as it was first met.
  void note_zombie(Entry& entry);
  Outcome meet(std::int64_t pid, Entry& entry);
  /// A process that the pass before knew.
  Outcome refresh(std::int64_t pid, Entry& entry);
  /// The usage of a process that ran, from the files at hand. False where that does not do: it may run another image.
  bool follow(std::int64_t pid, Entry& entry);
  /// Everything anew, from its folder.
  Outcome update(std::int64_t pid, Entry& entry, Cause cause);
  void update_usage(Entry& entry, int folder, const StatLine& line, Cause cause);
  /// `line` is what stat says when the image was read.
  void update_image(Entry& entry, int folder, int stat, StatLine& line, bool is_new);

  /// Every file below the process table is opened here: gives kept ones back as long as there is no other descriptor.
  /// 0 or errno.
  int open_at(int folder, const char* path, Descriptor& opened);
  void keep(Descriptor& kept, Descriptor opened);
  Descriptor take(Descriptor& kept);
  void close_usage(Entry& entry);
  void close_kept(Entry& entry);
  void forget(Entry& entry);

  void note(const StatLine& line, std::int64_t owner, ProcessReading& reading) const;
  static Signature signature_of(const StatLine& line, std::int64_t owner);
  bool may_read_wait_status(const StatLine& line, std::int64_t owner) const;

  /// The whole text of a stat file in text_; 0 or errno.
  int read_text(int fd);
  UsageFiles open_usage(int folder, bool kernel_thread, Denials& denials);
  void read_usage(const UsageFiles& files, const StatLine& line, ProcessReading& reading, Denials& denials);
  /// Resident bytes, of a statm file.
  std::optional<std::int64_t> read_memory(int file, Denials& denials);
  std::optional<std::int64_t> read_memory_of(std::int64_t pid, Entry& entry);
  /// How an attempt to read ended: 0 or errno.
  void note_result(Denials& denials, ProcessFile file, int code);
  std::optional<std::string> read_file(int folder, ProcessFile file, std::size_t limit, Denials& denials,
                                       bool* cut = nullptr);
  std::optional<std::string> read_link(int folder, ProcessFile file, Denials& denials);

  std::shared_ptr<const ProcessImage> read_image(int folder, const StatLine& line, Entry& entry);
  /// Between the end of one program and the first step of the next: neither's image can be read.
  bool is_in_exec(const StatLine& line, bool kernel_thread) const;
  static bool is_other_image(const Signature& before, const Signature& now);
  /// `line` is what stat says when the image was read.
  std::shared_ptr<const ProcessImage> read_steady_image(int folder, int stat, StatLine& line, Entry& entry);

  Options options_;
  std::size_t kept_ = 0;
  std::uint64_t pass_no_ = 0;
  Turns turns_;
  bool privileged_ = false;                                          ///< CAP_SYS_PTRACE is effective
  bool shows_layout_ = false;                                        ///< this kernel tells where a program's code lies
  bool has_cpu_clocks_ = true;                                       ///< of other processes
  bool holds_exit_statuses_ = false;                                 ///< of those that are met from now on
  std::unique_ptr<DIR, int (*)(DIR*)> folder_{nullptr, ::closedir};  ///< of all processes
  std::vector<std::int64_t> pids_;
  std::array<char, 4096> buffer_{};
  std::string_view text_;             ///< in buffer_
  ErrorCounter errors_;               ///< of this pass, denials left out
  std::vector<EndedReading> ends_;    ///< of this pass
  std::size_t passing_failures_ = 0;  ///< ever
  std::unordered_map<std::int64_t, Entry> entries_;
  std::unordered_map<std::int64_t, std::optional<std::string>> user_names_;
  std::int64_t names_since_step_ = 0;
};

}  // namespace galproc
