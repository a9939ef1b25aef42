#include <fmt/format.h>

#include <map>
#include <memory>
#include <vector>

#include "model/time_words.h"
#include "store/database.h"
#include "store/ledger.h"
#include "store/ledger_tables.h"

namespace galproc {

namespace {

/// One row of the ledger.
struct Link {
  std::int64_t seq = 0;
  std::int64_t format = 0;
  std::string table;
  std::int64_t row_id = 0;
  std::string hash;
  std::string prev_hash;
};

class Walk {
 public:
  Walk(SQLite::Database& database, const std::optional<std::string>& head) : database_(database), head_(head) {}

  LedgerReport run() {
    if (!has_its_tables()) return report_;
    const auto start = ledger_start(database_);
    if (!start) {
      fail(std::nullopt, "The row of origin, which the ledger begins with, is gone.");
      return report_;
    }
    report_.head = *start;
    SQLite::Statement cuts(database_, "SELECT before_seq, cut_hash FROM action_prune ORDER BY action_id DESC LIMIT 1");
    if (cuts.executeStep()) {
      first_seq_ = cuts.getColumn(0).getInt64();
      report_.head = cuts.getColumn(1).getString();
    }
    found_ = !head_ || *head_ == report_.head;
    if (follow_chain() && find_cut_tail("ledger", "seq") && find_unchained() && find_head()) is_read_as_made();
    return report_;
  }

 private:
  bool fail(std::optional<std::int64_t> seq, const std::string& problem) {
    report_.holds = false;
    report_.first_bad_seq = seq;
    report_.problem = problem;
    return false;
  }

  bool has_its_tables() {
    SQLite::Statement there(database_, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?");
    std::vector<std::string> names{"ledger", "origin"};
    for (const ChainedTable& table : kFormat1) names.push_back(table.name);
    for (const std::string& name : names) {
      there.reset();
      there.bind(1, name);
      if (!there.executeStep()) return fail(std::nullopt, fmt::format("The table {} is gone.", name));
    }
    return true;
  }

  /// The rows are read through views and names of signals, which are in no chain: they have to be those that this
  /// galproc makes, and so have the triggers.
  bool is_read_as_made() {
    SQLite::Database made(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    migrate(made);
    return has_all_of(made,
                      "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('view', 'trigger') ORDER BY type, name",
                      "SELECT 1 FROM sqlite_schema WHERE type = ? AND name = ? AND sql = ?",
                      "The {} {} is gone, or is not the one that this galproc made.") &&
           has_all_of(made, "SELECT number, name FROM signal_name ORDER BY number",
                      "SELECT 1 FROM signal_name WHERE number = CAST(? AS INTEGER) AND name = ?",
                      "The signal {} is not called {} any more in signal_name.");
  }
  /// Whether all that `select` finds in `made` is there too.
  bool has_all_of(SQLite::Database& made, const char* select, const char* same, const char* sentence) {
    SQLite::Statement rows(made, select), there(database_, same);
    while (rows.executeStep()) {
      there.reset();
      for (int i = 0; i < rows.getColumnCount(); ++i) there.bind(i + 1, rows.getColumn(i).getString());
      if (there.executeStep()) continue;
      return fail(std::nullopt,
                  fmt::format(fmt::runtime(sentence), rows.getColumn(0).getString(), rows.getColumn(1).getString()));
    }
    return true;
  }

  bool follow_chain() {
    SQLite::Statement rows(database_,
                           "SELECT seq, format, table_name, row_id, hash, prev_hash FROM ledger ORDER BY seq");
    while (rows.executeStep()) {
      const Link link{rows.getColumn(0).getInt64(), rows.getColumn(1).getInt64(),  rows.getColumn(2).getString(),
                      rows.getColumn(3).getInt64(), rows.getColumn(4).getString(), rows.getColumn(5).getString()};
      if (!check(link)) return false;
      ++report_.length;
      report_.head = link.hash;
      found_ = found_ || link.hash == *head_;
    }
    return true;
  }

  bool check(const Link& link) {
    if (first_seq_ && report_.length == 0 && link.seq != *first_seq_) {
      return fail(link.seq, fmt::format("The ledger begins with row {}, and not with row {}, at which it was cut.",
                                        link.seq, *first_seq_));
    }
    if (link.prev_hash != report_.head) {
      return fail(link.seq,
                  fmt::format("Row {} of the ledger does not follow the one before it: a row between them was "
                              "taken out or put in, or one of both was changed.",
                              link.seq));
    }
    const ChainedTable* table = chained_table(link.table);
    if (!table || link.format != kLedgerFormat) {
      return fail(link.seq, fmt::format("Row {} of the ledger names the table {} in format {}, which this galproc does "
                                        "not chain.",
                                        link.seq, link.table, link.format));
    }
    std::unique_ptr<SQLite::Statement>& row = rows_[link.table];
    if (!row) row = std::make_unique<SQLite::Statement>(database_, select_chained(*table));
    row->reset();
    row->bind(1, link.row_id);
    if (!row->executeStep()) {
      return fail(link.seq, fmt::format("The row {} of {}, which row {} of the ledger stands for, is gone.",
                                        link.row_id, link.table, link.seq));
    }
    if (ledger_hash(link.prev_hash, link.table, link.row_id, *row) != link.hash) {
      return fail(link.seq,
                  fmt::format("The row {} of {} does not fit its hash in row {} of the ledger: one of both was "
                              "changed after it was logged.",
                              link.row_id, link.table, link.seq));
    }
    return true;
  }

  /// SQLite remembers the highest number that it ever gave: rows above the newest were there.
  bool find_cut_tail(const std::string& table, const std::string& key) {
    const bool was_cut = table == "attempt" || table == "service";
    SQLite::Statement given(
        database_, fmt::format("SELECT seq, max((SELECT coalesce(max({1}), 0) FROM {0}), (SELECT coalesce(max({2}), 0)"
                               " FROM action_prune)) FROM sqlite_sequence WHERE name = ?",
                               table, key, was_cut ? "last_" + key : "0"));
    given.bind(1, table);
    if (!given.executeStep()) return true;
    const std::int64_t highest = given.getColumn(0).getInt64();
    const std::int64_t newest = given.getColumn(1).getInt64();
    if (highest <= newest) return true;
    return fail(table == "ledger" ? std::optional(newest + 1) : std::nullopt,
                fmt::format("The newest rows of {} are gone: it ends at {}, and had come to {}.",
                            table == "ledger" ? "the ledger" : table, newest, highest));
  }

  bool find_unchained() {
    for (const ChainedTable& table : kFormat1) {
      SQLite::Statement rows(database_, fmt::format("SELECT min({1}) FROM {0} WHERE NOT EXISTS (SELECT 1 FROM ledger"
                                                    " WHERE table_name = '{0}' AND row_id = {0}.{1})",
                                                    table.name, table.key));
      if (rows.executeStep() && !rows.getColumn(0).isNull()) {
        return fail(
            std::nullopt,
            fmt::format("The row {} of {} is not in the ledger: it was put in by hand, or its row of the ledger "
                        "was taken out.",
                        rows.getColumn(0).getInt64(), table.name));
      }
    }
    for (const ChainedTable& table : kFormat1) {
      if (!find_cut_tail(table.name, table.key)) return false;
    }
    return true;
  }

  bool find_head() {
    if (found_) return true;
    return fail(std::nullopt,
                fmt::format("The hash {} is not in the ledger: rows that were there when it was noted are gone, or "
                            "all of it was written anew, or it is another file's{}.",
                            *head_, first_seq_ ? ", or it is older than what `galproc db prune` cut off" : ""));
  }

  SQLite::Database& database_;
  std::optional<std::string> head_;
  bool found_ = true;
  std::optional<std::int64_t> first_seq_;  ///< where the ledger was cut; empty: it was not
  std::map<std::string, std::unique_ptr<SQLite::Statement>> rows_;
  LedgerReport report_;
};

}  // namespace

LedgerReport verify_ledger(SQLite::Database& database, const std::optional<std::string>& head) {
  SQLite::Transaction reading(database);  // a recorder and other commands may write meanwhile
  LedgerReport report = Walk(database, head).run();
  return report;
}

std::vector<std::string> cuts_of_ledger(SQLite::Database& database) {
  std::vector<std::string> cuts;
  Prepared(database,
           "SELECT p.before_us, a.at_us, a.user, p.action_id, p.before_seq, p.cut_hash, p.action_count"
           " FROM action_prune AS p JOIN action AS a USING (action_id) ORDER BY p.action_id")
      .rows([&](SQLite::Statement& row) {
        cuts.push_back(fmt::format(
            "On {} {} had what was logged before {} deleted (action {}, which took {}): the ledger was cut before row "
            "{}, at "
            "the hash {}.",
            format_instant(row.getColumn(1).getInt64()), optional_text(row.getColumn(2)).value_or("somebody"),
            format_instant(row.getColumn(0).getInt64()), row.getColumn(3).getInt64(), row.getColumn(6).getInt64(),
            row.getColumn(4).getInt64(), row.getColumn(5).getString()));
      });
  return cuts;
}

}  // namespace galproc
