#pragma once

// The named queries: files of SQL whose header says what they answer, what they ask for and what they give. Those of
// queries/ are compiled in; `--queries-dir` adds more. A file is comments, then one statement:
//
//   -- name: port-holder
//   -- summary: who held a port at a moment
//   -- why: one or two lines; a line with three or more blanks after its dashes
//   --      continues the one before
//   -- example: galproc query port-holder --port 8080 --at 03:12
//   -- param: port integer required: TCP or UDP port number
//   -- param: by text of cpu|memory default cpu: what to order by
//   -- param: every duration: length of a bucket (not required, no default: NULL)
//   -- require: pid | upid
//   -- column: port integer: local port
//   -- tree: name
//   SELECT ...
//
// name, summary and a column for each one of the statement are needed, the rest is as the query wants. In SQL a
// parameter is `:name`, a hyphen being an underscore there. Parameters named at, since and until mean the same in
// every query: instants, `at` with the default `latest` (bound as NULL), `until` with the default `now`; a default of
// `since` is a length that counts back from `until`, and without one it is NULL, all that is recorded. So do `from` and
// `to`, two moments that are compared: `to` has the default `latest`, and that of `from` counts back from it. A
// `window` lies on both sides of `at`, or of the moment of an `action`. A `path` is made a whole one. One named limit
// is bound to the number of rows that are wanted (run_query does that).

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/rows.h"

namespace galproc {

enum class ParamType { Instant, Duration, Size, Integer, Text, Flag };

/// The word of the header: instant, duration, size, integer, text, flag.
const char* to_text(ParamType type);

struct QueryParam {
  std::string name;  ///< as after `--`: lower-case words with hyphens
  ParamType type = ParamType::Text;
  /// Allowed values of a text, in the header's order; empty: any.
  std::vector<std::string> choices;
  /// In the words that a user would type; empty: NULL is bound.
  std::optional<std::string> default_text;
  bool required = false;
  std::string help;
};

enum class ColumnKind { Integer, Real, Text, Bytes, Percent, DurationUs, InstantUs, Instant };

/// The word of the header: integer, real, text, bytes, percent, duration_us, instant_us, instant.
const char* to_text(ColumnKind kind);
Unit unit_of(ColumnKind kind);

struct QueryColumn {
  std::string name;
  ColumnKind kind = ColumnKind::Text;
  std::string help;
};

struct NamedQuery {
  std::string name;
  std::string summary;
  std::string why;
  std::vector<std::string> examples;
  std::vector<QueryParam> params;
  /// At least one of these parameters must be given; empty: none need be.
  std::vector<std::string> requires_one_of;
  std::vector<QueryColumn> columns;
  /// The column that a table draws as a tree; the query then has a column `depth`.
  std::optional<std::string> tree_column;
  std::string sql;     ///< the statement, without header and without a closing semicolon
  std::string source;  ///< "built in", or the path of the file

  const QueryParam* find_param(std::string_view param) const;
};

/// The name under which a parameter is bound: `:` and its name, hyphens as underscores.
std::string sql_name(const QueryParam& param);

/// Reads one query file. `expected_name` is the file's name without `.sql`, `source` names it in messages.
/// Throws Error (exit 1) with `source:line` and what is wrong there: unknown key or type, something missing or given
/// twice, a name that is not the file's, no statement or two. What needs tables is for check_query.
NamedQuery parse_query(std::string_view text, const std::string& expected_name, const std::string& source);

class QueryCatalogue {
 public:
  /// Those compiled in. Throws as parse_query.
  static QueryCatalogue built_in();

  /// Adds every `*.sql` of a folder; a name that is there already is replaced. Nothing is added when one is bad.
  /// Throws UsageError for a path that is not a readable folder, Error as parse_query.
  void add_folder(const std::filesystem::path& folder);

  /// Null for an unknown name. Valid until the catalogue changes.
  const NamedQuery* find(std::string_view name) const;

  /// In the order of their names.
  const std::vector<NamedQuery>& all() const { return queries_; }

 private:
  void put(NamedQuery query);

  std::vector<NamedQuery> queries_;
};

}  // namespace galproc
