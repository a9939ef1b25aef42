// Several users of one machine: what an unprivileged recorder sees and says, and who may read what was recorded.

#include <sys/stat.h>

#include "support/nobody.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramUser : public NobodyTest {};

TEST_F(ProgramUser, WithoutPrivilegesRecordsHisOwnViewAndSaysWhatIsMissing) {
  Puppet own, others;
  const int port = others.listen();
  ASSERT_GT(port, 0);
  if (is_root()) {
    ASSERT_EQ(own.become(kNobody), 0);
  }
  const std::string cat = fs::canonical("/bin/cat").string();
  ASSERT_EQ(own.exec(cat, {"cat", "-"}), 0);
  const fs::path file = nobodys_ / "galproc.db";
  const Ran ran = as_nobody({"record", "--db", file.string(), "--samples", "2", "--interval", "50ms"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("Not root: "), std::string::npos) << ran.err;

  const auto row = [&](pid_t pid, const std::string& columns) {
    return galproc::ask(file, fmt::format("SELECT {} FROM processes WHERE pid = {}", columns, pid));
  };
  EXPECT_EQ(row(own.pid(), "name, executable, command_line"), fmt::format("cat|{}|cat -\n", cat));
  EXPECT_EQ(galproc::ask(file, "SELECT uid FROM recordings"), fmt::format("{}\n", is_root() ? kNobody : ::geteuid()));
  struct stat init {};
  ASSERT_EQ(::stat("/proc/1", &init), 0);
  if (!is_root() && init.st_uid == ::geteuid()) GTEST_SKIP() << "everything here belongs to one user";
  EXPECT_EQ(row(1, "executable, uid"), "NULL|0\n");
  EXPECT_EQ(galproc::ask(file,
                         "SELECT count(*) > 0, min(count) > 0, max(error_code) FROM collection_error"
                         " WHERE collector = 'processes' AND operation = 'read exe'"),
            "1|1|13\n");
  if (!is_root()) return;
  EXPECT_EQ(row(others.pid(), "executable, name, command_line IS NULL, uid"), "NULL|program_user_test|0|0\n");
  EXPECT_EQ(
      galproc::ask(file, fmt::format("SELECT upid, pid FROM port_bindings WHERE port = {} AND protocol = 'tcp'", port)),
      "NULL|NULL\n");
}

TEST_F(ProgramUser, WithoutPrivilegesIsRefusedTheIteratorsOfTheKernelWhenAskingForThem) {
  const std::string file = (nobodys_ / "refused.db").string();
  const Ran ran = as_nobody({"record", "--db", file, "--samples", "1", "--process-source", "bpf"});
  const bool built_in = ran.err.find("not built into") == std::string::npos;
  EXPECT_EQ(ran.exit_code, built_in ? 4 : 2) << ran.err;
  EXPECT_NE(ran.err.find("--process-source bpf"), std::string::npos) << ran.err;
  EXPECT_FALSE(fs::exists(file));
}

TEST_F(ProgramUser, WithoutPrivilegesIsDeniedAKillOnTrialAsInEarnest) {
  if (!is_root()) GTEST_SKIP() << "needs a process of another user";
  Puppet others;
  const std::string pid = std::to_string(others.pid()), file = (nobodys_ / "galproc.db").string();
  const Ran trial = as_nobody({"kill", pid, "--user", "root", "--dry-run", "--json", "--db", file});
  EXPECT_EQ(trial.exit_code, 4) << trial.err;
  EXPECT_NE(trial.out.find("may not be ended by this user"), std::string::npos) << trial.out;
  EXPECT_FALSE(fs::exists(file));
  EXPECT_EQ(as_nobody({"kill", pid, "--user", "root", "--db", file}).exit_code, 4);
  EXPECT_EQ(galproc::ask(file, "SELECT outcome FROM termination_attempts"), "denied\n");
}

TEST_F(ProgramUser, WithoutPrivilegesHasAFileOfHisOwnByDefault) {
  const Ran ran = as_nobody({"record", "--samples", "1"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const fs::path file = nobodys_ / "state/galproc/galproc.db";
  EXPECT_NE(ran.err.find(file.string()), std::string::npos) << ran.err;
  EXPECT_EQ(galproc::ask(file, "SELECT count(*) FROM ticks"), "1\n");
  const Ran asked = as_nobody({"query", "--db", file.string(), "gaps", "--json"});
  EXPECT_EQ(asked.exit_code, 0) << asked.err;
  EXPECT_NE(asked.err.find("Reading " + file.string()), std::string::npos) << asked.err;
}

TEST_F(ProgramUser, WhoMayNotEnterTheFolderIsToldSoInASentence) {
  const fs::path closed = folder_ / "closed";
  fs::create_directory(closed);
  ::chmod(closed.c_str(), 0);
  for (const Words& words : {Words{"query", "gaps"}, Words{"record", "--samples", "1"}}) {
    Words all = words;
    all.insert(all.end(), {"--db", (closed / "galproc.db").string()});
    const Ran ran = as_nobody(all);
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find((closed / "galproc.db").string()), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find("permission"), std::string::npos) << ran.err;  // in words of ours, not the library's
    EXPECT_EQ(ran.err.find("filesystem error"), std::string::npos) << ran.err;
  }
  ::chmod(closed.c_str(), 0700);  // or it could not be removed
}

TEST_F(ProgramUser, OfTheGroupReadsWhileItRunsAfterACrashAndAfterACleanStop) {
  if (!is_root()) GTEST_SKIP() << "being two users needs root";
  const fs::path shared = folder_ / "shared";
  fs::create_directory(shared);
  ASSERT_EQ(::chown(shared.c_str(), 0, 54321), 0);
  ASSERT_EQ(::chmod(shared.c_str(), 02750), 0);
  const fs::path file = shared / "galproc.db";
  struct stat status {};

  const auto expect_readable = [&](const char* when) {
    SCOPED_TRACE(when);
    // Where this machine has a group galproc, new files belong to that one.
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    ASSERT_EQ(::chown(shared.c_str(), 0, status.st_gid), 0);
    ASSERT_EQ(::chmod(shared.c_str(), 02750), 0);
    const std::string ticks = galproc::ask(file, "SELECT count(*) > 0 FROM ticks");
    const Ran ran =
        as_nobody({"query", "--run", "SELECT count(*) > 0 AS some FROM ticks", "--db", file.string(), "--json", "-q"},
                  status.st_gid);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(Json::parse(ran.out, nullptr, false), Json::parse(R"([{"some": 1}])"));
    const Ran tree = as_nobody({"query", "tree", "--db", file.string(), "--json", "-q"}, status.st_gid);
    EXPECT_EQ(tree.exit_code, 0) << tree.err;
    EXPECT_GT(Json::parse(tree.out, nullptr, false).size(), 0U);
    const Ran shell = run({"/usr/bin/sqlite3", "-readonly", file.string(), "SELECT count(*) > 0 FROM ticks"},
                          {{}, [&] { become(kNobody, status.st_gid); }});
    EXPECT_EQ(shell.out, "1\n") << shell.err;
    const Ran stranger = as_nobody({"query", "tree", "--db", file.string(), "--json"});
    EXPECT_EQ(stranger.exit_code, 1);
    EXPECT_EQ(stranger.out, "");
    EXPECT_TRUE(stranger.err.find("no permission") != std::string::npos) << stranger.err;
  };
  const auto record_there = [&] {
    Program recorder = start({galproc_binary(), "record", "--db", file.string(), "--interval", "50ms"});
    const auto ticks = [&] { return fs::exists(file) ? galproc::ask(file, "SELECT count(*) FROM ticks") : ""; };
    std::string before;
    wait_until([&] {
      try {
        if (before.empty()) before = ticks();
        return !before.empty() && ticks() != before;
      } catch (const SQLite::Exception&) {
        return false;  // the file is being made
      }
    });
    return recorder;
  };

  Program first = record_there();
  expect_readable("while it runs");
  first.kill();
  expect_readable("after a crash");
  Program second = record_there();
  expect_readable("while another runs");
  EXPECT_EQ(second.stop(), 0) << second.err();
  expect_readable("after a clean stop");
  for (const char* ending : {"", "-wal", "-shm"}) {
    struct stat each {};
    ASSERT_EQ(::stat((file.string() + ending).c_str(), &each), 0) << ending;
    EXPECT_EQ(each.st_uid, 0U) << ending;
    EXPECT_EQ(each.st_gid, status.st_gid) << ending;
    EXPECT_EQ(each.st_mode & 07777, 0640U) << ending;
  }
}

}  // namespace
}  // namespace galproc
