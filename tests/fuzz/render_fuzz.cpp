// Hostile cells in every format: what people are shown controls nothing, what programs read is what was there.

#include <nlohmann/json.hpp>
#include <sstream>

#include "fuzz/fuzz.h"
#include "model/text.h"
#include "render/renderer.h"

namespace galproc {
namespace {

std::string rendered(const RowSet& rows, Format format, RenderOptions options) {
  std::ostringstream out;
  make_renderer(format, options)->render(rows, out);
  return out.str();
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

Value value_of(unsigned kind, std::string_view text) {
  if (kind == 0) return std::monostate{};
  if (kind == 1) return INT64_MAX - (INT64_C(1) << (text.size() % 64 / 2));
  if (kind == 2) return text.empty() ? 1e300 : 1.0 / static_cast<double>(text.front());
  return std::string(text);
}

RowSet rows_of(FuzzInput input) {
  constexpr Unit kUnits[] = {Unit::None,       Unit::Bytes,     Unit::Percent,
                             Unit::DurationUs, Unit::InstantUs, Unit::InstantText};
  RowSet rows;
  rows.columns = {{"depth", Unit::None}};
  const unsigned shape = input.byte();
  for (unsigned i = 0; i <= shape % 3; ++i) {
    rows.columns.push_back({std::string(input.take_until('\n')), kUnits[input.byte() % std::size(kUnits)]});
  }
  if (shape >= 128) rows.tree_column = 1;
  while (!input.is_empty() && rows.rows.size() < 20) {
    std::vector<Value>& row = rows.rows.emplace_back();
    row.emplace_back(static_cast<std::int64_t>(input.byte() % 8));
    while (row.size() < rows.columns.size()) row.push_back(value_of(input.byte() % 8, input.take_until('\n')));
  }
  return rows;
}

void expect_harmless(const std::string& text) {
  for (std::istringstream lines(text); !lines.eof();) {
    std::string line;
    std::getline(lines, line);
    expect_same(escape_controls(line), line, "a line that is shown controls nothing");
  }
}

void expect_exact(const RowSet& rows, const std::string& json) {
  const auto array = nlohmann::ordered_json::parse(json);
  expect(array.size() == rows.rows.size(), "an object a row");
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    expect(array[i].size() == rows.columns.size(), "a key a column");
    auto cell = array[i].begin();
    for (const Value& value : rows.rows[i]) {
      const auto* text = std::get_if<std::string>(&value);
      // JSON has a word for NUL, so it stays, where cleaning makes a blank of it.
      if (text && text->find('\0') == std::string::npos) {
        expect_same(cell->get<std::string>(), clean_utf8(*text, SIZE_MAX).text, "JSON gives the text back");
      }
      if (const auto* number = std::get_if<std::int64_t>(&value)) {
        expect(cell->get<std::int64_t>() == *number, "JSON gives the number back");
      }
      ++cell;
    }
  }
}

}  // namespace
}  // namespace galproc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galproc;
  const RowSet rows = rows_of({data, size});
  for (const int width : {0, 20, 80}) expect_harmless(rendered(rows, Format::Table, {.width = width}));
  const std::string csv = rendered(rows, Format::Csv, {});
  expect_harmless(csv);
  expect(lines_of(csv) == rows.rows.size() + 1, "CSV has a line a row");
  const std::string markdown = rendered(rows, Format::Markdown, {});
  expect_harmless(markdown);
  expect(lines_of(markdown) == rows.rows.size() + 2, "Markdown has a line a row");
  expect(markdown.find("<s") == std::string::npos, "Markdown holds no element");
  const std::string json = rendered(rows, Format::Json, {});
  expect_harmless(json);
  expect_exact(rows, json);
  expect(lines_of(rendered(rows, Format::Jsonl, {})) == rows.rows.size(), "JSON lines has a line a row");
  return 0;
}
