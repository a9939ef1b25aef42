// `galproc db` as a user meets it, beside a recorder that runs.

#include "store/action_log.h"
#include "support/action_fixture.h"
#include "support/program.h"

namespace galproc {
namespace {

class ProgramDb : public ProgramTest {
 protected:
  void log_kills(int count) const {
    ActionLog log(db(), redactor_);
    for (int i = 0; i < count; ++i) log_kill(log);
  }
  Ran verify(Words words = {}) const {
    words.insert(words.begin(), {"db", "verify", "--db", db().string()});
    return galproc(words);
  }
  Redactor redactor_;
};

TEST_F(ProgramDb, VerifyPrintsLengthAndHeadBesideARecorder) {
  Program recorder = record({"--interval", "10ms"});
  log_kills(50);
  settle();
  log_kills(50);
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  const Ran json = verify({"--json", "-q"});
  EXPECT_EQ(json.exit_code, 0) << json.err;
  EXPECT_EQ(json.err, "");
  const Json row = Json::parse(json.out, nullptr, false).at(0);
  const std::string head = ask("SELECT hash FROM ledger ORDER BY seq DESC LIMIT 1").substr(0, 64);
  EXPECT_EQ(row,
            Json({{"length", 400}, {"head", head}, {"holds", 1}, {"first_bad_seq", nullptr}, {"problem", nullptr}}));
  const Ran table = verify();
  EXPECT_EQ(table.exit_code, 0);
  EXPECT_NE(table.out.find("length"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find(head), std::string::npos) << table.out;
  EXPECT_EQ(verify({"--head", head}).exit_code, 0);
}

TEST_F(ProgramDb, VerifyOfAChainThatDoesNotHoldPrintsTheFirstBadRowAndFails) {
  log_kills(2);
  SQLite::Database(db().string(), SQLite::OPEN_READWRITE)
      .exec("DROP TRIGGER attempt_outcome_is_not_changed; UPDATE attempt_outcome SET outcome = 'exited'");
  const std::string problem =
      "The row 1 of attempt_outcome does not fit its hash in row 3 of the ledger: one of both was changed after it was "
      "logged.";
  const Ran json = verify({"--json", "-q"});
  EXPECT_EQ(json.exit_code, 1);
  EXPECT_EQ(json.err, "galproc: The ledger of " + db().string() + " does not hold. " + problem + "\n");
  const Json row = Json::parse(json.out, nullptr, false).at(0);
  EXPECT_EQ(row.at("length"), 2);
  EXPECT_EQ(row.at("holds"), 0);
  EXPECT_EQ(row.at("first_bad_seq"), 3);
  EXPECT_EQ(row.at("problem"), problem);
  const Ran table = verify();
  EXPECT_EQ(table.exit_code, 1);
  EXPECT_NE(table.out.find(problem), std::string::npos) << table.out;
}

TEST_F(ProgramDb, VerifyHoldsAHeadThatWasNotedAgainstTheChain) {
  log_kills(1);
  const std::string unknown(64, '0');
  const Ran ran = verify({"--head", unknown});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.err.find("The hash " + unknown + " is not in the ledger"), std::string::npos) << ran.err;
  const Ran bad = verify({"--head", "12"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_NE(bad.err.find("64 hex digits"), std::string::npos) << bad.err;
}

TEST_F(ProgramDb, PathIsThatOfTheFileThatQuestionsAreAskedOf) {
  const Ran plain = galproc({"db", "path", "-q", "--db", db().string()});
  EXPECT_EQ(plain.exit_code, 0);
  EXPECT_EQ(plain.out, db().string() + "\n");
  EXPECT_EQ(plain.err, "");
  const Ran named = galproc({"db", "path", "--json"}, {{"GALPROC_DB=" + db().string()}, {}});
  EXPECT_EQ(Json::parse(named.out, nullptr, false), Json::array({{{"path", db().string()}}}));
  EXPECT_FALSE(fs::exists(db()));
}

TEST_F(ProgramDb, WithoutAKnownPartIsAUsageErrorThatListsThem) {
  for (const Words& words : {Words{"db"}, Words{"db", "dance"}}) {
    const Ran ran = galproc(words);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find("verify"), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find("path"), std::string::npos) << ran.err;
  }
  EXPECT_NE(galproc({"db", "verfy"}).err.find("Did you mean verify?"), std::string::npos);
  EXPECT_NE(galproc({"db", "verify", "--hed", "1"}).err.find("Did you mean --head?"), std::string::npos);
  for (const Words& words : {Words{"db", "-h"}, Words{"db", "verify", "--help"}, Words{"db", "path", "--help"}}) {
    const Ran help = galproc(words);
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_LT(help.out.find("Examples:"), help.out.find("Usage:")) << help.out;
  }
}

}  // namespace
}  // namespace galproc
