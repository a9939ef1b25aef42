// Completion, in the real shells: a person types at a terminal and presses the tabulator key.

#include <sstream>

#include "support/program.h"
#include "support/terminal.h"

namespace galproc {
namespace {

struct Shell {
  const char* name;
  std::vector<std::string> words;
  const char* load;  ///< so that it completes galproc
  friend void PrintTo(const Shell& shell, std::ostream* out) { *out << shell.name; }
};

const Shell kShells[] = {
    {"bash", {"/bin/bash", "--norc", "--noprofile", "-i"}, "source <(galproc completion bash)"},
    {"zsh", {"/bin/zsh", "-f", "-i"}, "autoload -Uz compinit && compinit -u -D && source <(galproc completion zsh)"},
    {"fish", {"/usr/bin/fish", "--no-config", "--interactive"}, "galproc completion fish | source"},
};

class ProgramCompletion : public ProgramTest {
 protected:
  /// What could stand in the place of the last word, without what it is for.
  std::string next(const Words& words) const {
    Words all = {"completion", "next", "--"};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ran = galproc(all);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    std::istringstream lines(ran.out);
    std::string offered;
    for (std::string line; std::getline(lines, line);) offered += line.substr(0, line.find('\t')) + " ";
    return offered;
  }
};

TEST_F(ProgramCompletion, OffersWhatMayStandThere) {
  EXPECT_NE(next({""}).find("record query db kill"), std::string::npos) << next({""});
  EXPECT_EQ(next({"query", "port"}), "port-history port-holder ports ");
  EXPECT_EQ(next({"query", "top", "--by", ""}), "cpu memory io ");
  EXPECT_EQ(next({"query", "--by", "m"}), "memory ");
  EXPECT_EQ(next({"query", "port-holder", "--p"}), "--port ");
  EXPECT_EQ(next({"query", "--at", "tree", "tre"}), "tree ");
  EXPECT_EQ(next({"--db", "x", "query", "uns"}), "");
  EXPECT_EQ(next({"db", "ver"}), "verify ");
  EXPECT_EQ(next({"kill", "--gra"}), "--grace ");
  EXPECT_EQ(next({"--format=json"}), "--format=json --format=jsonl ");
  EXPECT_EQ(next({"--format", "=", "jsonl"}), "jsonl ");  // as bash parts it
  EXPECT_EQ(next({"--config", ""}), ":files ");
  EXPECT_EQ(next({"query", "venv", "--path", ""}), ":folders ");
  EXPECT_EQ(next({"start", "--", "--db", "--fo"}), ":files ");
  EXPECT_EQ(next({"completion", ""}), "bash zsh fish ");
}

TEST_F(ProgramCompletion, OfAnUnknownShellIsAUsageError) {
  EXPECT_EQ(galproc({"completion", "tcsh"}).exit_code, 2);
  EXPECT_NE(galproc({"completion", "tcsh"}).err.find("bash, zsh or fish"), std::string::npos);
  EXPECT_EQ(galproc({"completion"}).exit_code, 2);
}

class InShell : public ProgramCompletion, public testing::WithParamInterface<Shell> {};

TEST_P(InShell, TheTabulatorKeyFindsVerbsQuestionsFlagsAndValues) {
  const Shell& shell = GetParam();
  if (::access(shell.words.front().c_str(), X_OK) != 0) GTEST_SKIP() << shell.words.front() << " is not installed";
  fs::create_directories(folder_ / "bin");
  fs::create_symlink(galproc_binary(), folder_ / "bin" / "galproc");
  Terminal terminal;
  Options options;
  options.environment = {"PATH=" + (folder_ / "bin").string() + ":/usr/bin:/bin", "TERM=xterm",
                         "HOME=" + folder_.path().string()};
  options.before_exec = [&] { terminal.take({STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}); };
  Program running = start(shell.words, options);
  const auto shows = [&](const std::string& text) { return wait_until([&] { return terminal.shows(text); }); };
  terminal.type(std::string(shell.load) + "; echo loa''ded\n");
  ASSERT_TRUE(shows("loaded")) << terminal.shown();
  // Only the whole words have these answers.
  terminal.type("galproc comp\tfish\n");
  EXPECT_TRUE(shows("# galproc completion fish")) << terminal.shown();
  terminal.type("galproc query port-hi\t--sql\n");
  EXPECT_TRUE(shows("WHERE b.port = :port")) << terminal.shown();
  terminal.type("galproc query storage --sq\t\n");
  EXPECT_TRUE(shows("AS oldest_at,")) << terminal.shown();
  terminal.type("galproc query top --by mem\t--limit none\n");
  EXPECT_TRUE(shows("--limit: 'none' is not")) << terminal.shown();
}

INSTANTIATE_TEST_SUITE_P(Shells, InShell, testing::ValuesIn(kShells),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace galproc
