// Kills of what lives in a control group of its own, and what becomes of the groups that start made.

#include "support/control_group.h"
#include "support/family.h"

namespace galproc {
namespace {

class ProgramGroup : public ProgramTest {
 protected:
  ~ProgramGroup() override {
    if (!fs::exists(db())) return;
    const std::string made = ask("SELECT cgroup FROM service WHERE cgroup IS NOT NULL");
    wait_until([&] { return remove_made_groups(made); });  // where the program did not
  }
  Ran kill(Words words) const {
    words.insert(words.begin(), {"kill", "--db", db().string()});
    return galproc(words);
  }
  /// A shell with `word` as its $1 in a group of its own of both kinds.
  Program shell_in(const fs::path& group, const std::string& script, const std::string& word) const {
    Options options;
    options.before_exec = [group] {
      ::setpgid(0, 0);
      if (!enter_group(group)) ::_exit(126);
    };
    return start({"/bin/sh", "-c", script, "sh", word}, options);
  }
  /// "cgroup SIGKILL exited|3\n"
  std::string attempts() const {
    return ask(
        "SELECT method || ' ' || signal || ' ' || coalesce(outcome, '?'), count(*) FROM termination_attempts"
        " GROUP BY 1 ORDER BY min(attempt_id)");
  }
  /// Starts a service whose two processes have the word of the family; gives its row.
  Json started(const Family& family, const std::string& name) const {
    const Ran ran = galproc({"start", "--db", db().string(), "--json", "--name", name, "--", "sh", "-c",
                             "sleep $1 & sleep $1; :", "sh", family.word()});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const Json rows = Json::parse(ran.out, nullptr, false);
    EXPECT_TRUE(family.grows_to(3));
    return rows.is_array() && !rows.empty() ? rows[0] : Json::object();
  }
  /// The group that was made for the latest start; "NULL" where none could be.
  std::string made_group() const {
    const std::string line = ask("SELECT cgroup FROM service ORDER BY service_id DESC LIMIT 1");
    return line.substr(0, line.find('\n'));
  }
};

TEST_F(ProgramGroup, OfATreeAloneIsKilledAtOnceAndEachMemberWasLoggedBefore) {
  const TestGroup group;
  if (!group.reason().empty()) GTEST_SKIP() << group.reason();
  const Family family;
  Program top =
      shell_in(group.path(), "trap '' TERM; sh -c 'trap \"\" TERM; sleep $1; :' sh $1 & sleep $1; :", family.word());
  ASSERT_TRUE(family.grows_to(4));
  const Ran ran = kill({std::to_string(top.pid()), "--tree", "--grace", "100ms", "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(family.members().empty());
  EXPECT_EQ(top.wait(), 128 + SIGKILL);
  const Json rows = Json::parse(ran.out);
  std::int64_t by_group = 0;
  for (const Json& row : rows) {
    if (row["method"] != "cgroup") continue;
    ++by_group;
    EXPECT_EQ(row["signal"], "SIGKILL");
    EXPECT_EQ(row["outcome"], "exited");
    EXPECT_EQ(row["exit_signal"], "SIGKILL");
  }
  // The two that sleep end politely where they do not inherit the deafness: all of them do.
  EXPECT_EQ(by_group, 4) << ran.out;
  EXPECT_EQ(attempts(), "polite SIGTERM survived|4\ncgroup SIGKILL exited|4\n");
  // One commit for all of them, before the first end.
  EXPECT_EQ(ask("SELECT count(DISTINCT at_us), max(at_us) <= min(ended_us) FROM termination_attempts"
                " WHERE method = 'cgroup'"),
            "1|1\n");
  EXPECT_TRUE(group.exists()) << "it is not galproc's own";
  EXPECT_EQ(galproc({"db", "verify", "--db", db().string(), "-q"}).exit_code, 0);
}

TEST_F(ProgramGroup, WithSomebodyElseInItIsLeftAlone) {
  const TestGroup group;
  if (!group.reason().empty()) GTEST_SKIP() << group.reason();
  const Family family, others;
  Program top = shell_in(group.path(), "sleep $1; :", family.word());
  Program other = shell_in(group.path(), "sleep $1; :", others.word());
  ASSERT_TRUE(family.grows_to(2) && others.grows_to(2));
  const Ran ran = kill({std::to_string(top.pid()), "--tree", "--signal", "KILL"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(family.members().empty());
  EXPECT_EQ(others.members().size(), 2U);
  EXPECT_EQ(attempts(), "forced SIGKILL exited|2\n");
}

TEST_F(ProgramGroup, ThatStartMadeGoesWithTheLastOfTheServiceHoweverThatIsNamed) {
  const Family family;
  const std::vector<std::function<Words(const Json&)>> ways = {
      [](const Json&) {
        return Words{"kill", "--service", "web", "--tree"};
      },
      [](const Json&) { return Words{"kill", "--service", "web", "--tree", "--signal", "KILL"}; },
      [](const Json& row) {
        return Words{"kill", std::to_string(row["pid"].get<pid_t>()), "--tree"};
      },
      [](const Json&) {
        return Words{"stop", "web"};
      },
  };
  for (const auto& way : ways) {
    const Json row = started(family, "web");
    const std::string group = made_group();
    if (group == "NULL") GTEST_SKIP() << "this user can make no control group here";
    EXPECT_TRUE(fs::exists(group));
    Words words = way(row);
    words.insert(words.end(), {"--db", db().string()});
    const Ran ran = galproc(words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_TRUE(family.members().empty());
    EXPECT_FALSE(fs::exists(group)) << fmt::format("{}", fmt::join(words, " "));
    ::rmdir(group.c_str());
  }
}

TEST_F(ProgramGroup, ThatStartMadeStaysWithWhoIsLeftOfTheService) {
  const Family family;
  const Json row = started(family, "web");
  const std::string group = made_group();
  if (group == "NULL") GTEST_SKIP() << "this user can make no control group here";
  for (const char* more : {"--dry-run", "--no-force"}) {
    const Ran ran = kill({std::to_string(row["pid"].get<pid_t>()), more});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_TRUE(fs::exists(group));
  }
  EXPECT_EQ(family.members().size(), 2U) << "its children, of whom nobody spoke";
  EXPECT_EQ(kill({"--service", "web"}).exit_code, 0);
  EXPECT_TRUE(family.members().empty());
  EXPECT_FALSE(fs::exists(group));
  ::rmdir(group.c_str());
}

}  // namespace
}  // namespace galproc
