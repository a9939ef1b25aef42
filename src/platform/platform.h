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

#include "model/finding.h"
#include "model/reading.h"
#include "model/signals.h"
#include "platform/events.h"

namespace galproc {

/// Why a sleeping caller was woken.
enum class Wake { Deadline, Stop, Ended };

/// Names a file independently of its path (POSIX: device and inode).
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// A database file and the -wal and -shm beside it, to be compared with those of another moment: whoever has others
/// open writes what nobody else finds.
struct DatabaseFiles {
  std::optional<FileIdentity> file, wal, shm;
  std::string text() const;  ///< three words, one for each
  friend bool operator==(const DatabaseFiles&, const DatabaseFiles&) = default;
};

/// An exclusive lock on a file that the kernel releases at any death of its owner.
class FileLock {
 public:
  virtual ~FileLock() = default;
  /// Leaves a line in the file, for whoever finds it locked; nothing happens where there is no room for it.
  virtual void note(const std::string& line) = 0;
};

/// What became of an attempt to lock: either `lock` is held, or `holder_pid` has it (0: a holder in another pid
/// namespace).
struct LockResult {
  std::unique_ptr<FileLock> lock;
  std::int64_t holder_pid = 0;
};

/// As long as it lives, no signal that can be held back ends or stops this process. One that asks it to stop is heard
/// all the same; what else came takes effect when this goes.
class HeldSignals {
 public:
  virtual ~HeldSignals() = default;
};

/// What became of something that was sent to processes.
struct Delivery {
  enum class Result { Sent, Gone, Denied, Failed } result = Result::Sent;
  int code = 0;      ///< of the operating system, for Denied and Failed
  std::string text;  ///< of that code
};

/// One process, pinned: whatever is done by this handle is done to it or to nobody, whoever has its pid by now.
class ProcessHandle {
 public:
  virtual ~ProcessHandle() = default;
  virtual Delivery send(Signal signal) = 0;
  /// Its last thread is dead, reaped or not.
  virtual bool has_ended() = 0;
  /// How it ended, as wait(2) encodes it; empty: not ended, or not told (Linux tells it once the parent has waited, or
  /// of a zombie to who may look into it; on systems before 6.15 of zombies only). May wait some milliseconds for it.
  virtual std::optional<std::int64_t> wait_status() = 0;
};

struct OpenedProcess {
  std::unique_ptr<ProcessHandle> handle;  ///< null: see `why`
  enum class Why { Opened, Gone, IdentityChanged, Denied, Failed, Unsupported } why = Why::Opened;
  std::string text;  ///< of the system's error, for Denied and Failed
  int code = 0;      ///< likewise
};

/// Processes that the kernel can end all at once, those born meanwhile too (Linux: a control group of version 2).
struct ControlGroup {
  std::string path;                ///< names it for kill_group
  std::vector<std::int64_t> pids;  ///< in it and in the groups below it
};

/// A program that is to run apart from galproc.
struct SpawnRequest {
  std::filesystem::path program;         ///< the file that is executed
  std::vector<std::string> arguments;    ///< all of them; the first is the name that it is called by
  std::vector<std::string> environment;  ///< all of it: NAME=VALUE
  std::filesystem::path working_directory;
  std::filesystem::path log_path;  ///< takes what it writes to stdout and stderr, behind what is there
  /// Limits of this process and its children each; empty: those that galproc was started with.
  std::optional<std::int64_t> address_space_bytes, open_files;
  std::optional<std::int64_t> user_processes;  ///< counted over all processes of the user
  std::optional<std::string> group;            ///< of make_group
};

/// A child in a session of its own that waits before it runs its program. One that is not released, be it that galproc
/// died, ends without having run anything.
class WaitingProcess {
 public:
  virtual ~WaitingProcess() = default;
  virtual const ProcessKey& key() const = 0;
  /// It is in the control group that was asked for.
  virtual bool is_in_group() const = 0;
  /// Lets it run its program, and returns once it does. Throws PlatformError where the program cannot be run; the child
  /// has ended then. To be called once.
  virtual void release() = 0;
};

/// Where processes and sockets are read from, by the names that are stored with a recording.
struct ReadingSources {
  std::string processes;  ///< bpf, proc; empty: the one that was asked for cannot be had
  std::string sockets;    ///< bpf, sock_diag
  std::string
      why_not_processes;        ///< why that is not the best one, for inside a sentence; empty: it is, or was not asked
  std::string why_not_sockets;  ///< likewise, where only the sockets are not
};

/// Room of a file system, in bytes.
struct DiskRoom {
  std::int64_t total_bytes = 0;
  std::int64_t available_bytes = 0;  ///< to those who are not its administrator
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

  /// From now on processes and sockets are read from this source: bpf, proc, or auto, the best that can be had. Without
  /// this call it is the one that needs no privileges.
  virtual ReadingSources choose_process_source(std::string_view asked) = 0;

  /// Every process that can be seen, each with its image. A process that vanishes while it is read is left out; what
  /// was denied is counted in `errors`. Throws PlatformError where the process table cannot be read at all.
  virtual ProcessPass read_processes() = 0;

  /// From now on passes tell how those ended that they find gone, as far as the system tells that (Linux: of those that
  /// are read from /proc, by a descriptor for each). For who has no events.
  virtual void hold_exit_statuses(bool hold) = 0;

  /// TCP listeners and bound UDP sockets of this network namespace with every holder that may be seen.
  /// REQUIRES: `processes` is the latest pass of this object. Throws PlatformError.
  virtual SocketPass read_sockets(const ProcessPass& processes) = 0;

  /// Opens a source of events by its name: bpf, netlink. Throws PlatformError.
  virtual OpenedEvents open_events(std::string_view name, const EventRequest& request) = 0;

  /// The machine as a whole; what could not be read stays empty. Disk figures are those of the file system that holds
  /// `disk_path`.
  virtual SystemReading read_system(const std::filesystem::path& disk_path) = 0;

  /// The established TCP connections and the limits of one process. Empty: it is not there any more. What could not be
  /// read is counted in `errors`.
  virtual std::optional<ProcessDetails> read_details(const ProcessKey& key) = 0;

  /// How it stands with what galproc needs of this system. Never fails.
  virtual std::vector<Finding> diagnose() = 0;

  /// What this machine is: uname(2), /proc/cpuinfo. Never fails.
  virtual MachineReading machine() = 0;

  /// Sleeps until the boot clock reads `boot_us`, or until someone asked this process to stop (SIGTERM, SIGINT,
  /// SIGQUIT, SIGHUP; console close), at once if that has happened before.
  virtual Wake sleep_until(std::int64_t boot_us) = 0;

  /// For who records from now on into `database`: what its sources and that file do not take is given up for good.
  /// Those have to be open. Throws PlatformError where that fails.
  virtual void give_up_privileges(const std::filesystem::path& database) = 0;

  /// Tells the service manager that started this process what `lines` say, such as READY=1, if there is one that
  /// listens.
  virtual void notify_manager(const std::string& lines) = 0;

  /// How long that one may hear nothing before it takes this process for stuck; empty: for ever.
  virtual std::optional<std::int64_t> manager_patience_us() = 0;

  /// From now on a request to stop wakes sleep_until instead of ending the process.
  virtual void catch_stop_requests() = 0;

  /// To be held where other processes would suffer from what ends or stops this one. REQUIRES: catch_stop_requests().
  virtual std::unique_ptr<HeldSignals> hold_signals() = 0;

  /// Number of the signal that asked for it; 0: none has, or the system has no such numbers.
  virtual int stop_signal() = 0;

  /// Takes the lock on `path`, a file that is made when it is not there (0600) and never removed. Throws PlatformError
  /// where the file cannot be opened.
  virtual LockResult lock_file(const std::filesystem::path& path) = 0;

  /// What `path` names right now; empty where nothing is there.
  virtual std::optional<FileIdentity> file_identity(const std::filesystem::path& path) = 0;
  DatabaseFiles database_files(const std::filesystem::path& database);

  /// A file that this user may run.
  virtual bool is_executable(const std::filesystem::path& file) = 0;

  /// Makes `folder` and what is missing above it (0750; for an administrator the group `galproc` where it exists). A
  /// folder that exists is left as it is. Throws PlatformError.
  virtual void make_shared_folder(const std::filesystem::path& folder) = 0;

  /// Makes an empty file (0640, group as above). A file that exists is left as it is. Throws PlatformError.
  virtual void make_shared_file(const std::filesystem::path& file) = 0;

  /// The room of the file system that `path` lies on; empty where that cannot be told.
  virtual std::optional<DiskRoom> disk_room(const std::filesystem::path& path) = 0;

  /// Who holds the lock on `path`, without taking it: 0 for a holder in another pid namespace, empty for none or where
  /// that cannot be told. REQUIRES: it is not held by this process, which would lose it.
  virtual std::optional<std::int64_t> lock_holder(const std::filesystem::path& path) = 0;

  /// The name of the network file system that `path` (or the nearest folder above it that is there) lies on; empty: it
  /// is a local one.
  virtual std::optional<std::string> network_file_system(const std::filesystem::path& path) = 0;

  /// Who runs this process, and from where.
  virtual CallerReading caller() = 0;

  /// Processes of this one's own process group that read what it writes to stdout or stderr: the rest of its pipeline.
  virtual std::vector<std::int64_t> readers_of_output() = 0;

  /// Pins a process. The handle is of the process with this very start token, or there is none. Gone is said only of
  /// one that has ended. Failed may go better later: a handle takes a descriptor, and some are always left for reading.
  virtual OpenedProcess open_process(const ProcessKey& key) = 0;

  /// Sleeps until one more of these processes has ended (at once where all had), the boot clock reads `boot_us`, or a
  /// stop was asked for. REQUIRES: all handles are of this platform, of processes not known to have ended.
  virtual Wake wait_for_ends(const std::vector<ProcessHandle*>& handles, std::int64_t boot_us) = 0;

  /// The number by which this system knows a signal; empty where it has no such thing.
  virtual std::optional<std::int64_t> signal_number(Signal signal) = 0;

  /// The control group that a process is in, where it can be frozen and killed as a whole: not the root, not one that
  /// is frozen already, and this user may do it.
  virtual std::optional<ControlGroup> killable_group(std::int64_t pid) = 0;
  /// The processes that are now in it and in the groups below it; empty where they cannot all be told.
  virtual std::optional<std::vector<std::int64_t>> group_members(const std::string& path) = 0;
  /// Stops all that is in it and comes into it, until thaw_group. Sent once they all stand still; Failed, and thawed
  /// again, where they do not within half a second.
  virtual Delivery freeze_group(const std::string& path) = 0;
  virtual void thaw_group(const std::string& path) noexcept = 0;
  /// The frozen, too.
  virtual Delivery kill_group(const std::string& path) = 0;

  /// Starts a child that waits to be released. Its stdin is the null device, the log is made where it is not there
  /// (0640), signals are as they are by default, and no other descriptor of this process reaches it. Throws
  /// PlatformError with what failed: the log, a limit, the working directory.
  virtual std::unique_ptr<WaitingProcess> spawn(const SpawnRequest& request) = 0;

  /// Makes an empty control group of this name, and gives the path that names it; empty where that cannot be, which is
  /// no error.
  virtual std::optional<std::string> make_group(const std::string& name) = 0;
  /// From now on no more processes and threads than so many can be made in a group; false where that cannot be held to.
  virtual bool limit_group(const std::string& path, std::int64_t processes) = 0;
  /// Removes a group that is empty, waiting some milliseconds for the last that have just ended in it. One that is not,
  /// or is no control group, stays.
  virtual void remove_group(const std::string& path) = 0;
};

/// The backend of the system that this binary was built for.
std::unique_ptr<Platform> make_platform();

/// A process-source or event-source name of the command line that this build can use on this system.
bool has_process_source(std::string_view name);
bool has_event_source(std::string_view name);

}  // namespace galproc
