#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "model/reading.h"

namespace galproc {

/// A socket as the kernel dumps it.
struct BoundSocket {
  Protocol protocol = Protocol::Tcp;
  std::uint8_t family = 0;                  ///< AF_INET or AF_INET6
  std::array<unsigned char, 16> address{};  ///< network order; IPv4: the first four
  std::uint16_t port = 0;
  std::uint64_t inode = 0;  ///< of the file that stands for it; 0: none

  auto place() const { return std::tie(protocol, port, family, address); }
};

/// What one dump asks for.
struct DumpKind {
  Protocol protocol;
  std::uint8_t family;
  std::uint8_t state;     ///< the only one wanted, as TCP_LISTEN
  const char* operation;  ///< its name in a ReadError
};

/// How far the answer to a dump has come.
struct DumpReply {
  int code = 0;              ///< errno of what went wrong
  bool broken = false;       ///< the conversation failed, it was not the kernel that answered no
  bool interrupted = false;  ///< the table changed while it was dumped
  bool complete = false;
};

/// Takes in the messages of one datagram: sockets of `kind` with a port are added, messages of another sequence number
/// are left out, a length that does not fit breaks the reply.
void parse_dump(std::string_view datagram, const DumpKind& kind, std::uint32_t sequence,
                std::vector<BoundSocket>& sockets, DumpReply& reply);

/// Lists listening TCP and unconnected UDP sockets of this network namespace by netlink (sock_diag(7)).
class SocketDiag {
 public:
  SocketDiag();
  ~SocketDiag();

  struct Answer {
    std::vector<BoundSocket> sockets;  ///< by place()
    /// Operation and errno of the dumps that failed. What each of them gave last is in `sockets` again: no answer is no
    /// proof of a release.
    std::vector<std::pair<const char*, int>> failures;
  };
  /// Throws PlatformError where no socket can be made or the kernel refuses all dumps.
  Answer ask();

 private:
  class Connection;
  std::unique_ptr<Connection> connection_;
  std::array<std::vector<BoundSocket>, 4> latest_;  ///< of each dump
};

}  // namespace galproc
