#pragma once

// How the action log forgets its oldest, which nobody does but who asks for it by name. Its ledger stays a chain: a
// row of action_prune, chained like all others, says at which hash it begins from now on, and what stays of the part
// that is cut off is chained anew behind that row.

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

#include "store/ledger.h"

namespace galproc {

/// The oldest actions, as far as they go.
struct ActionPrunePlan {
  std::int64_t before_us = 0;            ///< as it was asked for
  std::vector<std::int64_t> action_ids;  ///< what goes, in the order of logging; empty: nothing does
  std::int64_t from_us = 0;              ///< instant of the oldest of them
  std::int64_t attempt_count = 0;        ///< their attempts, which go with them
  std::optional<std::int64_t> cut_seq;   ///< row of the ledger that is the first one from then on; empty: all goes
};

/// Actions that were logged before `before_us`, and before any that was not. Those in `in_use` stay, those of which a
/// row was chained after that (a late outcome, or anew, behind an earlier cut: a later cut takes them), and those that
/// asked for such a pruning themselves. Throws SQLite::Exception.
ActionPrunePlan plan_action_prune(SQLite::Database& database, std::int64_t before_us,
                                  const std::unordered_set<std::int64_t>& in_use);

/// Writes the plan down as asked for by `action_id`, and carries it out. REQUIRES: a BEGIN IMMEDIATE transaction is
/// open, in which that action was logged before the plan was made; something goes. Throws SQLite::Exception.
void prune_actions(SQLite::Database& database, Ledger& ledger, const ActionPrunePlan& plan, std::int64_t action_id);

}  // namespace galproc
