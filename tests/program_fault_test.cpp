// A file that cannot be written for a while: the recorder outlives it, and what it could not keep is told.

#include "support/crowd.h"
#include "support/program.h"
#include "support/small_disk.h"

namespace galproc {
namespace {

class ProgramFault : public ProgramTest {
 protected:
  /// The ticks that the schedule left room for and that are not there. A tick that was late by n intervals took the
  /// place of n others; the last one, of the stop, is on no schedule.
  std::string missing_ticks() const {
    return ask(
        "WITH t AS (SELECT tick_id, late_us, boot_us - duration_us - late_us AS due_us, interval_us FROM ticks"
        " JOIN recordings USING (recording_id) WHERE tick_id < (SELECT max(tick_id) FROM ticks))"
        " SELECT (max(due_us) - min(due_us) + interval_us / 2) / interval_us"
        " - sum(CASE WHEN tick_id < (SELECT max(tick_id) FROM t) THEN late_us / interval_us + 1 ELSE 0 END) FROM t");
  }
};

TEST_F(ProgramFault, OfALockedFileLosesNoTick) {
  Program recorder = record();
  pid_t born = 0;
  std::int64_t unlocked_us = 0;
  {
    SQLite::Database other(db().string(), SQLite::OPEN_READWRITE, 10'000);
    other.exec("BEGIN IMMEDIATE");
    const std::int64_t tick = last_tick();
    ASSERT_TRUE(wait_until([&] { return recorder.err().find("locked by another writer") != std::string::npos; }))
        << recorder.err();
    {
      Puppet short_life;
      born = short_life.pid();
      const std::int64_t born_us = now_us();
      ASSERT_TRUE(wait_until([&] { return now_us() > born_us + 1'000'000; }));
    }
    const std::int64_t ended_us = now_us();
    ASSERT_TRUE(wait_until([&] { return now_us() > ended_us + 2'000'000; }));
    EXPECT_EQ(last_tick(), tick);
    unlocked_us = now_us();
    other.exec("ROLLBACK");
  }
  ASSERT_TRUE(wait_until([&] { return recorder.err().find("can be written again") != std::string::npos; }))
      << recorder.err();
  settle();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(missing_ticks(), "0\n");
  EXPECT_EQ(ask("SELECT kind FROM gaps WHERE kind <> 'late'"), "stopped\n");
  EXPECT_EQ(ask(fmt::format("SELECT ended_us < {} FROM processes WHERE pid = {}", unlocked_us, born)), "1\n")
      << "ended, ticks after it and before the unlocking, and their lateness: "
      << ask(fmt::format("SELECT ended_us - {0}, (SELECT group_concat((at_us - {0}) || ' late ' || late_us, ', ') FROM"
                         " ticks WHERE at_us BETWEEN {0} - 3000000 AND {0} + 1000000) FROM processes WHERE pid = {1}",
                         unlocked_us, born));
  EXPECT_EQ(ask("PRAGMA integrity_check"), "ok\n");
}

TEST_F(ProgramFault, OfALockThatOutlastsTheStopIsSaidAndTheFileIsWhole) {
  Program recorder = record();
  SQLite::Database other(db().string(), SQLite::OPEN_READWRITE, 10'000);
  other.exec("BEGIN IMMEDIATE");
  ASSERT_TRUE(wait_until([&] { return recorder.err().find("locked by another writer") != std::string::npos; }));
  EXPECT_EQ(recorder.stop(), 1);
  EXPECT_NE(recorder.err().find("could not be stored"), std::string::npos) << recorder.err();
  other.exec("ROLLBACK");
  snapshot();
  EXPECT_EQ(ask("SELECT kind, to_us IS NULL FROM gaps WHERE kind <> 'late' ORDER BY from_us"),
            "crashed|0\nstopped|1\n");
}

TEST_F(ProgramFault, OfAMovedFileIsAGapInANewOne) {
  Program recorder = record();
  settle();
  fs::create_directory(folder_ / "away");
  for (const char* ending : {"", "-wal", "-shm"})
    fs::rename(db().string() + ending, (folder_ / "away/galproc.db").string() + ending);
  ASSERT_TRUE(wait_until([&] { return last_tick() >= 2; })) << recorder.err();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_NE(recorder.err().find("renamed, replaced or deleted"), std::string::npos) << recorder.err();
  EXPECT_EQ(ask("SELECT count(*), min(from_us) < (SELECT min(at_us) FROM ticks) FROM gaps WHERE kind = 'file_moved'"),
            "1|1\n");
  EXPECT_EQ(ask("SELECT is_keyframe FROM ticks LIMIT 1"), "1\n");
  const fs::path moved = folder_ / "away/galproc.db";
  EXPECT_EQ(galproc::ask(moved, "SELECT end_reason FROM recordings"), "file_moved\n");
  EXPECT_EQ(galproc::ask(moved, "PRAGMA integrity_check"), "ok\n");
}

TEST_F(ProgramFault, OfADeletedFileLetsNoSecondRecorderIn) {
  Program recorder = record();
  for (const auto& entry : fs::directory_iterator(folder_.path())) fs::remove(entry.path());  // the lock file too
  ASSERT_TRUE(wait_until([&] { return last_tick() >= 2; })) << recorder.err();
  const Ran second = galproc({"record", "--db", db().string(), "--samples", "1"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_NE(second.err.find(fmt::format("pid {},", recorder.pid())), std::string::npos) << second.err;
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(ask("SELECT count(*) FROM recordings"), "1\n");
}

TEST_F(ProgramFault, OfARecorderThatWasHeldUpIsALateTick) {
  Program recorder = record();
  settle();
  const std::int64_t stopped_us = now_us();
  ::kill(recorder.pid(), SIGSTOP);
  ASSERT_TRUE(wait_until([&] { return now_us() > stopped_us + 500'000; }));
  ::kill(recorder.pid(), SIGCONT);
  settle();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(
      ask(fmt::format("SELECT count(*) > 0 FROM gaps WHERE kind = 'late' AND to_us - from_us >= 400000 AND to_us > {}",
                      stopped_us + 500'000)),
      "1\n");
  EXPECT_EQ(missing_ticks(), "0\n");
}

/// Takes all the room that is left, to the last byte.
void fill(const fs::path& file) {
  const int filler = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ASSERT_GE(filler, 0);
  const std::string block(4096, 'x');
  for (std::size_t piece = block.size(); piece > 0; piece /= 2) {
    while (::write(filler, block.data(), piece) > 0) {
    }
  }
  ::close(filler);
}

TEST_F(ProgramFault, OfAFullDiskIsSurvivedAndTheHoleIsAGap) {
  if (!is_root()) GTEST_SKIP() << "mounting a small disk needs root";
  const SmallDisk disk(folder_ / "disk");
  if (disk.error() != 0) GTEST_SKIP() << "no private mount: " << std::strerror(-disk.error());
  // Many idle processes make readings large, so that those which wait use up their memory soon.
  const Crowd crowd(1000, Crowd::Ports::None);
  const std::string file = (folder_ / "disk/galproc.db").string();
  const Options inside{{}, [&] { disk.enter(); }};
  const auto ask_inside = [&](const std::string& sql) {
    return run({"/usr/bin/sqlite3", "-readonly", "-cmd", ".timeout 10000", file, sql}, inside).out;
  };
  const auto ticks = [&] { return std::atoll(ask_inside("SELECT count(*) FROM ticks").c_str()); };
  Program recorder = start({galproc_binary(), "record", "--db", file, "--interval", "10ms"}, inside);
  ASSERT_TRUE(wait_until([&] { return ticks() > 2; })) << recorder.err();
  const auto says = [&](const char* words) {
    return wait_until([&] { return recorder.err().find(words) != std::string::npos || recorder.has_ended(); }) &&
           !recorder.has_ended();
  };
  fill(disk / "filler");
  ASSERT_TRUE(says("(--min-free)")) << recorder.err();
  ASSERT_TRUE(says("the oldest are dropped")) << recorder.err();
  fs::remove(disk / "filler");
  ASSERT_TRUE(says("can be written again")) << recorder.err();
  const std::int64_t before = ticks();
  ASSERT_TRUE(wait_until([&] { return ticks() > before + 2; })) << recorder.err();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();

  EXPECT_EQ(ask_inside("PRAGMA integrity_check"), "ok\n");
  EXPECT_EQ(ask_inside("SELECT count(*), min(to_us > from_us) FROM gaps WHERE kind = 'disk_full'"), "1|1\n");
  // Nothing lies in the hole, and what comes after it stands by itself.
  EXPECT_EQ(ask_inside("SELECT count(*) FROM ticks AS t JOIN gaps AS g ON g.kind = 'disk_full'"
                       " AND t.at_us > g.from_us AND t.at_us < g.to_us"),
            "0\n");
  EXPECT_EQ(ask_inside("SELECT is_keyframe FROM ticks JOIN gaps ON kind = 'disk_full' AND at_us = to_us"), "1\n");
  // Of the crowd, which was there before the recorder, nobody was buried in the hole.
  EXPECT_EQ(ask_inside(fmt::format("SELECT count(*), count(ended_us) FROM processes WHERE pid IN ({})",
                                   fmt::join(crowd.pids(), ", "))),
            fmt::format("{}|0\n", crowd.pids().size()));
}

TEST_F(ProgramFault, OfADiskThatIsFullForEverybodyElseAKillIsStillLoggedAndDone) {
  if (!is_root()) GTEST_SKIP() << "mounting a small disk needs root";
  const SmallDisk disk(folder_ / "disk", "8m");
  if (disk.error() != 0) GTEST_SKIP() << "no private mount: " << std::strerror(-disk.error());
  const std::string file = (folder_ / "disk/galproc.db").string();
  const Options inside{{}, [&] { disk.enter(); }};
  Program recorder = start({galproc_binary(), "record", "--db", file, "--interval", "20ms"}, inside);
  const auto reserve = [&] {
    std::error_code missing;
    const auto bytes = fs::file_size(disk / "galproc.db.reserve", missing);
    return missing ? 0 : bytes;
  };
  constexpr std::uintmax_t kWhole = 1024 * 1024;  // of so small a disk
  ASSERT_TRUE(wait_until([&] { return reserve() == kWhole; })) << recorder.err();
  fill(disk / "filler");
  const auto kill = [&](Puppet& victim) {
    return run({galproc_binary(), "kill", std::to_string(victim.pid()), "--db", file, "--reason", "the disk is full"},
               inside);
  };
  constexpr int kKills = 8;
  for (int i = 0; i < kKills; ++i) {
    SCOPED_TRACE(i);
    Puppet victim;
    const Ran ran = kill(victim);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    ::usleep(300'000);  // the recorder, which looks for room meanwhile, must not take what was given up
  }
  EXPECT_EQ(reserve(), 0U) << "it was given up";
  const auto ask_inside = [&](const std::string& sql) {
    return run({"/usr/bin/sqlite3", "-readonly", "-cmd", ".timeout 10000", file, sql}, inside).out;
  };
  EXPECT_EQ(ask_inside("SELECT outcome, reason, count(*) FROM termination_attempts WHERE source = 'galproc'"),
            fmt::format("exited|the disk is full|{}\n", kKills));
  fs::remove(disk / "filler");
  EXPECT_TRUE(wait_until([&] { return reserve() == kWhole; })) << "it is made again";
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();

  fill(disk / "filler");
  fs::remove(disk / "galproc.db.reserve");
  fill(disk / "filler");
  Puppet spared;
  const Ran ran = kill(spared);
  EXPECT_EQ(ran.exit_code, 5) << ran.err;
  EXPECT_NE(ran.err.find("there is no room left for it"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace galproc
