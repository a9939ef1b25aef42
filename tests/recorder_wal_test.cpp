// A -wal that grows because somebody does not stop reading.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>

#include "support/recorder_fixture.h"
#include "support/watched_disk.h"

namespace galproc {
namespace {

class RecorderWal : public RecorderTest {
 protected:
  RecordOptions options() {
    RecordOptions options = RecorderTest::options();
    constexpr std::int64_t kMoreThanACheckpointLeaves = 6LL * 1024 * 1024;
    options.most_wal_bytes = kMoreThanACheckpointLeaves;
    return options;
  }
  /// Somebody who has begun to read, and does not finish.
  void begin_reading() {
    reader_ = std::make_unique<SQLite::Database>(open());
    reader_->exec("BEGIN");
    reader_->execAndGet("SELECT count(*) FROM tick");
  }
  /// Eight megabytes, as of many busy hours.
  void write_much() {
    SQLite::Database writer((folder_ / "galproc.db").string(), SQLite::OPEN_READWRITE);
    writer.execAndGet("PRAGMA wal_autocheckpoint = 0");
    writer.exec("INSERT INTO text (value) VALUES (hex(randomblob(4000000)))");
  }
  std::string gaps() {
    return ask(
        "SELECT kind, (SELECT tick_id FROM tick WHERE at_us = from_us), (SELECT tick_id FROM tick WHERE at_us = to_us)"
        " FROM gaps WHERE kind = 'wal_pinned'");
  }
  std::unique_ptr<SQLite::Database> reader_;
};

/// Nothing can be written into the database itself, while the -wal can.
class HurtDatabase : public DiskWatcher {
 public:
  bool fails = false;
  DiskVerdict before(const DiskStep& step) override {
    const bool is_met = fails && step.kind == DiskStep::Kind::Write && step.path.ends_with(".db");
    return {is_met ? SQLITE_IOERR_WRITE : SQLITE_OK, 0, false};
  }
};

TEST_F(RecorderWal, ADatabaseThatTakesNothingMoreIsAGapThatSaysWhy) {
  HurtDatabase hurt;
  {
    const WatchedDisk watched(hurt);
    record(10, options(), [&](int look) {
      if (look == 3) write_much();
      hurt.fails = look >= 3 && look < 6;
    });
  }
  EXPECT_EQ(gaps(), "wal_pinned|3|6\n");
  EXPECT_EQ(ask("SELECT count(*), max(tick_id) FROM tick"), "10|10\n");
  const std::string detail = ask("SELECT detail FROM gaps WHERE kind = 'wal_pinned'");
  EXPECT_NE(detail.find(": it cannot be moved into the file: disk I/O error (SQLite 778)."), std::string::npos)
      << detail;
}

TEST_F(RecorderWal, AReaderThatPinsItIsAGapUntilItIsEmptiedAgain) {
  std::string meanwhile;
  record(10, options(), [&](int look) {
    if (look == 2) begin_reading();
    if (look == 3) write_much();
    if (look == 6) {
      meanwhile = gaps();
      reader_.reset();
    }
  });
  EXPECT_EQ(meanwhile, "wal_pinned|3|NULL\n");
  EXPECT_EQ(gaps(), "wal_pinned|3|6\n");
  EXPECT_EQ(ask("SELECT is_keyframe FROM ticks WHERE tick_id BETWEEN 4 AND 7"), "0\n0\n0\n0\n") << "nothing was missed";
  const std::string path = (folder_ / "galproc.db").string();
  const std::string detail = ask("SELECT detail FROM gaps WHERE kind = 'wal_pinned'");
  EXPECT_EQ(detail.rfind(path + "-wal has grown to ", 0), 0U) << detail;
  EXPECT_NE(detail.find(" MiB: "), std::string::npos) << detail;
  EXPECT_NE(detail.find("lsof " + path), std::string::npos) << detail;
  EXPECT_EQ(std::filesystem::file_size(path + "-wal"), 0U);
}

TEST_F(RecorderWal, EachTimeIsAGapOfItsOwn) {
  record(14, options(), [&](int look) {
    if (look == 2 || look == 8) begin_reading();
    if (look == 3 || look == 9) write_much();
    if (look == 5 || look == 11) reader_.reset();
  });
  EXPECT_EQ(gaps(), "wal_pinned|3|5\nwal_pinned|9|11\n");
}

TEST_F(RecorderWal, OneThatIsStillPinnedWhenTheRecordingEndsIsOverWithIt) {
  record(5, options(), [&](int look) {
    if (look == 2) begin_reading();
    if (look == 3) write_much();
  });
  EXPECT_EQ(ask("SELECT to_us = (SELECT ended_us FROM recordings) FROM gaps WHERE kind = 'wal_pinned'"), "1\n");
}

TEST_F(RecorderWal, MuchThatIsWrittenAtOnceIsNoGapWhereNobodyReads) {
  record(6, options(), [&](int look) {
    if (look == 3) write_much();
  });
  EXPECT_EQ(gaps(), "");
}

}  // namespace
}  // namespace galproc
