// The command line itself: what is refused, with which code and sentence, and what help and version print.

#include "support/program.h"

namespace galproc {
namespace {

class ProgramCli : public ProgramTest {
 protected:
  /// Words that are a mistake: exit 2, nothing on stdout, one sentence on stderr that holds all of `parts`.
  void expect_usage_error(const Words& words, const std::vector<std::string>& parts) const {
    SCOPED_TRACE(fmt::format("galproc {}", fmt::join(words, " ")));
    const std::string names = listing(folder_.path());
    const Ran ran = galproc(words, {{"GALPROC_DB=" + db().string()}, {}});
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    EXPECT_EQ(ran.out, "");
    const std::string sentence = last_line(ran.err);
    EXPECT_TRUE(sentence.starts_with("galproc: ")) << ran.err;
    for (const std::string& part : parts)
      EXPECT_NE(sentence.find(part), std::string::npos) << part << " is not in\n" << ran.err;
    EXPECT_EQ(listing(folder_.path()), names) << "something was made all the same";
  }
  static std::string last_line(std::string text) {
    if (!text.empty() && text.back() == '\n') text.pop_back();
    return text.substr(text.rfind('\n') + 1);
  }
};

TEST_F(ProgramCli, NamesTheMistakeAndWhatWasMeant) {
  expect_usage_error({}, {"verb", "--help"});
  expect_usage_error({"recrod"}, {"recrod", "Did you mean record?"});
  expect_usage_error({"dance"}, {"dance", "--help"});
  expect_usage_error({"--hepl"}, {"--hepl", "Did you mean --help?"});
  expect_usage_error({"record", "--intervall", "5s"}, {"--intervall", "Did you mean --interval?"});
  expect_usage_error({"record", "--intervall=5s"}, {"--intervall", "Did you mean --interval?"});
  expect_usage_error({"record", "now"}, {"now", "record"});
  expect_usage_error({"query", "trees"}, {"trees", "Did you mean tree?"});
  expect_usage_error({"query", "dance"}, {"dance", "galproc query"});
  expect_usage_error({"query", "tree", "--pidd", "1"}, {"--pidd", "Did you mean --pid?"});
  expect_usage_error({"query", "tree", "port"}, {"port"});
  expect_usage_error({"record", "\x1b[31m"}, {"\\x1b[31m"});
}

TEST_F(ProgramCli, RefusesBadValuesByTheNameOfTheirFlag) {
  for (const char* bad : {"5ms", "2h", "0s", "5", "five", "-5s", "1.5s", "5S", "", "99999999999999h"}) {
    expect_usage_error({"record", "--samples", "1", "--interval", bad}, {"--interval"});
  }
  expect_usage_error({"record", "--duration", "soon"}, {"--duration", "soon"});
  for (const char* bad : {"0", "-1", "x", "1.5", "99999999999999999999"})
    expect_usage_error({"record", "--samples", bad}, {"--samples"});
  expect_usage_error({"record", "--event-source", "magic"}, {"--event-source", "magic"});
  expect_usage_error({"record", "--process-source", "magic"}, {"--process-source", "magic"});
  expect_usage_error({"query", "--format", "xml"}, {"--format", "xml", "json"});
  expect_usage_error({"query", "--color", "sometimes"}, {"--color", "sometimes"});
  expect_usage_error({"query", "tree", "--limit", "0"}, {"--limit"});
  expect_usage_error({"query", "tree", "--limit", "many"}, {"--limit", "many"});
  expect_usage_error({"record", "--interval"}, {"--interval"});
  expect_usage_error({"query", "--format"}, {"--format"});
}

TEST_F(ProgramCli, RefusesTimesAndParametersThatMakeNoSense) {
  snapshot();
  expect_usage_error({"query", "tree", "--at", "garbage"}, {"--at", "garbage", "yesterday 03:12"});
  expect_usage_error({"query", "tree", "--at", "2026-02-30"}, {"--at", "2026-02-30"});
  expect_usage_error({"query", "tree", "--at", ""}, {"--at"});
  expect_usage_error({"query", "top", "--since", "now", "--until", "-2h"}, {"--until", "before", "--since"});
  expect_usage_error({"query", "gaps", "--since", "later"}, {"--since", "later"});
  expect_usage_error({"query", "tree", "--port", "80"}, {"tree", "--port", "--pid"});
  expect_usage_error({"query", "port-holder"}, {"port-holder", "--port"});
  expect_usage_error({"query", "port-holder", "--port", "http"}, {"--port", "http"});
  expect_usage_error({"query", "process"}, {"process", "--pid", "--upid"});
  expect_usage_error({"query", "top", "--by", "beauty"}, {"--by", "beauty", "cpu", "memory"});
  expect_usage_error({"query", "history", "--pid", "1", "--every", "often"}, {"--every", "often"});
}

TEST_F(ProgramCli, FindsMistakesWithoutADatabaseToo) {
  expect_usage_error({"query", "tree", "--at", "garbage"}, {"--at", "garbage"});
  expect_usage_error({"query", "port-holder"}, {"port-holder", "--port"});
  expect_usage_error({"query", "tree", "--port", "80"}, {"tree", "--port"});
}

TEST_F(ProgramCli, TakesValuesThatBeginWithAHyphenAndCommonFlagsOnBothSides) {
  snapshot();
  for (const Words& words : {Words{"query", "tree", "--at", "-2h", "--json", "--db", db().string()},
                             Words{"--db", db().string(), "--json", "query", "tree", "--at=-2h"},
                             Words{"--json", "query", "--db", db().string(), "--at", "2h ago", "tree"}}) {
    SCOPED_TRACE(fmt::format("galproc {}", fmt::join(words, " ")));
    const Ran ran = galproc(words);
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.out, "[]\n");
    EXPECT_NE(ran.err.find("What is recorded begins at"), std::string::npos) << ran.err;
  }
}

TEST_F(ProgramCli, HelpOpensWithExamplesAndGoesToStdout) {
  for (const Words& words :
       {Words{"--help"}, Words{"-h"}, Words{"record", "--help"}, Words{"record", "-h"}, Words{"query", "--help"},
        Words{"query", "-h"}, Words{"query", "tree", "--help"}, Words{"query", "port-holder", "-h"}}) {
    SCOPED_TRACE(fmt::format("galproc {}", fmt::join(words, " ")));
    const Ran ran = galproc(words);
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.err, "");
    const std::size_t examples = ran.out.find("Examples:\n  galproc ");
    ASSERT_NE(examples, std::string::npos) << ran.out;
    EXPECT_LT(std::count(ran.out.begin(), ran.out.begin() + static_cast<std::ptrdiff_t>(examples), '\n'), 4) << ran.out;
  }
  const Ran record = galproc({"record", "--help"});
  for (const char* flag :
       {"--interval", "--duration", "--samples", "--process-source", "--event-source", "--no-redact"}) {
    EXPECT_NE(record.out.find(flag), std::string::npos) << flag;
  }
}

TEST_F(ProgramCli, VersionTellsThatOfTheProgramOfSqliteAndOfTheSchema) {
  const Ran ran = galproc({"--version"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.err, "");
  snapshot();
  const std::string schema = ask("PRAGMA user_version");
  EXPECT_EQ(ran.out, fmt::format("galproc {}SQLite {}\nschema {}", ask("SELECT version FROM recordings"),
                                 SQLite::getLibVersion(), schema));
}

TEST_F(ProgramCli, TheFilesAndTheRangeAreNamedOnStderrUnlessItIsToBeQuiet) {
  snapshot();
  const Ran talks = galproc({"query", "gaps", "--db", db().string(), "--since", "@1000", "--until", "@2000.5"});
  EXPECT_EQ(talks.exit_code, 0);
  EXPECT_NE(talks.err.find("Reading " + db().string()), std::string::npos) << talks.err;
  EXPECT_NE(talks.err.find("1970-01-01T00:16:40.000000Z"), std::string::npos) << talks.err;
  EXPECT_NE(talks.err.find("1970-01-01T00:33:20.500000Z"), std::string::npos) << talks.err;
  const Ran quiet = galproc({"query", "gaps", "--db", db().string(), "-q"});
  EXPECT_EQ(quiet.exit_code, 0);
  EXPECT_EQ(quiet.err, "");
  EXPECT_NE(quiet.out, "");
  const Ran failed =
      galproc({"query", "gaps", "--db", (folder_ / "other.db").string(), "-q"});  // an error is never silent
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_NE(failed.err.find("other.db"), std::string::npos) << failed.err;
}

TEST_F(ProgramCli, AReaderThatGoesAwayIsNoErrorAndAFullDiskIs) {
  snapshot();
  const std::string many =
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) SELECT i FROM n";
  const Ran piped = run({"/bin/sh", "-c", "\"$0\" query --db \"$1\" -q --format csv --run \"$2\" | head -1",
                         galproc_binary(), db().string(), many});
  EXPECT_EQ(piped.exit_code, 0);
  EXPECT_EQ(piped.out, "i\n");
  EXPECT_EQ(piped.err, "");
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const Ran full = run(
      {"/bin/sh", "-c", "\"$0\" query --db \"$1\" -q --run \"$2\" > /dev/full", galproc_binary(), db().string(), many});
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_NE(full.err, "");
}

}  // namespace
}  // namespace galproc
