// Kills of real processes by the whole program: who ends, who is spared, what it says and what it logs.

#include "support/family.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramKill : public ProgramTest {
 protected:
  Ran kill(Words words) const {
    words.insert(words.begin(), {"kill", "--db", db().string()});
    return galproc(words);
  }
  /// A shell script that has `word` as its $1; its own process group, so that it is nobody's job.
  Program shell(const std::string& script, const std::string& word) const {
    Options options;
    options.before_exec = [] { ::setpgid(0, 0); };
    return start({"/bin/sh", "-c", script, "sh", word}, options);
  }
  static bool is_there(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    return std::getline(stat, text) && text.find(") Z") == std::string::npos;
  }
  /// The attempts that are logged: "polite SIGTERM exited\n".
  std::string attempts(const std::string& where = "1") const {
    return ask("SELECT method || ' ' || signal || ' ' || coalesce(outcome, '?') FROM termination_attempts WHERE " +
               where + " ORDER BY attempt_id");
  }
  void expect_chain() const {
    const Ran ran = galproc({"db", "verify", "--db", db().string(), "-q"});
    EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  }
};

TEST_F(ProgramKill, OfOneThatHearsItIsPoliteAndLogged) {
  Program sleeper = start({"/bin/sleep", "600"});
  const Ran ran = kill({std::to_string(sleeper.pid()), "--reason", "it sleeps", "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const Json rows = Json::parse(ran.out);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["pid"], sleeper.pid());
  EXPECT_EQ(rows[0]["outcome"], "exited");
  EXPECT_EQ(rows[0]["exit_signal"], "SIGTERM");
  EXPECT_NE(ran.err.find("1 ended, 0 left."), std::string::npos) << ran.err;
  EXPECT_EQ(sleeper.wait(), 128 + SIGTERM);
  EXPECT_EQ(ask("SELECT verb, reason, outcome, exit_code, host <> '' FROM actions"), "kill|it sleeps|done|0|1\n");
  // Without any recorder the target and all above it are known.
  EXPECT_EQ(ask(fmt::format("SELECT name, exit_signal, parent_pid = {} FROM processes WHERE pid = {}", ::getpid(),
                            rows[0]["pid"].get<int>())),
            "sleep|SIGTERM|1\n");
  EXPECT_EQ(ask("SELECT count(*) FROM processes WHERE pid = 1"), "1\n");
  expect_chain();
}

TEST_F(ProgramKill, OfADeafOneIsForcedAfterTheGraceAndTheRowsTellBoth) {
  Program deaf = shell("trap '' TERM; echo ready; while :; do read line; done </dev/zero", own_word());
  ASSERT_TRUE(wait_until([&] { return deaf.out() == "ready\n"; }));
  const Ran ran = kill({std::to_string(deaf.pid()), "--grace", "200ms"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(deaf.wait(), 128 + SIGKILL);
  EXPECT_EQ(attempts(), "polite SIGTERM survived\nforced SIGKILL exited\n");
}

TEST_F(ProgramKill, ByHangupNeverEndsInForce) {
  Program deaf = shell("trap '' HUP; echo ready; while :; do read line; done </dev/zero", own_word());
  ASSERT_TRUE(wait_until([&] { return deaf.out() == "ready\n"; }));
  const Ran ran = kill({std::to_string(deaf.pid()), "--signal", "HUP", "--grace", "100ms", "--attempts", "2"});
  EXPECT_EQ(ran.exit_code, 6) << ran.err;
  EXPECT_NE(ran.err.find("is still there."), std::string::npos) << ran.err;
  EXPECT_FALSE(deaf.has_ended());
  EXPECT_EQ(attempts(), "polite SIGHUP survived\npolite SIGHUP survived\n");
}

TEST_F(ProgramKill, WithoutForceAsksOnce) {
  Program deaf = shell("trap '' HUP TERM; echo ready; while :; do read line; done </dev/zero", own_word());
  ASSERT_TRUE(wait_until([&] { return deaf.out() == "ready\n"; }));
  const std::string pid = std::to_string(deaf.pid());
  EXPECT_EQ(kill({pid, "--signal", "HUP", "--grace", "50ms"}).exit_code, 6);
  EXPECT_EQ(kill({pid, "--no-force", "--grace", "50ms"}).exit_code, 6);
  EXPECT_EQ(attempts(), "polite SIGHUP survived\npolite SIGTERM survived\n");
}

TEST_F(ProgramKill, OfATreeOfShellsReachesTheServiceAtItsEnd) {
  const Family family;
  Program top = shell("sh -c 'sh -c \"sleep $1; :\" sh $1; :' sh $1; :", family.word());
  ASSERT_TRUE(family.grows_to(4));
  const Ran dry = kill({std::to_string(top.pid()), "--tree", "--dry-run", "--json"});
  EXPECT_EQ(dry.exit_code, 0) << dry.err;
  EXPECT_EQ(Json::parse(dry.out).size(), 4U) << dry.out;
  EXPECT_FALSE(fs::exists(db())) << "a dry run logs nothing";
  EXPECT_EQ(family.members().size(), 4U);
  const Ran ran = kill({std::to_string(top.pid()), "--tree"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(family.members().empty());
  EXPECT_EQ(ask("SELECT count(DISTINCT target_pid) FROM termination_attempts WHERE outcome = 'exited'"), "4\n");
}

TEST_F(ProgramKill, ByPortSparesClientsAndPortsThatOnlyBeginAlike) {
  Puppet holder, client, other;
  int port = 0;
  for (int candidate = 2900; port <= 0 && candidate < 3270; ++candidate) {  // 302 and 3020 would need root everywhere
    if (other.listen(candidate * 10) < 0) continue;
    port = holder.listen(candidate);
    if (port <= 0) other.close_port();
  }
  ASSERT_GT(port, 0) << "no such pair of ports is free";
  const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);  // this test is a client
  const pid_t holder_pid = holder.pid();
  const Ran ran = kill({"--port", std::to_string(port)});
  ::close(connection);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_FALSE(is_there(holder_pid));
  EXPECT_TRUE(is_there(other.pid()));
  EXPECT_EQ(ask("SELECT target_pid FROM termination_attempts"), fmt::format("{}\n", holder_pid));
}

TEST_F(ProgramKill, ByNameAndVirtualEnvironmentSparesEveryOtherOfThatName) {
  const fs::path venv = folder_ / "venv";
  fs::create_directories(venv / "bin");
  std::ofstream(venv / "pyvenv.cfg") << "home = /usr/bin\n";
  fs::copy_file("/bin/sleep", venv / "bin" / "snake");
  fs::copy_file("/bin/sleep", folder_ / "snake");
  Program inside = start({(venv / "bin" / "snake").string(), "60"});
  Program outside = start({(folder_ / "snake").string(), "60"});
  ASSERT_TRUE(wait_until([&] { return !processes_with((folder_ / "snake").string()).empty(); }));
  ASSERT_TRUE(wait_until([&] { return !processes_with((venv / "bin" / "snake").string()).empty(); }));
  const Ran ran = kill({"--name", "SNAKE", "--venv", venv.string()});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(inside.wait(), 128 + SIGTERM);
  EXPECT_FALSE(outside.has_ended());
}

TEST_F(ProgramKill, FindsADaemonByItsRecordedAncestry) {
  const Family family;
  // The middle one lives until it was seen; then the daemon is nobody's child, in a session of its own.
  const fs::path seen = folder_ / "seen";
  Program top = shell(
      "(setsid sh -c 'sleep $1; :' sh $1 & while [ ! -e " + seen.string() + " ]; do sleep 0.05; done) & sleep $1; :",
      family.word());
  ASSERT_TRUE(family.grows_to(5));
  Program recorder = record();
  settle();
  std::ofstream(seen) << "yes";
  ASSERT_TRUE(wait_until([&] { return family.members().size() == 4; }));
  const Ran dry = kill({std::to_string(top.pid()), "--tree", "--dry-run", "--json"});
  EXPECT_NE(dry.out.find("\"ancestry\""), std::string::npos) << dry.out;
  const Ran ran = kill({std::to_string(top.pid()), "--tree"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(family.members().empty());
  EXPECT_EQ(recorder.stop(), 0);
}

TEST_F(ProgramKill, OfAProcessThatForksAllTheTimeLeavesNobody) {
  const Family family;
  // At most 400 children of a third of a second each, twenty at a time or so.
  Program top = shell(
      "trap '' TERM; i=0; while [ $i -lt 400 ]; do sh -c 'trap \"\" TERM; sleep 0.3; :' sh $1 & "
      "i=$((i+1)); sleep 0.01; done; sleep 20",
      family.word());
  ASSERT_TRUE(family.grows_to(10));
  const Ran ran = kill({std::to_string(top.pid()), "--tree", "--grace", "100ms"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(family.members().empty());
  EXPECT_EQ(top.wait(), 128 + SIGKILL);
  EXPECT_EQ(ask("SELECT count(*) FROM termination_attempts WHERE outcome IS NULL"), "0\n");
  expect_chain();
}

TEST_F(ProgramKill, OfATreeEndsWhatItsMembersBeginWhileTheyAreAsked) {
  const Family family;
  const fs::path born = folder_ / "born";
  // That child is seen with its parent, which lives on for a moment. No program makes the file: it would be asked to
  // end, too.
  Program top =
      shell("trap 'sleep $1 & : >" + born.string() + "; sleep 0.5; exit' TERM; echo ready; while :; do sleep 0.1; done",
            family.word());
  ASSERT_TRUE(wait_until([&] { return top.out() == "ready\n"; }));
  // Asked twice at most: a shell that has just forked takes the signal by a handler that it forgets before it runs
  // sleep.
  const Ran ran = kill({std::to_string(top.pid()), "--tree", "--no-force", "--attempts", "2", "--grace", "15s"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(fs::exists(born));
  EXPECT_TRUE(family.members().empty());
  EXPECT_EQ(ask("SELECT count(*) FROM termination_attempts WHERE outcome IS NULL"), "0\n");
}

TEST_F(ProgramKill, RefusesWhatNobodyMayEnd) {
  for (const char* pid : {"0", "1"}) {
    const Ran ran = kill({pid});
    EXPECT_EQ(ran.exit_code, 4) << ran.err;
    EXPECT_NE(ran.err.find("is left alone"), std::string::npos) << ran.err;
  }
  EXPECT_EQ(kill({std::to_string(::getpid())}).exit_code, 4);  // an ancestor of that galproc
  EXPECT_EQ(attempts(), "polite SIGTERM refused\npolite SIGTERM refused\npolite SIGTERM refused\n");
  EXPECT_EQ(ask("SELECT outcome, exit_code FROM actions GROUP BY 1, 2"), "refused|4\n");
}

TEST_F(ProgramKill, OfATreeLeavesAProtectedMemberAndItsWorkersAndNamesIt) {
  const Family family, spared;
  const fs::path config = folder_ / "config.toml", master = folder_ / "postmaster-of-a-test";
  std::ofstream(config) << "protect = [\"postmaster-of-a-test\"]\n";
  fs::copy_file("/bin/sh", master);
  Program top =
      shell(fmt::format("{} -c 'sleep {}; :' {} & sleep $1; :", master.string(), spared.word(), spared.word()),
            family.word());
  ASSERT_TRUE(family.grows_to(2));
  ASSERT_TRUE(spared.grows_to(2));
  const Ran ran = kill({std::to_string(top.pid()), "--tree", "--config", config.string()});
  EXPECT_EQ(ran.exit_code, 6) << ran.err;
  EXPECT_NE(ran.err.find("(postmaster-of-a-test) is left alone"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("2 ended, 1 left."), std::string::npos) << ran.err;
  EXPECT_TRUE(family.members().empty());
  EXPECT_EQ(spared.members().size(), 2U);
}

TEST_F(ProgramKill, RefusesTheRecorderUnlessRootInsists) {
  Program recorder = record();
  const std::string pid = std::to_string(recorder.pid());
  const Ran ran = kill({pid});
  EXPECT_EQ(ran.exit_code, 4) << ran.err;
  EXPECT_NE(ran.err.find("is the recorder"), std::string::npos) << ran.err;
  EXPECT_FALSE(recorder.has_ended());
  if (is_root()) {
    EXPECT_EQ(kill({pid, "--allow-protected"}).exit_code, 0);
    EXPECT_EQ(recorder.wait(), 0);  // it heard the request, and closed its recording
  } else {
    EXPECT_EQ(kill({pid, "--allow-protected"}).exit_code, 4);
  }
}

TEST_F(ProgramKill, ThatFindsNobodySaysSoAndIsLogged) {
  Puppet gone;
  const std::string pid = std::to_string(gone.pid());
  gone.end();
  const Ran ran = kill({pid, "--json"});
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_EQ(Json::parse(ran.out).size(), 0U) << ran.out;
  EXPECT_NE(ran.err.find("There is no process " + pid), std::string::npos) << ran.err;
  EXPECT_EQ(ask("SELECT outcome FROM actions"), "not_found\n");
}

TEST_F(ProgramKill, ExplainsWhatIsWrongWithItsWords) {
  const std::vector<std::pair<Words, std::string>> wrong = {
      {{}, "No target is named"},
      {{"-9", "4711"}, "--signal KILL"},
      {{"abc"}, "'abc' is not a PID"},
      {{"--port", "0"}, "is not a port"},
      {{"--port", "65536"}, "is not a port"},
      {{"4711", "--signal", "USR1"}, "is none of TERM, INT, QUIT, HUP, KILL"},
      {{"4711", "--grace", "soon"}, "--grace"},
      {{"4711", "--attempts", "0"}, "--attempts"},
      {{"--venv", "/nowhere/at/all"}, "is not a folder"},
      // Nothing but a trial: a program that took any folder would end everybody who is in it.
      {{"--dry-run", "--venv", folder_.path().string()}, "python3 -m venv"},
      {{"4711", "--signal", "KILL", "--no-force"}, "contradict"},
  };
  for (const auto& [words, sentence] : wrong) {
    const Ran ran = kill(words);
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    EXPECT_NE(ran.err.find(sentence), std::string::npos) << ran.err;
  }
  EXPECT_FALSE(fs::exists(db()));
}

TEST_F(ProgramKill, OfManyFromManyAtOnceIsOneChain) {
  constexpr int kCallers = 8, kEach = 25;
  std::vector<Program> sleepers;
  for (int i = 0; i < kCallers * kEach; ++i) sleepers.push_back(start({"/bin/sleep", "60"}));
  std::vector<std::thread> callers;
  std::vector<int> failures(kCallers);
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < kEach; ++i) {
        const Program& sleeper = sleepers[static_cast<std::size_t>(caller * kEach + i)];
        if (kill({std::to_string(sleeper.pid())}).exit_code != 0) ++failures[static_cast<std::size_t>(caller)];
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failures, std::vector<int>(kCallers));
  for (Program& sleeper : sleepers) EXPECT_EQ(sleeper.wait(), 128 + SIGTERM);
  EXPECT_EQ(ask("SELECT count(*) FROM termination_attempts WHERE outcome = 'exited'"),
            fmt::format("{}\n", kCallers * kEach));
  expect_chain();
}

}  // namespace
}  // namespace galproc
