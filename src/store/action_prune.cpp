#include "store/action_prune.h"

#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "store/ledger_tables.h"
#include "store/statement.h"

namespace galproc {

namespace {

/// Actions with rows that were chained from ?1 on.
constexpr const char* kLoggedLater =
    "WITH later AS MATERIALIZED (SELECT table_name, row_id FROM ledger WHERE seq >= ?1)"
    " SELECT row_id FROM later WHERE table_name IN ('action', 'action_outcome', 'action_prune')"
    " UNION SELECT a.action_id FROM later AS l CROSS JOIN attempt AS a ON a.attempt_id = l.row_id"
    "   WHERE l.table_name IN ('attempt', 'attempt_outcome')"
    " UNION SELECT v.action_id FROM later AS l CROSS JOIN service AS v ON v.service_id = l.row_id"
    "   WHERE l.table_name = 'service'";

std::int64_t highest_of_pruned(SQLite::Database& database, const char* column) {
  return Prepared(database, std::string("SELECT max(") + column + ") FROM action_prune").number().value_or(0);
}

}  // namespace

ActionPrunePlan plan_action_prune(SQLite::Database& database, std::int64_t before_us,
                                  const std::unordered_set<std::int64_t>& in_use) {
  ActionPrunePlan plan;
  plan.before_us = before_us;
  const auto first_kept = Prepared(database, "SELECT min(action_id) FROM action WHERE at_us >= ?").number(before_us);
  std::unordered_set<std::int64_t> stay = in_use;
  if (first_kept) {
    plan.cut_seq =
        Prepared(database, "SELECT seq FROM ledger WHERE table_name = 'action' AND row_id = ?").number(*first_kept);
    if (!plan.cut_seq) throw SQLite::Exception("an action is not in the ledger", SQLITE_CORRUPT);
    Prepared(database, kLoggedLater)
        .rows([&](SQLite::Statement& row) { stay.insert(row.getColumn(0).getInt64()); }, *plan.cut_seq);
  }
  Prepared attempts(database, "SELECT count(*) FROM attempt WHERE action_id = ?");
  Prepared(database,
           "SELECT action_id, at_us FROM action AS a WHERE action_id < coalesce(?, 9223372036854775807)"
           " AND NOT EXISTS (SELECT 1 FROM action_prune AS p WHERE p.action_id = a.action_id) ORDER BY action_id")
      .rows(
          [&](SQLite::Statement& row) {
            const std::int64_t action_id = row.getColumn(0).getInt64();
            if (stay.contains(action_id)) return;
            if (plan.action_ids.empty()) plan.from_us = row.getColumn(1).getInt64();
            plan.from_us = std::min(plan.from_us, row.getColumn(1).getInt64());
            plan.attempt_count += attempts.number(action_id).value_or(0);
            plan.action_ids.push_back(action_id);
          },
          first_kept);
  return plan;
}

void prune_actions(SQLite::Database& database, Ledger& ledger, const ActionPrunePlan& plan, std::int64_t action_id) {
  std::int64_t last_attempt_id = highest_of_pruned(database, "last_attempt_id");
  std::int64_t last_service_id = highest_of_pruned(database, "last_service_id");
  Prepared newest_attempt(database, "SELECT max(attempt_id) FROM attempt WHERE action_id = ?");
  Prepared newest_service(database, "SELECT max(service_id) FROM service WHERE action_id = ?");
  for (const std::int64_t gone : plan.action_ids) {
    last_attempt_id = std::max(last_attempt_id, newest_attempt.number(gone).value_or(0));
    last_service_id = std::max(last_service_id, newest_service.number(gone).value_or(0));
  }
  Prepared(database,
           "INSERT INTO action_prune (action_id, before_us, from_us, before_action_id, action_count, attempt_count,"
           " last_attempt_id, last_service_id, before_seq, cut_hash)"
           " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, seq, prev_hash FROM ledger WHERE seq = ?9")
      .run(action_id, plan.before_us, plan.from_us, plan.action_ids.back() + 1,
           static_cast<std::int64_t>(plan.action_ids.size()), plan.attempt_count, last_attempt_id, last_service_id,
           plan.cut_seq);
  ledger.append("action_prune", action_id);

  std::vector<Prepared> deletes;
  for (const char* sql :
       {"DELETE FROM attempt_outcome WHERE attempt_id IN (SELECT attempt_id FROM attempt WHERE action_id = ?)",
        "DELETE FROM attempt WHERE action_id = ?", "DELETE FROM service WHERE action_id = ?",
        "DELETE FROM action_outcome WHERE action_id = ?", "DELETE FROM action WHERE action_id = ?"}) {
    deletes.emplace_back(database, sql);
  }
  for (const std::int64_t gone : plan.action_ids) {
    for (Prepared& statement : deletes) statement.run(gone);
  }

  std::vector<std::pair<std::string, std::int64_t>> cut_off;
  Prepared(database, "SELECT table_name, row_id FROM ledger WHERE seq < ? ORDER BY seq")
      .rows(
          [&](SQLite::Statement& row) {
            cut_off.emplace_back(row.getColumn(0).getString(), row.getColumn(1).getInt64());
          },
          plan.cut_seq);
  Prepared(database, "DELETE FROM ledger WHERE seq < ?").run(plan.cut_seq);
  std::map<std::string, Prepared> kept_rows;
  for (const auto& [table, row_id] : cut_off) {
    const ChainedTable* chained = chained_table(table);
    if (!chained)
      throw SQLite::Exception("the ledger names the table " + table + ", which is not chained", SQLITE_CORRUPT);
    Prepared& kept = kept_rows.try_emplace(table, database, select_chained(*chained)).first->second;
    if (kept.number(row_id)) ledger.append(table, row_id);
  }
}

}  // namespace galproc
