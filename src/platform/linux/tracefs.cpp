#include "platform/linux/tracefs.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "platform/linux/errors.h"

namespace galproc {

namespace {

bool is_no_more_room(int code) {
  return code == EMFILE || code == ENFILE;
}

}  // namespace

Tracefs open_tracefs() {
  Tracefs tracefs;
  const Descriptor context(static_cast<int>(::syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC)));
  if (context && ::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0) {
    tracefs.folder =
        Descriptor(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY)));
    if (tracefs.folder) return tracefs;
  }
  int code = errno;
  // Without CAP_SYS_ADMIN only one that somebody else has mounted, as systemd does.
  for (const char* place : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    if (is_no_more_room(code)) break;
    Descriptor folder(::open(place, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder) code = errno;
    struct stat status {};
    // Where none is mounted the folder is there all the same, and empty.
    const bool is_tracefs = folder && (::fstatat(folder.get(), "events", &status, 0) == 0 || errno == EACCES);
    if (!is_tracefs) continue;
    tracefs.folder = std::move(folder);
    tracefs.place = place;
    return tracefs;
  }
  tracefs.why_not = is_no_more_room(code) ? error_text(code) + " (raise ulimit -n)"
                                          : "tracefs is not mounted (mount -t tracefs tracefs /sys/kernel/tracing)";
  return tracefs;
}

}  // namespace galproc
