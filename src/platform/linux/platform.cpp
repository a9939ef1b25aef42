#include "platform/platform.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <optional>
#include <system_error>
#include <utility>

#include "model/errors.h"
#include "platform/linux/bpf_events.h"
#include "platform/linux/bpf_iterators.h"
#include "platform/linux/bpf_processes.h"
#include "platform/linux/bpf_sockets.h"
#include "platform/linux/caller.h"
#include "platform/linux/capabilities.h"
#include "platform/linux/connector_events.h"
#include "platform/linux/control.h"
#include "platform/linux/details.h"
#include "platform/linux/diagnosis.h"
#include "platform/linux/errors.h"
#include "platform/linux/groups.h"
#include "platform/linux/processes.h"
#include "platform/linux/sockets.h"
#include "platform/linux/spawn.h"
#include "platform/linux/system.h"
#include "platform/posix/descriptor.h"
#include "platform/posix/files.h"
#include "platform/posix/notify.h"
#include "platform/posix/stop.h"

namespace galproc {

namespace {

constexpr std::int64_t kNsPerUs = 1000;

std::string read_text_file(const char* path) {
  const Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!file || read_whole(file.get(), text, 65536) != 0) return "";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::int64_t namespace_inode(const char* path) {
  struct stat status {};
  return ::stat(path, &status) == 0 ? static_cast<std::int64_t>(status.st_ino) : 0;
}

/// Why BPF is of no use, wherever it may be loaded; null: it is.
const char* why_no_bpf_here() {
  constexpr std::int64_t kInitialPidNamespace = 0xeffffffc;  // its inode, the same in every kernel
  if (namespace_inode("/proc/self/ns/pid") == kInitialPidNamespace) return nullptr;
  return "this is not the machine's own pid namespace, and BPF counts the pids of that one";
}

std::int64_t read_clock_us(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000 + time.tv_nsec / kNsPerUs;
}

/// What this time namespace adds to a clock of the initial one.
std::int64_t namespace_offset_ns(const char* clock) {
  return parse_time_namespace_offset_ns(read_text_file("/proc/self/timens_offsets"), clock);
}

rlimit file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit;
}

/// Raises the limit of open files as far as this user may, and gives how many of them stat files may take.
std::size_t stat_file_budget() {
  constexpr rlim_t kOthers = 256;  // SQLite, pipes, folders that are being walked
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  constexpr rlim_t kMost = 1U << 20;
  return limit.rlim_cur > kOthers ? static_cast<std::size_t>(std::min(limit.rlim_cur, kMost) - kOthers) : 0;
}

/// For inside of a sentence.
std::string without_full_stop(std::string sentence) {
  if (sentence.ends_with('.')) sentence.pop_back();
  return sentence;
}

class LinuxPlatform : public Platform {
 public:
  LinuxPlatform()
      : boot_offset_us_(namespace_offset_ns("boottime") / kNsPerUs),
        monotonic_offset_us_(namespace_offset_ns("monotonic") / kNsPerUs),
        boot_offset_ticks_(boot_offset_us_ * ::sysconf(_SC_CLK_TCK) / 1'000'000),
        processes_({"/proc", boot_offset_ticks_, stat_file_budget()}),
        sockets_("/proc", boot_offset_ticks_) {}

  Clocks clocks() override {
    return {read_clock_us(CLOCK_REALTIME), read_clock_us(CLOCK_BOOTTIME) - boot_offset_us_,
            read_clock_us(CLOCK_MONOTONIC) - monotonic_offset_us_};
  }

  HostReading host() override {
    HostReading host;
    utsname names{};
    ::uname(&names);
    host.host_name = names.nodename;
    host.system = names.sysname;
    host.release = names.release;
    host.boot_uuid = read_text_file("/proc/sys/kernel/random/boot_id");
    if (host.boot_uuid.empty()) {
      throw PlatformError(
          "The boot cannot be told from others: /proc/sys/kernel/random/boot_id is not readable; is /proc mounted?",
          ENOENT);
    }
    host.pid_namespace = namespace_inode("/proc/self/ns/pid");
    host.network_namespace = namespace_inode("/proc/self/ns/net");
    const Clocks now = clocks();
    host.booted_us = now.wall_us - now.boot_us;
    host.user_id = ::geteuid();
    if (const passwd* entry = ::getpwuid(::geteuid())) host.user_name = entry->pw_name;
    if (!has_capability(CAP_SYS_PTRACE) || !has_capability(CAP_DAC_READ_SEARCH)) {
      host.limits.push_back(
          std::string(::geteuid() == 0 ? "Without CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH" : "Not root") +
          ": of other users' processes the executable, folder, virtual environment, I/O and ports are not readable; "
          "run as root to record them.");
    }
    return host;
  }

  ProcessKey self() override {
    const auto line = parse_stat(read_text_file("/proc/self/stat"));
    if (!line) return {::getpid(), 0};
    return {line->pid, line->start_ticks - boot_offset_ticks_};
  }

  ReadingSources choose_process_source(std::string_view asked) override {
    bpf_processes_.reset();
    bpf_sockets_.reset();
    ReadingSources sources{"proc", "sock_diag", "", ""};
    if (asked == "proc") return sources;
    const char* why_not = why_no_bpf_here();
    const auto network = static_cast<std::uint32_t>(namespace_inode("/proc/self/ns/net"));
    BpfIterators iterators = why_not ? BpfIterators{{}, {}, why_not, why_not} : load_bpf_iterators(network);
    if (!iterators.processes) {
      if (asked == "bpf") sources.processes.clear();
      sources.why_not_processes = iterators.why_no_processes;
      return sources;
    }
    bpf_processes_.emplace(reader_of(std::move(iterators.processes), "The process table"), processes_);
    sources.processes = "bpf";
    if (iterators.sockets) {
      bpf_sockets_.emplace(reader_of(std::move(iterators.sockets), "The sockets"), network);
      sources.sockets = "bpf";
    }
    sources.why_not_sockets = iterators.why_no_sockets;
    return sources;
  }
  ProcessPass read_processes() override { return bpf_processes_ ? bpf_processes_->read() : processes_.read(); }
  // Those that BPF reads have no descriptor here that would tell: who may load that may have its events, too.
  void hold_exit_statuses(bool hold) override { processes_.hold_exit_statuses(hold); }
  SocketPass read_sockets(const ProcessPass& processes) override {
    return bpf_sockets_ ? bpf_sockets_->read(processes) : sockets_.read(processes);
  }
  OpenedEvents open_events(std::string_view name, const EventRequest& request) override {
    try {
      return try_to_open(name, request);
    } catch (const std::system_error& error) {
      return {nullptr, "no thread could be made to read them: " + error_text(error.code().value())};
    } catch (const std::exception& error) {
      return {nullptr, without_full_stop(error.what())};
    }
  }
  std::vector<Finding> diagnose() override {
    std::vector<TriedEvents> events;
    for (const char* name : {"bpf", "netlink"}) events.push_back({name, open_events(name, {})});
    return diagnose_linux(events, choose_process_source("auto"));
  }
  SystemReading read_system(const std::filesystem::path& disk_path) override { return read_linux_system(disk_path); }
  std::optional<ProcessDetails> read_details(const ProcessKey& key) override {
    return galproc::read_details(key, boot_offset_ticks_);
  }
  MachineReading machine() override { return read_machine(); }

  Wake sleep_until(std::int64_t boot_us) override {
    set_timer(boot_us);
    std::array<pollfd, 2> watched{pollfd{timer_.get(), POLLIN, 0}, pollfd{stop_descriptor(), POLLIN, 0}};
    while (::poll(watched.data(), watched.size(), -1) < 0) {
      if (errno != EINTR) throw PlatformError("Waiting failed: " + error_text(errno) + ".", errno);
    }
    return (watched[1].revents & POLLIN) != 0 ? Wake::Stop : Wake::Deadline;
  }

  void give_up_privileges(const std::filesystem::path& database) override {
    const int error = keep_what_recording_takes(database);
    if (error != 0) throw PlatformError("Privileges that are not needed stay: " + error_text(error) + ".", error);
  }
  void notify_manager(const std::string& lines) override { galproc::notify_manager(lines); }
  std::optional<std::int64_t> manager_patience_us() override { return galproc::manager_patience_us(); }
  void catch_stop_requests() override { catch_stop_signals(); }
  std::unique_ptr<HeldSignals> hold_signals() override { return hold_all_signals(); }
  int stop_signal() override { return galproc::stop_signal(); }

  LockResult lock_file(const std::filesystem::path& path) override { return galproc::lock_file(path); }
  std::optional<FileIdentity> file_identity(const std::filesystem::path& path) override {
    return galproc::file_identity(path);
  }
  bool is_executable(const std::filesystem::path& file) override { return galproc::is_executable(file); }
  void make_shared_folder(const std::filesystem::path& folder) override { galproc::make_shared_folder(folder); }
  void make_shared_file(const std::filesystem::path& file) override { galproc::make_shared_file(file); }
  std::optional<DiskRoom> disk_room(const std::filesystem::path& path) override { return galproc::disk_room(path); }
  std::optional<std::int64_t> lock_holder(const std::filesystem::path& path) override {
    return galproc::lock_holder(path);
  }
  std::optional<std::string> network_file_system(const std::filesystem::path& path) override {
    return galproc::network_file_system(path);
  }

  CallerReading caller() override { return read_caller(self()); }
  std::vector<std::int64_t> readers_of_output() override { return galproc::readers_of_output(); }
  OpenedProcess open_process(const ProcessKey& key) override {
    for (;;) {
      OpenedProcess opened = galproc::open_process(key, boot_offset_ticks_);
      if (opened.why != OpenedProcess::Why::Failed || !processes_.give_back(opened.code)) return opened;
    }
  }
  Wake wait_for_ends(const std::vector<ProcessHandle*>& handles, std::int64_t boot_us) override {
    set_timer(boot_us);
    return galproc::wait_for_ends(handles, timer_.get());
  }
  std::optional<std::int64_t> signal_number(Signal signal) override { return galproc::signal_number(signal); }
  std::optional<ControlGroup> killable_group(std::int64_t pid) override { return galproc::killable_group(pid); }
  std::optional<std::vector<std::int64_t>> group_members(const std::string& path) override {
    return galproc::group_members(path);
  }
  Delivery freeze_group(const std::string& path) override { return galproc::freeze_group(path); }
  void thaw_group(const std::string& path) noexcept override { galproc::thaw_group(path); }
  Delivery kill_group(const std::string& path) override { return galproc::kill_group(path); }
  std::unique_ptr<WaitingProcess> spawn(const SpawnRequest& request) override {
    return galproc::spawn(request, file_limit_at_first_, boot_offset_ticks_);
  }
  std::optional<std::string> make_group(const std::string& name) override { return galproc::make_group(name); }
  bool limit_group(const std::string& path, std::int64_t processes) override {
    return galproc::limit_group(path, processes);
  }
  void remove_group(const std::string& path) override { galproc::remove_group(path); }

 private:
  OpenedEvents try_to_open(std::string_view name, const EventRequest& request) {
    if (name == "netlink") {
      return open_connector_events(request, boot_offset_ticks_, [this] { return clocks(); });
    }
    if (name != "bpf") return {nullptr, "it is not built into this galproc"};
    if (const char* why_not = why_no_bpf_here()) return {nullptr, why_not};
    return open_bpf_events(
        request, [this](const ProcessKey& key) { return processes_.image_of(key); },
        [this](std::int64_t uid) { return processes_.user_name(uid); });
  }
  /// A timer of the boot clock, since poll's own timeout stands still while the machine is suspended.
  void set_timer(std::int64_t boot_us) {
    if (!timer_) {
      timer_ = Descriptor(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
      if (!timer_) throw PlatformError("No timer can be made: " + error_text(errno) + ".", errno);
    }
    const std::int64_t wait_us = std::max<std::int64_t>(0, boot_us - clocks().boot_us);
    itimerspec when{};
    when.it_value.tv_sec = wait_us / 1'000'000;
    when.it_value.tv_nsec = wait_us % 1'000'000 * kNsPerUs;
    if (wait_us == 0) when.it_value.tv_nsec = 1;  // all zero would switch it off
    ::timerfd_settime(timer_.get(), 0, &when, nullptr);
  }

  const rlimit file_limit_at_first_ = file_limit();  ///< before it is raised
  std::int64_t boot_offset_us_;
  std::int64_t monotonic_offset_us_;
  std::int64_t boot_offset_ticks_;
  ProcessReader processes_;
  SocketReader sockets_;
  std::optional<BpfProcessReader> bpf_processes_;  ///< where they are the chosen ones
  std::optional<BpfSocketReader> bpf_sockets_;     ///< likewise
  Descriptor timer_;
};

}  // namespace

std::unique_ptr<Platform> make_platform() {
  return std::make_unique<LinuxPlatform>();
}

bool has_process_source(std::string_view name) {
  return name == "proc" || (name == "bpf" && has_bpf_events());
}
bool has_event_source(std::string_view name) {
  return name == "none" || name == "netlink" || (name == "bpf" && has_bpf_events());
}

}  // namespace galproc
