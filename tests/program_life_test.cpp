// The life of real processes, as a recorder in the background stores it and as queries tell it.

#include "support/kernel.h"
#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

const std::string kCat = fs::canonical("/bin/cat").string();

class ProgramLife : public ProgramTest {
 protected:
  /// What `galproc query process` tells of a pid, one line an event.
  std::string life_of(pid_t pid) const {
    std::string lines;
    for (const Json& row : query({"process", "--pid", std::to_string(pid)})) {
      lines += row["event"].get<std::string>() + " " + row["detail"].get<std::string>() + "\n";
    }
    return lines;
  }
  /// Columns of the processes view for all that had a pid, in the order of their upids.
  std::string rows_of(pid_t pid, const std::string& columns) const {
    return ask(fmt::format("SELECT {} FROM processes WHERE pid = {} ORDER BY upid", columns, pid));
  }
  std::int64_t number_of(pid_t pid, const std::string& column) const {
    return std::atoll(rows_of(pid, column).c_str());
  }
};

TEST_F(ProgramLife, AProcessThatStartsForksExecsAndEndsIsOneUpidWithAllOfIt) {
  Program recorder = record();
  const std::int64_t before_birth_us = now_us();
  Puppet puppet;
  const std::int64_t after_birth_us = now_us();
  settle();
  const pid_t child = puppet.fork_child();
  settle();
  puppet.reap_children();
  settle();
  ASSERT_EQ(puppet.exec(kCat, {"cat", "-", "a word"}), 0);
  settle();
  const std::int64_t last_alive_us = now_us();
  const pid_t pid = puppet.pid();
  puppet.end();
  const std::int64_t dead_us = now_us();
  settle();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();

  const std::string user = ask("SELECT user FROM recordings");
  EXPECT_EQ(rows_of(pid, "parent_pid, name, executable, command_line"),
            fmt::format("{}|cat|{}|cat - 'a word'\n", ::getpid(), kCat));
  EXPECT_EQ(rows_of(pid, "user"), user);
  EXPECT_EQ(ask(fmt::format("SELECT i.name, i.command_line = p.command_line FROM process_images AS i"
                            " JOIN processes AS p USING (upid) WHERE p.pid = {} ORDER BY i.image_no",
                            pid)),
            "program_life_test|0\ncat|1\n");
  // The kernel counts starts in hundredths of a second, rounded down.
  EXPECT_GE(number_of(pid, "started_us"), before_birth_us - 50'000);
  EXPECT_LE(number_of(pid, "started_us"), after_birth_us + 50'000);
  EXPECT_LE(number_of(pid, "ended_earliest_us"), dead_us);
  EXPECT_GE(number_of(pid, "ended_us"), last_alive_us);
  EXPECT_LE(number_of(pid, "ended_earliest_us"), number_of(pid, "ended_us"));

  EXPECT_EQ(rows_of(child, fmt::format("parent_pid = {0}, parent_upid = (SELECT upid FROM processes WHERE pid = {0}),"
                                       " name, ended_us IS NOT NULL",
                                       pid)),
            "1|1|program_life_test|1\n");
  const std::string life = life_of(pid);
  EXPECT_TRUE(life.starts_with("started ")) << life;
  EXPECT_NE(life.find(fmt::format("; parent {} program_life_test\nexec cat - 'a word'\nended ", ::getpid())),
            std::string::npos)
      << life;
}

TEST_F(ProgramLife, TwoProcessesThatShareAPidOneAfterTheOtherAreTwoRows) {
  Program recorder = record();
  for (int attempt = 1;; ++attempt) {
    auto first = std::make_unique<Puppet>();
    const pid_t pid = first->pid();
    settle();
    first.reset();
    Puppet second(pid);  // at once: no tick needs to lie between them
    if (second.pid() == -EPERM) GTEST_SKIP() << "clone3 with set_tid needs CAP_CHECKPOINT_RESTORE";
    if (second.pid() == -ENOSYS) GTEST_SKIP() << "this kernel has no clone3";
    if (second.pid() == -EEXIST && attempt < 10) continue;  // somebody else's process was faster
    ASSERT_EQ(second.pid(), pid);
    settle();
    EXPECT_EQ(recorder.stop(), 0) << recorder.err();
    EXPECT_EQ(rows_of(pid, "name, ended_us IS NOT NULL"), "program_life_test|1\nprogram_life_test|0\n");
    EXPECT_EQ(rows_of(pid, "coalesce(started_us > lag(ended_earliest_us) OVER (ORDER BY upid) - 10000, 1)"), "1\n1\n");
    std::vector<std::int64_t> upids;
    for (const Json& row : query({"process", "--pid", std::to_string(pid)})) upids.push_back(row["upid"]);
    ASSERT_EQ(upids.size(), 3U);  // started, ended, started
    EXPECT_EQ(upids[0], upids[1]);
    EXPECT_LT(upids[1], upids[2]);
    return;
  }
}

TEST_F(ProgramLife, AZombieThatNobodyWaitsForHasEndedWithItsCodeOrSignal) {
  Puppet puppet;
  const pid_t old = puppet.leave_zombie(5);  // dead before anyone looked
  Program recorder = record({"--event-source", "none"});
  const pid_t failed = puppet.leave_zombie(7);
  const pid_t killed = puppet.leave_zombie_of_signal(SIGTERM);
  const pid_t fine = puppet.leave_zombie(0);
  settle();
  EXPECT_EQ(rows_of(old, "exit_code, exit_signal, exit_source"), "5|NULL|poll\n");
  EXPECT_EQ(rows_of(failed, "exit_code, exit_signal, exit_source"), "7|NULL|poll\n");
  EXPECT_EQ(rows_of(killed, "exit_code, exit_signal, exit_source"), "NULL|SIGTERM|poll\n");
  EXPECT_EQ(rows_of(fine, "exit_code, exit_signal, exit_source"), "0|NULL|poll\n");
  const std::string ends = rows_of(failed, "ended_us");
  puppet.reap_children();
  settle();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(rows_of(failed, "ended_us"), ends);
  EXPECT_NE(life_of(killed).find("ended SIGTERM"), std::string::npos) << life_of(killed);
  EXPECT_NE(life_of(failed).find("ended exit code 7"), std::string::npos) << life_of(failed);
}

TEST_F(ProgramLife, OneThatIsReapedAtOnceHasEndedWithItsCodeOrSignalWhereOnlyLooksAreLeft) {
  if (!tells_ends()) GTEST_SKIP() << "this kernel tells of nobody how it ended (Linux 6.15)";
  Program recorder = record({"--event-source", "none", "--process-source", "proc"});
  Puppet failed, killed, fine;
  const pid_t failed_pid = failed.pid(), killed_pid = killed.pid(), fine_pid = fine.pid();
  settle();
  failed.exit(7);
  killed.end(SIGTERM);
  fine.exit(0);
  settle();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(rows_of(failed_pid, "exit_code, exit_signal, exit_source, ended_earliest_us < ended_us"),
            "7|NULL|poll|1\n");
  EXPECT_EQ(rows_of(killed_pid, "exit_code, exit_signal, exit_source, ended_earliest_us < ended_us"),
            "NULL|SIGTERM|poll|1\n");
  EXPECT_EQ(rows_of(fine_pid, "exit_code, exit_signal, exit_source, ended_earliest_us < ended_us"), "0|NULL|poll|1\n");
}

TEST_F(ProgramLife, ALifeThatSpansTwoRecordingsIsOneUpidAndOneImage) {
  Puppet stays, goes;
  Program first = record();
  EXPECT_EQ(first.stop(), 0) << first.err();
  const pid_t gone = goes.pid();
  goes.end();
  Program second = record();
  EXPECT_EQ(second.stop(), 0) << second.err();
  EXPECT_EQ(rows_of(stays.pid(), "ended_us, (SELECT count(*) FROM process_images AS i WHERE i.upid = processes.upid)"),
            "NULL|1\n");
  EXPECT_EQ(rows_of(gone, "exit_source, ended_earliest_us < ended_us"), "gap|1\n");
  EXPECT_NE(life_of(gone).find("while nothing was recorded"), std::string::npos) << life_of(gone);
}

TEST_F(ProgramLife, CpuTimeThatWasUsedIsCountedAndWhoIsIdleHasNoRows) {
  Puppet busy, idle;
  Program recorder = record();
  settle();
  const std::int64_t since = last_tick();
  busy.burn(300);
  settle();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_GE(number_of(busy.pid(), "cpu_us"), 290'000);
  EXPECT_LE(number_of(busy.pid(), "cpu_us"), 30'000'000);
  const auto samples_of = [&](pid_t pid) {
    return ask(fmt::format("SELECT count(*) > 0 FROM process_samples WHERE pid = {} AND tick_id > {}", pid, since));
  };
  EXPECT_EQ(samples_of(busy.pid()), "1\n");
  EXPECT_EQ(samples_of(idle.pid()), "0\n");
}

}  // namespace
}  // namespace galproc
