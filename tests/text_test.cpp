#include "model/text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace galproc {
namespace {

const std::string kBad = "\xEF\xBF\xBD";

struct CleanCase {
  std::string bytes;
  std::string expected;
};

TEST(CleanUtf8, ReplacesEachBadSequenceByOneMark) {
  const std::vector<CleanCase> cases = {
      {"", ""},
      {"plain /usr/bin/x", "plain /usr/bin/x"},
      {"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80", "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80"},
      {"a\x80z", "a" + kBad + "z"},                                // lone continuation
      {"\xC0\xAF", kBad + kBad},                                   // overlong '/'
      {"\xE0\x80\xAF", kBad + kBad + kBad},                        // overlong in three
      {"\xF0\x80\x80\xAF", kBad + kBad + kBad + kBad},             // overlong in four
      {"\xED\xA0\x80", kBad + kBad + kBad},                        // surrogate
      {"\xF4\x90\x80\x80", kBad + kBad + kBad + kBad},             // past U+10FFFF
      {"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},                    // U+10FFFF itself
      {"\xF8\x88\x80\x80\x80", kBad + kBad + kBad + kBad + kBad},  // five-byte form
      {"\xE2\x82z", kBad + "z"},                                   // cut short, a maximal subpart
      {"\xE2\x82", kBad},                                          // cut short at the end
      {"\xF0\x9F\x98", kBad},                                      // likewise
      {"\xC3", kBad},                                              // likewise
      {"\xF1\x80\x80\xE1\x80\xC2z", kBad + kBad + kBad + "z"},     // the example of the standard, table 3-8
      {"\x1B[31m\n\x7F\xC2\x85", "\x1B[31m\n\x7F\xC2\x85"},        // controls are facts
  };
  for (const CleanCase& one : cases) {
    const CleanText clean = clean_utf8(one.bytes);
    EXPECT_EQ(clean.text, one.expected);
    EXPECT_FALSE(clean.truncated);
  }
}

TEST(CleanUtf8, TurnsNulIntoABlank) {
  EXPECT_EQ(clean_utf8(std::string_view("a\0b\0", 4)).text, "a b ");
}

TEST(CleanUtf8, GivesValidTextForEverySingleByteAndPair) {
  for (int first = 0; first < 256; ++first) {
    const std::string one(1, static_cast<char>(first));
    EXPECT_EQ(clean_utf8(one).text, first == 0 ? " " : first < 128 ? one : kBad);
    for (int second = 0; second < 256; ++second) {
      const std::string two = one + static_cast<char>(second);
      const std::string text = clean_utf8(two).text;
      EXPECT_EQ(clean_utf8(text).text, text);
    }
  }
}

TEST(CleanUtf8, CutsAtTheLimitButNeverInsideACharacter) {
  const std::string euro = "\xE2\x82\xAC";
  EXPECT_EQ(clean_utf8("abcdef", 6).text, "abcdef");
  EXPECT_FALSE(clean_utf8("abcdef", 6).truncated);
  EXPECT_EQ(clean_utf8("abcdef", 5).text, "abcde");
  EXPECT_TRUE(clean_utf8("abcdef", 5).truncated);
  for (const std::size_t limit : {3u, 4u, 5u}) EXPECT_EQ(clean_utf8(euro + euro, limit).text, euro);
  EXPECT_EQ(clean_utf8(euro, 2).text, "");
  EXPECT_TRUE(clean_utf8(euro, 2).truncated);
  EXPECT_FALSE(clean_utf8("", 0).truncated);
}

TEST(CleanUtf8, KeepsTheLimitWhenReplacementsAreLongerThanTheBytes) {
  const CleanText clean = clean_utf8(std::string(65536, '\xFF'));
  EXPECT_EQ(clean.text.size(), 65535u);
  EXPECT_TRUE(clean.truncated);
}

TEST(EscapeControls, MakesControlsAndDirectionMarksVisible) {
  const std::vector<CleanCase> cases = {
      {"plain \\n text", "plain \\n text"},
      {"a\nb\tc\rd\x1B[0m\x7F\x01", "a\\nb\\tc\\rd\\x1b[0m\\x7f\\x01"},
      {"\xC2\x80\xC2\x9F\xC2\xA0", "\\u0080\\u009f\xC2\xA0"},
      {"\xD8\x9C\xE2\x80\x8E\xE2\x80\x8F", "\\u061c\\u200e\\u200f"},
      {"\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA\xE2\x80\xAE\xE2\x80\xAF", "\\u2028\\u2029\\u202a\\u202e\xE2\x80\xAF"},
      {"\xE2\x81\xA5\xE2\x81\xA6\xE2\x81\xA9\xEF\xBB\xBF", "\xE2\x81\xA5\\u2066\\u2069\\ufeff"},
      {"\x9B"
       "31m\xE2\x80",
       "\\x9b31m\\xe2\\x80"},
      {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
  };
  for (const CleanCase& one : cases) EXPECT_EQ(escape_controls(one.bytes), one.expected);
}

TEST(EscapeControls, LeavesNoRawControlOfAnyByte) {
  for (int value = 0; value < 256; ++value) {
    const std::string escaped = escape_controls(std::string(1, static_cast<char>(value)));
    for (const char c : escaped) EXPECT_TRUE(c >= 0x20 && c < 0x7F) << value;
  }
}

TEST(ShellQuote, QuotesOnlyWhereNeeded) {
  const std::vector<CleanCase> cases = {
      {"", "''"},           {"/usr/bin/a-b_c@d%e+f=g:h,i.j", "/usr/bin/a-b_c@d%e+f=g:h,i.j"},
      {"a b", "'a b'"},     {"it's", "'it'\\''s'"},
      {"$HOME", "'$HOME'"}, {"a\nb", "'a\nb'"},
      {"~", "'~'"},         {"\xC3\xBC", "'\xC3\xBC'"},
  };
  for (const CleanCase& one : cases) EXPECT_EQ(shell_quote(one.bytes), one.expected);
}

TEST(JoinCommandLine, PutsOneBlankBetweenQuotedArguments) {
  EXPECT_EQ(join_command_line({}), "");
  EXPECT_EQ(join_command_line({"sh", "-c", "echo 'x'", ""}), "sh -c 'echo '\\''x'\\''' ''");
}

TEST(DidYouMean, FindsTheNearestSlip) {
  const std::vector<std::string> verbs = {"record", "query", "kill", "start", "stop", "doctor", "db"};
  EXPECT_EQ(did_you_mean("recrod", verbs), "record");  // swapped: one step
  EXPECT_EQ(did_you_mean("qeury", verbs), "query");
  EXPECT_EQ(did_you_mean("kil", verbs), "kill");
  EXPECT_EQ(did_you_mean("KILL", verbs), "kill");
  EXPECT_EQ(did_you_mean("docter", verbs), "doctor");
  EXPECT_EQ(did_you_mean("dbb", verbs), "db");
}

TEST(DidYouMean, GivesNothingWhenNothingIsNear) {
  const std::vector<std::string> verbs = {"record", "query", "db"};
  EXPECT_EQ(did_you_mean("frobnicate", verbs), "");
  EXPECT_EQ(did_you_mean("ls", verbs), "");
  EXPECT_EQ(did_you_mean("", verbs), "");
  EXPECT_EQ(did_you_mean("record", {}), "");
  EXPECT_EQ(did_you_mean(std::string(65536, 'q'), {std::string(65536, 'p')}), "");
}

TEST(DidYouMean, AllowsMoreSlipsInLongWords) {
  const std::vector<std::string> names = {"termination_attempts", "process_samples"};
  EXPECT_EQ(did_you_mean("terminaton_atempt", names), "termination_attempts");
  EXPECT_EQ(did_you_mean("samples_of_process", names), "");
}

struct WidthCase {
  std::string text;
  int width;
};

TEST(DisplayWidth, CountsTerminalColumns) {
  const std::vector<WidthCase> cases = {
      {"", 0},
      {"abc", 3},
      {"\xC3\xBC", 1},
      {"e\xCC\x81", 1},                         // e + combining acute
      {"\xE6\xBC\xA2\xE5\xAD\x97", 4},          // Han
      {"\xEA\xB0\x80", 2},                      // Hangul syllable
      {"\xE1\x84\x80\xE1\x85\xA1", 2},          // the same from letters
      {"\xEF\xBC\xA1", 2},                      // fullwidth A
      {"\xEF\xBD\xB1", 1},                      // halfwidth katakana
      {"\xF0\x9F\x98\x80", 2},                  // emoji
      {"\xF0\x9F\xAB\xA8", 2},                  // shaking face, new in Unicode 15
      {"\xE2\x9D\xA4\xEF\xB8\x8F", 1},          // heart + variation selector
      {"\xE2\x80\x8D", 0},                      // joiner
      {"\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA", 2},  // flag of two letters
      {"\xF0\xA0\x80\x80", 2},                  // Han, plane 2
      {"\xE2\x80\xA6", 1},                      // ellipsis
      {"\xC2\xAD", 1},                          // soft hyphen is drawn
      {"\n\x1B\xC2\x85", 0},
      {"\xFF\xE2\x82", 2},  // two replacement marks
  };
  for (const WidthCase& one : cases) EXPECT_EQ(display_width(one.text), one.width) << one.text;
}

TEST(CutToWidth, EndsInAnEllipsisOnlyWhenSomethingWasCut) {
  const std::string dots = "\xE2\x80\xA6";
  EXPECT_EQ(cut_to_width("abc", 3), "abc");
  EXPECT_EQ(cut_to_width("abcd", 3), "ab" + dots);
  EXPECT_EQ(cut_to_width("abcd", 1), dots);
  EXPECT_EQ(cut_to_width("abcd", 0), "");
  EXPECT_EQ(cut_to_width("abcd", -1), "");
  EXPECT_EQ(cut_to_width("", 5), "");
}

TEST(CutToWidth, NeverCutsInsideACombiningSequence) {
  const std::string dots = "\xE2\x80\xA6";
  const std::string accented = "e\xCC\x81";
  EXPECT_EQ(cut_to_width(accented + accented, 2), accented + accented);
  EXPECT_EQ(cut_to_width(accented + accented + "x", 2), accented + dots);
  const std::string han = "\xE6\xBC\xA2";
  EXPECT_EQ(cut_to_width(han + han, 4), han + han);
  EXPECT_EQ(cut_to_width(han + han, 3), han + dots);
  EXPECT_EQ(cut_to_width(han + han, 2), dots);
  const std::string joined = "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB";  // woman + joiner + laptop
  EXPECT_EQ(cut_to_width("a" + joined, 4), "a" + dots);
  EXPECT_EQ(cut_to_width("a" + joined, 5), "a" + joined);
}

TEST(CutToWidth, KeepsItsWidthForAnyBytes) {
  std::string bytes;
  for (unsigned i = 0; i < 65536; ++i) bytes += static_cast<char>((i * 2654435761u) >> 24);
  for (const int width : {1, 2, 7, 80, 1000}) {
    EXPECT_LE(display_width(cut_to_width(bytes, width)), width);
  }
}

TEST(CommandLine, SplitsIntoTheArgumentsThatItWasJoinedOf) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{}, {"a"}, {"a", "", "b c"}, {"it's", "'", "\\", "$x\n"}, {"", ""}}) {
    EXPECT_EQ(split_command_line(join_command_line(arguments)), arguments);
  }
  EXPECT_EQ(split_command_line("a 'cut sho"), (std::vector<std::string>{"a", "cut sho"}));
}

}  // namespace
}  // namespace galproc
