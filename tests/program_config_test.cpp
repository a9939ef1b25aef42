// Configuration files: which one counts, what a key means, and that the command line beats them all.

#include <fstream>

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramConfig : public ProgramTest {
 protected:
  fs::path write(const std::string& name, const std::string& text) const {
    const fs::path file = folder_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return file;
  }
  /// `galproc query gaps` with a configuration of this text.
  Ran gaps(const std::string& text, const Words& more = {}) const {
    Words words = {"query", "gaps", "--db", db().string(), "--config", write("config.toml", text).string()};
    words.insert(words.end(), more.begin(), more.end());
    return galproc(words);
  }
  static bool is_json(const std::string& text) { return Json::parse(text, nullptr, false).is_array(); }
};

TEST_F(ProgramConfig, IsNamedByTheFlagElseByTheVariableElseTheUsersOwn) {
  snapshot();
  const Words words = {"query", "gaps", "--db", db().string(), "-q"};
  write("home/config/galproc/config.toml", "format = \"csv\"\n");
  const Options no_variable{{"GALPROC_CONFIG="}, {}};
  EXPECT_TRUE(galproc(words, no_variable).out.starts_with("from_at,")) << galproc(words, no_variable).out;
  const Options variable{{"GALPROC_CONFIG=" + write("other.toml", "format = \"json\"\n").string()}, {}};
  EXPECT_TRUE(is_json(galproc(words, variable).out));
  Words named = words;
  named.insert(named.end(), {"--config", write("named.toml", "format = \"markdown\"\n").string()});
  EXPECT_TRUE(galproc(named, variable).out.starts_with("| from_at")) << galproc(named, variable).out;
  named.insert(named.end(), {"--format", "json"});
  EXPECT_TRUE(is_json(galproc(named, variable).out)) << "the flag beats the file";
}

TEST_F(ProgramConfig, KeysAreFlagsOfAllVerbsOrOfOne) {
  snapshot();
  EXPECT_TRUE(is_json(gaps("json = true\nquiet = true\n").out));
  EXPECT_EQ(gaps("quiet = true\n").err, "");
  // Keys of a verb that does not run are there and do not matter.
  for (const char* other : {"interval = \"5ms\"\n", "[record]\ninterval = \"5ms\"\nno-redact = true\n"}) {
    const Ran ran = gaps(other, {"--json"});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_TRUE(is_json(ran.out));
  }
  for (const char* own : {"interval = \"5ms\"\n", "[record]\ninterval = \"5ms\"\n"}) {
    const Ran ran =
        galproc({"record", "--db", db().string(), "--samples", "1", "--config", write("config.toml", own).string()});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_NE(ran.err.find("5ms"), std::string::npos) << ran.err;
  }
  const Ran beaten = galproc({"record", "--db", db().string(), "--samples", "1", "--interval", "1s", "--config",
                              write("config.toml", "interval = \"5ms\"\n").string()});
  EXPECT_EQ(beaten.exit_code, 0) << beaten.err;
  EXPECT_EQ(ask("SELECT interval_us FROM recordings ORDER BY recording_id DESC LIMIT 1"), "1000000\n");
  const Ran set = galproc(
      {"record", "--db", db().string(), "--config", write("config.toml", "interval = \"2s\"\nsamples = 1\n").string()});
  EXPECT_EQ(set.exit_code, 0) << set.err;
  EXPECT_EQ(ask("SELECT interval_us FROM recordings ORDER BY recording_id DESC LIMIT 1"), "2000000\n");
}

TEST_F(ProgramConfig, AQuerysParameterDoesNotMatterToQueriesWithoutIt) {
  snapshot();
  const Ran ran = gaps("by = \"memory\"\n[query]\nat = \"-2h\"\n", {"--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(is_json(ran.out));
}

TEST_F(ProgramConfig, AFolderOfQueriesMayStandThereToo) {
  snapshot();
  write("own/counts.sql",
        "-- name: counts\n-- summary: how many ticks\n-- column: ticks integer: of all recordings\nSELECT count(*) AS "
        "ticks FROM tick\n");
  const fs::path config = write("config.toml", fmt::format("queries-dir = \"{}\"\n", (folder_ / "own").string()));
  const Ran ran = galproc({"query", "counts", "--db", db().string(), "--json", "-q", "--config", config.string()});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out, nullptr, false), Json::parse(R"([{"ticks": 1}])"));
}

TEST_F(ProgramConfig, MistakesAreExit2AndNameTheFileAndTheKey) {
  snapshot();
  const std::string file = (folder_ / "config.toml").string();
  struct Case {
    const char* text;
    const char* part;
  };
  for (const auto& [text, part] :
       {Case{"speed = 3\n", "speed"}, Case{"formt = \"json\"\n", "Did you mean format?"},
        Case{"intervall = \"5s\"\n", "Did you mean interval?"}, Case{"[record]\nintervall = \"5s\"\n", "interval?"},
        Case{"[dance]\ninterval = \"5s\"\n", "dance"}, Case{"format = \"xml\"\n", "xml"},
        Case{"signals = \"some\"\n", "some"}, Case{"no toml at all\n", "no toml"}, Case{"help = true\n", "help"},
        Case{"[record]\nformat = \"json\"\n", "format"}}) {
    SCOPED_TRACE(text);
    const Ran ran = gaps(text);
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find(file), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
  }
  EXPECT_EQ(gaps("help = true\n").err.find("mean help"), std::string::npos);
  const Ran missing = galproc({"query", "--config", (folder_ / "none.toml").string()});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_NE(missing.err.find("none.toml"), std::string::npos) << missing.err;
}

TEST_F(ProgramConfig, WhatIsSecretHereIsAddedToTheListOfSecretNames) {
  Puppet puppet;
  ASSERT_EQ(puppet.exec("/bin/sh",
                        {"sh", "-c", "read line", "sh", "--password", "hunter2", "--pasture=green", "PASTURE=blue"}),
            0);
  const auto recorded = [&](const Words& words) {
    fs::remove(db());
    for (const char* ending : {"-wal", "-shm"}) fs::remove(db().string() + ending);
    snapshot(1, words);
    return ask(fmt::format("SELECT command_line FROM processes WHERE pid = {}", puppet.pid()));
  };
  const std::string usual = recorded({});
  EXPECT_EQ(usual.find("hunter2"), std::string::npos) << usual;
  EXPECT_NE(usual.find("green"), std::string::npos) << usual;
  const std::string more = recorded({"--config", write("config.toml", "redact = [\"pasture\"]\n").string()});
  for (const char* secret : {"hunter2", "green", "blue"}) EXPECT_EQ(more.find(secret), std::string::npos) << more;
  EXPECT_EQ(recorded({"--no-redact"}), "sh -c 'read line' sh --password hunter2 --pasture=green PASTURE=blue\n");
}

}  // namespace
}  // namespace galproc
