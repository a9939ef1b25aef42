#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "model/text.h"
#include "model/time_words.h"
#include "render/renderer.h"

namespace galproc {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::monostate kUnknown{};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string rendered(const RowSet& row_set, Format format, RenderOptions options = {}) {
  std::ostringstream out;
  make_renderer(format, options)->render(row_set, out);
  return out.str();
}

RowSet one_column(const char* name, Unit unit, std::vector<Value> values) {
  RowSet row_set{{{name, unit}}, {}, {}};
  for (Value& value : values) row_set.rows.push_back({std::move(value)});
  return row_set;
}

RowSet one_text(std::string text) {
  return one_column("name", Unit::None, {std::move(text)});
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

RowSet two_processes() {
  RowSet row_set;
  row_set.columns = {{"pid"},
                     {"name"},
                     {"cpu_pct", Unit::Percent},
                     {"resident_bytes", Unit::Bytes},
                     {"started_us", Unit::InstantUs},
                     {"started_at", Unit::InstantText},
                     {"lifetime_us", Unit::DurationUs},
                     {"command_line"}};
  row_set.rows.push_back(
      {1, "init", 0.04, 1536, 1795317125123456, "2026-11-22T03:12:05.123456Z", kUnknown, "/sbin/init"});
  row_set.rows.push_back(
      {12011, "日本語🚀", 104.26, kUnknown, kUnknown, kUnknown, 3'200'000, "node server.js --port 8080"});
  return row_set;
}

/// Names that somebody chose in order to do harm, and what a text format must show instead.
struct Hostile {
  const char* name;
  const char* shown;
};
const Hostile kHostile[] = {
    {"\x1b]0;owned\x07", R"(\x1b]0;owned\x07)"},
    {"a\nroot  1", R"(a\nroot  1)"},
    {"\xe2\x80\xaegnp.exe", R"(\u202egnp.exe)"},
    {"\xc2\x9b[2J", R"(\u009b[2J)"},
    {"\x9b[2J", R"(\x9b[2J)"},
    {"del\x7f", R"(del\x7f)"},
};

TEST(Render, AListIsAnArrayToProgramsAndATextToPeople) {
  const auto list = [](List made) { return std::make_shared<const List>(std::move(made)); };
  const RowSet rows = one_column(
      "children", Unit::None,
      {list({"7 a, b\x1b, 8 c",
             {{{"pid", std::int64_t{7}}, {"name", "a, b\x1b"}}, {{"pid", std::int64_t{8}}, {"name", Scalar()}}}}),
       list({}), kUnknown});
  EXPECT_EQ(rendered(rows, Format::Jsonl), R"({"children":[{"pid":7,"name":"a, b\u001b"},{"pid":8,"name":null}]})"
                                           "\n{\"children\":[]}\n{\"children\":null}\n");
  EXPECT_EQ(rendered(rows, Format::Csv), "children\n\"7 a, b\\x1b, 8 c\"\n\"\"\n\"\"\n");
  EXPECT_EQ(rendered(rows, Format::Table), "children\n7 a, b\\x1b, 8 c\n-\n-\n");
}

TEST(Formats, AreFoundByTheirNames) {
  for (std::size_t i = 0; i < kFormatNames.size(); ++i) {
    EXPECT_EQ(parse_format(kFormatNames[i]), static_cast<Format>(i));
    EXPECT_NE(make_renderer(static_cast<Format>(i), {}), nullptr);
  }
  EXPECT_EQ(parse_format("markdown"), Format::Markdown);
  EXPECT_EQ(parse_format("JSON"), std::nullopt);
  EXPECT_EQ(parse_format(""), std::nullopt);
}

TEST(Formats, WithoutRowsWriteWhatScriptsExpect) {
  const RowSet none{{{"pid"}, {"name"}}, {}, {}};
  EXPECT_EQ(rendered(none, Format::Table, {.width = 80, .color = true}), "");
  EXPECT_EQ(rendered(none, Format::Json), "[]\n");
  EXPECT_EQ(rendered(none, Format::Json, {.object = true}), "null\n");
  EXPECT_EQ(rendered(none, Format::Jsonl), "");
  EXPECT_EQ(rendered(none, Format::Csv), "pid,name\n");
  EXPECT_EQ(rendered(none, Format::Markdown), "| pid | name |\n| --- | --- |\n");
}

TEST(Formats, StopAtAStreamThatFails) {
  const RowSet row_set = one_column("pid", Unit::None, std::vector<Value>(100, Value{1}));
  for (std::size_t i = 0; i < kFormatNames.size(); ++i) {
    std::ostringstream out;
    out.setstate(std::ios::badbit);
    make_renderer(static_cast<Format>(i), {})->render(row_set, out);
    EXPECT_EQ(out.str(), "");
  }
}

TEST(Table, LinesUpColumnsAndShowsUnitsAsPeopleWriteThem) {
  EXPECT_EQ(rendered(two_processes(), Format::Table),
            "  pid  name      cpu_pct  resident_bytes  started_at                lifetime_us  command_line\n"
            "    1  init          0.0         1.5 KiB  2026-11-22 03:12:05.123Z            -  /sbin/init\n"
            "12011  日本語🚀    104.3               -  -                               3.20s  "
            "node server.js --port 8080\n");
}

TEST(Table, ShortensTextAndNumberOfOneInstantAlike) {
  for (const std::int64_t us : {INT64_C(1795317125999999), INT64_C(0), INT64_C(-1), INT64_C(253402300799999999)}) {
    EXPECT_EQ(rendered(one_column("t", Unit::InstantText, {format_instant(us)}), Format::Jsonl),
              "{\"t\":\"" + format_instant(us) + "\"}\n");
    EXPECT_EQ(rendered(one_column("t", Unit::InstantText, {format_instant(us)}), Format::Table),
              rendered(one_column("t", Unit::InstantUs, {us}), Format::Table));
  }
}

TEST(Table, ShowsAValueThatDoesNotFitItsUnitPlainly) {
  EXPECT_EQ(rendered(one_column("t", Unit::InstantText, {"yesterday\x1b", 5, 2.5}), Format::Table),
            "t\nyesterday\\x1b\n5\n2.5\n");
  EXPECT_EQ(rendered(one_column("b", Unit::Bytes, {"many", 2048.4, 1e300}), Format::Table),
            "b\nmany\n2.0 KiB\n1e+300\n");
  EXPECT_EQ(rendered(one_column("d", Unit::DurationUs, {9223372036854775808.0, 2.6, kInfinity}), Format::Table),
            "                    d\n9.223372036854776e+18\n                  3us\n                    -\n");
}

TEST(Table, LeavesOutAnInstantThatIsThereAsTextToo) {
  RowSet row_set{{{"at_us", Unit::InstantUs},
                  {"at", Unit::InstantText},
                  {"late_us", Unit::DurationUs},
                  {"late_at"},
                  {"bound_us", Unit::InstantUs}},
                 {{0, "1970-01-01T00:00:00.000000Z", 5, "x", 0}},
                 {}};
  EXPECT_EQ(rendered(row_set, Format::Table),
            "at                        late_us  late_at  bound_us\n"
            "1970-01-01 00:00:00.000Z      5us  x        1970-01-01 00:00:00.000Z\n");
  EXPECT_EQ(rendered(row_set, Format::Csv).substr(0, 32), "at_us,at,late_us,late_at,bound_u");
}

TEST(Table, WritesRealNumbersShort) {
  EXPECT_EQ(rendered(one_column("n", Unit::None, {0.52, 1.0 / 3, 16777216000.0, -0.0, 1e-9, 1e20, kInfinity, kUnknown}),
                     Format::Table),
            "          n\n       0.52\n   0.333333\n16777216000\n          0\n      1e-09\n      1e+20\n          -\n"
            "          -\n");
}

TEST(Table, SetsAColumnThatMixesNumbersAndTextsFlushLeft) {
  EXPECT_EQ(rendered(one_column("value", Unit::None, {5, "text", kUnknown}), Format::Table), "value\n5\ntext\n-\n");
}

TEST(Table, EndsNoLineInABlank) {
  const RowSet row_set{{{"a  "}, {"b"}, {" "}}, {{"x  ", "", "   "}, {"longer", "y ", ""}}, {}};
  EXPECT_EQ(rendered(row_set, Format::Table), "a       b\nx\nlonger  y\n");
}

TEST(Table, EscapesHostileNamesInCellsAndHeaders) {
  for (const Hostile& hostile : kHostile) {
    EXPECT_EQ(rendered(one_text(hostile.name), Format::Table), std::string("name\n") + hostile.shown + "\n");
    EXPECT_EQ(rendered(one_column(hostile.name, Unit::None, {1}), Format::Csv), std::string(hostile.shown) + "\n1\n");
    const std::string table = rendered(one_column(hostile.name, Unit::None, {"x"}), Format::Table);
    EXPECT_EQ(table, std::string(hostile.shown) + "\nx\n");
  }
}

TEST(Table, ColoursTheHeaderAndUnknownsOnly) {
  const RowSet row_set{{{"pid"}, {"user"}}, {{12345, kUnknown}, {kUnknown, "me"}}, {}};
  EXPECT_EQ(rendered(row_set, Format::Table, {.color = true}),
            "  \x1b[1mpid\x1b[0m  \x1b[1muser\x1b[0m\n"
            "12345  \x1b[2m-\x1b[0m\n"
            "    \x1b[2m-\x1b[0m  me\n");
}

TEST(Table, CutsTheWidestTextFirst) {
  const RowSet row_set{
      {{"pid"}, {"name"}, {"command_line"}}, {{12011, "a-rather-long-name", "node server.js --port 8080"}}, {}};
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 53}),
            "  pid  name                command_line\n12011  a-rather-long-name  node server.js --port 8080\n");
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 45}),
            "  pid  name                command_line\n12011  a-rather-long-name  node server.js --…\n");
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 37}),
            "  pid  name            command_line\n12011  a-rather-long…  node server.j…\n");
}

TEST(Table, CutsTheLastOfTextsThatAreAsWide) {
  const RowSet row_set{{{"executable"}, {"command_line"}}, {{"/usr/sbin/nginx", "/usr/sbin/nginx"}}, {}};
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 31}),
            "executable       command_line\n/usr/sbin/nginx  /usr/sbin/ngi…\n");
}

TEST(Table, CutsTextsRatherThanTimes) {
  const RowSet row_set{{{"name"}, {"at", Unit::InstantText}, {"to_us", Unit::InstantUs}},
                       {{"systemd-journald", "2026-11-22T03:12:05.123456Z", 0}},
                       {}};
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 64}),
            "name          at                        to_us\n"
            "systemd-jou…  2026-11-22 03:12:05.123Z  1970-01-01 00:00:00.000Z\n");
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 60}),
            "name              at…\n"
            "systemd-journald  2026-11-22 03:12:05.123Z\n");
}

TEST(Table, LeavesColumnsOutFromTheRightButKeepsTheTextThatSaysMost) {
  const RowSet row_set{
      {{"parent_pid"}, {"cgroup"}, {"command_line"}}, {{7, "systemd-journald", "a b c d e f g h i j"}}, {}};
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 36}),
            "parent_pid  cgroup      command_line\n         7  systemd-j…  a b c d e f…\n");
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 34}),
            "parent_pid  command_line…\n         7  a b c d e f g h i j\n");
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 20}), "command_line…\na b c d e f g h i j\n");
}

TEST(Table, LeavesOutFirstWhatSaysNothingThenIdsAndLastWhoAndWhatBecameOfIt) {
  const std::string at = "2026-11-22T03:12:05.123456Z";
  const RowSet row_set{{{"action_id"},
                        {"upid"},
                        {"pid"},
                        {"name"},
                        {"method"},
                        {"signal"},
                        {"outcome"},
                        {"at", Unit::InstantText},
                        {"error"}},
                       {{1, 81, 4711, "node", "polite", "SIGTERM", "survived", at, kUnknown},
                        {1, 81, 4711, "node", "forced", "SIGKILL", "exited", at, kUnknown}},
                       {}};
  const auto header = [&](int width) { return lines_of(rendered(row_set, Format::Table, {.width = width})).at(0); };
  EXPECT_EQ(header(0), "action_id  upid   pid  name  method  signal   outcome   at                        error");
  EXPECT_EQ(header(84), "action_id  upid   pid  name  method  signal   outcome   at…");
  EXPECT_EQ(header(79), "action_id   pid  name  method  signal   outcome   at…");
  EXPECT_EQ(header(70), " pid  name  method  signal   outcome   at…");
  EXPECT_EQ(header(60), " pid  name  method  signal   outcome…");
  EXPECT_EQ(header(31), " pid  name  signal   outcome…");
}

TEST(Table, KeepsTheVerdictAndWhoDidItAndCutsNoWordOfAList) {
  const std::string at = "2026-11-22T03:12:05.123456Z";
  const RowSet row_set{
      {{"at", Unit::InstantText},
       {"verdict"},
       {"confidence"},
       {"sender_pid"},
       {"sender_name"},
       {"sender_user"},
       {"signal"},
       {"target_pid"},
       {"target_name"},
       {"ended_at", Unit::InstantText},
       {"evidence"}},
      {{at, "killed_by_process", "certain", 812, "bash", "root", "SIGTERM", 4711, "node", at, std::string(200, 'x')}},
      {}};
  const std::vector<std::string> lines = lines_of(rendered(row_set, Format::Table, {.width = 80}));
  EXPECT_EQ(lines.at(0), "verdict            sender_pid  sender_name  signal   target_pid  evidence…");
  EXPECT_NE(lines.at(1).find("killed_by_process         812  bash         SIGTERM        4711  xxx"), std::string::npos)
      << lines.at(1);
}

TEST(Table, CutsNoHash) {
  const std::string hash(64, 'a');
  const RowSet row_set{{{"length"}, {"head"}, {"holds"}, {"problem"}}, {{1234567, hash, 1, kUnknown}}, {}};
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 80}), " length  head…\n1234567  " + hash + "\n");
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 40}), "head…\n" + hash + "\n");
}

TEST(Table, SaysInItsHeaderThatColumnsAreMissing) {
  const RowSet row_set{{{"upid"}, {"pid"}, {"name"}}, {{1000, 20000, "init"}}, {}};
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 12}), "  pid  name…\n20000  init\n");
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 8}), " pid…\n20000\n");
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 3}), "pi…\n20…\n");
}

TEST(Table, NeverPassesTheWidth) {
  RowSet row_set = two_processes();
  for (const Hostile& hostile : kHostile) {
    row_set.rows.push_back({7, hostile.name, 1.0, 5, 0, format_instant(0), 9, std::string(300, 'x') + "日本語日本語"});
  }
  const std::string whole = rendered(row_set, Format::Table);
  for (int width = 1; width <= 400; ++width) {
    const std::string table = rendered(row_set, Format::Table, {.width = width});
    const std::vector<std::string> lines = lines_of(table);
    ASSERT_EQ(lines.size(), row_set.rows.size() + 1);
    int widest = 0;
    for (const std::string& line : lines) widest = std::max(widest, display_width(line));
    EXPECT_LE(widest, width) << table;
  }
  EXPECT_EQ(rendered(row_set, Format::Table, {.width = 1000}), whole);
  EXPECT_NE(whole.find(std::string(300, 'x') + "日本語日本語\n"), std::string::npos);
}

TEST(JsonOutput, IsOneObjectALineInColumnOrder) {
  const std::string first =
      R"({"pid":1,"name":"init","cpu_pct":0.04,"resident_bytes":1536,"started_us":1795317125123456,)"
      R"("started_at":"2026-11-22T03:12:05.123456Z","lifetime_us":null,"command_line":"/sbin/init"})";
  const std::string second =
      R"({"pid":12011,"name":"日本語🚀","cpu_pct":104.26,"resident_bytes":null,"started_us":null,)"
      R"("started_at":null,"lifetime_us":3200000,"command_line":"node server.js --port 8080"})";
  EXPECT_EQ(rendered(two_processes(), Format::Json), "[\n " + first + ",\n " + second + "\n]\n");
  EXPECT_EQ(rendered(two_processes(), Format::Jsonl), first + "\n" + second + "\n");
  EXPECT_EQ(Json::parse(rendered(two_processes(), Format::Json))[1], Json::parse(second));
}

TEST(JsonOutput, OfASingleObjectHasNoArray) {
  EXPECT_EQ(rendered(one_text("init"), Format::Json, {.object = true}), "{\"name\":\"init\"}\n");
  EXPECT_EQ(rendered(one_column("n", Unit::None, {1, 2}), Format::Json, {.object = true}),
            "[\n {\"n\":1},\n {\"n\":2}\n]\n");
}

TEST(JsonOutput, KeepsNumbersExact) {
  const std::string json = rendered(
      one_column("n", Unit::Bytes, {INT64_MAX, INT64_MIN, 0.1, 3.0, 1e300, 5e-324, kInfinity, -kInfinity, kUnknown}),
      Format::Jsonl);
  EXPECT_EQ(json,
            "{\"n\":9223372036854775807}\n{\"n\":-9223372036854775808}\n{\"n\":0.1}\n{\"n\":3.0}\n{\"n\":1e+300}\n"
            "{\"n\":5e-324}\n{\"n\":null}\n{\"n\":null}\n{\"n\":null}\n");
  const std::vector<std::string> lines = lines_of(json);
  EXPECT_EQ(Json::parse(lines[0])["n"].get<std::int64_t>(), INT64_MAX);
  EXPECT_EQ(Json::parse(lines[1])["n"].get<std::int64_t>(), INT64_MIN);
  EXPECT_EQ(Json::parse(lines[5])["n"].get<double>(), 5e-324);
}

TEST(JsonOutput, ReadsBackAsTheTextThatWentIn) {
  std::string ascii;
  for (char c = 0; c < 0x7f; ++c) ascii += c;
  std::vector<std::string> names{ascii, "\x7f", "</script>", "=cmd()", "e\u0301", "日本語🚀", "\u2028\u2029\ufeff"};
  for (const Hostile& hostile : kHostile) names.push_back(clean_utf8(hostile.name).text);
  for (const std::string& name : names) {
    const std::string json = rendered(one_text(name), Format::Json);
    EXPECT_EQ(Json::parse(json)[0]["name"], name);
    for (const std::string& line : lines_of(json)) EXPECT_EQ(escape_controls(line), line);
  }
}

TEST(JsonOutput, EscapesWhatATextFormatEscapes) {
  EXPECT_EQ(rendered(one_text("\xe2\x80\xae\x1b\xc2\x9b\x7f\"\\\n"), Format::Jsonl),
            R"({"name":"\u202e\u001b\u009b\u007f\"\\\n"})"
            "\n");
}

TEST(JsonOutput, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(rendered(one_text("a\xff\xfe|\xe2\x82|\xed\xa0\x80"), Format::Jsonl),
            "{\"name\":\"a\ufffd\ufffd|\ufffd|\ufffd\ufffd\ufffd\"}\n");
  EXPECT_EQ(rendered(one_text(std::string("a\0b", 3)), Format::Jsonl), "{\"name\":\"a\\u0000b\"}\n");
}

TEST(JsonOutput, GivesColumnsOfOneNameKeysOfTheirOwn) {
  const RowSet row_set{{{"pid"}, {"pid"}, {"pid_2"}, {"pid"}, {"\"\n"}}, {{1, 2, 3, 4, 5}}, {}};
  const std::string json = rendered(row_set, Format::Jsonl);
  EXPECT_EQ(json, R"({"pid":1,"pid_3":2,"pid_2":3,"pid_4":4,"\"\n":5})"
                  "\n");
  EXPECT_EQ(Json::parse(json).size(), 5u);
  EXPECT_EQ(rendered(RowSet{{{"\xff"}, {"\xfe"}}, {{1, 2}}, {}}, Format::Jsonl), "{\"\uFFFD\":1,\"\uFFFD_2\":2}\n");
}

TEST(Csv, QuotesAsRfc4180Asks) {
  const RowSet row_set{{{"pid"}, {"a,b"}, {"note"}, {"pct"}},
                       {{7, "say \"hi\", you", "", 0.5}, {kUnknown, "x", kUnknown, kInfinity}},
                       {}};
  EXPECT_EQ(rendered(row_set, Format::Csv), "pid,\"a,b\",note,pct\n7,\"say \"\"hi\"\", you\",\"\",0.5\n,x,,\n");
}

TEST(Csv, WritesNoBlankLineForARowOfOneUnknown) {
  EXPECT_EQ(rendered(one_column("n", Unit::None, {kUnknown, 1}), Format::Csv), "n\n\"\"\n1\n");
}

TEST(Csv, GuardsTextsThatASpreadsheetWouldRun) {
  for (const char* name : {"=cmd()", "+1", "-1", "@SUM(A1)"}) {
    EXPECT_EQ(rendered(one_text(name), Format::Csv), std::string("name\n'") + name + "\n");
  }
  EXPECT_EQ(rendered(one_text("\t=1"), Format::Csv), "name\n'\\t=1\n");
  EXPECT_EQ(rendered(one_text("=HYPERLINK(\"http://x\",1)"), Format::Csv),
            "name\n\"'=HYPERLINK(\"\"http://x\"\",1)\"\n");
  EXPECT_EQ(rendered(one_text("a=b"), Format::Csv), "name\na=b\n");
  EXPECT_EQ(rendered(one_column("n", Unit::None, {-1, -0.5}), Format::Csv), "n\n-1\n-0.5\n");
}

TEST(Csv, IsOneLineARowWhateverTheNames) {
  for (const Hostile& hostile : kHostile) {
    EXPECT_EQ(rendered(one_text(hostile.name), Format::Csv), std::string("name\n") + hostile.shown + "\n");
  }
}

TEST(Markdown, ShowsWhatTheTableShows) {
  EXPECT_EQ(rendered(two_processes(), Format::Markdown),
            "| pid | name | cpu_pct | resident_bytes | started_at | lifetime_us | command_line |\n"
            "| ---: | --- | ---: | ---: | --- | ---: | --- |\n"
            "| 1 | init | 0.0 | 1.5 KiB | 2026-11-22 03:12:05.123Z | - | /sbin/init |\n"
            "| 12011 | 日本語🚀 | 104.3 | - | - | 3.20s | node server.js --port 8080 |\n");
}

TEST(Markdown, LeavesNothingForAReaderToActOn) {
  const auto cell = [](const char* text) { return lines_of(rendered(one_text(text), Format::Markdown)).back(); };
  EXPECT_EQ(cell("a|b"), R"(| a\|b |)");
  EXPECT_EQ(cell(R"(a\|b\)"), R"(| a\\\|b\ |)");
  EXPECT_EQ(cell("</script><b>&amp;"), "| &lt;/script>&lt;b>&amp;amp; |");
  EXPECT_EQ(cell("`id` *x* ~y~"), R"(| \`id\` \*x\* \~y\~ |)");
  EXPECT_EQ(cell("![p](http://evil/p.png)"), R"(| !\[p](http://evil/p.png) |)");
  EXPECT_EQ(cell("__init__ parent_pid"), R"(| \_\_init\_\_ parent_pid |)");
  EXPECT_EQ(cell("a\x1b\n"), R"(| a\x1b\n |)");
}

}  // namespace
}  // namespace galproc
