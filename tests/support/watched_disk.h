#pragma once

// What SQLite does to files, seen and bent one call at a time: a VFS over the system's own, which every connection that
// is opened meanwhile runs on, so that the store's own code meets a disk that fails, dies or forgets.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace galproc {

/// A call that is about to reach the disk.
struct DiskStep {
  enum class Kind { Open, Read, Write, Truncate, Sync, Memory, Lock, Delete, SyncFolder };
  Kind kind = Kind::Open;
  std::string path;       ///< of the file; of SyncFolder a file in it; "" of a temporary one
  std::int64_t at = 0;    ///< offset of a read or write; length after a truncation
  std::string_view data;  ///< of a write
  bool makes = false;     ///< an opening that may make the file
};

/// What becomes of it.
struct DiskVerdict {
  int code = 0;             ///< SQLITE_OK: it goes on to the disk; else SQLite gets this
  std::size_t written = 0;  ///< of a write that fails or dies: so many of its bytes reach the file
  bool dies = false;        ///< the process is killed there
};

class DiskWatcher {
 public:
  virtual ~DiskWatcher() = default;
  virtual DiskVerdict before(const DiskStep& step) = 0;
};

/// While it lives, every file that SQLite opens is watched. One at a time in a process. REQUIRES: `watcher` and this
/// outlive the connections that are opened meanwhile.
class WatchedDisk {
 public:
  explicit WatchedDisk(DiskWatcher& watcher);
  ~WatchedDisk();
  WatchedDisk(const WatchedDisk&) = delete;
  WatchedDisk& operator=(const WatchedDisk&) = delete;

 private:
  class Vfs;
  std::unique_ptr<Vfs> vfs_;
};

}  // namespace galproc
