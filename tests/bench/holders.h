#pragma once

// Processes that hold listening sockets, for a table of sockets of a known size.

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <vector>

namespace galproc::bench {

inline bool listen_on(int port) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(port));
  return ::bind(made, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 && ::listen(made, 8) == 0;
}

/// Processes that listen, each on ports of its own, and end with this object and with this process.
class Holders {
 public:
  static constexpr int kHolders = 10, kSocketsEach = 2000, kSockets = kHolders * kSocketsEach, kFirstPort = 10'000;

  Holders() {
    int told[2];
    if (::pipe2(told, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const pid_t parent = ::getpid();
    for (int i = 0; i < kHolders; ++i) {
      pids_.push_back(::fork());
      if (pids_.back() == 0) live(parent, told[1], kFirstPort + i * kSocketsEach);
    }
    ::close(told[1]);
    char byte = 0;
    int ready = 0;
    while (::read(told[0], &byte, 1) == 1) ++ready;  // until all have closed their ends
    ::close(told[0]);
    if (ready != kHolders) throw std::runtime_error("the sockets cannot be had");
  }
  ~Holders() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  }
  Holders(const Holders&) = delete;
  Holders& operator=(const Holders&) = delete;

 private:
  [[noreturn]] static void live(pid_t parent, int told, int first_port) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    for (int i = 0; i < kSocketsEach; ++i) {
      if (!listen_on(first_port + i)) ::_exit(1);
    }
    if (::write(told, "r", 1) != 1) ::_exit(1);
    ::close(told);
    while (true) ::pause();
  }

  std::vector<pid_t> pids_;
};

}  // namespace galproc::bench
