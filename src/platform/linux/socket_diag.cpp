// Asking for listeners and unconnected sockets alone costs 30 us; asking for every state costs 1.3 ms a family more,
// since the kernel then walks its whole table of connections, empty or not.

#include "platform/linux/socket_diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "model/errors.h"
#include "platform/linux/errors.h"
#include "platform/posix/descriptor.h"

namespace galproc {

namespace {

constexpr std::array<DumpKind, 4> kDumpKinds{{
    {Protocol::Tcp, AF_INET, TCP_LISTEN, "dump tcp ipv4 sockets"},
    {Protocol::Tcp, AF_INET6, TCP_LISTEN, "dump tcp ipv6 sockets"},
    {Protocol::Udp, AF_INET, TCP_CLOSE, "dump udp ipv4 sockets"},  // the kernel's word for "not connected"
    {Protocol::Udp, AF_INET6, TCP_CLOSE, "dump udp ipv6 sockets"},
}};

constexpr int kInterruptedRetries = 3;

}  // namespace

void parse_dump(std::string_view datagram, const DumpKind& kind, std::uint32_t sequence,
                std::vector<BoundSocket>& sockets, DumpReply& reply) {
  while (datagram.size() >= sizeof(nlmsghdr) && !reply.complete) {
    nlmsghdr header;
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) {
      reply.code = EBADMSG;
      reply.broken = true;
      return;
    }
    const std::string_view body = datagram.substr(sizeof header, header.nlmsg_len - sizeof header);
    datagram.remove_prefix(std::min<std::size_t>(datagram.size(), NLMSG_ALIGN(header.nlmsg_len)));
    if (header.nlmsg_seq != sequence) continue;
    reply.interrupted |= (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
      int negative = 0;  // both begin with a negative errno, 0 where all went well
      if (body.size() >= sizeof negative) std::memcpy(&negative, body.data(), sizeof negative);
      reply.code = negative < 0 && negative >= -4095 ? -negative : 0;
      reply.complete = true;
    } else if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY && body.size() >= sizeof(inet_diag_msg)) {
      inet_diag_msg message;
      std::memcpy(&message, body.data(), sizeof message);
      BoundSocket socket{kind.protocol, kind.family, {}, ntohs(message.id.idiag_sport), message.idiag_inode};
      std::memcpy(socket.address.data(), message.id.idiag_src, kind.family == AF_INET ? 4 : 16);
      if (message.idiag_family == kind.family && message.idiag_state == kind.state && socket.port != 0) {
        sockets.push_back(socket);
      }
    }
  }
}

/// The netlink socket, kept from dump to dump.
class SocketDiag::Connection {
 public:
  /// Fills `sockets`, emptied first. 0, or the errno of the dump. Throws PlatformError where no socket can be made.
  int dump(const DumpKind& kind, std::vector<BoundSocket>& sockets) {
    bool fresh = !socket_;
    for (int interrupted = 0;;) {
      if (!socket_) open();
      const DumpReply reply = converse(kind, sockets);
      if (reply.broken) {
        // Half an answer may still wait in it: whatever is asked next needs a new one.
        socket_.reset();
        if (std::exchange(fresh, true)) return reply.code;
        continue;
      }
      // On a machine where each dump is interrupted, most of the sockets are better than none.
      if (reply.code == 0 && reply.interrupted && interrupted++ < kInterruptedRetries) continue;
      return reply.code;
    }
  }

 private:
  void open() {
    socket_ = Descriptor(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!socket_) throw PlatformError("Sockets cannot be listed: no netlink socket: " + error_text(errno) + ".", errno);
    // The kernel answers at once; an answer that got lost must not stop the recorder for ever.
    const timeval timeout{2, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  }

  DumpReply converse(const DumpKind& kind, std::vector<BoundSocket>& sockets) {
    sockets.clear();
    struct {
      nlmsghdr header;
      inet_diag_req_v2 body;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.header.nlmsg_seq = ++sequence_;
    request.body.sdiag_family = kind.family;
    request.body.sdiag_protocol = kind.protocol == Protocol::Tcp ? IPPROTO_TCP : IPPROTO_UDP;
    request.body.idiag_states = 1U << kind.state;
    while (::send(socket_.get(), &request, sizeof request, 0) < 0) {
      if (errno != EINTR) return {.code = errno, .broken = true};
    }
    DumpReply reply;
    while (!reply.complete && !reply.broken) {
      sockaddr_nl sender{};
      socklen_t sender_bytes = sizeof sender;
      const ssize_t got = ::recvfrom(socket_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC,
                                     reinterpret_cast<sockaddr*>(&sender), &sender_bytes);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return {.code = errno, .broken = true};
      if (sender.nl_pid != 0) continue;  // not from the kernel
      if (static_cast<std::size_t>(got) > buffer_.size()) return {.code = EMSGSIZE, .broken = true};
      parse_dump({buffer_.data(), static_cast<std::size_t>(got)}, kind, sequence_, sockets, reply);
    }
    return reply;
  }

  Descriptor socket_;
  std::uint32_t sequence_ = 0;
  std::vector<char> buffer_ = std::vector<char>(65536);  // twice what the kernel puts into one datagram of a dump
};

SocketDiag::SocketDiag() : connection_(std::make_unique<Connection>()) {}
SocketDiag::~SocketDiag() = default;

SocketDiag::Answer SocketDiag::ask() {
  Answer answer;
  for (std::size_t i = 0; i < kDumpKinds.size(); ++i) {
    std::vector<BoundSocket> sockets;
    const int code = connection_->dump(kDumpKinds[i], sockets);
    if (code == 0) latest_[i] = std::move(sockets);
    if (code != 0) answer.failures.emplace_back(kDumpKinds[i].operation, code);
    answer.sockets.insert(answer.sockets.end(), latest_[i].begin(), latest_[i].end());
  }
  if (answer.failures.size() == kDumpKinds.size()) {
    const int code = answer.failures.front().second;
    throw PlatformError("Sockets cannot be listed: the kernel refuses: " + error_text(code) + ".", code);
  }
  std::sort(answer.sockets.begin(), answer.sockets.end(), [](auto& a, auto& b) { return a.place() < b.place(); });
  return answer;
}

}  // namespace galproc
