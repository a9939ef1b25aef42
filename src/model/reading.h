#pragma once

// What one look at a system gives: plain values, in the units of the database, with nothing of any one OS.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace galproc {

/// The clocks of one moment, microseconds.
struct Clocks {
  std::int64_t wall_us = 0;       ///< since the Unix epoch, UTC; may step
  std::int64_t boot_us = 0;       ///< since boot, time asleep included; never steps
  std::int64_t monotonic_us = 0;  ///< since boot, time asleep left out
};

struct HostReading {
  std::string host_name;
  std::string system;   ///< "Linux"
  std::string release;  ///< kernel release
  std::string boot_uuid;
  std::int64_t pid_namespace = 0;      ///< inode of the namespace; 0 where there are none
  std::int64_t network_namespace = 0;  ///< likewise
  std::int64_t booted_us = 0;          ///< wall clock less boot clock, now
  std::optional<std::int64_t> user_id;
  std::optional<std::string> user_name;
  std::vector<std::string> limits;  ///< whole sentences: what this user cannot see here, and what would help
};

/// Names one process for ever within a boot: the number alone is reused.
struct ProcessKey {
  std::int64_t pid = 0;
  /// Linux: clock ticks since boot at which it started, as the initial time namespace counts them.
  std::int64_t start_token = 0;
  friend bool operator==(const ProcessKey&, const ProcessKey&) = default;
};

struct ProcessKeyHash {
  std::size_t operator()(const ProcessKey& key) const noexcept {
    // Unsigned, where overflow is defined: an odd factor spreads neighbouring pids.
    const std::uint64_t mixed =
        static_cast<std::uint64_t>(key.pid) * 0x9e3779b97f4a7c15U + static_cast<std::uint64_t>(key.start_token);
    return std::hash<std::uint64_t>{}(mixed);
  }
};

/// Who runs this very process, and from where: what an action is logged with. Raw bytes.
struct CallerReading {
  ProcessKey key;
  std::string name;
  std::optional<std::int64_t> user_id;  ///< effective
  std::optional<std::string> user_name;
  std::optional<std::int64_t> login_id;  ///< user who logged in, kept across su and sudo; Linux: /proc/self/loginuid
  std::optional<std::string> sudo_user;  ///< SUDO_USER: a claim, not a proof
  std::optional<std::string> terminal;   ///< "/dev/pts/3"; empty: none
  std::optional<std::string> working_directory;
  std::vector<std::string> arguments;
  std::string host_name;
};

/// Stored as these numbers; the names are in the table process_state.
enum class ProcessState { Sleeping, Running, Idle, DiskSleep, Stopped, Traced, Zombie };
const char* to_text(ProcessState state);

/// What a process runs: replaced at each exec. Raw bytes as the system gave them, in no particular encoding.
struct ProcessImage {
  std::string name;                       ///< completed where the kernel cut it (Linux: at 15 bytes)
  std::optional<std::string> executable;  ///< empty: not readable, or a kernel thread
  std::optional<std::vector<std::string>> arguments;
  bool arguments_truncated = false;  ///< the last argument was cut short
  std::optional<std::string> cgroup;
  std::optional<std::string> working_directory;
  std::optional<std::string> venv;            ///< folder of the Python virtual environment it belongs to
  std::optional<std::string> venv_evidence;   ///< environment, command_line
  std::optional<std::string> service_marker;  ///< value of GALPROC_SERVICE in its environment
  std::optional<std::int64_t> user_id;        ///< effective
  std::optional<std::string> user_name;
  friend bool operator==(const ProcessImage&, const ProcessImage&) = default;
};

/// Counters of one process. CPU and I/O are cumulative since its start.
struct ProcessUsage {
  ProcessState state = ProcessState::Sleeping;
  std::int64_t cpu_user_us = 0;
  std::int64_t cpu_system_us = 0;
  std::int64_t resident_bytes = 0;
  std::int64_t thread_count = 0;
  std::optional<std::int64_t> read_bytes;     ///< from storage; empty: not readable
  std::optional<std::int64_t> written_bytes;  ///< to storage
  friend bool operator==(const ProcessUsage&, const ProcessUsage&) = default;
};

struct ProcessReading {
  ProcessKey key;
  std::int64_t parent_pid = 0;                      ///< 0: none
  std::int64_t process_group = 0;                   ///< 0: none, or none that can be seen
  std::int64_t session = 0;                         ///< likewise
  std::int64_t started_boot_us = 0;                 ///< boot clock at its start
  std::optional<std::int64_t> peak_resident_bytes;  ///< known only where it was read with the image
  bool kernel_thread = false;
  /// The last thread is dead and only the parent's wait is outstanding.
  bool ended = false;
  std::optional<std::int64_t> wait_status;  ///< of an ended one, as wait(2) encodes it, where it may be read
  /// It may have run since the previous pass of the same reader (always true in its first pass).
  bool ran = true;
  ProcessUsage usage;
  /// Never null. The same pointer from pass to pass means the same image.
  std::shared_ptr<const ProcessImage> image;
};

/// Something that could not be read, counted: one for each kind and pass.
struct ReadError {
  std::string operation;  ///< what was tried: "open fd folder", "read io"
  int code = 0;           ///< of the operating system
  std::string text;       ///< of that code
  std::int64_t count = 0;
};

/// How a process ended that is gone.
struct EndedReading {
  ProcessKey key;
  std::int64_t wait_status = 0;  ///< as wait(2) encodes it
};

struct ProcessPass {
  std::vector<ProcessReading> processes;
  /// Listed, but not readable for a reason that is not its end: no proof of anything.
  std::vector<std::int64_t> unreadable_pids;
  /// Of those that are gone since the pass before, and whose end the system tells; only where it was asked for.
  std::vector<EndedReading> ends;
  std::vector<ReadError> errors;
};

enum class Protocol { Tcp, Udp };
const char* to_text(Protocol protocol);

/// A listening TCP or bound UDP socket.
struct SocketReading {
  Protocol protocol = Protocol::Tcp;
  std::string address;  ///< as inet_ntop writes it: "0.0.0.0", "::1"
  std::int64_t port = 0;
  std::int64_t network_namespace = 0;
  std::vector<ProcessKey> holders;  ///< every process with a descriptor of it; empty: none may be seen
};

struct SocketPass {
  std::vector<SocketReading> sockets;
  std::vector<ReadError> errors;
};

/// The two ends of an established TCP connection.
struct ConnectionReading {
  std::string local_address;
  std::int64_t local_port = 0;
  std::string remote_address;
  std::int64_t remote_port = 0;
};

/// A limit that the system holds a process to.
struct LimitReading {
  std::string name;                   ///< open_files, processes, address_space_bytes
  std::optional<std::int64_t> value;  ///< the one in force (soft); empty: unlimited
};

/// What is read of one process only when somebody asks about it.
struct ProcessDetails {
  std::vector<ConnectionReading> connections;
  std::vector<LimitReading> limits;  ///< without those that could not be read
  std::vector<ReadError> errors;
};

/// What a machine is.
struct MachineReading {
  std::string system;                    ///< "Linux"
  std::string release;                   ///< of its kernel
  std::string version;                   ///< of its kernel: when and how it was built
  std::string machine;                   ///< "x86_64"
  std::optional<std::string> processor;  ///< as it calls itself
};

/// The machine as a whole. An empty field could not be read. CPU time is summed over all CPUs, since boot.
struct SystemReading {
  std::optional<std::int64_t> cpu_busy_us;   ///< all but idle and waiting for I/O
  std::optional<std::int64_t> cpu_total_us;  ///< busy, idle and waiting
  std::optional<std::int64_t> cpu_count;
  std::optional<std::int64_t> memory_total_bytes;
  std::optional<std::int64_t> memory_available_bytes;
  std::optional<std::int64_t> swap_total_bytes;
  std::optional<std::int64_t> swap_used_bytes;
  std::optional<std::int64_t> disk_total_bytes;
  std::optional<std::int64_t> disk_used_bytes;
  std::optional<std::int64_t> received_bytes;  ///< all interfaces but loopback, since boot
  std::optional<std::int64_t> sent_bytes;
  std::optional<double> load_1m;
  std::optional<std::int64_t> cpu_pressure_us;  ///< time in which some task waited, since boot
  std::optional<std::int64_t> memory_pressure_us;
  std::optional<std::int64_t> io_pressure_us;
  std::vector<ReadError> errors;
};

}  // namespace galproc
