// The words in which people read times and sizes; the other half of time_words.h.

#include <date/date.h>
#include <fmt/format.h>

#include <array>

#include "model/floor_divide.h"
#include "model/time_words.h"

namespace galproc {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kDayUs = 86'400 * kSecondUs;

/// The value without its sign; the most negative one has no positive int64.
std::uint64_t magnitude(std::int64_t value) {
  return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
}

}  // namespace

std::string format_instant(std::int64_t us) {
  // 64 bits of microseconds reach the year 294247, `date` the year 32767: the calendar repeats every 400 years.
  constexpr std::int64_t kCycleDays = 146'097;
  const std::int64_t day = floor_divide(us, kDayUs);
  const std::int64_t cycle = floor_divide(day, kCycleDays);
  const date::year_month_day in_cycle = date::sys_days(date::days(static_cast<int>(day - cycle * kCycleDays)));
  const std::int64_t year = int{in_cycle.year()} + cycle * 400;
  // Not `us - day * kDayUs`: the first day of the 64 bits begins before them.
  const std::int64_t of_day_us = (us % kDayUs + kDayUs) % kDayUs;
  const std::int64_t second = of_day_us / kSecondUs;
  return fmt::format("{}{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
                     year < 0      ? "-"
                     : year > 9999 ? "+"
                                   : "",
                     year < 0 ? -year : year, unsigned{in_cycle.month()}, unsigned{in_cycle.day()}, second / 3600,
                     second / 60 % 60, second % 60, of_day_us % kSecondUs);
}

std::string format_instant_short(std::int64_t us) {
  std::string text = format_instant(us);
  text[text.find('T')] = ' ';
  return text.erase(text.size() - 4, 3);
}

std::string format_duration(std::int64_t us) {
  const std::string_view sign = us < 0 ? "-" : "";
  const std::uint64_t length_us = magnitude(us);
  const std::uint64_t second = length_us / 1'000'000;
  if (length_us == 0) return "0s";
  if (length_us < 1000) return fmt::format("{}{}us", sign, length_us);
  if (second == 0) return fmt::format("{}{}.{}ms", sign, length_us / 1000, length_us / 100 % 10);
  if (second < 60) return fmt::format("{}{}.{:02}s", sign, second, length_us / 10'000 % 100);
  if (second < 3600) return fmt::format("{}{}m{:02}s", sign, second / 60, second % 60);
  if (second < 86'400) return fmt::format("{}{}h{:02}m", sign, second / 3600, second / 60 % 60);
  return fmt::format("{}{}d{:02}h", sign, second / 86'400, second / 3600 % 24);
}

std::string format_size(std::int64_t bytes) {
  const std::string_view sign = bytes < 0 ? "-" : "";
  const std::uint64_t size = magnitude(bytes);
  if (size < 1024) return fmt::format("{}{} B", sign, size);
  std::uint64_t unit = 1;
  std::uint64_t tenths = 10'240;
  std::string_view prefixes = " KMGTPE";
  while (tenths >= 10'240) {
    unit *= 1024;
    prefixes.remove_prefix(1);
    // The whole units apart: ten times an exbibyte is more than 64 bits.
    tenths = size / unit * 10 + (size % unit * 10 + unit / 2) / unit;
  }
  return fmt::format("{}{}.{} {}iB", sign, tenths / 10, tenths % 10, prefixes.front());
}

}  // namespace galproc
