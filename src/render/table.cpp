// A table is laid out by columns before a line is written: width is a property of the whole column, and cutting
// one shows only in the sum of all. Widths are terminal columns, not bytes and not characters.

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/text.h"
#include "render/cells.h"
#include "render/formats.h"
#include "render/tree.h"

namespace galproc {

namespace {

constexpr int kGap = 2;             // blanks between columns
constexpr int kLeastTextWidth = 8;  // below that a cut text says nothing
constexpr int kLeastHeaderWidth = 6;
constexpr int kGoodTextWidth = 10;  // enough of a text to tell it from others
constexpr int kGoodMainWidth = 12;  // the same of the text that says most
constexpr int kGoodTreeWidth = 28;  // the same of names behind a tree's guides

constexpr const char* kBold = "\x1b[1m";
constexpr const char* kDim = "\x1b[2m";
constexpr const char* kPlain = "\x1b[0m";

struct Cell {
  std::string text;
  int width = 0;
  bool unknown = false;
};

/// How soon a column goes where not all fit; of one rank the rightmost goes first, since the less important ones stand
/// there.
enum class Rank {
  Empty,  ///< it says nothing
  Id,     ///< of use for the next question only
  Plain,
  Essential,  ///< who, and what came of it
  Kept        ///< never left out: a tree, the text that says most, what must not be cut
};

struct LaidOut {
  Cell header;
  std::vector<Cell> cells;
  bool flush_right = false;
  bool is_tree = false;
  bool may_cut_cells = false;  ///< free text; a cut number, time or hash would be a wrong one
  Rank rank = Rank::Plain;
  int cells_width = 0;  ///< of the widest cell
  int width = 0;        ///< of the column
};

Cell make_cell(std::string text, bool unknown = false) {
  text.erase(text.find_last_not_of(' ') + 1);
  const int width = display_width(text);
  return {std::move(text), width, unknown};
}

std::optional<std::size_t> depth_column(const RowSet& row_set) {
  if (!row_set.tree_column) return std::nullopt;
  for (std::size_t i = 0; i < row_set.columns.size(); ++i) {
    if (row_set.columns[i].name == "depth" && i != *row_set.tree_column) return i;
  }
  return std::nullopt;
}

std::vector<std::string> guides_for(const RowSet& row_set, std::size_t depth) {
  std::vector<std::int64_t> depths;
  depths.reserve(row_set.rows.size());
  for (const std::vector<Value>& row : row_set.rows) {
    const auto* known = std::get_if<std::int64_t>(&row[depth]);
    depths.push_back(known != nullptr ? *known : 0);
  }
  return tree_guides(depths);
}

/// A hash is there to be noted down whole.
bool is_hash(const Value& value) {
  constexpr std::size_t kShortest = 32;
  const std::string* text = text_of(value);
  return text != nullptr && text->size() >= kShortest &&
         text->find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// One word of a list: cut it may be taken for another.
bool is_word(std::string_view column) {
  constexpr std::array<std::string_view, 5> kWords{"verdict", "outcome", "signal", "state", "kind"};
  return std::find(kWords.begin(), kWords.end(), column) != kWords.end();
}

Rank rank_of(const RowSet& row_set, std::size_t column) {
  const auto every = [&](bool (*holds)(const Value&)) {
    return std::all_of(row_set.rows.begin(), row_set.rows.end(),
                       [&](const std::vector<Value>& row) { return holds(row[column]); });
  };
  constexpr std::array<std::string_view, 8> kEssential{"pid",        "name",        "sender_pid", "sender_name",
                                                       "target_pid", "target_name", "service",    "growth_bytes"};
  const std::string& name = row_set.columns[column].name;
  if (every(is_unknown)) return Rank::Empty;
  if (every([](const Value& value) { return is_unknown(value) || is_hash(value); })) return Rank::Kept;
  if (name == "upid" || name.ends_with("_upid") || name.ends_with("_id")) return Rank::Id;
  const bool is_essential = std::find(kEssential.begin(), kEssential.end(), name) != kEssential.end();
  return is_essential || is_word(name) ? Rank::Essential : Rank::Plain;
}

LaidOut lay_out(const RowSet& row_set, std::size_t column, const std::vector<std::string>* guides) {
  const Unit unit = row_set.columns[column].unit;
  const bool is_number = is_number_column(row_set, column);
  LaidOut laid_out;
  laid_out.header = make_cell(escape_controls(row_set.columns[column].name));
  laid_out.is_tree = guides != nullptr;
  laid_out.flush_right = is_number && guides == nullptr;
  laid_out.rank = guides != nullptr ? Rank::Kept : rank_of(row_set, column);
  laid_out.may_cut_cells = guides != nullptr || (!is_number && unit != Unit::InstantText && unit != Unit::InstantUs &&
                                                 laid_out.rank != Rank::Kept && !is_word(row_set.columns[column].name));
  laid_out.cells.reserve(row_set.rows.size());
  for (std::size_t row = 0; row < row_set.rows.size(); ++row) {
    const Value& value = row_set.rows[row][column];
    const std::string text = display_text(value, unit);
    laid_out.cells.push_back(make_cell(guides != nullptr ? (*guides)[row] + text : text, is_unknown(value)));
    laid_out.cells_width = std::max(laid_out.cells_width, laid_out.cells.back().width);
  }
  laid_out.width = std::max(laid_out.header.width, laid_out.cells_width);
  return laid_out;
}

std::vector<LaidOut> lay_out(const RowSet& row_set) {
  const std::optional<std::size_t> depth = depth_column(row_set);
  const std::vector<std::string> guides = depth ? guides_for(row_set, *depth) : std::vector<std::string>{};
  std::vector<LaidOut> columns;
  for (const std::size_t column : readable_columns(row_set)) {
    if (column == depth) continue;
    const bool is_tree = depth && column == row_set.tree_column;
    columns.push_back(lay_out(row_set, column, is_tree ? &guides : nullptr));
  }
  return columns;
}

int least_width_under_header(const LaidOut& column) {
  return column.may_cut_cells ? std::max(column.header.width, kLeastTextWidth) : column.width;
}

int least_width(const LaidOut& column) {
  return column.may_cut_cells ? kLeastTextWidth : std::max(column.cells_width, kLeastHeaderWidth);
}

/// Takes one from the widest column, the last of several (command lines come last), until the line fits or no
/// column is wider than its `least`.
void narrow(std::vector<LaidOut>& columns, int limit, int (*least)(const LaidOut&)) {
  int line_width = kGap * (static_cast<int>(columns.size()) - 1);
  for (const LaidOut& column : columns) line_width += column.width;
  for (; line_width > limit; --line_width) {
    LaidOut* widest = nullptr;
    for (LaidOut& column : columns) {
      const bool can_give = column.width > least(column);
      if (can_give && (widest == nullptr || column.width >= widest->width)) widest = &column;
    }
    if (widest == nullptr) return;
    --widest->width;
  }
}

/// Cuts what is still too wide at the edge. A header that ends in `…` says that columns are missing after it.
void cut_at_edge(std::vector<LaidOut>& columns, int limit) {
  int start = 0;
  std::size_t shown = 0;
  while (shown < columns.size() && start < limit) {
    LaidOut& column = columns[shown++];
    const bool is_whole = column.rank == Rank::Kept && !column.may_cut_cells;  // a terminal breaks the line then
    if (!is_whole) column.width = std::min(column.width, limit - start);
    start += column.width + kGap;
  }
  if (shown == columns.size()) return;
  columns.resize(shown);
  columns.back().header.text += "…";
  columns.back().header.width += 1;
}

/// What a column should have at least before another one is left out for it.
int good_width(const LaidOut& column, bool is_main, int good_main_width) {
  if (!column.may_cut_cells) return column.width;
  const int good = column.is_tree ? kGoodTreeWidth : is_main ? good_main_width : kGoodTextWidth;
  return std::min(column.width, std::max(column.header.width, good));
}

/// The widest text (a command line, a detail), without which the rest says little; null where there is none to speak
/// of.
const LaidOut* main_text(const std::vector<LaidOut>& columns) {
  const LaidOut* main = nullptr;
  for (const LaidOut& column : columns) {
    const bool is_text = column.may_cut_cells && !column.is_tree && column.cells_width > kGoodMainWidth;
    if (is_text && (main == nullptr || column.width >= main->width)) main = &column;
  }
  return main;
}

/// Leaves out columns by their rank, up to `highest`, until the others have a good width. Gives whether it did.
bool leave_out(std::vector<LaidOut>& columns, int limit, Rank highest, int good_main_width) {
  bool left_out = false;
  while (columns.size() > 1) {
    const LaidOut* main = main_text(columns);
    int line_width = kGap * (static_cast<int>(columns.size()) - 1);
    for (const LaidOut& column : columns) line_width += good_width(column, &column == main, good_main_width);
    if (line_width + (left_out ? 1 : 0) <= limit) break;
    auto victim = columns.end();
    for (auto column = columns.begin(); column != columns.end(); ++column) {
      if (column->rank > highest || &*column == main) continue;
      if (victim == columns.end() || column->rank <= victim->rank) victim = column;
    }
    if (victim == columns.end()) break;
    columns.erase(victim);
    left_out = true;
  }
  return left_out;
}

void leave_out(std::vector<LaidOut>& columns, int limit) {
  // What is of use for the next question only gives way to a text that can be read.
  const int readable_width = std::clamp((limit - 40) / 2, kGoodMainWidth, 60);
  const bool ids_left_out = leave_out(columns, limit, Rank::Id, readable_width);
  const bool more_left_out = leave_out(columns, limit - (ids_left_out ? 1 : 0), Rank::Essential, kGoodMainWidth);
  if (!ids_left_out && !more_left_out) return;
  LaidOut& last = columns.back();  // its header says that there is more
  last.header.text += "…";
  last.header.width += 1;
  last.width = std::max(last.width, last.header.width);
}

void fit(std::vector<LaidOut>& columns, int limit) {
  leave_out(columns, limit);
  narrow(columns, limit, least_width_under_header);
  narrow(columns, limit, least_width);
  cut_at_edge(columns, limit);
}

/// Builds one line. Blanks wait until something follows them, so that none ends the line.
class Line {
 public:
  void add(const LaidOut& column, const Cell& cell, const char* style) {
    const bool fits = cell.width <= column.width;
    const std::string text = fits ? cell.text : cut_to_width(cell.text, column.width);
    const int padding = column.width - (fits ? cell.width : display_width(text));
    if (column.flush_right) blanks_ += padding;
    if (!text.empty()) {
      text_.append(static_cast<std::size_t>(blanks_), ' ');
      blanks_ = 0;
      if (style != nullptr) text_ += style;
      text_ += text;
      if (style != nullptr) text_ += kPlain;
    }
    if (!column.flush_right) blanks_ += padding;
    blanks_ += kGap;
  }

  void end(std::ostream& out) {
    text_ += '\n';
    out << text_;
    text_.clear();
    blanks_ = 0;
  }

 private:
  std::string text_;
  int blanks_ = 0;
};

class TableRenderer final : public Renderer {
 public:
  TableRenderer(int width, bool color) : width_(width), color_(color) {}

  void render(const RowSet& row_set, std::ostream& out) override {
    if (row_set.rows.empty()) return;
    std::vector<LaidOut> columns = lay_out(row_set);
    if (width_ > 0) fit(columns, width_);
    Line line;
    for (const LaidOut& column : columns) line.add(column, column.header, color_ ? kBold : nullptr);
    line.end(out);
    for (std::size_t row = 0; row < row_set.rows.size() && out; ++row) {
      for (const LaidOut& column : columns) {
        const Cell& cell = column.cells[row];
        line.add(column, cell, color_ && cell.unknown ? kDim : nullptr);
      }
      line.end(out);
    }
  }

 private:
  int width_;
  bool color_;
};

}  // namespace

std::unique_ptr<Renderer> make_table_renderer(int width, bool color) {
  return std::make_unique<TableRenderer>(width, color);
}

}  // namespace galproc
