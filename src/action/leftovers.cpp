#include "action/leftovers.h"

#include <unordered_map>

namespace galproc {

std::vector<std::string> stopped_leftovers(SQLite::Database& database, Platform& platform) {
  const HostReading host = platform.host();
  Prepared unfinished(database,
                      "SELECT a.target_pid, a.target_start_token, max(a.action_id) FROM attempt AS a"
                      " CROSS JOIN boot AS b ON b.boot_id = a.boot_id"
                      " WHERE a.method = 'forced' AND b.boot_uuid = ? AND b.pid_namespace = ?"
                      " AND a.target_start_token IS NOT NULL"
                      " AND NOT EXISTS (SELECT 1 FROM attempt_outcome AS o WHERE o.attempt_id = a.attempt_id)"
                      " GROUP BY 1, 2");
  std::unordered_map<ProcessKey, std::int64_t, ProcessKeyHash> action_of;
  unfinished.rows(
      [&](SQLite::Statement& row) {
        action_of[{row.getColumn(0).getInt64(), row.getColumn(1).getInt64()}] = row.getColumn(2).getInt64();
      },
      host.boot_uuid, host.pid_namespace);
  std::vector<std::string> sentences;
  if (action_of.empty()) return sentences;
  for (const ProcessReading& process : platform.read_processes().processes) {
    const auto action = action_of.find(process.key);
    if (action == action_of.end() || process.usage.state != ProcessState::Stopped) continue;
    const std::string pid = std::to_string(process.key.pid);
    sentences.push_back("pid " + pid + " (" + process.image->name + ") is still stopped: action " +
                        std::to_string(action->second) + " was ended half-way. Continue it with `kill -CONT " + pid +
                        "`, or end it with `galproc kill " + pid + "`.");
  }
  return sentences;
}

}  // namespace galproc
