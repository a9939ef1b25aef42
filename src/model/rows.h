#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace galproc {

/// One plain value. `monostate` is SQL's NULL: unknown, never 0 and never "".
using Scalar = std::variant<std::monostate, std::int64_t, double, std::string>;

/// Several things in one cell: JSON writes them as an array of objects with these keys, whatever is made for eyes shows
/// the text; "" where there are none.
struct List {
  using Item = std::vector<std::pair<std::string, Scalar>>;
  std::string text;
  std::vector<Item> items;
};

/// One cell. A list is never null and comes from no statement.
using Value = std::variant<std::monostate, std::int64_t, double, std::string, std::shared_ptr<const List>>;

/// What the numbers or texts of a column mean, so that a table can show them as people write them.
/// JSON, CSV and the like always carry the raw value.
enum class Unit {
  None,
  Bytes,       ///< a size
  Percent,     ///< a REAL, shown with one decimal
  DurationUs,  ///< a length in microseconds
  InstantUs,   ///< microseconds since the Unix epoch, UTC
  InstantText  ///< the same instant as ISO-8601 text, UTC, microseconds, `Z`
};

struct Column {
  std::string name;
  Unit unit = Unit::None;
};

/// The whole answer of a statement. Every row has exactly as many values as there are columns.
struct RowSet {
  std::vector<Column> columns;
  std::vector<std::vector<Value>> rows;
  /// Index of the column that a table indents as a tree; the rows are then in depth-first order and a column
  /// named `depth` (integer, 0 for a root) says how deep each one is.
  std::optional<std::size_t> tree_column;
};

}  // namespace galproc
