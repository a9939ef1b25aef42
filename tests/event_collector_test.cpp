// What becomes of events: rows of births, images, ends and signals, beside those of ticks.

#include <signal.h>

#include <cerrno>
#include <utility>

#include "support/recorder_fixture.h"

namespace galproc {
namespace {

class EventCollectorTest : public RecorderTest {
 protected:
  EventCollectorTest() {
    world_.no_events.clear();
    world_.start(1, 0, "init");
    world_.start(5, 1, "shell");
  }
  RecordOptions with_events() {
    RecordOptions with = options();
    with.event_source = "auto";
    return with;
  }
  void record(
      int ticks, const std::function<void(int)>& change = [](int) {}) {
    RecorderTest::record(ticks, with_events(), change);
  }

  /// Somebody of the world, or nobody that any look has seen.
  EventParty party(std::int64_t pid, const std::string& name = "brief") {
    EventParty party;
    party.name = name;
    party.user_id = 1000;
    party.user_name = "ann";
    party.parent_pid = 5;
    party.key = {pid, 7000 + pid};
    party.started_boot_us = world_.now.boot_us;
    if (const auto at = world_.processes.find(pid); at != world_.processes.end()) {
      party.key = at->second.key;
      party.parent_pid = at->second.parent_pid;
      party.started_boot_us = at->second.started_boot_us;
      party.name = at->second.image->name;
    }
    return party;
  }
  void tell(decltype(Event::what) what) { world_.events.push_back({world_.now.boot_us, std::move(what)}); }
  void tell_fork(std::int64_t parent, std::int64_t child) { tell(ForkEvent{party(parent), party(child)}); }
  void tell_exec(std::int64_t pid, std::vector<std::string> arguments) {
    ExecEvent exec{party(pid), nullptr};
    auto image = std::make_shared<ProcessImage>();
    image->name = arguments.front().substr(arguments.front().rfind('/') + 1);
    image->executable = arguments.front();
    image->arguments = std::move(arguments);
    exec.image = std::move(image);
    tell(std::move(exec));
  }
  void tell_exit(std::int64_t pid, std::int64_t wait_status, std::optional<ProcessUsage> usage = {}) {
    tell(ExitEvent{party(pid), wait_status, usage});
  }
  std::string images_of(std::int64_t pid) {
    return ask(
        "SELECT i.image_no, i.name, i.command_line FROM process_images AS i JOIN process USING (upid)"
        " WHERE pid = " +
        std::to_string(pid) + " ORDER BY i.image_no");
  }
  std::string exits_of(std::int64_t pid) {
    return ask(
        "SELECT (SELECT name FROM witness WHERE source = x.source), x.exit_code, x.exit_signal"
        " FROM process_exit AS x JOIN process USING (upid) WHERE pid = " +
        std::to_string(pid) + " ORDER BY x.source");
  }
  std::unique_ptr<SQLite::Database> lock_database() {
    auto other = std::make_unique<SQLite::Database>((folder_ / "galproc.db").string(), SQLite::OPEN_READWRITE);
    other->exec("BEGIN IMMEDIATE");
    return other;
  }
};

TEST_F(EventCollectorTest, AForkedProcessRunsWhatItsParentRunsAndHasItAsParent) {
  record(2, [&](int look) {
    if (look == 2) tell_fork(5, 10);
  });
  EXPECT_EQ(images_of(10), "1|shell|/bin/shell\n");
  EXPECT_EQ(ask("SELECT parent_pid, (SELECT pid FROM process AS q WHERE q.upid = p.parent_upid), ended_us,"
                " started_us <= (SELECT at_us FROM tick WHERE tick_id = 2) FROM processes AS p WHERE pid = 10"),
            "5|5|NULL|1\n");
}

TEST_F(EventCollectorTest, AForkWhoseParentNobodyKnowsMeetsBothAndTheChildHasItsBareName) {
  record(2, [&](int look) {
    if (look == 2) tell(ForkEvent{party(20, "stranger"), party(21, "child")});
  });
  EXPECT_EQ(ask("SELECT parent_pid, (SELECT pid FROM process AS q WHERE q.upid = p.parent_upid) FROM processes AS p"
                " WHERE pid = 21"),
            "20|20\n");
  EXPECT_EQ(images_of(21), "1|child|NULL\n");
  EXPECT_EQ(ask("SELECT user FROM processes WHERE pid = 21"), "ann\n");
}

TEST_F(EventCollectorTest, AForkAndItsExecInOneBatchAreOneImage) {
  record(2, [&](int look) {
    if (look != 2) return;
    tell_fork(5, 10);
    tell_exec(10, {"/bin/true", "--mark"});
    tell_exit(10, 0);
  });
  EXPECT_EQ(images_of(10), "1|true|/bin/true --mark\n");
  EXPECT_EQ(exits_of(10), "event|0|NULL\n");
}

TEST_F(EventCollectorTest, AnExecAfterATickIsASecondImage) {
  record(4, [&](int look) {
    if (look == 2) {
      world_.start(10, 5, "shell");
      tell_fork(5, 10);
    }
    if (look == 3) {
      world_.exec(10, {"/bin/server", "--port"});
      tell_exec(10, {"/bin/server", "--port"});
    }
  });
  EXPECT_EQ(images_of(10), "1|shell|/bin/shell\n2|server|/bin/server --port\n");
}

TEST_F(EventCollectorTest, AnExecThatATickSawBeforeItsEventWasReadIsOneImage) {
  std::vector<Event> late;
  record(4, [&](int look) {
    if (look == 3) {
      world_.exec(5, {"/bin/server"});
      tell_exec(5, {"/bin/server"});
      late = std::exchange(world_.events, {});
    }
    if (look == 4) world_.events = std::exchange(late, {});
  });
  EXPECT_EQ(images_of(5), "1|shell|/bin/shell\n2|server|/bin/server\n");
}

TEST_F(EventCollectorTest, AProgramThatIsRunAgainAndAgainIsAnImageEachTime) {
  record(2, [&](int look) {
    if (look != 2) return;
    tell_fork(5, 10);
    for (const char* step : {"one", "two", "two"}) {
      world_.pass_time(10);
      tell_exec(10, {"/bin/step", step});
    }
  });
  EXPECT_EQ(images_of(10), "1|step|/bin/step one\n2|step|/bin/step two\n3|step|/bin/step two\n");
}

TEST_F(EventCollectorTest, AnExitHasItsCodeOrSignalAndTheUsageOfTheWholeLife) {
  record(2, [&](int look) {
    if (look != 2) return;
    ProcessUsage usage;
    usage.cpu_user_us = 300;
    usage.cpu_system_us = 40;
    usage.resident_bytes = 8192;
    usage.read_bytes = 11;
    usage.written_bytes = 12;
    tell_fork(5, 10);
    tell_exit(10, 7 << 8, usage);
    tell_fork(5, 11);
    tell_exit(11, SIGTERM);
    tell_fork(5, 12);
    tell_exit(12, SIGSEGV | 0x80);  // with a core
  });
  EXPECT_EQ(exits_of(10), "event|7|NULL\n");
  EXPECT_EQ(exits_of(11), "event|NULL|15\n");
  EXPECT_EQ(exits_of(12), "event|NULL|11\n");
  EXPECT_EQ(ask("SELECT cpu_us, peak_resident_bytes, ended_us = ended_earliest_us FROM processes WHERE pid = 10"),
            "340|8192|1\n");
  EXPECT_EQ(ask("SELECT read_bytes, written_bytes, final FROM process_exit JOIN process USING (upid) WHERE pid = 10"),
            "11|12|1\n");
}

TEST_F(EventCollectorTest, AnEndThatAnEventTellsIsNotToldByThePollThatMissesItAsWell) {
  record(4, [&](int look) {
    if (look != 3) return;
    tell_exit(5, 3 << 8);
    world_.end(5);
  });
  EXPECT_EQ(exits_of(5), "event|3|NULL\n");
}

TEST_F(EventCollectorTest, AZombieWhoseEndAnEventToldHasOneEndWhoeverMetItFirst) {
  record(5, [&](int look) {
    if (look == 3) {
      world_.start(10, 5, "brief");
      tell_fork(5, 10);
      for (const std::int64_t pid : {5, 10}) {
        tell_exit(pid, 3 << 8);
        world_.processes.at(pid).ended = true;
        world_.processes.at(pid).wait_status = 3 << 8;
        world_.processes.at(pid).usage.state = ProcessState::Zombie;
      }
    }
    if (look == 5) {
      world_.end(5);
      world_.end(10);
    }
  });
  EXPECT_EQ(exits_of(5), "event|3|NULL\n");
  EXPECT_EQ(exits_of(10), "event|3|NULL\n");
}

TEST_F(EventCollectorTest, OfTwoWitnessesOfAnEndTheEventWinsThoughItIsReadLater) {
  std::vector<Event> late;
  record(4, [&](int look) {
    if (look == 3) {
      tell_exit(5, 9);
      late = std::exchange(world_.events, {});
      world_.end(5);
    }
    if (look == 4) world_.events = std::exchange(late, {});
  });
  EXPECT_EQ(exits_of(5), "event|NULL|9\npoll|NULL|NULL\n");
  EXPECT_EQ(ask("SELECT exit_source, exit_signal FROM processes WHERE pid = 5"), "event|SIGKILL\n");
  EXPECT_EQ(ask("SELECT count(*) FROM process WHERE pid = 5"), "1\n");
}

TEST_F(EventCollectorTest, AForkThatIsReadAfterATickMetTheChildTellsTheRealParent) {
  std::vector<Event> late;
  record(3, [&](int look) {
    if (look == 2) {
      world_.start(10, 5, "orphan");
      tell_fork(5, 10);
      late = std::exchange(world_.events, {});
      world_.processes.at(10).parent_pid = 1;
    }
    if (look == 3) world_.events = std::exchange(late, {});
  });
  EXPECT_EQ(ask("SELECT parent_pid, name FROM processes WHERE pid = 10"), "5|orphan\n");
}

TEST_F(EventCollectorTest, LostEventsAreCountedAndAreAGap) {
  record(3, [&](int look) {
    if (look == 2) world_.lost_events = 7;
  });
  EXPECT_EQ(ask("SELECT source, lost_count, from_us = (SELECT at_us FROM tick WHERE tick_id = 1),"
                " to_us = (SELECT at_us FROM tick WHERE tick_id = 2) FROM event_loss"),
            "bpf|7|1|1\n");
  EXPECT_EQ(ask("SELECT kind, detail FROM gaps WHERE kind = 'events_lost'"),
            "events_lost|7 events of the source bpf were lost.\n");
}

TEST_F(EventCollectorTest, WhileTheFileIsLockedEventsWaitInOrderWithTheReadingsAndNoneIsLost) {
  RecordOptions fast = with_events();
  fast.interval_us = kSecond / 10;
  std::unique_ptr<SQLite::Database> other;
  RecorderTest::record(12, fast, [&](int look) {
    if (look == 3) other = lock_database();
    const std::int64_t pid = 100 + look;
    if (look >= 2) {
      tell_fork(5, pid);
      tell_exec(pid, {"/bin/step", std::to_string(look)});
      tell_exit(pid, 0);
    }
    if (look == 6) {  // told before the look that sees it
      world_.start(50, 5, "long");
      tell_fork(5, 50);
    }
    if (look == 9) other.reset();
  });
  EXPECT_EQ(ask("SELECT count(*), count(DISTINCT pid), sum(exit_code = 0), min(name = 'step') FROM processes"
                " WHERE pid > 100"),
            "11|11|11|1\n");
  EXPECT_EQ(ask("SELECT (SELECT name FROM witness AS w WHERE w.source = p.source) FROM process AS p WHERE pid = 50"),
            "event\n");
  EXPECT_EQ(images_of(50), "1|shell|/bin/shell\n2|long|/bin/long\n");
  EXPECT_EQ(ask("SELECT count(*) FROM gaps WHERE kind IN ('events_lost', 'readings_dropped')"), "0\n");
  EXPECT_EQ(ask("SELECT count(*) FROM tick"), "12\n");
}

TEST_F(EventCollectorTest, EventsOfReadingsThatHadToBeDroppedAreCountedAsLost) {
  RecordOptions small = with_events();
  small.interval_us = kSecond / 10;
  small.queue_bytes = 3 * (sizeof(TickReading) + 2 * sizeof(ProcessReading)) + 20 * sizeof(Event);
  std::unique_ptr<SQLite::Database> other;
  int told = 0;
  RecorderTest::record(12, small, [&](int look) {
    if (look == 3) other = lock_database();
    if (look >= 2) {
      tell_fork(5, 100 + look);
      tell_exit(100 + look, 0);
      told += 2;
    }
    if (look == 10) other.reset();
  });
  EXPECT_EQ(ask("SELECT count(*) > 0 FROM gap WHERE kind = 'readings_dropped'"), "1\n");
  EXPECT_EQ(ask("SELECT (SELECT sum(lost_count) FROM event_loss)"
                " + (SELECT count(*) FROM process WHERE pid > 100)"
                " + (SELECT count(*) FROM process_exit JOIN process USING (upid) WHERE pid > 100)"),
            std::to_string(told) + "\n");
}

TEST_F(EventCollectorTest, EventsAreStoredBetweenTicksOnceTheyAreASecondOld) {
  RecordOptions slow = with_events();
  slow.interval_us = 60 * kSecond;
  slow.samples = 2;
  std::string seen;
  world_.on_wake = [&](int wake) {
    if (wake == 3) {
      tell_fork(5, 10);
      tell_exit(10, 0);
    }
    if (wake == 12) seen = ask("SELECT (SELECT count(*) FROM tick), exit_code FROM processes WHERE pid = 10");
    return true;
  };
  Recorder(world_, slow, talk_).run();
  EXPECT_EQ(seen, "1|0\n");
  EXPECT_EQ(exits_of(10), "event|0|NULL\n");
  EXPECT_EQ(images_of(10), "1|shell|/bin/shell\n");
}

TEST_F(EventCollectorTest, AnEndBetweenTicksIsNotToldByTheNextPollAsWell) {
  RecordOptions slow = with_events();
  slow.interval_us = 60 * kSecond;
  slow.samples = 3;
  world_.on_wake = [&](int wake) {
    if (wake == 3) {
      tell_exit(5, 4 << 8);
      world_.end(5);
    }
    return true;
  };
  Recorder(world_, slow, talk_).run();
  EXPECT_EQ(exits_of(5), "event|4|NULL\n");
}

TEST_F(EventCollectorTest, WhoIsMetFirstByASignalIsARowAndTheSignalNamesIt) {
  record(2, [&](int look) {
    if (look != 2) return;
    SignalEvent signal;
    signal.sender = party(30, "sender");
    signal.target = party(31, "target");
    signal.target_pid = 31;
    signal.signal = SIGTERM;
    signal.code = 0;
    signal.to_group = true;
    signal.disposition = SignalEvent::Disposition::Default;
    tell(signal);
    tell_exit(31, SIGTERM);
  });
  EXPECT_EQ(ask("SELECT signal, cause, sender_pid, sender_name, sender_user, target_pid, target_name, outcome,"
                " exit_signal FROM termination_attempts"),
            "SIGTERM|user|30|sender|ann|31|target|exited|SIGTERM\n");
  EXPECT_EQ(ask("SELECT (SELECT pid FROM process AS p WHERE p.upid = s.sender_upid),"
                " (SELECT pid FROM process AS p WHERE p.upid = s.target_upid) FROM signals AS s"),
            "30|31\n");
  EXPECT_EQ(images_of(30), "1|sender|NULL\n");
}

TEST_F(EventCollectorTest, AnOomMarksTheSignalBeforeItAlsoOneThatIsStoredAlready) {
  const auto kill = [&](std::int64_t sender, std::int64_t target) {
    SignalEvent signal;
    signal.sender = party(sender);
    signal.target = party(target);
    signal.target_pid = target;
    signal.signal = SIGKILL;
    signal.code = 128;
    signal.origin = SignalEvent::Origin::Kernel;
    tell(signal);
  };
  std::int64_t at_us = 0;
  record(3, [&](int look) {
    if (look == 2) {
      kill(5, 5);  // of a limit
      kill(30, 30);
      tell(OomEvent{30, 30});
      kill(31, 31);
      at_us = world_.now.boot_us + 10;  // the batch ends between the two
    }
    if (look == 3) {
      world_.events.push_back({at_us, OomEvent{31, 31}});
      tell(OomEvent{99, 1});  // nobody knows it
    }
  });
  EXPECT_EQ(ask("SELECT target_pid, cause, sender_pid FROM signals ORDER BY signal_id"),
            "5|limit|NULL\n30|oom|NULL\n31|oom|NULL\n");
}

TEST_F(EventCollectorTest, NamesThatTheKernelCutAreWholeAndThoseOfThreadsAreTheirOwn) {
  world_.start(40, 1, "a-program-of-a-long-name");
  record(2, [&](int look) {
    if (look != 2) return;
    SignalEvent signal;
    signal.sender = party(40);
    signal.sender.name = "a-program-of-a-";
    signal.target = party(40);
    signal.target->name = "a-thread-of-its";
    signal.target_pid = 40;
    signal.signal = SIGTERM;
    tell(signal);
  });
  EXPECT_EQ(ask("SELECT sender_name, target_name, sender_user FROM signal_event"),
            "a-program-of-a-long-name|a-thread-of-its|ann\n");
}

TEST_F(EventCollectorTest, ARefusedSignalNamesWhoHadThePidLastAndAGroupNobody) {
  record(2, [&](int look) {
    if (look != 2) return;
    SignalEvent signal;
    signal.sender = party(30, "sender");
    signal.result = SignalEvent::Result::Refused;
    signal.signal = SIGTERM;
    signal.error = EPERM;
    for (const std::int64_t pid : {5, -5, 99}) {
      signal.target_pid = pid;
      tell(signal);
    }
    signal.target_pid.reset();
    tell(signal);
  });
  EXPECT_EQ(ask("SELECT target_pid, target_name, outcome, error FROM termination_attempts ORDER BY signal_id"),
            "5|shell|denied|Operation not permitted\n-5|NULL|denied|Operation not permitted\n"
            "99|NULL|denied|Operation not permitted\nNULL|NULL|denied|Operation not permitted\n");
}

}  // namespace
}  // namespace galproc
