// What a fault leaves behind: a locked, damaged, moved, foreign or newer file, a call that fails.

#include <fstream>

#include "store/ledger.h"
#include "support/recorder_fixture.h"

namespace galproc {
namespace {

class RecorderFaultTest : public RecorderTest {};

TEST_F(RecorderFaultTest, ASecondRecorderIsRefusedByNamingTheFirst) {
  world_.recorder_pid = 777;
  try {
    Recorder(world_, options(), talk_).run();
    FAIL() << "it recorded";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::Failed);
    EXPECT_NE(std::string(error.what()).find("pid 777"), std::string::npos);
  }
}

TEST_F(RecorderFaultTest, WhileAnotherWriterHoldsTheFileReadingsWaitAndNothingIsLost) {
  world_.start(1, 0, "busy");
  RecordOptions fast = options();
  fast.interval_us = kSecond / 10;  // a locked file is waited for in real time, half an interval at most
  std::unique_ptr<SQLite::Database> other;
  record(12, fast, [&](int look) {
    world_.run(1, 1000);
    if (look == 3) {
      other = std::make_unique<SQLite::Database>((folder_ / "galproc.db").string(), SQLite::OPEN_READWRITE);
      other->exec("BEGIN IMMEDIATE");
    }
    if (look == 5) world_.start(2, 1, "born");
    if (look == 7) world_.end(2);
    if (look == 9) other.reset();
  });
  EXPECT_EQ(ask("SELECT count(*), max(late_us) FROM tick"), "12|0\n");
  EXPECT_EQ(ask("SELECT count(*) FROM process_sample JOIN process USING (upid) WHERE pid = 1"), "12\n");
  EXPECT_EQ(ask("SELECT p.started_us < x.ended_us, x.tick_id FROM process_exit AS x JOIN process AS p USING (upid)"),
            "1|7\n");
  EXPECT_EQ(ask("SELECT count(*) FROM gap"), "0\n");
  EXPECT_NE(talk_.str().find("locked by another writer"), std::string::npos);
}

TEST_F(RecorderFaultTest, ReadingsThatHadToBeDroppedAreAGapAndTheNextTickIsAKeyframe) {
  world_.start(1, 0, "busy");
  RecordOptions small = options();
  small.interval_us = kSecond / 10;
  small.queue_bytes = 3 * (sizeof(TickReading) + sizeof(ProcessReading));
  std::unique_ptr<SQLite::Database> other;
  record(12, small, [&](int look) {
    world_.run(1, 1000);
    if (look == 3) {
      other = std::make_unique<SQLite::Database>((folder_ / "galproc.db").string(), SQLite::OPEN_READWRITE);
      other->exec("BEGIN IMMEDIATE");
    }
    if (look == 10) other.reset();
  });
  EXPECT_EQ(ask("SELECT count(*) FROM tick"), "7\n");
  EXPECT_EQ(
      ask("SELECT kind, detail, from_us = (SELECT at_us FROM tick WHERE tick_id = 2), to_us = (SELECT at_us FROM tick"
          " WHERE tick_id = 3) FROM gap"),
      "readings_dropped|5 readings dropped: the file could not be written.|1|1\n");
  EXPECT_EQ(ask("SELECT tick_id FROM tick WHERE tick_id = keyframe_tick_id"), "1\n3\n");
}

TEST_F(RecorderFaultTest, ACorruptDatabaseIsMovedAsideWithItsJournalAndRecordingGoesOn) {
  world_.start(1, 0, "init");
  record(2);
  {
    std::fstream file(folder_ / "galproc.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file.write(std::string(4000, 'z').data(), 4000);
  }
  record(1);
  EXPECT_EQ(ask("SELECT kind FROM gap"), "file_moved\n");
  EXPECT_EQ(ask("SELECT count(*) FROM tick"), "1\n");
  int moved = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    moved += entry.path().filename().string().starts_with("galproc.db.corrupt-") ? 1 : 0;
  }
  EXPECT_EQ(moved, 3);
  EXPECT_EQ(ask("SELECT predecessor_name GLOB 'galproc.db.corrupt-*Z', predecessor_head FROM origin"), "1|NULL\n");
}

TEST_F(RecorderFaultTest, AMovingAsideThatWasCutShortIsFinishedBeforeTheNameIsTakenAgain) {
  world_.start(1, 0, "init");
  record(2);
  // As a death between the first name and the second leaves it.
  const std::filesystem::path moved = folder_ / "galproc.db.corrupt-20261130T080000Z";
  std::filesystem::rename(folder_ / "galproc.db", moved);
  std::ofstream(folder_ / "galproc.db-wal", std::ios::binary) << "frames that were never moved into the file";
  record(1);
  std::ostringstream kept;
  kept << std::ifstream(moved.string() + "-wal", std::ios::binary).rdbuf();
  EXPECT_EQ(kept.str(), "frames that were never moved into the file");
  EXPECT_EQ(ask("SELECT count(*) FROM tick"), "1\n");
}

TEST_F(RecorderFaultTest, ANewFileIsChainedToWhatCanStillBeReadOfTheCorruptOne) {
  world_.start(1, 0, "init");
  record(2);
  const std::int64_t page = std::stoll(ask("SELECT rootpage FROM sqlite_schema WHERE name = 'tick'"));
  const std::string head = *last_ledger_head(folder_ / "galproc.db");
  {
    std::fstream file(folder_ / "galproc.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((page - 1) * 4096);
    file.write(std::string(4096, 'z').data(), 4096);
  }
  record(1);
  EXPECT_EQ(ask("SELECT kind FROM gap"), "file_moved\n");
  EXPECT_EQ(ask("SELECT predecessor_name GLOB 'galproc.db.corrupt-*Z', predecessor_head FROM origin"),
            "1|" + head + "\n");
}

TEST_F(RecorderFaultTest, AFileThatIsReplacedOrDeletedWhileItIsRecordedToIsAGapInTheNewOne) {
  record(4, [&](int look) {
    if (look == 3) {
      for (const char* ending : {"", "-wal", "-shm"}) {
        std::filesystem::rename((folder_ / "galproc.db").string() + ending, (folder_ / "moved.db").string() + ending);
      }
    }
  });
  EXPECT_EQ(ask("SELECT count(*) FROM tick"), "2\n");
  EXPECT_EQ(ask("SELECT kind FROM gap"), "file_moved\n");
  SQLite::Database old = open_for_reading(folder_ / "moved.db");
  EXPECT_EQ(old.execAndGet("SELECT count(*) FROM tick").getInt(), 2);
  EXPECT_EQ(old.execAndGet("SELECT reason FROM recording_end").getString(), "file_moved");
}

TEST_F(RecorderFaultTest, AForeignFileIsRefusedUntouched) {
  const auto refused = [&](const std::string& what) {
    try {
      Recorder(world_, options(), talk_).run();
      ADD_FAILURE() << what << " was recorded to";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::Failed);
      EXPECT_NE(std::string(error.what()).find("galproc.db"), std::string::npos);
    }
  };
  std::ofstream(folder_ / "galproc.db")
      << "my shopping list, which is longer than a header of a database: milk, bread, butter, eggs, salt";
  refused("text");
  std::ostringstream kept;
  kept << std::ifstream(folder_ / "galproc.db").rdbuf();
  EXPECT_TRUE(kept.str().starts_with("my shopping list"));

  std::filesystem::remove(folder_ / "galproc.db");
  SQLite::Database((folder_ / "galproc.db").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
      .exec("CREATE TABLE theirs (x)");
  refused("another program's database");
  SQLite::Database theirs((folder_ / "galproc.db").string(), SQLite::OPEN_READONLY);
  EXPECT_EQ(theirs.execAndGet("SELECT group_concat(name) FROM sqlite_schema").getString(), "theirs");
}

TEST_F(RecorderFaultTest, AFileOfANewerSchemaIsRefusedAndOneThatIsMigratedMeanwhileEndsTheRecording) {
  record(1);
  const auto raise_schema = [&] {
    SQLite::Database((folder_ / "galproc.db").string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 999");
  };
  EXPECT_THROW(record(3,
                      [&](int look) {
                        if (look == 2) raise_schema();
                      }),
               Error);
  EXPECT_THROW(record(1), Error);
  SQLite::Database database((folder_ / "galproc.db").string(), SQLite::OPEN_READONLY);
  EXPECT_EQ(database.execAndGet("SELECT count(*) FROM tick").getInt(), 2);
  EXPECT_EQ(database.execAndGet("SELECT reason FROM recording_end WHERE recording_id = 2").getString(), "newer_schema");
}

TEST_F(RecorderFaultTest, AnEmptyFileIsNewAndAnExistingOneKeepsItsMode) {
  std::ofstream(folder_ / "galproc.db").flush();
  std::filesystem::permissions(folder_ / "galproc.db", std::filesystem::perms(0600));
  record(1);
  EXPECT_EQ(ask("SELECT count(*) FROM tick"), "1\n");
  EXPECT_EQ(std::filesystem::status(folder_ / "galproc.db").permissions(), std::filesystem::perms(0600));
}

TEST_F(RecorderFaultTest, FilesAreMadeForTheOwnerAndTheGroupAndTheJournalStaysAfterACleanStop) {
  RecordOptions deep = options();
  deep.database = folder_ / "new" / "galproc.db";
  record(1, deep);
  EXPECT_EQ(std::filesystem::status(folder_ / "new").permissions(), std::filesystem::perms(0750));
  for (const char* ending : {"", "-wal", "-shm"}) {
    EXPECT_EQ(std::filesystem::status(deep.database.string() + ending).permissions(), std::filesystem::perms(0640))
        << ending;
  }
}

TEST_F(RecorderFaultTest, WhateverCallFailsTheLogStaysTrue) {
  world_.start(1, 0, "init");
  world_.listen(1, 80);
  for (int fail_at = 1; fail_at < 100; ++fail_at) {
    RecordOptions own = options();
    own.database = folder_ / ("fault" + std::to_string(fail_at) + ".db");
    own.samples = 3;
    FailingPlatform failing(world_, fail_at);
    try {
      Recorder(failing, own, talk_).run();
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("made to fail"), std::string::npos);
      continue;  // said so at the start, before anything was recorded
    }
    SQLite::Database database = open_for_reading(own.database);
    EXPECT_EQ(database.execAndGet("SELECT count(*) FROM tick").getInt(), 3);
    EXPECT_EQ(database.execAndGet("SELECT count(*) FROM process_exit").getInt(), 0) << "call " << fail_at;
    EXPECT_EQ(database.execAndGet("SELECT count(*) FROM port_release").getInt(), 0) << "call " << fail_at;
    EXPECT_EQ(database.execAndGet("SELECT count(*) FROM collection_error").getInt(), failing.failed() ? 1 : 0);
    if (!failing.failed()) return;
  }
  FAIL() << "the recorder makes more calls than this test expects";
}

}  // namespace
}  // namespace galproc
