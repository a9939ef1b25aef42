#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "platform/linux/connector_records.h"
#include "platform/posix/descriptor.h"

namespace galproc {

/// Hears the kernel's proc connector.
class ConnectorSocket {
 public:
  /// A socket that the kernel has agreed to tell; none, with the reason for inside a sentence in `why_not`, where it
  /// does not. `bytes`: room asked for; the kernel takes twice as much, and of an unprivileged user as much as it
  /// allows.
  static ConnectorSocket open(std::size_t bytes, std::string& why_not);
  ConnectorSocket(ConnectorSocket&&) = default;
  ConnectorSocket& operator=(ConnectorSocket&&) = delete;
  ~ConnectorSocket();

  explicit operator bool() const { return static_cast<bool>(socket_); }
  int descriptor() const { return socket_.get(); }

  /// Appends what waits, in the order in which the kernel sent it, and gives how many found no room since the call
  /// before. Never blocks.
  std::int64_t receive(std::vector<ConnectorRecord>& records);

 private:
  explicit ConnectorSocket(Descriptor socket) : socket_(std::move(socket)) {}
  /// 0 or errno.
  int ask(bool listen);
  /// Whether the kernel said yes in time.
  bool is_agreed();
  std::int64_t count_gap(const ConnectorRecord& record);

  Descriptor socket_;
  std::uint32_t request_ = 0;
  std::map<std::uint32_t, std::uint32_t> next_;  ///< for each CPU the number of its next message
};

}  // namespace galproc
