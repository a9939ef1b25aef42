#pragma once

// What all benchmarks share: the CPU clock, medians, and rows of the one table that scripts/bench.sh prints.

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace galproc::bench {

/// CPU time of this process so far, user and system, milliseconds.
inline double cpu_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

/// CPU milliseconds that a piece of work takes.
template <typename Work>
double cpu_ms_of(const Work& work) {
  const double before = cpu_ms();
  work();
  return cpu_ms() - before;
}

/// The middle of some figures, and the quartiles that say how much they scatter.
struct Spread {
  double median = 0, low = 0, high = 0;
};

inline Spread spread_of(std::vector<double> figures) {
  if (figures.empty()) return {};
  std::sort(figures.begin(), figures.end());
  const auto at = [&](double share) {
    return figures[static_cast<std::size_t>(share * static_cast<double>(figures.size() - 1) + 0.5)];
  };
  return {at(0.5), at(0.25), at(0.75)};
}

inline std::string in_ms(const Spread& spread) {
  const int digits = spread.median < 1 ? 3 : 2;
  return fmt::format("{:.{}f} ms ({:.{}f}-{:.{}f})", spread.median, digits, spread.low, digits, spread.high, digits);
}

/// A line of the table. `ratio` is judged against `limit`; without a limit it is only told.
struct Row {
  std::string what;
  std::string figure;
  std::string against;
  std::optional<double> ratio;
  std::optional<double> limit;
  std::string target;
};

inline void print(const Row& row) {
  const std::string ratio = row.ratio ? fmt::format("{:.3f}", *row.ratio) : "";
  const char* verdict = !row.ratio || !row.limit ? "" : *row.ratio <= *row.limit ? "ok" : "OVER";
  fmt::print("| {} | {} | {} | {} | {} | {} |\n", row.what, row.figure, row.against, ratio, row.target, verdict);
  std::fflush(stdout);
}

/// A figure with a target of its own in the same unit: the ratio is that of the two.
inline void print_absolute(const std::string& what, const std::string& figure, double value, double target,
                           const std::string& unit) {
  print({what, figure, fmt::format("{:g} {}", target, unit), value / target, 1.0,
         fmt::format("<= {:g} {}", target, unit)});
}

}  // namespace galproc::bench
