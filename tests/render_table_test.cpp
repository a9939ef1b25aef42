// A table at a terminal: what is shown of rows that do not fit, and how.

#include <gtest/gtest.h>

#include "model/text.h"
#include "model/time_words.h"
#include "support/rendering.h"

namespace galproc {
namespace {

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

}  // namespace
}  // namespace galproc
