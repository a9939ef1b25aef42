// Others who have the file open or copy it while it is recorded to: SQL tools, cp, an older and a newer galproc.

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramReader : public ProgramTest {
 protected:
  /// A SQL tool that does this, says so, and goes on when its input ends.
  class Tool {
   public:
    Tool(const fs::path& database, const std::string& sql) {
      const std::string command = "/usr/bin/sqlite3 '" + database.string() + "' > '" + database.string() + ".tool'";
      input_ = ::popen(command.c_str(), "we");
      std::fputs((".timeout 10000\n" + sql + "\nSELECT 'ready';\n").c_str(), input_);
      std::fflush(input_);
      EXPECT_TRUE(wait_until([&] {
        std::ifstream said(database.string() + ".tool");
        return std::string(std::istreambuf_iterator<char>(said), {}).find("ready") != std::string::npos;
      }));
    }
    ~Tool() { end(); }
    void end() {
      if (input_ != nullptr) ::pclose(std::exchange(input_, nullptr));
    }

   private:
    FILE* input_ = nullptr;
  };

  std::uintmax_t wal_bytes() const { return fs::file_size(db().string() + "-wal"); }
};

TEST_F(ProgramReader, ThatDoesNotFinishHoldsNothingUpAndSeesOneMoment) {
  Program recorder = record({"--interval", "10ms"});
  Tool tool(db(), "BEGIN; SELECT count(*) FROM ticks;");
  const std::int64_t begun = last_tick();
  ASSERT_TRUE(wait_until([&] { return wal_bytes() > 5U * 1024 * 1024; })) << "it cannot be emptied meanwhile";
  EXPECT_GT(last_tick(), begun);
  tool.end();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(wal_bytes(), 0U);
  EXPECT_EQ(ask("SELECT count(*) FROM gaps WHERE kind NOT IN ('late', 'stopped')"), "0\n");
  EXPECT_EQ(galproc({"db", "check", "--db", db().string(), "-q"}).exit_code, 0);
}

TEST_F(ProgramReader, WithAnEditPendingHoldsUpNoReadingForGood) {
  Program recorder = record();
  const std::int64_t before = last_tick();
  Tool tool(db(), "BEGIN IMMEDIATE; INSERT INTO text (value) VALUES ('an edit');");
  ASSERT_TRUE(wait_until([&] { return recorder.err().find("locked by another writer") != std::string::npos; }));
  // Questions are answered meanwhile, and a kill does nothing that it cannot log.
  EXPECT_EQ(galproc({"query", "tree", "--db", db().string()}).exit_code, 0);
  tool.end();  // without a COMMIT
  ASSERT_TRUE(wait_until([&] { return last_tick() > before + 5; })) << recorder.err();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(ask("SELECT count(*) FROM text WHERE value = 'an edit'"), "0\n");
  EXPECT_EQ(ask("SELECT count(*) FROM gaps WHERE kind NOT IN ('late', 'stopped')"), "0\n");
}

// One that is made by cp may be of two moments: it is answered from, or said to be damaged, and nothing else.
TEST_F(ProgramReader, ThatIsACopyMadeMeanwhileAnswersOrSaysWhatIsWrong) {
  Program recorder = record({"--interval", "10ms"});
  const fs::path copy = folder_ / "copy.db";
  int whole = 0;
  for (int round = 0; round < 6; ++round) {
    settle();
    const bool with_wal = round % 2 == 0;
    for (const char* end : {"", "-wal", "-shm"}) fs::remove(copy.string() + end);
    fs::copy_file(db(), copy);
    if (with_wal) fs::copy_file(db().string() + "-wal", copy.string() + "-wal");
    bool all_answered = true;
    const std::vector<Words> verbs = {
        {"query", "tree"}, {"query", "top"},
        {"query", "gaps"}, {"query", "--run", "SELECT count(*), total(cpu_us) FROM process_sample"},
        {"db", "info"},    {"db", "check"},
        {"db", "verify"},  {"db", "snapshot", (folder_ / "second.db").string()}};
    for (Words words : verbs) {
      words.insert(words.end(), {"--db", copy.string()});
      const Ran ran = galproc(words);
      all_answered = all_answered && ran.exit_code == 0;
      EXPECT_TRUE(ran.exit_code == 0 || (ran.exit_code == 1 && ran.err.find("galproc: ") != std::string::npos))
          << fmt::format("{} gave {}: {}", fmt::join(words, " "), ran.exit_code, ran.err);
      fs::remove(folder_ / "second.db");
    }
    whole += all_answered ? 1 : 0;
  }
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  const fs::path snapshot = folder_ / "snapshot.db";
  EXPECT_EQ(galproc({"db", "snapshot", snapshot.string(), "--db", db().string()}).exit_code, 0);
  const Ran check = galproc({"db", "check", "--db", snapshot.string()});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err << whole << " of 6 copies were whole";
}

TEST_F(ProgramReader, OfAnOlderGalprocIsToldSoAndSqlStillReads) {
  snapshot();
  SQLite::Database(db().string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 999");
  for (const Words& words : std::vector<Words>{{"query", "tree"}, {"db", "check"}, {"db", "info"}, {"record"}}) {
    Words all = words;
    all.insert(all.end(), {"--db", db().string()});
    const Ran ran = galproc(all);
    EXPECT_EQ(ran.exit_code, 1) << fmt::format("{}", fmt::join(all, " "));
    EXPECT_NE(ran.err.find("newer galproc"), std::string::npos) << ran.err;
  }
  Puppet spared;
  const Ran kill = galproc({"kill", std::to_string(spared.pid()), "--db", db().string()});
  EXPECT_EQ(kill.exit_code, 5) << kill.err;
  EXPECT_EQ(::kill(spared.pid(), 0), 0);
  EXPECT_EQ(ask("SELECT count(*) > 0 FROM processes"), "1\n");
}

class ProgramMigration : public ProgramReader {
 protected:
  /// Migrates the file beneath this recorder, as a newer galproc would.
  void expect_an_end_by_migration(Program recorder) {
    std::int64_t last = 0;
    {
      SQLite::Database newer(db().string(), SQLite::OPEN_READWRITE, 10'000);
      SQLite::Transaction migration(newer, SQLite::TransactionBehavior::IMMEDIATE);
      newer.exec("ALTER TABLE tick ADD COLUMN of_a_newer_form INTEGER; PRAGMA user_version = 999");
      last = newer.execAndGet("SELECT max(tick_id) FROM tick").getInt64();
      migration.commit();
    }
    EXPECT_EQ(recorder.wait(), 1);
    EXPECT_NE(recorder.err().find("was migrated by a newer galproc. Record with that one"), std::string::npos)
        << recorder.err();
    EXPECT_EQ(ask("SELECT max(tick_id) FROM tick"), fmt::format("{}\n", last));
    EXPECT_EQ(ask("SELECT reason FROM recording_end"), "newer_schema\n");
  }
};

TEST_F(ProgramMigration, EndsAnOlderRecorderWithoutARowOfTheOldForm) {
  expect_an_end_by_migration(record());
}

TEST_F(ProgramMigration, EndsOneThatStoresEventsBetweenTwoTicks) {
  Program recorder = record({"--interval", "1h"});
  if (ask("SELECT event_source FROM recording") == "none\n") GTEST_SKIP() << "no source of events here";
  expect_an_end_by_migration(std::move(recorder));
}

}  // namespace
}  // namespace galproc
