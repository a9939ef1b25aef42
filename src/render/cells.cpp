#include "render/cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/text.h"
#include "model/time_words.h"

namespace galproc {

namespace {

/// A REAL as people read it: six decimals at most, without the zeros that end them, where that keeps its size
/// visible.
std::string plain_real(double number) {
  const double size = std::fabs(number);
  if (number != 0 && (size < 1e-4 || size >= 1e15)) return fmt::format("{}", number);
  std::string text = fmt::format("{:.6f}", number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

/// `2026-11-22T03:12:05.123456Z` as `2026-11-22 03:12:05.123Z`; any other text as it is. Cut, not rounded, as
/// format_instant_short does: one instant must not read as two.
std::string shorten_instant(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd.ddddddZ";
  const auto fits = [](char c, char shape) { return shape == 'd' ? c >= '0' && c <= '9' : c == shape; };
  if (!std::equal(text.begin(), text.end(), kShape.begin(), kShape.end(), fits)) return std::string(text);
  return fmt::format("{} {}Z", text.substr(0, 10), text.substr(11, 12));
}

/// A whole number for a unit that counts whole things; averages and medians are REAL.
std::optional<std::int64_t> whole_number(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  const auto* real = std::get_if<double>(&value);
  // 2^63 is the first REAL that does not fit.
  if (real == nullptr || !(std::fabs(*real) < 9223372036854775808.0)) return std::nullopt;
  return std::llround(*real);
}

std::string number_text(const Value& value, Unit unit) {
  if (const std::optional<std::int64_t> whole = whole_number(value)) {
    if (unit == Unit::Bytes) return format_size(*whole);
    if (unit == Unit::DurationUs) return format_duration(*whole);
    if (unit == Unit::InstantUs) return format_instant_short(*whole);
  }
  const auto* integer = std::get_if<std::int64_t>(&value);
  if (unit == Unit::Percent) {
    return fmt::format("{:.1f}", integer != nullptr ? static_cast<double>(*integer) : std::get<double>(value));
  }
  return integer != nullptr ? std::to_string(*integer) : plain_real(std::get<double>(value));
}

bool has_column(const RowSet& row_set, std::string_view name) {
  return std::any_of(row_set.columns.begin(), row_set.columns.end(),
                     [name](const Column& column) { return column.name == name; });
}

bool is_also_there_as_text(const RowSet& row_set, const Column& column) {
  const std::string_view name = column.name;
  if (column.unit != Unit::InstantUs || !name.ends_with("_us")) return false;
  const std::string stem(name.substr(0, name.size() - 3));
  return has_column(row_set, stem + "_at") || (stem == "at" && has_column(row_set, "at"));
}

}  // namespace

const std::string* text_of(const Value& value) {
  if (const auto* list = std::get_if<std::shared_ptr<const List>>(&value)) return &(*list)->text;
  return std::get_if<std::string>(&value);
}

bool is_unknown(const Value& value) {
  if (const auto* list = std::get_if<std::shared_ptr<const List>>(&value)) return (*list)->items.empty();
  const auto* real = std::get_if<double>(&value);
  return std::holds_alternative<std::monostate>(value) || (real != nullptr && !std::isfinite(*real));
}

std::string round_trip_text(double number) {
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string display_text(const Value& value, Unit unit) {
  if (is_unknown(value)) return "-";
  const std::string* raw = text_of(value);
  if (raw == nullptr) return number_text(value, unit);
  return escape_controls(unit == Unit::InstantText ? shorten_instant(*raw) : *raw);
}

bool is_number_column(const RowSet& row_set, std::size_t column) {
  const Unit unit = row_set.columns[column].unit;
  if (unit == Unit::InstantUs || unit == Unit::InstantText) return false;
  bool has_number = false;
  for (const std::vector<Value>& row : row_set.rows) {
    if (text_of(row[column]) != nullptr) return false;
    has_number = has_number || !is_unknown(row[column]);
  }
  return has_number;
}

std::vector<std::size_t> readable_columns(const RowSet& row_set) {
  std::vector<std::size_t> readable;
  for (std::size_t i = 0; i < row_set.columns.size(); ++i) {
    if (!is_also_there_as_text(row_set, row_set.columns[i])) readable.push_back(i);
  }
  return readable;
}

}  // namespace galproc
