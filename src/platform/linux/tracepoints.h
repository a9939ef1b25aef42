#pragma once

#include <bpf/libbpf.h>

#include <string>

#include "platform/posix/descriptor.h"

namespace galproc {

/// The numbers of the kernel's system call tracepoints, from tracefs.
class TracepointIds {
 public:
  /// Attaches to syscalls/`name`. Null on failure, with the reason.
  bpf_link* attach(bpf_program* program, const std::string& name, std::string& why_not);

 private:
  bool open(std::string& why_not);
  Descriptor tracefs_;
};

}  // namespace galproc
