// The statements are prepared with SQLite's own functions: SQLite::Statement neither shows what follows the first
// statement nor whether it only reads. Each is held to reading by the authorizer, which sees what
// sqlite3_stmt_readonly does not (ATTACH, a PRAGMA that sets something): a named query too, since its file is
// somebody's.

#include "store/query_run.h"

#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "model/errors.h"
#include "store/reading_only.h"

namespace galproc {

namespace {

struct Finalizer {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using StatementPtr = std::unique_ptr<sqlite3_stmt, Finalizer>;

struct FirstStatement {
  StatementPtr statement;  ///< null: the text holds no statement
  std::string_view tail;   ///< what follows it
};

/// Throws SQLite::Exception.
FirstStatement prepare(SQLite::Database& database, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const char* tail = nullptr;
  const auto size = static_cast<int>(sql.size());
  const int code = sqlite3_prepare_v2(database.getHandle(), sql.data(), size, &statement, &tail);
  if (code != SQLITE_OK) throw SQLite::Exception(database.getHandle(), code);
  return {StatementPtr(statement), sql.substr(static_cast<std::size_t>(tail - sql.data()))};
}

/// A comment or a blank is no second statement, so SQLite itself is asked.
bool holds_statement(SQLite::Database& database, std::string_view sql) {
  while (!sql.empty()) {
    const FirstStatement next = prepare(database, sql);
    if (next.statement) return true;
    if (next.tail.size() == sql.size()) return false;
    sql = next.tail;
  }
  return false;
}

Value value_of(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: return std::int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT: return sqlite3_column_double(statement, column);
    case SQLITE_NULL: return std::monostate{};
    default: break;
  }
  const bool blob = sqlite3_column_type(statement, column) == SQLITE_BLOB;
  const auto* bytes = static_cast<const unsigned char*>(sqlite3_column_blob(statement, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  if (!blob) return std::string(reinterpret_cast<const char*>(bytes), size);
  std::string text;
  text.reserve(2 * size);
  for (std::size_t i = 0; i < size; ++i) {
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

/// Throws SQLite::Exception.
RowSet fetch(SQLite::Database& database, sqlite3_stmt* statement, std::optional<std::size_t> limit, bool* more) {
  RowSet result;
  const int count = sqlite3_column_count(statement);
  for (int i = 0; i < count; ++i) result.columns.push_back({sqlite3_column_name(statement, i), Unit::None});
  if (more != nullptr) *more = false;
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    if (limit && result.rows.size() == *limit) {
      if (more != nullptr) *more = true;
      return result;
    }
    std::vector<Value>& row = result.rows.emplace_back();
    row.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) row.push_back(value_of(statement, i));
  }
  if (code != SQLITE_DONE) throw SQLite::Exception(database.getHandle(), code);
  return result;
}

/// SQLite gives each step the number of the step that it belongs to; a tree column needs depths.
RowSet plan_of(SQLite::Database& database, std::string_view sql) {
  const std::string explained = "EXPLAIN QUERY PLAN " + std::string(sql);
  const FirstStatement prepared = prepare(database, explained);
  const RowSet steps = fetch(database, prepared.statement.get(), std::nullopt, nullptr);
  RowSet plan;
  plan.columns = {{"depth", Unit::None}, {"step", Unit::None}};
  plan.tree_column = 1;
  std::map<std::int64_t, std::int64_t> depths;
  for (const std::vector<Value>& step : steps.rows) {
    const auto parent = depths.find(std::get<std::int64_t>(step[1]));
    const std::int64_t depth = parent == depths.end() ? 0 : parent->second + 1;
    depths[std::get<std::int64_t>(step[0])] = depth;
    plan.rows.push_back({depth, step[3]});
  }
  return plan;
}

// ---- Named queries

[[noreturn]] void reject(const NamedQuery& query, const std::string& what) {
  throw Error(ExitCode::Failed, "The query '" + query.name + "' (" + query.source + ") cannot be used: " + what + ".");
}

void check_columns(sqlite3_stmt* statement, const NamedQuery& query) {
  const auto count = static_cast<std::size_t>(sqlite3_column_count(statement));
  for (std::size_t i = 0; i < std::max(count, query.columns.size()); ++i) {
    const std::string real = i < count ? sqlite3_column_name(statement, static_cast<int>(i)) : "";
    const std::string declared = i < query.columns.size() ? query.columns[i].name : "";
    if (real == declared) continue;
    const std::string place = "column " + std::to_string(i + 1);
    if (declared.empty()) reject(query, place + " of its statement, '" + real + "', is not declared");
    if (real.empty()) reject(query, "it declares " + place + ", '" + declared + "', which its statement does not have");
    reject(query, place + " of its statement is '" + real + "' and declared as '" + declared + "'");
  }
}

void check_params(sqlite3_stmt* statement, const NamedQuery& query) {
  for (const QueryParam& param : query.params) {
    if (sqlite3_bind_parameter_index(statement, sql_name(param).c_str()) == 0) {
      reject(query, "its statement does not use the parameter '" + param.name + "'");
    }
  }
  for (int i = 1; i <= sqlite3_bind_parameter_count(statement); ++i) {
    const char* name = sqlite3_bind_parameter_name(statement, i);
    const std::string used = name == nullptr ? "?" : name;
    const bool declared = std::any_of(query.params.begin(), query.params.end(),
                                      [&used](const QueryParam& param) { return sql_name(param) == used; });
    if (!declared) reject(query, "its statement uses " + used + ", which is not declared");
  }
}

StatementPtr prepare_checked(SQLite::Database& database, const ReadingOnly& guard, const NamedQuery& query) {
  FirstStatement prepared;
  try {
    prepared = prepare(database, query.sql);
  } catch (const SQLite::Exception& error) {
    if (!guard.denied().empty()) reject(query, "its statement is not run, since " + guard.denied());
    if (error.getErrorCode() != SQLITE_ERROR) throw;
    reject(query, std::string("SQLite says: ") + error.what());
  }
  if (!prepared.statement) reject(query, "it holds no statement");
  // SQLite may not even parse the rest; that there is one is fault enough.
  bool second = true;
  try {
    second = holds_statement(database, prepared.tail);
  } catch (const SQLite::Exception& error) {
    if (error.getErrorCode() != SQLITE_ERROR && error.getErrorCode() != SQLITE_AUTH) throw;
  }
  if (second) reject(query, "it holds more than one statement");
  if (sqlite3_stmt_readonly(prepared.statement.get()) == 0) reject(query, "its statement writes");
  check_columns(prepared.statement.get(), query);
  check_params(prepared.statement.get(), query);
  return std::move(prepared.statement);
}

bool is_given(const QueryBindings& bindings, const std::string& name) {
  const auto found = bindings.find(name);
  return found != bindings.end() && !std::holds_alternative<std::monostate>(found->second);
}

std::string joined(const std::vector<std::string>& words, const std::string& before) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += before + words[i];
  }
  return text;
}

void check_bindings(const NamedQuery& query, const QueryBindings& bindings) {
  check_choices(query, bindings);
  for (const QueryParam& param : query.params) {
    if (param.required && !is_given(bindings, param.name)) {
      throw UsageError("The query '" + query.name + "' needs --" + param.name + " (" + param.help + ").");
    }
  }
  const auto& names = query.requires_one_of;
  const auto given = [&bindings](const std::string& name) { return is_given(bindings, name); };
  if (!names.empty() && std::none_of(names.begin(), names.end(), given)) {
    throw UsageError("The query '" + query.name + "' needs " + joined(names, "--") + ".");
  }
}

struct Binder {
  sqlite3_stmt* statement;
  int index;

  int operator()(const std::shared_ptr<const List>&) const { return SQLITE_MISUSE; }  // of answers, not of questions
  int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
  int operator()(std::int64_t number) const { return sqlite3_bind_int64(statement, index, number); }
  int operator()(double number) const { return sqlite3_bind_double(statement, index, number); }
  int operator()(const std::string& text) const {
    return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
};

void bind_all(SQLite::Database& database, sqlite3_stmt* statement, const NamedQuery& query,
              const QueryBindings& bindings) {
  for (const auto& [name, value] : bindings) {
    const std::string parameter = sql_name(*query.find_param(name));
    const int index = sqlite3_bind_parameter_index(statement, parameter.c_str());
    const int code = std::visit(Binder{statement, index}, value);
    if (code != SQLITE_OK) throw SQLite::Exception(database.getHandle(), code);
  }
}

// ---- Statements of the user

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

Unit unit_of_name(std::string_view name) {
  if (ends_with(name, "_bytes")) return Unit::Bytes;
  if (ends_with(name, "_pct")) return Unit::Percent;
  if (name == "at" || ends_with(name, "_at")) return Unit::InstantText;
  return Unit::None;
}

/// What SQLite says of a statement that it cannot make sense of is the user's to read; a failing file is not his doing.
template <typename Work>
auto with_user_errors(const ReadingOnly& guard, const Work& work) {
  try {
    return work();
  } catch (const SQLite::Exception& error) {
    if (!guard.denied().empty()) {
      throw Error(ExitCode::Refused, "The statement was not run, since " + guard.denied() + "; --run only reads.");
    }
    // What a view does not take is no question for the guard.
    if (std::string_view(error.what()).find("because it is a view") != std::string_view::npos) {
      throw Error(ExitCode::Refused, std::string("The statement was not run, since it would write (") + error.what() +
                                         "); --run only reads.");
    }
    switch (error.getErrorCode()) {
      case SQLITE_ERROR:
      case SQLITE_TOOBIG:
      case SQLITE_MISMATCH:
        throw UsageError(std::string("SQLite does not understand the statement: ") + error.what() + ".");
      default: throw;
    }
  }
}

FirstStatement prepare_users(SQLite::Database& database, const ReadingOnly& guard, std::string_view sql) {
  return with_user_errors(guard, [&] {
    // SQLite would take it for the end.
    if (sql.find('\0') != std::string_view::npos) throw UsageError("The statement holds a NUL byte.");
    FirstStatement prepared = prepare(database, sql);
    if (!prepared.statement) throw UsageError("There is no statement to run.");
    if (holds_statement(database, prepared.tail)) throw UsageError("--run takes one statement, and this is more.");
    if (sqlite3_stmt_readonly(prepared.statement.get()) == 0) {
      throw Error(ExitCode::Refused, "The statement was not run, since it would write; --run only reads.");
    }
    if (sqlite3_bind_parameter_count(prepared.statement.get()) > 0) {
      throw UsageError("--run takes no parameters: write the values into the statement.");
    }
    return prepared;
  });
}

}  // namespace

void check_choices(const NamedQuery& query, const QueryBindings& bindings) {
  for (const auto& [name, value] : bindings) {
    const QueryParam* param = query.find_param(name);
    if (param == nullptr) throw UsageError("The query '" + query.name + "' has no parameter --" + name + ".");
    const auto* text = std::get_if<std::string>(&value);
    const auto& choices = param->choices;
    if (text == nullptr || choices.empty()) continue;
    if (std::find(choices.begin(), choices.end(), *text) != choices.end()) continue;
    throw UsageError("'" + *text + "' is no value for --" + name + " of the query '" + query.name + "'; use " +
                     joined(choices, "") + ".");
  }
}

void check_query(SQLite::Database& database, const NamedQuery& query) {
  prepare_checked(database, ReadingOnly(database), query);
}

RowSet run_query(SQLite::Database& database, const NamedQuery& query, const QueryBindings& bindings,
                 std::optional<std::size_t> limit, bool* more) {
  QueryBindings all = bindings;
  if (limit && query.find_param("limit") != nullptr) {
    // One more than is asked for, or nobody could tell whether there were more.
    all["limit"] = static_cast<std::int64_t>(*limit) + (more == nullptr ? 0 : 1);
  }
  check_bindings(query, all);
  const ReadingOnly guard(database);
  const StatementPtr statement = prepare_checked(database, guard, query);
  bind_all(database, statement.get(), query, all);
  RowSet result = fetch(database, statement.get(), limit, more);
  for (std::size_t i = 0; i < query.columns.size(); ++i) {
    result.columns[i].unit = unit_of(query.columns[i].kind);
    if (query.columns[i].name == query.tree_column) result.tree_column = i;
  }
  return result;
}

RowSet run_sql(SQLite::Database& database, std::string_view sql, std::optional<std::size_t> limit, bool* more) {
  const ReadingOnly guard(database);
  const FirstStatement prepared = prepare_users(database, guard, sql);
  RowSet result = with_user_errors(guard, [&] { return fetch(database, prepared.statement.get(), limit, more); });
  for (Column& column : result.columns) column.unit = unit_of_name(column.name);
  return result;
}

RowSet explain_query(SQLite::Database& database, const NamedQuery& query) {
  const ReadingOnly guard(database);
  prepare_checked(database, guard, query);
  return plan_of(database, query.sql);
}

RowSet explain_sql(SQLite::Database& database, std::string_view sql) {
  const ReadingOnly guard(database);
  prepare_users(database, guard, sql);
  return with_user_errors(guard, [&] { return plan_of(database, sql); });
}

}  // namespace galproc
