// Words that people type: times, lengths, sizes, signals, slips of names.

#include <cstdlib>

#include "fuzz/fuzz.h"
#include "model/errors.h"
#include "model/process_name.h"
#include "model/signals.h"
#include "model/text.h"
#include "model/time_words.h"
#include "platform/posix/notify.h"

namespace galproc {
namespace {

constexpr std::int64_t kNowUs = 1'795'000'000'000'000;  // in 2026

template <typename Parse>
std::optional<std::int64_t> parsed(Parse parse) {
  try {
    return parse();
  } catch (const UsageError&) {
    return std::nullopt;
  }
}

void try_instant(std::string_view word) {
  const auto us = parsed([&] { return parse_instant_us(word, kNowUs); });
  const auto end_us = parsed([&] { return parse_instant_us(word, kNowUs, kNowUs - 3'600'000'000); });
  expect(us.has_value() == end_us.has_value(), "a word is an instant as a range's end, too");
  if (!us) return;
  const std::string text = format_instant(*us);
  // Years of more or fewer than four digits are written with a sign, which nobody types.
  if (text.size() != std::string_view("2026-11-22T03:12:05.123456Z").size()) return;
  expect(parse_instant_us(text, kNowUs) == *us, "an instant that was written down reads back the same");
  expect(format_instant_short(*us).substr(0, 23) == text.substr(0, 10) + " " + text.substr(11, 12),
         "a short instant is the long one, cut");
}

void try_numbers(std::string_view word) {
  if (const auto us = parsed([&] { return parse_duration_us(word); })) {
    expect(*us > 0, "a length is not empty");
    expect(parse_duration_us(std::to_string(*us) + "us") == *us, "a length in microseconds reads back the same");
    format_duration(*us);
    format_duration(-*us);
  }
  if (const auto bytes = parsed([&] { return parse_size_bytes(word); })) {
    expect(*bytes >= 0, "a size is not negative");
    expect(parse_size_bytes(std::to_string(*bytes)) == *bytes, "a size in bytes reads back the same");
    format_size(*bytes);
  }
  if (const auto signal = parse_signal(word)) {
    expect(parse_signal(to_text(*signal)) == signal, "a signal's own name is the signal");
  }
}

void try_names(FuzzInput input) {
  const std::string one(input.take_until('\n')), other(input.take_until('\n'));
  expect(is_same_name(one, other) == is_same_name(other, one), "names are the same from both sides");
  const std::string near = did_you_mean(one, {other, "record", "query"});
  expect(near.empty() || near == other || near == "record" || near == "query", "only a candidate is proposed");
  if (other.find('\0') != std::string::npos) return;
  ::setenv("WATCHDOG_USEC", other.c_str(), 1);
  expect(manager_patience_us().value_or(1) > 0, "a service manager's patience is a length");
}

}  // namespace
}  // namespace galproc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view word(reinterpret_cast<const char*>(data), size);
  galproc::try_instant(word);
  galproc::try_numbers(word);
  galproc::try_names({data, size});
  return 0;
}
