#pragma once

// Signals between real processes, as the kernel told of them to a recorder in the background.

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <map>
#include <optional>

#include "support/child.h"
#include "support/proc.h"
#include "support/program.h"

namespace galproc {

/// A forked process that says when it is ready, and ends with this object at the latest. Unlike a Child it is sent
/// nothing once it was waited for.
class Target {
 public:
  /// `prepare` runs before it is ready and `live` after that; then it sleeps.
  explicit Target(
      const std::function<void()>& prepare = [] {}, const std::function<void()>& live = [] {}) {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(0);
      prepare();
      if (!ready_.send()) ::_exit(99);
      live();
      for (;;) ::pause();
    }
    ::close(std::exchange(ready_.ends[1], -1));  // so that one that ends before it is ready is not waited for
    ready_.wait();
  }
  ~Target() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  pid_t pid() const { return last_pid_ > 0 ? last_pid_ : pid_; }
  /// Its end as wait(2) tells it; -1 when it did not end within the bound.
  int wait() {
    int status = -1;
    if (!wait_until([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) {
      ADD_FAILURE() << "pid " << pid_ << " did not end";
      return -1;
    }
    last_pid_ = std::exchange(pid_, -1);
    return status;
  }
  /// Whether it has become a zombie, or been stopped or continued (WEXITED ...), within the bound. It is not waited
  /// for.
  bool has(int what) const {
    return wait_until([&] {
      siginfo_t info{};
      return ::waitid(P_PID, static_cast<id_t>(pid_), &info, what | WNOWAIT | WNOHANG) == 0 && info.si_pid == pid_;
    });
  }

 private:
  Wire ready_;
  pid_t pid_ = -1;
  pid_t last_pid_ = -1;
};

class SignalTest : public ProgramTest {
 protected:
  explicit SignalTest(std::string interval = "1s") : interval_(std::move(interval)) {}
  void SetUp() override {
    recorder_.emplace(record({"--interval", interval_}));
    const std::string said = recorder_->err();
    if (said.substr(0, said.find('\n')).find("events: bpf") == std::string::npos) {
      GTEST_SKIP() << "the kernel's events cannot be read here. " << said;
    }
  }

  /// Until all that has happened is stored.
  void stop() {
    if (recorder_->pid() <= 0) return;
    EXPECT_EQ(recorder_->stop(), 0) << recorder_->err();
  }
  /// Every attempt on a pid that the kernel told of, one line each: signal, cause, sender, outcome. The sender is
  /// "nobody", "itself", "the test", or as `names` has it. Ends the recorder.
  std::string attempts_on(pid_t pid, const std::map<pid_t, std::string>& names = {}) {
    stop();
    std::string sender = fmt::format(
        "CASE WHEN sender_pid IS NULL THEN iif(sender_upid IS NULL AND sender_name IS NULL AND sender_user IS NULL,"
        " 'nobody', 'half of one') WHEN (SELECT pid FROM processes AS p WHERE p.upid = sender_upid) <> sender_pid"
        " THEN 'another' WHEN sender_pid = target_pid THEN 'itself' WHEN sender_pid = {} THEN 'the test'",
        ::getpid());
    for (const auto& [named, name] : names) sender += fmt::format(" WHEN sender_pid = {} THEN '{}'", named, name);
    sender += " ELSE sender_name || ' ' || sender_pid END";
    return ask(
        fmt::format("SELECT signal || ' ' || cause || ' by ' || {} || ': ' || coalesce(outcome, 'unknown')"
                    " FROM termination_attempts WHERE source = 'kernel' AND target_pid = {}"
                    " ORDER BY signal_id",
                    sender, pid));
  }
  /// Code and signal of an end, and who told of it.
  std::string end_of(pid_t pid) {
    stop();
    return ask(fmt::format("SELECT exit_code, exit_signal, exit_source FROM processes WHERE pid = {}", pid));
  }

  std::string interval_;
  std::optional<Program> recorder_;
};

inline int pidfd_of(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

/// Whether it has ended, and its parent has not waited for it.
inline bool stat_is_zombie(pid_t pid) {
  return stat_text(pid).find(") Z ") != std::string::npos;
}

}  // namespace galproc
