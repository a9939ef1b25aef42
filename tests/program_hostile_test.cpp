// Names, arguments, paths and reasons that are SQL, HTML, shell, formulas of spreadsheets, control sequences: recorded
// of real processes, found again by those very bytes, and shown so that nothing acts on them.

#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "support/puppet.h"
#include "support/services.h"

namespace galproc {
namespace {

/// What each means to somebody, and to galproc nothing.
const std::vector<std::string> kHostile = {
    "'; DROP TABLE tick; --",
    "\" OR 1=1 --",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>&amp;",
    "$(touch pwned)`touch pwned`;touch pwned",
    "=cmd|'calc'!A0",
    "+1+1",
    "@SUM(A1:A9)",
    "-2+3",
    "a,b;\"c\"",
    "|a|b|",
    "%s%n %p {} {0}",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202etxt.exe\u2066",
    "\u2028\u0085\ufeff",
    "first\nsecond\r\n",
    "\xff\xfe\xc0\xaf",
};

class ProgramHostile : public ServiceTest {
 protected:
  static bool is_harmless(const std::string& text) {
    for (const char* turning : {"\u202e", "\u2066", "\u2028", "\u0085", "\ufeff"}) {
      if (text.find(turning) != std::string::npos) return false;
    }
    return std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == 0x7f; });
  }
  /// As the name of a file, which a slash would end; nobody else's, should several runs be on this machine.
  static std::string name_of(std::string text) {
    std::replace(text.begin(), text.end(), '/', '!');
    return text + std::to_string(::getpid());
  }
  /// The fields of each record, by RFC 4180.
  static std::vector<std::vector<std::string>> records_of(const std::string& csv) {
    std::vector<std::vector<std::string>> records(1, {""});
    bool quoted = false;
    for (const char c : csv) {
      if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        records.back().emplace_back();
      } else if (c == '\n' && !quoted) {
        records.push_back({""});
      } else {
        records.back().back() += c;
      }
    }
    records.pop_back();
    return records;
  }
  std::string shown(const Words& question, const std::string& format) const {
    Words words = {"query", "--db", db().string(), "-q", "--format", format};
    words.insert(words.end(), question.begin(), question.end());
    const Ran ran = galproc(words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    EXPECT_TRUE(is_harmless(ran.out)) << format << ":\n" << ran.out;
    return ran.out;
  }
  void expect_nothing_ran() const {
    EXPECT_FALSE(fs::exists(folder_ / "pwned"));
    EXPECT_FALSE(fs::exists("pwned"));
    EXPECT_NE(ask("SELECT count(*) FROM tick"), "0\n");
  }
};

TEST_F(ProgramHostile, NamesAndArgumentsAreRecordedWholeAndShownHarmless) {
  std::vector<std::unique_ptr<Puppet>> puppets;
  std::string pids;
  for (const std::string& text : kHostile) {
    const std::string name = name_of(text);
    fs::copy_file("/bin/cat", folder_ / name);
    puppets.push_back(std::make_unique<Puppet>());
    ASSERT_EQ(puppets.back()->exec((folder_ / name).string(), {name, "-", "--", text}), 0) << name;
    pids += (pids.empty() ? "" : ",") + std::to_string(puppets.back()->pid());
  }
  snapshot();
  for (std::size_t i = 0; i < kHostile.size() - 1; ++i) {  // the last one is no UTF-8, and stored cleaned
    SCOPED_TRACE(kHostile[i]);
    const std::string name = name_of(kHostile[i]);
    const Json rows = query({"processes", "--name", name});
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0]["pid"], puppets[i]->pid());
    EXPECT_EQ(rows[0]["name"], name);
    EXPECT_NE(rows[0]["command_line"].get<std::string>().find(kHostile[i].substr(0, kHostile[i].find('\''))),
              std::string::npos);
    for (const char* format : {"table", "markdown", "jsonl"})
      EXPECT_NE(shown({"processes", "--name", name}, format), "");
  }
  const std::string statement =
      "SELECT name, command_line AS line, pid FROM processes WHERE pid IN (" + pids + ") ORDER BY pid";
  const auto records = records_of(shown({"--run", statement}, "csv"));
  ASSERT_EQ(records.size(), kHostile.size() + 1);
  for (const auto& record : records) {
    ASSERT_EQ(record.size(), 3U) << record[0];
    EXPECT_NE(record[0].find_first_of("=+-@"), 0U) << "a spreadsheet would run " << record[0];
    EXPECT_NE(record[1].find_first_of("=+-@"), 0U) << "a spreadsheet would run " << record[1];
  }
  const std::string markdown = shown({"--run", statement}, "markdown");
  EXPECT_EQ(static_cast<std::size_t>(std::count(markdown.begin(), markdown.end(), '\n')), kHostile.size() + 2);
  EXPECT_EQ(markdown.find("<script"), std::string::npos);
  EXPECT_EQ(markdown.find("<img"), std::string::npos);
  const std::string tree = shown({"tree"}, "table");
  EXPECT_NE(tree.find("\\x1b[2J\\x1b]0;owned\\x07"), std::string::npos) << tree;
  const Ran found = galproc({"find", "--name", name_of(kHostile[0]), "--json", "--db", db().string()});
  EXPECT_EQ(found.exit_code, 0) << found.err;
  EXPECT_EQ(Json::parse(found.out, nullptr, false)[0]["pid"], puppets[0]->pid()) << found.out;
  expect_nothing_ran();
}

TEST_F(ProgramHostile, ACommandLineOfAMebibyteIsCutAndSaidToBe) {
  const std::string name = name_of("long"), pipe = (folder_ / "pipe").string();
  fs::copy_file("/bin/cat", folder_ / name);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  Words arguments = {(folder_ / name).string(), pipe};  // which nobody writes to: there it waits
  for (int i = 0; i < 16; ++i) arguments.push_back("\x1b<b>" + std::string(65'536, static_cast<char>('a' + i)));
  Program reader = start(arguments, {});
  // Only then are these its arguments.
  ASSERT_TRUE(wait_until([&] {
    return reader.has_ended() || text_of("/proc/" + std::to_string(reader.pid()) + "/cmdline").size() > (1 << 20);
  }));
  if (reader.has_ended()) GTEST_SKIP() << "no program is started with so many arguments here: " << reader.err();
  snapshot();
  const Json rows = query({"processes", "--name", name});
  ASSERT_EQ(rows.size(), 1U);
  const std::string line = rows[0]["command_line"];
  EXPECT_NE(line.find("/pipe '\x1b<b>aaaa"), std::string::npos) << line.substr(0, 100);
  EXPECT_GT(line.size(), 60'000U);
  EXPECT_LE(line.size(), 65'536U);
  for (const char* format : {"table", "csv", "markdown", "jsonl"}) shown({"processes", "--name", name}, format);
  EXPECT_EQ(ask("SELECT truncated FROM process_images WHERE name = '" + name + "'"), "1\n");
}

TEST_F(ProgramHostile, ReasonsAndNamesOfAKillAreTextInItsLog) {
  for (const std::string& text : kHostile) {
    SCOPED_TRACE(text);
    const Ran ran =
        galproc({"kill", "--db", db().string(), "--name", "no " + name_of(text), "--reason", text, "--dry-run"});
    EXPECT_EQ(ran.exit_code, 3) << ran.err;  // nobody has it
    EXPECT_TRUE(is_harmless(ran.err)) << ran.err;
  }
  Puppet first, second;
  const std::string longest = "why " + std::string(120'000, 'x');
  EXPECT_EQ(galproc({"kill", "--db", db().string(), std::to_string(first.pid()), "--reason", kHostile[0]}).exit_code,
            0);
  EXPECT_EQ(galproc({"kill", "--db", db().string(), std::to_string(second.pid()), "--reason", longest}).exit_code, 0);
  EXPECT_EQ(ask("SELECT reason FROM actions ORDER BY action_id LIMIT 1"), kHostile[0] + "\n");
  EXPECT_EQ(ask("SELECT length(reason) FROM actions ORDER BY action_id DESC LIMIT 1"), "65536\n");
  for (const char* format : {"table", "csv", "markdown", "json"}) shown({"attempts"}, format);
  EXPECT_EQ(galproc({"db", "verify", "--db", db().string()}).exit_code, 0);
}

TEST_F(ProgramHostile, PathsOfDatabasesAndOfQueriesAreTakenAsTheyAre) {
  for (const char* name :
       {"'; DROP TABLE tick; --\"$(touch pwned)", "\x1b[2J\u202e\nb\xff", "file:x?mode=memory", "a%41#b?c"}) {
    SCOPED_TRACE(name);
    const fs::path folder = folder_ / name;
    fs::create_directory(folder);
    const std::string path = (folder / name).string();
    const Ran recorded = galproc({"record", "--db", path, "--interval", "50ms", "--samples", "1"});
    EXPECT_EQ(recorded.exit_code, 0) << recorded.err;
    EXPECT_TRUE(is_harmless(recorded.err)) << recorded.err;
    EXPECT_TRUE(fs::is_regular_file(path));
    std::ofstream(folder / "mine.sql")
        << "-- name: mine\n-- summary: one\n-- column: ticks integer: of all\nSELECT count(*) AS ticks FROM tick\n";
    const Ran mine = galproc({"query", "mine", "--queries-dir", folder.string(), "--db", path, "--json"});
    EXPECT_EQ(Json::parse(mine.out, nullptr, false), Json::parse(R"([{"ticks": 1}])")) << mine.out << mine.err;
    EXPECT_TRUE(is_harmless(mine.err)) << mine.err;
    std::ofstream(folder / "mine.sql") << "SELECT \x1b[1m";
    const Ran bad = galproc({"query", "mine", "--queries-dir", folder.string(), "--db", path});
    EXPECT_EQ(bad.exit_code, 1) << bad.err;
    EXPECT_TRUE(is_harmless(bad.err)) << bad.err;
    const Ran nowhere = galproc({"query", "processes", "--db", path + "\x1b[1m"});
    EXPECT_EQ(nowhere.exit_code, 1);
    EXPECT_TRUE(is_harmless(nowhere.err)) << nowhere.err;
    EXPECT_EQ(galproc({"db", "path", "--db", path}).out, path + "\n") << "a script takes it as it is";
  }
  const Ran longest = galproc({"record", "--db", (folder_ / std::string(100'000, 'x')).string(), "--samples", "1"});
  EXPECT_EQ(longest.exit_code, 1) << longest.err.substr(0, 200);
  EXPECT_NE(longest.err.find("File name too long"), std::string::npos) << longest.err.substr(0, 200);
}

TEST_F(ProgramHostile, AServiceGetsItsVariablesAndItsLogWordForWord) {
  int number = 0;
  for (const std::string& text : {kHostile[0], kHostile[4], kHostile[12] + kHostile[15] + kHostile[16]}) {
    SCOPED_TRACE(text);
    const std::string name = "s" + std::to_string(++number), log = (folder_ / name_of(text)).string();
    started({"start", "--name", name, "--env", "HOSTILE=" + text, "--log", log, "--", "sh", "-c",
             "printf %s \"$HOSTILE$1\"; exec sleep 600", "sh", text});
    EXPECT_TRUE(wait_until([&] { return text_of(log) == text + text; })) << text_of(log);
    const Ran refused = act({"start", "--name", "x", "--env", text.substr(0, text.find('=')), "--", "sleep", "600"});
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_TRUE(is_harmless(refused.err)) << refused.err;
  }
  for (const char* format : {"table", "csv", "markdown", "jsonl"}) {
    const Ran ran = galproc({"services", "--db", db().string(), "--format", format});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_TRUE(is_harmless(ran.out + ran.err)) << ran.out << ran.err;
  }
  EXPECT_EQ(ask("SELECT count(*) FROM service WHERE command_line LIKE '%HOSTILE=%'"), "0\n");
  EXPECT_FALSE(fs::exists("pwned"));
}

}  // namespace
}  // namespace galproc
