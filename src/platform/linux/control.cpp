// What is done to processes, by pidfd: it names the process itself, so that a signal never reaches whoever has its
// number by now. It is opened by number, though, and so the start time is compared afterwards: from then on the two
// belong together.

#include "platform/linux/control.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "model/errors.h"
#include "platform/linux/capabilities.h"
#include "platform/linux/errors.h"
#include "platform/linux/proc_text.h"
#include "platform/linux/wait_status.h"
#include "platform/posix/descriptor.h"
#include "platform/posix/stop.h"

namespace galproc {

namespace {

bool is_readable_now(int fd) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, 0) == 1;
}

/// The stat line of a pid, with the owner of its folder.
struct Seen {
  StatLine line;
  std::int64_t owner = 0;
};

/// 0, or the errno of what failed.
int look_at(std::int64_t pid, Seen& seen) {
  const Descriptor folder(::open(("/proc/" + std::to_string(pid)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return errno;
  const Descriptor file(::openat(folder.get(), "stat", O_RDONLY | O_CLOEXEC));
  if (!file) return errno;
  std::string text;
  if (const int code = read_whole(file.get(), text, 4096); code != 0) return code;
  struct stat status {};
  if (::fstat(folder.get(), &status) != 0) return errno;
  const auto line = parse_stat(text);
  if (!line) return EILSEQ;
  seen = {*line, status.st_uid};
  return 0;
}

/// Whether this descriptor is one of the last that this process may have: what goes on could not be read any more.
bool is_one_too_many(int fd) {
  constexpr rlim_t kForReading = 8;
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && static_cast<rlim_t>(fd) + kForReading >= limit.rlim_cur;
}

class PidfdHandle : public ProcessHandle {
 public:
  PidfdHandle(std::int64_t pid, Descriptor fd) : pid_(pid), fd_(std::move(fd)) {}

  Delivery send(Signal signal) override {
    const auto number = static_cast<int>(signal_number(signal).value());
    if (::syscall(SYS_pidfd_send_signal, fd_.get(), number, nullptr, 0) == 0) return {};
    const int code = errno;
    const auto result = code == ESRCH   ? Delivery::Result::Gone
                        : code == EPERM ? Delivery::Result::Denied
                                        : Delivery::Result::Failed;
    return {result, code, error_text(code)};
  }

  bool has_ended() override { return is_readable_now(fd_.get()); }

  std::optional<std::int64_t> wait_status() override {
    if (!has_ended()) return std::nullopt;
    // Told from the moment at which the parent has waited for it; a zombie tells by its stat line. In between, and with
    // a parent that is just about to wait, neither does for a moment.
    for (int attempt = 0; attempt < 20; ++attempt) {
      if (const auto told = wait_status_of(fd_.get())) return told;
      if (Seen seen; look_at(pid_, seen) == 0 && seen.line.state == 'Z') {
        // The kernel shows 0 to those who may not know it.
        const bool may_know = has_capability(CAP_SYS_PTRACE) || seen.owner == static_cast<std::int64_t>(::geteuid());
        if (seen.line.wait_status != 0 || may_know) return seen.line.wait_status;
      }
      ::usleep(1000);
    }
    return std::nullopt;
  }

  int fd() const { return fd_.get(); }

 private:
  std::int64_t pid_;
  Descriptor fd_;
};

}  // namespace

OpenedProcess open_process(const ProcessKey& key, std::int64_t boottime_offset_ticks) {
  using Why = OpenedProcess::Why;
  const auto failed = [](int code) {
    const auto why = code == ENOSYS ? Why::Unsupported : code == EPERM || code == EACCES ? Why::Denied : Why::Failed;
    return OpenedProcess{nullptr, why, error_text(code), code};
  };
  Descriptor fd(static_cast<int>(::syscall(SYS_pidfd_open, key.pid, 0)));
  if (!fd && errno == ESRCH) return {nullptr, Why::Gone, ""};
  if (!fd) return failed(errno);
  if (is_one_too_many(fd.get())) return failed(EMFILE);
  // It is this process's line as long as the pidfd says that it lives: a number is given out again only afterwards.
  Seen seen;
  const int code = look_at(key.pid, seen);
  if (code == 0 && seen.line.start_ticks - boottime_offset_ticks != key.start_token)
    return {nullptr, Why::IdentityChanged, ""};
  // Whoever has the number now has ended; so has, before it, whoever else had it.
  if (is_readable_now(fd.get())) return {nullptr, Why::Gone, ""};
  if (code != 0) return failed(code);
  return {std::make_unique<PidfdHandle>(key.pid, std::move(fd)), Why::Opened, ""};
}

Wake wait_for_ends(const std::vector<ProcessHandle*>& handles, int timer) {
  std::vector<pollfd> watched{{stop_descriptor(), POLLIN, 0}, {timer, POLLIN, 0}};
  for (ProcessHandle* handle : handles) watched.push_back({static_cast<PidfdHandle*>(handle)->fd(), POLLIN, 0});
  if (handles.empty()) return Wake::Ended;
  while (::poll(watched.data(), static_cast<nfds_t>(watched.size()), -1) < 0) {
    if (errno != EINTR) throw PlatformError("Waiting failed: " + error_text(errno) + ".", errno);
  }
  if (watched[0].revents != 0) return Wake::Stop;
  const bool any_ended =
      std::any_of(watched.begin() + 2, watched.end(), [](const pollfd& one) { return one.revents != 0; });
  return any_ended ? Wake::Ended : Wake::Deadline;
}

std::optional<std::int64_t> signal_number(Signal signal) {
  switch (signal) {
    case Signal::Stop: return SIGSTOP;
    case Signal::Continue: return SIGCONT;
    default: return static_cast<std::int64_t>(signal);
  }
}

}  // namespace galproc
