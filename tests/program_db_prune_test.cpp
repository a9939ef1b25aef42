// `galproc db prune`, and what a recorder says to limits that make no sense.

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramDbPrune : public ProgramTest {
 protected:
  /// Recordings of some ticks; each begins with a keyframe.
  void record_some(int recordings) const {
    for (int i = 0; i < recordings; ++i) {
      Program recorder = record({"--interval", "20ms"});
      settle();
      EXPECT_EQ(recorder.stop(), 0) << recorder.err();
    }
  }
  Json prune(Words words) const {
    words.insert(words.begin(), {"db", "prune"});
    words.insert(words.end(), {"--db", db().string(), "--json", "-q"});
    const Ran ran = galproc(words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return Json::parse(ran.out, nullptr, false).at(0);
  }
};

TEST_F(ProgramDbPrune, DeletesTheOldestAndTheFileIsSound) {
  record_some(3);
  const std::string before = ask("SELECT count(*) FROM ticks");
  const Json would = prune({"--older", "1us", "--dry-run"});
  EXPECT_EQ(ask("SELECT count(*) FROM ticks"), before) << "nothing was done on trial";
  const Json did = prune({"--older", "1us"});
  EXPECT_EQ(did.at("ticks"), would.at("ticks"));
  EXPECT_GT(did.at("ticks").get<int>(), 0);
  EXPECT_EQ(
      ask("SELECT min(tick_id) = (SELECT min(tick_id) FROM ticks WHERE is_keyframe), min(recording_id) FROM tick"),
      "1|3\n");
  EXPECT_EQ(ask("SELECT kind, to_us = (SELECT min(at_us) FROM tick) FROM gaps WHERE kind = 'pruned'"), "pruned|1\n");
  EXPECT_EQ(ask("SELECT count(*) FROM recordings"), "3\n") << "that there was a recording is never forgotten";
  for (const char* verb : {"check", "verify"}) {
    const Ran ran = galproc({"db", verb, "--db", db().string()});
    EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  }
  EXPECT_EQ(prune({"--older", "1us"}).at("ticks"), 0) << "there is nothing more";
}

TEST_F(ProgramDbPrune, GoesOnBesideARecorderAndAReader) {
  record_some(2);
  Program recorder = record({"--interval", "20ms"});
  Puppet puppet;
  settle();
  SQLite::Database reader(db().string(), SQLite::OPEN_READONLY);
  reader.exec("BEGIN");
  reader.execAndGet("SELECT count(*) FROM tick");
  EXPECT_GT(prune({"--to-size", "0"}).at("ticks").get<int>(), 0);
  settle();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  reader.exec("COMMIT");
  EXPECT_EQ(ask("SELECT min(recording_id) FROM tick"), "3\n");
  EXPECT_EQ(ask(fmt::format("SELECT count(*) FROM processes WHERE pid = {}", puppet.pid())), "1\n");
  const Ran check = galproc({"db", "check", "--db", db().string()});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
}

TEST_F(ProgramDbPrune, KeepsWhomTheLogNames) {
  Program recorder = record({"--interval", "20ms"});
  Puppet victim, other;
  settle();
  EXPECT_EQ(galproc({"kill", std::to_string(victim.pid()), "--db", db().string(), "--yes"}).exit_code, 0);
  other.end();
  settle();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  record_some(1);
  prune({"--older", "1us"});
  EXPECT_EQ(ask(fmt::format("SELECT pid FROM processes WHERE pid IN ({}, {})", victim.pid(), other.pid())),
            fmt::format("{}\n", victim.pid()));
  EXPECT_EQ(ask("SELECT outcome FROM termination_attempts WHERE source = 'galproc'"), "exited\n");
}

// As from a timer: each run is over before there could be another look.
TEST_F(ProgramDbPrune, IsDoneByRunsOfASingleLookToo) {
  const auto record_once = [&](Words words) {
    words.insert(words.begin(), {"record", "-q", "--db", db().string(), "--interval", "20ms"});
    const Ran ran = galproc(words);
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  };
  record_once({"--duration", "1500ms"});
  record_once({"--duration", "1500ms"});
  record_once({"--samples", "1", "--retain", "1s"});
  EXPECT_EQ(ask("SELECT min(tick_id) > 1, (SELECT count(*) FROM prune) FROM tick"), "1|1\n");
}

TEST_F(ProgramDbPrune, MakesTheLogForgetWhatIsOlderAndSaysWhoAsked) {
  Program recorder = record({"--interval", "20ms"});
  Puppet first, second;
  const auto kill = [&](const Puppet& victim) {
    const Ran ran = galproc({"kill", std::to_string(victim.pid()), "--db", db().string(), "--yes"});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
  };
  kill(first);
  const Ran started = galproc({"start", "--name", "long", "--db", db().string(), "--json", "--", "sleep", "60"});
  ASSERT_EQ(started.exit_code, 0) << started.err;
  kill(second);

  EXPECT_EQ(prune({"--actions-before", "now", "--dry-run"}).at("actions"), 2);
  EXPECT_EQ(ask("SELECT count(*) FROM actions"), "3\n");
  const Json did = prune({"--actions-before", "now"});
  EXPECT_EQ(did.at("actions"), 2);
  EXPECT_EQ(did.at("attempts"), 2);
  EXPECT_EQ(ask("SELECT verb, actor_name FROM actions"), "start|galproc\nprune|galproc\n");
  EXPECT_EQ(ask("SELECT count(*) FROM termination_attempts WHERE source = 'galproc'"), "0\n");

  // Only who asks about what was done misses something.
  const auto said_of = [&](const std::string& question) {
    return galproc({"query", "--db", db().string(), question, "--since", "1h ago"}).err;
  };
  EXPECT_NE(said_of("attempts").find("The oldest of the action log was deleted"), std::string::npos);
  EXPECT_EQ(said_of("system").find("The oldest of the action log was deleted"), std::string::npos);

  const Ran verified = galproc({"db", "verify", "--db", db().string()});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
  EXPECT_NE(verified.err.find("which took 2)"), std::string::npos) << verified.err;
  const Ran stopped = galproc({"stop", "long", "--db", db().string()});
  EXPECT_EQ(stopped.exit_code, 0) << stopped.out << stopped.err;
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(ask("SELECT kind FROM gaps WHERE kind = 'pruned'"), "pruned\n");
  const Ran check = galproc({"db", "check", "--db", db().string()});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
  EXPECT_EQ(prune({"--actions-before", "now"}).at("actions"), 2) << "the service and its end";
  EXPECT_EQ(prune({"--actions-before", "now"}).at("actions"), 0) << "prunings stay";
}

TEST_F(ProgramDbPrune, KeepsTheLogWhereItsChainDoesNotHold) {
  record_some(1);
  Puppet victim;
  EXPECT_EQ(galproc({"kill", std::to_string(victim.pid()), "--db", db().string(), "--yes"}).exit_code, 0);
  SQLite::Database(db().string(), SQLite::OPEN_READWRITE)
      .exec("DROP TRIGGER action_is_not_changed; UPDATE action SET reason = 'none'");
  const Ran ran = galproc({"db", "prune", "--actions-before", "now", "--db", db().string()});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_NE(ran.err.find("does not hold, so nothing of it is deleted"), std::string::npos) << ran.err;
  EXPECT_EQ(ask("SELECT count(*) FROM action"), "1\n");
}

TEST_F(ProgramDbPrune, AsksForWhatIsMissingAndRefusesWhatMakesNoSense) {
  record_some(1);
  const auto said = [&](Words words) {
    words.insert(words.end(), {"--db", db().string()});
    const Ran ran = galproc(words);
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    return ran.err;
  };
  EXPECT_NE(said({"db", "prune"}).find("None of --older, --to-size and --actions-before was given"), std::string::npos);
  EXPECT_NE(said({"db", "prune", "--actions-before", "then"}).find("--actions-before: 'then'"), std::string::npos);
  EXPECT_NE(said({"db", "prune", "--actions-before", "@99999999999"}).find("which lies in the future"),
            std::string::npos);
  EXPECT_NE(said({"db", "prune", "--actions-before", "now", "--older", "1d"}).find("excludes"), std::string::npos);
  EXPECT_NE(said({"db", "prune", "--older", "soon"}).find("--older: 'soon'"), std::string::npos);
  EXPECT_NE(said({"record", "--retain", "0"}).find("--retain: '0'"), std::string::npos);
  EXPECT_NE(said({"record", "--max-size", "4KiB"}).find("--max-size: 4KiB is less than 1MiB"), std::string::npos);
}

}  // namespace
}  // namespace galproc
