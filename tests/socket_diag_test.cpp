// The kernel's list of sockets, message by message: made-up and hostile ones.

#include "platform/linux/socket_diag.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace galproc {
namespace {

constexpr DumpKind kTcp{Protocol::Tcp, AF_INET, TCP_LISTEN, "dump"};

std::string message(std::uint16_t type, std::uint32_t sequence, const std::string& body, std::uint16_t flags = 0) {
  const nlmsghdr header{static_cast<std::uint32_t>(sizeof(nlmsghdr) + body.size()), type, flags, sequence, 0};
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  text += body;
  text.resize(NLMSG_ALIGN(text.size()));
  return text;
}

std::string socket_body(std::uint8_t state, std::uint16_t port) {
  inet_diag_msg body{};
  body.idiag_family = AF_INET;
  body.idiag_state = state;
  body.id.idiag_sport = htons(port);
  body.idiag_inode = 5;
  return {reinterpret_cast<const char*>(&body), sizeof body};
}

std::string code_body(int code) {
  return {reinterpret_cast<const char*>(&code), sizeof code};
}

TEST(SocketDump, TakesItsOwnMessagesUntilTheLast) {
  std::vector<BoundSocket> sockets;
  DumpReply reply;
  parse_dump(message(SOCK_DIAG_BY_FAMILY, 1, socket_body(TCP_LISTEN, 80)) +
                 message(SOCK_DIAG_BY_FAMILY, 9, socket_body(TCP_LISTEN, 81)) +
                 message(SOCK_DIAG_BY_FAMILY, 1, socket_body(TCP_ESTABLISHED, 82)) +
                 message(SOCK_DIAG_BY_FAMILY, 1, socket_body(TCP_LISTEN, 0)),
             kTcp, 1, sockets, reply);
  ASSERT_EQ(sockets.size(), 1U);
  EXPECT_EQ(sockets[0].port, 80);
  EXPECT_EQ(sockets[0].inode, 5U);
  EXPECT_FALSE(reply.complete || reply.interrupted || reply.broken);
  parse_dump(message(NLMSG_DONE, 1, code_body(0), NLM_F_DUMP_INTR), kTcp, 1, sockets, reply);
  EXPECT_TRUE(reply.complete && reply.interrupted);
  EXPECT_EQ(reply.code, 0);
}

TEST(SocketDump, GivesTheErrorOfTheKernel) {
  for (const int type : {NLMSG_ERROR, NLMSG_DONE}) {
    std::vector<BoundSocket> sockets;
    DumpReply reply;
    parse_dump(message(static_cast<std::uint16_t>(type), 1, code_body(-ENOENT)), kTcp, 1, sockets, reply);
    EXPECT_TRUE(reply.complete && !reply.broken);
    EXPECT_EQ(reply.code, ENOENT);
  }
}

TEST(SocketDump, IsBrokenByLengthsThatDoNotFit) {
  for (const std::uint32_t length : {0U, 15U, 1000U, 0xffffffffU}) {
    std::string text = message(SOCK_DIAG_BY_FAMILY, 1, socket_body(TCP_LISTEN, 80));
    std::memcpy(text.data(), &length, sizeof length);
    std::vector<BoundSocket> sockets;
    DumpReply reply;
    parse_dump(text, kTcp, 1, sockets, reply);
    EXPECT_TRUE(reply.broken) << length;
    EXPECT_TRUE(sockets.empty());
  }
  std::vector<BoundSocket> sockets;
  DumpReply reply;
  parse_dump(message(SOCK_DIAG_BY_FAMILY, 1, "short") + "x", kTcp, 1, sockets, reply);
  EXPECT_TRUE(sockets.empty() && !reply.broken);
}

}  // namespace
}  // namespace galproc
