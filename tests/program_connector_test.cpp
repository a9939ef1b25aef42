// A recording by the proc connector: whole lives between looks that come once an hour, and no word of who sent a
// signal.

#include "support/nobody.h"
#include "support/signal_fixture.h"

namespace galproc {
namespace {

const std::vector<std::string> kByConnector = {"--interval",     "1h",     "--process-source", "proc",
                                               "--event-source", "netlink"};

class ProgramConnector : public ProgramTest {
 protected:
  void SetUp() override {
    Words words = {"record", "--db", (folder_ / "try.db").string(), "--samples", "1"};
    words.insert(words.end(), kByConnector.begin(), kByConnector.end());
    const Ran ran = galproc(words);
    if (ran.exit_code == 4) GTEST_SKIP() << ran.err;
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    recorder_.emplace(record(kByConnector));
  }
  void stop() { EXPECT_EQ(recorder_->stop(), 0) << recorder_->err(); }
  static std::string mine(const std::string& columns, pid_t pid) {
    return fmt::format("SELECT {} FROM processes WHERE pid = {} AND parent_pid = {}", columns, pid, ::getpid());
  }
  /// Runs words of a shell to their end; gives the pid of that shell.
  pid_t run_shell(const std::string& line) const {
    Program shell = start({"/bin/sh", "-c", line});
    const pid_t pid = shell.pid();
    shell.wait();
    return pid;
  }

  std::optional<Program> recorder_;
};

TEST_F(ProgramConnector, ALifeBetweenTwoLooksIsARowWithItsArgumentsAndItsEnd) {
  const pid_t pid = run_shell("sleep 0.3; exit 5 # --password=hunter2");
  stop();
  EXPECT_EQ(ask(mine("name, command_line, exit_code, exit_signal, exit_source", pid)),
            "sh|/bin/sh -c 'sleep 0.3; exit 5 # --password=[redacted]'|5|NULL|event\n");
  EXPECT_EQ(ask("SELECT event_source FROM recordings"), "netlink\n");
  EXPECT_EQ(ask("SELECT count(*) FROM gaps WHERE kind = 'events_lost'"), "0\n");
}

TEST_F(ProgramConnector, OfHundredsOfBriefLivesEachIsARowWithItsExitCode) {
  constexpr int kCount = 300;
  run_shell(fmt::format("i=0; while [ $i -lt {} ]; do (exit $((i % 7))); i=$((i + 1)); done; sleep 0.2", kCount));
  stop();
  EXPECT_EQ(ask("SELECT count(*), count(DISTINCT c.upid), sum(c.exit_code), group_concat(DISTINCT c.exit_source)"
                " FROM processes AS c JOIN processes AS p ON p.upid = c.parent_upid"
                " WHERE p.command_line LIKE '%while%' AND c.name <> 'sleep'"),
            fmt::format("{0}|{0}|{1}|event\n", kCount, kCount / 7 * 21 + 0 + 1 + 2 + 3 + 4 + 5));
}

TEST_F(ProgramConnector, WhatRanForAMomentOnlyHasNoArgumentsOrTheRightOnes) {
  for (int i = 0; i < 50; ++i) run_shell(fmt::format("exec /bin/true --mark-{}", i));
  stop();
  // Who was too quick is known by no name; nobody goes by that of its parent.
  EXPECT_EQ(ask(fmt::format("SELECT count(*), sum(name NOT IN ('true', 'sh', '?')), sum(exit_code) FROM processes"
                            " WHERE parent_pid = {} AND upid > (SELECT upid FROM processes WHERE pid = {})",
                            ::getpid(), ask("SELECT recorder_pid FROM recordings"))),
            "50|0|0\n");
  EXPECT_EQ(ask(fmt::format("SELECT count(*) FROM process_images AS i JOIN processes AS p USING (upid)"
                            " WHERE p.parent_pid = {} AND i.name = 'true' AND i.command_line IS NOT NULL"
                            " AND i.command_line NOT GLOB '/bin/true --mark-[0-9]*'",
                            ::getpid())),
            "0\n");
}

TEST_F(ProgramConnector, OfWhoWasKilledTheSignalIsKnownAndNotTheSender) {
  Target target;
  ::kill(target.pid(), SIGTERM);
  EXPECT_EQ(target.wait(), SIGTERM);
  stop();
  EXPECT_EQ(ask(mine("exit_signal, exit_code", target.pid())), "SIGTERM|NULL\n");
  EXPECT_EQ(ask("SELECT count(*) FROM signals"), "0\n");
  const Json told = query({"who-killed", "--pid", std::to_string(target.pid())});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["verdict"], "unknown");
  EXPECT_EQ(told[0]["confidence"], "unknown");
  EXPECT_EQ(told[0]["sender_pid"], nullptr);
}

TEST_F(ProgramConnector, AFaultIsLikelyThatOfWhoDiedOfIt) {
  Target target([] {}, [] { ::abort(); });
  EXPECT_EQ(WTERMSIG(target.wait()), SIGABRT);
  stop();
  const Json told = query({"who-killed", "--pid", std::to_string(target.pid())});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["verdict"], "fault");
  EXPECT_EQ(told[0]["confidence"], "likely");
  EXPECT_EQ(told[0]["evidence"],
            "It died of SIGABRT, which a process mostly brings upon itself; senders were not recorded.");
}

TEST_F(ProgramConnector, TheEndOfAProcessWhoseFirstThreadEndedLongAgoIsThatOfTheLast) {
  Target target([] {},
                [] {
                  std::thread([] {
                    ::usleep(300'000);
                    ::_exit(6);
                  }).detach();
                  ::syscall(SYS_exit, 0);  // of this thread alone
                });
  EXPECT_EQ(target.wait(), 6 << 8);
  stop();
  EXPECT_EQ(ask(mine("exit_code", target.pid())), "6\n");
  EXPECT_EQ(ask(mine("count(*)", target.pid())), "1\n");
}

class ProgramConnectorOfNobody : public NobodyTest {};

TEST_F(ProgramConnectorOfNobody, NeedsNoPrivilegesToSeeTheLivesOfOthers) {
  const fs::path file = nobodys_ / "galproc.db";
  Options options;
  if (is_root()) options.before_exec = [] { become(kNobody, kNobody); };
  Words words = {is_root() ? program_.string() : GALPROC_BINARY, "record", "--db", file.string()};
  words.insert(words.end(), kByConnector.begin(), kByConnector.end());
  Program recorder = start(words, options);
  const auto ticks = [&] {
    try {
      return fs::exists(file) && galproc::ask(file, "SELECT count(*) FROM ticks") == "1\n";
    } catch (const SQLite::Exception&) {
      return false;  // the file is being made
    }
  };
  ASSERT_TRUE(wait_until([&] { return recorder.has_ended() || ticks(); }));
  if (recorder.has_ended()) {
    ASSERT_EQ(recorder.wait(), 4) << recorder.err();
    GTEST_SKIP() << recorder.err();
  }
  Program shell = start({"/bin/sh", "-c", "sleep 0.3; exit 5"});
  const pid_t pid = shell.pid();
  EXPECT_EQ(shell.wait(), 5);
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(galproc::ask(file, fmt::format("SELECT name, uid, command_line, exit_code FROM processes WHERE pid = {}"
                                           " AND parent_pid = {}",
                                           pid, ::getpid())),
            fmt::format("sh|{}|/bin/sh -c 'sleep 0.3; exit 5'|5\n", ::geteuid()));
}

}  // namespace
}  // namespace galproc
