#pragma once

// The one door to the operating system. Everything behind it lives in platform/<os>/; everything in front of it
// runs unchanged against the scripted world of tests/support.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/reading.h"

namespace galproc {

/// Why a sleeping caller was woken.
enum class Wake { Deadline, Stop };

/// Names a file independently of its path (POSIX: device and inode).
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// An exclusive lock on a file that the kernel releases at any death of its owner.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// What became of an attempt to lock: either `lock` is held, or `holder_pid` has it (0: a holder in another pid
/// namespace).
struct LockResult {
  std::unique_ptr<FileLock> lock;
  std::int64_t holder_pid = 0;
};

/// One system, seen from one process. Calls come from one thread at a time.
class Platform {
 public:
  virtual ~Platform() = default;

  /// The three clocks, read together. Never fails.
  virtual Clocks clocks() = 0;

  /// The machine, its boot and the namespaces that this process is in. Throws PlatformError.
  virtual HostReading host() = 0;

  /// This process: for the recording's own row.
  virtual ProcessKey self() = 0;

  /// Every process that can be seen, each with its image. A process that vanishes while it is read is left out; what
  /// was denied is counted in `errors`. Throws PlatformError where the process table cannot be read at all.
  virtual ProcessPass read_processes() = 0;

  /// TCP listeners and bound UDP sockets of this network namespace with every holder that may be seen.
  /// REQUIRES: `processes` is the latest pass of this object. Throws PlatformError.
  virtual SocketPass read_sockets(const ProcessPass& processes) = 0;

  /// The machine as a whole; what could not be read stays empty. Disk figures are those of the file system that holds
  /// `disk_path`.
  virtual SystemReading read_system(const std::filesystem::path& disk_path) = 0;

  /// Sleeps until the boot clock reads `boot_us`, or until someone asked this process to stop (SIGTERM, SIGINT, SIGHUP;
  /// console close), at once if that has happened before.
  virtual Wake sleep_until(std::int64_t boot_us) = 0;

  /// From now on a request to stop wakes sleep_until instead of ending the process.
  virtual void catch_stop_requests() = 0;

  /// Takes the lock on `path`, a file that is made when it is not there (0600) and never removed. Throws PlatformError
  /// where the file cannot be opened.
  virtual LockResult lock_file(const std::filesystem::path& path) = 0;

  /// What `path` names right now; empty where nothing is there.
  virtual std::optional<FileIdentity> file_identity(const std::filesystem::path& path) = 0;

  /// Makes `folder` and what is missing above it (0750; for an administrator the group `galproc` where it exists). A
  /// folder that exists is left as it is. Throws PlatformError.
  virtual void make_shared_folder(const std::filesystem::path& folder) = 0;

  /// Makes an empty file (0640, group as above). A file that exists is left as it is. Throws PlatformError.
  virtual void make_shared_file(const std::filesystem::path& file) = 0;
};

/// The backend of the system that this binary was built for.
std::unique_ptr<Platform> make_platform();

/// A process-source or event-source name of the command line that this build can use on this system.
bool has_process_source(std::string_view name);
bool has_event_source(std::string_view name);

}  // namespace galproc
