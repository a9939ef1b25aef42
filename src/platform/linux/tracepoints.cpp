#include "platform/linux/tracepoints.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "platform/linux/errors.h"
#include "platform/linux/tracefs.h"

namespace galproc {

bool TracepointIds::open(std::string& why_not) {
  if (!tracefs_) {
    Tracefs opened = open_tracefs();
    tracefs_ = std::move(opened.folder);
    why_not = std::move(opened.why_not);
  }
  return static_cast<bool>(tracefs_);
}

bpf_link* TracepointIds::attach(bpf_program* program, const std::string& name, std::string& why_not) {
  if (!open(why_not)) return nullptr;
  const std::string path = "events/syscalls/" + name + "/id";
  const Descriptor file(::openat(tracefs_.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[32] = {};
  if (!file || ::read(file.get(), text, sizeof text - 1) <= 0) {
    const int code = errno;
    why_not = code == EACCES   ? "its tracepoints are not readable (CAP_DAC_READ_SEARCH)"
              : code == ENOENT ? "the kernel has no tracepoint " + name
                               : "a tracepoint cannot be read: " + error_text(code);
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
