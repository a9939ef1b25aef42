#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/query_run.h"

namespace galproc {

/// The values that a query is run with, made from the words that were typed, and what there is to say about the time
/// that it looks at: what the words resolved to, and which holes of the recording lie in it.
class QueryMoment {
 public:
  /// Reads the words; needs no database, so that a slip is told of before one is opened. Throws UsageError for a value
  /// that is missing or cannot be read and for `until` before `since`. REQUIRES: `query` outlives this.
  QueryMoment(const NamedQuery& query, const std::map<std::string, std::string>& words,
              const std::set<std::string>& set_flags);

  /// What only the file can tell: without --at or --to the moment is that of the latest tick, that of --action is when
  /// it was logged, or was over.
  void find_in(SQLite::Database& database);

  const QueryBindings& bindings() const { return bindings_; }
  /// To be said before the rows: the resolved time.
  const std::vector<std::string>& before() const { return before_; }
  /// To be said after them: the answer was drawn from a gap, or its range touches some.
  std::vector<std::string> about_gaps(SQLite::Database& database) const;

 private:
  void check_given(const std::map<std::string, std::string>& words) const;
  void set_moment(std::int64_t at_us, const std::string& remark);
  void find_action(SQLite::Database& database);
  void set_window(std::int64_t at_us);
  void resolve_at(const std::map<std::string, std::string>& words);
  void resolve_pair(const std::map<std::string, std::string>& words);
  void resolve_range(const std::map<std::string, std::string>& words);
  void resolve_other(const QueryParam& param, const std::map<std::string, std::string>& words,
                     const std::set<std::string>& set_flags);
  std::vector<std::string> about_moment(SQLite::Database& database, std::int64_t at_us, const char* subject) const;
  std::vector<std::string> about_range(SQLite::Database& database) const;
  std::optional<std::int64_t> bound_number(const char* name) const;

  const NamedQuery& query_;
  std::int64_t now_us_;
  QueryBindings bindings_;
  std::vector<std::string> before_;
  std::optional<std::int64_t> at_us_;
  std::optional<std::int64_t> from_us_;  ///< the earlier of two moments, --from; at_us_ is then the later one
  bool wants_latest_ = false;
  std::optional<std::int64_t> since_us_, until_us_;
};

}  // namespace galproc
