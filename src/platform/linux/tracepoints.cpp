#include "platform/linux/tracepoints.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "platform/linux/errors.h"
#include "platform/posix/files.h"

namespace galproc {

bool TracepointIds::open(std::string& why_not) {
  if (tracefs_) return true;
  const Descriptor context(static_cast<int>(::syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC)));
  if (context && ::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0) {
    tracefs_ = Descriptor(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY)));
  }
  // Without CAP_SYS_ADMIN only one that somebody else has mounted, as systemd does.
  for (const char* place : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    if (tracefs_) return true;
    Descriptor folder(::open(place, O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    // Where none is mounted the folder is there all the same, and empty.
    const bool is_tracefs = folder && (::fstatat(folder.get(), "events", &status, 0) == 0 || errno == EACCES);
    if (is_tracefs) tracefs_ = std::move(folder);
  }
  if (!tracefs_) why_not = "tracefs is not mounted (mount -t tracefs tracefs /sys/kernel/tracing)";
  return static_cast<bool>(tracefs_);
}

bpf_link* TracepointIds::attach(bpf_program* program, const std::string& name, std::string& why_not) {
  if (!open(why_not)) return nullptr;
  const std::string path = "events/syscalls/" + name + "/id";
  const Descriptor file(::openat(tracefs_.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[32] = {};
  if (!file || ::read(file.get(), text, sizeof text - 1) <= 0) {
    why_not = errno == EACCES ? "its tracepoints are not readable (CAP_DAC_READ_SEARCH)"
                              : "the kernel has no tracepoint " + name;
    return nullptr;
  }
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.config = static_cast<std::uint64_t>(std::atoll(text));
  attributes.sample_period = 1;
  attributes.wakeup_events = 1;
  Descriptor event(static_cast<int>(::syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event) {
    why_not = "a tracepoint cannot be opened: " + error_text(errno);
    return nullptr;
  }
  bpf_link* link = bpf_program__attach_perf_event(program, event.get());
  if (link) {
    event.release();  // the link closes it
  } else {
    why_not = "a tracepoint takes no program: " + error_text(errno);
  }
  return link;
}

}  // namespace galproc
