// A GitHub table. Cells read as in the terminal's table, but no tree is drawn: runs of blanks collapse, so the
// depth column stays. Whatever Markdown or HTML would act on is escaped: a pasted report must not load a picture
// or lose its columns because of a process's name.

#include <string>
#include <string_view>

#include "model/text.h"
#include "render/cells.h"
#include "render/formats.h"

namespace galproc {

namespace {

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_punctuation(char c) {
  return c > ' ' && c < 0x7f && !is_word(c);
}

std::string neutral(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char before = i > 0 ? text[i - 1] : ' ';
    const char after = i + 1 < text.size() ? text[i + 1] : ' ';
    switch (c) {
      case '<': result += "&lt;"; continue;
      case '&': result += "&amp;"; continue;
      case '|':
      case '`':
      case '*':
      case '~':
      case '[': result += '\\'; break;
      // Inside a word (`parent_pid`) it is no emphasis, and is left readable.
      case '_':
        if (!is_word(before) || !is_word(after)) result += '\\';
        break;
      // Before a letter (`\x1b`) it stands for itself.
      case '\\':
        if (is_punctuation(after)) result += '\\';
        break;
      default: break;
    }
    result += c;
  }
  return result;
}

class MarkdownRenderer final : public Renderer {
 public:
  void render(const RowSet& row_set, std::ostream& out) override {
    if (row_set.columns.empty()) return;
    const std::vector<std::size_t> columns = readable_columns(row_set);
    std::string line = "|";
    std::string rule = "|";
    for (const std::size_t column : columns) {
      line += ' ' + neutral(escape_controls(row_set.columns[column].name)) + " |";
      rule += is_number_column(row_set, column) ? " ---: |" : " --- |";
    }
    out << line << '\n' << rule << '\n';
    for (const std::vector<Value>& row : row_set.rows) {
      if (!out) return;
      line.assign(1, '|');  // `= "|"` is a false -Wrestrict in GCC 12 (bug 105651)
      for (const std::size_t column : columns) {
        line += ' ' + neutral(display_text(row[column], row_set.columns[column].unit)) + " |";
      }
      out << line << '\n';
    }
  }
};

}  // namespace

std::unique_ptr<Renderer> make_markdown_renderer() {
  return std::make_unique<MarkdownRenderer>();
}

}  // namespace galproc
