// A pager shows what is longer than the screen, and nowhere but at a terminal.

#include "support/program.h"
#include "support/terminal.h"

namespace galproc {
namespace {

class ProgramPager : public ProgramTest {
 protected:
  /// The list of questions at a terminal of so many rows, with these variables; whether each line went through a pager
  /// that marks it.
  std::string list(int rows, const Words& variables, const Words& more = {}) {
    Terminal terminal;
    terminal.resize(rows, 200);
    Options options;
    options.environment = variables;
    options.environment.push_back("TERM=xterm");
    options.before_exec = [&] { terminal.take({STDIN_FILENO, STDOUT_FILENO}); };
    Words words = {galproc_binary(), "query"};
    words.insert(words.end(), more.begin(), more.end());
    Program listing = start(words, options);
    EXPECT_EQ(listing.wait(), 0) << listing.err();
    EXPECT_EQ(listing.err(), "");
    return terminal.shown();
  }
};

constexpr const char* kMarking = "sed 's/^/=> /'";

TEST_F(ProgramPager, ShowsWhatIsLongerThanTheScreen) {
  const std::string shown = list(10, {std::string("PAGER=") + kMarking});
  EXPECT_NE(shown.find("=> ancestry"), std::string::npos) << shown;
  EXPECT_NE(shown.find("=> who-killed"), std::string::npos) << shown;
  const std::string json = list(10, {std::string("PAGER=") + kMarking}, {"--json"});
  EXPECT_NE(json.find("=> "), std::string::npos) << json;
}

TEST_F(ProgramPager, OfItsOwnNameCountsMore) {
  const std::string shown = list(10, {"PAGER=false", std::string("GALPROC_PAGER=") + kMarking});
  EXPECT_NE(shown.find("=> ancestry"), std::string::npos) << shown;
}

TEST_F(ProgramPager, IsNotAskedWhereEverythingFitsOrNobodyWantsOne) {
  for (const std::string& shown : {list(100, {std::string("PAGER=") + kMarking}),
                                   list(10, {std::string("PAGER=") + kMarking, "GALPROC_PAGER=cat"}),
                                   list(10, {"PAGER=cat"}), list(10, {"PAGER=/nonexistent/pager 2>/dev/null"})}) {
    EXPECT_NE(shown.find("ancestry"), std::string::npos) << shown;
    EXPECT_EQ(shown.find("=> "), std::string::npos) << shown;
  }
}

TEST_F(ProgramPager, ThatIsLeftEarlyIsNoFailure) {
  const std::string shown = list(10, {"PAGER=sed '1q'"});
  EXPECT_EQ(shown.find("who-killed"), std::string::npos) << shown;
}

TEST_F(ProgramPager, IsNeverAskedOffATerminal) {
  Options options;
  options.environment = {std::string("PAGER=") + kMarking, "TERM=xterm", "LINES=5"};
  const Ran ran = run({galproc_binary(), "query"}, options);
  EXPECT_NE(ran.out.find("ancestry"), std::string::npos);
  EXPECT_EQ(ran.out.find("=> "), std::string::npos) << ran.out;
}

}  // namespace
}  // namespace galproc
