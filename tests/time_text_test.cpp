// Durations, sizes, and the texts of all: what does not depend on a zone.

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "model/time_words.h"
#include "support/sentences.h"

namespace galproc {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

TEST(Durations, AreReadInEveryUnit) {
  const std::vector<std::pair<std::string, std::int64_t>> cases = {{"1us", 1},
                                                                   {"250us", 250},
                                                                   {"500ms", 500'000},
                                                                   {"5s", 5'000'000},
                                                                   {"90m", 5'400'000'000},
                                                                   {"2h", 7'200'000'000},
                                                                   {"7d", 604'800'000'000},
                                                                   {"1d12h", 129'600'000'000},
                                                                   {"  5s\t", 5'000'000},
                                                                   {"1d2h3m4s5ms6us", 93'784'005'006},
                                                                   {"1h90m", 9'000'000'000},
                                                                   {"0h5s", 5'000'000},
                                                                   {"007s", 7'000'000},
                                                                   {"9223372036854775807us", kMax},
                                                                   {"106751991d4h54s775ms807us", kMax}};
  for (const auto& [word, us] : cases) EXPECT_EQ(parse_duration_us(word), us) << word;
}

TEST(Durations, ThatAreNoneAreNamedWithTheReasonAndAnExample) {
  const std::vector<Refused> cases = {{"", "it has no number"},
                                      {"5", "the number 5 has no unit"},
                                      {"1h30", "the number 30 has no unit"},
                                      {"5x", "'x' is not a unit"},
                                      {"5S", "'S' is not a unit"},
                                      {"5 s", "' s' is not a unit"},
                                      {"1.5h", "'.' is not a unit"},
                                      {"0s", "it must be more than 0"},
                                      {"0d0h", "it must be more than 0"},
                                      {"-5s", "a whole number is missing before '-5s'"},
                                      {"s", "a whole number is missing before 's'"},
                                      {"12h1d", "'d' stands after 'h'"},
                                      {"1h1h", "'h' stands after 'h'"},
                                      {"1us1ms", "'ms' stands after 'us'"},
                                      {"9223372036854775808us", "it is too long"},
                                      {"106751992d", "it is too long"},
                                      {"106751991d5h", "it is too long"},
                                      {"99999999999999999999s", "it is too long"}};
  for (const auto& [word, why] : cases) {
    const std::string sentence = sentence_of([&word = word] { parse_duration_us(word); });
    expect_says(sentence, "'" + word + "' is not a duration: " + why + ".");
    expect_says(sentence, "units us, ms, s, m (minutes), h or d, for example 500ms, 90m or 1d12h");
  }
}

TEST(Sizes, AreReadInEveryUnit) {
  const std::vector<std::pair<std::string, std::int64_t>> cases = {{"0", 0},
                                                                   {"4096", 4096},
                                                                   {"12B", 12},
                                                                   {"512KiB", 524'288},
                                                                   {"3MiB", 3'145'728},
                                                                   {"2GiB", 2'147'483'648},
                                                                   {"1TiB", 1'099'511'627'776},
                                                                   {"1kB", 1000},
                                                                   {"1KB", 1000},
                                                                   {"10MB", 10'000'000},
                                                                   {"2GB", 2'000'000'000},
                                                                   {"1TB", 1'000'000'000'000},
                                                                   {"1.5GiB", 1'610'612'736},
                                                                   {"0.1KiB", 102},
                                                                   {"1.9999999kB", 1999},
                                                                   {"0.999999TiB", 1'099'510'528'264},
                                                                   {" 1.5 KiB ", 1536},
                                                                   {"2gib", 2'147'483'648},
                                                                   {"9223372036854775807", kMax},
                                                                   {"8388607.999999TiB", kMax - 1'099'512 + 1}};
  for (const auto& [word, bytes] : cases) EXPECT_EQ(parse_size_bytes(word), bytes) << word;
}

TEST(Sizes, ThatAreNoneAreNamedWithTheReasonAndAnExample) {
  const std::vector<Refused> cases = {{"", "it does not begin with a digit"},
                                      {"-1", "it does not begin with a digit"},
                                      {"GiB", "it does not begin with a digit"},
                                      {".5GiB", "it does not begin with a digit"},
                                      {"5.GiB", "digits are missing after the point"},
                                      {"2G", "'G' is not a unit"},
                                      {"2 XB", "'XB' is not a unit"},
                                      {"1.5.2KiB", "'.2KiB' is not a unit"},
                                      {"1KiB2", "'KiB2' is not a unit"},
                                      {"1,5GiB", "',5GiB' is not a unit"},
                                      {"1.5", "there is no part of a byte"},
                                      {"1.5B", "there is no part of a byte"},
                                      {"9223372036854775808", "it is too large"},
                                      {"8388608TiB", "it is too large"}};
  for (const auto& [word, why] : cases) {
    const std::string sentence = sentence_of([&word = word] { parse_size_bytes(word); });
    expect_says(sentence, "'" + word + "' is not a size: " + why + ".");
    expect_says(sentence, "for example 4096, 512KiB or 1.5GiB");
  }
}

TEST(InstantText, IsBuiltFromWholePartsAndNeverRounded) {
  const std::vector<std::pair<std::int64_t, std::string>> cases = {
      {0, "1970-01-01T00:00:00.000000Z"},
      {999'999, "1970-01-01T00:00:00.999999Z"},
      {1'000'000, "1970-01-01T00:00:01.000000Z"},
      {-1, "1969-12-31T23:59:59.999999Z"},
      {-1'000'000, "1969-12-31T23:59:59.000000Z"},
      {-86'400'000'001, "1969-12-30T23:59:59.999999Z"},
      {1'795'317'125'123'456, "2026-11-22T03:12:05.123456Z"},
      {951'782'400'000'000, "2000-02-29T00:00:00.000000Z"},
      {253'402'300'799'999'999, "9999-12-31T23:59:59.999999Z"},
      {253'402'300'800'000'000, "+10000-01-01T00:00:00.000000Z"},
      {-62'167'219'200'000'000, "0000-01-01T00:00:00.000000Z"},
      {-62'167'219'200'000'001, "-0001-12-31T23:59:59.999999Z"},
      {kMax, "+294247-01-10T04:00:54.775807Z"},
      {kMin, "-290308-12-21T19:59:05.224192Z"}};
  for (const auto& [us, text] : cases) EXPECT_EQ(format_instant(us), text) << us;
}

TEST(InstantText, IsCutToMillisecondsForTables) {
  EXPECT_EQ(format_instant_short(1'795'317'125'123'999), "2026-11-22 03:12:05.123Z");
  EXPECT_EQ(format_instant_short(1'795'317'125'999'999), "2026-11-22 03:12:05.999Z");
  EXPECT_EQ(format_instant_short(-1), "1969-12-31 23:59:59.999Z");
  EXPECT_EQ(format_instant_short(kMin), "-290308-12-21 19:59:05.224Z");
}

TEST(InstantText, IsReadBackAsTheSameInstant) {
  for (const std::int64_t us : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'795'317'125'999'999}}) {
    EXPECT_EQ(parse_instant_us(format_instant(us), 0), us);
    EXPECT_EQ(parse_instant_us(format_instant_short(us), 0) / 1000, (us < 0 ? us - 999 : us) / 1000);
  }
}

TEST(DurationText, IsCutAndNeverRoundedUp) {
  const std::vector<std::pair<std::int64_t, std::string>> cases = {{0, "0s"},
                                                                   {1, "1us"},
                                                                   {250, "250us"},
                                                                   {999, "999us"},
                                                                   {1000, "1.0ms"},
                                                                   {12'500, "12.5ms"},
                                                                   {999'999, "999.9ms"},
                                                                   {1'000'000, "1.00s"},
                                                                   {3'200'000, "3.20s"},
                                                                   {59'999'999, "59.99s"},
                                                                   {60'000'000, "1m00s"},
                                                                   {245'000'000, "4m05s"},
                                                                   {3'599'999'999, "59m59s"},
                                                                   {3'600'000'000, "1h00m"},
                                                                   {7'380'000'000, "2h03m"},
                                                                   {86'399'999'999, "23h59m"},
                                                                   {86'400'000'000, "1d00h"},
                                                                   {129'600'000'000, "1d12h"},
                                                                   {kMax, "106751991d04h"},
                                                                   {-250, "-250us"},
                                                                   {-3'200'000, "-3.20s"},
                                                                   {kMin, "-106751991d04h"}};
  for (const auto& [us, text] : cases) EXPECT_EQ(format_duration(us), text) << us;
}

TEST(SizeText, IsRoundedToATenthAndNeverShows1024OfAUnit) {
  const std::vector<std::pair<std::int64_t, std::string>> cases = {{0, "0 B"},
                                                                   {512, "512 B"},
                                                                   {1023, "1023 B"},
                                                                   {1024, "1.0 KiB"},
                                                                   {1536, "1.5 KiB"},
                                                                   {1'048'524, "1023.9 KiB"},
                                                                   {1'048'525, "1.0 MiB"},
                                                                   {1'048'575, "1.0 MiB"},
                                                                   {1'048'576, "1.0 MiB"},
                                                                   {12'897'485, "12.3 MiB"},
                                                                   {1'073'741'823, "1.0 GiB"},
                                                                   {2'147'483'648, "2.0 GiB"},
                                                                   {1'099'511'627'775, "1.0 TiB"},
                                                                   {kMax, "8.0 EiB"},
                                                                   {-1, "-1 B"},
                                                                   {-1536, "-1.5 KiB"},
                                                                   {kMin, "-8.0 EiB"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(format_size(bytes), text) << bytes;
}

}  // namespace
}  // namespace galproc
