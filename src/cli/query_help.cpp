#include "cli/query_help.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/text.h"

namespace galproc {

namespace {

std::string describe(const QueryParam& param) {
  std::string text = param.help;
  if (!param.choices.empty()) text += fmt::format(" ({})", fmt::join(param.choices, ", "));
  if (param.required) text += " (needed)";
  if (param.default_text) text += fmt::format(" (default {})", *param.default_text);
  return text;
}

/// Lines of a name and a text, the texts below each other.
template <typename Rows>
std::string aligned(const Rows& rows) {
  std::size_t width = 0;
  for (const auto& [name, text] : rows) width = std::max(width, name.size());
  std::string lines;
  for (const auto& [name, text] : rows) lines += fmt::format("  {:<{}}  {}\n", name, width, text);
  return lines;
}

const char* bound_as(ParamType type) {
  switch (type) {
    case ParamType::Instant: return "microseconds since 1970, UTC";
    case ParamType::Duration: return "microseconds";
    case ParamType::Size: return "bytes";
    case ParamType::Flag: return "1, or NULL";
    case ParamType::Integer: return "a number";
    default: return "a text";
  }
}

}  // namespace

std::string query_help(const NamedQuery& query) {
  std::string text = fmt::format("{}: {}\n", query.name, query.summary);
  if (!query.examples.empty()) text += "\nExamples:\n";
  for (const std::string& example : query.examples) text += "  " + example + "\n";
  if (!query.why.empty()) text += "\n" + query.why + "\n";

  std::vector<std::pair<std::string, std::string>> rows;
  for (const QueryParam& param : query.params) {
    rows.emplace_back(
        "--" + param.name + (param.type == ParamType::Flag ? "" : fmt::format(" {}", to_text(param.type))),
        describe(param));
  }
  if (!rows.empty()) text += "\nParameters:\n" + aligned(rows);
  if (!query.requires_one_of.empty()) {
    text += fmt::format("  One of --{} is needed.\n", fmt::join(query.requires_one_of, ", --"));
  }
  rows.clear();
  for (const QueryColumn& column : query.columns) {
    rows.emplace_back(column.name, fmt::format("{} ({})", column.help, to_text(column.kind)));
  }
  text += "\nColumns:\n" + aligned(rows);
  return text;
}

std::string query_to_paste(const NamedQuery& query) {
  std::string text = fmt::format("-- {}: {}\n", query.name, query.summary);
  for (const QueryParam& param : query.params) {
    text += fmt::format("-- {}  {}: {}\n", sql_name(param), bound_as(param.type), describe(param));
  }
  const auto instant = std::find_if(query.params.begin(), query.params.end(),
                                    [](const QueryParam& param) { return param.type == ParamType::Instant; });
  if (!query.params.empty()) text += "-- What is not bound is NULL, whatever the default is.\n";
  if (instant != query.params.end()) {
    text += fmt::format("-- In the sqlite3 shell: .parameter set {} \"unixepoch('2026-11-30 03:12') * 1000000\"\n",
                        sql_name(*instant));
  }
  return text + query.sql + "\n;\n";
}

}  // namespace galproc
