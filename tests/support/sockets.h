#pragma once

// What the tests of sockets need: sockets on loopback, processes that hold them, and a made-up /proc.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "model/reading.h"
#include "platform/posix/descriptor.h"
#include "support/proc.h"

namespace galproc {

/// How long a test waits for what must come, milliseconds.
constexpr int kBoundMs = 10'000;

/// A living process with the start time that /proc gives.
inline ProcessReading process(std::int64_t pid, bool ran) {
  static const auto image = std::make_shared<const ProcessImage>();
  const std::string text = stat_text(pid);
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  ProcessReading reading;
  reading.key = {pid, field.empty() ? 0 : std::stoll(field)};
  reading.ran = ran;
  reading.image = image;
  return reading;
}

inline ProcessPass pass_of(const std::vector<std::int64_t>& pids, bool ran = true) {
  ProcessPass pass;
  for (const std::int64_t pid : pids) pass.processes.push_back(process(pid, ran));
  return pass;
}

/// A socket bound to a port of the kernel's choice or to `port`; -1 where that is not possible.
inline Descriptor bind_socket(int type, const char* address, std::uint16_t port = 0) {
  const bool v6 = std::strchr(address, ':') != nullptr;
  Descriptor made(::socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  sockaddr_in6 name6{};
  name6.sin6_family = AF_INET6;
  name6.sin6_port = htons(port);
  sockaddr_in name4{};
  name4.sin_family = AF_INET;
  name4.sin_port = htons(port);
  ::inet_pton(v6 ? AF_INET6 : AF_INET, address, v6 ? static_cast<void*>(&name6.sin6_addr) : &name4.sin_addr);
  const auto* name = v6 ? reinterpret_cast<const sockaddr*>(&name6) : reinterpret_cast<const sockaddr*>(&name4);
  if (::bind(made.get(), name, v6 ? sizeof name6 : sizeof name4) != 0) return {};
  if (type == SOCK_STREAM && ::listen(made.get(), 8) != 0) return {};
  return made;
}

inline std::uint16_t port_of(const Descriptor& socket) {
  sockaddr_in6 name{};  // the port lies at the same place in both families
  socklen_t bytes = sizeof name;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &bytes);
  return ntohs(name.sin6_port);
}

inline bool connect_to(const Descriptor& socket, std::uint16_t port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
}

inline std::vector<SocketReading> rows_of(const SocketPass& pass, Protocol protocol, std::int64_t port) {
  std::vector<SocketReading> rows;
  std::copy_if(pass.sockets.begin(), pass.sockets.end(), std::back_inserter(rows),
               [&](const SocketReading& row) { return row.protocol == protocol && row.port == port; });
  return rows;
}

/// The pids that hold the only row of a port, each with a semicolon; "N rows" where there is not one.
inline std::string holders_of(const SocketPass& pass, Protocol protocol, std::int64_t port) {
  const auto rows = rows_of(pass, protocol, port);
  if (rows.size() != 1) return std::to_string(rows.size()) + " rows";
  std::string text;
  for (const ProcessKey& key : rows[0].holders) text += std::to_string(key.pid) + ";";
  return text;
}

/// What holders_of gives for these holders.
inline std::string text_of(std::vector<std::int64_t> pids) {
  std::sort(pids.begin(), pids.end());
  std::string text;
  for (const std::int64_t pid : pids) text += std::to_string(pid) + ";";
  return text;
}

/// What comes next on a wire, within the bound; empty at its end.
inline std::string hear(int wire) {
  pollfd watched{wire, POLLIN, 0};
  char text[512];
  if (::poll(&watched, 1, kBoundMs) != 1) return "";
  const ssize_t got = ::read(wire, text, sizeof text);
  return {text, static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

inline void say(int wire, std::string_view text) {
  ASSERT_EQ(::send(wire, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

/// A forked process that runs `body` with its end of a wire and then waits to be killed.
class Child {
 public:
  explicit Child(const std::function<void(int wire)>& body) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return;
    wire_ = Descriptor(ends[0]);
    Descriptor other(ends[1]);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    wire_.reset();
    body(other.get());
    while (true) ::pause();
  }
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  std::int64_t pid() const { return pid_; }
  int wire() const { return wire_.get(); }

 private:
  pid_t pid_ = -1;
  Descriptor wire_;
};

inline void send_descriptor(int wire, int fd) {
  char byte = 'f';
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ASSERT_EQ(::sendmsg(wire, &message, 0), 1);
}

inline void receive_descriptor(int wire) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ::recvmsg(wire, &message, 0);
}

/// A folder that stands for /proc and goes with the test.
class MadeUpProc {
 public:
  MadeUpProc() {
    std::string pattern = (std::filesystem::temp_directory_path() / "galproc_sockets_XXXXXX").string();
    if (const char* made = ::mkdtemp(pattern.data())) path_ = made;
    std::filesystem::create_directories(path_ / "self/ns/net");
  }
  ~MadeUpProc() { std::filesystem::remove_all(path_); }
  MadeUpProc(const MadeUpProc&) = delete;
  MadeUpProc& operator=(const MadeUpProc&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// A process that does nothing, with descriptor 3 for `socket` where one is given.
  ProcessReading add(std::int64_t pid, std::int64_t start, const Descriptor* socket = nullptr) const {
    const auto folder = path_ / std::to_string(pid);
    std::filesystem::create_directories(folder / "fd");
    std::ofstream(folder / "stat") << pid << " (a b) 1 2) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 " << start
                                   << " 0 0 0 1 1 1\n";
    if (socket) hold(pid, *socket);
    ProcessReading reading;
    reading.key = {pid, start};
    reading.ran = false;
    reading.image = image_;
    return reading;
  }
  void hold(std::int64_t pid, const Descriptor& socket) const {
    struct stat status {};
    ::fstat(socket.get(), &status);
    std::filesystem::create_symlink("socket:[" + std::to_string(status.st_ino) + "]", link(pid));
  }
  void hold_file(std::int64_t pid, int fd) const {
    std::filesystem::create_symlink("/dev/null", path_ / std::to_string(pid) / "fd" / std::to_string(fd));
  }
  void drop(std::int64_t pid) const { std::filesystem::remove(link(pid)); }

 private:
  std::filesystem::path link(std::int64_t pid) const { return path_ / std::to_string(pid) / "fd/3"; }

  std::filesystem::path path_;
  std::shared_ptr<const ProcessImage> image_ = std::make_shared<const ProcessImage>();
};

}  // namespace galproc
