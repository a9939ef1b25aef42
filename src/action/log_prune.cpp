#include "action/log_prune.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "action/log_file.h"
#include "action/log_rows.h"
#include "model/errors.h"
#include "store/ledger.h"
#include "store/service_rows.h"
#include "store/statement.h"

namespace galproc {

std::unordered_set<std::int64_t> actions_in_use(SQLite::Database& database, const HostReading& host,
                                                const ProcessPass& pass) {
  std::unordered_set<std::int64_t> in_use;
  std::unordered_set<ProcessKey, ProcessKeyHash> living;
  for (const ProcessReading& process : pass.processes) living.insert(process.key);
  Prepared(database,
           "SELECT action_id, actor_pid, actor_start_token FROM action AS a"
           " WHERE NOT EXISTS (SELECT 1 FROM action_outcome AS o WHERE o.action_id = a.action_id)")
      .rows([&](SQLite::Statement& row) {
        const ProcessKey actor{row.getColumn(1).getInt64(), row.getColumn(2).getInt64()};
        if (living.contains(actor)) in_use.insert(row.getColumn(0).getInt64());
      });
  std::vector<std::string> names;
  Prepared(database, "SELECT DISTINCT name FROM service").rows([&](SQLite::Statement& row) {
    names.push_back(row.getColumn(0).getString());
  });
  Prepared starter(database, "SELECT action_id FROM service WHERE service_id = ?");
  for (const std::string& name : names) {
    for (const LoggedService& service : services_named(database, host, name)) {
      if (!living_members(pass, service).empty()) in_use.insert(starter.number(service.service_id).value());
    }
  }
  return in_use;
}

ActionPrunePlan plan_log_prune(SQLite::Database& database, Platform& platform, std::int64_t before_us) {
  return plan_action_prune(database, before_us, actions_in_use(database, platform.host(), platform.read_processes()));
}

ActionPrunePlan prune_log(Platform& platform, const std::filesystem::path& path, const Redactor& redactor,
                          std::int64_t before_us) {
  LogFile file(platform, path, redactor);
  const HostReading host = platform.host();
  const ProcessPass pass = platform.read_processes();
  std::unordered_set<std::int64_t> in_use;
  file.log().ask([&](SQLite::Database& database) {
    const LedgerReport report = verify_ledger(database);
    if (!report.holds) {
      throw Error(ExitCode::Failed,
                  "The ledger of " + path.string() + " does not hold, so nothing of it is deleted: " + report.problem);
    }
    in_use = actions_in_use(database, host, pass);
  });
  ActionPrunePlan plan;
  file.commit([&](ActionWriter& writer) {
    const Clocks now = platform.clocks();
    const std::int64_t boot_id = writer.processes().boot_id_of(host);
    const std::int64_t action_id =
        LogRows(writer, redactor, now, boot_id, pass).add_action("prune", platform.caller(), std::nullopt);
    plan = writer.prune_actions(action_id, before_us, in_use);
    writer.add_action_outcome(action_id, now.wall_us, static_cast<int>(ExitCode::Done));
  });
  return plan;
}

}  // namespace galproc
