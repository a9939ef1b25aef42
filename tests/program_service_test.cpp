// Services as a user meets them: a real virtual environment, a real web server, what the log and the system say of
// them.

#include <sys/resource.h>

#include "support/family.h"
#include "support/services.h"

namespace galproc {
namespace {

TEST_F(ServiceTest, ServesFromAVirtualEnvironmentAndIsStoppedWhole) {
  const fs::path venv = make_venv();
  const int port = free_port();
  const std::string number = std::to_string(port);
  const Json row = started({"start", "--venv", venv.string(), "--name", "web", "--wait-port", number, "--reason", "try",
                            "--", "-m", "http.server", number, "--bind", "127.0.0.1"});
  EXPECT_EQ(row["service"], "web");
  EXPECT_EQ(row["address"], "127.0.0.1");
  EXPECT_EQ(row["port"], port);
  EXPECT_GT(row["time_to_port_us"].get<std::int64_t>(), 0);
  EXPECT_NE(fetch(port).find("200 OK"), std::string::npos);
  const std::string pid = std::to_string(row["pid"].get<std::int64_t>());
  const std::string environment = text_of("/proc/" + pid + "/environ");
  EXPECT_NE(environment.find("GALPROC_SERVICE=web#"), std::string::npos);
  EXPECT_NE(environment.find("VIRTUAL_ENV=" + fs::canonical(venv).string()), std::string::npos);
  EXPECT_NE(environment.find("PATH=" + fs::canonical(venv).string() + "/bin:"), std::string::npos);

  const Ran listed = act({"services", "-q"});
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  const Json services = Json::parse(listed.out);
  ASSERT_EQ(services.size(), 1U) << listed.out;
  EXPECT_EQ(services[0]["state"], "running");
  EXPECT_EQ(services[0]["pid"], row["pid"]);
  EXPECT_EQ(services[0]["venv"], fs::canonical(venv).string());
  EXPECT_EQ(services[0]["log_path"], (folder_ / "logs" / "web.log").string());

  const Ran stopped = act({"stop", "web", "--reason", "enough"});
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  EXPECT_EQ(fetch(port), "");
  EXPECT_TRUE(members().empty());
  EXPECT_EQ(act({"services", "-q"}).out, "[]\n");
  EXPECT_EQ(ask("SELECT verb, reason, outcome, exit_code FROM actions ORDER BY action_id"),
            "start|try|done|0\nstop|enough|done|0\n");
  EXPECT_EQ(ask("SELECT service, state FROM services"), "web|ended\n");
  EXPECT_EQ(ask("SELECT method, outcome FROM termination_attempts"), "polite|exited\n");
  EXPECT_EQ(ask("SELECT count(*) FROM processes WHERE upid = " + std::to_string(row["upid"].get<std::int64_t>()) +
                " AND command_line LIKE '%-m http.server%' AND parent_upid IS NOT NULL"),
            "1\n");
  EXPECT_EQ(galproc({"db", "--db", db().string(), "verify", "-q"}).exit_code, 0);
}

TEST_F(ServiceTest, TellsOfAnEarlyEndWithTheLastLinesOfItsLog) {
  const Ran ran = act({"start", "--name", "brief", "--", "sh", "-c", "echo password=hunter2; echo boom >&2; exit 3"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.err.find("with exit code 3"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("boom"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.err.find("hunter2"), std::string::npos) << ran.err;
  EXPECT_EQ(ask("SELECT outcome, exit_code FROM actions"), "failed|1\n");
  EXPECT_EQ(ask("SELECT state, exit_code FROM services"), "ended|3\n");
}

TEST_F(ServiceTest, RefusesWhatIsNotThere) {
  const auto fails = [&](const Words& words, int exit_code, const std::string& sentence) {
    const Ran ran = act(words);
    EXPECT_EQ(ran.exit_code, exit_code) << ran.err;
    EXPECT_NE(ran.err.find(sentence), std::string::npos) << ran.err;
  };
  fs::create_directory(folder_ / "empty");
  const std::string venv = make_venv().string(), empty = (folder_ / "empty").string();
  fails({"start", "--", "no-such-program"}, 1, "There is no program no-such-program in PATH");
  fails({"start", "--", "./no-such-program"}, 1, "is not there");
  fails({"start", "--venv", "/no/such", "--", "-m", "x"}, 2, "--venv");
  fails({"start", "--venv", empty, "--", "-m", "x"}, 2, "is no virtual environment");
  fails({"start", "--venv", venv, "--", "no_such.py"}, 1, "The script");
  fails({"start", "--cwd", "/no/such", "--", "sleep", "1"}, 2, "--cwd");
  fails({"start", "--log", "/no/such/a.log", "--", "sleep", "1"}, 2, "--log");
  fails({"start"}, 2, "No program is named");
  fails({"start", "sleep", "1"}, 2, "Put -- before the program");
  fails({"start", "--env", "hunter2", "--", "sleep", "1"}, 2, "--env takes NAME=VALUE");
  fs::remove(folder_ / "venv" / "bin" / "python");
  fs::create_symlink("/no/such/python", folder_ / "venv" / "bin" / "python");
  fails({"start", "--venv", venv, "--", "-m", "x"}, 1, "is gone");
  fails({"stop", "never"}, 3, "never");
  EXPECT_EQ(ask("SELECT count(*) FROM service"), "0\n");
}

TEST_F(ServiceTest, RefusesANameThatItCouldNotShowOrFindAgain) {
  const Family family;  // a service of a name that is not kept as it is would be left
  for (const char* name : {"", "we\xffird", "a\nb", "a\x1b[31m", "a\u202eb", "a\u0085b", "a/b", "a#b", ".a"}) {
    const Ran ran = act({"start", "--name", name, "--", "sleep", family.word()});
    EXPECT_EQ(ran.exit_code, 2) << name << ran.err;
    EXPECT_NE(ran.err.find("is no name for a service"), std::string::npos) << ran.err;
  }
  EXPECT_FALSE(fs::exists(db()));
  started({"start", "--name", "grün & 5 €", "--", "sleep", "600"});
  EXPECT_EQ(act({"stop", "grün & 5 €"}).exit_code, 0);
}

TEST_F(ServiceTest, RunsOnceUnderOneNameAndIsNotFoundTwice) {
  started({"start", "--name", "one", "--", "sleep", "600"});
  const Ran second = act({"start", "--name", "one", "--", "sleep", "600"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_NE(second.err.find("runs already"), std::string::npos) << second.err;
  EXPECT_EQ(members().size(), 1U);
  EXPECT_EQ(act({"stop", "one"}).exit_code, 0);
  EXPECT_EQ(act({"stop", "one"}).exit_code, 3);
  started({"start", "--name", "one", "--", "sleep", "600"});
}

TEST_F(ServiceTest, ShowsWhoDiedWithoutAWitnessAsEnded) {
  const Json row = started({"start", "--name", "gone", "--", "sleep", "600"});
  const auto pid = static_cast<pid_t>(row["pid"].get<std::int64_t>());
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(wait_until([&] { return act({"services", "-q"}).out == "[]\n"; }));
  const Json all = Json::parse(act({"services", "--all", "-q"}).out);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["state"], "ended");
  EXPECT_TRUE(all[0]["exit_code"].is_null());
}

TEST_F(ServiceTest, RunsWithinItsLimitsApartFromWhoStartedIt) {
  const Json row = started({"start", "--name", "limited", "--max-memory", "512MiB", "--max-open-files", "77",
                            "--max-processes", "5000", "--cwd", "/", "--", "sleep", "600"});
  const fs::path process = "/proc/" + std::to_string(row["pid"].get<std::int64_t>());
  const std::string limits = text_of(process / "limits");
  const auto limit = [&](const std::string& name) {
    std::istringstream line(limits.substr(limits.find(name) + name.size()));
    std::string soft, hard;
    line >> soft >> hard;
    return soft + " " + hard;
  };
  EXPECT_EQ(limit("Max address space"), "536870912 536870912");
  EXPECT_EQ(limit("Max open files"), "77 77");
  EXPECT_EQ(limit("Max processes"), "5000 5000");
  EXPECT_EQ(fs::read_symlink(process / "cwd"), "/");
  EXPECT_EQ(fs::read_symlink(process / "fd/0"), "/dev/null");
  EXPECT_EQ(fs::read_symlink(process / "fd/2"), folder_ / "logs" / "limited.log");
  EXPECT_EQ(listing(process / "fd"), "0 1 2");
  const auto pid = static_cast<pid_t>(row["pid"].get<std::int64_t>());
  EXPECT_EQ(::getsid(pid), pid);
}

TEST_F(ServiceTest, HasTheLimitOfOpenFilesThatGalprocWasStartedWith) {
  Options options;
  options.before_exec = [] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;  // galproc raises its own
    ::setrlimit(RLIMIT_NOFILE, &limit);
  };
  const Ran ran = galproc({"start", "--db", db().string(), "--json", "--name", "few", "--", "sleep", "600"}, options);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const auto pid = static_cast<pid_t>(Json::parse(ran.out)[0]["pid"].get<std::int64_t>());
  rlimit limit{};
  ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, 64U);
}

TEST_F(ServiceTest, HoldsRootToItsLimitOfProcessesOrSaysThatItDoesNot) {
  if (!is_root()) GTEST_SKIP() << "the system itself holds others to it";
  const Ran ran = act({"start", "--name", "few", "--max-processes", "1", "--", "sh", "-c",
                       "sleep 600 & sleep 600 & echo both; while :; do sleep 600; done"});
  const bool is_warned = ran.err.find("--max-processes does not hold few") != std::string::npos;
  const bool has_both = text_of(folder_ / "logs" / "few.log").find("both") != std::string::npos;
  EXPECT_EQ(is_warned, has_both) << ran.err;
}

TEST_F(ServiceTest, StoresNoValueOfItsEnvironmentAnywhere) {
  // A recorder that looks all the time must not see it either.
  Program recorder = record({"--interval", "10ms"});
  const Json row = started(
      {"start", "--name", "quiet", "--env", "PLAIN=zebra-crossing", "--env=OTHER=zebra-stripes", "--", "sleep", "600"});
  const std::string environment = text_of("/proc/" + std::to_string(row["pid"].get<std::int64_t>()) + "/environ");
  EXPECT_NE(environment.find("PLAIN=zebra-crossing"), std::string::npos);
  EXPECT_NE(environment.find("OTHER=zebra-stripes"), std::string::npos);
  settle();
  EXPECT_EQ(recorder.stop(), 0);
  for (const char* ending : {"", "-wal"}) {
    EXPECT_EQ(text_of(db().string() + ending).find("zebra"), std::string::npos) << ending;
  }
  EXPECT_NE(ask("SELECT command_line FROM actions").find("PLAIN=[redacted]"), std::string::npos);
}

TEST_F(ServiceTest, EndsWhatForkedAwayFromItToo) {
  started({"start", "--name", "double", "--", "sh", "-c", "setsid sleep 600 & exec sleep 600"});
  EXPECT_TRUE(wait_until([&] { return members().size() == 2; }));
  const Ran stopped = act({"stop", "double"});
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  EXPECT_TRUE(members().empty());
}

TEST_F(ServiceTest, ThatForksAllTheTimeIsStoppedWithARowForEachOfItsProcesses) {
  const fs::path born = folder_ / "born", script = folder_ / "forker.py";
  // At most 5000 children, whose numbers are written down.
  std::ofstream(script) << "import os,signal,sys,time\n"
                           "signal.signal(signal.SIGTERM,signal.SIG_IGN)\n"
                           "born=open(sys.argv[1],'w',buffering=1)\n"
                           "for i in range(5000):\n"
                           "  pid=os.fork()\n"
                           "  if pid==0:\n"
                           "    while True: time.sleep(600)\n"
                           "  print(pid,file=born)\n"
                           "  time.sleep(0.002)\n"
                           "time.sleep(600)\n";
  started({"start", "--name", "forker", "--", "/usr/bin/python3", script.string(), born.string()});
  ASSERT_TRUE(wait_until([&] { return members().size() > 20; }));
  const Ran stopped = act({"stop", "forker", "--grace", "20ms"});
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  EXPECT_TRUE(members().empty());
  std::istringstream logged(ask("SELECT DISTINCT target_pid FROM termination_attempts"));
  const std::set<int> rows{std::istream_iterator<int>(logged), {}};
  std::ifstream file(born);
  const std::vector<int> all{std::istream_iterator<int>(file), {}};
  EXPECT_GT(all.size(), 20U);
  for (const int pid : all) EXPECT_TRUE(rows.contains(pid)) << pid << " was ended without a row";
  EXPECT_EQ(ask("SELECT count(*) FROM termination_attempts WHERE outcome IS NULL"), "0\n");
}

TEST_F(ServiceTest, OutlivesTheServiceThatStartedIt) {
  const fs::path done = folder_ / "done";
  started({"start", "--name", "outer", "--", "sh", "-c",
           fmt::format("{} start --db {} --name inner -- sleep 600 >{} 2>&1; touch {}; sleep 600; :", galproc_binary(),
                       db().string(), (folder_ / "start.out").string(), done.string())});
  ASSERT_TRUE(wait_until([&] { return fs::exists(done); }));
  ASSERT_TRUE(wait_until([&] { return members().size() == 3; })) << text_of(folder_ / "start.out");
  const Ran stopped = act({"stop", "outer"});
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  EXPECT_EQ(members().size(), 1U);
  EXPECT_EQ(Json::parse(act({"services", "-q"}).out)[0]["service"], "inner");
  EXPECT_EQ(act({"stop", "inner"}).exit_code, 0);
  EXPECT_TRUE(members().empty());
}

TEST_F(ServiceTest, NamesTheServiceThatDoesNotListenInTimeAndLetsItRun) {
  const Ran ran = act({"start", "--name", "mute", "--wait-port", std::to_string(free_port()), "--wait-for", "300ms",
                       "--", "sleep", "600"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.err.find("mute"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("keeps running"), std::string::npos) << ran.err;
  EXPECT_EQ(members().size(), 1U);
}

TEST_F(ServiceTest, LeavesWhatIsBehindTheDashesToTheProgram) {
  const fs::path seen = folder_ / "seen";
  started({"start", "--name", "words", "--", "sh", "-c", "printf '%s,' \"$@\" > " + seen.string() + "; exec sleep 600",
           "sh", "--name", "x", "--", "--json", "-q"});
  EXPECT_EQ(text_of(seen), "--name,x,--,--json,-q,");
}

}  // namespace
}  // namespace galproc
