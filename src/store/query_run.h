#pragma once

// Statements that only read, from the catalogue or from the user. Every function fetches all rows and finalises the
// statement before it returns: a read transaction that outlives the reading keeps the WAL growing.

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/rows.h"
#include "store/query_catalogue.h"

namespace galproc {

/// By the declared name (`max-cpu`, not `:max_cpu`): instants and durations as integer microseconds, sizes as bytes,
/// flags as 0 or 1. A parameter that is not here is NULL; `since`, `until` and `at` get no default here either.
using QueryBindings = std::map<std::string, Value>;

/// Holds a query's header against its statement: one statement, which only reads; columns and parameters those that
/// are declared, columns in that order. Throws Error (exit 1) naming the query's source.
void check_query(SQLite::Database& database, const NamedQuery& query);

/// Runs a named query. At most `limit` rows; `more`, where given, then says whether there were others. A query that
/// declares a parameter `limit` gets the limit bound too, so that it can leave out work. Units come from
/// the declared kinds. Throws UsageError for a binding that the query does not declare, a required parameter that is
/// missing and a value that is none of the allowed; Error as check_query; SQLite::Exception when the file fails.
RowSet run_query(SQLite::Database& database, const NamedQuery& query, const QueryBindings& bindings,
                 std::optional<std::size_t> limit = std::nullopt, bool* more = nullptr);

/// Throws UsageError for a value that is none of a parameter's choices, which run_query does too: for whoever wants to
/// know before a database is opened.
void check_choices(const NamedQuery& query, const QueryBindings& bindings);

/// Runs a user's own statement. Units are taken from the columns' names (`_bytes`, `_pct`, `at`, `_at`); a BLOB is
/// given as hex text. Throws UsageError for what SQLite cannot make sense of, for several statements and for
/// parameters; Error (exit 4) for a statement that does anything but read; SQLite::Exception when the file fails.
RowSet run_sql(SQLite::Database& database, std::string_view sql, std::optional<std::size_t> limit = std::nullopt,
               bool* more = nullptr);

/// SQLite's plan for a named query: columns depth, step; drawn as a tree. Throws as run_query, but nothing has to be
/// bound: the plan is the same for all values.
RowSet explain_query(SQLite::Database& database, const NamedQuery& query);

/// The same for a user's own statement. Throws as run_sql.
RowSet explain_sql(SQLite::Database& database, std::string_view sql);

}  // namespace galproc
