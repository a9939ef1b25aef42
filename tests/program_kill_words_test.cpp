// What a kill says of those that it does not find or may not end, before and instead of doing anything.

#include "support/family.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramKillWords : public ProgramTest {
 protected:
  ~ProgramKillWords() override {
    if (bound_ >= 0) ::close(bound_);
  }
  Ran kill(Words words) const {
    words.insert(words.begin(), {"kill", "--db", db().string()});
    return galproc(words);
  }
  static bool has_ended(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    return std::getline(stat, text) && text.find(") Z") != std::string::npos;
  }
  /// A port on which nobody listens and nobody will: it is bound.
  int silent_port() {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bound_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(bound_, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    return port_of(bound_);
  }

 private:
  int bound_ = -1;
};

TEST_F(ProgramKillWords, ThatFindsNobodySaysByWhatItLooked) {
  const Words pid = {std::to_string(::getpid())};
  const std::string port = std::to_string(silent_port());
  const std::vector<std::pair<Words, std::string>> cases = {
      {{"--name", "no such"}, "No process is called no such."},
      {{"--name", "a a", "--name", "b b", "--name", "c c"}, "No process is called a a, b b or c c."},
      {{"--port", port}, fmt::format("Nobody listens on TCP port {0} or has UDP port {0} bound.", port)},
      {{"--port", port, pid[0]}, fmt::format("No process matches PID {} and --port {} together.", pid[0], port)},
      {{"--service", "none"}, "No service none was ever started; see `galproc services --all`."},
  };
  for (const auto& [words, sentence] : cases) {
    const Ran ran = kill(words);
    EXPECT_EQ(ran.exit_code, 3) << ran.err;
    EXPECT_NE(ran.err.find(sentence), std::string::npos) << ran.err;
    Words trial = words;
    trial.push_back("--dry-run");
    const Ran dry = kill(trial);
    EXPECT_EQ(dry.exit_code, 3) << dry.err;
    EXPECT_NE(dry.err.find(sentence), std::string::npos) << dry.err;
  }
  EXPECT_EQ(galproc({"stop", "none", "--db", db().string()}).exit_code, 3);
  EXPECT_EQ(ask("SELECT verb, outcome, exit_code, count(*) FROM actions GROUP BY verb"),
            "kill|not_found|3|5\nstop|not_found|3|1\n");
  EXPECT_EQ(ask("SELECT count(*) FROM termination_attempts"), "0\n");
}

TEST_F(ProgramKillWords, OfOneThatIsNotWaitedForYetSaysWhoseItIs) {
  Puppet parent;
  const pid_t child = parent.fork_child();
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_TRUE(wait_until([&] { return has_ended(child); }));
  const std::string pid = std::to_string(child);
  const std::string sentence = fmt::format(
      "Process {} has ended already; its parent {} ({}) has not waited"
      " for it yet.",
      child, parent.pid(), "program_kill_words_test");
  const Ran dry = kill({pid, "--tree", "--dry-run"});
  EXPECT_EQ(dry.exit_code, 0) << dry.err;
  EXPECT_NE(dry.err.find(sentence), std::string::npos) << dry.err;
  const Ran ran = kill({pid, "--tree"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find(sentence), std::string::npos) << ran.err;
  EXPECT_EQ(ask("SELECT method, signal, outcome FROM termination_attempts"), "polite|SIGTERM|already_gone\n");
  EXPECT_EQ(kill({pid, "--name", "nobody"}).exit_code, 3);
}

TEST_F(ProgramKillWords, TakesWordsBehindTwoDashesForPids) {
  Program sleeper = start({"/bin/sleep", "60"});
  const Ran wrong = kill({"--", "-5"});
  EXPECT_EQ(wrong.exit_code, 2) << wrong.err;
  EXPECT_NE(wrong.err.find("'-5' is not a PID, a positive number"), std::string::npos) << wrong.err;
  const Ran ran = kill({"--grace", "20s", "--", std::to_string(sleeper.pid())});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(sleeper.wait(), 128 + SIGTERM);
}

TEST_F(ProgramKillWords, OnTrialEndsAsTheRealOneWould) {
  Program sleeper = start({"/bin/sleep", "60"});
  const std::string pid = std::to_string(sleeper.pid());
  std::ofstream(folder_ / "text") << "no database at all, but a text of some length\n";
  {
    SQLite::Database((folder_ / "foreign").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
        .exec("CREATE TABLE t (x)");
  }
  for (const char* file : {"text", "foreign"}) {
    for (const Words& more : {Words{"--dry-run"}, Words{}}) {
      Words words = {"kill", "--db", (folder_ / file).string(), pid};
      words.insert(words.end(), more.begin(), more.end());
      const Ran ran = galproc(words);
      EXPECT_EQ(ran.exit_code, 5) << ran.err;
    }
  }
  EXPECT_EQ(kill({pid, "--dry-run"}).exit_code, 0);
  EXPECT_FALSE(fs::exists(db()));
  EXPECT_FALSE(sleeper.has_ended());
}

}  // namespace
}  // namespace galproc
