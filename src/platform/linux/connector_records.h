#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace galproc {

/// What stands before the data of a message, as cn_msg, whose last member has no length and so is none of C++.
struct ConnectorHead {
  std::uint32_t index = 0, value = 0;
  std::uint32_t sequence = 0, answer = 0;
  std::uint16_t length = 0, flags = 0;
};

/// One message of the kernel's proc connector. It tells of each thread: of a process `pid` and `thread_id` are equal.
struct ConnectorRecord {
  enum class Kind { Fork, Exec, User, Name, Exit, Answer, Other };
  Kind kind = Kind::Other;
  std::uint32_t cpu = 0;         ///< that wrote it
  std::uint32_t sequence = 0;    ///< each CPU numbers its own; of an answer that of the request
  std::uint32_t answer = 0;      ///< cn_msg.ack: of an answer one more than that of the request
  std::int64_t at_ns = 0;        ///< on the monotonic clock of the initial time namespace
  std::int64_t pid = 0;          ///< of the process; fork: of the child
  std::int64_t thread_id = 0;    ///< likewise
  std::int64_t parent_pid = 0;   ///< fork: of its parent from now on, which with CLONE_PARENT is not the caller
  std::int64_t user_id = 0;      ///< user: the effective one
  std::int64_t wait_status = 0;  ///< exit: of this thread
  std::int64_t error = 0;        ///< answer: errno
  std::string name;              ///< name: the new one
};

/// A whole netlink datagram; empty for one that is cut short or of another sender.
std::optional<ConnectorRecord> parse_connector_message(std::span<const std::byte> datagram);

}  // namespace galproc
