// `galproc db check`, `snapshot` and `info` beside a recorder that runs, and on files that were hurt.

#include <sys/stat.h>

#include "support/program.h"
#include "support/puppet.h"
#include "support/small_disk.h"

namespace galproc {
namespace {

class ProgramDbFile : public ProgramTest {
 protected:
  Ran db_verb(Words words) const {
    words.insert(words.begin(), "db");
    words.insert(words.end(), {"--db", db().string()});
    return galproc(words);
  }
  Json check(Words words = {}) const {
    words.insert(words.begin(), "check");
    words.insert(words.end(), {"--json", "-q"});
    ran_ = db_verb(words);
    return Json::parse(ran_.out, nullptr, false);
  }
  /// Ticks in which processes begin, run other programs, take ports and end.
  void record_life() const {
    Program recorder = record({"--interval", "20ms"});
    for (int i = 0; i < 3; ++i) {
      Puppet puppet;
      puppet.listen();
      puppet.fork_child();
      settle();
    }
    settle();
    EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  }
  void change(const std::string& sql) const { SQLite::Database(db().string(), SQLite::OPEN_READWRITE).exec(sql); }
  /// Problems of the check with this name.
  static std::int64_t problems(const Json& checks, const std::string& name) {
    for (const Json& check : checks) {
      if (check.at("check") == name) return check.at("problems").get<std::int64_t>();
    }
    return -1;
  }

  mutable Ran ran_;
};

TEST_F(ProgramDbFile, CheckFindsNothingBesideARecorderAndAfterIt) {
  Program recorder = record({"--interval", "20ms"});
  Puppet puppet;
  puppet.churn();
  settle();
  for (const Words& words : {Words{}, Words{"--quick"}}) {
    const Json checks = check(words);
    EXPECT_EQ(ran_.exit_code, 0) << ran_.out << ran_.err;
    for (const Json& one : checks) EXPECT_EQ(one.at("problems"), 0) << one;
    EXPECT_EQ(problems(checks, "ledger"), words.empty() ? 0 : -1);
    EXPECT_EQ(problems(checks, "pages"), 0);
  }
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  check();
  EXPECT_EQ(ran_.exit_code, 0) << ran_.out;
}

TEST_F(ProgramDbFile, CheckFindsNothingInARecordingThatWasKilledAndGoesOn) {
  for (int run = 0; run < 3; ++run) {
    Program recorder = record({"--interval", "20ms"});
    Puppet puppet;
    settle();
    recorder.kill();
    check();
    EXPECT_EQ(ran_.exit_code, 0) << ran_.out;
  }
}

TEST_F(ProgramDbFile, CheckFindsWhatDoesNotHoldTogether) {
  record_life();
  const fs::path sound = folder_ / "sound.db";
  ASSERT_EQ(db_verb({"snapshot", sound.string()}).exit_code, 0);
  struct Damage {
    const char* sql;
    const char* check;
    const char* said;
  };
  const Damage damages[] = {
      {"PRAGMA foreign_keys = OFF; DELETE FROM boot", "references", "names one of boot"},
      {"INSERT INTO recording (boot_id, started_us, started_boot_us, interval_us, version, process_source,"
       " socket_source, event_source, network_namespace, recorder_pid) SELECT boot_id, started_us, started_boot_us,"
       " interval_us, version, process_source, socket_source, event_source, network_namespace, recorder_pid"
       " FROM recording; DELETE FROM recording_end",
       "recordings", "has no end"},
      {"UPDATE tick SET previous_tick_id = tick_id + 1 WHERE tick_id = 3", "ticks", "The tick 3 does not follow"},
      {"UPDATE tick SET keyframe_tick_id = 2 WHERE tick_id = 3", "ticks", "The tick 3 names no keyframe"},
      {"UPDATE tick SET previous_tick_id = NULL WHERE tick_id = 3", "ticks", "The tick 3 is the first"},
      {"DELETE FROM process_image WHERE upid = 5", "processes", "upid 5 has no image"},
      {"UPDATE port_release SET tick_id = 1 WHERE binding_id = (SELECT r.binding_id FROM port_release AS r"
       " JOIN port_binding AS b USING (binding_id) WHERE b.tick_id > 1)",
       "ports", "was released at a tick before"},
      {"INSERT INTO process_sample (sample_id, state, cpu_user_us, cpu_system_us, resident_kib, thread_count)"
       " VALUES (3 << 32 | 4000000000, 0, 0, 0, 0, 1)",
       "samples", "upid 4000000000, which is no process"},
      {"INSERT INTO process_sample (sample_id, state, cpu_user_us, cpu_system_us, resident_kib, thread_count)"
       " VALUES (99999 << 32 | 1, 0, 0, 0, 0, 1)",
       "samples", "the tick 99999, which is none"},
      {"UPDATE process_exit SET tick_id = 1 WHERE upid = (SELECT s.upid FROM process_sample AS s JOIN process_exit AS x"
       " ON x.upid = s.upid WHERE s.tick_id > 2)",
       "samples", "after its end"},
      {"UPDATE tick SET keyframe_tick_id = 3 WHERE tick_id >= 3", "keyframes",
       "3, a keyframe, and has no sample there"},
      {"DELETE FROM process_sample WHERE sample_id < 2 << 32", "keyframes", "and has samples of not even half"},
      {"DELETE FROM system_sample WHERE tick_id = 2", "samples", "The tick 2 has no sample of the system"},
      {"UPDATE process SET parent_upid = 4000000 WHERE upid = 5", "processes", "upid 5 names the parent 4000000"},
      {"UPDATE process SET parent_upid = 6 WHERE upid = 5; UPDATE process SET parent_upid = 5 WHERE upid = 6",
       "processes", "upid 5 and 6 are each other's parents"},
      {"UPDATE process_exit SET ended_us = (SELECT started_us FROM process AS p WHERE p.upid = process_exit.upid) - "
       "5000000",
       "processes", "ended before it started"},
      {"INSERT INTO signal_event (recording_id, at_us, signal, code, origin, to_group, result, disposition, oom_victim,"
       " sender_pid, sender_start_token, sender_name, sender_state, target_upid, target_pid, target_name)"
       " VALUES (1, 1, 15, 0, 2, 1, 0, 0, 0, 60, 1, 'ctl', 0, 4000000, 700, 'web')",
       "signals", "for the upid 4000000, which is no process"},
      {"DELETE FROM origin", "ledger", "origin"},
  };
  for (const Damage& damage : damages) {
    for (const char* end : {"", "-wal", "-shm"}) fs::remove(db().string() + end);
    fs::copy_file(sound, db());
    change(std::string("PRAGMA foreign_keys = OFF; DROP TRIGGER IF EXISTS origin_is_not_deleted; ") + damage.sql);
    const Json checks = check();
    EXPECT_EQ(ran_.exit_code, 1) << damage.sql;
    EXPECT_GE(problems(checks, damage.check), 1) << damage.sql << "\n" << ran_.out;
    EXPECT_NE(ran_.out.find(damage.said), std::string::npos) << damage.said << "\n" << ran_.out;
    EXPECT_NE(ran_.err.find("galproc db snapshot"), std::string::npos) << ran_.err;
  }
}

TEST_F(ProgramDbFile, CheckOfAFileWithPagesOfRubbishSaysSoAndEnds) {
  record_life();
  ASSERT_EQ(db_verb({"snapshot", (folder_ / "copy.db").string()}).exit_code, 0);
  const auto size = fs::file_size(folder_ / "copy.db");
  for (unsigned round = 0; round < 12; ++round) {
    for (const char* end : {"", "-wal", "-shm"}) fs::remove(db().string() + end);
    fs::copy_file(folder_ / "copy.db", db());
    std::fstream file(db(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(4096 * (1 + round * (size / 4096 - 2) / 12)));
    file << std::string(4096, static_cast<char>(0xa5));
    file.close();
    const Ran ran = db_verb({"check", "-q"});
    EXPECT_EQ(ran.exit_code, 1) << "round " << round << ": " << ran.out << ran.err;
    EXPECT_NE(ran.err, "") << round;
  }
}

TEST_F(ProgramDbFile, ASnapshotIsWholeWhileItIsRecordedTo) {
  Program recorder = record({"--interval", "10ms"});
  for (int i = 0; i < 5; ++i) {
    settle();
    const fs::path copy = folder_ / fmt::format("copy{}.db", i);
    const std::int64_t before = last_tick();
    const Ran ran = db_verb({"snapshot", copy.string(), "--json", "-q"});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    const Json row = Json::parse(ran.out, nullptr, false).at(0);
    EXPECT_EQ(row.at("path"), copy.string());
    EXPECT_EQ(row.at("bytes"), fs::file_size(copy));
    EXPECT_GE(row.at("ticks"), before);
    EXPECT_FALSE(fs::exists(copy.string() + "-wal"));
    EXPECT_EQ(galproc({"db", "check", "--db", copy.string(), "-q"}).exit_code, 0);
    struct stat status {};
    ASSERT_EQ(::stat(copy.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0640U);
  }
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
}

TEST_F(ProgramDbFile, ASnapshotIsNotWrittenOverAnythingNorLeftHalf) {
  snapshot();
  std::ofstream(folder_ / "mine.txt") << "mine";
  for (const std::string& out : {(folder_ / "mine.txt").string(), db().string()}) {
    const Ran ran = db_verb({"snapshot", out});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_NE(ran.err.find(out + " is there already"), std::string::npos) << ran.err;
  }
  EXPECT_EQ(fs::file_size(folder_ / "mine.txt"), 4U);
  const Ran nowhere = db_verb({"snapshot", (folder_ / "no" / "copy.db").string()});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_NE(nowhere.err.find((folder_ / "no").string()), std::string::npos) << nowhere.err;
  EXPECT_EQ(db_verb({"snapshot"}).exit_code, 2);

  const SmallDisk disk(folder_ / "small", "64k");
  if (disk.error() != 0) GTEST_SKIP() << "no small disk: " << std::strerror(-disk.error());
  const Ran full = galproc({"db", "snapshot", (folder_ / "small" / "copy.db").string(), "--db", db().string()},
                           {{}, [&] { disk.enter(); }});
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_NE(full.err.find("where there is room"), std::string::npos) << full.err;
  EXPECT_FALSE(fs::exists(disk / "copy.db"));
}

TEST_F(ProgramDbFile, InfoTellsWhatIsKept) {
  record_life();
  const Ran ran = db_verb({"info", "--json", "-q"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json info = Json::parse(ran.out, nullptr, false).at(0);
  EXPECT_EQ(info.at("path"), db().string());
  EXPECT_EQ(info.at("bytes"), fs::file_size(db()));
  EXPECT_EQ(fmt::format("{}\n", info.at("ticks").get<std::int64_t>()), ask("SELECT count(*) FROM ticks"));
  EXPECT_EQ(info.at("first_at").get<std::string>() + "\n", ask("SELECT min(at) FROM ticks"));
  EXPECT_EQ(info.at("last_at").get<std::string>() + "\n", ask("SELECT max(at) FROM ticks"));
  EXPECT_GT(info.at("recorded_us"), 0);
  EXPECT_GT(info.at("disk_free_bytes"), 0);
  // Of less than an hour nobody knows a day's growth.
  EXPECT_EQ(info.at("bytes_per_day"), nullptr);
  EXPECT_EQ(info.at("disk_lasts_us"), nullptr);
}

TEST_F(ProgramDbFile, InfoTellsHowLongTheDiskLasts) {
  record_life();
  // As if the last tick had come an hour later, and was to.
  change("UPDATE recording SET interval_us = 3600000000");
  change(
      "UPDATE tick SET boot_us = boot_us + 3600000000, at_us = at_us + 3600000000"
      " WHERE tick_id = (SELECT max(tick_id) FROM tick)");
  const Json info = Json::parse(db_verb({"info", "--json", "-q"}).out, nullptr, false).at(0);
  const double per_day = info.at("bytes_per_day").get<double>();
  EXPECT_GT(per_day, 20 * info.at("used_bytes").get<double>());
  EXPECT_LE(per_day, 24 * info.at("used_bytes").get<double>());
  const double days = info.at("disk_lasts_us").get<double>() / 86'400e6;
  EXPECT_NEAR(days, info.at("disk_free_bytes").get<double>() / per_day, days / 10);
}

}  // namespace
}  // namespace galproc
