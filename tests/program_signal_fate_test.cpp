// What becomes of those that are sent a signal which does not end them at once.

#include <pty.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>

#include "support/signal_fixture.h"

namespace galproc {
namespace {

class ProgramSignalFate : public SignalTest {
 protected:
  static void block(int signal) {
    sigset_t one;
    ::sigemptyset(&one);
    ::sigaddset(&one, signal);
    ::sigprocmask(SIG_BLOCK, &one, nullptr);
  }
  /// Until every signal so far has been handled: the target answers after each.
  const Wire answer_;
  std::vector<pid_t> returned_;
};

TEST_F(ProgramSignalFate, WhoIgnoresASignalSurvivesIt) {
  Target target([] { ::signal(SIGTERM, SIG_IGN); });
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: survived\n");
  EXPECT_EQ(ask(fmt::format("SELECT s.result, s.disposition, t.ended_us, t.exit_signal FROM signals AS s"
                            " JOIN termination_attempts AS t USING (signal_id) WHERE s.target_pid = {}",
                            target.pid())),
            "ignored|ignored|NULL|NULL\n");
}

TEST_F(ProgramSignalFate, WhoIgnoredOneDiesOfTheNext) {
  Target target([] { ::signal(SIGTERM, SIG_IGN); });
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  ASSERT_EQ(::kill(target.pid(), SIGKILL), 0);
  EXPECT_EQ(target.wait(), SIGKILL);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: survived\nSIGKILL user by the test: exited\n");
}

TEST_F(ProgramSignalFate, ABlockedSignalThatIsSentTwiceIsOncePending) {
  Target target([] { block(SIGTERM); });
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: survived\nSIGTERM user by the test: survived\n");
  EXPECT_EQ(ask(fmt::format("SELECT result FROM signals WHERE target_pid = {} ORDER BY signal_id", target.pid())),
            "delivered\npending\n");
}

TEST_F(ProgramSignalFate, OfABlockedSignalThatWasSentTwiceItDiesOfTheFirst) {
  const Wire go;
  Target target([] { block(SIGTERM); },
                [&] {
                  if (!go.wait()) ::_exit(98);
                  sigset_t none;
                  ::sigemptyset(&none);
                  ::sigprocmask(SIG_SETMASK, &none, nullptr);
                });
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  ASSERT_TRUE(go.send());
  EXPECT_EQ(target.wait(), SIGTERM);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: exited\nSIGTERM user by the test: survived\n");
}

TEST_F(ProgramSignalFate, AHandlerThatReturnsSurvives) {
  static int answer = -1;
  answer = answer_.ends[1];
  Target target([] {
    ::signal(SIGTERM, [](int) {
      if (::write(answer, "x", 1) != 1) ::_exit(98);
    });
  });
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  ASSERT_TRUE(answer_.wait());
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: survived\n");
  EXPECT_EQ(ask(fmt::format("SELECT disposition FROM signals WHERE target_pid = {}", target.pid())), "handled\n");
}

TEST_F(ProgramSignalFate, AHandlerThatExitsIsAnEndOfThatSignal) {
  Target target([] { ::signal(SIGTERM, [](int) { ::_exit(42); }); });
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  EXPECT_EQ(target.wait(), 42 << 8);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: exited\n");
  EXPECT_EQ(
      ask(fmt::format("SELECT exit_code, exit_signal FROM termination_attempts WHERE target_pid = {}", target.pid())),
      "42|NULL\n");
  const Json told = query({"who-killed", "--pid", std::to_string(target.pid())});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["verdict"], "killed_by_process");
  EXPECT_EQ(told[0]["confidence"], "likely");
  EXPECT_NE(told[0]["evidence"].get<std::string>().find("; it handled the signal and returned "), std::string::npos);
}

// As shells and servers do after they have tidied up, so that their parent sees what they were asked by.
TEST_F(ProgramSignalFate, AHandlerThatRaisesItsSignalAgainDiesOfTheOneThatWasSent) {
  Target target([] {
    ::signal(SIGTERM, [](int signal) {
      ::signal(signal, SIG_DFL);
      ::raise(signal);
    });
  });
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  EXPECT_EQ(target.wait(), SIGTERM);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: exited\nSIGTERM self by itself: exited\n");
  const Json told = query({"who-killed", "--pid", std::to_string(target.pid())});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["verdict"], "killed_by_process");
  EXPECT_EQ(told[0]["sender_pid"], ::getpid());
}

TEST_F(ProgramSignalFate, WhoWaitsForItsSignalAndReturnsEndedOfIt) {
  Target target([] { block(SIGTERM); },
                [] {
                  sigset_t one;
                  ::sigemptyset(&one);
                  ::sigaddset(&one, SIGTERM);
                  ::_exit(::sigwaitinfo(&one, nullptr) == SIGTERM ? 0 : 96);
                });
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  EXPECT_EQ(target.wait(), 0);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: exited\n");
}

TEST_F(ProgramSignalFate, WhoBlocksASignalAndReturnsMuchLaterSurvivedIt) {
  Target target([] { block(SIGTERM); },
                [] {
                  ::usleep(2'200'000);  // longer than one that waits for its signal is given
                  ::_exit(0);
                });
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  EXPECT_EQ(target.wait(), 0);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: survived\n");
  EXPECT_EQ(query({"who-killed", "--pid", std::to_string(target.pid())})[0]["verdict"], "exited");
}

TEST_F(ProgramSignalFate, ASignalThatAsksForNoEndIsNotWhyItReturned) {
  static int answer = -1;
  answer = answer_.ends[1];
  for (const int signal : {SIGUSR1, SIGHUP}) {
    const Wire go;
    Target target(
        [&] {
          ::signal(signal, [](int) {
            if (::write(answer, "x", 1) != 1) ::_exit(98);
          });
        },
        [&] {
          char byte = 0;
          while (::read(go.ends[0], &byte, 1) != 1) {
          }
          ::_exit(0);
        });
    ASSERT_EQ(::kill(target.pid(), signal), 0);
    ASSERT_TRUE(answer_.wait());
    ASSERT_TRUE(go.send());
    EXPECT_EQ(target.wait(), 0);
    returned_.push_back(target.pid());
  }
  EXPECT_EQ(attempts_on(returned_[0]), "SIGUSR1 user by the test: survived\n");
  EXPECT_EQ(attempts_on(returned_[1]), "SIGHUP user by the test: survived\n");
  const Json told = query({"who-killed", "--pid", std::to_string(returned_[1])});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["verdict"], "exited");
  EXPECT_EQ(told[0]["confidence"], "likely");
  EXPECT_NE(told[0]["evidence"].get<std::string>().find("the last signal before was SIGHUP from "), std::string::npos)
      << told;
}

// 128 and the number of the signal: by this code shells say that a signal was why.
TEST_F(ProgramSignalFate, WhoReturnsTheCodeOfASignalEndedOfIt) {
  for (const int signal : {SIGUSR1, SIGHUP}) {
    Target target([&] { ::signal(signal, [](int number) { ::_exit(128 + number); }); });
    ASSERT_EQ(::kill(target.pid(), signal), 0);
    EXPECT_EQ(target.wait(), (128 + signal) << 8);
    returned_.push_back(target.pid());
  }
  EXPECT_EQ(attempts_on(returned_[0]), "SIGUSR1 user by the test: exited\n");
  EXPECT_EQ(attempts_on(returned_[1]), "SIGHUP user by the test: exited\n");
}

// Nobody reloads what a terminal that is gone belonged to.
TEST_F(ProgramSignalFate, WhoReturnsWhenItsTerminalHangsUpEndedOfThat) {
  int master = -1, slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  Target target([&] {
    ::close(master);
    if (::setsid() < 0 || ::ioctl(slave, TIOCSCTTY, 0) != 0) ::_exit(98);
    ::signal(SIGHUP, [](int) { ::_exit(1); });
  });
  ::close(master);
  ::close(slave);
  EXPECT_EQ(target.wait(), 1 << 8);
  EXPECT_EQ(attempts_on(target.pid()), "SIGHUP hangup by the test: exited\n");
}

TEST_F(ProgramSignalFate, AStoppedProcessSurvivesARequestUntilItGoesOn) {
  Target stays, goes_on;
  for (const Target* target : {&stays, &goes_on}) {
    ASSERT_EQ(::kill(target->pid(), SIGSTOP), 0);
    ASSERT_TRUE(target->has(WSTOPPED));
    ASSERT_EQ(::kill(target->pid(), SIGTERM), 0);
  }
  ASSERT_EQ(::kill(goes_on.pid(), SIGCONT), 0);
  EXPECT_EQ(goes_on.wait(), SIGTERM);
  EXPECT_EQ(attempts_on(stays.pid()), "SIGTERM user by the test: survived\n");
  EXPECT_EQ(attempts_on(goes_on.pid()), "SIGTERM user by the test: exited\n");
}

TEST_F(ProgramSignalFate, AStoppedProcessDiesOfSignal9) {
  Target target;
  ASSERT_EQ(::kill(target.pid(), SIGSTOP), 0);
  ASSERT_TRUE(target.has(WSTOPPED));
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  ASSERT_EQ(::kill(target.pid(), SIGKILL), 0);
  EXPECT_EQ(target.wait(), SIGKILL);
  EXPECT_EQ(attempts_on(target.pid()), "SIGTERM user by the test: survived\nSIGKILL user by the test: exited\n");
}

TEST_F(ProgramSignalFate, ASignalToAZombieIsTooLate) {
  Target target([] {}, [] { ::_exit(0); });
  ASSERT_TRUE(target.has(WEXITED));
  ASSERT_EQ(::kill(target.pid(), SIGTERM), 0);
  ASSERT_EQ(::kill(target.pid(), SIGKILL), 0);
  EXPECT_EQ(target.wait(), 0);
  EXPECT_EQ(attempts_on(target.pid()),
            "SIGTERM user by the test: already_gone\nSIGKILL user by the test: already_gone\n");
}

TEST_F(ProgramSignalFate, OfTwoThatKillItTheLaterWasTooLate) {
  Target target;
  Target other([&] { ::kill(target.pid(), SIGKILL); });
  ASSERT_TRUE(target.has(WEXITED));
  ASSERT_EQ(::kill(target.pid(), SIGKILL), 0);
  EXPECT_EQ(target.wait(), SIGKILL);
  EXPECT_EQ(attempts_on(target.pid(), {{other.pid(), "another"}}),
            "SIGKILL user by another: exited\nSIGKILL user by the test: already_gone\n");
}

}  // namespace
}  // namespace galproc
