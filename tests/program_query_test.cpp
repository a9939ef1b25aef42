// Asking: the list of questions, their help, statements of one's own, folders of one's own, and formats.

#include <fstream>
#include <map>
#include <sstream>

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramQuery : public ProgramTest {
 protected:
  Ran run_sql(const std::string& sql, const Words& more = {}) const {
    Words words = {"query", "--db", db().string(), "-q", "--run", sql};
    words.insert(words.end(), more.begin(), more.end());
    return galproc(words);
  }
  static std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }
  /// Something for each parameter that a query cannot do without, as its help tells.
  static Words needed_parameters(const std::string& help) {
    Words words;
    const std::size_t one_of = help.find("  One of ");
    for (const std::string& line : lines_of(help)) {
      std::istringstream stream(line);
      std::string flag, type;
      stream >> flag >> type;
      if (!line.starts_with("  --")) continue;
      const bool first_of_several = one_of != std::string::npos && help.compare(one_of + 9, flag.size(), flag) == 0;
      if (line.find("(needed)") == std::string::npos && !first_of_several) continue;
      const std::map<std::string, std::string> values = {
          {"integer", "1"}, {"text", "/"}, {"instant", "now"}, {"duration", "1s"}, {"size", "1MiB"}};
      words.insert(words.end(), {flag, values.at(type)});
    }
    return words;
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
};

TEST_F(ProgramQuery, ListAndHelpAndStatementOfEachNeedNoDatabase) {
  const Ran list = galproc({"query", "--json"});
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_EQ(list.err, "");
  const Json queries = Json::parse(list.out, nullptr, false);
  ASSERT_TRUE(queries.is_array()) << list.out;
  std::vector<std::string> names;
  for (const Json& row : queries) {
    names.push_back(row["name"]);
    EXPECT_NE(row["summary"], "") << names.back();
  }
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const char* promised : {"tree", "processes", "process", "ancestry", "port-holder", "port-history", "ports",
                               "changes", "exits", "top", "history", "system", "gaps", "storage"}) {
    EXPECT_TRUE(std::find(names.begin(), names.end(), promised) != names.end()) << promised;
  }
  EXPECT_EQ(lines_of(galproc({"query"}).out).size(), names.size() + 1);
  SQLite::Database empty(":memory:");
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const Ran help = galproc({"query", name, "--help"});
    EXPECT_EQ(help.exit_code, 0) << help.err;
    EXPECT_NE(help.out.find("\nColumns:\n"), std::string::npos) << help.out;
    const Ran sql = galproc({"query", name, "--sql"});
    EXPECT_EQ(sql.exit_code, 0) << sql.err;
    EXPECT_EQ(sql.err, "");
    try {
      SQLite::Statement(empty, sql.out);
    } catch (const SQLite::Exception& error) {  // a statement, but for its tables
      EXPECT_TRUE(std::string(error.what()).starts_with("no such table")) << error.what();
    }
  }
}

TEST_F(ProgramQuery, EveryOneRunsOnARealRecordingAndGivesTheColumnsOfItsHelp) {
  snapshot(3);
  const Json list = Json::parse(galproc({"query", "--json"}).out, nullptr, false);
  for (const Json& row : list) {
    const std::string name = row["name"];
    SCOPED_TRACE(name);
    Words words = {"query", name, "--db", db().string(), "-q", "--format", "csv"};
    const std::string help = galproc({"query", name, "--help"}).out;
    const Words needed = needed_parameters(help);
    words.insert(words.end(), needed.begin(), needed.end());
    const Ran ran = galproc(words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    std::string columns;
    for (const std::string& line : lines_of(help.substr(help.find("\nColumns:\n") + 10))) {
      if (line.starts_with("  ")) columns += (columns.empty() ? "" : ",") + line.substr(2, line.find(' ', 2) - 2);
    }
    EXPECT_EQ(ran.out.substr(0, ran.out.find('\n')), columns);
    words.push_back("--explain");
    EXPECT_EQ(galproc(words).exit_code, 0);
  }
}

TEST_F(ProgramQuery, OfOnesOwnReadsAndNothingElse) {
  snapshot();
  const Ran fine = run_sql("SELECT count(*) AS ticks, NULL AS unknown, 1.5 AS half FROM ticks;", {"--json"});
  EXPECT_EQ(fine.exit_code, 0) << fine.err;
  EXPECT_EQ(Json::parse(fine.out, nullptr, false), Json::parse(R"([{"ticks": 1, "unknown": null, "half": 1.5}])"));
  for (const char* writes :
       {"DELETE FROM tick", "INSERT INTO tick DEFAULT VALUES", "DROP VIEW ticks", "CREATE TABLE t (x)",
        "PRAGMA user_version = 3", "ATTACH 'x' AS x", "VACUUM", "BEGIN IMMEDIATE", "PRAGMA journal_mode = DELETE"}) {
    SCOPED_TRACE(writes);
    const Ran ran = run_sql(writes, {"--json"});
    EXPECT_EQ(ran.exit_code, 4);
    EXPECT_EQ(ran.out, "[]\n");
    EXPECT_NE(ran.err.find("only reads"), std::string::npos) << ran.err;
  }
  EXPECT_EQ(ask("SELECT count(*) FROM ticks"), "1\n");
  EXPECT_EQ(ask("PRAGMA journal_mode"), "wal\n");
  for (const char* wrong : {"SELECT 1; SELECT 2", "SELECT * FROM nowhere", "SELEC 1", "SELECT :x", "-- nothing", ""}) {
    SCOPED_TRACE(wrong);
    const Ran ran = run_sql(wrong);
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_TRUE(ran.err.starts_with("galproc: ")) << ran.err;
  }
  EXPECT_NE(run_sql("SELECT 1; DELETE FROM tick").exit_code, 0);
  EXPECT_EQ(ask("SELECT count(*) FROM ticks"), "1\n");
  const Ran both = galproc({"query", "tree", "--run", "SELECT 1", "--db", db().string()});
  EXPECT_EQ(both.exit_code, 2);
}

TEST_F(ProgramQuery, TakesNoNegativeNumber) {
  snapshot();
  for (const Words& words :
       std::vector<Words>{{"process", "--pid", "-5"}, {"process", "--upid", "-1"}, {"survivors", "--action", "-1"}}) {
    Words all = {"query", "--db", db().string()};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ran = galproc(all);
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    EXPECT_NE(ran.err.find(words[1] + ": " + words[2] + " is negative"), std::string::npos) << ran.err;
  }
}

TEST_F(ProgramQuery, ThatWouldNeverEndIsEndedByItsTimeout) {
  snapshot();
  const std::string endless =
      "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) AS x FROM n";
  write("own/endless.sql", "-- name: endless\n-- summary: counts\n-- column: x integer: a number\n" + endless + "\n");
  for (const Words& words : {Words{"--run", endless}, Words{"endless", "--queries-dir", (folder_ / "own").string()}}) {
    SCOPED_TRACE(words[0]);
    Words all = {"query", "--db", db().string(), "--json", "--timeout", "100ms"};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ended = galproc(all);
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_EQ(ended.out, "");
    EXPECT_NE(ended.err.find("not answered within --timeout 100ms"), std::string::npos) << ended.err;
  }
  EXPECT_EQ(run_sql("SELECT 1", {"--timeout", "1h"}).exit_code, 0);
  for (const char* wrong : {"0s", "5", "soon", ""}) {
    SCOPED_TRACE(wrong);
    const Ran ran = run_sql("SELECT 1", {"--timeout", wrong});
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    EXPECT_NE(ran.err.find("--timeout"), std::string::npos) << ran.err;
  }
}

TEST_F(ProgramQuery, LimitCutsAndSaysSo) {
  snapshot();
  for (const Words& words : {Words{"processes"}, Words{"--run", "SELECT pid FROM processes"}}) {
    Words all = {"query", "--db", db().string(), "--json", "--limit", "2"};
    all.insert(all.end(), words.begin(), words.end());
    const Ran cut = galproc(all);
    EXPECT_EQ(cut.exit_code, 0) << cut.err;
    EXPECT_EQ(Json::parse(cut.out, nullptr, false).size(), 2U);
    EXPECT_NE(cut.err.find("--limit 2"), std::string::npos) << cut.err;
  }
  const Ran exact = galproc({"query", "--db", db().string(), "--json", "--limit", "1", "--run", "SELECT 1"});
  EXPECT_EQ(exact.err.find("--limit"), std::string::npos) << exact.err;
}

TEST_F(ProgramQuery, FolderOfOnesOwnAddsReplacesAndIsCheckedAsAWhole) {
  snapshot();
  const std::string head =
      "-- summary: how many ticks\n-- param: least integer default 0: from this one on\n-- column: ticks integer: of "
      "all\n";
  write("own/counts.sql", "-- name: counts\n" + head + "SELECT count(*) AS ticks FROM tick WHERE tick_id >= :least\n");
  write("own/gaps.sql", "-- name: gaps\n" + head + "SELECT 42 AS ticks WHERE :least IS NOT NULL\n");
  const std::string own = (folder_ / "own").string();
  EXPECT_EQ(query({"counts", "--queries-dir", own}), Json::parse(R"([{"ticks": 1}])"));
  EXPECT_EQ(query({"counts", "--queries-dir=" + own, "--least", "2"}), Json::parse(R"([{"ticks": 0}])"));
  EXPECT_EQ(query({"gaps", "--queries-dir", own}), Json::parse(R"([{"ticks": 42}])"));

  write("own/bad.sql", "-- name: bad\n-- summary: wrong\n-- colum: ticks integer: of all\nSELECT 1\n");
  const Ran bad = galproc({"query", "counts", "--queries-dir", own, "--db", db().string()});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_EQ(bad.out, "");
  EXPECT_NE(bad.err.find("bad.sql:3"), std::string::npos) << bad.err;
  write("own/bad.sql",
        "-- name: bad\n-- summary: wrong\n-- column: ticks integer: of all\nDELETE FROM tick RETURNING 1 AS ticks\n");
  const Ran writes = galproc({"query", "bad", "--queries-dir", own, "--db", db().string()});
  EXPECT_EQ(writes.exit_code, 1);
  EXPECT_NE(writes.err.find("would write"), std::string::npos) << writes.err;
  EXPECT_EQ(ask("SELECT count(*) FROM ticks"), "1\n");
  const Ran nowhere = galproc({"query", "--queries-dir", (folder_ / "nowhere").string()});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_NE(nowhere.err.find("nowhere"), std::string::npos) << nowhere.err;
}

TEST_F(ProgramQuery, FormatsAllHoldTheSameRows) {
  Puppet puppet;
  ASSERT_EQ(puppet.exec("/bin/cat", {"cat", "-", "a,b|\"c\"\n\x1b[2J"}), 0);
  snapshot();
  const std::string sql = fmt::format(
      "SELECT pid, name, command_line, exit_code FROM processes WHERE pid IN (1, {}) ORDER BY pid", puppet.pid());
  const auto shown = [&](const char* format) { return run_sql(sql, {"--format", format}); };
  const Json rows = Json::parse(shown("json").out, nullptr, false);
  ASSERT_EQ(rows.size(), 2U) << shown("json").out;
  EXPECT_EQ(rows[1], Json({{"pid", puppet.pid()},
                           {"name", "cat"},
                           {"command_line", "cat - 'a,b|\"c\"\n\x1b[2J'"},
                           {"exit_code", nullptr}}));
  const std::vector<std::string> jsonl = lines_of(shown("jsonl").out);
  ASSERT_EQ(jsonl.size(), 2U);
  EXPECT_EQ(Json::parse(jsonl[1], nullptr, false), rows[1]);
  const std::vector<std::string> csv = lines_of(shown("csv").out);
  ASSERT_EQ(csv.size(), 3U);
  EXPECT_EQ(csv[0], "pid,name,command_line,exit_code");
  EXPECT_EQ(csv[2], fmt::format("{},cat,\"cat - 'a,b|\"\"c\"\"\\n\\x1b[2J'\",", puppet.pid()));
  const std::vector<std::string> markdown = lines_of(shown("markdown").out);
  ASSERT_EQ(markdown.size(), 4U);
  EXPECT_TRUE(markdown[3].starts_with("| ")) << markdown[3];
  const std::vector<std::string> table = lines_of(shown("table").out);
  ASSERT_EQ(table.size(), 3U);
  EXPECT_NE(table[2].find("'a,b|\"c\"\\n\\x1b[2J'"), std::string::npos) << table[2];
  for (const char* format : {"table", "json", "jsonl", "csv", "markdown"}) {
    const Ran ran = shown(format);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    EXPECT_EQ(ran.out.find('\x1b'), std::string::npos) << format;
    EXPECT_TRUE(ran.out.ends_with("\n")) << format;
  }
  const auto shown_none = [&](const char* format) { return run_sql(sql + " LIMIT 0", {"--format", format}).out; };
  EXPECT_EQ(shown_none("json"), "[]\n");
  EXPECT_EQ(shown_none("jsonl"), "");
  EXPECT_EQ(shown_none("csv"), "pid,name,command_line,exit_code\n");
}

TEST_F(ProgramQuery, OfManyGapsSaysFirstThoseThatAreNoLateTicks) {
  snapshot(5);
  {
    SQLite::Database database(db().string(), SQLite::OPEN_READWRITE, 10'000);
    database.exec(
        "UPDATE tick SET late_us = 10000000;"
        "INSERT INTO gap (kind, from_us, to_us, detail)"
        " SELECT 'disk_full', at_us - 1, at_us, 'Of this we must hear.' FROM tick ORDER BY tick_id DESC LIMIT 1");
  }
  const Ran asked = galproc({"query", "system", "--db", db().string(), "--since", "1h ago"});
  EXPECT_EQ(asked.exit_code, 0) << asked.err;
  EXPECT_NE(asked.err.find("Of this we must hear"), std::string::npos) << asked.err;
  EXPECT_NE(asked.err.find("more gaps"), std::string::npos) << asked.err;
}

TEST_F(ProgramQuery, AboutAGapSaysSoAndBeforeTheFirstTickSaysWhenRecordingBegan) {
  const std::int64_t before_us = now_us() - 1'000'000;
  snapshot(2);
  const Ran early = galproc({"query", "processes", "--db", db().string(), "--at", instant(before_us), "--json"});
  EXPECT_EQ(early.exit_code, 0) << early.err;
  EXPECT_EQ(early.out, "[]\n");
  EXPECT_NE(early.err.find("What is recorded begins at " + ask("SELECT min(at) FROM ticks").substr(0, 27)),
            std::string::npos)
      << early.err;
  ASSERT_TRUE(wait_until([&] { return now_us() > std::atoll(ask("SELECT max(at_us) FROM ticks").c_str()) + 500'000; }));
  snapshot();
  const std::int64_t hole_us =
      std::atoll(ask("SELECT to_us - 1000 FROM gaps WHERE kind = 'stopped' ORDER BY from_us LIMIT 1").c_str());
  const Ran in_gap = galproc({"query", "processes", "--db", db().string(), "--at", instant(hole_us), "--json"});
  EXPECT_EQ(in_gap.exit_code, 0) << in_gap.err;
  EXPECT_GT(Json::parse(in_gap.out, nullptr, false).size(), 0U);
  EXPECT_NE(in_gap.err.find("lies in a gap (stopped"), std::string::npos) << in_gap.err;
  const Ran range = galproc({"query", "top", "--db", db().string(), "--since", instant(before_us), "--json"});
  EXPECT_EQ(range.exit_code, 0) << range.err;
  EXPECT_NE(range.err.find("touches a gap (stopped)"), std::string::npos) << range.err;
}

// A journal that a reader pins is a gap of which nothing is missed: of a moment in it no row is old.
TEST_F(ProgramQuery, AboutAMomentAtWhichTheJournalWasPinnedSaysNothingOfAHole) {
  snapshot(3);
  SQLite::Database(db().string(), SQLite::OPEN_READWRITE)
      .exec(
          "INSERT INTO gap (recording_id, kind, from_us, to_us, detail)"
          " SELECT 1, 'wal_pinned', min(at_us) - 1, max(at_us) + 1, 'Pinned.' FROM tick");
  const std::string at = instant(std::atoll(ask("SELECT at_us + 1 FROM ticks WHERE tick_id = 2").c_str()));
  const Ran moment = galproc({"query", "processes", "--db", db().string(), "--at", at, "--json"});
  EXPECT_EQ(moment.exit_code, 0) << moment.err;
  EXPECT_EQ(moment.err.find("gap"), std::string::npos) << moment.err;
  const Ran range = galproc({"query", "changes", "--db", db().string(), "--json"});
  EXPECT_NE(range.err.find("touches a gap (wal_pinned)"), std::string::npos) << range.err;
}

}  // namespace
}  // namespace galproc
