// The verbs that act and look in the hands of somebody without privileges: what he is shown of others' processes, and
// what he may do beside them.

#include "support/control_group.h"
#include "support/family.h"
#include "support/nobody.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramOtherUser : public NobodyTest {
 protected:
  /// Only root can have two users.
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "being two users needs root";
  }
  fs::path his_db() const { return nobodys_ / "galproc.db"; }
  /// As nobody, with his own database.
  Ran as_him(Words words) const {
    words.insert(words.begin() + 1, {"--db", his_db().string()});
    return as_nobody(words);
  }
  Json his_rows(Words words) const {
    words.insert(words.begin() + 1, "--json");
    const Ran ran = as_him(words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const Json rows = Json::parse(ran.out, nullptr, false);
    EXPECT_FALSE(rows.is_discarded()) << ran.out;
    return rows;
  }
  static Json row_of(const Json& rows, pid_t pid) {
    for (const Json& row : rows) {
      if (row["pid"] == pid) return row;
    }
    return nullptr;
  }
  static bool is_there(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    return std::getline(stat, text) && text.find(") Z") == std::string::npos;
  }
  static void expect_says(const Ran& ran, const std::string& part) {
    EXPECT_NE(ran.err.find(part), std::string::npos) << "'" << part << "' is not in: " << ran.err;
  }
};

TEST_F(ProgramOtherUser, FindsOthersProcessesWithoutWhatIsNotHisToSee) {
  Puppet others;
  const int port = others.listen();
  const Json row = row_of(his_rows({"find"}), others.pid());
  ASSERT_FALSE(row.is_null());
  EXPECT_EQ(row["user"], "root");
  EXPECT_EQ(row["name"], "program_other_user_test");
  EXPECT_NE(row["command_line"].dump().find("program_other_user_test"), std::string::npos);
  EXPECT_EQ(row["ports"], nullptr);
  EXPECT_EQ(row["venv"], nullptr);
  const std::string number = std::to_string(port);
  const Ran by_port = as_him({"find", "--port", number, "--json"});
  EXPECT_EQ(by_port.exit_code, 0);
  EXPECT_EQ(by_port.out, "[]\n");
  expect_says(by_port, "Who holds tcp 127.0.0.1:" + number + " may not be seen by this user.");
  EXPECT_FALSE(fs::exists(his_db())) << "a look makes no file";
}

TEST_F(ProgramOtherUser, ResolvesByNameAmongOthersProcessesAndIsRefusedAHiddenPort) {
  Puppet others;
  const std::string port = std::to_string(others.listen()), top = std::to_string(::getpid());
  others.rename("some service");
  const Json row = his_rows({"resolve", top, "--name", "some service"});
  ASSERT_EQ(row.size(), 1U);
  EXPECT_EQ(row[0]["pid"], others.pid());
  const Ran hidden = as_him({"resolve", top, "--name", "nobody has this name", "--port", port});
  EXPECT_EQ(hidden.exit_code, 4);
  EXPECT_EQ(hidden.out, "");
  expect_says(hidden, "Who holds port " + port + " may not be seen by this user. Try it as root.");
}

TEST_F(ProgramOtherUser, InspectsAnothersProcessAsFarAsItMayBeSeenAndSaysWhatIsMissing) {
  Puppet others;
  others.listen();
  const Ran ran = as_him({"inspect", std::to_string(others.pid()), "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const Json row = Json::parse(ran.out, nullptr, false);
  EXPECT_EQ(row["pid"], others.pid());
  EXPECT_EQ(row["user"], "root");
  EXPECT_EQ(row["parent_pid"], ::getpid());
  EXPECT_GT(row["resident_bytes"].get<std::int64_t>(), 0);
  for (const char* hidden : {"executable", "working_directory", "ports", "connections", "read_bytes"}) {
    EXPECT_EQ(row[hidden], nullptr) << hidden;
  }
  expect_says(ran, "Not all could be read: ");
  const Ran init = as_him({"inspect", "1"});
  EXPECT_EQ(init.exit_code, 0) << init.err;
}

TEST_F(ProgramOtherUser, IsShownTheSameResourcesAsRoot) {
  const Json his = his_rows({"resources"}), roots = Json::parse(galproc({"resources", "--json"}).out);
  ASSERT_TRUE(his.is_object());
  for (const auto& [key, value] : roots.items()) {
    EXPECT_EQ(his.contains(key), true) << key;
    EXPECT_EQ(his[key].is_null(), value.is_null()) << key;
  }
  EXPECT_EQ(his["memory_total_bytes"], roots["memory_total_bytes"]);
}

TEST_F(ProgramOtherUser, StartsListsAndStopsAServiceOfHisOwn) {
  const Family family;
  const Json started = his_rows({"start", "--name", "his", "--", "sleep", family.word()});
  ASSERT_EQ(started.size(), 1U);
  const auto pid = started[0]["pid"].get<pid_t>();
  EXPECT_EQ(family.members(), std::vector<pid_t>{pid});
  struct stat status {};
  ASSERT_EQ(::stat(fmt::format("/proc/{}", pid).c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, kNobody);
  ASSERT_EQ(::stat((nobodys_ / "logs" / "his.log").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, kNobody);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
  const Json listed = his_rows({"services"});
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0]["state"], "running");
  EXPECT_EQ(row_of(his_rows({"find", "--user", "nobody"}), pid)["name"], "sleep");
  EXPECT_EQ(as_him({"stop", "his"}).exit_code, 0);
  EXPECT_TRUE(family.members().empty());
  EXPECT_EQ(his_rows({"services"}).size(), 0U);
  EXPECT_EQ(galproc::ask(his_db(), "SELECT verb, actor_user, outcome FROM actions ORDER BY action_id"),
            "start|nobody|done\nstop|nobody|done\n");
}

TEST_F(ProgramOtherUser, StartsNothingWhereHeMayNotAndIsToldWhy) {
  const Family family;
  const fs::path closed = folder_ / "closed", roots = folder_ / "roots.log";
  fs::create_directory(closed);
  ::chmod(closed.c_str(), 0700);
  std::ofstream(roots) << "root's\n";
  ::chmod(roots.c_str(), 0644);
  fs::copy_file("/bin/sleep", closed / "sleep");
  const auto fails = [&](const Words& flags, int exit_code, const std::string& why) {
    Words words = {"start", "--name", "his"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.push_back(family.word());
    const Ran ran = as_him(words);
    EXPECT_EQ(ran.exit_code, exit_code) << ran.err;
    expect_says(ran, why);
    EXPECT_EQ(ran.out, "");
  };
  fails({"--cwd", closed.string(), "--", "/bin/sleep"}, 1, "cannot be entered: Permission denied");
  fails({"--log", roots.string(), "--", "/bin/sleep"}, 1,
        "The log " + roots.string() + " cannot be opened: Permission");
  fails({"--", (closed / "sleep").string()}, 1, (closed / "sleep").string());
  fails({"--max-open-files", "1000000000", "--", "/bin/sleep"}, 1, "Only root may raise one");
  EXPECT_TRUE(family.members().empty());
  EXPECT_EQ(his_rows({"services"}).size(), 0U);
  EXPECT_EQ(as_nobody({"start", "--db", db().string(), "--", "/bin/sleep", family.word()}).exit_code, 5);
  EXPECT_TRUE(family.members().empty());
}

TEST_F(ProgramOtherUser, IsShownRootsServicesWhereTheFileIsReadableAndStopsNone) {
  const Family family;
  const Ran ran = galproc({"start", "--db", db().string(), "--name", "roots", "--", "sleep", family.word()});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Words words = {"services", "--db", db().string(), "--json"};
  const Ran closed = as_nobody(words);
  EXPECT_EQ(closed.exit_code, 1);
  EXPECT_EQ(closed.out, "");
  expect_says(closed, "no permission");
  for (const char* ending : {"", "-wal", "-shm"}) ::chmod((db().string() + ending).c_str(), 0644);
  const Ran open = as_nobody(words);
  EXPECT_EQ(open.exit_code, 0) << open.err;
  const Json rows = Json::parse(open.out, nullptr, false);
  ASSERT_EQ(rows.size(), 1U) << open.out;
  EXPECT_EQ(rows[0]["state"], "running");
  const Ran stopped = as_nobody({"stop", "--db", db().string(), "roots"});
  EXPECT_EQ(stopped.exit_code, 5);
  expect_says(stopped, "nothing was done to any process");
  EXPECT_EQ(family.members().size(), 1U);
  EXPECT_EQ(galproc({"stop", "--db", db().string(), "roots"}).exit_code, 0);
  EXPECT_EQ(as_nobody(words).out, "[]\n");
}

TEST_F(ProgramOtherUser, KillsNoHolderThatHeMayNotSee) {
  Puppet others;
  const std::string port = std::to_string(others.listen());
  const Ran ran = as_him({"kill", "--port", port});
  EXPECT_EQ(ran.exit_code, 4);
  expect_says(ran, "127.0.0.1:" + port + " may not be seen by this user: try as root.");
  EXPECT_TRUE(is_there(others.pid()));
}

TEST_F(ProgramOtherUser, KillsOfATreeWhatIsHisAndNamesWhatIsNot) {
  Puppet his;
  const pid_t roots = his.fork_child();
  ASSERT_GT(roots, 0);
  const bool became = his.become(kNobody) == 0;
  const pid_t top = his.pid();
  const Ran ran = as_him({"kill", std::to_string(top), "--tree", "--json"});
  const bool left = is_there(roots);
  ::kill(roots, SIGKILL);  // its parent was, when it died, not allowed to
  EXPECT_TRUE(became && left);
  EXPECT_EQ(ran.exit_code, 6) << ran.err;
  expect_says(ran, fmt::format("pid {} (program_other_user_test) is left alone: it belongs to root", roots));
  EXPECT_FALSE(is_there(top));
  EXPECT_EQ(galproc::ask(his_db(), "SELECT target_pid, outcome FROM termination_attempts ORDER BY attempt_id"),
            fmt::format("{}|exited\n{}|refused\n", top, roots));
  const Ran upwards = as_him({"kill", std::to_string(::getpid()), "--tree"});
  EXPECT_EQ(upwards.exit_code, 4) << "the top of that tree is root's";
}

}  // namespace
}  // namespace galproc
