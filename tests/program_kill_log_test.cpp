// Kills that cannot be logged, or not to their end, with a victim that lives: what is not written is not done.

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "support/control_group.h"
#include "support/family.h"

namespace galproc {
namespace {

using namespace std::string_literals;

class ProgramKillLog : public ProgramTest {
 protected:
  /// A shell that tells of every request, and a child, in a control group of their own where one can be; `word` is the
  /// last argument of both.
  Program victim(const std::string& word, const TestGroup* group = nullptr) const {
    Options options;
    options.before_exec = [group] {
      ::setpgid(0, 0);
      if (group && group->reason().empty() && !enter_group(group->path())) ::_exit(126);
    };
    return start(
        {"/bin/sh", "-c", "trap 'echo heard' TERM INT HUP QUIT CONT; sleep $1 & echo ready; while :; do wait; done",
         "sh", word},
        options);
  }
  static bool is_stopped(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(stat, text);
    return text.find(") T ") != std::string::npos;
  }
  /// Both live, and neither has heard anything.
  static void expect_untouched(const Program& victim, const Family& family) {
    EXPECT_EQ(victim.out(), "ready\n");
    EXPECT_EQ(family.members().size(), 2U);
    for (const pid_t pid : family.members()) EXPECT_FALSE(is_stopped(pid));
  }
  static void expect_not_done(int exit_code, const std::string& err, const std::string& why) {
    EXPECT_EQ(exit_code, 5) << err;
    EXPECT_NE(err.find("It could not be logged in "), std::string::npos) << err;
    EXPECT_NE(err.find("so nothing was done to any process: " + why), std::string::npos) << err;
  }
};

TEST_F(ProgramKillLog, OfAFileThatAnotherWriterKeepsLockedIsNotDoneAndNeitherIsAStart) {
  const TestGroup group;
  const Family family, unborn;
  snapshot();
  Program sleeper = victim(family.word(), &group);
  ASSERT_TRUE(wait_until([&] { return sleeper.out() == "ready\n" && family.members().size() == 2; }));
  SQLite::Database other(db().string(), SQLite::OPEN_READWRITE, 10'000);
  other.exec("BEGIN IMMEDIATE");
  const std::string pid = std::to_string(sleeper.pid()), file = db().string();
  std::vector<Program> acting;  // all wait at the same time
  acting.push_back(start({galproc_binary(), "kill", "--db", file, pid}));
  acting.push_back(start({galproc_binary(), "kill", "--db", file, pid, "--tree", "--signal", "KILL"}));
  acting.push_back(start({galproc_binary(), "start", "--db", file, "--", "sleep", unborn.word()}));
  for (Program& each : acting) {
    const int exit_code = each.wait();
    expect_not_done(exit_code, each.err(), "another program has held it locked for 10000 ms");
    EXPECT_EQ(each.out(), "");
  }
  expect_untouched(sleeper, family);
  EXPECT_TRUE(unborn.members().empty());
  other.exec("ROLLBACK");
  EXPECT_EQ(ask("SELECT (SELECT count(*) FROM action) + (SELECT count(*) FROM service)"), "0\n");
}

TEST_F(ProgramKillLog, OfAFullFileSystemIsNotDone) {
  const Family family;
  snapshot();
  Program sleeper = victim(family.word());
  ASSERT_TRUE(wait_until([&] { return sleeper.out() == "ready\n" && family.members().size() == 2; }));
  const fs::path small = folder_ / "small", known = db();
  fs::create_directory(small);
  Options options;
  // A file system of its own, full but for a copy of the database and one without its -wal and -shm.
  options.before_exec = [small, known] {
    const uid_t user = ::geteuid();
    const gid_t group = ::getegid();
    const bool apart = user == 0 ? ::unshare(CLONE_NEWNS) == 0 : ::unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0;
    if (apart && user != 0) {  // files can be made only by who is known inside
      std::ofstream("/proc/self/setgroups") << "deny";
      std::ofstream("/proc/self/uid_map") << user << " " << user << " 1";
      std::ofstream("/proc/self/gid_map") << group << " " << group << " 1";
    }
    if (!apart || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=4m") != 0)
      ::_exit(77);
    std::error_code failed;  // nothing may be thrown between fork and exec
    fs::copy_file(known, small / "bare.db", failed);
    for (const char* ending : {"", "-wal", "-shm"}) {
      if (!failed) fs::copy_file(known.string() + ending, small / ("whole.db"s + ending), failed);
    }
    if (failed) ::_exit(78);
    const int filler = ::open((small / "filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const std::string piece(4096, 'x');
    while (::write(filler, piece.data(), piece.size()) > 0) {
    }
    ::close(filler);
  };
  for (const char* name : {"whole.db", "bare.db", "new.db"}) {
    for (const Words& how : {Words{}, Words{"--tree", "--signal", "KILL"}}) {
      Words words = {"kill", "--db", (small / name).string(), std::to_string(sleeper.pid())};
      words.insert(words.end(), how.begin(), how.end());
      const Ran ran = galproc(words, options);
      if (ran.exit_code == 77) GTEST_SKIP() << "this user may mount nothing";
      expect_not_done(ran.exit_code, ran.err, "there is no room left for it");
      expect_untouched(sleeper, family);
    }
  }
}

TEST_F(ProgramKillLog, WhereverTheRoomEndsSaysWhatWasDoneAndLeavesNobodyStopped) {
  // Each file may grow to so many bytes, until the kill of a whole tree can be logged to its end.
  int exit_code = 5, not_done = 0, cut_short = 0;
  for (rlim_t bytes = 8192; exit_code == 5 && bytes < 4U << 20; bytes += 4096) {
    SCOPED_TRACE(bytes);
    const Family family;
    for (const char* ending : {"", "-wal", "-shm"}) fs::remove(db().string() + ending);
    snapshot();
    Program sleeper = victim(family.word());
    ASSERT_TRUE(wait_until([&] { return sleeper.out() == "ready\n" && family.members().size() == 2; }));
    Options options;
    options.before_exec = [bytes] {
      const rlimit limit{bytes, bytes};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    };
    const Ran ran =
        galproc({"kill", "--db", db().string(), std::to_string(sleeper.pid()), "--tree", "--signal", "KILL"}, options);
    exit_code = ran.exit_code;
    for (const pid_t pid : family.members()) EXPECT_FALSE(is_stopped(pid));
    if (exit_code == 0) {
      EXPECT_TRUE(family.members().empty());
    } else if (ran.err.find("so nothing was done to any process") != std::string::npos) {
      ++not_done;
      EXPECT_EQ(exit_code, 5) << ran.err;
      expect_untouched(sleeper, family);
      EXPECT_EQ(ask("SELECT count(*) FROM actions"), "0\n");
    } else {
      ++cut_short;
      EXPECT_EQ(exit_code, 5) << ran.err;
      EXPECT_NE(ran.err.find("What came next could not be logged in "), std::string::npos) << ran.err;
      EXPECT_EQ(ask("SELECT outcome IS NULL FROM actions"), "1\n");
    }
    EXPECT_EQ(galproc({"db", "verify", "--db", db().string(), "-q"}).exit_code, 0);
  }
  EXPECT_EQ(exit_code, 0);
  EXPECT_GT(not_done, 0);
  EXPECT_GT(cut_short, 0);
}

}  // namespace
}  // namespace galproc
