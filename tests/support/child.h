#pragma once

// Forked processes for what one process cannot try on itself.

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace galproc {

/// A child that sleeps until it is ended by its own pid, or until its parent is.
class Child {
 public:
  explicit Child(const std::function<void()>& body = [] {}) {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(0);
      body();
      for (;;) ::pause();
    }
  }
  ~Child() { reap(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void kill() const { ::kill(pid_, SIGKILL); }
  /// Ends it, where it has not ended, and waits for it.
  void reap() {
    if (pid_ <= 0) return;
    kill();
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  /// What waitid(2) tells once it has ended, been stopped or continued (WEXITED ...), within a bound; it stays a
  /// zombie.
  siginfo_t await(int what) const {
    siginfo_t info{};
    for (int i = 0; i < 30'000 && info.si_pid == 0; ++i) {
      ::waitid(P_PID, static_cast<id_t>(pid_), &info, what | WNOWAIT | WNOHANG);
      if (info.si_pid == 0) ::usleep(1000);
    }
    return info;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

/// A pipe by which a child is told to go on and tells that it did.
struct Wire {
  Wire() {
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  }
  ~Wire() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  bool send() const { return ::write(ends[1], "x", 1) == 1; }
  bool wait() const {
    char byte = 0;
    return ::read(ends[0], &byte, 1) == 1;
  }
  int ends[2] = {-1, -1};
};

/// Without any privileges from now on, for good. REQUIRES: root.
inline bool become_nobody() {
  constexpr uid_t kNobody = 65534;
  return ::setgroups(0, nullptr) == 0 && ::setgid(kNobody) == 0 && ::setuid(kNobody) == 0;
}

/// Runs `work` in a process of its own; gives what it returns, or "ended by N".
inline std::string in_child(const std::function<std::string()>& work) {
  int wire[2];
  if (::pipe2(wire, O_CLOEXEC) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    std::string text;
    try {
      text = work();
    } catch (const std::exception& error) {
      text = error.what();
    }
    const bool written = ::write(wire[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::_exit(written ? 0 : 1);
  }
  ::close(wire[1]);
  std::string text;
  char piece[512];
  ssize_t got = 0;
  while ((got = ::read(wire[0], piece, sizeof piece)) > 0) text.append(piece, static_cast<std::size_t>(got));
  ::close(wire[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? text : "ended by " + std::to_string(status);
}

}  // namespace galproc
