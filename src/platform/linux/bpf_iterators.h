#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "platform/posix/descriptor.h"

namespace galproc {

/// Gives the records of a whole look, valid until the next one. Throws PlatformError.
using ReadRecords = std::function<std::span<const char>()>;

/// The iterator programs, loaded. One that the kernel refuses does not take the other.
struct BpfIterators {
  Descriptor processes;  ///< the link of the one that tells processes; none: why_no_processes says so
  Descriptor sockets;    ///< likewise
  std::string why_no_processes;
  std::string why_no_sockets;
};

/// `network_namespace` is the inode of the one whose sockets are wanted.
BpfIterators load_bpf_iterators(std::uint32_t network_namespace);

/// Reads an iterator from its beginning to its end by way of its link. `what` is its name in an error.
ReadRecords reader_of(Descriptor link, std::string what);

}  // namespace galproc
