#include "platform/linux/system.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "platform/linux/errors.h"
#include "platform/posix/descriptor.h"

namespace galproc {

namespace {

constexpr std::size_t kFileLimit = std::size_t{4} << 20;  // /proc/stat lists every interrupt line: far over a page
constexpr std::string_view kBlanks = " \t";

/// Sums and products that would not fit are empty, and so is what is made of an empty one.
using Number = std::optional<std::int64_t>;

Number sum(Number a, Number b) {
  std::int64_t result = 0;
  if (!a || !b || __builtin_add_overflow(*a, *b, &result)) return std::nullopt;
  return result;
}

Number product(Number a, Number b) {
  std::int64_t result = 0;
  if (!a || !b || __builtin_mul_overflow(*a, *b, &result)) return std::nullopt;
  return result;
}

/// Takes the first line off `text`.
std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

/// Takes the first word off `line`; empty where none is left.
std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.size(), line.find_first_not_of(kBlanks)));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

/// A whole word of digits.
Number to_number(std::string_view word) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || value < 0) return std::nullopt;
  return value;
}

Number ticks_to_us(Number ticks, std::int64_t ticks_per_second) {
  constexpr std::int64_t kUsPerSecond = 1'000'000;
  if (!ticks || ticks_per_second <= 0) return std::nullopt;
  // Whole seconds apart, so that years of many CPUs do not overflow.
  return sum(product(*ticks / ticks_per_second, kUsPerSecond),
             product(*ticks % ticks_per_second, kUsPerSecond).value_or(0) / ticks_per_second);
}

/// Gives the text of a file to `parse`; where there is none, a ReadError, unless that is usual for it.
template <class Parse>
void read_with(const std::filesystem::path& path, const char* operation, bool may_be_missing, SystemReading& reading,
               Parse parse) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  const int code = file ? read_whole(file.get(), text, kFileLimit) : errno;
  if (code == 0) {
    parse(text);
    return;
  }
  // EOPNOTSUPP: a kernel that was started with psi=0.
  if (may_be_missing && (code == ENOENT || code == EOPNOTSUPP)) return;
  reading.errors.push_back({operation, code, error_text(code), 1});
}

void read_disk(const std::filesystem::path& path, SystemReading& reading) {
  struct statvfs status {};
  int result = 0;
  do {
    result = ::statvfs(path.c_str(), &status);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    reading.errors.push_back({"statvfs", errno, error_text(errno), 1});
    return;
  }
  const auto bytes = [&](fsblkcnt_t blocks) -> Number {
    std::int64_t value = 0;
    if (__builtin_mul_overflow(blocks, status.f_frsize, &value)) return std::nullopt;
    return value;
  };
  reading.disk_total_bytes = bytes(status.f_blocks);
  if (status.f_bfree <= status.f_blocks) reading.disk_used_bytes = bytes(status.f_blocks - status.f_bfree);
}

}  // namespace

void parse_cpu_times(std::string_view text, std::int64_t ticks_per_second, SystemReading& reading) {
  std::int64_t cpu_count = 0;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::string_view name = next_word(line);
    if (name.size() > 3 && name.starts_with("cpu") && to_number(name.substr(3))) ++cpu_count;
    if (name != "cpu") continue;
    // user nice system idle iowait irq softirq steal; guest and guest_nice behind them are inside the first two. The
    // first four are as old as the file.
    constexpr std::size_t kOldest = 4;
    constexpr std::size_t kIdle = 3;
    constexpr std::size_t kIoWait = 4;
    Number busy = 0;
    Number total = 0;
    std::size_t field = 0;
    for (; field < 8; ++field) {
      const std::string_view word = next_word(line);
      if (word.empty() && field >= kOldest) break;
      const Number ticks = to_number(word);
      total = sum(total, ticks);
      if (field != kIdle && field != kIoWait) busy = sum(busy, ticks);
    }
    reading.cpu_busy_us = total ? ticks_to_us(busy, ticks_per_second) : std::nullopt;
    reading.cpu_total_us = ticks_to_us(total, ticks_per_second);
  }
  if (cpu_count > 0) reading.cpu_count = cpu_count;
}

void parse_memory(std::string_view text, SystemReading& reading) {
  Number swap_free;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::string_view name = next_word(line);
    const Number bytes = product(to_number(next_word(line)), 1024);
    if (name == "MemTotal:") reading.memory_total_bytes = bytes;
    if (name == "MemAvailable:") reading.memory_available_bytes = bytes;
    if (name == "SwapTotal:") reading.swap_total_bytes = bytes;
    if (name == "SwapFree:") swap_free = bytes;
  }
  if (reading.swap_total_bytes && swap_free && *swap_free <= *reading.swap_total_bytes) {
    reading.swap_used_bytes = *reading.swap_total_bytes - *swap_free;
  }
}

void parse_load(std::string_view text, SystemReading& reading) {
  std::string_view line = next_line(text);
  const std::string_view word = next_word(line);
  double load = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), load, std::chars_format::fixed);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(load) || load < 0) return;
  reading.load_1m = load;
}

void parse_network(std::string_view text, SystemReading& reading) {
  Number received = 0;
  Number sent = 0;
  bool any = false;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::size_t colon = line.rfind(':');  // the two heading lines have none
    if (colon == std::string_view::npos) continue;
    any = true;
    std::string_view head = line.substr(0, colon);
    if (next_word(head) == "lo") continue;
    line.remove_prefix(colon + 1);
    for (int field = 1; field <= 9; ++field) {
      const std::string_view word = next_word(line);
      if (field == 1) received = sum(received, to_number(word));
      if (field == 9) sent = sum(sent, to_number(word));
    }
  }
  if (!any) return;
  reading.received_bytes = received;
  reading.sent_bytes = sent;
}

std::optional<std::int64_t> parse_pressure(std::string_view text) {
  constexpr std::string_view kTotal = "total=";
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (next_word(line) != "some") continue;
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
      if (word.starts_with(kTotal)) return to_number(word.substr(kTotal.size()));
    }
  }
  return std::nullopt;
}

SystemReading read_linux_system(const std::filesystem::path& disk_path, const std::filesystem::path& proc_root) {
  SystemReading reading;
  read_with(proc_root / "stat", "read stat", false, reading,
            [&](std::string_view text) { parse_cpu_times(text, ::sysconf(_SC_CLK_TCK), reading); });
  read_with(proc_root / "meminfo", "read meminfo", false, reading,
            [&](std::string_view text) { parse_memory(text, reading); });
  read_with(proc_root / "loadavg", "read loadavg", false, reading,
            [&](std::string_view text) { parse_load(text, reading); });
  read_with(proc_root / "net/dev", "read net/dev", false, reading,
            [&](std::string_view text) { parse_network(text, reading); });
  read_with(proc_root / "pressure/cpu", "read pressure/cpu", true, reading,
            [&](std::string_view text) { reading.cpu_pressure_us = parse_pressure(text); });
  read_with(proc_root / "pressure/memory", "read pressure/memory", true, reading,
            [&](std::string_view text) { reading.memory_pressure_us = parse_pressure(text); });
  read_with(proc_root / "pressure/io", "read pressure/io", true, reading,
            [&](std::string_view text) { reading.io_pressure_us = parse_pressure(text); });
  read_disk(disk_path, reading);
  return reading;
}

}  // namespace galproc
