#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "model/text.h"
#include "model/time_words.h"
#include "support/rendering.h"

namespace galproc {
namespace {

using Json = nlohmann::ordered_json;

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
