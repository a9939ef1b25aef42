// RFC 4180, but with line ends as every tool here writes them. Text goes through escape_controls like in every
// format for eyes, so no field holds a line end and one line is one row.

#include <string>
#include <string_view>

#include "model/text.h"
#include "render/cells.h"
#include "render/formats.h"

namespace galproc {

namespace {

std::string quoted_where_needed(std::string_view text) {
  // An empty text is quoted: it differs from NULL then for readers that look (PostgreSQL's COPY does).
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

/// Anyone can name a process `=HYPERLINK(...)`, and a spreadsheet would run it: an apostrophe makes it a text.
/// Numbers need no guard.
std::string text_field(std::string_view text) {
  const bool could_be_formula = !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos;
  std::string shown = escape_controls(text);
  if (could_be_formula) shown.insert(shown.begin(), '\'');
  return quoted_where_needed(shown);
}

std::string field(const Value& value) {
  if (is_unknown(value)) return "";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return round_trip_text(*real);
  return text_field(*text_of(value));
}

class CsvRenderer final : public Renderer {
 public:
  void render(const RowSet& row_set, std::ostream& out) override {
    std::string line;
    for (const Column& column : row_set.columns) {
      if (&column != &row_set.columns.front()) line += ',';
      line += text_field(column.name);
    }
    out << line << '\n';
    for (const std::vector<Value>& row : row_set.rows) {
      if (!out) return;
      line.clear();
      for (const Value& value : row) {
        if (&value != &row.front()) line += ',';
        line += field(value);
      }
      // Readers skip blank lines, and a row with them.
      if (line.empty()) line = "\"\"";
      out << line << '\n';
    }
  }
};

}  // namespace

std::unique_ptr<Renderer> make_csv_renderer() {
  return std::make_unique<CsvRenderer>();
}

}  // namespace galproc
