// Signals that the kernel sends by itself: who stands behind them, and where nobody does.

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pty.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <termios.h>
#include <time.h>

#include <csignal>
#include <cstddef>

#include "support/signal_fixture.h"

namespace galproc {
namespace {

class ProgramSignalKernel : public SignalTest {};

void burn_cpu() {
  for (;;) asm volatile("");
}

/// A new terminal whose foreground is a Target that begins with lead_session().
struct Terminal {
  Terminal() {
    if (::openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) throw std::runtime_error("no terminal");
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
  }
  ~Terminal() {
    hang_up();
    ::close(slave);
  }
  void lead_session() const {
    ::close(master);
    if (::setsid() < 0 || ::ioctl(slave, TIOCSCTTY, 0) != 0) ::_exit(98);
  }
  bool type(char key) const { return ::write(master, &key, 1) == 1; }
  void hang_up() { ::close(std::exchange(master, -1)); }
  int master = -1;
  int slave = -1;
};

TEST_F(ProgramSignalKernel, WhatIsTypedAtATerminalHasNoSender) {
  Terminal terminal;
  Target target([&] { terminal.lead_session(); });
  ASSERT_TRUE(terminal.type(3));  // Ctrl-C
  EXPECT_EQ(target.wait(), SIGINT);
  Terminal other;
  Target quit([&] { other.lead_session(); });
  ASSERT_TRUE(other.type(28));  // Ctrl-backslash
  EXPECT_EQ(WTERMSIG(quit.wait()), SIGQUIT);
  EXPECT_EQ(attempts_on(target.pid()), "SIGINT terminal by nobody: exited\n");
  EXPECT_EQ(attempts_on(quit.pid()), "SIGQUIT terminal by nobody: exited\n");
}

TEST_F(ProgramSignalKernel, ATerminalThatIsClosedHangsUpAndNamesWhoClosedIt) {
  Terminal terminal;
  Target target([&] { terminal.lead_session(); });
  terminal.hang_up();
  EXPECT_EQ(target.wait(), SIGHUP);
  EXPECT_EQ(attempts_on(target.pid()), "SIGHUP hangup by the test: exited\n");
}

TEST_F(ProgramSignalKernel, TheEndOfASessionsLeaderHangsUpOnItsForeground) {
  Terminal terminal;
  const Wire told;
  Target leader(
      [&] {
        terminal.lead_session();
        const pid_t member = ::fork();
        if (member == 0) {
          ::alarm(100);  // at the latest, whatever becomes of the test
          for (;;) ::pause();
        }
        if (::write(told.ends[1], &member, sizeof member) != sizeof member) ::_exit(97);
      },
      [] { ::_exit(0); });
  pid_t member = 0;
  ASSERT_EQ(::read(told.ends[0], &member, sizeof member), static_cast<ssize_t>(sizeof member));
  EXPECT_EQ(leader.wait(), 0);
  EXPECT_TRUE(wait_until([&] { return ::kill(member, 0) != 0 || stat_is_zombie(member); }));
  EXPECT_EQ(attempts_on(member, {{leader.pid(), "the leader"}}), "SIGHUP hangup by the leader: exited\n");
}

TEST_F(ProgramSignalKernel, AnAlarmHasNoSender) {
  Target alarmed([] {},
                 [] {
                   const itimerval soon{{0, 0}, {0, 1000}};
                   ::setitimer(ITIMER_REAL, &soon, nullptr);
                 });
  Target busy([] {},
              [] {
                const itimerval soon{{0, 0}, {0, 1000}};
                ::setitimer(ITIMER_VIRTUAL, &soon, nullptr);
                burn_cpu();
              });
  Target profiled([] {},
                  [] {
                    const itimerval soon{{0, 0}, {0, 1000}};
                    ::setitimer(ITIMER_PROF, &soon, nullptr);
                    burn_cpu();
                  });
  EXPECT_EQ(alarmed.wait(), SIGALRM);
  EXPECT_EQ(busy.wait(), SIGVTALRM);
  EXPECT_EQ(profiled.wait(), SIGPROF);
  EXPECT_EQ(attempts_on(alarmed.pid()), "SIGALRM timer by nobody: exited\n");
  EXPECT_EQ(attempts_on(busy.pid()), "SIGVTALRM timer by nobody: exited\n");
  EXPECT_EQ(attempts_on(profiled.pid()), "SIGPROF timer by nobody: exited\n");
}

TEST_F(ProgramSignalKernel, ATimerThatSendsAnySignalHasNoSender) {
  const auto set_timer = [](int signal) {
    sigevent what{};
    what.sigev_notify = SIGEV_SIGNAL;
    what.sigev_signo = signal;
    timer_t timer{};
    const itimerspec soon{{0, 0}, {0, 1'000'000}};
    if (::timer_create(CLOCK_MONOTONIC, &what, &timer) != 0 || ::timer_settime(timer, 0, &soon, nullptr) != 0) {
      ::_exit(97);
    }
  };
  Target ended([] {}, [&] { set_timer(SIGTERM); });
  Target killed([] {}, [&] { set_timer(SIGKILL); });
  EXPECT_EQ(ended.wait(), SIGTERM);
  EXPECT_EQ(killed.wait(), SIGKILL);
  EXPECT_EQ(attempts_on(ended.pid()), "SIGTERM timer by nobody: exited\n");
  EXPECT_EQ(attempts_on(killed.pid()), "SIGKILL timer by nobody: exited\n");
}

TEST_F(ProgramSignalKernel, TooMuchCpuTimeIsALimit) {
  Target soft([] {},
              [] {
                const rlimit limit{1, 60};
                ::setrlimit(RLIMIT_CPU, &limit);
                burn_cpu();
              });
  Target hard([] {},
              [] {
                const rlimit limit{1, 1};
                ::setrlimit(RLIMIT_CPU, &limit);
                burn_cpu();
              });
  EXPECT_EQ(WTERMSIG(soft.wait()), SIGXCPU);
  EXPECT_EQ(hard.wait(), SIGKILL);
  EXPECT_EQ(attempts_on(soft.pid()), "SIGXCPU limit by nobody: exited\n");
  EXPECT_EQ(attempts_on(hard.pid()), "SIGKILL limit by nobody: exited\n");
}

TEST_F(ProgramSignalKernel, AFileThatGrowsTooLargeIsALimit) {
  const std::string path = folder_ / "large";
  Target target([] {},
                [&] {
                  const rlimit limit{1, 1};
                  ::setrlimit(RLIMIT_FSIZE, &limit);
                  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
                  ::_exit(::pwrite(file, "xx", 2, 10) < 0 ? 1 : 2);
                });
  EXPECT_EQ(WTERMSIG(target.wait()), SIGXFSZ);
  EXPECT_EQ(attempts_on(target.pid()), "SIGXFSZ limit by nobody: exited\n");
}

TEST_F(ProgramSignalKernel, ASignalOfALimitThatSomebodySendsIsHis) {
  Target xcpu, alarmed;
  ASSERT_EQ(::kill(xcpu.pid(), SIGXCPU), 0);
  ASSERT_EQ(::kill(alarmed.pid(), SIGALRM), 0);
  EXPECT_EQ(WTERMSIG(xcpu.wait()), SIGXCPU);
  EXPECT_EQ(alarmed.wait(), SIGALRM);
  EXPECT_EQ(attempts_on(xcpu.pid()), "SIGXCPU user by the test: exited\n");
  EXPECT_EQ(attempts_on(alarmed.pid()), "SIGALRM user by the test: exited\n");
}

TEST_F(ProgramSignalKernel, AFaultIsTheProcessesOwn) {
  Target segmentation([] {}, [] { *static_cast<volatile int*>(nullptr) = 1; });
  Target illegal([] {}, [] { __builtin_trap(); });
  // What it blocks or ignores it dies of nevertheless.
  Target ignoring([] { ::signal(SIGSEGV, SIG_IGN); }, [] { *static_cast<volatile int*>(nullptr) = 1; });
  EXPECT_EQ(WTERMSIG(segmentation.wait()), SIGSEGV);
  const int trapped = WTERMSIG(illegal.wait());
  EXPECT_EQ(WTERMSIG(ignoring.wait()), SIGSEGV);
  EXPECT_EQ(attempts_on(segmentation.pid()), "SIGSEGV fault by itself: exited\n");
  EXPECT_EQ(attempts_on(illegal.pid()),
            fmt::format("{} fault by itself: exited\n", trapped == SIGILL ? "SIGILL" : "SIGTRAP"));
  EXPECT_EQ(attempts_on(ignoring.pid()), "SIGSEGV fault by itself: exited\n");
}

TEST_F(ProgramSignalKernel, ASignalOfAFaultThatSomebodySendsIsHis) {
  Target target;
  ASSERT_EQ(::kill(target.pid(), SIGSEGV), 0);
  EXPECT_EQ(WTERMSIG(target.wait()), SIGSEGV);
  EXPECT_EQ(attempts_on(target.pid()), "SIGSEGV user by the test: exited\n");
}

TEST_F(ProgramSignalKernel, AForbiddenSystemCallIsAFault) {
  Target target([] {},
                [] {
                  sock_filter code[] = {
                      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                  };
                  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
                  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
                      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
                    ::_exit(97);
                  }
                  ::syscall(SYS_getppid);
                });
  EXPECT_EQ(WTERMSIG(target.wait()), SIGSYS);
  EXPECT_EQ(attempts_on(target.pid()), "SIGSYS fault by itself: exited\n");
}

// It had asked to be told when there is something to read: whoever wrote it did not mean to end it.
TEST_F(ProgramSignalKernel, ASignalThatAProcessHadAskedForIsItsOwn) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Target target([&] {
    ::fcntl(ends[0], F_SETOWN, ::getpid());
    ::fcntl(ends[0], F_SETFL, O_ASYNC);
  });
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_EQ(target.wait(), SIGIO);
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_EQ(attempts_on(target.pid()), "SIGIO self by itself: exited\n");
}

TEST_F(ProgramSignalKernel, AWriteToNobodyIsTheWritersOwn) {
  Target target([] {},
                [] {
                  int ends[2];
                  if (::pipe(ends) != 0) ::_exit(97);
                  ::close(ends[0]);
                  ::_exit(::write(ends[1], "x", 1) == 1 ? 96 : 95);
                });
  EXPECT_EQ(target.wait(), SIGPIPE);
  EXPECT_EQ(attempts_on(target.pid()), "SIGPIPE self by itself: exited\n");
}

}  // namespace
}  // namespace galproc
