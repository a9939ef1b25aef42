// What becomes of events: rows of births, images, ends and signals, beside those of ticks.

#include <signal.h>

#include <utility>

#include "store/action_log.h"
#include "support/event_fixture.h"

namespace galproc {
namespace {

class EventCollectorTest : public EventTest {};

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
  EXPECT_EQ(images_of(20), "1|stranger|NULL\n");
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

// Events are written when somebody else has written to the file, or a second has passed.
TEST_F(EventCollectorTest, AForkAndItsExecInTwoBatchesAreOneImageIfTheyAreCloseTogether) {
  RecordOptions slow = with_events();
  slow.interval_us = 60 * kSecond;
  slow.samples = 2;
  const auto have_events_written = [&] {
    SQLite::Database other((folder_ / "galproc.db").string(), SQLite::OPEN_READWRITE, 1000);
    other.exec("UPDATE tick SET late_us = late_us + 1");
  };
  world_.on_wake = [&](int wake) {
    if (wake == 3) {
      tell_fork(5, 10);
      tell_fork(5, 11);
      have_events_written();
    }
    if (wake == 4) {
      EXPECT_EQ(images_of(10), "1|shell|/bin/shell\n");
      tell_exec(10, {"/bin/true", "--mark"});
      have_events_written();
    }
    if (wake == 5) {
      tell_exec(10, {"/bin/other"});
      have_events_written();
    }
    if (wake == 12) tell_exec(11, {"/bin/true", "--late"});
    return true;
  };
  Recorder(world_, slow, talk_).run();
  EXPECT_EQ(images_of(10), "1|true|/bin/true --mark\n2|other|/bin/other\n");
  EXPECT_EQ(images_of(11), "1|shell|/bin/shell\n2|true|/bin/true --late\n");
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
    tell_fork(5, 13);
    tell(ExitEvent{party(13), {}, {}});
  });
  EXPECT_EQ(exits_of(10), "event|7|NULL\n");
  EXPECT_EQ(exits_of(11), "event|NULL|15\n");
  EXPECT_EQ(exits_of(12), "event|NULL|11\n");
  EXPECT_EQ(ask("SELECT cpu_us, peak_resident_bytes, ended_us = ended_earliest_us FROM processes WHERE pid = 10"),
            "340|8192|1\n");
  EXPECT_EQ(ask("SELECT read_bytes, written_bytes, final FROM process_exit JOIN process USING (upid) WHERE pid = 10"),
            "11|12|1\n");
  EXPECT_EQ(ask("SELECT pid, core_dumped FROM processes WHERE pid >= 10 ORDER BY pid"), "10|0\n11|0\n12|1\n13|NULL\n");
}

TEST_F(EventCollectorTest, TheCpuTimeOfAnEndIsNotBelowWhatALookSawOfIt) {
  record(2, [&](int look) {
    if (look == 1) world_.processes.at(5).usage.cpu_user_us = 5000;
    if (look != 2) return;
    ProcessUsage usage;
    usage.cpu_user_us = 4000;
    usage.cpu_system_us = 999;
    usage.resident_bytes = 8192;
    tell_exit(5, 0, usage);
    world_.end(5);
  });
  EXPECT_EQ(ask("SELECT cpu_us, peak_resident_bytes FROM processes WHERE pid = 5"), "5000|8192\n");
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

TEST_F(EventCollectorTest, WhoseEndWasLostIsFoundToBeGoneByTheSecondLookThatDoesNotListIt) {
  record(5, [&](int look) {
    if (look != 2) return;
    tell_fork(5, 10);
    tell_fork(5, 11);
    tell_exec(11, {"/bin/true"});
    world_.start(12, 5, "lives");
    tell_fork(5, 12);
    world_.lost_events = 2;
  });
  EXPECT_EQ(exits_of(10), "poll|NULL|NULL\n");
  EXPECT_EQ(exits_of(11), "poll|NULL|NULL\n");
  EXPECT_EQ(exits_of(12), "");
  EXPECT_EQ(ask("SELECT DISTINCT ended_us = (SELECT at_us FROM tick WHERE tick_id = 3), tick_id,"
                " ended_us - ended_within_us = (SELECT at_us FROM tick WHERE tick_id = 2) FROM process_exit"),
            "1|4|1\n");
}

TEST_F(EventCollectorTest, WhoMayBeTheOneThatCannotBeReadIsNotTakenForGone) {
  record(6, [&](int look) {
    if (look == 2) tell_fork(5, 10);
    if (look == 2) world_.unreadable_pids = {10};
    if (look == 5) world_.unreadable_pids.clear();
  });
  EXPECT_EQ(exits_of(10), "poll|NULL|NULL\n");
  EXPECT_EQ(ask("SELECT tick_id FROM process_exit"), "6\n");
}

TEST_F(EventCollectorTest, WhomACommandMetAndNoLookEverSawIsFoundToBeGoneWithoutEventsToo) {
  RecorderTest::record(5, options(), [&](int look) {
    if (look != 2) return;
    const Redactor redactor;
    ActionLog log(folder_ / "galproc.db", redactor);
    log.commit([&](ActionWriter& writer) {
      ProcessStore& store = writer.processes();
      const std::int64_t boot_id = store.boot_id_of(world_.host());
      const ProcessKey lives = world_.start(12, 5, "lives");
      for (const ProcessKey& key : {ProcessKey{10, 7010}, lives}) {
        const auto met = store.upid_of(
            boot_id, {key, world_.now.wall_us, false, Witness::Action, world_.now.wall_us, std::nullopt, std::nullopt});
        ImageRow image;
        image.name = "parent";
        store.add_image(met.upid, 1, world_.now.wall_us, image);
      }
    });
  });
  EXPECT_EQ(exits_of(10), "gap|NULL|NULL\n") << "as who may be hidden is: it can be taken back";
  EXPECT_EQ(exits_of(12), "");
}

}  // namespace
}  // namespace galproc
