#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace galproc {

/// A statement that is prepared once and run often. Parameters are bound by position from 1; an empty optional is NULL.
class Prepared {
 public:
  Prepared(SQLite::Database& database, std::string_view sql) : statement_(database, std::string(sql)) {}

  /// Runs a statement that gives no rows; gives the number of rows that it changed.
  template <typename... Values>
  int run(const Values&... values) {
    const Use use(statement_);
    bind_all(values...);
    return statement_.exec();
  }

  /// Runs it and calls `each(statement)` for every row.
  template <typename Each, typename... Values>
  void rows(Each each, const Values&... values) {
    const Use use(statement_);
    bind_all(values...);
    while (statement_.executeStep()) each(statement_);
  }

  /// The first column of the first row, empty where there is none or it is NULL.
  template <typename... Values>
  std::optional<std::int64_t> number(const Values&... values) {
    std::optional<std::int64_t> result;
    const Use use(statement_);
    bind_all(values...);
    if (statement_.executeStep() && !statement_.getColumn(0).isNull()) result = statement_.getColumn(0).getInt64();
    return result;
  }

 private:
  /// A statement that was left half-way, by an exception too, would hold its transaction open.
  struct Use {
    explicit Use(SQLite::Statement& used) : statement(used) {}
    ~Use() { statement.tryReset(); }
    SQLite::Statement& statement;
  };

  template <typename... Values>
  void bind_all(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
  }
  void bind(int index, std::int64_t value) { statement_.bind(index, value); }
  void bind(int index, int value) { statement_.bind(index, value); }
  void bind(int index, bool value) { statement_.bind(index, value ? 1 : 0); }
  void bind(int index, double value) { statement_.bind(index, value); }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  void bind(int index, Enum value) { statement_.bind(index, static_cast<std::int64_t>(value)); }
  /// Not copied: every caller's text outlives the call.
  void bind(int index, const std::string& value) { statement_.bindNoCopy(index, value); }
  void bind(int index, const char* value) { statement_.bindNoCopy(index, value); }
  template <typename T>
  void bind(int index, const std::optional<T>& value) {
    if (value) {
      bind(index, *value);
    } else {
      statement_.bind(index);
    }
  }

  SQLite::Statement statement_;
};

inline std::optional<std::int64_t> optional_number(const SQLite::Column& column) {
  return column.isNull() ? std::nullopt : std::optional(column.getInt64());
}
inline std::optional<std::string> optional_text(const SQLite::Column& column) {
  return column.isNull() ? std::nullopt : std::optional(column.getString());
}

}  // namespace galproc
