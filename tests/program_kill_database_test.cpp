// Kills whose database, or another that could tell of ancestors, fails on the way.

#include <sqlite3.h>
#include <sys/resource.h>

#include "store/database.h"
#include "support/family.h"

namespace galproc {
namespace {

class ProgramKillDatabase : public ProgramTest {
 protected:
  Program shell(const std::string& script, const std::string& word) const {
    Options options;
    options.before_exec = [] { ::setpgid(0, 0); };
    return start({"/bin/sh", "-c", script, "sh", word}, options);
  }
  Words kill_words(const Words& others) const {
    Words words{galproc_binary(), "kill", "--db", db().string()};
    words.insert(words.end(), others.begin(), others.end());
    return words;
  }

  /// Overwrites the pages that begin a table and its indexes; the header stays.
  static void damage(const fs::path& path, const std::string& table) {
    std::vector<std::int64_t> pages;
    std::int64_t size = 0;
    {
      SQLite::Database database(path.string(), SQLite::OPEN_READWRITE);
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      size = database.execAndGet("PRAGMA page_size").getInt64();
      SQLite::Statement rows(database, "SELECT rootpage FROM sqlite_schema WHERE tbl_name = ? AND rootpage > 0");
      rows.bind(1, table);
      while (rows.executeStep()) pages.push_back(rows.getColumn(0).getInt64());
    }
    ASSERT_FALSE(pages.empty());
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const std::string garbage(static_cast<std::size_t>(size), '\x5a');
    for (const std::int64_t page : pages) {
      file.seekp((page - 1) * size);
      file.write(garbage.data(), static_cast<std::streamsize>(garbage.size()));
    }
    ASSERT_TRUE(file.flush());
  }
  static bool has_open(pid_t pid, const fs::path& path) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd", failed)) {
      if (fs::read_symlink(entry.path(), failed) == path) return true;
    }
    return false;
  }
};

TEST_F(ProgramKillDatabase, ThatFillsUpWhileATreeIsStoppedLeavesNobodyStopped) {
  snapshot();
  bool was_full = false, was_logged = false;
  // A bound on the size of the -wal takes the place of a disk with that much room; each time a little more until
  // all of it is logged.
  for (rlim_t room = 0; !was_logged && room <= 1024 * 1024; room += 8 * 1024) {
    const Family family;
    Program top =
        shell("for i in 1 2 3 4 5 6 7 8; do sh -c 'while :; do sleep $1; done' sh $1 & done; wait; :", family.word());
    ASSERT_TRUE(family.grows_to(17));
    std::error_code none;
    const auto wal_bytes = fs::file_size(db().string() + "-wal", none);
    Options options;
    options.before_exec = [room, wal_bytes] {
      const rlim_t most = static_cast<rlim_t>(wal_bytes) + room;
      const rlimit limit{most, most};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    };
    const Ran ran = run(kill_words({std::to_string(top.pid()), "--tree", "--signal", "KILL"}), options);
    was_full = was_full || ran.exit_code == 5;
    was_logged = was_logged || ran.exit_code == 0;
    EXPECT_TRUE(ran.exit_code == 5 || ran.exit_code == 0) << room << ": " << ran.exit_code << " " << ran.err;
    for (const pid_t pid : family.members()) EXPECT_NE(state_of(pid), 'T') << room << ": " << pid << " " << ran.err;
    if (ran.exit_code != 0) continue;
    EXPECT_TRUE(wait_until([&] { return family.members().empty(); })) << room;
  }
  EXPECT_TRUE(was_full);
  EXPECT_TRUE(was_logged);
  EXPECT_EQ(galproc({"db", "verify", "--db", db().string(), "-q"}).exit_code, 0);
}

TEST_F(ProgramKillDatabase, RenamedWhileAKillWaitsIsLoggedAgainInTheNewOne) {
  snapshot();
  Program sleeper = start({"/bin/sleep", own_word()});
  const std::string pid = std::to_string(sleeper.pid());
  const fs::path moved = folder_ / "moved.db";
  std::optional<Program> killing;
  {
    SQLite::Database holder(db().string(), SQLite::OPEN_READWRITE, 5000);
    SQLite::Transaction lock(holder, SQLite::TransactionBehavior::IMMEDIATE);
    killing.emplace(start(kill_words({pid})));
    // With its -wal it has read the file, and cannot get further than to the lock.
    ASSERT_TRUE(wait_until([&] { return has_open(killing->pid(), db().string() + "-wal"); }));
    ASSERT_TRUE(wait_until([&] { return state_of(killing->pid()) == 'S'; }));
    for (const char* end : {"", "-wal", "-shm"}) fs::rename(db().string() + end, moved.string() + end);
  }
  EXPECT_EQ(killing->wait(), 0) << killing->err();
  EXPECT_TRUE(sleeper.has_ended());
  EXPECT_EQ(ask("SELECT target_pid, outcome FROM termination_attempts"), pid + "|exited\n");
  EXPECT_EQ(galproc::ask(moved, "SELECT count(*) FROM termination_attempts WHERE outcome IS NULL"), "1\n");
}

TEST_F(ProgramKillDatabase, ThatIsCorruptIsNotActedUpon) {
  for (const char* table : {"process", "attempt", "boot"}) {
    fs::remove(db());
    snapshot();
    damage(db(), table);
    Program sleeper = start({"/bin/sleep", own_word()});
    const Ran ran = run(kill_words({std::to_string(sleeper.pid()), "--tree"}));
    EXPECT_EQ(ran.exit_code, 5) << table << ": " << ran.err;
    EXPECT_NE(ran.err.find("corrupt"), std::string::npos) << ran.err;
    EXPECT_FALSE(sleeper.has_ended()) << table;
  }
}

TEST_F(ProgramKillDatabase, OfTheUserThatIsCorruptDoesNotHinderOneThatIsNot) {
  snapshot();
  const fs::path users = folder_ / "home" / "state" / "galproc" / "galproc.db";
  fs::create_directories(users.parent_path());
  fs::copy_file(db(), users);
  damage(users, "process");
  Program sleeper = start({"/bin/sleep", own_word()});
  const Ran ran = run(kill_words({std::to_string(sleeper.pid()), "--tree"}));
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find(users.string() + " cannot be read"), std::string::npos) << ran.err;
  EXPECT_TRUE(sleeper.has_ended());
}

}  // namespace
}  // namespace galproc
