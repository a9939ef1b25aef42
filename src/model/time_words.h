#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace galproc {

// The words in which people give lengths, sizes and times on the command line, and the ones in which they read
// them. "Local" is the zone of the process (TZ); it is read through std::localtime, so one thread at a time may
// call parse_instant_us. Everything else here is safe from any thread.

/// A length in microseconds, always > 0: `500ms 5s 90m 2h 7d 1d12h 250us`. Whole numbers; several units stand in
/// falling order, each once; `m` is minutes. Blanks around it are ignored, units are lower case.
/// Throws UsageError, which names the value: no unit, unknown unit, 0, more than 64 bits of microseconds.
std::int64_t parse_duration_us(std::string_view word);

/// A size in bytes, 0 allowed: `4096 512B 512KiB 1.5GiB 10MB`. KiB MiB GiB TiB are powers of 1024, kB MB GB TB
/// powers of 1000, in any case. A part of a byte is cut, as are fraction digits after the sixth.
/// Throws UsageError, which names the value: unknown unit, negative, a fraction of bytes, more than 64 bits.
std::int64_t parse_size_bytes(std::string_view word);

/// An instant in microseconds since the Unix epoch, UTC. It may lie after `now_us`.
///
/// `now`; `2h ago`, `-2h`; `today`, `yesterday`, `2026-11-22` (the day's first instant), each also with a time of
/// day (`yesterday 03:12:05.123`); `03:12[:05[.123]]`; `2026-11-22T03:12:05Z` or with `+02:00 +0200 +02`;
/// `@EPOCH[.frac]`. Six digits of a fraction count, more are cut.
///
/// A time of day alone is the last one that is past. With `since_us` (the word is then a range's end) it is the
/// first one after `since_us`, but at most `now_us`. Other words do not look at `since_us`: that an end lies
/// before its start is for the caller to say.
///
/// Without a zone the local one counts: a time that occurs twice there is the first of the two.
/// Throws UsageError, which names the value: a form not listed here, a date or time of day that no calendar has,
/// a local time that the clock skipped.
std::int64_t parse_instant_us(std::string_view word, std::int64_t now_us,
                              std::optional<std::int64_t> since_us = std::nullopt);

/// `2026-11-22T03:12:05.123456Z`, never rounded. Years outside 0000-9999 carry a sign, as ISO 8601 asks.
std::string format_instant(std::int64_t us);

/// `2026-11-22 03:12:05.123Z` for tables: cut to milliseconds, never rounded.
std::string format_instant_short(std::int64_t us);

/// A length for people, cut and never rounded up: `0s 250us 12.5ms 3.20s 4m05s 2h03m 1d12h`; `-3.20s`.
std::string format_duration(std::int64_t us);

/// A size for people, rounded to a tenth: `0 B`, `1.5 KiB`, `2.0 GiB`, up to EiB; `-1.5 KiB`.
std::string format_size(std::int64_t bytes);

}  // namespace galproc
