// What the program says of times that came twice or not at all, and a recorder that was stopped or whose numbers run
// out.

#include <sys/utsname.h>

#include "recorder/recorder.h"
#include "support/fake_platform.h"
#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

constexpr std::int64_t kSecond = FakePlatform::kSecond;

class ProgramClock : public ProgramTest {
 protected:
  /// Twelve looks of ten minutes each; before the seventh the clock is set.
  void record_step(std::int64_t step_us) {
    RecordOptions options;
    options.database = db();
    options.interval_us = 600 * kSecond;
    options.samples = 12;
    options.version = "test";
    world_.start(1, 0, "init");
    world_.on_wake = [&, looks = 0](int) mutable {
      if (++looks == 7) world_.now.wall_us += step_us;
      return true;
    };
    std::ostringstream talk;
    Recorder(world_, options, talk).run();
  }
  std::int64_t at(int tick_id) const {
    return std::atoll(ask(fmt::format("SELECT at_us FROM ticks WHERE tick_id = {}", tick_id)).c_str());
  }
  std::string said_of(const Words& words) const {
    Words all = {"query", "--db", db().string(), "--json"};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ran = galproc(all);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.err;
  }
  FakePlatform world_;
};

TEST_F(ProgramClock, ThatWasPutBackIsToldOfMomentsAndRangesThatCameTwice) {
  record_step(-3600 * kSecond + 7 * kSecond);
  constexpr const char* kStep = "(clock_step: The wall clock stepped back by 59m53s)";
  const std::string before = said_of({"processes", "--at", instant(at(4))});
  EXPECT_NE(before.find(kStep), std::string::npos) << before;
  EXPECT_NE(before.find("before it was put back"), std::string::npos) << before;
  const std::string after = said_of({"port-holder", "--port", "80", "--at", instant(at(9))});
  EXPECT_NE(after.find(kStep), std::string::npos) << after;
  EXPECT_NE(after.find("after it was put back"), std::string::npos) << after;
  EXPECT_EQ(said_of({"processes", "--at", instant(at(1))}).find("clock"), std::string::npos);
  for (const char* name : {"top", "system", "changes", "exits", "attempts"}) {
    const std::string range = said_of({name, "--since", instant(at(3)), "--until", instant(at(4))});
    EXPECT_NE(range.find("touches a gap (clock_step)"), std::string::npos) << name << ": " << range;
  }
  const Ran gaps = galproc(
      {"query", "gaps", "--db", db().string(), "--since", instant(at(3)), "--until", instant(at(4)), "--json", "-q"});
  EXPECT_NE(gaps.out.find("stepped back"), std::string::npos) << gaps.out;
}

TEST_F(ProgramClock, ThatWasSetAheadIsToldOfMomentsThatNeverCame) {
  record_step(7200 * kSecond);
  const std::string said = said_of({"tree", "--at", instant(at(6) + 3600 * kSecond)});
  EXPECT_NE(said.find("lies in a gap (clock_step: The wall clock stepped forward by 2h00m)"), std::string::npos)
      << said;
}

// GALPROC_STOP_SECONDS for longer ones.
TEST_F(ProgramClock, OfARecorderThatWasStoppedHasOneLateTickAndNoBurst) {
  const char* asked = std::getenv("GALPROC_STOP_SECONDS");
  const std::int64_t stop_us = (asked == nullptr ? 3 : std::atoll(asked)) * kSecond;
  Program recorder = record({"--interval", "100ms"});
  settle();
  const std::int64_t last = last_tick();
  pid_t born = 0;
  ::kill(recorder.pid(), SIGSTOP);
  const std::int64_t stopped_us = now_us();
  {
    Puppet short_life;
    born = short_life.pid();
  }
  ASSERT_TRUE(
      wait_until([&] { return now_us() > stopped_us + stop_us; }, std::chrono::milliseconds(stop_us / 1000) + kBound));
  ::kill(recorder.pid(), SIGCONT);
  settle();
  settle();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(
      ask(fmt::format("SELECT count(*) FROM gaps WHERE kind = 'late' AND to_us - from_us > {}", stop_us - 200'000)),
      "1\n");
  // No two looks nearer to each other than the schedule has them.
  EXPECT_EQ(ask(fmt::format("SELECT count(*) FROM (SELECT boot_us - duration_us - late_us AS due_us, lag(boot_us -"
                            " duration_us - late_us) OVER (ORDER BY tick_id) AS before_us FROM ticks WHERE tick_id > {}"
                            " AND tick_id < (SELECT max(tick_id) FROM ticks)) WHERE due_us - before_us < 50000",
                            last)),
            "0\n");
  // What was born and ended meanwhile is known, where events tell of it, or was lost and counted.
  if (ask("SELECT event_source FROM recordings") != "none\n") {
    EXPECT_EQ(ask(fmt::format("SELECT (SELECT count(*) FROM processes WHERE pid = {} AND ended_us IS NOT NULL) > 0"
                              " OR (SELECT sum(events_lost) FROM recordings) > 0",
                              born)),
              "1\n");
  }
  EXPECT_EQ(galproc({"db", "check", "--db", db().string(), "-q"}).exit_code, 0);
}

// A pid namespace of 6.14 and later has a highest number of its own; before that it would be the machine's.
TEST_F(ProgramClock, OfNumbersThatRunOutEachLifeIsItsOwn) {
  if (!is_root()) GTEST_SKIP() << "a pid namespace needs root";
  utsname system{};
  ::uname(&system);
  int major = 0, minor = 0;
  if (std::sscanf(system.release, "%d.%d", &major, &minor) != 2 || major * 1000 + minor < 6014) {
    GTEST_SKIP() << "the highest pid is the whole machine's on " << system.release;
  }
  const std::string script = fmt::format(
      "[ $$ = 1 ] && echo 316 > /proc/sys/kernel/pid_max || exit 9\n"
      "'{0}' record --db '{1}' --interval 20ms --event-source none -q & recorder=$!\n"
      "while [ ! -s '{1}' ]; do /bin/sleep 0.01; done\n"
      "i=0; while [ $i -lt 440 ]; do /bin/true; i=$((i+1)); [ $((i % 8)) = 0 ] && [ $i -gt 280 ] && /bin/sleep 0.1; "
      "done\n"
      "kill $recorder; wait $recorder",
      galproc_binary(), db().string());
  const Ran ran = run({"/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", script});
  if (ran.exit_code == 9 || ran.err.find("unshare") != std::string::npos) GTEST_SKIP() << ran.err;
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ask("SELECT max(pid) < 316, count(*) > count(DISTINCT pid) FROM processes"), "1|1\n");
  EXPECT_EQ(ask("SELECT count(*) FROM processes AS a JOIN processes AS b ON b.pid = a.pid AND b.upid > a.upid"
                " WHERE a.ended_us IS NULL OR a.ended_earliest_us > b.started_us + 10000"),
            "0\n")
      << "two lives of one number at a time";
  EXPECT_EQ(galproc({"db", "check", "--db", db().string(), "-q"}).exit_code, 0);
  const std::string reused = ask("SELECT pid FROM processes GROUP BY pid HAVING count(*) > 1 ORDER BY pid LIMIT 1");
  const std::string pid = reused.substr(0, reused.size() - 1);
  const std::string lives = ask("SELECT count(*) FROM processes WHERE pid = " + pid);
  const auto count_of = [&](const char* name, const char* column) {
    std::set<std::int64_t> upids;
    for (const Json& row : query({name, "--pid", pid})) upids.insert(row[column].get<std::int64_t>());
    return fmt::format("{}\n", upids.size());
  };
  EXPECT_EQ(count_of("process", "upid"), lives);
  EXPECT_EQ(count_of("history", "upid"), lives);
  EXPECT_EQ(count_of("ancestry", "of_upid"), lives);
  EXPECT_EQ(count_of("who-killed", "target_upid"), lives);
}

}  // namespace
}  // namespace galproc
