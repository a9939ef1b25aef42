// A recording by the proc connector: whole lives between looks that come once an hour, and no word of who sent a
// signal.

#include <sched.h>
#include <sys/mount.h>

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
  // The shell itself sleeps in the end: a child would be one more row, of a name that comes late on a busy machine.
  const pid_t shell = run_shell(
      fmt::format("i=0; while [ $i -lt {} ]; do (exit $((i % 7))); i=$((i + 1)); done; exec sleep 0.2", kCount));
  stop();
  EXPECT_EQ(ask(fmt::format("SELECT count(*), count(DISTINCT c.upid), sum(c.exit_code),"
                            " group_concat(DISTINCT c.exit_source)"
                            " FROM processes AS c JOIN processes AS p ON p.upid = c.parent_upid"
                            " WHERE p.pid = {} AND p.parent_pid = {}",
                            shell, ::getpid())),
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

class ProgramConnectorOfNobody : public NobodyTest {
 protected:
  /// A recorder in the hands of nobody that has stored its first tick, or has ended.
  Program record_as_nobody(const std::function<void()>& arrange = [] {}) const {
    Options options;
    if (is_root()) {
      options.before_exec = [&] {
        arrange();
        become(kNobody, kNobody);
      };
    }
    Words words = {is_root() ? program_.string() : galproc_binary(), "record", "--db", file_.string()};
    words.insert(words.end(), kByConnector.begin(), kByConnector.end());
    Program recorder = start(words, options);
    EXPECT_TRUE(wait_until([&] { return recorder.has_ended() || has_tick(); }));
    return recorder;
  }
  bool has_tick() const {
    try {
      return fs::exists(file_) && galproc::ask(file_, "SELECT count(*) FROM ticks") == "1\n";
    } catch (const SQLite::Exception&) {
      return false;  // the file is being made
    }
  }
  fs::path file_ = nobodys_ / "galproc.db";
};

TEST_F(ProgramConnectorOfNobody, WhereProcHidesOthersTellsItsOwnAndSaysSo) {
  if (!is_root()) GTEST_SKIP() << "only root can mount a /proc that hides";
  Program recorder = record_as_nobody([] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("proc", "/proc", "proc", 0, "hidepid=2") != 0) {
      ::_exit(125);
    }
  });
  if (recorder.has_ended()) GTEST_SKIP() << recorder.err();
  Options nobodys;
  nobodys.before_exec = [] { become(kNobody, kNobody); };
  Program mine = start({"/bin/sh", "-c", "/bin/true; sleep 0.3; exit 5"}, nobodys);
  Program others = start({"/bin/sh", "-c", "/bin/true; sleep 0.3; exit 6"});
  EXPECT_EQ(mine.wait(), 5);
  EXPECT_EQ(others.wait(), 6);
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_NE(recorder.err().find("/proc hides other users' processes (hidepid)"), std::string::npos) << recorder.err();
  EXPECT_EQ(galproc::ask(file_, "SELECT name, exit_code FROM processes WHERE exit_code IN (5, 6)"), "sh|5\n");
  EXPECT_EQ(galproc::ask(file_, "SELECT count(*) FROM processes WHERE uid IS NOT NULL AND uid <> 65534"), "0\n");
  EXPECT_EQ(galproc::ask(file_, "SELECT count(*) FROM process_image WHERE name = ''"), "0\n");
  EXPECT_EQ(galproc::ask(file_, "SELECT count(*) FROM gaps WHERE kind = 'events_lost'"), "0\n");
}

TEST_F(ProgramConnectorOfNobody, NeedsNoPrivilegesToSeeTheLivesOfOthers) {
  Program recorder = record_as_nobody();
  if (recorder.has_ended()) {
    ASSERT_EQ(recorder.wait(), 4) << recorder.err();
    GTEST_SKIP() << recorder.err();
  }
  Program shell = start({"/bin/sh", "-c", "sleep 0.3; exit 5"});
  const pid_t pid = shell.pid();
  EXPECT_EQ(shell.wait(), 5);
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(galproc::ask(file_, fmt::format("SELECT name, uid, command_line, exit_code FROM processes WHERE pid = {}"
                                            " AND parent_pid = {}",
                                            pid, ::getpid())),
            fmt::format("sh|{}|/bin/sh -c 'sleep 0.3; exit 5'|5\n", ::geteuid()));
}

}  // namespace
}  // namespace galproc
