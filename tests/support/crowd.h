#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <map>
#include <utility>

#include "support/puppet.h"

namespace galproc {

/// Many processes that do nothing, each with a listening socket on loopback where asked for. They end with this object,
/// and with the process that made it.
class Crowd {
 public:
  enum class Ports { None, OneEach };

  /// As many as `wanted` and as this user may have.
  Crowd(int wanted, Ports ports) {
    int report[2];
    if (::pipe2(report, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const pid_t parent = ::getpid();
    while (static_cast<int>(pids_.size()) < wanted) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        die_with(parent);
        live(report[1], ports);
      }
      if (pid < 0) break;  // RLIMIT_NPROC or memory: fewer will do
      pids_.push_back(pid);
    }
    ::close(report[1]);
    std::pair<pid_t, int> told;
    for (std::size_t i = 0; i < pids_.size() && ::read(report[0], &told, sizeof told) == sizeof told; ++i)
      ports_.insert(told);
    ::close(report[0]);
  }
  ~Crowd() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  const std::vector<pid_t>& pids() const { return pids_; }
  /// The port of each, or the -errno of the one that could not have any.
  const std::map<pid_t, int>& ports() const { return ports_; }

 private:
  [[noreturn]] static void live(int report, Ports ports) {
    // Nothing but the report: else each would hold what all before it had.
    if (report > 3) ::syscall(SYS_close_range, 3, report - 1, 0);
    ::syscall(SYS_close_range, report + 1, ~0U, 0);
    const int socket = ports == Ports::OneEach ? bind_socket(SOCK_STREAM, "127.0.0.1", 0) : -1;
    const std::pair<pid_t, int> told{::getpid(), socket < 0 ? -errno : port_of(socket)};
    if (::write(report, &told, sizeof told) != sizeof told) ::_exit(1);
    ::close(report);
    while (true) ::pause();
  }

  std::vector<pid_t> pids_;
  std::map<pid_t, int> ports_;
};

}  // namespace galproc
