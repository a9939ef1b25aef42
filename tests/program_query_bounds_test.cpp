// What a question may not do, be it a statement of one's own or a file of somebody's: write, open other files, load
// code, take all time or all memory.

#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "support/program.h"

namespace galproc {
namespace {

/// Each level has the one before it twice: SQLite makes a plan of all of them before it takes a step.
std::string doubling(int levels) {
  std::string sql = "WITH t0(x) AS (SELECT 1)";
  for (int i = 1; i < levels; ++i) {
    sql += fmt::format(", t{0}(x) AS (SELECT a.x FROM t{1} a, t{1} b LIMIT 1)", i, i - 1);
  }
  return sql + fmt::format(" SELECT x FROM t{}", levels - 1);
}

/// One call of a function that goes through its text again and again.
const std::string kOneStep = "SELECT instr(printf('%.8000000c', 'a'), printf('%.4000000c', 'a') || 'b') AS x";

class QueryBounds : public ProgramTest {
 protected:
  void SetUp() override {
    snapshot();
    fs::create_directory(folder_ / "own");
  }
  static std::string bytes_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  std::string recording() const { return bytes_of(db()) + bytes_of(db().string() + "-wal"); }
  void write_query(const std::string& statement, const std::string& columns = "x") const {
    std::ofstream file(folder_ / "own" / "mine.sql");
    file << "-- name: mine\n-- summary: a question\n";
    std::istringstream names(columns);
    for (std::string name; names >> name;) file << "-- column: " << name << " text: a column\n";
    file << statement;
  }
  Ran run_sql(const std::string& sql, const Words& more = {}, const Options& options = {}) const {
    Words words = {"query", "--db", db().string(), "-q", "--run", sql};
    words.insert(words.end(), more.begin(), more.end());
    return galproc(words, options);
  }
  Ran run_mine(const Words& more = {}) const {
    Words words = {"query", "mine", "--queries-dir", (folder_ / "own").string(), "--db", db().string(), "-q"};
    words.insert(words.end(), more.begin(), more.end());
    return galproc(words);
  }
  static void expect_error(const Ran& ran, int exit_code, const std::string& words) {
    EXPECT_EQ(ran.exit_code, exit_code) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_TRUE(ran.err.starts_with("galproc: ")) << ran.err;
    EXPECT_NE(ran.err.find(words), std::string::npos) << ran.err << "should say: " << words;
  }
};

TEST_F(QueryBounds, LeaveTheRecordingAndAllOtherFilesAsTheyAre) {
  struct Case {
    std::string sql;
    std::string columns;  ///< as the statement gives them, or would
  };
  const std::string other = (folder_ / "other.db").string();
  const std::vector<Case> cases = {
      {"DELETE FROM tick RETURNING tick_id AS x", "x"},
      {"UPDATE tick SET at_us = 0 RETURNING 1 AS x", "x"},
      {"WITH a AS (SELECT 1) INSERT INTO tick DEFAULT VALUES RETURNING 1 AS x", "x"},
      {"CREATE TABLE mine (x)", "x"},
      {"CREATE TEMP TABLE mine AS SELECT 1 AS x", "x"},
      {"CREATE VIRTUAL TABLE temp.mine USING fts4 (x)", "x"},
      {"DROP TABLE tick", "x"},
      {"VACUUM", "x"},
      {"VACUUM INTO '" + other + "'", "x"},
      {"REINDEX", "x"},
      {"ANALYZE", "x"},
      {"ATTACH '" + other + "' AS other", "x"},
      {"ATTACH 'file:" + other + "?mode=rwc' AS other", "x"},
      {"DETACH main", "x"},
      {"BEGIN EXCLUSIVE", "x"},
      {"SAVEPOINT x", "x"},
      {"PRAGMA journal_mode = DELETE", "journal_mode"},
      {"PRAGMA locking_mode = EXCLUSIVE", "locking_mode"},
      {"PRAGMA user_version = 7", "x"},
      {"PRAGMA application_id = 7", "x"},
      {"PRAGMA wal_checkpoint(TRUNCATE)", "busy log checkpointed"},
      {"PRAGMA incremental_vacuum", "x"},
      {"PRAGMA optimize", "x"},
      {"PRAGMA writable_schema = ON", "x"},
      {"PRAGMA temp_store_directory = '" + folder_.path().string() + "'", "x"},
      {"SELECT writefile('" + other + "', 'x') AS x", "x"},
      {"SELECT readfile('/etc/passwd') AS x", "x"},
      {"SELECT edit('x') AS x", "x"},
      {"SELECT load_extension('" + other + "') AS x", "x"},
      {"SELECT fts3_tokenizer('simple', x'4141414141414141') AS x", "x"},
      {"SELECT hex(fts3_tokenizer('simple')) AS x", "x"},
      {"SELECT 1 AS x; DELETE FROM tick", "x"},
  };
  const std::string recorded = recording(), files = listing(folder_.path());
  for (const Case& each : cases) {
    SCOPED_TRACE(each.sql);
    const Ran run = run_sql(each.sql);
    EXPECT_TRUE(run.exit_code == 2 || run.exit_code == 4) << run.exit_code << run.err;
    EXPECT_EQ(run.out, "");
    write_query(each.sql, each.columns);
    expect_error(run_mine(), 1, "mine");
    EXPECT_EQ(listing(folder_.path()), files);
  }
  EXPECT_TRUE(recording() == recorded) << "a question changed the recording";
}

TEST_F(QueryBounds, HoldTextsAndStatementsToASizeThatNobodyNeeds) {
  for (const char* big : {"SELECT zeroblob(2147483647) AS x", "SELECT length(randomblob(1000000000)) AS x",

                          "SELECT replace(hex(zeroblob(4000000)), '00', "
                          "printf('%.100c', 'a')) AS x"}) {
    SCOPED_TRACE(big);
    expect_error(run_sql(big), 2, "too big");
  }
  std::string nested(50'000, '(');
  expect_error(run_sql("SELECT " + nested + "1" + std::string(50'000, ')')), 2, "SQLite does not understand");
  std::string sum = "SELECT 1";
  for (int i = 0; i < 20'000; ++i) sum += "+1";
  expect_error(run_sql(sum), 2, "SQLite does not understand");
  std::string terms = "SELECT 1";
  for (int i = 0; i < 2000; ++i) terms += " UNION SELECT 1";
  expect_error(run_sql(terms), 2, "SQLite does not understand");
}

TEST_F(QueryBounds, EndWhatSqliteItselfWouldNotEnd) {
  for (const std::string& sql : {kOneStep, doubling(40)}) {
    SCOPED_TRACE(sql.substr(0, 60));
    expect_error(run_sql(sql, {"--timeout", "50ms"}), 1, "not answered within --timeout 50ms");
    write_query(sql);
    expect_error(run_mine({"--timeout", "50ms"}), 1, "not answered within --timeout 50ms");
  }
  expect_error(run_mine({"--timeout", "50ms", "--explain"}), 1, "not answered within --timeout 50ms");
  EXPECT_EQ(run_sql("SELECT 1", {"--timeout", "106751991d"}).exit_code, 0) << "all time that there is";
}

TEST_F(QueryBounds, HoldAQuestionToHalfOfTheMemory) {
  if (run({"/bin/grep", "-q", "__asan_init", galproc_binary()}).exit_code == 0) {
    GTEST_SKIP() << "a sanitizer takes more memory than there is";
  }
  rlimit own{};
  ::getrlimit(RLIMIT_DATA, &own);
  if (own.rlim_cur != RLIM_INFINITY) GTEST_SKIP() << "there is a limit already";
  Program endless = start({galproc_binary(), "query", "--db", db().string(), "--run", kOneStep}, {});
  const std::string limits = "/proc/" + std::to_string(endless.pid()) + "/limits";
  const auto has_limit = [&] {
    return bytes_of(limits).find("Max data size             unlimited") == std::string::npos;
  };
  EXPECT_TRUE(wait_until([&] { return has_limit() || endless.has_ended(); }));
  EXPECT_FALSE(endless.has_ended()) << endless.err();
  EXPECT_TRUE(has_limit());
  endless.kill();

  Options little;
  little.before_exec = [] {
    const rlimit limit{200 << 20, 200 << 20};
    if (::setrlimit(RLIMIT_DATA, &limit) != 0) ::_exit(125);
  };
  expect_error(run_sql(doubling(40), {}, little), 1, "takes more memory");
  write_query(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT printf('%.9000c', i) AS x FROM n");
  Words words = {"query", "mine", "--queries-dir", (folder_ / "own").string(), "--db", db().string(), "-q"};
  expect_error(galproc(words, little), 1, "takes more memory");
}

TEST_F(QueryBounds, TakeFilesOfSqlOnlyForWhatTheyAre) {
  const fs::path mine = folder_ / "own" / "mine.sql";
  const auto refused = [&](const std::string& words) {
    const Ran ran = run_mine();
    EXPECT_TRUE(ran.exit_code == 1 || ran.exit_code == 2) << ran.exit_code;
    EXPECT_NE(ran.err.find(words), std::string::npos) << ran.err << "should say: " << words;
    EXPECT_EQ(ran.out, "");
    fs::remove(mine);
  };
  ASSERT_EQ(::mkfifo(mine.c_str(), 0600), 0);
  refused("it is not a file");
  fs::create_symlink("/dev/zero", mine);
  refused("it is not a file");
  fs::create_directory(mine);
  refused("it is not a file");
  fs::create_symlink(folder_ / "nowhere", mine);
  refused("cannot be read");
  write_query("SELECT 1 AS x -- " + std::string(2 << 20, 'x'));
  refused("larger than 1 MiB");
  write_query(std::string("SELECT 1 AS x\0; DELETE FROM tick", 32));
  refused("NUL byte");
  std::ofstream(folder_ / "own" / "\x1b[31m\u202e.sql") << "SELECT 1";
  const Ran ran = run_mine();
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.err.find("\\x1b[31m\\u202e"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace galproc
