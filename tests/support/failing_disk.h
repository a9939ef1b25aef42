#pragma once

// A disk on which one call fails, or all from one on.

#include <sqlite3.h>

#include <string>
#include <vector>

#include "support/watched_disk.h"

namespace galproc {

/// One way in which a call can fail.
struct DiskFault {
  const char* name;
  DiskStep::Kind kind;
  int code;
  bool is_part_done = false;  ///< half of what was to be written is
};

inline const std::vector<DiskFault>& disk_faults() {
  using Kind = DiskStep::Kind;
  static const std::vector<DiskFault> faults = {
      {"a write that fails", Kind::Write, SQLITE_IOERR_WRITE},
      {"a write without room", Kind::Write, SQLITE_FULL},
      {"a write with room for its half", Kind::Write, SQLITE_FULL, true},
      {"a write that fails half-way", Kind::Write, SQLITE_IOERR_WRITE, true},
      {"a sync that fails", Kind::Sync, SQLITE_IOERR_FSYNC},
      {"a truncation that fails", Kind::Truncate, SQLITE_IOERR_TRUNCATE},
      {"an opening that fails", Kind::Open, SQLITE_CANTOPEN},
      {"a read that fails", Kind::Read, SQLITE_IOERR_READ},
      {"shared memory that cannot be mapped", Kind::Memory, SQLITE_IOERR_SHMMAP},
      {"shared memory without room", Kind::Memory, SQLITE_IOERR_SHMSIZE},
      {"a lock that fails", Kind::Lock, SQLITE_IOERR_LOCK},
      {"a lock that another holds", Kind::Lock, SQLITE_BUSY},
      {"a deletion that fails", Kind::Delete, SQLITE_IOERR_DELETE},
      {"a folder that cannot be synced", Kind::SyncFolder, SQLITE_CANTOPEN},
  };
  return faults;
}

/// Fails call number `first` (from 1) of the fault's kind, and the next ones, `count` in all.
class FailingDisk : public DiskWatcher {
 public:
  FailingDisk(const DiskFault& fault, int first, int count = 1) : fault_(fault), first_(first), count_(count) {}
  /// Whether a call was made to fail: once not, there are no more calls to try.
  bool failed() const { return calls_ >= first_; }
  int calls() const { return calls_; }

  DiskVerdict before(const DiskStep& step) override {
    if (step.kind != fault_.kind) return {};
    ++calls_;
    if (calls_ < first_ || calls_ - first_ >= count_) return {};
    return {fault_.code, fault_.is_part_done ? step.data.size() / 2 : 0, false};
  }

 private:
  const DiskFault& fault_;
  int first_, count_;
  int calls_ = 0;
};

}  // namespace galproc
