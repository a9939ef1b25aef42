// The forms are read by hand: date::parse takes one digit where two are asked for, and has no specifier for all
// three spellings of an offset. `date` does the calendar, std::localtime alone the local zone: mktime does not say
// which of two equal local times it takes, and moves one that does not exist instead of refusing it.

#include "model/time_words.h"

#include <date/date.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <limits>
#include <span>
#include <vector>

#include "model/errors.h"
#include "model/floor_divide.h"

namespace galproc {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kDayUs = 86'400 * kSecondUs;

struct NamedFactor {
  std::string_view name;
  std::int64_t factor;
};

/// In the order in which a duration may use them.
constexpr std::array<NamedFactor, 6> kDurationUnits{
    {{"d", kDayUs}, {"h", 3600 * kSecondUs}, {"m", 60 * kSecondUs}, {"s", kSecondUs}, {"ms", 1000}, {"us", 1}}};
constexpr std::array<NamedFactor, 10> kSizeUnits{{{"", 1},
                                                  {"b", 1},
                                                  {"kib", 1LL << 10},
                                                  {"mib", 1LL << 20},
                                                  {"gib", 1LL << 30},
                                                  {"tib", 1LL << 40},
                                                  {"kb", 1'000},
                                                  {"mb", 1'000'000},
                                                  {"gb", 1'000'000'000},
                                                  {"tb", 1'000'000'000'000}}};

const NamedFactor* find_unit(std::span<const NamedFactor> units, std::string_view name) {
  for (const NamedFactor& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kBlanks = " \t\n\r";

/// ASCII only: <cctype> asks the locale and must not be given a negative char.
std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

/// `digits * factor + part`; absent when that is more than 63 bits. REQUIRES: only digits, factor > 0, part >= 0.
std::optional<std::int64_t> scale(std::string_view digits, std::int64_t factor, std::int64_t part) {
  std::int64_t whole = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), whole);
  if (read.ec != std::errc{} || whole > (kMax - part) / factor) return std::nullopt;
  return whole * factor + part;
}

/// The digits behind a decimal point in millionths; those after the sixth are cut.
std::int64_t to_millionths(std::string_view digits) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < 6; ++i) value = value * 10 + (i < digits.size() ? digits[i] - '0' : 0);
  return value;
}

// What these take is removed from the front of `rest`.

/// The characters up to the first that is not in `set`.
std::string_view take_all(std::string_view& rest, std::string_view set) {
  const std::string_view taken = rest.substr(0, rest.find_first_not_of(set));
  rest.remove_prefix(taken.size());
  return taken;
}

/// One character, if it is among `wanted`.
bool take(std::string_view& rest, std::string_view wanted) {
  if (rest.empty() || wanted.find(rest.front()) == std::string_view::npos) return false;
  rest.remove_prefix(1);
  return true;
}

/// Exactly `width` (at most 9) digits; absent when there are fewer or more.
std::optional<int> take_number(std::string_view& rest, std::size_t width) {
  const std::string_view digits = take_all(rest, kDigits);
  if (digits.size() != width) return std::nullopt;
  return static_cast<int>(*scale(digits, 1, 0));
}

/// `shown` is what the user wrote and the sentence names: in `-2h` and `2h ago`, `text` is only a part of it.
std::int64_t read_duration(std::string_view text, std::string_view shown) {
  const auto reject = [shown](const std::string& why) {
    return UsageError(
        fmt::format("'{}' is not a duration: {}. Write whole numbers with their units us, ms, s, "
                    "m (minutes), h or d, for example 500ms, 90m or 1d12h.",
                    shown, why));
  };
  if (text.empty()) throw reject("it has no number");
  std::int64_t total = 0;
  const NamedFactor* last = nullptr;
  while (!text.empty()) {
    const std::string_view digits = take_all(text, kDigits);
    if (digits.empty()) throw reject(fmt::format("a whole number is missing before '{}'", text));
    const std::string_view name = text.substr(0, text.find_first_of(kDigits));
    text.remove_prefix(name.size());
    if (name.empty()) throw reject(fmt::format("the number {} has no unit", digits));
    const NamedFactor* unit = find_unit(kDurationUnits, name);
    if (unit == nullptr) throw reject(fmt::format("'{}' is not a unit", name));
    if (last != nullptr && unit <= last) throw reject(fmt::format("'{}' stands after '{}'", name, last->name));
    const auto sum = scale(digits, unit->factor, total);
    if (!sum) throw reject("it is too long");
    total = *sum;
    last = unit;
  }
  if (total == 0) throw reject("it must be more than 0");
  return total;
}

/// What a clock in the local zone shows at `utc_us`, as microseconds since 1970-01-01 00:00 on that same clock.
std::int64_t wall_at(std::int64_t utc_us) {
  const std::int64_t second = floor_divide(utc_us, kSecondUs);
  // `date` counts years in 16 bits: these are the years -1199 to 11476. Some C libraries know nothing before 1970.
  const bool is_in_range = second > -100'000'000'000 && second < 300'000'000'000;
  const auto time = static_cast<std::time_t>(is_in_range ? second : 0);
  const std::tm* local = std::localtime(&time);
  if (!is_in_range || local == nullptr) {
    throw UsageError(
        fmt::format("This system does not know the local time at {}. Give a nearer time, or one in "
                    "UTC, for example 2026-11-22T03:12:05Z.",
                    format_instant(utc_us)));
  }
  const date::sys_days day = date::year(local->tm_year + 1900) / (local->tm_mon + 1) / local->tm_mday;
  const int of_day = local->tm_hour * 3600 + local->tm_min * 60 + local->tm_sec;
  return day.time_since_epoch().count() * kDayUs + of_day * kSecondUs + utc_us - second * kSecondUs;
}

/// Midnight of the day that a local clock shows at `utc_us`, on that clock.
std::int64_t wall_day_at(std::int64_t utc_us) {
  return floor_divide(wall_at(utc_us), kDayUs) * kDayUs;
}

/// When a local clock shows a time: once, twice (put back) or never (put forward over it).
struct Occurrences {
  std::vector<std::int64_t> at_us;  ///< earliest first
  std::int64_t skip_end_us = 0;     ///< if never: the first instant after the skip
};

Occurrences find_occurrences(std::int64_t wall_us) {
  // No zone is a day from UTC, and none changes its offset twice in two days: only the offset a day before and
  // the one a day after can hold at `wall_us`.
  const std::int64_t by_old_offset = wall_us - (wall_at(wall_us - kDayUs) - (wall_us - kDayUs));
  const std::int64_t by_new_offset = wall_us - (wall_at(wall_us + kDayUs) - (wall_us + kDayUs));
  Occurrences found;
  if (wall_at(by_old_offset) == wall_us) found.at_us.push_back(by_old_offset);
  if (by_new_offset != by_old_offset && wall_at(by_new_offset) == wall_us) found.at_us.push_back(by_new_offset);
  if (!found.at_us.empty()) return found;
  std::int64_t early = by_new_offset;  // the clock is still before wall_us here
  std::int64_t late = by_old_offset;   // and past it here
  while (late - early > 1) {
    const std::int64_t middle = early + (late - early) / 2;
    (wall_at(middle) < wall_us ? early : late) = middle;
  }
  found.skip_end_us = late;
  return found;
}

class InstantReader {
 public:
  InstantReader(std::string_view word, std::int64_t now_us, std::optional<std::int64_t> since_us)
      : word_(word), rest_(word), now_us_(now_us), since_us_(since_us) {}

  std::int64_t read() {
    const std::string known = lower(word_);
    if (known == "now") return now_us_;
    if (known.starts_with("today")) return read_named_day(5, wall_day_at(now_us_));
    if (known.starts_with("yesterday")) return read_named_day(9, wall_day_at(now_us_) - kDayUs);
    if (known.starts_with("-")) return before_now(word_.substr(1));
    if (known.ends_with(" ago")) return before_now(trim(word_.substr(0, word_.size() - 4)));
    if (take(rest_, "@")) return read_epoch();
    if (word_.size() > 4 && word_[4] == '-') return read_date();
    if (word_.size() > 2 && word_[2] == ':') return read_time_alone();
    throw reject("no form of a time looks like it");
  }

 private:
  UsageError reject(const std::string& why) const {
    return UsageError(
        fmt::format("'{}' is not a time: {}. Write for example now, '2h ago', 'yesterday 03:12', "
                    "'2026-11-22 03:12:05', 2026-11-22T03:12:05Z or @1795317125.",
                    word_, why));
  }
  UsageError reject_skipped(std::int64_t wall_us, std::int64_t skip_end_us) const {
    const std::string end = format_instant(skip_end_us);
    return UsageError(
        fmt::format("'{}' does not exist: the local clock was put forward over {:.19} at {}. Write "
                    "another local time, or one in UTC, for example {}.",
                    word_, format_instant_short(wall_us), end, end));
  }

  std::int64_t before_now(std::string_view duration) const {
    const std::int64_t back_us = read_duration(duration, word_);
    if (now_us_ < back_us - kMax) throw reject("it is too long ago");
    return now_us_ - back_us;
  }

  std::int64_t read_epoch() {
    const bool is_negative = take(rest_, "-");
    const std::string_view digits = take_all(rest_, kDigits);
    if (digits.empty()) throw reject("after @ come the seconds since 1970");
    const auto us = scale(digits, kSecondUs, read_fraction());
    if (!rest_.empty()) throw reject("something follows the seconds");
    if (!us) throw reject("these are too many seconds");
    return is_negative ? -*us : *us;
  }

  /// `2026-11-22`, then nothing, or a blank or T and a time of day, then nothing (local) or a zone.
  std::int64_t read_date() {
    const auto year = take_number(rest_, 4);
    const auto month = take(rest_, "-") ? take_number(rest_, 2) : std::nullopt;
    const auto day = take(rest_, "-") ? take_number(rest_, 2) : std::nullopt;
    if (!year || !month || !day) throw reject("a date is four, two and two digits");
    const date::year_month_day calendar_day = date::year(*year) / *month / *day;
    if (!calendar_day.ok()) throw reject("the calendar has no such day");
    const std::int64_t day_us = date::sys_days(calendar_day).time_since_epoch().count() * kDayUs;
    if (rest_.empty()) return start_of_day(day_us);
    if (!take(rest_, "Tt") && take_all(rest_, kBlanks).empty()) throw reject("a blank or T must follow the date");
    const std::int64_t wall_us = day_us + read_time_of_day();
    take_all(rest_, kBlanks);
    return rest_.empty() ? at_local(wall_us) : wall_us - read_offset_us();
  }

  /// `today` or `yesterday`, which is `length` characters, then nothing or a local time of day.
  std::int64_t read_named_day(std::size_t length, std::int64_t day_us) {
    rest_.remove_prefix(length);
    if (rest_.empty()) return start_of_day(day_us);
    if (take_all(rest_, kBlanks).empty()) throw reject("a blank must follow the day");
    const std::int64_t wall_us = day_us + read_time_of_day();
    if (!rest_.empty()) throw reject("only a date can have a zone");
    return at_local(wall_us);
  }

  /// A day on which the clock skipped this time is not passed over: an answer about another night than the one
  /// that was meant is worse than none.
  std::int64_t read_time_alone() {
    const std::int64_t of_day_us = read_time_of_day();
    if (!rest_.empty()) throw reject("only a date can have a zone");
    const auto is_meant = [this](std::int64_t us) { return since_us_ ? us > *since_us_ : us <= now_us_; };
    const std::int64_t step_us = since_us_ ? kDayUs : -kDayUs;
    for (std::int64_t wall_us = wall_day_at(since_us_.value_or(now_us_)) + of_day_us;; wall_us += step_us) {
      const Occurrences found = find_occurrences(wall_us);
      if (found.at_us.empty() && is_meant(found.skip_end_us)) throw reject_skipped(wall_us, found.skip_end_us);
      // The later of two counts only when a range begins between them.
      const auto meant = std::find_if(found.at_us.begin(), found.at_us.end(), is_meant);
      if (meant != found.at_us.end()) return std::min(*meant, now_us_);
    }
  }

  std::int64_t read_time_of_day() {
    const auto hour = take_number(rest_, 2);
    const auto minute = take(rest_, ":") ? take_number(rest_, 2) : std::nullopt;
    const bool has_second = take(rest_, ":");
    const auto second = has_second ? take_number(rest_, 2) : 0;
    if (!hour || !minute || !second) throw reject("a time of day is 03:12 or 03:12:05, two digits each");
    if (*hour > 23 || *minute > 59 || *second > 59) throw reject("a day runs from 00:00:00 to 23:59:59");
    return (*hour * 3600 + *minute * 60 + *second) * kSecondUs + (has_second ? read_fraction() : 0);
  }

  std::int64_t read_fraction() {
    if (!take(rest_, ".")) return 0;
    const std::string_view digits = take_all(rest_, kDigits);
    if (digits.empty()) throw reject("digits are missing after the point");
    return to_millionths(digits);
  }

  /// `Z`, `+02:00`, `+0200` or `+02`: how far a clock there is ahead of UTC.
  std::int64_t read_offset_us() {
    if (rest_ == "Z" || rest_ == "z") return 0;
    const bool is_ahead = rest_.front() == '+';
    std::string digits(rest_.substr(1));
    if (digits.size() == 5 && digits[2] == ':') digits.erase(2, 1);
    if (digits.size() == 2) digits += "00";
    std::string_view rest = digits;
    const auto number = take_number(rest, 4);
    if (!take(rest_, "+-") || !number || !rest.empty() || *number > 2359 || *number % 100 > 59) {
      throw reject("a zone is Z, +02:00, +0200 or +02");
    }
    return (is_ahead ? 1 : -1) * (*number / 100 * 3600 + *number % 100 * 60) * kSecondUs;
  }

  std::int64_t at_local(std::int64_t wall_us) const {
    const Occurrences found = find_occurrences(wall_us);
    if (found.at_us.empty()) throw reject_skipped(wall_us, found.skip_end_us);
    return found.at_us.front();
  }

  /// Some zones put the clock forward at midnight. Nobody who names a day means 00:00 then, so it begins where the
  /// skip ends; only a day that was skipped whole (Samoa, 2011-12-30) is refused.
  std::int64_t start_of_day(std::int64_t day_us) const {
    const Occurrences found = find_occurrences(day_us);
    const std::int64_t first_us = found.at_us.empty() ? found.skip_end_us : found.at_us.front();
    if (wall_day_at(first_us) != day_us) throw reject_skipped(day_us, found.skip_end_us);
    return first_us;
  }

  std::string_view word_;
  std::string_view rest_;
  std::int64_t now_us_;
  std::optional<std::int64_t> since_us_;
};

}  // namespace

std::int64_t parse_duration_us(std::string_view word) {
  return read_duration(trim(word), trim(word));
}

std::int64_t parse_size_bytes(std::string_view word) {
  std::string_view rest = trim(word);
  const auto reject = [shown = rest](const std::string& why) {
    return UsageError(
        fmt::format("'{}' is not a size: {}. Write bytes, or a number with KiB, MiB, GiB, TiB or kB, "
                    "MB, GB, TB, for example 4096, 512KiB or 1.5GiB.",
                    shown, why));
  };
  const std::string_view digits = take_all(rest, kDigits);
  if (digits.empty()) throw reject("it does not begin with a digit");
  const bool has_point = take(rest, ".");
  const std::string_view fraction = has_point ? take_all(rest, kDigits) : std::string_view();
  if (has_point && fraction.empty()) throw reject("digits are missing after the point");
  take_all(rest, kBlanks);
  const NamedFactor* unit = find_unit(kSizeUnits, lower(rest));
  if (unit == nullptr) throw reject(fmt::format("'{}' is not a unit", rest));
  if (has_point && unit->factor == 1) throw reject("there is no part of a byte");
  // 10^6 * 2^40 is still below 2^63.
  const auto bytes = scale(digits, unit->factor, to_millionths(fraction) * unit->factor / 1'000'000);
  if (!bytes) throw reject("it is too large");
  return *bytes;
}

std::int64_t parse_instant_us(std::string_view word, std::int64_t now_us, std::optional<std::int64_t> since_us) {
  return InstantReader(trim(word), now_us, since_us).read();
}

}  // namespace galproc
