// What kill asks a person at a terminal, and what comes of each answer.

#include "support/family.h"
#include "support/terminal.h"

namespace galproc {
namespace {

class ProgramPrompt : public ProgramTest {
 protected:
  ProgramPrompt() {
    Options options;
    options.before_exec = [] { ::setpgid(0, 0); };
    top_ = std::make_unique<Program>(start({"/bin/sh", "-c", "sleep $1; :", "sh", family_.word()}, options));
    EXPECT_TRUE(family_.grows_to(2));
  }
  /// A kill of the two with these streams at the terminal, and the others as a script has them.
  Program kill(const Words& more = {}, const std::vector<int>& streams = {STDIN_FILENO, STDERR_FILENO}) {
    Words words = {galproc_binary(), "kill", "--db", db().string(), std::to_string(top_->pid()), "--tree"};
    words.insert(words.end(), more.begin(), more.end());
    Options options;
    options.before_exec = [this, streams] { terminal_.take(streams); };
    return start(words, options);
  }
  bool is_asked() {
    return wait_until([&] { return terminal_.shows("[y/N] "); });
  }
  /// It asked, got this answer, and did nothing.
  void expect_nothing_done(const std::string& typed, int exit_code = 130) {
    Program killing = kill();
    ASSERT_TRUE(is_asked()) << terminal_.shown();
    terminal_.type(typed);
    EXPECT_EQ(killing.wait(), exit_code);
    EXPECT_TRUE(terminal_.shows("\r\ngalproc: Nothing was done.\r\n")) << terminal_.shown();
    EXPECT_EQ(killing.out(), "");
    EXPECT_EQ(family_.members().size(), 2U);
    EXPECT_EQ(ask("SELECT count(*) FROM actions"), "0\n");
  }

  Family family_;
  std::unique_ptr<Program> top_;
  Terminal terminal_;
};

TEST_F(ProgramPrompt, NamesAllOfThemAndEndsThemWhenTheAnswerIsYes) {
  Program killing = kill({"--json"});
  ASSERT_TRUE(is_asked()) << terminal_.shown();
  EXPECT_TRUE(terminal_.shows("End these 2 processes? [y/N] ")) << terminal_.shown();
  for (const pid_t pid : family_.members()) EXPECT_TRUE(terminal_.shows(fmt::format("  {} ", pid)));
  EXPECT_EQ(killing.out(), "") << "data waits for the answer";
  EXPECT_EQ(family_.members().size(), 2U);
  terminal_.type("y\n");
  EXPECT_EQ(killing.wait(), 0) << terminal_.shown();
  EXPECT_TRUE(family_.members().empty());
  EXPECT_EQ(Json::parse(killing.out()).size(), 2U) << killing.out();
  EXPECT_TRUE(terminal_.shows("2 ended, 0 left.")) << terminal_.shown();
}

TEST_F(ProgramPrompt, TakesTheWholeWordToo) {
  Program killing = kill();
  ASSERT_TRUE(is_asked()) << terminal_.shown();
  terminal_.type("yes\n");
  EXPECT_EQ(killing.wait(), 0) << terminal_.shown();
  EXPECT_TRUE(family_.members().empty());
}

TEST_F(ProgramPrompt, DeclinedDoesNothing) {
  expect_nothing_done("n\n");
}

TEST_F(ProgramPrompt, TakesAnythingButYesForNo) {
  expect_nothing_done("yellow\n");
}

TEST_F(ProgramPrompt, TakesEnterAloneForNo) {
  expect_nothing_done("\n");
}

TEST_F(ProgramPrompt, TakesTheEndOfTheInputForNo) {
  expect_nothing_done("\x04");
}

TEST_F(ProgramPrompt, TakesAnUnfinishedYesForNo) {
  expect_nothing_done("y\x04\x04");  // the first hands over what stands there, the second ends the input
}

TEST_F(ProgramPrompt, IsLeftByCtrlC) {
  expect_nothing_done("\x03", 128 + SIGINT);
}

TEST_F(ProgramPrompt, IsLeftByARequestToEnd) {
  Program killing = kill();
  ASSERT_TRUE(is_asked()) << terminal_.shown();
  EXPECT_EQ(killing.stop(SIGTERM), 128 + SIGTERM);
  EXPECT_TRUE(terminal_.shows("Nothing was done.")) << terminal_.shown();
  EXPECT_EQ(family_.members().size(), 2U);
}

TEST_F(ProgramPrompt, IsNotShownWhereYesWasSaidAlready) {
  Program killing = kill({"--yes"});
  EXPECT_EQ(killing.wait(), 0) << terminal_.shown();
  EXPECT_FALSE(terminal_.shows("[y/N]")) << terminal_.shown();
  EXPECT_TRUE(family_.members().empty());
}

TEST_F(ProgramPrompt, IsNotShownForOneProcess) {
  Program sleeper = start({"/bin/sleep", "60"});
  Options options;
  options.before_exec = [this] { terminal_.take({STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}); };
  Program killing = start({galproc_binary(), "kill", "--db", db().string(), std::to_string(sleeper.pid())}, options);
  EXPECT_EQ(killing.wait(), 0) << terminal_.shown();
  EXPECT_FALSE(terminal_.shows("[y/N]")) << terminal_.shown();
  EXPECT_EQ(sleeper.wait(), 128 + SIGTERM);
}

TEST_F(ProgramPrompt, IsNotShownForADryRun) {
  Program killing = kill({"--dry-run"});
  EXPECT_EQ(killing.wait(), 0) << terminal_.shown();
  EXPECT_FALSE(terminal_.shows("[y/N]")) << terminal_.shown();
  EXPECT_EQ(family_.members().size(), 2U);
}

TEST_F(ProgramPrompt, IsNotShownWhereNobodyCouldReadIt) {
  Program killing = kill({}, {STDIN_FILENO, STDOUT_FILENO});
  EXPECT_EQ(killing.wait(), 0) << killing.err();
  EXPECT_EQ(killing.err().find("[y/N]"), std::string::npos) << killing.err();
  EXPECT_TRUE(family_.members().empty());
}

TEST_F(ProgramPrompt, IsNotShownWhereNobodyCouldAnswer) {
  Program killing = kill({}, {STDOUT_FILENO, STDERR_FILENO});
  EXPECT_EQ(killing.wait(), 0) << terminal_.shown();
  EXPECT_FALSE(terminal_.shows("[y/N]")) << terminal_.shown();
  EXPECT_TRUE(family_.members().empty());
}

}  // namespace
}  // namespace galproc
