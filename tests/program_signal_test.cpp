// Signals that one process sends to another, by each call there is: who sent it, and what became of the target.

#include <limits.h>
#include <sched.h>

#include <cerrno>
#include <thread>

#include "support/signal_fixture.h"

namespace galproc {
namespace {

class ProgramSignal : public SignalTest {};

TEST_F(ProgramSignal, KillIsToldWithItsSender) {
  Target target;
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  EXPECT_EQ(target.wait(), SIGTERM);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: exited\n");
  EXPECT_EQ(end_of(target.pid()), "NULL|SIGTERM|event\n");
  EXPECT_EQ(ask(fmt::format("SELECT method, source, seen_by, sender_name, target_name, sender_user = (SELECT user FROM"
                            " recordings), ended_us >= at_us, error FROM termination_attempts WHERE target_pid = {}",
                            target.pid())),
            "polite|kernel|kernel|program_signal_test|program_signal_test|1|1|NULL\n");
  EXPECT_EQ(ask(fmt::format("SELECT cause, code, result, errno, disposition, to_group FROM signals"
                            " WHERE target_pid = {}",
                            target.pid())),
            "user|0|delivered|NULL|default|1\n");
}

TEST_F(ProgramSignal, AKillBySignal9IsForced) {
  Target target;
  ASSERT_EQ(::kill(target.pid(), SIGKILL), 0);
  EXPECT_EQ(target.wait(), SIGKILL);
  EXPECT_EQ(attempts_on(target.pid()), "SIGKILL user by the test: exited\n");
  EXPECT_EQ(ask(fmt::format("SELECT method FROM termination_attempts WHERE target_pid = {}", target.pid())),
            "forced\n");
}

TEST_F(ProgramSignal, TgkillAndTkillAreTold) {
  Target first, second;
  ASSERT_EQ(::syscall(SYS_tgkill, first.pid(), first.pid(), SIGTERM), 0);
  ASSERT_EQ(::syscall(SYS_tkill, second.pid(), SIGINT), 0);
  EXPECT_EQ(first.wait(), SIGTERM);
  EXPECT_EQ(second.wait(), SIGINT);
  EXPECT_EQ(attempts_on(first.pid()), "SIGTERM user by the test: exited\n");
  EXPECT_EQ(attempts_on(second.pid()), "SIGINT user by the test: exited\n");
}

TEST_F(ProgramSignal, PidfdSendSignalIsTold) {
  Target target;
  const int handle = pidfd_of(target.pid());
  ASSERT_GE(handle, 0);
  ASSERT_EQ(::syscall(SYS_pidfd_send_signal, handle, SIGTERM, nullptr, 0), 0);
  EXPECT_EQ(target.wait(), SIGTERM);
  EXPECT_NE(::syscall(SYS_pidfd_send_signal, handle, SIGTERM, nullptr, 0), 0);
  ::close(handle);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: exited\n");
  // Of the second only a descriptor is known.
  EXPECT_EQ(ask(fmt::format("SELECT target_pid, outcome, error FROM termination_attempts WHERE sender_pid = {}"
                            " AND error IS NOT NULL",
                            ::getpid())),
            "NULL|already_gone|No such process\n");
}

TEST_F(ProgramSignal, SigqueueIsTold) {
  Target target;
  ASSERT_EQ(::sigqueue(target.pid(), SIGUSR1, {}), 0);
  EXPECT_EQ(target.wait(), SIGUSR1);
  EXPECT_EQ(attempts_on(target.pid()), "SIGUSR1 user by the test: exited\n");
}

TEST_F(ProgramSignal, ARealTimeSignalHasItsNumberAsAName) {
  Target target;
  ASSERT_EQ(::kill(target.pid(), 40), 0);
  EXPECT_EQ(target.wait(), 40);
  EXPECT_EQ(attempts_on(target.pid()), "SIG40 user by the test: exited\n");
  EXPECT_EQ(end_of(target.pid()), "NULL|SIG40|event\n");
}

TEST_F(ProgramSignal, ASignalToAGroupIsOneForEachMember) {
  Target leader([] { ::setpgid(0, 0); });
  Target member([&] { ::setpgid(0, leader.pid()); });
  ASSERT_EQ(::kill(-leader.pid(), SIGTERM), 0);
  EXPECT_EQ(leader.wait(), SIGTERM);
  EXPECT_EQ(member.wait(), SIGTERM);
  EXPECT_EQ(attempts_on(leader.pid()), "SIGTERM user by the test: exited\n");
  EXPECT_EQ(attempts_on(member.pid()), "SIGTERM user by the test: exited\n");
}

TEST_F(ProgramSignal, ASignalToAThreadThatIsNotTheLeaderIsToItsProcess) {
  pid_t thread_id = 0;
  const Wire told;
  Target target([&] {
    std::thread([&] {
      const pid_t own = static_cast<pid_t>(::syscall(SYS_gettid));
      if (::write(told.ends[1], &own, sizeof own) != sizeof own) ::_exit(99);
      for (;;) ::pause();
    }).detach();
  });
  ASSERT_EQ(::read(told.ends[0], &thread_id, sizeof thread_id), static_cast<ssize_t>(sizeof thread_id));
  ASSERT_NE(thread_id, target.pid());
  ASSERT_EQ(::syscall(SYS_tgkill, target.pid(), thread_id, SIGTERM), 0);
  EXPECT_EQ(target.wait(), SIGTERM);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: exited\n");
  EXPECT_EQ(attempts_on(thread_id), "");
  EXPECT_EQ(ask(fmt::format("SELECT to_group FROM signals WHERE target_pid = {}", target.pid())), "0\n");
}

TEST_F(ProgramSignal, ASenderThatIsAThreadIsItsProcess) {
  Target target;
  std::thread([&] { ::kill(target.pid(), SIGTERM); }).join();
  EXPECT_EQ(target.wait(), SIGTERM);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: exited\n");
}

TEST_F(ProgramSignal, ASenderThatIsGoneAtOnceIsToldWithItsName) {
  Target target;
  Target sender([] { ::prctl(PR_SET_NAME, "assassin"); },
                [&] {
                  ::kill(target.pid(), SIGTERM);
                  ::_exit(0);
                });
  EXPECT_EQ(sender.wait(), 0);
  EXPECT_EQ(target.wait(), SIGTERM);
  EXPECT_EQ(attempts_on(target.pid(), {{sender.pid(), "the sender"}}), "SIGTERM user by the sender: exited\n");
  EXPECT_EQ(ask(fmt::format("SELECT sender_name FROM termination_attempts WHERE target_pid = {}", target.pid())),
            "assassin\n");
}

TEST_F(ProgramSignal, AProcessThatKillsItselfIsTold) {
  Target by_kill([] {}, [] { ::kill(::getpid(), SIGTERM); });
  Target by_raise([] {}, [] { ::raise(SIGTERM); });
  Target by_abort([] {}, [] { ::abort(); });
  EXPECT_EQ(by_kill.wait(), SIGTERM);
  EXPECT_EQ(by_raise.wait(), SIGTERM);
  EXPECT_EQ(WTERMSIG(by_abort.wait()), SIGABRT);
  EXPECT_EQ(attempts_on(by_kill.pid()), "SIGTERM self by itself: exited\n");
  EXPECT_EQ(attempts_on(by_raise.pid()), "SIGTERM self by itself: exited\n");
  EXPECT_EQ(attempts_on(by_abort.pid()), "SIGABRT self by itself: exited\n");
}

TEST_F(ProgramSignal, AnotherUsersAttemptIsDeniedAndNamesHim) {
  Target target;
  Target sender([] { become_nobody(); },
                [&] {
                  ::kill(target.pid(), SIGTERM);
                  ::syscall(SYS_tgkill, target.pid(), target.pid(), SIGKILL);
                  ::_exit(errno);
                });
  EXPECT_EQ(sender.wait(), EPERM << 8);
  EXPECT_EQ(attempts_on(target.pid(), {{sender.pid(), "another user"}}),
            "SIGTERM user by another user: denied\nSIGKILL user by another user: denied\n");
  EXPECT_EQ(ask(fmt::format("SELECT DISTINCT sender_user, target_name, ended_us, error FROM termination_attempts"
                            " WHERE target_pid = {}",
                            target.pid())),
            "nobody|program_signal_test|NULL|Operation not permitted\n");
}

// A container's numbers are other ones: here somebody else may have them.
TEST_F(ProgramSignal, ANumberOfAnotherPidNamespaceIsNotTakenForOneOfThis) {
  Target bystander;
  Target sender([] {},
                [&] {
                  if (::unshare(CLONE_NEWPID) != 0) ::_exit(97);
                  const pid_t inside = ::fork();
                  if (inside == 0) {
                    ::kill(bystander.pid(), SIGTERM);
                    ::_exit(errno);
                  }
                  int status = 0;
                  ::waitpid(inside, &status, 0);
                  ::_exit(WEXITSTATUS(status));
                });
  EXPECT_EQ(sender.wait(), ESRCH << 8);
  EXPECT_EQ(attempts_on(bystander.pid()), "");
  EXPECT_EQ(ask(fmt::format("SELECT t.target_pid, t.outcome FROM termination_attempts AS t JOIN processes AS p"
                            " ON p.upid = t.sender_upid WHERE p.parent_pid = {}",
                            sender.pid())),
            "NULL|already_gone\n");
}

TEST_F(ProgramSignal, ATimersCodeCanBeFeignedButHidesNobody) {
  Target target;
  siginfo_t info{};
  info.si_code = SI_TIMER;
  ASSERT_EQ(::syscall(SYS_rt_sigqueueinfo, target.pid(), SIGTERM, &info), 0);
  EXPECT_EQ(target.wait(), SIGTERM);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: exited\n");
}

TEST_F(ProgramSignal, ASignalToWhoIsNotThereAnyMoreIsTooLate) {
  Target target([] {}, [] { ::_exit(3); });
  EXPECT_EQ(target.wait(), 3 << 8);
  EXPECT_EQ(::kill(target.pid(), SIGTERM), -1);
  EXPECT_EQ(errno, ESRCH);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: already_gone\n");
  EXPECT_EQ(end_of(target.pid()), "3|NULL|event\n");
  EXPECT_EQ(ask(fmt::format("SELECT target_upid = (SELECT upid FROM processes WHERE pid = {0}), error, exit_code"
                            " FROM termination_attempts WHERE target_pid = {0}",
                            target.pid())),
            "1|No such process|3\n");
}

TEST_F(ProgramSignal, ASignalToANumberThatNobodyEverHadIsTooLate) {
  EXPECT_EQ(::kill(INT_MAX - 1, SIGTERM), -1);
  EXPECT_EQ(attempts_on(INT_MAX - 1), "SIGTERM user by the test: already_gone\n");
}

TEST_F(ProgramSignal, ANumberThatIsNoSignalIsRefused) {
  Target target;
  EXPECT_EQ(::syscall(SYS_kill, target.pid(), 65), -1);
  EXPECT_EQ(::syscall(SYS_kill, target.pid(), 0), 0);  // asks only whether it is there
  EXPECT_EQ(attempts_on(target.pid()), "SIG65 user by the test: failed\n");
  EXPECT_EQ(ask(fmt::format("SELECT error FROM termination_attempts WHERE target_pid = {}", target.pid())),
            "Invalid argument\n");
}

TEST_F(ProgramSignal, WhatCanEndNobodyIsNoAttempt) {
  Target target;
  for (const int signal : {SIGCHLD, SIGURG, SIGWINCH, SIGSTOP, SIGCONT}) ASSERT_EQ(::kill(target.pid(), signal), 0);
  EXPECT_EQ(attempts_on(target.pid()), "");
  EXPECT_EQ(ask(fmt::format("SELECT count(*) FROM signals WHERE target_pid = {}", target.pid())), "0\n");
}

}  // namespace
}  // namespace galproc
