#pragma once

// Rows as queries give them, and what a format makes of them.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "render/renderer.h"

namespace galproc {

inline constexpr std::monostate kUnknown{};
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

inline std::string rendered(const RowSet& row_set, Format format, RenderOptions options = {}) {
  std::ostringstream out;
  make_renderer(format, options)->render(row_set, out);
  return out.str();
}

inline RowSet one_column(const char* name, Unit unit, std::vector<Value> values) {
  RowSet row_set{{{name, unit}}, {}, {}};
  for (Value& value : values) row_set.rows.push_back({std::move(value)});
  return row_set;
}

inline RowSet one_text(std::string text) {
  return one_column("name", Unit::None, {std::move(text)});
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

inline RowSet two_processes() {
  RowSet row_set;
  row_set.columns = {{"pid"},
                     {"name"},
                     {"cpu_pct", Unit::Percent},
                     {"resident_bytes", Unit::Bytes},
                     {"started_us", Unit::InstantUs},
                     {"started_at", Unit::InstantText},
                     {"lifetime_us", Unit::DurationUs},
                     {"command_line"}};
  row_set.rows.push_back(
      {1, "init", 0.04, 1536, 1795317125123456, "2026-11-22T03:12:05.123456Z", kUnknown, "/sbin/init"});
  row_set.rows.push_back(
      {12011, "日本語🚀", 104.26, kUnknown, kUnknown, kUnknown, 3'200'000, "node server.js --port 8080"});
  return row_set;
}

/// Names that somebody chose in order to do harm, and what a text format must show instead.
struct Hostile {
  const char* name;
  const char* shown;
};
inline const Hostile kHostile[] = {
    {"\x1b]0;owned\x07", R"(\x1b]0;owned\x07)"},
    {"a\nroot  1", R"(a\nroot  1)"},
    {"\xe2\x80\xaegnp.exe", R"(\u202egnp.exe)"},
    {"\xc2\x9b[2J", R"(\u009b[2J)"},
    {"\x9b[2J", R"(\x9b[2J)"},
    {"del\x7f", R"(del\x7f)"},
};

}  // namespace galproc
