#pragma once

#include "store/action_log.h"
#include "store/ledger.h"

namespace galproc {

/// The rows of the action log on one connection: cleaned, redacted, stored and chained. REQUIRES for everything that
/// adds: a BEGIN IMMEDIATE transaction is open. Throws SQLite::Exception.
class ActionRows : public ActionWriter {
 public:
  /// REQUIRES: both outlive this object.
  ActionRows(SQLite::Database& database, const Redactor& redactor);

  std::int64_t add_action(const ActionEntry& action) override;
  std::int64_t add_attempt(const AttemptEntry& attempt) override;
  void add_outcome(const OutcomeEntry& outcome) override;
  void add_action_outcome(std::int64_t action_id, std::int64_t at_us, int exit_code) override;
  std::int64_t add_service(const ServiceEntry& service) override;
  ActionPrunePlan prune_actions(std::int64_t action_id, std::int64_t before_us,
                                const std::unordered_set<std::int64_t>& in_use) override;
  std::string ledger_head() override { return ledger_.head(); }
  ProcessStore& processes() override { return processes_; }

 private:
  std::string words(const std::vector<std::string>& arguments) const;
  std::optional<std::string> talk(const std::optional<std::string>& text) const;
  std::int64_t chained(const char* table, std::optional<std::int64_t> row_id);

  SQLite::Database& database_;
  const Redactor& redactor_;
  ProcessStore processes_;
  Ledger ledger_;
  Prepared insert_action_, insert_attempt_, insert_outcome_, insert_action_outcome_, insert_service_;
};

}  // namespace galproc
