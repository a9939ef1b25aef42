#include "model/time_words.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/errors.h"
#include "support/sentences.h"

namespace galproc {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

// The rules of the zones spelled out, so that these tests need no tzdata.
constexpr const char* kBerlin = "CET-1CEST,M3.5.0,M10.5.0/3";
constexpr const char* kNewYork = "EST5EDT,M3.2.0,M11.1.0";
/// Put forward at midnight on the second Sunday of March, back at 01:00, as in Havana.
constexpr const char* kMidnightZone = "CST5CDT,M3.2.0/0,M11.1.0/1";

/// The local zone while it lives.
class LocalZone {
 public:
  explicit LocalZone(const std::string& zone) {
    if (const char* old = std::getenv("TZ")) old_ = old;
    setenv("TZ", zone.c_str(), 1);
    tzset();
  }
  ~LocalZone() {
    if (old_) {
      setenv("TZ", old_->c_str(), 1);
    } else {
      unsetenv("TZ");
    }
    tzset();
  }
  LocalZone(const LocalZone&) = delete;
  LocalZone& operator=(const LocalZone&) = delete;

 private:
  std::optional<std::string> old_;
};

/// A name that the system does not know is read as UTC: a July noon tells. REQUIRES: a zone that is not UTC then.
bool is_known_zone(const std::string& name) {
  const LocalZone zone(name);
  const std::time_t july_noon_utc = 1'783'080'000;
  return std::localtime(&july_noon_utc)->tm_hour != 12;
}

/// `zones`, and those among `names` that this system knows.
std::vector<std::string> zones_here(std::vector<std::string> zones, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (is_known_zone(name)) zones.push_back(name);
  }
  return zones;
}

/// In UTC, as format_instant writes it, which has tests of its own against plain numbers.
std::string instant(std::string_view word, std::string_view now, std::string_view since = "") {
  std::optional<std::int64_t> since_us;
  if (!since.empty()) since_us = parse_instant_us(since, 0);
  return format_instant(parse_instant_us(word, parse_instant_us(now, 0), since_us));
}

std::string instant_error(std::string_view word, std::string_view now = "2026-11-22T12:00:00Z",
                          std::string_view since = "") {
  return sentence_of([&] { instant(word, now, since); });
}

TEST(Instants, ThatNameTheirZoneDoNotLookAtTheLocalOne) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"2026-11-22T03:12:05Z", "2026-11-22T03:12:05.000000Z"},
      {"2026-11-22t03:12z", "2026-11-22T03:12:00.000000Z"},
      {"2026-11-22 03:12Z", "2026-11-22T03:12:00.000000Z"},
      {"2026-11-22T03:12:05.123+02:00", "2026-11-22T01:12:05.123000Z"},
      {"2026-11-22T03:12:05+0200", "2026-11-22T01:12:05.000000Z"},
      {"2026-11-22 03:12:05 +0530", "2026-11-21T21:42:05.000000Z"},
      {"2026-11-22 03:12-05", "2026-11-22T08:12:00.000000Z"},
      {"2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000000Z"},
      {"2026-11-22T23:59:59.999999Z", "2026-11-22T23:59:59.999999Z"},
      {"2026-11-22T23:59:59.9999999999Z", "2026-11-22T23:59:59.999999Z"},
      {"2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000000Z"},
      {"0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"},
      {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z"},
      {"@0", "1970-01-01T00:00:00.000000Z"},
      {"@1795317125.5", "2026-11-22T03:12:05.500000Z"},
      {"@0.9999999", "1970-01-01T00:00:00.999999Z"},
      {"@-0.000001", "1969-12-31T23:59:59.999999Z"},
      {"@-1.5", "1969-12-31T23:59:58.500000Z"},
      {"@9223372036854.775807", format_instant(kMax)},
      {" \t2026-11-22T03:12:05Z ", "2026-11-22T03:12:05.000000Z"}};
  for (const std::string zone_name : {"UTC0", kBerlin, kNewYork}) {
    const LocalZone zone(zone_name);
    for (const auto& [word, utc] : cases) EXPECT_EQ(instant(word, "@0"), utc) << word << " in " << zone_name;
  }
}

TEST(Instants, AreReadInTheLocalZoneWhenTheyNameNone) {
  const std::string now = "2026-11-22T10:00:00.000007Z";  // 11:00 in Berlin
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"now", "2026-11-22T10:00:00.000007Z"},
      {" NOW ", "2026-11-22T10:00:00.000007Z"},
      {"2h ago", "2026-11-22T08:00:00.000007Z"},
      {"-2h", "2026-11-22T08:00:00.000007Z"},
      {"1d12h  AGO", "2026-11-20T22:00:00.000007Z"},
      {"-7us", "2026-11-22T10:00:00.000000Z"},
      {"today", "2026-11-21T23:00:00.000000Z"},
      {"Yesterday", "2026-11-20T23:00:00.000000Z"},
      {"yesterday 03:12", "2026-11-21T02:12:00.000000Z"},
      {"yesterday  03:12:05", "2026-11-21T02:12:05.000000Z"},
      {"YESTERDAY\t03:12:05.123", "2026-11-21T02:12:05.123000Z"},
      {"today 03:12", "2026-11-22T02:12:00.000000Z"},
      {"today 23:00", "2026-11-22T22:00:00.000000Z"},
      {"2026-11-22", "2026-11-21T23:00:00.000000Z"},
      {"2026-11-22 03:12", "2026-11-22T02:12:00.000000Z"},
      {"2026-11-22T03:12:05", "2026-11-22T02:12:05.000000Z"},
      {"2026-11-22 03:12:05.123", "2026-11-22T02:12:05.123000Z"},
      {"2026-07-01 00:30", "2026-06-30T22:30:00.000000Z"},
      {"2026-11-22 03:12:05.9999999", "2026-11-22T02:12:05.999999Z"},
      {"1969-12-31 23:59:59.999999", "1969-12-31T22:59:59.999999Z"}};
  for (const std::string& zone_name : zones_here({kBerlin}, {"Europe/Berlin"})) {
    const LocalZone zone(zone_name);
    for (const auto& [word, utc] : cases) EXPECT_EQ(instant(word, now), utc) << word << " in " << zone_name;
  }
}

TEST(Instants, TakeTheDayFromTheLocalClockNotFromUtc) {
  const LocalZone zone(kNewYork);
  const std::string now = "2026-11-22T03:00:00Z";  // the 21st, 22:00, in New York
  EXPECT_EQ(instant("today", now), "2026-11-21T05:00:00.000000Z");
  EXPECT_EQ(instant("yesterday 12:00", now), "2026-11-20T17:00:00.000000Z");
  EXPECT_EQ(instant("23:00", now), "2026-11-21T04:00:00.000000Z");
}

TEST(ATimeOfDayAlone, IsTheLastOneThatIsPast) {
  const LocalZone zone("UTC0");
  const std::string now = "2026-11-22T03:12:05.500000Z";
  EXPECT_EQ(instant("03:12", now), "2026-11-22T03:12:00.000000Z");
  EXPECT_EQ(instant("03:12:05.5", now), "2026-11-22T03:12:05.500000Z") << "now itself is past";
  EXPECT_EQ(instant("03:12:05.500001", now), "2026-11-21T03:12:05.500001Z");
  EXPECT_EQ(instant("03:13", now), "2026-11-21T03:13:00.000000Z");
  EXPECT_EQ(instant("00:00", "2026-03-01T00:00:00Z"), "2026-03-01T00:00:00.000000Z");
  EXPECT_EQ(instant("23:59:59", "2026-01-01T00:00:00Z"), "2025-12-31T23:59:59.000000Z");
}

TEST(ATimeOfDayAlone, IsAsARangesEndTheFirstAfterItsStart) {
  const LocalZone zone("UTC0");
  const std::string now = "2026-11-22T12:00:00Z";
  EXPECT_EQ(instant("03:12", now, "2026-11-20T03:00:00Z"), "2026-11-20T03:12:00.000000Z");
  EXPECT_EQ(instant("03:12", now, "2026-11-20T03:12:00Z"), "2026-11-21T03:12:00.000000Z") << "after, not at";
  EXPECT_EQ(instant("03:12", now, "2026-11-20T23:00:00Z"), "2026-11-21T03:12:00.000000Z");
  EXPECT_EQ(instant("23:00", now, "2026-11-22T11:00:00Z"), "2026-11-22T12:00:00.000000Z") << "at most now";
  EXPECT_EQ(instant("yesterday 03:12", now, "2026-11-22T11:00:00Z"), "2026-11-21T03:12:00.000000Z")
      << "a word with a day does not look at the start";
}

TEST(TheClockPutForward, MakesATimeThatDoesNotExist) {
  const std::string now = "2026-03-29T10:00:00Z";
  for (const std::string& zone_name : zones_here({kBerlin}, {"Europe/Berlin"})) {
    const LocalZone zone(zone_name);
    EXPECT_EQ(instant("2026-03-29 01:59:59.999999", now), "2026-03-29T00:59:59.999999Z");
    EXPECT_EQ(instant("2026-03-29 03:00", now), "2026-03-29T01:00:00.000000Z");
    for (const std::string word :
         {"2026-03-29 02:00", "2026-03-29T02:30", "2026-03-29 02:59:59.999999", "today 02:30", "02:30"}) {
      const std::string sentence = instant_error(word, now);
      expect_says(sentence, "'" + word + "' does not exist: the local clock was put forward over 2026-03-29 02:");
      expect_says(sentence, "at 2026-03-29T01:00:00.000000Z");
    }
    expect_says(instant_error("yesterday 02:30", "2026-03-30T10:00:00Z"), "'yesterday 02:30' does not exist");
    EXPECT_EQ(instant("02:30", "2026-03-29T00:45:00Z"), "2026-03-28T01:30:00.000000Z") << "it was not yet skipped";
    expect_says(instant_error("02:30", now, "2026-03-29T00:00:00Z"), "'02:30' does not exist");
    EXPECT_EQ(instant("02:30", "2026-03-31T10:00:00Z", "2026-03-29T01:00:00Z"), "2026-03-30T00:30:00.000000Z");
    EXPECT_EQ(instant("2026-03-29T02:30+01:00", now), "2026-03-29T01:30:00.000000Z");
  }
  for (const std::string& zone_name : zones_here({kNewYork}, {"America/New_York"})) {
    const LocalZone zone(zone_name);
    EXPECT_EQ(instant("2026-03-08 01:59:59", now), "2026-03-08T06:59:59.000000Z");
    EXPECT_EQ(instant("2026-03-08 03:00", now), "2026-03-08T07:00:00.000000Z");
    expect_says(instant_error("2026-03-08 02:30", now), "'2026-03-08 02:30' does not exist");
  }
}

TEST(TheClockPutBack, MakesTwoTimesOfWhichTheFirstCounts) {
  const std::string now = "2026-10-25T10:00:00Z";
  for (const std::string& zone_name : zones_here({kBerlin}, {"Europe/Berlin"})) {
    const LocalZone zone(zone_name);
    EXPECT_EQ(instant("2026-10-25 01:59:59", now), "2026-10-24T23:59:59.000000Z");
    EXPECT_EQ(instant("2026-10-25 02:00", now), "2026-10-25T00:00:00.000000Z");
    EXPECT_EQ(instant("2026-10-25 02:59:59.999999", now), "2026-10-25T00:59:59.999999Z");
    EXPECT_EQ(instant("2026-10-25 03:00", now), "2026-10-25T02:00:00.000000Z");
    EXPECT_EQ(instant("today 02:30", now), "2026-10-25T00:30:00.000000Z");
    EXPECT_EQ(instant("02:30", now), "2026-10-25T00:30:00.000000Z");
    EXPECT_EQ(instant("02:30", "2026-10-25T00:10:00Z"), "2026-10-24T00:30:00.000000Z") << "not yet past";
    EXPECT_EQ(instant("02:30", now, "2026-10-24T23:00:00Z"), "2026-10-25T00:30:00.000000Z");
    EXPECT_EQ(instant("02:30", now, "2026-10-25T00:40:00Z"), "2026-10-25T01:30:00.000000Z")
        << "the range begins between the two";
  }
  for (const std::string& zone_name : zones_here({kNewYork}, {"America/New_York"})) {
    const LocalZone zone(zone_name);
    EXPECT_EQ(instant("2026-11-01 01:30", "@0"), "2026-11-01T05:30:00.000000Z");
    EXPECT_EQ(instant("2026-11-01 02:00", "@0"), "2026-11-01T07:00:00.000000Z");
  }
}

TEST(ADay, BeginsWithItsFirstInstantAlsoWhereMidnightWasSkipped) {
  const LocalZone zone(kMidnightZone);
  EXPECT_EQ(instant("2026-03-08", "@0"), "2026-03-08T05:00:00.000000Z");
  EXPECT_EQ(instant("2026-03-09", "@0"), "2026-03-09T04:00:00.000000Z");
  EXPECT_EQ(instant("today", "2026-03-08T15:00:00Z"), "2026-03-08T05:00:00.000000Z");
  EXPECT_EQ(instant("2026-11-01", "@0"), "2026-11-01T04:00:00.000000Z") << "midnight twice: the first";
  expect_says(instant_error("2026-03-08 00:00"), "'2026-03-08 00:00' does not exist");
}

TEST(ADay, ThatAZoneSkippedWholeDoesNotExist) {
  if (!is_known_zone("Pacific/Apia")) GTEST_SKIP() << "needs tzdata";
  const LocalZone zone("Pacific/Apia");
  expect_says(instant_error("2011-12-30"), "'2011-12-30' does not exist");
  EXPECT_EQ(instant("2011-12-31", "@0"), "2011-12-30T10:00:00.000000Z");
}

TEST(Instants, ThatAreNoneAreNamedWithTheReasonAndAnExample) {
  const LocalZone zone("UTC0");
  const std::string form = "no form of a time looks like it";
  const std::string date = "a date is four, two and two digits";
  const std::string no_day = "the calendar has no such day";
  const std::string time = "a time of day is 03:12 or 03:12:05, two digits each";
  const std::string hours = "a day runs from 00:00:00 to 23:59:59";
  const std::string offset = "a zone is Z, +02:00, +0200 or +02";
  const std::string zone_without_date = "only a date can have a zone";
  const std::vector<Refused> cases = {{"", form},
                                      {"soon", form},
                                      {"2h", form},
                                      {"1795317125", form},
                                      {"3:12", form},
                                      {"ago", form},
                                      {"2026-2-03", date},
                                      {"2026-02-3", date},
                                      {"2026-02", date},
                                      {"2026-02-030", date},
                                      {"abcd-02-03", date},
                                      {"2026-02-30", no_day},
                                      {"2026-13-01", no_day},
                                      {"2026-00-10", no_day},
                                      {"2025-02-29 03:12", no_day},
                                      {"2026-11-22Z", "a blank or T must follow the date"},
                                      {"2026-11-22T", time},
                                      {"2026-11-22T 03:12", time},
                                      {"2026-11-22 3:12", time},
                                      {"2026-11-22 03", time},
                                      {"03:1", time},
                                      {"03:12:5", time},
                                      {"03:12:", time},
                                      {"today soon", time},
                                      {"todayish", "a blank must follow the day"},
                                      {"25:00", hours},
                                      {"24:00", hours},
                                      {"2026-11-22 24:00", hours},
                                      {"03:60", hours},
                                      {"03:12:60", hours},
                                      {"yesterday 24:00", hours},
                                      {"03:12:05.", "digits are missing after the point"},
                                      {"@1.", "digits are missing after the point"},
                                      {"03:12Z", zone_without_date},
                                      {"03:12.5", zone_without_date},
                                      {"today 03:12+02:00", zone_without_date},
                                      {"2026-11-22 03:12+2", offset},
                                      {"2026-11-22 03:12+02:0", offset},
                                      {"2026-11-22 03:12+24:00", offset},
                                      {"2026-11-22 03:12+02:60", offset},
                                      {"2026-11-22 03:12 CET", offset},
                                      {"2026-11-22 03:12ZZ", offset},
                                      {"2026-11-22 03:12+02:000", offset},
                                      {"2026-11-22 03:12*0200", offset},
                                      {"2026-11-22 03:12+", offset},
                                      {"@", "after @ come the seconds since 1970"},
                                      {"@-", "after @ come the seconds since 1970"},
                                      {"@1x", "something follows the seconds"},
                                      {"@9223372036855", "these are too many seconds"},
                                      {"@99999999999999999999", "these are too many seconds"}};
  for (const auto& [word, why] : cases) {
    expect_says(instant_error(word), "'" + word + "' is not a time: " + why + ". Write for example now, '2h ago'");
  }
}

TEST(Instants, WhoseDurationIsWrongNameTheWholeWord) {
  expect_says(instant_error("-2"), "'-2' is not a duration: the number 2 has no unit.");
  expect_says(instant_error("2 ago"), "'2 ago' is not a duration: the number 2 has no unit.");
  expect_says(instant_error("0s ago"), "'0s ago' is not a duration: it must be more than 0.");
  expect_says(instant_error("-"), "'-' is not a duration: it has no number.");
}

TEST(Instants, ThatLeaveTheSixtyFourBitsAreRefused) {
  EXPECT_EQ(parse_instant_us("-9223372036854775807us", 0), -kMax);
  expect_says(sentence_of([] { parse_instant_us("-9223372036854775807us", -10); }),
              "'-9223372036854775807us' is not a time: it is too long ago.");
  expect_says(sentence_of([] { parse_instant_us("today", kMax); }), "does not know the local time at +294247-01-10");
  expect_says(sentence_of([] { parse_instant_us("03:12", 0, kMin); }), "does not know the local time at -290308-12-21");
}

}  // namespace
}  // namespace galproc
