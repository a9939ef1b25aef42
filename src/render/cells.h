#pragma once

// What the formats share: how a value reads to a person, and which columns are worth a person's time.

#include <cstddef>
#include <string>
#include <vector>

#include "model/rows.h"

namespace galproc {

/// NULL, or a REAL that no format can write as a number (infinity: SQLite stores it, JSON has no word for it). A list
/// of nothing counts for eyes, which see no difference.
bool is_unknown(const Value& value);

/// A text, a list's too; null for anything else.
const std::string* text_of(const Value& value);

/// The shortest digits that read back as the same number, always with a point or an exponent, so that the reader
/// of a whole column meets one type. REQUIRES: finite.
std::string round_trip_text(double number);

/// A value as people read it: units in words, times to the millisecond, `-` for unknown; control characters and
/// bidirectional marks are escaped. A value that does not have the type of its unit (SQLite does not hold a query
/// to one) is shown plainly.
std::string display_text(const Value& value, Unit unit);

/// Whether a column is set flush right: it has a number, and nothing but numbers and unknowns. Instants are flush
/// left, being texts to the eye.
bool is_number_column(const RowSet& row_set, std::size_t column);

/// The columns to show to people, in order: all but an instant in microseconds (`started_us`, `at_us`) whose text
/// (`started_at`, `at`) is also there: the same instant twice.
std::vector<std::size_t> readable_columns(const RowSet& row_set);

}  // namespace galproc
