// Clocks that are set, machines that sleep, boots that begin at the same time, numbers that are used again: what was
// recorded of them is asked for, and every life is its own answer.

#include <fmt/format.h>

#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "support/event_fixture.h"
#include "support/query_database.h"

namespace galproc {
namespace {

constexpr std::int64_t kHour = 3600 * kSecond;

class RecorderClock : public EventTest {
 protected:
  RowSet ask_query(const std::string& name, const QueryBindings& bindings) {
    SQLite::Database database = open();
    return run_query(database, *catalogue_.find(name), bindings);
  }
  /// These columns of an answer, `|` between the cells.
  std::string answer(const std::string& name, const QueryBindings& bindings, const std::vector<std::string>& columns) {
    const RowSet rows = ask_query(name, bindings);
    std::string text;
    for (const auto& row : rows.rows) {
      std::string line;
      for (const std::string& wanted : columns) {
        for (std::size_t i = 0; i < rows.columns.size(); ++i) {
          if (rows.columns[i].name == wanted) line += (line.empty() ? "" : "|") + cell_text(row[i]);
        }
      }
      text += line + "\n";
    }
    return text;
  }
  std::int64_t at(std::int64_t tick_id) {
    return std::stoll(ask("SELECT at_us FROM tick WHERE tick_id = " + std::to_string(tick_id)));
  }
  std::string gaps() { return ask("SELECT kind, detail FROM gaps WHERE kind <> 'stopped' ORDER BY from_us, kind"); }
  void set_clock(std::int64_t by_us) { world_.now.wall_us += by_us; }

  QueryCatalogue catalogue_ = QueryCatalogue::built_in();
};

// The hour from look 3 to look 6 comes twice, with another program, another holder and another parent each time.
TEST_F(RecorderClock, AnHourThatCameTwiceIsToldApart) {
  world_.start(10, 5, "job");
  world_.listen(10, 80);
  RecordOptions slow = with_events();
  slow.interval_us = 600 * kSecond;
  RecorderTest::record(14, slow, [&](int look) {
    if (look == 4) world_.exec(10, {"/bin/first"});
    if (look == 7) {
      set_clock(-kHour + 7 * kSecond);
      world_.start(11, 5, "late");
      world_.run(10, 60 * kSecond);
      world_.exec(10, {"/bin/second"});
      world_.processes.at(10).parent_pid = 1;
      world_.close_port(80);
      world_.listen(11, 80);
    }
    if (look == 9) world_.end(10);
  });
  EXPECT_EQ(gaps(), "clock_step|The wall clock stepped back by 59m53s.\n");
  const std::vector<std::string> shown = {"pid", "name", "parent_pid", "cpu_pct"};
  for (const char* name : {"processes", "tree"}) {
    EXPECT_EQ(answer(name, {{"at", at(6)}}, {"pid", "name"}), "1|init\n5|shell\n10|first\n");
    EXPECT_NE(answer(name, {{"at", at(7)}}, shown).find("10|second|1|10\n"), std::string::npos)
        << answer(name, {{"at", at(7)}}, shown);
    EXPECT_NE(answer(name, {{"at", at(7)}}, shown).find("11|late|5|0\n"), std::string::npos)
        << "born since: " << answer(name, {{"at", at(7)}}, shown);
    EXPECT_EQ(answer(name, {{"at", at(2)}}, {"pid", "name"}), "1|init\n5|shell\n10|job\n");
    EXPECT_EQ(answer(name, {{"at", at(10)}}, {"pid", "name"}), "1|init\n5|shell\n11|late\n");
  }
  const QueryBindings port{{"port", std::int64_t{80}}};
  const auto holder = [&](std::int64_t at_us) {
    return answer("port-holder", {{"port", std::int64_t{80}}, {"at", at_us}}, {"pid", "name"});
  };
  EXPECT_EQ(holder(at(4)), "10|first\n");
  EXPECT_EQ(holder(at(8)), "11|late\n");
  EXPECT_EQ(answer("port-history", port, {"pid", "name"}), "10|job\n11|late\n");
  // It held the port then, though it gave it up at an earlier time.
  EXPECT_EQ(answer("port-history", {{"port", std::int64_t{80}}, {"since", at(5)}, {"until", at(5) + kSecond}},
                   {"pid", "name"}),
            "10|job\n11|late\n");
  EXPECT_EQ(answer("exits", {}, {"pid", "lifetime_us"}), fmt::format("10|{}\n", 8 * 600 * kSecond + kSecond / 2));
  EXPECT_EQ(answer("process", {{"pid", std::int64_t{10}}}, {"event", "name"}),
            "started|job\nbound|job\nexec|first\nexec|second\nreleased|second\nended|second\n");
  EXPECT_EQ(answer("timeline", {{"pid", std::int64_t{10}}}, {"kind", "name"}),
            "started|job\nbound|job\nexec|first\nexec|second\nreleased|second\nended|second\n");
  EXPECT_EQ(answer("changes", {{"since", at(1) + 1}, {"until", at(6)}}, {"change", "pid", "name"}),
            "exec|10|first\nstarted|11|late\nexec|10|second\nbound|11|late\nreleased|10|second\nended|10|second\n");
  EXPECT_EQ(answer("top", {{"since", at(2)}, {"until", at(6)}, {"by", std::string("cpu")}}, {"pid", "cpu_us"}),
            "10|60000000\n1|0\n5|0\n11|0\n");
  EXPECT_EQ(ask_query("history", {{"pid", std::int64_t{10}}}).rows.size(), 8U);
  EXPECT_EQ(ask_query("system", {{"since", at(1)}, {"until", at(14)}}).rows.size(), 14U);
  // In the hour there are the looks of both times.
  const QueryBindings hour{{"since", at(3)}, {"until", at(6)}};
  EXPECT_EQ(ask_query("system", hour).rows.size(), 7U);
  for (const char* name : {"gaps", "changes"}) EXPECT_FALSE(ask_query(name, hour).rows.empty()) << name;
}

TEST_F(RecorderClock, ThatWasSetAheadAndBackLeavesNoHoleInTheHistory) {
  RecordOptions slow = with_events();
  slow.interval_us = 60 * kSecond;
  RecorderTest::record(30, slow, [&](int look) {
    world_.run(5, 6 * kSecond);
    if (look == 10) set_clock(70LL * 365 * 24 * kHour);
    if (look == 20) set_clock(-70LL * 365 * 24 * kHour);
  });
  const QueryBindings shell{{"pid", std::int64_t{5}}};
  std::string expected = "NULL\n";
  for (int look = 2; look <= 30; ++look) expected += "10\n";
  EXPECT_EQ(answer("history", shell, {"cpu_pct"}), expected);
  EXPECT_EQ(answer("top", {{"since", at(1)}, {"until", at(30)}, {"by", std::string("cpu")}}, {"pid", "cpu_pct"}),
            "5|10\n1|0\n");
  EXPECT_EQ(answer("exits", {}, {"pid"}), "");
}

TEST_F(RecorderClock, ThatWasSetWhileNobodyRecordedIsToldAndEndsNobody) {
  record(3);
  world_.pass_time(30 * kSecond);
  set_clock(-2 * kHour);
  record(3);
  world_.pass_time(30 * kSecond);
  record(3);
  EXPECT_EQ(gaps(), "clock_step|The wall clock stepped back by 2h00m.\n");
  EXPECT_EQ(answer("exits", {}, {"pid"}), "");
  EXPECT_EQ(answer("processes", {{"at", at(3)}}, {"pid"}), "1\n5\n");
  EXPECT_EQ(ask_query("history", {{"pid", std::int64_t{5}}}).rows.size(), 9U);
  // The stop and the step, both over all of the time that came twice, and the stop of now.
  EXPECT_EQ(answer("gaps", {{"since", at(9) + kSecond}, {"until", at(3) - kHour}}, {"kind"}),
            "stopped\nclock_step\nstopped\n");
}

// An event is dated by the clock of the moment at which it was heard, here before the step.
TEST_F(RecorderClock, EndsThatWereHeardBeforeAStepAreTheirTicksAndTheLengthOfTheLifeIsTrue) {
  for (const std::int64_t step_us : {-kHour, kHour}) {
    const std::int64_t pid = step_us < 0 ? 20 : 21;
    int sleeps = 0;
    world_.start(pid, 5, "heard");
    RecordOptions with = with_events();
    with.samples = 4;
    world_.on_wake = [&](int) {
      if (++sleeps == 45) {  // of a quarter of a second each
        tell_exit(pid, 0);
        world_.end(pid);
      }
      if (sleeps == 53) set_clock(step_us);
      return true;
    };
    Recorder(world_, with, talk_).run();
    world_.pass_time(60 * kSecond);
  }
  const std::string lives = answer("exits", {}, {"pid", "lifetime_us"});
  EXPECT_EQ(ask("SELECT pid, tick_id FROM process_exit JOIN process USING (upid) ORDER BY pid"), "20|4\n21|8\n");
  for (const int pid : {20, 21}) {
    EXPECT_EQ(answer("processes", {{"at", at(pid == 20 ? 4 : 8)}}, {"pid"}), "1\n5\n");
  }
  EXPECT_NE(lives.find("20|11500000\n"), std::string::npos) << lives;
  EXPECT_NE(lives.find("21|11500000\n"), std::string::npos) << lives;
}

// The kernel tells of an end a little before a look stops to find the process running.
TEST_F(RecorderClock, OneThatIsStillListedAsItEndsHasNoSampleAfterThat) {
  record(5, [&](int look) {
    if (look == 2) {
      world_.start(30, 5, "brief");
      tell_fork(5, 30);
      tell_exit(30, 0);
    }
    if (look == 4) world_.end(30);
  });
  EXPECT_EQ(ask("SELECT count(*) FROM process_sample JOIN process USING (upid) WHERE pid = 30"), "0\n");
  EXPECT_EQ(exits_of(30), "event|0|NULL\n");
}

TEST_F(RecorderClock, AMachineThatSleptHasOneLateTickAndRatesByTheBootClock) {
  record(6, [&](int look) {
    if (look == 3) {
      world_.now.wall_us += 2 * kHour;
      world_.now.boot_us += 2 * kHour;
    }
    if (look > 1) world_.run(5, 5 * kSecond);
  });
  EXPECT_EQ(ask("SELECT late_us FROM tick"), fmt::format("0\n0\n{}\n0\n0\n0\n", 2 * kHour));
  EXPECT_EQ(ask("SELECT kind FROM gaps ORDER BY kind"), "late\nstopped\nsuspended\n");
  EXPECT_EQ(answer("history", {{"pid", std::int64_t{5}}}, {"cpu_pct"}),
            fmt::format("NULL\n100\n{:.6g}\n100\n100\n100\n", 500.0 * 1e6 / (2.0 * kHour + 5e6)));
  EXPECT_EQ(answer("system", {{"since", at(1)}, {"until", at(6)}}, {"process_count"}), "2\n2\n2\n2\n2\n2\n");
}

// A machine without a battery for its clock.
TEST_F(RecorderClock, BootsThatBeginAtTheSameTimeAreNotMixed) {
  const Clocks begin = world_.now;
  for (const int boot : {1, 2, 3}) {
    world_.now = begin;
    world_.boot_uuid = fmt::format("boot-{}", boot);
    world_.processes.clear();
    world_.sockets.clear();
    // The same number and the same start each time.
    ProcessReading init;
    init.key = {1, 1};
    init.started_boot_us = 10 * kSecond;
    init.usage.thread_count = 1;
    init.usage.cpu_user_us = 1000 * boot;
    world_.processes[1] = init;
    world_.exec(1, {fmt::format("/bin/init{}", boot)});
    world_.listen(1, 80);
    RecorderTest::record(3, options());
  }
  EXPECT_EQ(ask("SELECT count(*), count(DISTINCT upid) FROM process"), "3|3\n");
  EXPECT_EQ(answer("processes", {{"at", at(2)}}, {"upid", "name"}), "3|init3\n") << "of one time the latest look";
  EXPECT_EQ(answer("port-holder", {{"port", std::int64_t{80}}, {"at", at(2)}}, {"upid", "name"}), "3|init3\n");
  EXPECT_EQ(answer("process", {{"pid", std::int64_t{1}}}, {"upid", "event", "name"}),
            "1|started|init1\n1|bound|init1\n1|released|init1\n1|ended|init1\n"
            "2|started|init2\n2|bound|init2\n2|released|init2\n2|ended|init2\n3|started|init3\n3|bound|init3\n");
  EXPECT_EQ(answer("history", {{"pid", std::int64_t{1}}}, {"upid"}), "1\n1\n1\n2\n2\n2\n3\n3\n3\n");
  EXPECT_EQ(answer("exits", {}, {"upid", "witness"}), "1|reboot\n2|reboot\n");
  EXPECT_EQ(ask("SELECT count(*) FROM process_exit WHERE ended_us < (SELECT max(at_us) FROM tick)"), "0\n");
  EXPECT_EQ(answer("port-history", {{"port", std::int64_t{80}}}, {"upid"}), "1\n2\n3\n");
  EXPECT_EQ(answer("who-killed", {{"pid", std::int64_t{1}}}, {"target_upid", "verdict"}),
            "3|alive\n1|unknown\n2|unknown\n");
  EXPECT_EQ(answer("ancestry", {{"pid", std::int64_t{1}}}, {"upid", "name"}), "1|init1\n2|init2\n3|init3\n");
  EXPECT_EQ(ask("SELECT kind FROM gaps"), "reboot\nreboot\nstopped\n");
}

// Every number there is, and then again, each next holder on the port of the one before.
TEST_F(RecorderClock, NumbersThatAreAllUsedAgainWithinAnHourAreEachTheirOwnLives) {
  constexpr std::int64_t kPids = 32'768;
  constexpr int kLooks = 72;
  constexpr std::int64_t kLives = kPids + 100;
  constexpr std::int64_t kBornBetween = kLives / (kLooks - 2);
  std::int64_t born = 0;
  RecordOptions hourly = with_events();
  hourly.interval_us = 50 * kSecond;
  RecorderTest::record(kLooks, hourly, [&](int look) {
    if (look == 1) return;
    for (std::int64_t i = 0; i < kBornBetween && born < kLives; ++i) {
      const std::int64_t pid = 300 + born % (kPids - 300);
      EventParty life = party(pid);
      life.key.start_token = 1'000'000 + born++;
      tell(ForkEvent{party(5), life});
      tell(ExitEvent{life, (born % 7) << 8, {}});
    }
  });
  EXPECT_EQ(ask("SELECT count(*) = count(DISTINCT upid), count(*) FROM process WHERE pid >= 300"),
            fmt::format("1|{}\n", born));
  EXPECT_EQ(ask("SELECT count(*), count(DISTINCT upid), sum(exit_code IS NULL) FROM process_exit"),
            fmt::format("{0}|{0}|0\n", born));
  const QueryBindings reused{{"pid", std::int64_t{300}}};
  const std::string upids = ask("SELECT upid FROM process WHERE pid = 300 ORDER BY upid");
  EXPECT_EQ(std::count(upids.begin(), upids.end(), '\n'), 2) << upids;
  EXPECT_EQ(ask_query("process", reused).rows.size(), 4U);
  EXPECT_EQ(ask_query("ancestry", reused).rows.size(), 6U) << "itself, shell and init, twice";
  EXPECT_EQ(answer("who-killed", reused, {"verdict", "exit_code"}), "exited|1\nexited|3\n");
}

TEST_F(RecorderClock, ANumberThatIsUsedAgainWithinOneTickOnTheSamePortIsTwoHolders) {
  for (const bool heard : {false, true}) {
    world_.events.clear();
    const std::int64_t pid = heard ? 41 : 40;
    world_.start(pid, 5, "first");
    world_.listen(pid, pid);
    const auto change = [&](int look) {
      if (look != 2) return;
      if (heard) tell_exit(pid, 9);
      world_.end(pid);
      world_.close_port(pid);
      world_.start(pid, 5, "second");
      if (heard) tell_fork(5, pid);
      world_.listen(pid, pid);
    };
    RecorderTest::record(3, heard ? with_events() : options(), change);
    const QueryBindings port{{"port", pid}};
    EXPECT_EQ(answer("port-history", port, {"name"}), "first\nsecond\n");
    EXPECT_EQ(answer("port-holder", {{"port", pid}, {"at", world_.now.wall_us}}, {"name"}), "second\n");
    EXPECT_EQ(answer("process", {{"pid", pid}}, {"event"}),
              heard ? "started\nbound\nreleased\nended\nstarted\nexec\nbound\n"
                    : "started\nbound\nreleased\nended\nstarted\nbound\n");
    EXPECT_EQ(answer("exits", {}, {"pid"}), heard ? "40\n41\n" : "40\n");
  }
}

}  // namespace
}  // namespace galproc
