// What the recorder stores, and when.

#include "support/recorder_fixture.h"

namespace galproc {
namespace {

TEST_F(RecorderTest, ALifeIsOneUpidWithItsImagesItsParentsAndAnEndWithBounds) {
  world_.start(1, 0, "init");
  record(5, [&](int look) {
    if (look == 2) world_.start(10, 1, "shell");
    if (look == 3) world_.exec(10, {"/bin/server", "--port", "8080"});
    if (look == 4) world_.processes.at(10).parent_pid = 0;
    if (look == 5) world_.end(10);
  });
  EXPECT_EQ(ask("SELECT count(*) FROM process WHERE pid = 10"), "1\n");
  EXPECT_EQ(ask("SELECT image_no, name, command_line FROM process_image JOIN process USING (upid) WHERE pid = 10"),
            "1|shell|/bin/shell\n2|server|/bin/server --port 8080\n");
  EXPECT_EQ(
      ask("SELECT p.parent_pid, p.parent_upid, p.started_us + p.met_after_us = (SELECT at_us FROM tick"
          " WHERE tick_id = 2), q.parent_pid, q.parent_upid FROM process AS p JOIN process_parent AS q USING (upid)"
          " WHERE p.pid = 10"),
      "1|1|1|0|NULL\n");
  EXPECT_EQ(ask("SELECT (SELECT name FROM witness WHERE source = x.source), x.ended_within_us, x.tick_id, "
                "x.final FROM process_exit AS x"),
            "poll|5000000|5|0\n");
}

// Where pids have begun anew a parent may have the higher one, and both may have begun in one clock tick.
TEST_F(RecorderTest, AChildThatIsListedBeforeItsParentHasThatParent) {
  world_.start(10, 30, "child");
  world_.start(20, 10, "grandchild");
  world_.start(30, 99, "parent");
  record(1);
  EXPECT_EQ(ask("SELECT c.pid, c.parent_pid, p.pid FROM processes AS c LEFT JOIN process AS p ON p.upid = c.parent_upid"
                " ORDER BY c.pid"),
            "10|30|30\n20|10|10\n30|99|NULL\n");
}

TEST_F(RecorderTest, TwoProcessesThatShareAPidOneAfterTheOtherAreTwoRows) {
  const ProcessKey first = world_.start(10, 0, "first");
  record(3, [&](int look) {
    if (look == 2) {
      world_.end(10);
      world_.start(10, 0, "second");
    }
  });
  EXPECT_EQ(ask("SELECT upid, start_token = " + std::to_string(first.start_token) +
                " FROM process WHERE pid = 10 ORDER BY upid"),
            "1|1\n2|0\n");
  EXPECT_EQ(ask("SELECT upid, tick_id FROM process_exit"), "1|2\n");
}

TEST_F(RecorderTest, SamplesAreStoredAtBirthWhenSomethingMovedAndAtKeyframes) {
  RecordOptions fast = options();
  fast.interval_us = 10 * kSecond;
  world_.start(1, 0, "idle");
  world_.start(2, 0, "busy");
  record(62, fast, [&](int look) {
    if (look > 1 && look % 10 == 0) world_.run(2, 1000);
  });
  EXPECT_EQ(ask("SELECT tick_id FROM process_sample JOIN process USING (upid) WHERE pid = 1"), "1\n61\n");
  EXPECT_EQ(ask("SELECT tick_id FROM process_sample JOIN process USING (upid) WHERE pid = 2"),
            "1\n10\n20\n30\n40\n50\n60\n61\n");
  EXPECT_EQ(ask("SELECT tick_id FROM tick WHERE tick_id = keyframe_tick_id"), "1\n61\n");
}

TEST_F(RecorderTest, AProcessKeepsItsUpidAndItsImageOverRestartsOfTheRecorderInOneBoot) {
  world_.start(1, 0, "init");
  world_.start(7, 1, "service");
  record(2);
  world_.end(1);
  record(2);
  EXPECT_EQ(ask("SELECT count(*) FROM process WHERE pid = 7"), "1\n");
  EXPECT_EQ(ask("SELECT count(*) FROM process_image JOIN process USING (upid) WHERE pid = 7"), "1\n");
  EXPECT_EQ(ask("SELECT pid, (SELECT name FROM witness WHERE source = x.source), ended_us - ended_within_us = (SELECT "
                "at_us FROM "
                "tick WHERE tick_id = 2), x.tick_id FROM "
                "process_exit AS x"
                " JOIN process USING (upid)"),
            "1|gap|1|3\n");
  EXPECT_EQ(ask("SELECT tick_id FROM tick WHERE tick_id = keyframe_tick_id"), "1\n3\n");
  EXPECT_EQ(ask("SELECT tick_id FROM tick WHERE previous_tick_id IS NULL"), "1\n3\n");
}

TEST_F(RecorderTest, ANewBootEndsEverythingOfTheOldOneAndReusesNoUpid) {
  world_.start(1, 0, "init");
  world_.listen(1, 80);
  record(2);
  world_.boot_uuid = "boot-2";
  world_.pass_time(60 * kSecond);
  world_.now.boot_us = 10 * kSecond;
  record(1);
  EXPECT_EQ(ask("SELECT upid, boot_id FROM process"), "1|1\n2|2\n");
  EXPECT_EQ(ask("SELECT upid, exit_source FROM processes WHERE exit_source IS NOT NULL"), "1|reboot\n");
  EXPECT_EQ(ask("SELECT binding_id, release_source FROM port_bindings WHERE release_source IS NOT NULL"), "1|reboot\n");
  EXPECT_EQ(ask("SELECT count(*) FROM port_binding"), "2\n");
}

TEST_F(RecorderTest, APortThatChangesHandsIsTwoIntervalsAndOneSharedByTwoIsTwoHolds) {
  world_.start(1, 0, "old");
  world_.start(2, 0, "new");
  world_.listen(1, 8080);
  record(4, [&](int look) {
    if (look == 2) world_.sockets.front().holders.push_back(world_.processes.at(2).key);
    if (look == 3) world_.sockets.front().holders.erase(world_.sockets.front().holders.begin());
    if (look == 4) world_.close_port(8080);
  });
  EXPECT_EQ(ask("SELECT b.upid, b.tick_id, r.tick_id, r.released_us - r.released_after_us FROM port_binding AS b"
                " JOIN port_release AS r USING (binding_id) ORDER BY binding_id"),
            "1|1|3|5000000\n2|2|4|5000000\n");
}

TEST_F(RecorderTest, APortWhoseHolderMayNotBeSeenIsABindingWithoutUpid) {
  world_.sockets.push_back({Protocol::Udp, "::", 53, 1, {}});
  record(2);
  EXPECT_EQ(ask("SELECT upid, protocol, address, port FROM port_binding"), "NULL|udp|::|53\n");
}

TEST_F(RecorderTest, AProcessThatCannotBeReadIsNotTakenForDeadAndStaysInTheKeyframe) {
  world_.start(1, 0, "shy");
  RecordOptions fast = options();
  fast.interval_us = 10 * kSecond;
  record(62, fast, [&](int look) {
    if (look == 2) world_.unreadable_pids = {1};
    if (look == 62) {
      world_.unreadable_pids.clear();
      world_.end(1);
    }
  });
  EXPECT_EQ(ask("SELECT tick_id FROM process_sample"), "1\n61\n");
  EXPECT_EQ(
      ask("SELECT tick_id, ended_us - ended_within_us = (SELECT at_us FROM tick WHERE tick_id = 1) FROM process_exit"),
      "62|1\n");
}

TEST_F(RecorderTest, AZombieHasEndedOnceWithItsStatusEvenWhenItIsNeverReaped) {
  world_.start(1, 0, "worker");
  record(4, [&](int look) {
    ProcessReading& process = world_.processes.at(1);
    if (look == 2) {
      process.ended = true;
      process.usage.state = ProcessState::Zombie;
      process.wait_status = 9;
    }
  });
  record(1);
  EXPECT_EQ(ask("SELECT tick_id, exit_code, exit_signal, final FROM process_exit"), "2|NULL|9|1\n");
  EXPECT_EQ(ask("SELECT process_count FROM tick"), "1\n0\n0\n0\n0\n");
}

TEST_F(RecorderTest, AnEndThatIsFoundWithoutEventsHasTheStatusThatTheLookTells) {
  world_.start(1, 0, "told");
  world_.start(2, 0, "untold");
  record(3, [&](int look) {
    if (look != 2) return;
    world_.die(1, Signal::Terminate);
    world_.end(2);
  });
  EXPECT_EQ(ask("SELECT pid, exit_signal, exit_code, exit_source, ended_us - ended_earliest_us FROM processes"
                " ORDER BY pid"),
            "1|SIGTERM|NULL|poll|5000000\n2|NULL|NULL|poll|5000000\n");
}

TEST_F(RecorderTest, LooksAreAskedForEndsOnlyWhereNoEventsTellOfThem) {
  record(1);
  EXPECT_TRUE(world_.holds_exit_statuses);
  world_.no_events = "";
  RecordOptions told = options();
  told.event_source = "auto";
  record(1, told);
  EXPECT_FALSE(world_.holds_exit_statuses);
}

TEST_F(RecorderTest, OneWhoseEndIsToldHasEndedThoughItsPidIsAnothersThatCannotBeRead) {
  world_.start(1, 0, "first");
  record(2, [&](int look) {
    if (look != 2) return;
    world_.die(1, Signal::Kill);
    world_.unreadable_pids = {1};
  });
  EXPECT_EQ(ask("SELECT tick_id, exit_signal FROM process_exit"), "2|9\n");
}

TEST_F(RecorderTest, AnEndThatWasStoredOfAZombieStaysAsItIsWhenItsStatusIsToldLater) {
  world_.start(1, 0, "shy");
  record(3, [&](int look) {
    if (look == 2) world_.processes.at(1).ended = true;
    if (look == 3) world_.die(1, Signal::Kill);
  });
  EXPECT_EQ(ask("SELECT tick_id, exit_code, exit_signal, final FROM process_exit"), "2|NULL|NULL|1\n");
}

// As under hidepid: the recorder in between could not see it.
TEST_F(RecorderTest, WhatWasTakenForEndedAndLivesHasNoEnd) {
  world_.start(1, 0, "init");
  world_.start(7, 1, "hidden");
  record(2);
  const ProcessReading hidden = world_.processes.at(7);
  world_.processes.erase(7);
  record(2);
  EXPECT_EQ(ask("SELECT exit_source FROM processes WHERE pid = 7"), "gap\n");
  world_.processes.emplace(7, hidden);
  record(2);
  EXPECT_EQ(ask("SELECT upid, ended_us FROM processes WHERE pid = 7"), "2|NULL\n");
  world_.end(7);
  record(1);
  EXPECT_EQ(ask("SELECT exit_source FROM processes WHERE pid = 7"), "gap\n");
}

TEST_F(RecorderTest, EveryStateHasItsName) {
  const std::vector<std::pair<ProcessState, std::string>> states = {
      {ProcessState::Sleeping, "sleeping"},    {ProcessState::Running, "running"}, {ProcessState::Idle, "idle"},
      {ProcessState::DiskSleep, "disk_sleep"}, {ProcessState::Stopped, "stopped"}, {ProcessState::Traced, "traced"},
      {ProcessState::Zombie, "zombie"}};
  std::string expected;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const auto pid = static_cast<std::int64_t>(i) + 1;
    world_.start(pid, 0, "x");
    world_.processes.at(pid).usage.state = states[i].first;
    expected += std::to_string(pid) + "|" + states[i].second + "\n";
  }
  record(1);
  EXPECT_EQ(ask("SELECT pid, state FROM process_samples ORDER BY pid"), expected);
}

TEST_F(RecorderTest, ATextThatManyHaveInCommonIsStoredOnce) {
  for (const std::int64_t pid : {1, 2, 3}) {
    world_.start(pid, 0, "x");
    auto image = std::make_shared<ProcessImage>(*world_.processes.at(pid).image);
    image->executable = pid < 3 ? "/bin/common" : "/bin/other";
    image->cgroup = "/bin/common";
    world_.processes.at(pid).image = image;
  }
  record(1);
  // Of a command line nobody knows at first sight whether it comes again: it is shared from the second time on.
  EXPECT_EQ(ask("SELECT value FROM text WHERE value LIKE '/bin/%' ORDER BY value"),
            "/bin/common\n/bin/other\n/bin/x\n");
  EXPECT_EQ(ask("SELECT upid, command_line FROM process_image ORDER BY upid"), "1|/bin/x\n2|NULL\n3|NULL\n");
  EXPECT_EQ(ask("SELECT command_line FROM processes"), "/bin/x\n/bin/x\n/bin/x\n");
  EXPECT_EQ(ask("SELECT pid, p.executable, p.cgroup, p.venv FROM processes AS p ORDER BY pid"),
            "1|/bin/common|/bin/common|NULL\n2|/bin/common|/bin/common|NULL\n3|/bin/other|/bin/common|NULL\n");
}

TEST_F(RecorderTest, WhatWasDeniedIsOneCountedRowAKindAndTick) {
  world_.read_errors = {{"read io", 13, "Permission denied", 41}};
  record(2);
  EXPECT_EQ(ask("SELECT tick_id, collector, operation, error_code, error_text, count FROM collection_error"),
            "1|processes|read io|13|Permission denied|41\n2|processes|read io|13|Permission denied|41\n");
}

TEST_F(RecorderTest, SecretsAreRedactedBeforeTheyAreStoredUnlessAskedNotTo) {
  world_.start(1, 0, "db");
  world_.exec(1, {"/bin/db", "--password", "hunter2"});
  record(1);
  EXPECT_EQ(ask("SELECT command_line FROM process_image"), "/bin/db --password '[redacted]'\n");
  RecordOptions open_words = options();
  open_words.redact = false;
  world_.exec(1, {"/bin/db", "--password", "hunter3"});
  record(1, open_words);
  EXPECT_EQ(ask("SELECT command_line FROM process_image WHERE image_no = 2"), "/bin/db --password hunter3\n");
}

TEST_F(RecorderTest, HostileTextIsStoredAsValidUtf8) {
  world_.start(1, 0, "x");
  auto image = std::make_shared<ProcessImage>();
  image->name = "\xff\xfe) (evil\n";
  image->arguments = {std::string("a\0b", 3), "\xc3\x28", std::string(100'000, 'x')};
  world_.processes.at(1).image = image;
  record(1);
  EXPECT_EQ(ask("SELECT hex(name) FROM process_image"), "EFBFBDEFBFBD2920286576696C0A\n");
  EXPECT_EQ(ask("SELECT truncated, length(CAST(command_line AS BLOB)) <= 65536, instr(command_line, char(0)) FROM "
                "process_image"),
            "1|1|0\n");
}

TEST_F(RecorderTest, AStepOfTheWallClockAndASuspendAreGaps) {
  record(4, [&](int look) {
    if (look == 2) world_.now.wall_us -= 3600 * kSecond;
    if (look == 3) {
      world_.now.wall_us += 600 * kSecond;
      world_.now.boot_us += 600 * kSecond;
    }
  });
  EXPECT_EQ(ask("SELECT kind, detail FROM gap ORDER BY gap_id"),
            "clock_step|The wall clock stepped back by 1h00m.\nsuspended|The machine was suspended for 10m00s.\n");
}

TEST_F(RecorderTest, ALateTickSaysHowLateAndTheScheduleGoesOn) {
  record(3, [&](int look) {
    if (look == 2) world_.pass_time(17 * kSecond);
  });
  EXPECT_EQ(ask("SELECT late_us, boot_us - 1000000000 FROM tick"), "0|0\n17000000|22000000\n0|25000000\n");
}

TEST_F(RecorderTest, AStopTakesALastTickAndClosesTheRecording) {
  world_.on_wake = [&](int sleep) {
    world_.pass_time(sleep == 3 ? kSecond : 0);
    return sleep < 3;
  };
  Recorder(world_, options(), talk_).run();
  EXPECT_EQ(ask("SELECT count(*) FROM tick"), "3\n");
  EXPECT_EQ(ask("SELECT recording_id, reason FROM recording_end"), "1|stopped\n");
}

TEST_F(RecorderTest, DurationEndsWithATickAtItsEnd) {
  RecordOptions timed = options();
  timed.duration_us = 12 * kSecond;
  Recorder(world_, timed, talk_).run();
  EXPECT_EQ(ask("SELECT boot_us - 1000000000 FROM tick"), "0\n5000000\n10000000\n12000000\n");
}

}  // namespace
}  // namespace galproc
