#include "platform/linux/own_pids.h"

#include <fcntl.h>
#include <unistd.h>

#include "platform/posix/descriptor.h"

namespace galproc {

bool shows_own_pids(const std::string& proc_root) {
  // Another namespace's /proc has another pid for this process, or more than one.
  const Descriptor file(::open((proc_root + "/self/status").c_str(), O_RDONLY | O_CLOEXEC));
  std::string status;
  if (!file || read_whole(file.get(), status, 16384) != 0) return false;
  return status.find("\nNSpid:\t" + std::to_string(::getpid()) + "\n") != std::string::npos;
}

}  // namespace galproc
