// Which files the program takes for its own, which it leaves as they are, and how it makes new ones.

#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "support/program.h"

namespace galproc {
namespace {

class ProgramFile : public ProgramTest {
 protected:
  static std::string bytes_of(const fs::path& file) {
    std::ostringstream bytes;
    bytes << std::ifstream(file, std::ios::binary).rdbuf();
    return bytes.str();
  }
  static std::string mode_of(const fs::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? fmt::format("{:o}", status.st_mode & 07777) : "not there";
  }
  static void change(const fs::path& file, const std::string& sql) {
    SQLite::Database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(sql);
  }
  /// Recording to a file that is not galproc's to change: exit 1, a sentence with `reason`, nothing else. The lock file
  /// may stay.
  void expect_refused_untouched(const std::string& reason) const {
    const std::string before = bytes_of(db());
    const std::string names = listing(folder_.path());
    const Ran ran = galproc({"record", "--db", db().string(), "--samples", "1"});
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find(db().string()), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find(reason), std::string::npos) << ran.err;
    EXPECT_TRUE(bytes_of(db()) == before) << "the file was changed";
    fs::remove(db().string() + ".recorder-lock");
    EXPECT_EQ(listing(folder_.path()), names);
  }
  /// A reading verb that cannot read: exit 1, a sentence with `reason`, nothing made.
  void expect_unreadable(const std::string& reason) const {
    const std::string names = listing(folder_.path());
    for (const Words& words : {Words{"query", "gaps"}, Words{"query", "--run", "SELECT 1"}}) {
      Words all = words;
      all.insert(all.end(), {"--db", db().string(), "--json"});
      const Ran ran = galproc(all);
      EXPECT_EQ(ran.exit_code, 1);
      EXPECT_EQ(ran.out, "");
      EXPECT_NE(ran.err.find(db().string()), std::string::npos) << ran.err;
      EXPECT_NE(ran.err.find(reason), std::string::npos) << ran.err;
      EXPECT_EQ(listing(folder_.path()), names);
    }
  }
};

TEST_F(ProgramFile, OfTextIsRefusedUntouched) {
  std::ofstream(db()) << "milk, bread\n";
  expect_refused_untouched("not a galproc database");
  expect_unreadable("not a database");
  std::ofstream(db()) << std::string(10'000, 'x');
  expect_refused_untouched("not a galproc database");
}

TEST_F(ProgramFile, OfAnotherProgramIsRefusedUntouched) {
  change(db(), "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
  expect_refused_untouched("not a galproc database");
  expect_unreadable("not made by galproc");
  fs::remove(db());
  change(db(), "PRAGMA application_id = 1");
  expect_refused_untouched("not a galproc database");
}

TEST_F(ProgramFile, OfAnotherProgramThatWritesAheadIsRefusedUntouched) {
  change(db(), "PRAGMA journal_mode = WAL; CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
  ASSERT_EQ(listing(folder_.path()), "galproc.db");
  expect_refused_untouched("not a galproc database");
  for (const char* ending : {"-wal", "-shm"}) fs::remove(db().string() + ending);
  expect_unreadable("not made by galproc");
}

TEST_F(ProgramFile, OfANewerSchemaIsRefusedUntouched) {
  snapshot();
  change(db(), "PRAGMA user_version = 999; PRAGMA wal_checkpoint(TRUNCATE)");
  for (const char* ending : {"-wal", "-shm", ".recorder-lock"}) fs::remove(db().string() + ending);
  expect_refused_untouched("newer galproc");
  for (const char* ending : {"-wal", "-shm"}) fs::remove(db().string() + ending);
  expect_unreadable("newer galproc");
}

TEST_F(ProgramFile, ThatIsMissingOrEmptyIsNotMadeByAReader) {
  expect_unreadable("not there");
  std::ofstream(db()).flush();
  expect_unreadable("empty");
  EXPECT_EQ(fs::file_size(db()), 0U);
  fs::remove(db());
  fs::create_directory(db());
  expect_unreadable("folder");
}

TEST_F(ProgramFile, ThatIsEmptyIsNewAndKeepsItsMode) {
  std::ofstream(db()).flush();
  ::chmod(db().c_str(), 0604);
  snapshot();
  EXPECT_EQ(ask("SELECT count(*) FROM ticks"), "1\n");
  EXPECT_EQ(mode_of(db()), "604");
}

TEST_F(ProgramFile, AloneWithoutItsJournalIsACompleteCopyAfterACleanStop) {
  snapshot(3);
  const TemporaryFolder elsewhere;
  fs::copy_file(db(), elsewhere / "copy.db");
  const Ran ran = galproc({"query", "--run", "SELECT count(*) AS ticks FROM ticks", "--db",
                           (elsewhere / "copy.db").string(), "--json", "-q"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out, nullptr, false), Json::parse(R"([{"ticks": 3}])"));
}

TEST_F(ProgramFile, AndFoldersThatAreMadeAreForTheOwnerAndTheGroupWhateverTheUmask) {
  for (const mode_t mask : {0077, 0000}) {
    const fs::path top = folder_ / fmt::format("new{:o}", mask);
    const fs::path made = top / "below" / "galproc.db";
    const Ran ran = galproc({"record", "--db", made.string(), "--samples", "1"}, {{}, [=] { ::umask(mask); }});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(mode_of(top), "750");
    EXPECT_EQ(mode_of(top / "below"), "750");
    for (const char* ending : {"", "-wal", "-shm"}) EXPECT_EQ(mode_of(made.string() + ending), "640") << ending;
    const std::string lock_mode = mode_of(made.string() + ".recorder-lock");
    EXPECT_TRUE(lock_mode == "600" || lock_mode == "640") << lock_mode;
  }
  const fs::path open = folder_ / "open";
  fs::create_directory(open);
  ::chmod(open.c_str(), 0777);
  ASSERT_EQ(galproc({"record", "--db", (open / "galproc.db").string(), "--samples", "1"}).exit_code, 0);
  EXPECT_EQ(mode_of(open), "777");
}

TEST_F(ProgramFile, IsRecordedToByOneOnlyWhoIsNamedToTheSecond) {
  Program first = record();
  fs::create_symlink(db(), folder_ / "link.db");
  for (const fs::path& path : {db(), folder_ / "link.db"}) {
    const Ran second = galproc({"record", "--db", path.string(), "--samples", "1"});
    EXPECT_EQ(second.exit_code, 1);
    EXPECT_EQ(second.out, "");
    EXPECT_NE(second.err.find(fmt::format("pid {},", first.pid())), std::string::npos) << second.err;
  }
  settle();  // the first goes on
  EXPECT_EQ(ask("SELECT count(*) FROM recordings"), "1\n");
  first.kill();
  const Ran next = galproc({"record", "--db", db().string(), "--samples", "1"});  // a crashed one leaves no lock
  EXPECT_EQ(next.exit_code, 0) << next.err;
}

TEST_F(ProgramFile, ThatALinkNamesIsMadeAndLockedUnderItsOwnName) {
  fs::create_symlink("galproc.db", folder_ / "link.db");
  Program first = start({galproc_binary(), "record", "--db", (folder_ / "link.db").string(), "--interval", "50ms"});
  ASSERT_TRUE(wait_until([&] { return last_tick() > 0; })) << first.err();
  EXPECT_EQ(mode_of(db()), "640");
  EXPECT_EQ(galproc({"record", "--db", db().string(), "--samples", "1"}).exit_code, 1) << "two write to one file";
  EXPECT_EQ(first.stop(), 0) << first.err();
}

TEST_F(ProgramFile, WithoutANameIsAMistakeAndNotTheSystemsOwn) {
  const Options users_own{{}, [] {
                            if (is_root()) become(65534, 65534);  // whose system file could not be made by accident
                          }};
  for (const Words& words : {Words{"query", "gaps", "--db", ""}, Words{"record", "--samples", "1", "--db", ""}}) {
    const Ran ran = galproc(words, is_root() ? users_own : Options{});
    if (ran.exit_code == 127) GTEST_SKIP() << "the build folder is out of reach for others";
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    EXPECT_NE(ran.err.find("--db"), std::string::npos) << ran.err;
  }
}

TEST_F(ProgramFile, ThatCannotBeMadeIsASentence) {
  std::ofstream(folder_ / "file").flush();
  const Ran ran = galproc({"record", "--db", (folder_ / "file" / "galproc.db").string(), "--samples", "1"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(ran.err.starts_with("galproc: The folder ")) << ran.err;
  EXPECT_NE(ran.err.find("--db"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace galproc
