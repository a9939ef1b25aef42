#pragma once

// Processes that do nothing, for a process table of a known size.

#include <errno.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace galproc::bench {

/// Sleeping children of this process. They end with this object, and with this process however it ends.
class Sleepers {
 public:
  static constexpr std::size_t kMost = 10'000;

  Sleepers() = default;
  ~Sleepers() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  }
  Sleepers(const Sleepers&) = delete;
  Sleepers& operator=(const Sleepers&) = delete;

  /// Forks until there are `count`. Throws std::runtime_error, with those that there are still owned, where the system
  /// does not let it have so many. REQUIRES: one thread, and no file open that must not be open twice.
  void grow_to(std::size_t count) {
    if (count > kMost) throw std::runtime_error(fmt::format("More than {} sleepers are not made.", kMost));
    rlimit limit{};
    if (::getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < count + 200) {
      throw std::runtime_error(fmt::format("The limit of processes (ulimit -u) is {}: too low for {} sleepers.",
                                           static_cast<std::size_t>(limit.rlim_cur), count));
    }
    pids_.reserve(count);
    const pid_t parent = ::getpid();
    while (pids_.size() < count) {
      const pid_t pid = ::fork();
      if (pid == 0) sleep_for_ever(parent);
      if (pid < 0)
        throw std::runtime_error(fmt::format("fork of sleeper {}: {}", pids_.size() + 1, std::strerror(errno)));
      pids_.push_back(pid);
    }
  }

  std::size_t count() const { return pids_.size(); }

  /// Wakes every `step`th of them for the moment that it takes to touch another page: its counters move.
  void stir(std::size_t step) const {
    for (std::size_t i = 0; i < pids_.size(); i += step) ::kill(pids_[i], SIGUSR1);
  }

 private:
  [[noreturn]] static void sleep_for_ever(pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    sigset_t stirring;
    ::sigemptyset(&stirring);
    ::sigaddset(&stirring, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &stirring, nullptr);
    constexpr std::size_t kPage = 4096, kPages = 1024;
    void* memory = ::mmap(nullptr, kPage * kPages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) ::_exit(1);
    auto* pages = static_cast<volatile char*>(memory);
    for (std::size_t page = 0;; page = (page + 1) % kPages) {
      int signal = 0;
      ::sigwait(&stirring, &signal);
      pages[page * kPage] = 1;
    }
  }

  std::vector<pid_t> pids_;
};

}  // namespace galproc::bench
