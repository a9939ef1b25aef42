// Which processes a service is: as many as there are left of it, however little they look like what was started.

#include "support/family.h"
#include "support/services.h"

namespace galproc {
namespace {

class ServiceMembersTest : public ServiceTest {
 protected:
  /// The only one that is listed, with --all or without.
  Json listed(const Words& more = {}) const {
    Words words = {"services", "-q"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = act(words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const Json rows = Json::parse(ran.out, nullptr, false);
    EXPECT_EQ(rows.size(), 1U) << ran.out;
    return rows.is_array() && !rows.empty() ? rows[0] : Json::object();
  }
  /// That all verbs know that it runs, as this process.
  void expect_runs(const std::string& name, pid_t pid) const {
    Json row = listed();
    EXPECT_EQ(row["state"], "running");
    EXPECT_EQ(row["pid"], pid);
    EXPECT_EQ(row["name"], "sleep");
    EXPECT_TRUE(row["ended_at"].is_null());
    const Ran again = act({"start", "--name", name, "--", "sleep", "1"});
    EXPECT_EQ(again.exit_code, 1);
    EXPECT_NE(again.err.find(fmt::format("runs already (pid {})", pid)), std::string::npos) << again.err;
  }
  void expect_ends(const Words& words, const Family& family) const {
    const Ran ended = act(words);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(family.members().size(), 0U);
    EXPECT_EQ(act({"services", "-q"}).out, "[]\n");
    EXPECT_EQ(listed({"--all"})["state"], "ended");
    const std::string group = ask("SELECT cgroup FROM service");
    EXPECT_FALSE(fs::exists(group.substr(0, group.size() - 1))) << group;
  }
};

TEST_F(ServiceMembersTest, EndsOneThatThrewItsEnvironmentAway) {
  const Family family;
  started({"start", "--name", "clean", "--", "env", "-i", "sleep", family.word()});
  ASSERT_TRUE(family.grows_to(1));
  expect_runs("clean", family.members().front());
  expect_ends({"stop", "clean"}, family);
}

TEST_F(ServiceMembersTest, EndsItByTheSelectorOfKillToo) {
  const Family family;
  started({"start", "--name", "clean", "--", "env", "-i", "sleep", family.word()});
  ASSERT_TRUE(family.grows_to(1));
  expect_ends({"kill", "--service", "clean"}, family);
}

TEST_F(ServiceMembersTest, ShowsADaemonWhoseFirstProcessIsGone) {
  const Family family;
  const Json first = started({"start", "--name", "daemon", "--", "sh", "-c", "setsid sleep " + family.word() + " &"});
  ASSERT_TRUE(family.grows_to(1));
  EXPECT_NE(first["pid"], family.members().front());
  ASSERT_TRUE(wait_until([&] { return ::kill(first["pid"].get<pid_t>(), 0) != 0; }));
  expect_runs("daemon", family.members().front());
  EXPECT_EQ(Json(listed())["command_line"], "sleep " + family.word());
  expect_ends({"stop", "daemon"}, family);
}

TEST_F(ServiceMembersTest, FindsADaemonWithoutAnEnvironmentByItsControlGroup) {
  const Family family;
  act({"start", "--name", "bare", "--", "sh", "-c", "setsid env -i sleep " + family.word() + " & sleep 0.1"});
  if (ask("SELECT cgroup FROM service") == "NULL\n") GTEST_SKIP() << "no control group can be made here";
  ASSERT_TRUE(family.grows_to(1));
  expect_runs("bare", family.members().front());
  expect_ends({"stop", "bare"}, family);
}

}  // namespace
}  // namespace galproc
