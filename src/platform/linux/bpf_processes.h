#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/reading.h"
#include "platform/linux/bpf/iterator_records.h"
#include "platform/linux/bpf_iterators.h"
#include "platform/linux/cpu_split.h"
#include "platform/linux/denials.h"
#include "platform/linux/processes.h"
#include "platform/linux/turns.h"

namespace galproc {

/// Reads the process table from the kernel's own, by the task iterator: one read for all, whoever hides in /proc. What
/// a process runs is still read there, when it is new, has done an exec or changed its user. Some systems keep
/// processes of their own from BPF: those are read from /proc in each pass.
class BpfProcessReader {
 public:
  /// `records` gives galproc_process and galproc_thread of the initial pid namespace. REQUIRES: `images` outlives this,
  /// and reads the /proc of the same namespace.
  BpfProcessReader(ReadRecords records, ProcessReader& images);

  /// As ProcessReader::read, with the same keys, images and figures, but exact: `ran` is by the nanosecond, memory by
  /// the page in each pass, and CPU time is that of the scheduler, where /proc cuts each part of it to clock ticks.
  /// What cannot be seen in /proc has an image of its name and user alone. Who is kept from BPF and was not there at
  /// the first pass is found within 12 passes, and within two minutes. Throws PlatformError.
  ProcessPass read(std::int64_t boot_us = boot_clock_us());

 private:
  struct Entry {
    galproc_use sum{};  ///< of all its threads, in `summed_in_walk`
    std::uint64_t summed_in_walk = 0;
    std::uint64_t met_in_walk = 0;  ///< with its first thread; 0: never
    std::uint64_t runtime_ns = 0;   ///< of the pass before
    CpuSplit cpu;
    ProcessReading reading;
    std::uint64_t start_code = 0, start_stack = 0, argument_start = 0;  ///< when its image was read
    std::int64_t owner = 0;                                             ///< likewise
    Denials denials;
    bool image_incomplete = false;  ///< for a reason that may pass
  };

  /// Calls `take(head, record)` for each record.
  template <typename Take>
  void walk(Take take);
  /// Fills found_.
  void collect();
  /// Adds to kept_away_ whom /proc has and no walk meets. True where it has walked, so that found_ is out of date.
  bool find_kept_away();
  void take(const galproc_thread& thread, const char* record);
  /// What its record says, as a reading.
  void note(Entry& entry, const galproc_process& record);
  static void note_usage(Entry& entry, const galproc_process& record);
  static bool is_other_image(const Entry& entry, const galproc_process& record);
  void read_image(Entry& entry, const galproc_process& record);
  std::shared_ptr<const ProcessImage> image_of_record(const galproc_process& record) const;
  /// Forgets who has ended; who may only have been missed stays, and is told of.
  std::vector<std::int64_t> forget_absent();

  ReadRecords records_;
  ProcessReader& images_;  ///< follows those that are kept away, too
  std::int64_t clock_ticks_;
  std::uint64_t walk_no_ = 0;
  bool listed_ = false;  ///< whom /proc shows, ever
  Turns turns_;
  std::vector<std::int64_t> kept_away_;  ///< pids that /proc shows and the kernel keeps from BPF, sorted
  std::unordered_map<std::int64_t, Entry> entries_;
  /// Processes of the last walk with their records, in the order of those.
  std::vector<std::pair<Entry*, const char*>> found_;
};

}  // namespace galproc
