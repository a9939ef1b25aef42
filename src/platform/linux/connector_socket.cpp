#include "platform/linux/connector_socket.h"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <limits>
#include <optional>

#include "platform/linux/errors.h"

namespace galproc {

namespace {

constexpr const char* kOnlyInitial = "the kernel tells it only in the machine's own network, user and pid namespaces";

sockaddr_nl address_of(std::uint32_t groups) {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  return address;
}

}  // namespace

ConnectorSocket ConnectorSocket::open(std::size_t bytes, std::string& why_not) {
  ConnectorSocket opened(
      Descriptor(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR)));
  if (!opened) {
    why_not = "the proc connector is not there: " + error_text(errno);
    return opened;
  }
  const auto refuse = [&](std::string reason) {
    why_not = std::move(reason);
    opened.socket_.reset();
  };
  const int room = static_cast<int>(std::min<std::size_t>(bytes, INT_MAX / 2));
  if (::setsockopt(opened.descriptor(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0) {
    ::setsockopt(opened.descriptor(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  }
  const sockaddr_nl group = address_of(1U << (CN_IDX_PROC - 1));
  if (::bind(opened.descriptor(), reinterpret_cast<const sockaddr*>(&group), sizeof group) != 0) {
    refuse(errno == EPERM ? "the proc connector needs CAP_NET_ADMIN before Linux 6.6"
                          : "the proc connector cannot be heard: " + error_text(errno));
    return opened;
  }
  if (const int code = opened.ask(true); code != 0) {
    refuse(code == ECONNREFUSED ? kOnlyInitial : "the proc connector takes no request: " + error_text(code));
  } else if (!opened.is_agreed()) {
    refuse(kOnlyInitial);
  }
  return opened;
}

ConnectorSocket::~ConnectorSocket() {
  // Before Linux 6.6 the kernel goes on telling when the socket is closed.
  if (socket_ && request_ != 0) ask(false);
}

int ConnectorSocket::ask(bool listen) {
  // Others hear the answers to their own requests here as well.
  if (request_ == 0) ::getrandom(&request_, sizeof request_, GRND_NONBLOCK);
  request_ |= 1;
  const proc_cn_mcast_op operation = listen ? PROC_CN_MCAST_LISTEN : PROC_CN_MCAST_IGNORE;
  nlmsghdr header{};
  const ConnectorHead message{CN_IDX_PROC, CN_VAL_PROC, request_, request_, sizeof(operation), 0};
  std::array<std::byte, NLMSG_SPACE(sizeof(message) + sizeof(operation))> bytes{};
  header.nlmsg_len = NLMSG_LENGTH(sizeof(message) + sizeof(operation));
  header.nlmsg_type = NLMSG_DONE;
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + NLMSG_HDRLEN, &message, sizeof message);
  std::memcpy(bytes.data() + NLMSG_HDRLEN + sizeof message, &operation, sizeof operation);
  const sockaddr_nl kernel = address_of(0);
  const ssize_t sent = ::sendto(socket_.get(), bytes.data(), header.nlmsg_len, 0,
                                reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  return sent < 0 ? errno : 0;
}

bool ConnectorSocket::is_agreed() {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kPatience{100};  // it answers while it takes the request
  const auto until = Clock::now() + kPatience;
  for (auto now = Clock::now(); now < until; now = Clock::now()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - now);
    pollfd waiting{socket_.get(), POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(left.count()) + 1);
    std::vector<ConnectorRecord> records;
    receive(records);  // nobody was listening yet: what comes before the answer is not missed by anybody
    for (const ConnectorRecord& record : records) {
      if (record.kind == ConnectorRecord::Kind::Answer && record.answer == request_ + 1) return record.error == 0;
    }
  }
  return false;
}

std::int64_t ConnectorSocket::receive(std::vector<ConnectorRecord>& records) {
  constexpr std::size_t kAtOnce = 64;
  constexpr std::size_t kMessageBytes = 256;
  constexpr int kMostRounds = 4096;  // whoever fills it faster than it is emptied does not keep the caller
  std::array<std::array<std::byte, kMessageBytes>, kAtOnce> bytes;
  std::array<sockaddr_nl, kAtOnce> senders;
  std::array<iovec, kAtOnce> parts;
  std::array<mmsghdr, kAtOnce> messages{};
  std::int64_t lost = 0;
  for (int round = 0; round < kMostRounds; ++round) {
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      parts[i] = {bytes[i].data(), kMessageBytes};
      messages[i].msg_hdr = {&senders[i], sizeof(sockaddr_nl), &parts[i], 1, nullptr, 0, 0};
    }
    const int got = ::recvmmsg(socket_.get(), messages.data(), kAtOnce, MSG_DONTWAIT, nullptr);
    if (got < 0 && (errno == EINTR || errno == ENOBUFS)) continue;  // how many found no room tell their numbers
    if (got <= 0) break;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
      if (senders[i].nl_pid != 0) continue;  // not the kernel
      auto record = parse_connector_message(std::span(bytes[i]).first(messages[i].msg_len));
      if (!record) continue;
      lost += count_gap(*record);
      records.push_back(std::move(*record));
    }
  }
  return lost;
}

std::int64_t ConnectorSocket::count_gap(const ConnectorRecord& record) {
  if (record.cpu == std::numeric_limits<std::uint32_t>::max())
    return 0;  // an answer, which has no number in some kernels
  const auto [next, is_first] = next_.try_emplace(record.cpu, record.sequence);
  const std::uint32_t gap = is_first ? 0 : record.sequence - next->second;
  next->second = record.sequence + 1;
  return gap;
}

}  // namespace galproc
